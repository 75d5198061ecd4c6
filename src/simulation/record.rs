//! What a run leaves behind: all that tables, figures and certificates are made from.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::compare::ComparisonRecord;
use super::outage::Outage;
use super::traffic::{MessageRecord, PipelineRecord};
use crate::bounds::ConvergenceConstraint;
use crate::problem::{
    CandidatePlan, Decision, DeviceId, LatencyParts, ObjectiveTerms, ServerUse, ShadowPrices, Status, Work,
};
use crate::scenario::ScenarioSpec;
use crate::text::{Finding, JsonFault, find_fields, inspect_json};
use crate::units::{Bytes, Joules, Seconds};

/// Name and version of the record's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum RunSchema {
    /// Version 1: decisions number the devices among those present in their slot. Such a record is read as one of
    /// version 2.
    #[serde(rename = "collapipe.run-record/1")]
    V1,
    /// Version 2: decisions number the devices in the scenario's list, as everything else does.
    #[default]
    #[serde(rename = "collapipe.run-record/2")]
    V2,
}

/// Where a record comes from: enough to run it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Where V comes from, in words, where the scenario named none and it was derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_weight_from: Option<String>,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeRole {
    /// Holds the data and the embedding; sends.
    ControlUnit,
    /// Computes segments and sends.
    Device,
    /// Computes the decoder, or what a policy leaves to it; its sending is not counted.
    EdgeServer,
}

/// A node whose energy is accounted for: control units and devices of all clusters, and edge servers whose power is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// What a joule of it costs besides the price of its queue, in seconds of the round.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub price_s_per_j: f64,
    /// Memory that a device has for segment and activations; none where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<Bytes>,
}

/// One cluster's part of a planned slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// What the edge server does for the cluster; left out where nobody counts it.
    #[serde(default, skip_serializing_if = "ServerUse::is_none")]
    pub edge_server: ServerUse,
    /// What one micro-batch takes in every stage and on every hop of the pipeline, end stages included; none where the
    /// policy trains in another way, or it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineRecord>,
    /// Everything that the round sends, in the order of the round; empty where it was not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<MessageRecord>,
}

/// A slot for which a decision was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// The whole decision, its devices numbered in the scenario's list of the cluster, whether they are present or not;
    /// none where the policy trains in another way than the slot problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What the solve cost.
    pub work: Work,
}

/// How a slot went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "outages are rare")]
pub enum SlotOutcome {
    /// A round was planned.
    Planned(PlannedSlot),
    /// No round was possible, or none was found; nothing was spent. A round that failed when it was executed is one, too:
    /// what it had spent is in the slot's energies.
    Outage(Outage),
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// E: what every node spent, in the order of [`RunRecord::nodes`]; as measured where the round was executed.
    pub energy_j: Vec<Joules>,
    /// Q after the slot, in budgets; 0 for nodes without a budget.
    pub queues: Vec<f64>,
    /// The convergence constraint's part; none in a run without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<ConvergenceSlot>,
    /// What was measured when the round was executed; none where it was only planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredSlot>,
}

/// What an executed round took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MeasuredSlot {
    /// T: the round's latency.
    pub latency_s: Seconds,
    /// T_n by part.
    pub clusters: Vec<MeasuredParts>,
    /// Operations that ended later than the emulation meant them to: with any, times say nothing about the plan.
    pub late: u64,
    /// Bytes that the nodes sent to each other in the round.
    pub sent_bytes: u64,
    /// What every node was to spend by the plan, in the order of [`RunRecord::nodes`], where the slot's energies are measured:
    /// from the time that it computed and that its messages were on air, at the plan's power. Empty where they are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned_energy_j: Vec<Joules>,
    /// Mean loss of the last iteration's batches; none where nothing was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Part of their targets that were met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// A cluster's measured latency by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MeasuredParts {
    /// From the first segment's departure to the last one's arrival.
    pub distribution_s: Seconds,
    /// All I iterations.
    pub iterations_s: Seconds,
    /// From the first segment's departure to the last one's arrival.
    pub collection_s: Seconds,
    /// The model's way to the edge server.
    pub upload_s: Seconds,
    /// T_n.
    pub latency_s: Seconds,
}

