//! The search for the best plan.

use serde::{Deserialize, Serialize};

use super::cheapest::Cheapest;
use super::error::{NoPartition, PartitionError};
use super::plan::{PartitionPlan, PlanEvaluation, evaluate_plan};
use super::problem::{DeviceUse, PartitionObjective, PartitionProblem, StageCount};
use super::reach::{Reached, reach, words};
use super::scheduled::{Target, scheduled};
use super::space::Space;
use super::sum_plus_max::sum_plus_max;
use super::tables::{MOST_ENTRIES, Placed, Tables};
use crate::ground::check::FieldError;

/// How long a search may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartitionSettings {
    /// Most operations of a search that has no natural end in sight, roughly additions of doubles; the answer is the
    /// same on every machine. `Bottleneck` and `Latency` are one pass and ignore it.
    pub work_limit: Option<u64>,
}

impl Default for PartitionSettings {
    /// Some ten seconds.
    fn default() -> Self {
        Self { work_limit: Some(10_000_000_000) }
    }
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PartitionStatus {
    /// No plan is better.
    Optimal,
    /// The limit on work came first: no plan is better than the lower bound.
    WorkLimit,
}

/// The best plan found, and the proof of how good it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Partition {
    /// Why the search ended.
    pub status: PartitionStatus,
    /// The plan.
    pub plan: PartitionPlan,
    /// Its objective in seconds, as [`evaluate_plan`] computes it.
    pub value_s: f64,
    /// No plan has a smaller objective; that of an optimal plan may differ from its value by the rounding of sums.
    pub lower_bound_s: f64,
    /// What the plan costs, step by step.
    pub evaluation: PlanEvaluation,
}

impl Partition {
    /// (value − lower bound) / value; 0 for a value of 0.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.value_s > 0.0 { (self.value_s - self.lower_bound_s) / self.value_s } else { 0.0 }
    }
}

/// What a search found, in types of devices.
pub(super) struct Found {
    pub plan: Vec<Placed>,
    pub lower_bound: f64,
    pub status: PartitionStatus,
}

/// The best plan of a partition problem, with a proof.
///
/// Exact: `Bottleneck` bisects the seconds that stages and links can take and asks for each whether a plan stays within
/// them; `Latency` is a shortest path; `SumPlusMax` combines both. Deterministic, on one thread.
///
/// # Errors
/// [`PartitionError::Infeasible`] says what cannot be placed; [`PartitionError::TooLarge`] where a free order has too
/// many different devices: with up to 63 layers, 20 for `Bottleneck` and 14 for the other objectives; equal devices
/// count once.
///
/// ```
/// use collapipe::partition::{
///     DeviceOrder, PartitionDevice, PartitionObjective, PartitionProblem, PartitionSettings, PartitionSpec,
///     solve_partition,
/// };
///
/// let seconds = [3.0, 1.0, 2.0, 2.0];
/// let device = |slowness| PartitionDevice::scaled("", &seconds, &[], slowness);
/// let problem = PartitionProblem::new(PartitionSpec {
///     order: DeviceOrder::Free,
///     ..PartitionSpec::new(vec![device(1.0), device(0.5)], PartitionObjective::Bottleneck)
/// })?;
/// let best = solve_partition(&problem, &PartitionSettings::default())?;
/// assert_eq!((best.value_s, best.lower_bound_s), (3.0, 3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn solve_partition(problem: &PartitionProblem, settings: &PartitionSettings) -> Result<Partition, PartitionError> {
    if settings.work_limit == Some(0) {
        return Err(FieldError::new("work_limit", 0, "null or at least 1").into());
    }
    count_stages(problem)?;
    let tables = Tables::new(problem)?;
    let found = match problem.objective {
        PartitionObjective::Bottleneck => {
            let space = space(problem, &tables, words(tables.layers))?;
            let plan = bottleneck(&tables, &space)?;
            Found { lower_bound: tables.busiest(&plan), plan, status: PartitionStatus::Optimal }
        }
        PartitionObjective::Latency => {
            let space = space(problem, &tables, Cheapest::words(tables.layers))?;
            let best = Cheapest::new(&tables, &space).within(f64::INFINITY);
            let (lower_bound, plan) = best.map_or_else(|| Err(no_plan(&tables, &space)), Ok)?;
            Found { plan, lower_bound, status: PartitionStatus::Optimal }
        }
        PartitionObjective::SumPlusMax { micro_batches } => {
            let space = space(problem, &tables, Cheapest::words(tables.layers))?;
            sum_plus_max(&tables, &space, micro_batches, settings)?
        }
        PartitionObjective::Schedule { schedule, micro_batches, sending } => {
            scheduled(problem, &tables, Target { schedule, micro_batches, sending }, settings)?
        }
    };
    finished(problem, &tables, found)
}

