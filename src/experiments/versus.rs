//! A policy beside the exact solver, on the same slots at the same prices.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::metric::Metric;
use crate::problem::{SlotProblem, evaluate};
use crate::scenario::Scenario;
use crate::simulation::policy::ExactPolicy;
use crate::simulation::{Choice, Policy, RunError, SlotContext};
use crate::solver::{Settings, Solution, SolveError};

/// Sums over the slots in which both had a decision.
#[derive(Debug, Default)]
pub(super) struct Tally {
    compared: u32,
    gap: f64,
    own: Duration,
    exact: Duration,
}

impl Tally {
    pub fn metrics(&self) -> Vec<(Metric, f64)> {
        if self.compared == 0 {
            return Vec::new();
        }
        let time = self.own.as_secs_f64() / self.exact.as_secs_f64().max(f64::MIN_POSITIVE);
        vec![(Metric::Gap, self.gap / f64::from(self.compared)), (Metric::TimeRatio, time)]
    }
}

/// Decides as its policy does, and asks the exact solver as well.
#[derive(Debug)]
pub(super) struct Versus<'a> {
    own: Box<dyn Policy + 'a>,
    exact: ExactPolicy,
    tally: &'a Mutex<Tally>,
}

impl<'a> Versus<'a> {
    pub fn new(own: Box<dyn Policy + 'a>, settings: Settings, tally: &'a Mutex<Tally>) -> Result<Self, RunError> {
        Ok(Self { own, exact: ExactPolicy::new(settings).map_err(SolveError::from)?, tally })
    }
}

impl Policy for Versus<'_> {
    fn name(&self) -> Cow<'static, str> {
        self.own.name()
    }

    fn gap_tolerance(&self) -> Option<f64> {
        self.own.gap_tolerance()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        self.own.refuses(scenario)
    }

    fn remembers(&self) -> bool {
        self.own.remembers()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let start = Instant::now();
        let choice = self.own.decide(slot)?;
        let own = start.elapsed();
        let start = Instant::now();
        let best = self.exact.decide(slot)?;
        let exact = start.elapsed();
        if let (Some(objective), Choice::Solved(Solution { outcome: Ok(best), .. })) =
            (objective(slot.problem(), &choice), best)
        {
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.compared += 1;
            // The proved bound may lie above by rounding.
            tally.gap += (objective - best.lower_bound).max(0.0) / objective.abs().max(f64::MIN_POSITIVE);
            tally.own += own;
            tally.exact += exact;
        }
        Ok(choice)
    }
}

/// Objective of a decision of the slot problem; none for anything else.
fn objective(problem: &SlotProblem, choice: &Choice) -> Option<f64> {
    match choice {
        Choice::Solved(Solution { outcome: Ok(best), .. }) => Some(best.evaluation.objective),
        Choice::Decision(decision) => evaluate(problem, decision).ok().map(|evaluation| evaluation.objective),
        _ => None,
    }
}
