//! What a solve says to whoever listens: two events, at its start and at its end.

use tracing::{debug, warn};

use super::{Settings, Solution, SolveError};
use crate::problem::SlotProblem;

/// The name by which all events of the solver are filtered.
const TARGET: &str = "collapipe::solver";

pub(super) fn begun(problem: &SlotProblem, settings: &Settings) {
    debug!(
        target: TARGET,
        clusters = problem.clusters.len(),
        devices = problem.clusters.iter().map(|cluster| cluster.devices.len()).sum::<usize>(),
        blocks = problem.encoder.blocks(),
        plans = problem.plans.len(),
        participation = ?problem.participation,
        gap = settings.gap,
        time_limit_s = settings.time_limit.map(|limit| limit.as_secs_f64()),
        work_limit = settings.work_limit,
        "solve begins"
    );
}

pub(super) fn ended(solved: &Result<Solution, SolveError>) {
    match solved {
        Ok(Solution { status, outcome: Ok(best), work, .. }) => debug!(
            target: TARGET,
            status = status.name(),
            objective = best.objective(),
            lower_bound = best.lower_bound,
            gap = best.gap,
            nodes = work.nodes,
            iterations = work.iterations,
            "solve ends"
        ),
        Ok(Solution { status, outcome: Err(reasons), .. }) => {
            debug!(target: TARGET, status = status.name(), %reasons, "solve ends");
        }
        // Valid input that got no answer.
        Err(error @ (SolveError::Numerical | SolveError::NoDecision { .. })) => {
            warn!(target: TARGET, %error, "solve ends without a decision");
        }
        Err(error) => debug!(target: TARGET, %error, "solve is refused"),
    }
}
