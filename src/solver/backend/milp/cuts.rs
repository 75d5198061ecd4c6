//! One transmission in a linear program: tangent planes of its energy and of its power limit.
//!
//! d nats in time t on bandwidth w cost z (t w/γ)(eˢ − 1) with s = d/(t w), jointly convex in (t, w), and the power
//! limit reads t ≥ d/(w ln(1 + Pγ/w)), convex in w (formulation, section 3). A tangent plane at any point lies below,
//! so that every row is valid whatever point it was made at. Columns are totals over `count` equal transmissions (a
//! binary for a link that may be unused, the blocks of a device for its transfers): the constant of a tangent is
//! multiplied by it, which makes it the tangent of the perspective function, and all is zero where the count is.

use super::model::{Column, Linear, LinearSolution, Model};
use super::pipeline::Scale;
use crate::problem::program::Transmission;
use crate::solver::hop::efficiency::Efficiency;
use crate::solver::hop::{Hop, whole_band_efficiency};

/// Which band a transmission uses.
#[derive(Clone, Copy, Debug)]
enum Band {
    /// A share of the band, to be decided.
    Share { column: Column, whole: f64 },
    /// All of it.
    Whole(f64),
}

/// What is sent, and where its time, bandwidth and energy are in the program.
#[derive(Clone, Debug)]
pub(super) struct LinearTransmission {
    nats: f64,
    gain: f64,
    max_power: f64,
    /// z: objective units per radiated joule.
    energy_price: f64,
    /// How many there are; `None` for one.
    count: Option<Column>,
    band: Band,
    /// Σ t [s].
    pub time: Column,
    /// Σ of what the radiated energy costs; `None` where it is free.
    energy: Option<Column>,
}

/// What a transmission is made for, and at which prices its first tangents are worth having.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    pub sent: Transmission,
    /// Objective units per second of the cluster's latency, at the most.
    pub latency_price: f64,
    /// Objective units per Hz, roughly.
    pub band_price: f64,
}

impl LinearTransmission {
    /// Adds the columns of a transmission and its first tangents.
    pub fn new(
        model: &mut Model,
        purpose: Purpose,
        count: Option<Column>,
        (shared, whole): (bool, f64),
        scale: Scale,
    ) -> Self {
        let Purpose { sent, .. } = purpose;
        let (gain, nats, max_power) = (sent.gain, sent.nats(), sent.transmitter.max_power.0);
        let (energy_price, circuit) = (sent.energy_price(), sent.circuit_price());
        let mut points = Vec::new();
        for dearer in [1.0, 1.0 / 16.0] {
            let time_price = sent.latency_uses * purpose.latency_price * dearer + circuit;
            if shared {
                let hop = Hop::new(nats, gain, max_power, time_price, energy_price);
                for factor in [1.0 / 32.0, 0.25, 2.0, 16.0] {
                    let price = purpose.band_price * factor;
                    let sent = hop.free(price, price.ln());
                    let band = sent.band.min(whole);
                    // On a band that is cut off to what there is, the time is longer.
                    let shortest = nats / (band * (max_power * gain / band).ln_1p());
                    points.push((sent.time.max(shortest), band));
                }
            } else {
                let (s, _) = whole_band_efficiency(time_price, energy_price, gain, whole, max_power);
                points.push((nats / (whole * s), whole));
            }
        }
        let typical = points[points.len() / 4].0;
        let time = model.real(0.0, f64::INFINITY, typical);
        let band = if shared {
            let column = model.real(0.0, whole, whole);
            if let Some(count) = count {
                model.at_least_zero(Linear::default().with(whole, count).with(-1.0, column));
            }
            Band::Share { column, whole }
        } else {
            Band::Whole(whole)
        };
        let mut sent = Self { nats, gain, max_power, energy_price, count, band, time, energy: None };
        model.objective.add(circuit, time);
        if energy_price > 0.0 {
            let unit = sent.cost(typical, points[points.len() / 4].1).max(1e-6 * scale.objective);
            let energy = model.real(0.0, f64::INFINITY, unit);
            model.objective.add(1.0, energy);
            sent.energy = Some(energy);
        }
        sent.limit_tangent(model, whole);
        for (time, band) in points {
            sent.tangents(model, time, band);
        }
        sent
    }

