//! A run in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::statistics::{mean, percentile, sorted};
use crate::lyapunov::Certificate;
use crate::problem::Status;
use crate::simulation::{NodeRecord, PlannedSlot, RunRecord};
use crate::units::{Joules, Seconds};

/// Name and version of the summary format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum SummarySchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.run-summary/1")]
    V1,
}

/// A run in numbers. Means and percentiles are over the slots that had a round, energies over all slots.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name and version of the format.
    pub schema: SummarySchema,
    /// Name of the scenario.
    pub scenario: String,
    /// Slots the scenario asks for.
    pub slots_asked: u64,
    /// Slots that were played.
    pub slots_played: u64,
    /// Slots without a round.
    pub outages: u64,
    /// Each reason of an outage and how often it occurred.
    pub outage_reasons: BTreeMap<String, u64>,
    /// Base of the random numbers.
    pub seed: u64,
    /// V.
    pub latency_weight: f64,
    /// Round latency T; `None` if every slot was an outage.
    pub round_latency: Option<LatencySummary>,
    /// Mean latency T_n of every cluster; `None` if every slot was an outage.
    pub cluster_mean_latency_s: Vec<Option<Seconds>>,
    /// How often each plan was chosen, in the order of the scenario's plans; plans that never were are left out.
    pub plans: Vec<PlanCount>,
    /// Gaps of the slots' solutions; `None` if every slot was an outage.
    pub gap: Option<GapSummary>,
    /// Energy of every node.
    pub nodes: Vec<NodeSummary>,
    /// Segments of every device.
    pub devices: Vec<DeviceSummary>,
}

/// Percentiles of a latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencySummary {
    /// Mean.
    pub mean_s: Seconds,
    /// Median.
    pub p50_s: Seconds,
    /// 90th percentile.
    pub p90_s: Seconds,
    /// 99th percentile.
    pub p99_s: Seconds,
}

/// How often a plan was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlanCount {
    /// I.
    pub local_iterations: u32,
    /// M.
    pub micro_batches: u32,
    /// In how many slots.
    pub slots: u64,
}

/// How far the solutions may be from the optimum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GapSummary {
    /// Median relative gap.
    pub median: f64,
    /// Largest relative gap.
    pub max: f64,
    /// Slots whose gap is within what was asked for.
    pub optimal_slots: u64,
}

/// A node's energy against its budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeSummary {
    /// `cluster/device` or `cluster/control-unit`.
    pub name: String,
    /// Mean energy per slot, outages included.
    pub mean_energy_j: Joules,
    /// Ē; `None` where the energy is not limited.
    pub budget_j_per_round: Option<Joules>,
    /// Mean energy over budget.
    pub budget_share: Option<f64>,
    /// Q at the end.
    pub final_queue: Option<f64>,
    /// C1 in units of the budget.
    pub certificate: Option<Certificate>,
    /// C1 in joules per round: mean overspend and what it may be at most.
    pub certificate_j_per_round: Option<(Joules, Joules)>,
    /// Whether C1 held after every slot.
    pub certificate_holds: Option<bool>,
}

/// A device's part in the rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceSummary {
    /// `cluster/device`.
    pub name: String,
    /// Mean number of encoder blocks over all rounds, 0 where it took no part.
    pub mean_blocks: f64,
    /// Share of all rounds in which it held a segment.
    pub active_share: f64,
    /// Share of all slots in which it was there.
    pub present_share: f64,
}

