//! One plan of one cluster as flat arrays: all that the search over devices, cuts and radio reads.
//!
//! Nothing here knows an optimum: times, bits, prices and limits, each in one place and with the plan's factors folded in.

use std::f64::consts::LN_2;

use super::ScheduleKind;
use crate::schedule::Sending;
use crate::solver::hop::{Hop, whole_band_efficiency};

/// How a pair of nodes sends, in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Medium {
    /// No link.
    Missing,
    /// A radio: γ, P, and the sender's prices of a second on air and of a joule radiated (per use).
    Radio { gain: f64, max_power: f64, circuit: f64, energy: f64 },
    /// A link of fixed rate with a price of a bit.
    Fixed { rate: f64, energy: f64 },
    /// A share of a medium whose whole rate this is.
    Shared { rate: f64, energy: f64 },
}

/// A directed pair of nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    pub medium: Medium,
    /// Seconds of a message that occupy the link [s].
    pub overhead: f64,
    /// Seconds by which it arrives later [s].
    pub latency: f64,
    /// For how long a bit keeps the sender busy before it goes out [s/bit].
    pub staging: f64,
}

/// A cluster under a plan. Nodes: 0 control unit, 1..=K devices, K+1 edge server.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub kind: ScheduleKind,
    /// Whom hops occupy. On a medium that they take in turns each has the whole band.
    pub sending: Sending,
    /// M.
    pub micro_batches: u32,
    /// I.
    pub iterations: f64,
    pub devices: usize,
    pub blocks: usize,
    /// Devices in index order.
    pub given: bool,
    /// Every device takes part.
    pub all: bool,
    /// Stage times of embedding and decoder, forward and backward [s]; `None` where there is none.
    pub ends: [Option<[f64; 2]>; 2],
    pub fixed_seconds: f64,
    /// Per device: overhead of a stage [s].
    pub stage_overhead: Vec<f64>,
    /// Per phase, device and cut: time of all blocks before the cut [s].
    pub time_before: [Vec<f64>; 2],
    /// Per device and cut: price of the energy that computing all blocks before the cut takes in a round.
    pub energy_before: Vec<f64>,
    /// Per cut: parameters of all blocks before it [bit].
    pub parameters_before: Vec<f64>,
    /// Per cut: what all blocks before it keep resident, and what a micro-batch in flight adds [byte].
    pub resident_before: Vec<f64>,
    pub activation_before: Vec<f64>,
    pub memory: Vec<f64>,
    pub min_blocks: Vec<usize>,
    pub max_blocks: Vec<usize>,
    /// Per cut: what a micro-batch sends over it [bit].
    pub boundary: Vec<f64>,
    /// W [Hz].
    pub band: f64,
    /// By sender·(K+2) + receiver.
    pub pairs: Vec<Pair>,
    pub upload_bits: f64,
    /// Band of the upload [Hz].
    pub uplink: f64,
    /// Transmissions of the round wait for latency and overhead too, as those of an iteration do.
    pub messages: bool,
}

/// A transmission at given prices: what it takes, what it adds to the Lagrangian, and how it reacts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Time on air [s].
    pub time: f64,
    /// [Hz].
    pub band: f64,
    /// min (a·t + energy + λ·w).
    pub value: f64,
    /// dt/da.
    pub time_by_price: f64,
    /// dt/d ln λ, which is λ dw/da.
    pub time_by_band: f64,
    /// dw/d ln λ.
    pub band_by_band: f64,
}

/// A band's price with its logarithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BandPrice {
    pub value: f64,
    pub ln: f64,
}

impl BandPrice {
    pub fn from_ln(ln: f64) -> Self {
        Self { value: ln.exp(), ln }
    }
}

impl Medium {
    /// The same where energy costs nothing.
    pub fn free(self) -> Self {
        match self {
            Self::Radio { gain, max_power, .. } => Self::Radio { gain, max_power, circuit: 0.0, energy: 0.0 },
            Self::Fixed { rate, .. } => Self::Fixed { rate, energy: 0.0 },
            Self::Shared { rate, .. } => Self::Shared { rate, energy: 0.0 },
            Self::Missing => Self::Missing,
        }
    }

