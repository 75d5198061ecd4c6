//! The one seam between physical units and the numbers Clarabel sees.
//!
//! Every transmission has its own units of time and bandwidth, chosen so that its solution is of the order of 1; bands
//! and paces are measured in fractions of their budgets and references, money in the size of the objective. Latencies
//! and paces are measured from the value that no radio decision can go below.

use super::bound::ConePrices;
use crate::solver::backend::transmissions::{Band, RadioPoint, RadioProgram};

/// Units.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scaling {
    /// Per transmission [s].
    pub time: Vec<f64>,
    /// Per transmission [Hz].
    pub band: Vec<f64>,
    /// Per pace: origin and unit [s].
    pub pace: Vec<(f64, f64)>,
    /// Per shared band: its width [Hz].
    pub width: Vec<f64>,
    /// Origin and unit of latencies [s].
    pub latency: (f64, f64),
    /// Objective units.
    pub objective: f64,
}

impl Scaling {
    /// Units from each transmission on an equal share of its band, at the time that is best there.
    pub fn natural(radio: &RadioProgram) -> Option<Self> {
        let mut point = RadioPoint::default();
        for sent in &radio.transmissions {
            let (width, sharers) = match sent.band {
                Band::Whole(width) => (width, 1.0),
                Band::Shared(band) => (radio.bands.get(band)?.width, radio.bands.get(band)?.sharers as f64),
            };
            let paced = sent.pace.map_or(0.0, |(pace, _)| radio.paces[pace].latency_uses / sharers);
            let price = sent.time_price + radio.latency_price * (sent.latency_uses + paced);
            let width = width / sharers;
            point.band.push(width);
            point.time.push(sent.at(price).on_band(width)?.time);
        }
        Some(Self::around(radio, &point))
    }

    /// Units in which the point's times and bandwidths are 1.
    pub fn around(radio: &RadioProgram, point: &RadioPoint) -> Self {
        let pace = radio.paces.iter().enumerate().map(|(index, pace)| {
            let unit = radio.members(index).map(|j| point.time[j]).fold(f64::MIN_POSITIVE, f64::max);
            (pace.floor, unit)
        });
        let pace: Vec<(f64, f64)> = pace.collect();
        let mut spent = vec![0.0; radio.latency.len()];
        let mut energy = 0.0;
        for (j, sent) in radio.transmissions.iter().enumerate() {
            spent[sent.cluster] += sent.latency_uses * point.time[j];
            energy += sent.time_price * point.time[j] + sent.energy_price * sent.radiated(point.time[j], point.band[j]);
        }
        let mut origin = radio.latency.clone();
        for (paced, &(floor, unit)) in radio.paces.iter().zip(&pace) {
            origin[paced.cluster] += paced.latency_uses * floor;
            spent[paced.cluster] += paced.latency_uses * unit;
        }
        let latency_origin = origin.iter().copied().fold(0.0, f64::max);
        let latency_unit = spent.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let objective = radio.latency_price * latency_unit + if energy.is_finite() { energy } else { 0.0 };
        Self {
            time: point.time.clone(),
            band: point.band.clone(),
            pace,
            width: radio.bands.iter().map(|band| band.width).collect(),
            latency: (latency_origin, latency_unit),
            objective,
        }
    }

    /// s at the units of transmission j: nats per second and hertz.
    pub fn efficiency(&self, radio: &RadioProgram, j: usize) -> f64 {
        radio.transmissions[j].nats / (self.time[j] * self.band[j])
    }

    /// Whether all units can be divided by.
    pub fn is_usable(&self) -> bool {
        let usable = |unit: &f64| unit.is_finite() && *unit > 0.0;
        self.time.iter().all(usable)
            && self.band.iter().all(usable)
            && self.pace.iter().all(|(origin, unit)| origin.is_finite() && usable(unit))
            && self.latency.0.is_finite()
            && usable(&self.latency.1)
            && usable(&self.objective)
    }

    /// From physical to scaled: what [`invert`](Self::invert) undoes.
    #[cfg(test)]
    pub fn apply(&self, point: &RadioPoint) -> RadioPoint {
        RadioPoint {
            time: point.time.iter().zip(&self.time).map(|(value, unit)| value / unit).collect(),
            band: point.band.iter().zip(&self.band).map(|(value, unit)| value / unit).collect(),
        }
    }

    /// From scaled to physical.
    pub fn invert(&self, point: &RadioPoint) -> RadioPoint {
        RadioPoint {
            time: point.time.iter().zip(&self.time).map(|(value, unit)| value * unit).collect(),
            band: point.band.iter().zip(&self.band).map(|(value, unit)| value * unit).collect(),
        }
    }

    /// Multipliers of scaled rows as prices: those of a band's row Σ w/W ≤ 1, of a latency's row in units of latency,
    /// of a pace's rows in units of the pace.
    pub fn invert_prices(&self, radio: &RadioProgram, multipliers: &ConePrices) -> ConePrices {
        let unit = self.objective;
        let cap = |(j, price): (usize, &f64)| {
            radio.transmissions[j].pace.map_or(0.0, |(pace, _)| unit * price / self.pace[pace].1)
        };
        ConePrices {
            band: multipliers.band.iter().zip(&self.width).map(|(price, width)| unit * price / width).collect(),
            latency: multipliers.latency.iter().map(|price| unit * price / self.latency.1).collect(),
            cap: multipliers.cap.iter().enumerate().map(cap).collect(),
            floor: multipliers.floor.iter().zip(&self.pace).map(|(price, (_, size))| unit * price / size).collect(),
        }
    }
}
