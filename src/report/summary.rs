//! A run in numbers.

use serde::{Deserialize, Serialize};

use super::certificates::{OfflineSummary, certificates};
use super::convergence::ConvergenceSummary;
use super::margin::Margins;
use super::measured::MeasuredSummary;
use super::totals::Totals;
use super::verdict::BudgetVerdict;
use crate::lyapunov::certificate::Claim;
use crate::lyapunov::{Certificate, Omission};
use crate::simulation::{NodeRole, Provenance, RunRecord};
use crate::units::{Joules, Seconds};

/// Distribution of the round latency T over the planned rounds.
///
/// Quantiles interpolate linearly between order statistics, as `numpy.quantile` does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LatencySummary {
    /// Mean.
    pub mean_s: Seconds,
    /// Standard deviation over the rounds (divisor: number of rounds).
    pub std_s: Seconds,
    /// Median.
    pub p50_s: Seconds,
    /// 90th percentile.
    pub p90_s: Seconds,
    /// 99th percentile.
    pub p99_s: Seconds,
}

/// How close to optimal the planned rounds are proved to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GapSummary {
    /// Median of (objective − lower bound)/|objective|.
    pub median: f64,
    /// Largest of them.
    pub max: f64,
    /// Gap that was asked for.
    pub tolerance: f64,
    /// Planned rounds whose gap is within it.
    pub rounds_within: u64,
}

/// Slots without a round for one and the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OutageSummary {
    /// The reason.
    pub reason: String,
    /// How many slots.
    pub slots: u64,
}

/// How often a plan was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanSummary {
    /// I: local iterations.
    pub local_iterations: u32,
    /// M: micro-batches.
    pub micro_batches: u32,
    /// Planned rounds with this plan.
    pub rounds: u64,
    /// These rounds as a share of all planned rounds, in [0, 1].
    pub share: f64,
}

/// A cluster over the planned rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterSummary {
    /// Its name.
    pub name: String,
    /// Mean of T_n; none without planned rounds.
    pub mean_latency_s: Option<Seconds>,
    /// Mean of μ_n, the cluster's share in the price of the round latency; none without planned rounds, and for a
    /// policy without prices.
    pub mean_latency_share: Option<f64>,
}

/// What a device held over the planned rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SegmentSummary {
    /// Mean number of encoder blocks over the rounds it took part in; none if it never did.
    pub mean_blocks: Option<f64>,
    /// Share of the planned rounds it took part in, in [0, 1].
    pub share: f64,
}

/// A node over all slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NodeSummary {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: NodeRole,
    /// Mean energy per slot; an outage counts as a slot in which nothing was spent, but for rounds that failed.
    pub mean_energy_j: Joules,
    /// Ē: the budget; none for a node without one.
    pub budget_j: Option<Joules>,
    /// Mean energy over budget; none without a positive budget.
    pub budget_share: Option<f64>,
    /// Q(R): the queue at the end, in budgets.
    pub final_queue: f64,
    /// Certificate C1, recomputed from the record's energies and queues: after every slot the average overspend so far,
    /// in budgets, is at most the queue's growth over the number of slots. None without a positive budget.
    pub certificate: Option<Certificate>,
    /// What it held; none for a control unit and for a run without planned rounds.
    pub segment: Option<SegmentSummary>,
}

/// A run in numbers; prints as a table for the terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Summary {
    /// Whether the energy budgets are kept; none without budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<BudgetVerdict>,
    /// Where the record comes from.
    pub provenance: Provenance,
    /// L: encoder blocks of the model.
    pub blocks: u32,
    /// Slots in the record; fewer than were asked for where the run was interrupted.
    pub slots: u64,
    /// Slots in which a round was planned.
    pub planned: u64,
    /// The others by reason, the most frequent first.
    pub outages: Vec<OutageSummary>,
    /// Round latency; none without planned rounds.
    pub latency: Option<LatencySummary>,
    /// What was measured; none for a run that was only planned. Latencies elsewhere in the summary are those planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredSummary>,
    /// Gaps; none without planned rounds, and for a policy that proves nothing.
    pub gap: Option<GapSummary>,
    /// One entry per candidate plan.
    pub plans: Vec<PlanSummary>,
    /// One entry per cluster.
    pub clusters: Vec<ClusterSummary>,
    /// One entry per node of the record.
    pub nodes: Vec<NodeSummary>,
    /// Margins of budgets, and what an overspend of 0 needs; none without budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margins: Option<Margins>,
    /// What was learned; none without a convergence constraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<ConvergenceSummary>,
    /// What the run proves: C1 of every node with a budget, then what its comparison gives.
    #[serde(default)]
    pub certificates: Vec<Claim>,
    /// Certificates that cannot be given, and why.
    #[serde(default)]
    pub omitted_certificates: Vec<Omission>,
    /// What was possible; none for a run that was not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineSummary>,
}

impl Summary {
    /// Whether certificate C1 holds for every node with a budget, and for the convergence constraint if there is one.
    #[must_use]
    pub fn certified(&self) -> bool {
        let learned = self.convergence.iter().filter_map(|convergence| convergence.certificate);
        self.nodes.iter().filter_map(|node| node.certificate).chain(learned).all(|certificate| certificate.holds())
    }

    /// The summary as aligned text, units in the headers.
    #[must_use]
    pub fn to_table(&self) -> String {
        self.to_string()
    }
}

/// Sums a run up. A record without slots or without planned rounds gives a summary that says so.
///
/// ```
/// use collapipe::report::summary;
/// use collapipe::simulation::RunRecord;
/// # let text = r#"{
/// #     "schema": "collapipe.run-record/1", "clusters": [], "blocks": 12, "nodes": [], "plans": [], "slots": [],
/// #     "provenance": {
/// #         "version": "0.1.0", "scenario": "none", "scenario_digest": "00", "seed": 1, "latency_weight": 1.0,
/// #         "slots_planned": 0
/// #     }
/// # }"#;
/// let record: RunRecord = serde_json::from_str(text)?;
/// let summary = summary(&record);
/// assert_eq!(summary.slots, record.slots.len() as u64);
/// assert!(summary.certified());
/// println!("{summary}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn summary(record: &RunRecord) -> Summary {
    let mut totals = Totals::new(record);
    record.slots.iter().for_each(|slot| totals.take(record, slot));
    totals.summary(record, certificates(record))
}
