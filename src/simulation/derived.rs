//! The V of a scenario that names none, and budgets for one that has none.

use serde::{Deserialize, Serialize};

use super::pilot::{Pilot, PilotError};
use super::record::RunRecord;
use super::run::RunError;
use crate::scenario::{Scenario, ScenarioSpec};
use crate::solver::Settings;
use crate::text::rounded;
use crate::units::Joules;

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
        let record = Pilot::play(&at(rounded(first, 2))?, settings, super::PILOT_SLOTS).map_err(PilotError::from)?;
        let latency_weight = rounded(weight(&record)?, 2);
        let reason = format!(
            "a pilot of {} slots; by C2 the mean latency is then at most {} % above the least within the budgets",
            record.slots.len(),
            100.0 * TOLERANCE
        );
        Ok(Self { latency_weight, reason })
    }
}

/// Energy budgets for a scenario in which no node has one, and where they come from.
///
/// What each node spends on average where nothing limits it: budgets in this proportion, a factor smaller, ask of all
/// nodes the same thrift. They are those of a pilot run of at most 100 slots that follow the scenario's own. A node that
/// spends nothing in it has no budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DerivedBudgets {
    /// One for each of the scenario's nodes.
    pub budgets_j: Vec<Option<Joules>>,
    /// Why, in words.
    pub reason: String,
}

impl DerivedBudgets {
    /// Derives the budgets of a scenario; none for one in which some node has a budget.
    ///
    /// # Errors
    /// [`RunError`] where the pilot run cannot be played.
    pub fn measure(scenario: &Scenario, settings: Settings) -> Result<Option<Self>, RunError> {
        if scenario.budgets().iter().any(Option::is_some) {
            return Ok(None);
        }
        let record = Pilot::play(scenario, settings, super::PILOT_SLOTS)?;
        let slots = record.slots.len();
        let mean = |k: usize| {
            let spent: f64 = record.slots.iter().filter_map(|slot| slot.energy_j.get(k)).map(|energy| energy.0).sum();
            // What is too little to be a budget is none.
            Some(spent / slots as f64).filter(|mean| *mean >= LEAST_BUDGET_J).map(|mean| Joules(rounded_up(mean)))
        };
        let budgets_j = (0..record.nodes.len()).map(mean).collect();
        let reason = format!("what each node spends on average in a pilot of {slots} slots, where nothing limits it");
        Ok(Some(Self { budgets_j, reason }))
    }

    /// Gives the nodes of the data of that scenario these budgets.
    pub fn set(&self, spec: &mut ScenarioSpec) {
        spec.budgets_mut().zip(&self.budgets_j).for_each(|(budget, derived)| *budget = *derived);
    }
}

/// Energies below it are taken for none.
const LEAST_BUDGET_J: f64 = 1e-9;

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

/// Three digits of what is compared with energies: not less than it.
fn rounded_up(value: f64) -> f64 {
    let unit = 10.0_f64.powf(value.log10().floor() - 2.0);
    rounded((value / unit).ceil() * unit, 3)
}
