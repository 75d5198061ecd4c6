//! A term's slopes in latency and energies, and the problem whose prices they change.

use super::ExtraTerm;
use crate::problem::{Evaluation, MIN_MAGNITUDE, SlotProblem};
use crate::solver::SolveError;
use crate::units::{Joules, Seconds};

/// Slopes of a term, by finite differences.
#[derive(Clone, Debug)]
pub(super) struct Slopes {
    /// By the round latency [1/s].
    latency: f64,
    /// By every node's energy of sending, per cluster: control unit, then devices [1/J].
    energy: Vec<Vec<f64>>,
}

/// The problem at changed prices.
pub(super) struct Repriced {
    pub problem: SlotProblem,
    /// Whether no price had to be raised to what a problem admits.
    pub is_exact: bool,
}

/// Relative step of the differences: the cube root of the resolution, as befits central ones.
const STEP: f64 = 6e-6;

/// (f(x + h) − f(x − h))/2h at x of this size.
fn slope(f: impl Fn(f64) -> f64, size: f64) -> Option<f64> {
    let step = STEP * if size > 0.0 { size } else { 1.0 };
    let slope = (f(step) - f(-step)) / (2.0 * step);
    slope.is_finite().then_some(slope)
}

impl Slopes {
    /// `None` where a difference is not finite.
    ///
    /// What follows from the round latency and the energies is changed with them: the latencies of the slowest
    /// clusters, the terms of the objective, the objective. Parts of latencies are not.
    pub fn of(term: &dyn ExtraTerm, at: &Evaluation) -> Option<Self> {
        let round = at.round_latency.0;
        let latency_price = at.terms.latency / round;
        let by_latency = |change: f64| {
            let mut changed = at.clone();
            changed.round_latency = Seconds(round + change);
            for cluster in changed.clusters.iter_mut().filter(|cluster| cluster.latency.0 >= round) {
                cluster.latency = Seconds(round + change);
            }
            let cost = if latency_price.is_finite() { latency_price * change } else { 0.0 };
            changed.terms.latency += cost;
            changed.objective += cost;
            term.value(&changed)
        };
        let latency = slope(by_latency, round)?;
        let mut energy = Vec::new();
        for (n, cluster) in at.clusters.iter().enumerate() {
            let by_energy = |node: usize, change: f64| {
                let mut changed = at.clone();
                let spent = match node.checked_sub(1) {
                    None => &mut changed.clusters[n].control_unit_energy,
                    Some(k) => &mut changed.clusters[n].device_energy[k].transmit,
                };
                *spent = Joules(spent.0 + change);
                term.value(&changed)
            };
            let sizes = std::iter::once(cluster.control_unit_energy.0)
                .chain(cluster.device_energy.iter().map(|energy| energy.transmit.0));
            let slopes = sizes.enumerate().map(|(node, size)| slope(|change| by_energy(node, change), size));
            energy.push(slopes.collect::<Option<Vec<f64>>>()?);
        }
        Some(Self { latency, energy })
    }

    /// The linear part of the term, at an evaluation. Computing counts with the devices' energies: their price does not
    /// know the difference.
    pub fn at(&self, evaluation: &Evaluation) -> f64 {
        let mut sum = self.latency * evaluation.round_latency.0;
        for (slopes, cluster) in self.energy.iter().zip(&evaluation.clusters) {
            let devices = cluster.device_energy.iter().map(|energy| energy.total().0);
            let energies = std::iter::once(cluster.control_unit_energy.0).chain(devices);
            sum += slopes.iter().zip(energies).map(|(slope, energy)| slope * energy).sum::<f64>();
        }
        sum
    }

    /// The problem with the slopes added to its prices.
    ///
    /// # Errors
    /// [`SolveError::Numerical`] where a price leaves the range of admitted numbers.
    pub fn priced(&self, problem: &SlotProblem) -> Result<Repriced, SolveError> {
        let mut spec = problem.clone().into_spec();
        let mut is_exact = true;
        let mut raised = |price: f64, least: f64| {
            // What is below the least magnitude but rounding is as good as the least.
            is_exact &= price >= least || price.abs() < MIN_MAGNITUDE;
            if price < MIN_MAGNITUDE { least } else { price }
        };
        spec.latency_weight = raised(spec.latency_weight + self.latency, MIN_MAGNITUDE);
        for (slopes, cluster) in self.energy.iter().zip(&mut spec.clusters) {
            let unit = &mut cluster.control_unit.energy_price;
            let prices = std::iter::once(unit).chain(cluster.devices.iter_mut().map(|d| &mut d.energy_price));
            for (price, slope) in prices.zip(slopes) {
                // Differences see slopes to about 1e-10 of the price; what is below is none.
                let slope = if slope.abs() <= 1e-9 * *price { 0.0 } else { *slope };
                *price = raised(*price + slope, 0.0);
            }
        }
        let problem = SlotProblem::new(spec).map_err(|_| SolveError::Numerical)?;
        Ok(Repriced { problem, is_exact })
    }
}
