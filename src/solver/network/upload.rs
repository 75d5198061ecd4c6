//! The control units' uploads, which share one band.

use std::f64::consts::LN_2;

use crate::problem::costs::Transmitter;
use crate::problem::{Cluster, Link};
use crate::solver::hop::{Hop, Reaction, Sending, whole_band_efficiency, whole_band_price};
use crate::units::{Hertz, Watts};

/// One cluster's upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    nats: f64,
    gain: f64,
    node: Transmitter,
}

impl Upload {
    pub fn new(cluster: &Cluster) -> Self {
        Self {
            nats: cluster.upload_bits.0 * LN_2,
            gain: cluster.gain_to_noise_hz_per_w.get(0, cluster.devices.len() + 1),
            node: Transmitter::of(cluster, 0),
        }
    }

    /// Whether there is anything to send.
    pub fn is_empty(&self) -> bool {
        self.nats == 0.0
    }

    /// Objective units per second and per radiated joule at a latency price V.
    fn prices(&self, latency_price: f64) -> (f64, f64) {
        let node = &self.node;
        (latency_price + node.energy_price * node.circuit_power.0, node.energy_price / node.amplifier_efficiency)
    }

    fn hop(&self, latency_price: f64) -> Hop {
        let (time_price, energy_price) = self.prices(latency_price);
        Hop::new(self.nats, self.gain, self.node.max_power.0, time_price, energy_price)
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
        let (a, z) = self.prices(latency_price);
        let max_power = self.node.max_power.0;
        let (s, _) = whole_band_efficiency(a, z, self.gain, band, max_power);
        let power = (band / self.gain * s.exp_m1()).min(max_power);
        let time = self.nats / (band * s);
        let price = whole_band_price(a, z, self.gain, band, max_power, self.nats, s);
        (Sending { time, band, power, cost: (a + z * power) * time, ..Sending::default() }, price)
    }

    /// The sending on a band that differs by rounding.
    pub fn link(&self, latency_price: f64, sending: &Sending, band: f64) -> Link {
        if self.is_empty() {
            // Nothing is sent: any bandwidth will do.
            return Link { bandwidth_hz: Hertz(band), power_w: self.node.max_power };
        }
        let sent = self.hop(latency_price).resend(*sending, band);
        Link { bandwidth_hz: Hertz(band), power_w: Watts(sent.power) }
    }
}