    /// Shortest time on a bandwidth [s].
    fn shortest(&self, band: f64) -> f64 {
        self.nats / (band * (self.max_power * self.gain / band).ln_1p())
    }

    /// z (t w/γ)(eˢ − 1).
    fn cost(&self, time: f64, band: f64) -> f64 {
        self.energy_price * time * band / self.gain * (self.nats / (time * band)).exp_m1()
    }

    /// Adds `factor` times the number of transmissions.
    fn add_count(&self, row: &mut Linear, factor: f64) {
        match self.count {
            Some(count) => row.add(factor, count),
            None => row.constant += factor,
        }
    }

    /// Adds `factor` times the bandwidth, where it is a share.
    pub fn add_band(&self, factor: f64, row: &mut Linear) {
        if let Band::Share { column, .. } = self.band {
            row.add(factor, column);
        }
    }

    /// t ≥ τ(w₀) + τ′(w₀)(w − w₀), τ the shortest time.
    fn limit_tangent(&self, model: &mut Model, band: f64) {
        let s = (self.max_power * self.gain / band).ln_1p();
        let (shortest, mut row) = (self.shortest(band), Linear::default().with(1.0, self.time));
        match self.band {
            Band::Share { column, .. } => {
                let slope = -self.nats * Efficiency::new(s).m / (band * s).powi(2);
                row.add(-slope, column);
                self.add_count(&mut row, slope * band - shortest);
            }
            Band::Whole(_) => self.add_count(&mut row, -shortest),
        }
        model.cut(row, self.time);
    }

    /// Adds the tangents at a point, moved to where the power limit allows it.
    pub fn tangents(&self, model: &mut Model, time: f64, band: f64) {
        let shortest = self.shortest(band);
        if time <= shortest * (1.0 + 1e-9) && matches!(self.band, Band::Share { .. }) {
            self.limit_tangent(model, band);
        }
        let Some(energy) = self.energy else { return };
        let time = time.max(shortest);
        let s = self.nats / (time * band);
        // (s − 1)eˢ + 1: minus the slopes, in units of z w/γ and z t/γ.
        let steep = Efficiency::new(s).m * s.exp();
        let unit = self.energy_price / self.gain;
        let mut row = Linear::default().with(1.0, energy).with(unit * band * steep, self.time);
        let mut constant = self.cost(time, band) + unit * band * steep * time;
        if let Band::Share { column, .. } = self.band {
            row.add(unit * time * steep, column);
            constant += unit * time * steep * band;
        }
        self.add_count(&mut row, -constant);
        model.cut(row, energy);
    }

    /// Cuts off the program's solution where it is cheaper than any transmission by more than `tolerance`; true if it
    /// was.
    pub fn separate(&self, model: &mut Model, found: &LinearSolution, tolerance: f64) -> bool {
        let count = self.count.map_or(1.0, |count| found.values[count]);
        if count <= 1e-6 {
            return false;
        }
        let band = match self.band {
            Band::Share { column, whole } => (found.values[column] / count).clamp(1e-6 * whole, whole),
            Band::Whole(whole) => whole,
        };
        let (time, shortest) = (found.values[self.time] / count, self.shortest(band));
        let too_fast = time < shortest * (1.0 - 1e-7);
        let spent = self.energy.map_or(f64::INFINITY, |energy| found.values[energy]);
        let too_cheap = spent < count * self.cost(time.max(shortest), band) - tolerance;
        if too_fast || too_cheap {
            self.tangents(model, time, band);
        }
        too_fast || too_cheap
    }

    /// Adds the tangents at a decision's bandwidth and power.
    pub fn tangents_at(&self, model: &mut Model, band: f64, power: f64) {
        let efficiency = (power * self.gain / band).ln_1p();
        self.tangents(model, self.nats / (band * efficiency), band);
    }
}
