//! A plan for people: who does what in the round, where the time goes, what everything is worth, and why nobody does something else.
//!
//! [`explain`] takes a problem and a solution of it and answers with a [`PlanReport`]: plain data, with a table
//! ([`PlanReport::to_table`]), a page ([`PlanReport::to_html`]), and per cluster a pipeline that can be drawn or traced.
//!
//! *Why* is answered by solving again: without a device, with one that was left out, with a block more or less, with more
//! bandwidth, memory or power. Every such answer is an optimum with a gap of its own, not an estimate.

mod device;
mod lasting;
mod page;
mod pipeline;
mod report;
mod table;
mod variant;
mod why;

pub use lasting::{LastingError, Typical, lasting, lasting_state, settled_prices};
pub use report::{
    ClusterReport, DeviceReport, HopReport, Limit, NamedCluster, NamedDevice, Names, Part, Pipeline, PlanReport, Price,
    Resource, Step, Variant, Why,
};

use crate::ground::route::Route;
use crate::problem::program::ClusterProgram;
use crate::problem::{FieldError, SlotProblem, evaluate};
use crate::solver::{Certified, Settings, SolveError};

/// What is said about a decision of a problem; the numbers are those of [`evaluate`] and of the solver.
///
/// `names` are those of clusters and devices, `settings` those with which variants are solved: with K devices there are
/// about 5 K of them.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::plan::{Names, explain};
/// use collapipe::solver::{Settings, solve};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(4)?;
/// let solution = solve(&problem, &Settings::default())?;
/// let best = solution.certified().ok_or("infeasible")?;
/// let report = explain(&problem, best, &Names::default(), &Settings::default())?;
/// let parts: f64 = report.clusters[0].parts.iter().map(|part| part.seconds).sum();
/// assert!((parts - report.clusters[0].latency_s).abs() <= 1e-9 * parts);
/// println!("{}", report.to_table());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`solve`](crate::solver::solve), for a variant; a decision that does not fit the problem.
pub fn explain(
    problem: &SlotProblem,
    best: &Certified,
    names: &Names,
    settings: &Settings,
) -> Result<PlanReport, ExplainError> {
    let Why { variants, prices } = why(problem, best, names, settings)?;
    Ok(PlanReport { variants, prices, ..outline(problem, best, names)? })
}

/// The same without what else was possible and what more would be worth: nothing is solved for it, and [`why`] says the rest.
///
/// # Errors
/// [`ExplainError::Decision`] and [`ExplainError::Pipeline`].
pub fn outline(problem: &SlotProblem, best: &Certified, names: &Names) -> Result<PlanReport, ExplainError> {
    let evaluation = evaluate(problem, &best.decision).map_err(|error| ExplainError::Decision(error.to_string()))?;
    let plan =
        problem.plans.get(best.decision.plan).ok_or_else(|| ExplainError::Decision("plan: no such plan".into()))?;
    let mut clusters = Vec::with_capacity(problem.clusters.len());
    for (index, (cluster, choice)) in problem.clusters.iter().zip(&best.decision.clusters).enumerate() {
        let of_cluster = device::Described {
            program: ClusterProgram::new(problem, cluster).under(plan),
            route: Route::through(&choice.active, cluster.devices.len()),
            choice,
            names: names.of(index),
            evaluation: evaluation.clusters.get(index),
        };
        clusters.push(of_cluster.report(index)?);
    }
    Ok(PlanReport {
        plan: best.decision.plan,
        local_iterations: plan.local_iterations,
        micro_batches: plan.micro_batches,
        schedule: plan.schedule,
        latency_weight: problem.latency_weight,
        round_latency_s: evaluation.round_latency.0,
        objective: evaluation.objective,
        lower_bound: best.lower_bound,
        gap: best.gap,
        clusters,
        variants: Vec::new(),
        prices: Vec::new(),
    })
}

/// What else was possible, and what more would be worth: what [`explain`] solves for.
///
/// # Errors
/// As [`solve`](crate::solver::solve), for a variant.
pub fn why(problem: &SlotProblem, best: &Certified, names: &Names, settings: &Settings) -> Result<Why, ExplainError> {
    why::Asked { problem, best, names, settings }.answer()
}

/// Why a decision could not be explained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// It is not a decision of the problem.
    #[error("decision: {0}")]
    Decision(String),
    /// A pipeline with more events than can be played.
    #[error(transparent)]
    Pipeline(#[from] FieldError),
    /// A variant could not be solved.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

impl crate::Blamed for ExplainError {
    fn blame(&self) -> crate::Blame {
        match self {
            Self::Decision(_) => crate::Blame::Input,
            Self::Pipeline(error) => error.blame(),
            Self::Solve(error) => error.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Decision(_) => None,
            Self::Pipeline(error) => error.field(),
            Self::Solve(error) => error.field(),
        }
    }
}