fn finished(problem: &PartitionProblem, tables: &Tables, found: Found) -> Result<Partition, PartitionError> {
    let plan = PartitionPlan { stages: tables.devices(&found.plan) };
    let evaluation = evaluate_plan(problem, &plan).map_err(|_| PartitionError::Internal("a plan that is no chain"))?;
    if !evaluation.violations.is_empty() {
        return Err(PartitionError::Internal("a plan that breaks a rule"));
    }
    let value_s = evaluation.value_s;
    let lower_bound_s = found.lower_bound.min(value_s);
    Ok(Partition { status: found.status, plan, value_s, lower_bound_s, evaluation })
}

fn space(problem: &PartitionProblem, tables: &Tables, per_state: usize) -> Result<Space, PartitionError> {
    let counts: Vec<usize> = tables.kinds.iter().map(Vec::len).collect();
    Space::new(problem, problem.stages, &counts, per_state, MOST_ENTRIES)
}

/// What counting finds without any search.
fn count_stages(problem: &PartitionProblem) -> Result<(), NoPartition> {
    let (layers, devices) = (problem.layers.len(), problem.devices.len());
    let all = problem.use_devices == DeviceUse::All;
    let (least, most) = match problem.stages {
        StageCount::Exactly(stages) => (stages, Some(stages)),
        StageCount::AtMost(stages) => (1, Some(stages)),
        StageCount::Any => (1, None),
    };
    if least > devices {
        return Err(NoPartition::FewDevices { devices, stages: least });
    }
    match most.filter(|most| all && devices > *most) {
        Some(stages) => Err(NoPartition::FewStages { devices, stages }),
        None => {
            let stages = if all { least.max(devices) } else { least };
            if layers < stages { Err(NoPartition::FewLayers { layers, stages }) } else { Ok(()) }
        }
    }
}

/// Why no plan at all was found.
pub(super) fn no_plan(tables: &Tables, space: &Space) -> PartitionError {
    let layers = tables.layers;
    match reach(tables, space, f64::INFINITY) {
        Reached::Plan(_) => PartitionError::Internal("a plan that one search finds and another does not"),
        Reached::UpTo(placed) => refusal(tables, placed, layers).into(),
    }
}

fn refusal(tables: &Tables, placed: usize, layers: usize) -> NoPartition {
    let kinds = 0..tables.kinds.len();
    let held = |layer: usize| {
        let stage =
            |kind| (0..=layer).any(|first| tables.stages_from(kind, first)[layer + 1..].iter().any(|s| s.is_finite()));
        kinds.clone().any(stage)
    };
    match (0..layers).find(|layer| !held(*layer)) {
        Some(layer) => NoPartition::Layer { layer },
        None if placed == layers => NoPartition::Ends { layers },
        None => NoPartition::Chain { placed, layers },
    }
}

/// The plan whose busiest step is least: bisection over all seconds that a step can take.
pub(super) fn bottleneck(tables: &Tables, space: &Space) -> Result<Vec<Placed>, PartitionError> {
    let mut best = match reach(tables, space, f64::INFINITY) {
        Reached::Plan(plan) => plan,
        Reached::UpTo(placed) => return Err(refusal(tables, placed, tables.layers).into()),
    };
    let low = tables.least_step();
    let high = tables.busiest(&best);
    let mut values: Vec<f64> = tables.steps().filter(|value| (low..high).contains(value)).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    // Values below `from` are too little. What is near the first that is not obviously so is quick to refuse.
    let mut from = values.partition_point(|value| !tables.could_hold(*value));
    let mut stride = Some(1 + values.len() / 256);
    while from < values.len() {
        let left = values.len() - from;
        let next = from + stride.map_or(left / 2, |stride| stride.min(left - 1));
        match reach(tables, space, values[next]) {
            Reached::Plan(plan) => {
                let high = tables.busiest(&plan);
                best = plan;
                values.truncate(values.partition_point(|value| *value < high));
                stride = None;
            }
            Reached::UpTo(_) => {
                from = next + 1;
                stride = stride.map(|stride| 2 * stride);
            }
        }
    }
    Ok(best)
}