    /// Whether bits take a share of a band.
    pub fn shares_band(&self) -> bool {
        matches!(self, Self::Radio { .. } | Self::Shared { .. })
    }

    /// Bits by radio or shared medium on a band W, used `uses` times in a round, at a price of its seconds.
    #[inline]
    pub fn send(&self, bits: f64, uses: f64, band: f64, price: f64, at: BandPrice) -> Sent {
        if bits == 0.0 {
            return Sent::default();
        }
        match *self {
            Self::Radio { gain, max_power, circuit, energy } => {
                let hop = Hop::new(bits * LN_2, gain, max_power, price + uses * circuit, uses * energy);
                let sent = hop.free(at.value, at.ln);
                let reaction = hop.reaction(&sent, 1.0);
                Sent {
                    time: sent.time,
                    band: sent.band,
                    value: sent.cost + at.value * sent.band,
                    time_by_price: reaction.time_by_weight,
                    time_by_band: reaction.time_by_price,
                    band_by_band: reaction.band_by_price,
                }
            }
            Self::Shared { rate, energy } => {
                let amount = bits * band / rate;
                let time = (at.value * amount / price).sqrt();
                let share = amount / time;
                Sent {
                    time,
                    band: share,
                    value: price * time + at.value * share + uses * energy * bits,
                    time_by_price: -0.5 * time / price,
                    time_by_band: 0.5 * time,
                    band_by_band: -0.5 * share,
                }
            }
            Self::Fixed { rate, energy } => {
                let time = bits / rate;
                Sent { time, value: price * time + uses * energy * bits, ..Sent::default() }
            }
            Self::Missing => Sent { time: f64::INFINITY, value: f64::INFINITY, ..Sent::default() },
        }
    }

    /// The value of [`Self::send`] alone.
    #[inline]
    pub fn value(&self, bits: f64, uses: f64, band: f64, price: f64, at: BandPrice) -> f64 {
        if bits == 0.0 {
            return 0.0;
        }
        match *self {
            Self::Radio { gain, max_power, circuit, energy } => {
                let hop = Hop::new(bits * LN_2, gain, max_power, price + uses * circuit, uses * energy);
                let sent = hop.free(at.value, at.ln);
                sent.cost + at.value * sent.band
            }
            Self::Shared { rate, energy } => {
                2.0 * (at.value * bits * band / rate * price).sqrt() + uses * energy * bits
            }
            Self::Fixed { rate, energy } => price * (bits / rate) + uses * energy * bits,
            Self::Missing => f64::INFINITY,
        }
    }

    /// Bits alone on a band W, used `uses` times in a round, at a price of their seconds.
    #[inline]
    pub fn send_alone(&self, bits: f64, uses: f64, band: f64, price: f64) -> Sent {
        if bits == 0.0 {
            return Sent::default();
        }
        let bit = self.alone(band, price / uses);
        Sent {
            time: bits * bit.time,
            value: uses * bits * bit.cost,
            time_by_price: bits * bit.slope / uses,
            ..Sent::default()
        }
    }

    /// A bit alone on a band W, at a price of time: (seconds, cost with the time's price, d seconds/d price, power).
    pub fn alone(&self, band: f64, price: f64) -> Alone {
        match *self {
            Self::Radio { gain, max_power, circuit, energy } => {
                let a = price + circuit;
                let (s, slope) = whole_band_efficiency(a, energy, gain, band, max_power);
                let time = LN_2 / (band * s);
                let power = (band / gain * s.exp_m1()).min(max_power);
                Alone { time, cost: (a + energy * power) * time, slope: -time * slope / a, power: Some(power) }
            }
            Self::Fixed { rate, energy } | Self::Shared { rate, energy } => {
                Alone { time: 1.0 / rate, cost: price / rate + energy, slope: 0.0, power: None }
            }
            Self::Missing => Alone { time: f64::INFINITY, cost: f64::INFINITY, slope: 0.0, power: None },
        }
    }
}

