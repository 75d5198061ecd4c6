//! The radio problem alone: bandwidths and powers for a given plan, devices and sizes.

use super::backend::RadioFor;
use super::meter::Meter;
use super::refusal::{Reason, segment_reasons};
use super::{Settings, Solution, SolveError, Solver, check};
use crate::problem::{FieldError, Participation, SlotProblem, SlotSpec};

/// Minimizes over bandwidths and powers; plan, active devices and sizes are given.
///
/// For fixed integers the whole network problem is convex (formulation, section 3), and this is its exact solver: the
/// same code as [`solve`](super::solve), on domains that hold one choice. The decision's plan is the given one.
///
/// # Errors
/// [`SolveError::Question`] where the integers do not fit the problem, and as [`solve`](super::solve).
pub fn solve_radio(problem: &SlotProblem, given: &RadioFor, settings: &Settings) -> Result<Solution, SolveError> {
    let mut solver = Solver::new(*settings)?;
    let meter = Meter::start(settings, None);
    check(problem)?;
    given.check(problem)?;
    let reasons = given.reasons(problem);
    if !reasons.is_empty() {
        return Ok(Solution::infeasible(problem, reasons));
    }
    let planned = problem.with_plans(&[given.plan]);
    let each = problem.clusters.iter().zip(&given.clusters);
    let domains = each.map(|(cluster, segments)| segments.domain(cluster.devices.len()));
    let mut solution = solver.within(&planned, &domains.collect::<Vec<_>>(), meter)?;
    if let Ok(certified) = &mut solution.outcome {
        certified.decision.plan = given.plan;
    }
    Ok(solution)
}

impl RadioFor {
    /// Whether the integers fit the problem's dimensions.
    ///
    /// # Errors
    /// [`FieldError`] names the first that does not.
    pub fn check(&self, problem: &SlotSpec) -> Result<(), FieldError> {
        let plans = problem.plans.len();
        if self.plan >= plans {
            return Err(FieldError::new("plan", self.plan, format!("below {plans}, the number of plans")));
        }
        let (found, expected) = (self.clusters.len(), problem.clusters.len());
        if found != expected {
            return Err(FieldError::new("clusters", format!("a list of {found}"), format!("a list of {expected}")));
        }
        let all = problem.participation == Participation::All;
        for (n, (segments, cluster)) in self.clusters.iter().zip(&problem.clusters).enumerate() {
            let devices = cluster.devices.len();
            segments
                .check(devices, problem.encoder.blocks(), all)
                .map_err(|error| error.within(format_args!("clusters[{n}]")))?;
        }
        Ok(())
    }

    /// What makes the integers infeasible, whatever the radio does; empty where nothing does. They must fit the
    /// problem.
    pub(crate) fn reasons(&self, problem: &SlotSpec) -> Vec<Reason> {
        let each = self.clusters.iter().enumerate();
        each.flat_map(|(n, segments)| segment_reasons(problem, n, segments)).collect()
    }
}
