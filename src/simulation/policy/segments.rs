//! Segments by a rule; plan and radio optimal for them.

use std::borrow::Cow;

use super::decided::{Found, choice, found};
use super::sizes::proportional;
use super::{Choice, Policy, SlotContext, classical_alone};
use crate::problem::program::compute_time_per_sample;
use crate::problem::{Device, SlotProblem};
use crate::scenario::Scenario;
use crate::simulation::{Outage, RunError};
use crate::solver::backend::{RadioFor, Segments};
use crate::solver::{Settings, SettingsError, solve_radio};

/// Equal segments on all devices that are present.
///
/// Ignores that devices differ in speed, energy and channel; memory alone is respected, by shifting what does not fit
/// to the others. Plan, bandwidths and powers are optimal for these segments. Under participation `select` all devices
/// take part that have memory and links to the control unit; where their path is broken, the slot is an outage. Stands
/// for schedulers that cut the model evenly and allocate the radio well.
#[derive(Debug)]
pub struct UniformSegments {
    settings: Settings,
}

impl UniformSegments {
    /// With these settings for the radio.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { settings })
    }
}

impl Policy for UniformSegments {
    fn name(&self) -> Cow<'static, str> {
        "uniform-segments".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        best_plan(slot.problem(), proportional(slot.problem(), |_| 1.0), &self.settings)
    }
}

/// What segments are in proportion to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proportion {
    /// Blocks per second, forward and backward together.
    Speed,
    /// Memory.
    Memory,
}

/// Segments in proportion to one property of the devices, rounded by largest remainder, at least one block each.
///
/// Ignores energy and its prices, the channel, and overheads when it cuts the model; plan, bandwidths and powers are
/// optimal for the segments. Participation and memory are as in [`UniformSegments`]. Stands for load balancing: the
/// usual heuristic of pipeline planners for devices that differ.
#[derive(Debug)]
pub struct ProportionalSegments {
    proportion: Proportion,
    settings: Settings,
}

impl ProportionalSegments {
    /// In proportion to this, with these settings for the radio.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(proportion: Proportion, settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { proportion, settings })
    }
}

impl Policy for ProportionalSegments {
    fn name(&self) -> Cow<'static, str> {
        match self.proportion {
            Proportion::Speed => "proportional-speed".into(),
            Proportion::Memory => "proportional-memory".into(),
        }
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        let weight = |device: &Device| match self.proportion {
            Proportion::Speed => 1.0 / compute_time_per_sample(&problem.encoder.mean_block(), device).0,
            Proportion::Memory => device.memory_bytes.0,
        };
        best_plan(problem, proportional(problem, weight), &self.settings)
    }
}

/// The best plan with its optimal radio for given segments.
fn best_plan(
    problem: &SlotProblem,
    segments: Result<Vec<Segments>, String>,
    settings: &Settings,
) -> Result<Choice, RunError> {
    let clusters = match segments {
        Ok(clusters) => clusters,
        Err(reason) => return Ok(Choice::Outage(Outage::no_round(reason))),
    };
    let mut question = RadioFor { plan: 0, clusters };
    let mut best: Found = Err(Outage::no_round("no plan"));
    for plan in 0..problem.plans.len() {
        question.plan = plan;
        let tried = found(solve_radio(problem, &question, settings))?;
        best = match (best, tried) {
            (Ok(best), Ok(tried)) if best.objective() <= tried.objective() => Ok(best),
            (Ok(best), Err(_)) => Ok(best),
            (_, tried) => tried,
        };
    }
    Ok(choice(best))
}
