//! A run in numbers.

use serde::{Deserialize, Serialize};

use super::certificates::{OfflineSummary, certificates};
use super::convergence::{ConvergenceSummary, convergence};
use super::margin::{Margins, margins};
use super::measured::{MeasuredSummary, measured};
use super::series::{budget, devices, energy, quantile, sorted};
use super::verdict::{BudgetVerdict, Kept, verdict};
use crate::lyapunov::certificate::{CertificateName, Claim};
use crate::lyapunov::{Certificate, Omission, Proofs};
use crate::simulation::{NodeRecord, NodeRole, Outage, PlannedSlot, Provenance, RunRecord, SlotOutcome};
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
    let planned = record.planned_slots().count() as u64;
    let Proofs { mut claims, omissions, offline } = certificates(record);
    let nodes = nodes(record);
    let budgets = verdict(record, &nodes);
    // Where nothing keeps the budgets there is no least latency within them. A latency below 0 is no news either.
    let impossible = budgets.as_ref().is_some_and(|of| of.verdict == Kept::CannotBeKept);
    let offline = offline.filter(|_| !impossible);
    claims.retain(|claim| claim.name != CertificateName::D || claim.value >= 0.0);
    Summary {
        margins: margins(&record.nodes, &nodes),
        budgets,
        provenance: record.provenance.clone(),
        blocks: record.blocks,
        slots: record.slots.len() as u64,
        planned,
        outages: outages(record),
        latency: latency(record),
        measured: measured(record),
        gap: gap(record),
        plans: plans(record, planned),
        clusters: clusters(record),
        nodes,
        convergence: convergence(record),
        certificates: claims,
        omitted_certificates: omissions,
        offline: offline.map(Into::into),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0u64, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

fn outages(record: &RunRecord) -> Vec<OutageSummary> {
    let mut outages: Vec<OutageSummary> = Vec::new();
    for slot in &record.slots {
        let SlotOutcome::Outage(Outage { reason, .. }) = &slot.outcome else { continue };
        match outages.iter_mut().find(|outage| outage.reason == *reason) {
            Some(outage) => outage.slots += 1,
            None => outages.push(OutageSummary { reason: reason.clone(), slots: 1 }),
        }
    }
    outages.sort_by_key(|outage| std::cmp::Reverse(outage.slots));
    outages
}

fn latency(record: &RunRecord) -> Option<LatencySummary> {
    let values = sorted(record.planned_slots().map(|(_, planned)| planned.latency_s.0));
    let mean_s = mean(values.iter().copied())?;
    let variance = mean(values.iter().map(|value| (value - mean_s).powi(2)))?;
    Some(LatencySummary {
        mean_s: Seconds(mean_s),
        std_s: Seconds(variance.sqrt()),
        p50_s: Seconds(quantile(&values, 0.5)?),
        p90_s: Seconds(quantile(&values, 0.9)?),
        p99_s: Seconds(quantile(&values, 0.99)?),
    })
}

fn gap(record: &RunRecord) -> Option<GapSummary> {
    let gaps = sorted(record.planned_slots().filter_map(|(_, planned)| planned.gap));
    let tolerance = record.provenance.gap_tolerance?;
    Some(GapSummary {
        median: quantile(&gaps, 0.5)?,
        max: *gaps.last()?,
        tolerance,
        rounds_within: gaps.iter().filter(|gap| **gap <= tolerance).count() as u64,
    })
}

fn plans(record: &RunRecord, planned: u64) -> Vec<PlanSummary> {
    let mut rounds = vec![0u64; record.plans.len()];
    for (_, slot) in record.planned_slots() {
        if let Some(count) = rounds.get_mut(slot.plan) {
            *count += 1;
        }
    }
    let summed = record.plans.iter().zip(rounds);
    summed
        .map(|(plan, rounds)| PlanSummary {
            local_iterations: plan.local_iterations,
            micro_batches: plan.micro_batches,
            rounds,
            share: rounds as f64 / planned.max(1) as f64,
        })
        .collect()
}

fn clusters(record: &RunRecord) -> Vec<ClusterSummary> {
    let of = |index: usize| record.planned_slots().filter_map(move |(_, planned)| planned.clusters.get(index));
    record
        .clusters
        .iter()
        .enumerate()
        .map(|(index, name)| ClusterSummary {
            name: name.clone(),
            mean_latency_s: mean(of(index).map(|cluster| cluster.latency_s.0)).map(Seconds),
            mean_latency_share: mean(of(index).filter_map(|cluster| cluster.latency_share)),
        })
        .collect()
}

fn nodes(record: &RunRecord) -> Vec<NodeSummary> {
    let mut segments = vec![None; record.nodes.len()];
    for cluster in 0..record.clusters.len() {
        for (position, (node, _)) in devices(record, cluster).enumerate() {
            if let Some(segment) = segments.get_mut(node) {
                *segment = held(record, cluster, position);
            }
        }
    }
    let with_segments = record.nodes.iter().enumerate().zip(segments);
    with_segments
        .map(|((index, node), segment)| {
            let mean_energy = mean(record.slots.iter().map(|slot| energy(slot, index))).unwrap_or_default();
            let last = record.slots.last().and_then(|slot| slot.queues.get(index));
            NodeSummary {
                name: node.name.clone(),
                role: node.role,
                mean_energy_j: Joules(mean_energy),
                budget_j: node.budget_j,
                budget_share: budget(node).map(|budget| mean_energy / budget),
                final_queue: last.copied().unwrap_or_default(),
                certificate: certificate(record, index, node),
                segment,
            }
        })
        .collect()
}

fn held(record: &RunRecord, cluster: usize, device: usize) -> Option<SegmentSummary> {
    let size = |planned: &PlannedSlot| {
        planned.clusters.get(cluster).and_then(|cluster| cluster.sizes.get(device)).copied().unwrap_or_default()
    };
    let share = mean(record.planned_slots().map(|(_, planned)| f64::from(size(planned) > 0)))?;
    let sizes = record.planned_slots().map(|(_, planned)| size(planned)).filter(|size| *size > 0);
    Some(SegmentSummary { mean_blocks: mean(sizes.map(f64::from)), share })
}

/// C1 from the record's own queues: a queue that was updated by any other law shows here.
fn certificate(record: &RunRecord, index: usize, node: &NodeRecord) -> Option<Certificate> {
    let budget = budget(node)?;
    let initial = record.initial_queues.get(index).copied().unwrap_or(0.0);
    let slots = record.slots.iter();
    Certificate::of_queue(
        initial,
        slots.map(|slot| Some((energy(slot, index) / budget - 1.0, *slot.queues.get(index)?))),
    )
}
