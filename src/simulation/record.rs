//! What a run leaves behind, as data.

use serde::{Deserialize, Serialize};

use crate::lyapunov::Certificate;
use crate::problem::{Decision, LatencyParts, ObjectiveTerms, Plan, ShadowPrices, Status, Work};
use crate::scenario::ScenarioSpec;
use crate::solver::Settings;
use crate::units::{Joules, Seconds};

/// Name and version of the record format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RecordSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.run-record/1")]
    V1,
}

/// A run: where it comes from, its nodes, its slots. The same scenario, seed and settings give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRecord {
    /// Name and version of the format.
    pub schema: RecordSchema,
    /// What the run was made of.
    pub provenance: Provenance,
    /// Nodes whose energy is counted, cluster by cluster, with their state at the end.
    pub nodes: Vec<NodeRecord>,
    /// The slots that were played, in order; fewer than the scenario asks for where the run was stopped.
    pub slots: Vec<SlotRecord>,
}

/// What a run was made of: all that is needed to play it again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// Version of this crate.
    pub collapipe_version: String,
    /// FNV-1a hash (64 bit, hexadecimal) of the scenario's compact JSON below.
    pub scenario_fnv1a: String,
    /// Accuracy and limits of every slot's solve.
    pub settings: SolverSettings,
    /// The scenario as it was played, with slots, seed and latency weight.
    pub scenario: ScenarioSpec,
}

/// [`Settings`] as data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SolverSettings {
    /// Relative gap asked for.
    pub gap: f64,
    /// Most branch-and-bound nodes.
    pub nodes: u64,
}

impl From<Settings> for SolverSettings {
    fn from(settings: Settings) -> Self {
        Self { gap: settings.gap, nodes: settings.nodes }
    }
}

/// A node at the end of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeRecord {
    /// `cluster/device` or `cluster/control-unit`.
    pub name: String,
    /// Index of its cluster.
    pub cluster: usize,
    /// Index of the device in its cluster; `None` for the control unit.
    pub device: Option<usize>,
    /// Ē; `None` where the energy is not limited.
    pub budget_j_per_round: Option<Joules>,
    /// Q after the last slot; `None` without a budget.
    pub final_queue: Option<f64>,
    /// C1 after the last slot, in units of the budget; `None` without a budget or slots.
    pub certificate: Option<Certificate>,
}

impl NodeRecord {
    /// Name within the cluster.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(_, short)| short)
    }
}

/// A slot that was played.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SlotRecord {
    /// Its number, from 0.
    pub slot: u64,
    /// For each cluster the indices of the devices that were there.
    pub present: Vec<Vec<usize>>,
    /// Energy each node spent; all 0 in an outage.
    pub energy_j: Vec<Joules>,
    /// Z of each node with which the slot was decided, in objective units per joule.
    pub energy_price: Vec<f64>,
    /// Q of each node after the slot; `None` without a budget.
    pub queue: Vec<Option<f64>>,
    /// What came of it.
    pub outcome: Outcome,
}

impl SlotRecord {
    /// The decision and its costs; `None` for an outage.
    #[must_use]
    pub fn planned(&self) -> Option<&PlannedSlot> {
        match &self.outcome {
            Outcome::Planned(planned) => Some(planned),
            Outcome::Outage(_) => None,
        }
    }

    /// Why there was no round; `None` where there was one.
    #[must_use]
    pub fn outage(&self) -> Option<&Outage> {
        match &self.outcome {
            Outcome::Planned(_) => None,
            Outcome::Outage(outage) => Some(outage),
        }
    }
}

/// What came of a slot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A round was played.
    Planned(Box<PlannedSlot>),
    /// No round: no energy was spent, and there is no latency.
    Outage(Outage),
}

/// Why a slot had no round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// The kind of reason.
    pub cause: Cause,
    /// The reason, in the names of the slot's problem.
    pub reason: String,
}

/// Kinds of outages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// A cluster had no device.
    NoDevices,
    /// No decision satisfies the slot's constraints.
    Infeasible,
    /// The solver gave up for numerical reasons.
    Numerical,
}

/// A slot's decision and its costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedSlot {
    /// Whether the gap asked for was reached.
    pub status: Status,
    /// T.
    pub round_latency_s: Seconds,
    /// V·T + Σ Z·E + penalty.
    pub objective: f64,
    /// No decision for this slot has a smaller objective.
    pub lower_bound: f64,
    /// (objective − lower bound)/|objective|.
    pub gap: f64,
    /// The objective, split.
    pub terms: ObjectiveTerms,
    /// The plan.
    pub plan: Plan,
    /// The clusters, in the scenario's order.
    pub clusters: Vec<ClusterRecord>,
    /// Marginal values of the shared resources.
    pub shadow_prices: ShadowPrices,
    /// The whole decision; its devices are numbered among those present.
    pub decision: Decision,
    /// What the solve cost.
    pub work: Work,
}

/// A cluster in a slot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterRecord {
    /// T_n.
    pub latency_s: Seconds,
    /// T_n by part.
    pub parts: LatencyParts,
    /// Encoder blocks on each of the scenario's devices; 0 for those that took no part.
    pub sizes: Vec<u32>,
}