/// A bit of a transmission that has a band alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Alone {
    pub time: f64,
    pub cost: f64,
    pub slope: f64,
    pub power: Option<f64>,
}

/// What moving a device's segment costs at a price of latency: collection and distribution together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moving {
    /// Per bit.
    pub time: f64,
    pub cost: f64,
    pub slope: f64,
    /// Per segment with bits: latencies and overheads [s].
    pub message: f64,
}

/// An upload as it is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecidedUpload {
    pub time: f64,
    pub energy: f64,
    /// Band and power, where a share of the uplink is taken.
    pub link: Option<(f64, f64)>,
}

impl Instance {
    /// uses of every hop in a round: I·M.
    pub fn uses(&self) -> f64 {
        self.iterations * f64::from(self.micro_batches)
    }

    /// Stages before the first device: 0 or 1.
    pub fn before(&self) -> usize {
        usize::from(self.ends[0].is_some())
    }

    /// Stages of a pipeline of this many devices.
    pub fn stages(&self, active: usize) -> usize {
        active + self.before() + usize::from(self.ends[1].is_some())
    }

    pub fn edge_server(&self) -> usize {
        self.devices + 1
    }

    pub fn pair(&self, from: usize, to: usize) -> &Pair {
        &self.pairs[from * (self.devices + 2) + to]
    }

    /// Whether hops have the whole band, one after another.
    pub fn in_turns(&self) -> bool {
        self.sending == Sending::Medium
    }

    /// Bands that an iteration's hops share: backward hops have one of their own unless the schedule alternates; none where
    /// hops take turns.
    pub fn bands(&self) -> usize {
        match self.band_of(self.phases() - 1) {
            Some(last) => last + 1,
            None => 0,
        }
    }

    /// The band that a phase's hops share.
    pub fn band_of(&self, phase: usize) -> Option<usize> {
        (!self.in_turns()).then(|| self.place_of(phase))
    }

    /// Where a phase's band stands among those of the iteration, shared or taken in turns.
    pub fn place_of(&self, phase: usize) -> usize {
        if self.kind.alternates() { 0 } else { phase }
    }

    /// What carries a hop: who has all of a medium decides no share of it.
    pub fn hop_medium(&self, pair: &Pair) -> Medium {
        match pair.medium {
            Medium::Shared { rate, energy } if self.in_turns() => Medium::Fixed { rate, energy },
            medium => medium,
        }
    }

    /// Phases that exist: forward, and backward where there is any.
    pub fn phases(&self) -> usize {
        1 + usize::from(self.kind.has_backward())
    }

    /// Seconds of a stage that holds the blocks between two cuts.
    pub fn stage_time(&self, phase: usize, device: usize, first: usize, past: usize) -> f64 {
        if phase == 1 && !self.kind.has_backward() {
            return 0.0;
        }
        let row = device * (self.blocks + 1);
        self.stage_overhead[device] + self.time_before[phase][row + past] - self.time_before[phase][row + first]
    }

    /// What a transmission of the round takes besides its bits [s].
    pub fn message(&self, pair: &Pair) -> f64 {
        if self.messages { pair.latency + pair.overhead } else { 0.0 }
    }

    /// Collection and distribution of a device's segment at a price of latency.
    pub fn moving(&self, device: usize, price: f64) -> Moving {
        let mut out = Moving::default();
        for (from, to) in [(device + 1, 0), (0, device + 1)] {
            let pair = self.pair(from, to);
            let bit = pair.medium.alone(self.band, price);
            out.time += bit.time + pair.staging;
            out.cost += bit.cost + price * pair.staging;
            out.slope += bit.slope;
            out.message += self.message(pair);
        }
        out
    }

