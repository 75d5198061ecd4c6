//! Transmissions: who sends how much to whom, how often, and what that takes.

use std::f64::consts::LN_2;

use super::super::cluster::{Cluster, FixedLink};
use super::super::decision::Link;
use super::super::encoder::EqualBlocks;
use crate::ground::route::NodeId;
use crate::ground::units::{Bits, BitsPerSecond, Hertz, Joules, JoulesPerBit, Seconds, Watts};

/// Shannon rate R = w log₂(1 + p γ / w) in bit/s, on `bandwidth` w with `power` p and gain-to-noise ratio
/// `gain_hz_per_w` γ; 0 where any of them is 0.
///
/// Exact to rounding also for tiny and huge signal-to-noise ratios. Arguments must not be negative.
///
/// ```
/// use collapipe::problem::shannon_rate;
/// use collapipe::units::{Hertz, Watts};
/// assert_eq!(shannon_rate(Hertz(1e6), Watts(3.0), 1e6), 2e6); // signal-to-noise ratio 3: 2 bit per Hz
/// ```
#[must_use]
pub fn shannon_rate(bandwidth: Hertz, power: Watts, gain_hz_per_w: f64) -> f64 {
    let (w, p) = (bandwidth.0, power.0);
    if !(w > 0.0 && p > 0.0 && gain_hz_per_w > 0.0) {
        return 0.0;
    }
    let snr = p * gain_hz_per_w / w;
    // A ratio beyond the range of floats still has a logarithm.
    let nats_per_hz = if snr.is_finite() { snr.ln_1p() } else { p.ln() + gain_hz_per_w.ln() - w.ln() };
    w * (nats_per_hz / LN_2)
}

/// Size b·A of the message of a hop between equal blocks.
pub(crate) fn boundary_bits(encoder: &EqualBlocks, micro_batch: f64) -> Bits {
    encoder.boundary_bits_per_sample * micro_batch
}

/// Product in which zero wins over infinity: what is free costs nothing however long it takes.
pub(crate) fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

/// The sending side of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmitter {
    /// Z: objective units per joule.
    pub energy_price: f64,
    /// Largest transmit power.
    pub max_power: Watts,
    /// p_c.
    pub circuit_power: Watts,
    /// η.
    pub amplifier_efficiency: f64,
}

impl Transmitter {
    /// The transmitter of a node.
    pub(crate) fn of(cluster: &Cluster, node: NodeId) -> Self {
        let unit = &cluster.control_unit;
        match node.device().map(|device| cluster.devices.get(device.0)) {
            None => Self {
                energy_price: unit.energy_price,
                max_power: unit.max_power_w,
                circuit_power: unit.circuit_power_w,
                amplifier_efficiency: unit.amplifier_efficiency,
            },
            Some(Some(device)) => Self {
                energy_price: device.energy_price,
                max_power: device.max_power_w,
                circuit_power: device.circuit_power_w,
                amplifier_efficiency: device.amplifier_efficiency,
            },
            // Mains-powered: its energy is neither priced nor counted.
            Some(None) => Self {
                energy_price: 0.0,
                max_power: cluster.edge_server.max_power_w,
                circuit_power: Watts(0.0),
                amplifier_efficiency: 1.0,
            },
        }
    }

    /// p/η + p_c: power drawn while sending with transmit power p.
    pub(crate) fn drawn(&self, power: Watts) -> Watts {
        power / self.amplifier_efficiency + self.circuit_power
    }
}

/// A link of fixed rate, as one transmission meets it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wire {
    /// Rate when all of the link is the transmission's.
    pub rate: BitsPerSecond,
    /// Energy of the sender per bit.
    pub energy_per_bit: JoulesPerBit,
    /// The band of the medium of which the transmission decides its share; none where all of the link is its own.
    pub medium: Option<Hertz>,
}

impl Wire {
    /// `shared`: the band of which a hop or an upload has a share; none for what has the medium alone.
    pub(super) fn of(link: &FixedLink, shared: Option<Hertz>) -> Self {
        let medium = shared.filter(|_| link.shares_band);
        Self { rate: link.bits_per_second, energy_per_bit: link.joules_per_bit, medium }
    }

    /// Rate with a share of the medium [bit/s]; the share does not matter where there is none.
    pub fn rate(&self, share: Hertz) -> BitsPerSecond {
        match self.medium {
            Some(band) => self.rate * (share / band),
            None => self.rate,
        }
    }
}

/// Something that is sent from one node to another, always in the same way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmission {
    pub sender: NodeId,
    pub receiver: NodeId,
    /// Amount sent at a time.
    pub bits: Bits,
    /// γ [Hz/W], for a transmission by radio.
    pub gain: f64,
    /// What carries it instead of the radio.
    pub wire: Option<Wire>,
    /// By how much later it arrives; occupies nobody.
    pub latency: Seconds,
    /// What it takes besides its bits; occupies the link, and the sender where sending blocks.
    pub overhead: Seconds,
    pub transmitter: Transmitter,
    /// How often a round sends it: its energy is spent that often.
    pub uses: f64,
    /// How often its duration counts in the cluster's latency, apart from a pace.
    pub latency_uses: f64,
}

impl Transmission {
    /// Amount sent at a time, in nats.
    pub fn nats(&self) -> f64 {
        self.bits.0 * LN_2
    }

    /// What a second on air costs without the latency: circuit power, all uses together [objective units/s].
    pub fn circuit_price(&self) -> f64 {
        self.uses * self.transmitter.energy_price * self.transmitter.circuit_power.0
    }

    /// What a radiated joule of one use costs, all uses together [objective units/J].
    pub fn energy_price(&self) -> f64 {
        self.uses * self.transmitter.energy_price / self.transmitter.amplifier_efficiency
    }

    /// What a second on air costs at a price of the latency, apart from a pace [objective units/s].
    pub fn time_price(&self, latency_price: f64) -> f64 {
        self.latency_uses * latency_price + self.circuit_price()
    }

    /// What a second on air at a given power costs without the latency [objective units/s].
    pub fn drawn_price(&self, power: Watts) -> f64 {
        self.uses * self.transmitter.energy_price * self.transmitter.drawn(power).0
    }

    /// Rate on a link [bit/s].
    pub fn rate(&self, link: Link) -> f64 {
        match &self.wire {
            None => shannon_rate(link.bandwidth_hz, link.power_w, self.gain),
            Some(wire) => wire.rate(link.bandwidth_hz).0,
        }
    }

    /// Whether a decision must say how it is sent: it carries bits, over the radio or on a share of a medium.
    pub fn is_decided(&self) -> bool {
        self.bits.0 > 0.0 && self.wire.is_none_or(|wire| wire.medium.is_some())
    }

    /// Energy of the sender for one use that is on air for `time`: (p/η + p_c)·t by radio, bits·J/bit on a link of fixed
    /// rate.
    pub fn energy(&self, link: Link, time: Seconds) -> Joules {
        match &self.wire {
            None => Joules(times(self.transmitter.drawn(link.power_w).0, time.0)),
            Some(wire) => wire.energy_per_bit * self.bits,
        }
    }

    /// Time on air on a link: 0 for no bits, infinite for some bits without a rate.
    pub fn time(&self, link: Link) -> Seconds {
        if self.bits.0 > 0.0 { Seconds(self.bits.0 / self.rate(link)) } else { Seconds(0.0) }
    }
}