impl Summary {
    /// Summarizes a record.
    #[must_use]
    pub fn new(record: &RunRecord) -> Self {
        let scenario = &record.provenance.scenario;
        let rounds: Vec<&PlannedSlot> = record.slots.iter().filter_map(|slot| slot.planned()).collect();
        let mut outage_reasons = BTreeMap::new();
        for outage in record.slots.iter().filter_map(|slot| slot.outage()) {
            *outage_reasons.entry(outage.reason.clone()).or_insert(0) += 1;
        }
        let cluster_latency = |n: usize| {
            let latencies: Vec<f64> =
                rounds.iter().filter_map(|round| Some(round.clusters.get(n)?.latency_s.0)).collect();
            mean(&latencies).map(Seconds)
        };
        Self {
            schema: SummarySchema::V1,
            scenario: scenario.name.clone(),
            slots_asked: scenario.slots,
            slots_played: record.slots.len() as u64,
            outages: (record.slots.len() - rounds.len()) as u64,
            outage_reasons,
            seed: scenario.seed,
            latency_weight: scenario.latency_weight,
            round_latency: latency(&rounds),
            cluster_mean_latency_s: (0..scenario.clusters.len()).map(cluster_latency).collect(),
            plans: plans(record, &rounds),
            gap: gaps(&rounds),
            nodes: record.nodes.iter().enumerate().map(|(index, node)| node_summary(record, index, node)).collect(),
            devices: record.nodes.iter().filter_map(|node| device_summary(record, &rounds, node)).collect(),
        }
    }

    /// Whether no slot had a feasible decision.
    #[must_use]
    pub fn all_outages(&self) -> bool {
        self.slots_played > 0 && self.outages == self.slots_played
    }
}

fn latency(rounds: &[&PlannedSlot]) -> Option<LatencySummary> {
    let sample = sorted(rounds.iter().map(|round| round.round_latency_s.0).collect());
    let at = |p| percentile(&sample, p).map(Seconds);
    Some(LatencySummary { mean_s: Seconds(mean(&sample)?), p50_s: at(50.0)?, p90_s: at(90.0)?, p99_s: at(99.0)? })
}

fn gaps(rounds: &[&PlannedSlot]) -> Option<GapSummary> {
    let sample = sorted(rounds.iter().map(|round| round.gap).collect());
    let optimal_slots = rounds.iter().filter(|round| round.status == Status::Optimal).count() as u64;
    Some(GapSummary { median: percentile(&sample, 50.0)?, max: *sample.last()?, optimal_slots })
}

fn plans(record: &RunRecord, rounds: &[&PlannedSlot]) -> Vec<PlanCount> {
    let plans = record.provenance.scenario.plans.iter().enumerate();
    plans
        .map(|(index, plan)| PlanCount {
            local_iterations: plan.local_iterations,
            micro_batches: plan.micro_batches,
            slots: rounds.iter().filter(|round| round.decision.plan == index).count() as u64,
        })
        .filter(|count| count.slots > 0)
        .collect()
}

fn node_summary(record: &RunRecord, index: usize, node: &NodeRecord) -> NodeSummary {
    let spent: Vec<f64> = record.slots.iter().filter_map(|slot| Some(slot.energy_j.get(index)?.0)).collect();
    let mean_energy_j = Joules(mean(&spent).unwrap_or(0.0));
    let budget = node.budget_j_per_round;
    NodeSummary {
        name: node.name.clone(),
        mean_energy_j,
        budget_j_per_round: budget,
        budget_share: budget.map(|budget| mean_energy_j / budget),
        final_queue: node.final_queue,
        certificate: node.certificate,
        certificate_j_per_round: node
            .certificate
            .zip(budget)
            .map(|(c1, budget)| (budget * c1.mean_violation, budget * c1.bound)),
        certificate_holds: node.certificate.map(|c1| c1.holds()),
    }
}

fn device_summary(record: &RunRecord, rounds: &[&PlannedSlot], node: &NodeRecord) -> Option<DeviceSummary> {
    let device = node.device?;
    let sizes: Vec<f64> = rounds
        .iter()
        .filter_map(|round| round.clusters.get(node.cluster)?.sizes.get(device).map(|&size| f64::from(size)))
        .collect();
    let active: Vec<f64> = sizes.iter().map(|&size| f64::from(u8::from(size > 0.0))).collect();
    let present: Vec<f64> = record
        .slots
        .iter()
        .filter_map(|slot| Some(f64::from(u8::from(slot.present.get(node.cluster)?.contains(&device)))))
        .collect();
    Some(DeviceSummary {
        name: node.name.clone(),
        mean_blocks: mean(&sizes).unwrap_or(0.0),
        active_share: mean(&active).unwrap_or(0.0),
        present_share: mean(&present).unwrap_or(0.0),
    })
}