    /// The upload at a price of latency, and what it takes besides its bits [s]: alone on the uplink, or at the
    /// logarithm of a price of it.
    pub fn send_upload(&self, price: f64, shared: Option<f64>) -> (Sent, f64) {
        let bits = self.upload_bits;
        if bits == 0.0 {
            return (Sent::default(), 0.0);
        }
        let pair = self.pair(0, self.edge_server());
        let sent = match shared {
            Some(ln_price) if pair.medium.shares_band() => {
                pair.medium.send(bits, 1.0, self.uplink, price, BandPrice::from_ln(ln_price))
            }
            _ => {
                let bit = pair.medium.alone(self.uplink, price);
                let (time, value) = (bit.time * bits, bit.cost * bits);
                Sent { time, value, time_by_price: bit.slope * bits, ..Sent::default() }
            }
        };
        (sent, self.message(pair) + pair.staging * bits)
    }

    /// The upload on its share of the uplink scaled by a factor, or on its own link.
    pub fn decide_upload(&self, price: f64, sent: Sent, factor: f64, uplink: f64) -> DecidedUpload {
        let bits = self.upload_bits;
        let medium = self.pair(0, self.edge_server()).medium;
        match medium {
            _ if bits == 0.0 => DecidedUpload { time: 0.0, energy: 0.0, link: None },
            Medium::Radio { gain, max_power, circuit, energy } => {
                let hop = Hop::new(bits * LN_2, gain, max_power, price + circuit, energy);
                let band = sent.band * factor;
                // The same time on a band that differs a little takes another power, or at full power another time.
                let nats = bits * LN_2;
                let power = band / gain * (nats / (sent.time * band)).exp_m1();
                let (power, time) = if power < max_power {
                    (power, sent.time)
                } else {
                    (max_power, hop.shortest_time() + hop.excess_on(band))
                };
                DecidedUpload { time, energy: (circuit + energy * power) * time, link: Some((band, power)) }
            }
            Medium::Shared { rate, energy } => {
                let band = sent.band * factor;
                DecidedUpload { time: bits * uplink / (band * rate), energy: energy * bits, link: Some((band, 0.0)) }
            }
            Medium::Fixed { rate, energy } => DecidedUpload { time: bits / rate, energy: energy * bits, link: None },
            Medium::Missing => DecidedUpload { time: f64::INFINITY, energy: 0.0, link: None },
        }
    }

    /// Whether two devices differ in nothing: neither in what they compute and hold, nor in their links.
    pub fn interchangeable(&self, one: usize, other: usize) -> bool {
        let row = |k: usize| k * (self.blocks + 1)..(k + 1) * (self.blocks + 1);
        let limits = |k: usize| (self.stage_overhead[k], self.memory[k], self.min_blocks[k], self.max_blocks[k]);
        let computing =
            |k: usize| (&self.time_before[0][row(k)], &self.time_before[1][row(k)], &self.energy_before[row(k)]);
        let (a, b) = (one + 1, other + 1);
        let others = (0..self.devices + 2).filter(|&node| node != a && node != b);
        limits(one) == limits(other)
            && computing(one) == computing(other)
            && self.pair(a, b) == self.pair(b, a)
            && others
                .into_iter()
                .all(|node| self.pair(a, node) == self.pair(b, node) && self.pair(node, a) == self.pair(node, b))
    }

    /// The most blocks from a cut on that a device may hold, with this many micro-batches in flight.
    pub fn largest(&self, device: usize, in_flight: f64, first: usize) -> usize {
        // The most blocks from `first` on that memory and the device's own limit allow.
        let limit = self.max_blocks[device].min(self.blocks - first);
        let fits = |past: usize| {
            let resident = self.resident_before[past] - self.resident_before[first];
            let activation = self.activation_before[past] - self.activation_before[first];
            resident + activation * in_flight <= self.memory[device] * (1.0 + 1e-12)
        };
        let mut size = 0;
        while size < limit && fits(first + size + 1) {
            size += 1;
        }
        size
    }
}
