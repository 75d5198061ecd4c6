//! The control units' uploads, which share one band.

use crate::ground::units::{Hertz, Watts};
use crate::problem::Link;
use crate::problem::program::{ClusterProgram, Transmission};
use crate::solver::hop::{Hop, Reaction, Sending, whole_band_efficiency, whole_band_price};

/// One cluster's upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload(Transmission);

impl Upload {
    pub fn new(program: &ClusterProgram) -> Self {
        Self(program.upload())
    }

    /// Whether there is anything to send.
    pub fn is_empty(&self) -> bool {
        self.0.bits.0 == 0.0
    }

    fn max_power(&self) -> Watts {
        self.0.transmitter.max_power
    }

    fn hop(&self, latency_price: f64) -> Hop {
        let Self(sent) = self;
        let (time_price, energy_price) = (sent.time_price(latency_price), sent.energy_price());
        Hop::new(sent.nats(), sent.gain, self.max_power().0, time_price, energy_price)
    }

    /// The cheapest sending at a latency price V and a bandwidth price λ.
    pub fn send(&self, latency_price: f64, band_price: f64) -> Sending {
        self.send_reacting(latency_price, band_price).0
    }

    /// The same, with its derivatives by the logarithms of V and λ.
    pub fn send_reacting(&self, latency_price: f64, band_price: f64) -> (Sending, Reaction) {
        if self.is_empty() {
            return Default::default();
        }
        let hop = self.hop(latency_price);
        let sent = hop.free(band_price, band_price.ln());
        (sent, hop.reaction(&sent, latency_price))
    }

    /// The cheapest sending on a band of its own, and the price of that band.
    pub fn send_alone(&self, latency_price: f64, band: f64) -> (Sending, f64) {
        if self.is_empty() {
            return (Sending::default(), 0.0);
        }
        let (a, z) = (self.0.time_price(latency_price), self.0.energy_price());
        let (nats, gain, max_power) = (self.0.nats(), self.0.gain, self.max_power().0);
        let (s, _) = whole_band_efficiency(a, z, gain, band, max_power);
        let power = (band / gain * s.exp_m1()).min(max_power);
        let time = nats / (band * s);
        let price = whole_band_price(a, z, gain, band, max_power, nats, s);
        (Sending { time, band, power, cost: (a + z * power) * time, ..Sending::default() }, price)
    }

    /// The sending on a band that differs by rounding.
    pub fn link(&self, latency_price: f64, sending: &Sending, band: f64) -> Link {
        if self.is_empty() {
            // Nothing is sent: any bandwidth will do.
            return Link { bandwidth_hz: Hertz(band), power_w: self.max_power() };
        }
        let sent = self.hop(latency_price).resend(*sending, band);
        Link { bandwidth_hz: Hertz(band), power_w: Watts(sent.power) }
    }
}
