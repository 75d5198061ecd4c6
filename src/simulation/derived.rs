//! The V of a scenario that names none.

use serde::{Deserialize, Serialize};

use super::pilot::{Pilot, PilotError};
use super::record::RunRecord;
use crate::scenario::Scenario;
use crate::solver::Settings;

/// By how much the mean latency of a run at the derived V is at most above the least possible (C2), as a share of it.
const TOLERANCE: f64 = 0.05;

/// A V for a scenario, and where it comes from.
///
/// Of a scenario without energy budgets and without a convergence constraint every V gives the same rounds, and V is 1.
/// Otherwise C2, mean latency ≤ optimum + (B + C)/V, asks for V = (B + C)/(5 % of the mean latency). B + C and the latency
/// are those of a pilot run: at most 100 slots that follow the scenario's own, at the V that the first of them suggests. It
/// is given with two digits. The same scenario has the same V on every machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DerivedWeight {
    /// V, in 1/s.
    pub latency_weight: f64,
    /// Why, in words.
    pub reason: String,
}

impl DerivedWeight {
    /// Derives the V of the scenario that `at` gives at any V.
    ///
    /// # Errors
    /// Those of `at`, and [`PilotError`] where the pilot run has no round, or cannot be played.
    pub fn measure<E: From<PilotError>>(
        at: impl Fn(f64) -> Result<Scenario, E>,
        settings: Settings,
    ) -> Result<Self, E> {
        let scenario = at(1.0)?;
        if scenario.convergence().is_none() && scenario.budgets().iter().all(Option::is_none) {
            let reason = "no node has an energy budget and nothing has a target: every V gives the same rounds";
            return Ok(Self { latency_weight: 1.0, reason: reason.into() });
        }
        let first = weight(&Pilot::play(&scenario, settings, 1).map_err(PilotError::from)?)?;
        let record = Pilot::play(&at(two_digits(first))?, settings, super::PILOT_SLOTS).map_err(PilotError::from)?;
        let latency_weight = two_digits(weight(&record)?);
        let reason = format!(
            "a pilot of {} slots; by C2 the mean latency is then at most {} % above the least within the budgets",
            record.slots.len(),
            100.0 * TOLERANCE
        );
        Ok(Self { latency_weight, reason })
    }
}

/// V = (B + C)/(5 % of the mean latency) of a run.
fn weight(record: &RunRecord) -> Result<f64, PilotError> {
    let latencies: Vec<f64> = record.planned_slots().map(|(_, planned)| planned.latency_s.0).collect();
    let none = |reason: &str| PilotError::NoWeight { slots: record.slots.len() as u64, reason: reason.into() };
    if latencies.is_empty() {
        return Err(none("no slot has a round"));
    }
    let mean = latencies.iter().sum::<f64>() / latencies.len() as f64;
    let drift = record.history()?.mean_drift()?;
    let weight = drift / (TOLERANCE * mean);
    // Rounds that cost next to nothing leave every V as good as another.
    let weight = if weight > 0.0 { weight } else { 1.0 / mean };
    let admitted = crate::problem::MIN_MAGNITUDE..=crate::problem::MAX_MAGNITUDE;
    if admitted.contains(&weight) { Ok(weight) } else { Err(none("its latencies and energies are out of range")) }
}

/// A number that people read and type again.
fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}
