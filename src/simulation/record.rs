//! What a run leaves behind: all that tables, figures and certificates are made from.

use serde::{Deserialize, Serialize};

use super::compare::ComparisonRecord;
use super::outage::Outage;
use crate::bounds::ConvergenceConstraint;
use crate::problem::{CandidatePlan, Decision, LatencyParts, ObjectiveTerms, ShadowPrices, Status, Work};
use crate::scenario::ScenarioSpec;
use crate::units::{Bytes, Joules, Seconds};

/// Name and version of the record's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RunSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.run-record/1")]
    V1,
}

/// Where a record comes from: enough to run it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Provenance {
    /// Version of this crate.
    pub version: String,
    /// The scenario's name.
    pub scenario: String,
    /// FNV-1a digest (64 bits, in hex) of the compact JSON of the scenario as it was run, options of the command line
    /// applied.
    pub scenario_digest: String,
    /// Base seed.
    pub seed: u64,
    /// V: objective units per second.
    pub latency_weight: f64,
    /// How many slots were asked for; fewer are recorded where the run was interrupted.
    pub slots_planned: u64,
    /// Who decided the rounds: [`Policy::name`](super::Policy::name).
    #[serde(default = "exact")]
    pub policy: String,
    /// Relative gap asked of every slot; none where the policy asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_tolerance: Option<f64>,
}

/// Who decided the rounds of records that do not say so.
fn exact() -> String {
    "exact".into()
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeRole {
    /// Holds the data and the embedding; sends.
    ControlUnit,
    /// Computes segments and sends.
    Device,
}

/// A node whose energy is accounted for: control units and devices of all clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NodeRecord {
    /// Unique and readable, as `lab/pi-1`.
    pub name: String,
    /// Index of its cluster.
    pub cluster: usize,
    /// What it is.
    pub role: NodeRole,
    /// Ē(1 − δ): the budget that was played, energy per round; none for a node without a budget.
    pub budget_j: Option<Joules>,
    /// Ē, where a margin δ > 0 was kept from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_budget_j: Option<Joules>,
}

/// One cluster's part of a planned slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterPlan {
    /// T_n.
    pub latency_s: Seconds,
    /// T_n by part.
    pub parts: LatencyParts,
    /// Encoder blocks on each of the scenario's devices of the cluster, in its order; 0 where a device is absent or not
    /// chosen.
    pub sizes: Vec<u32>,
    /// μ_n: share in the price of the round latency; none where the policy has no prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_share: Option<f64>,
    /// Memory for segment and activations on each of the scenario's devices of the cluster; empty where it was not
    /// recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memory_bytes: Vec<Bytes>,
    /// Time in the round that each of them computes at its achieved rate, overheads and waiting left out; empty where
    /// it was not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compute_s: Vec<Seconds>,
}

/// A slot for which a decision was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlannedSlot {
    /// How the solve ended; `feasible` where the policy has no proof.
    pub status: Status,
    /// Of the slot problem: V·T + Σ Z·E + penalty.
    pub objective: f64,
    /// No decision has a smaller objective; none where the policy has no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_bound: Option<f64>,
    /// (objective − lower bound)/|objective|; none without a lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// T: the round's latency.
    pub latency_s: Seconds,
    /// Index of the chosen plan in [`RunRecord::plans`].
    pub plan: usize,
    /// One entry per cluster.
    pub clusters: Vec<ClusterPlan>,
    /// The objective, split.
    pub terms: ObjectiveTerms,
    /// Marginal values of the shared resources; none where the policy has no prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_prices: Option<ShadowPrices>,
    /// The whole decision, its devices numbered among those present; none where the policy trains in another way than
    /// the slot problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What the solve cost.
    pub work: Work,
}

/// How a slot went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "outages are rare")]
pub enum SlotOutcome {
    /// A round was planned.
    Planned(PlannedSlot),
    /// No round was possible, or none was found; nothing was spent.
    Outage(Outage),
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SlotRecord {
    /// t, from 0.
    pub slot: u64,
    /// For each cluster the indices of the scenario's devices that were there.
    pub present: Vec<Vec<usize>>,
    /// Z of every node as the slot was decided, in objective units per joule, in the order of [`RunRecord::nodes`].
    pub energy_prices: Vec<f64>,
    /// What was decided.
    pub outcome: SlotOutcome,
    /// E: what every node spent, in the order of [`RunRecord::nodes`].
    pub energy_j: Vec<Joules>,
    /// Q after the slot, in budgets; 0 for nodes without a budget.
    pub queues: Vec<f64>,
    /// The convergence constraint's part; none in a run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<ConvergenceSlot>,
}

/// The convergence constraint in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConvergenceSlot {
    /// g of the plan that was played, Δ/R without a round; in loss.
    pub violation: f64,
    /// H after the slot, in units of [`ConvergenceRecord::scale`].
    pub queue: f64,
}

/// The convergence constraint of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConvergenceRecord {
    /// The constraint, its horizon the slots asked for.
    pub constraint: ConvergenceConstraint,
    /// G: unit of the queue H, in loss.
    pub scale: f64,
    /// g of every candidate plan, in loss, in the order of [`RunRecord::plans`].
    pub violations: Vec<f64>,
    /// H(0) of a warm start, in units of `scale`; 0 for a queue that started empty.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub initial_queue: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// A whole run, or the finished part of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunRecord {
    /// Format.
    pub schema: RunSchema,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The scenario as it was run; none for a record that was not made from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<Box<ScenarioSpec>>,
    /// Names of the clusters.
    pub clusters: Vec<String>,
    /// L: encoder blocks of the model.
    pub blocks: u32,
    /// The nodes whose energy is accounted for: of each cluster the control unit, then its devices.
    pub nodes: Vec<NodeRecord>,
    /// Candidate plans, with the scenario's own penalties.
    pub plans: Vec<CandidatePlan>,
    /// The convergence constraint; none in a run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<ConvergenceRecord>,
    /// Q(0) of a warm start, in budgets, in the order of `nodes`; empty for queues that started empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial_queues: Vec<f64>,
    /// The slots so far, in order.
    pub slots: Vec<SlotRecord>,
    /// What else was possible in the slots' states; none where that was not examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonRecord>,
}

impl SlotRecord {
    /// The round, if there was one.
    #[must_use]
    pub fn planned(&self) -> Option<&PlannedSlot> {
        match &self.outcome {
            SlotOutcome::Planned(planned) => Some(planned),
            SlotOutcome::Outage(_) => None,
        }
    }
}

impl RunRecord {
    /// All rounds with their slot numbers.
    pub fn planned_slots(&self) -> impl Iterator<Item = (u64, &PlannedSlot)> {
        self.slots.iter().filter_map(|slot| Some((slot.slot, slot.planned()?)))
    }
}