/// The convergence constraint in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, remote = "Self")]
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
    /// The nodes whose energy is accounted for: of each cluster the control unit, then its devices, then its edge server if
    /// that one's energy is counted.
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

impl Serialize for RunRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for RunRecord {
    /// In the form of version 2, whichever the file is of.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut record = Self::deserialize(deserializer)?;
        if record.schema == RunSchema::V1 {
            record.number_by_scenario().map_err(D::Error::custom)?;
        }
        Ok(record)
    }
}

/// A decision of a slot's problem with its devices numbered in the scenario's list; `present` are those that the problem
/// has. `None` for a device that the problem does not have.
pub(super) fn in_scenario(decision: Decision, present: &[Vec<usize>]) -> Option<Decision> {
    decision.renumbered(|n, k| present.get(n)?.get(k.0).copied().map(DeviceId))
}

impl RunRecord {
    /// Brings a record of version 1 into the form of version 2.
    fn number_by_scenario(&mut self) -> Result<(), String> {
        self.schema = RunSchema::V2;
        let compared = self.comparison.iter_mut().flat_map(|comparison| &mut comparison.slots);
        let mut compared = compared.map(|slot| slot.decisions.iter_mut());
        for (i, slot) in self.slots.iter_mut().enumerate() {
            let own = match &mut slot.outcome {
                SlotOutcome::Planned(planned) => planned.decision.as_mut(),
                SlotOutcome::Outage(_) => None,
            };
            let others = compared.next().into_iter().flatten().filter_map(|other| other.decision.as_mut());
            for decision in own.into_iter().chain(others) {
                let numbered = in_scenario(std::mem::take(decision), &slot.present);
                *decision =
                    numbered.ok_or_else(|| format!("slots[{i}]: a decision with a device that is not present"))?;
            }
        }
        Ok(())
    }
}

impl SlotRecord {
    /// What every node was to spend by the plan: what it spent, where that was not measured.
    #[must_use]
    pub fn planned_energy_j(&self) -> &[Joules] {
        match &self.measured {
            Some(measured) if !measured.planned_energy_j.is_empty() => &measured.planned_energy_j,
            _ => &self.energy_j,
        }
    }

    /// The round, if there was one.
    #[must_use]
    pub fn planned(&self) -> Option<&PlannedSlot> {
        match &self.outcome {
            SlotOutcome::Planned(planned) => Some(planned),
            SlotOutcome::Outage(_) => None,
        }
    }

    /// A recorded decision in this slot's state as one of the slot's problem, which has only the devices that are present.
    /// `None` for a decision with a device that was absent.
    #[must_use]
    pub fn among_present(&self, decision: &Decision) -> Option<Decision> {
        // Lists of present devices are in order.
        let number = |n: usize, k: DeviceId| self.present.get(n)?.binary_search(&k.0).ok().map(DeviceId);
        decision.clone().renumbered(number)
    }
}

impl RunRecord {
    /// A record from JSON, as [`Deserialize`] reads it: programs that call this need no reader of their own, which takes a while to compile.
    ///
    /// # Errors
    /// The first fault, with line and column.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// All that is wrong in the text of a record, and whether its queues followed their law.
    #[must_use]
    pub fn inspect(text: &str) -> Vec<Finding> {
        let (record, mut found) = inspect_json::<Self>(text, |_, found| JsonFault::not_numbers(found, |_| None));
        if let Some(Err(error)) = record.filter(|_| found.is_empty()).map(|record| record.history().map(|_| ())) {
            find_fields(text, &[error], &mut found);
        }
        found
    }

    /// All rounds with their slot numbers.
    pub fn planned_slots(&self) -> impl Iterator<Item = (u64, &PlannedSlot)> {
        self.slots.iter().filter_map(|slot| Some((slot.slot, slot.planned()?)))
    }
}
