//! One number of micro-batches.

use std::borrow::Cow;

use super::decided::optimum_of;
use super::{Choice, Policy, SlotContext};
use crate::scenario::Scenario;
use crate::simulation::RunError;
use crate::solver::{Settings, SettingsError};

/// Exact among the plans with one number M of micro-batches.
///
/// Ignores the other plans: M is not adapted to channel, prices or devices. Everything else is optimal, the number of
/// local iterations too where plans with this M differ in it. Stands for pipelines with a depth set by hand,
/// and with M = 1 ([`FixedMicroBatch::no_pipeline`]) for training where one device computes after the other, without
/// pipelining.
///
/// A scenario without such a plan is refused: a plan of the policy's own would have no convergence penalty and no place
/// in the record.
#[derive(Debug)]
pub struct FixedMicroBatch {
    micro_batches: u32,
    name: Cow<'static, str>,
    settings: Settings,
}

impl FixedMicroBatch {
    /// M, and settings for the exact solver.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(micro_batches: u32, settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { micro_batches, name: format!("fixed-micro-batch-{micro_batches}").into(), settings })
    }

    /// One micro-batch: no pipelining.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn no_pipeline(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self { name: "no-pipeline".into(), ..Self::new(1, settings)? })
    }
}

impl Policy for FixedMicroBatch {
    fn name(&self) -> Cow<'static, str> {
        self.name.clone()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        let mut offered: Vec<u32> = scenario.plans().iter().map(|plan| plan.micro_batches).collect();
        offered.sort_unstable();
        offered.dedup();
        (!offered.contains(&self.micro_batches)).then(|| {
            format!(
                "no plan of the scenario has micro_batches = {}, they have {offered:?}; add such a plan to [[plans]]",
                self.micro_batches
            )
        })
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let plans = slot.problem().plans.iter().enumerate();
        let (kept, plans): (Vec<usize>, Vec<_>) =
            plans.filter(|(_, plan)| plan.micro_batches == self.micro_batches).map(|(at, plan)| (at, *plan)).unzip();
        let mut choice = optimum_of(&slot.changed(|problem| problem.plans = plans)?, &self.settings)?;
        if let Choice::Decision(decision) = &mut choice {
            // The record counts the scenario's plans; an index out of range is caught when the decision is evaluated.
            decision.plan = kept.get(decision.plan).copied().unwrap_or(usize::MAX);
        }
        Ok(choice)
    }
}
