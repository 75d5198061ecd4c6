//! What a sweep keeps of one run.

use serde::{Deserialize, Serialize};

use super::axis::Axis;
use crate::report::{ConvergenceSummary, GapSummary, LatencySummary, PlanSummary, summary};
use crate::simulation::{MORE, RunRecord, SlotOutcome};
use crate::units::Seconds;

/// Name and version of a point's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PointSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.tradeoff-point/1")]
    V1,
}

/// One run of a sweep, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SweepPoint {
    /// Format.
    pub schema: PointSchema,
    /// Digest of all that decides the run: version, scenario with this value, rate traces, settings.
    pub fingerprint: String,
    /// What is varied.
    pub axis: Axis,
    /// Its value.
    pub value: f64,
    /// Slots played.
    pub slots: u64,
    /// Slots with a round; the others were outages.
    pub planned: u64,
    /// Round latency; none without rounds.
    pub latency: Option<LatencySummary>,
    /// Proved gaps; none without rounds.
    pub gap: Option<GapSummary>,
    /// How often each candidate plan was chosen.
    pub plans: Vec<PlanSummary>,
    /// One entry per node with an energy budget.
    pub nodes: Vec<NodeOverspend>,
    /// What was learned; none without a convergence constraint.
    pub convergence: Option<ConvergenceSummary>,
    /// The second half of the run, in which queues may have settled.
    pub second_half: SettledPart,
}

/// A node's energy against its budget, over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NodeOverspend {
    /// Its name.
    pub name: String,
    /// Mean of E/Ē − 1 over all slots.
    pub mean_overspend: f64,
    /// Certificate C1's bound on it: final queue over number of slots.
    pub bound: f64,
}

/// Means over the second half of a run: slots ⌊R/2⌋ to R − 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SettledPart {
    /// Its first slot.
    pub from_slot: u64,
    /// Its slots with a round.
    pub planned: u64,
    /// Its slots without one.
    pub outage_slots: Vec<u64>,
    /// Mean latency of its rounds; none without rounds.
    pub mean_latency_s: Option<Seconds>,
    /// Mean of E/Ē over its rounds for every node of the scenario; 0 for those without a budget.
    pub mean_spending: Vec<f64>,
    /// Mean of g/G over its rounds; 0 without a convergence constraint.
    pub mean_violation: f64,
    /// Mean of every node's queue over its slots, in budgets.
    pub mean_queues: Vec<f64>,
    /// Mean of the convergence queue H over its slots, in units of G; 0 without such a constraint.
    pub mean_convergence_queue: f64,
    /// Mean sum of all queues over its first half.
    pub earlier_backlog: f64,
    /// Mean sum of all queues over its second half.
    pub later_backlog: f64,
}

impl SettledPart {
    /// By how much the backlog may still change from the third to the last quarter of the run, relative to the larger,
    /// to count as settled.
    pub const TOLERANCE: f64 = 0.1;

    /// Mean sum of all queues, dimensionless (budgets and units of G).
    #[must_use]
    pub fn backlog(&self) -> f64 {
        self.mean_queues.iter().sum::<f64>() + self.mean_convergence_queue
    }

    /// Whether the backlog has stopped growing: its means over the third and the last quarter of the run differ by at
    /// most [`SettledPart::TOLERANCE`].
    #[must_use]
    pub fn settled(&self) -> bool {
        let larger = self.earlier_backlog.max(self.later_backlog);
        (self.earlier_backlog - self.later_backlog).abs() <= Self::TOLERANCE * larger
    }

    fn new(record: &RunRecord) -> Self {
        let slots = record.slots.get(record.slots.len() / 2..).unwrap_or_default();
        let scale = record.convergence.as_ref().map_or(1.0, |convergence| convergence.scale);
        let nodes = record.nodes.len();
        let mut part = Self {
            from_slot: slots.first().map_or(0, |slot| slot.slot),
            planned: 0,
            outage_slots: Vec::new(),
            mean_latency_s: None,
            mean_spending: vec![0.0; nodes],
            mean_violation: 0.0,
            mean_queues: vec![0.0; nodes],
            mean_convergence_queue: 0.0,
            earlier_backlog: 0.0,
            later_backlog: 0.0,
        };
        let mut latency = 0.0;
        let halves = [slots.len() / 2, slots.len() - slots.len() / 2].map(|count| count.max(1) as f64);
        for (index, slot) in slots.iter().enumerate() {
            for (sum, queue) in part.mean_queues.iter_mut().zip(&slot.queues) {
                *sum += queue;
            }
            let convergence_queue = slot.convergence.map_or(0.0, |convergence| convergence.queue);
            part.mean_convergence_queue += convergence_queue;
            let backlog = slot.queues.iter().sum::<f64>() + convergence_queue;
            match index < slots.len() / 2 {
                true => part.earlier_backlog += backlog / halves[0],
                false => part.later_backlog += backlog / halves[1],
            }
            let SlotOutcome::Planned(planned) = &slot.outcome else {
                part.outage_slots.push(slot.slot);
                continue;
            };
            part.planned += 1;
            latency += planned.latency_s.0;
            part.mean_violation += slot.convergence.map_or(0.0, |convergence| convergence.violation / scale);
            for ((sum, energy), node) in part.mean_spending.iter_mut().zip(&slot.energy_j).zip(&record.nodes) {
                *sum += node.budget_j.map_or(0.0, |budget| *energy / budget);
            }
        }
        let (played, planned) = (slots.len().max(1) as f64, part.planned.max(1) as f64);
        part.mean_queues.iter_mut().for_each(|sum| *sum /= played);
        part.mean_convergence_queue /= played;
        part.mean_spending.iter_mut().for_each(|sum| *sum /= planned);
        part.mean_violation /= planned;
        part.mean_latency_s = (part.planned > 0).then(|| Seconds(latency / planned));
        part
    }
}

impl SweepPoint {
    pub(super) fn new(record: &RunRecord, axis: Axis, value: f64, fingerprint: String) -> Self {
        let summary = summary(record);
        let nodes = summary.nodes.into_iter().filter_map(|node| {
            let certificate = node.certificate?;
            let (mean_overspend, bound) = (certificate.mean_violation, certificate.bound);
            Some(NodeOverspend { name: node.name, mean_overspend, bound })
        });
        Self {
            schema: PointSchema::V1,
            fingerprint,
            axis,
            value,
            slots: summary.slots,
            planned: summary.planned,
            latency: summary.latency,
            gap: summary.gap,
            plans: summary.plans,
            nodes: nodes.collect(),
            convergence: summary.convergence,
            second_half: SettledPart::new(record),
        }
    }

    /// Whether the run kept every budget; none without budgets.
    #[must_use]
    pub fn kept(&self) -> Option<bool> {
        self.worst_node().map(|node| node.mean_overspend <= MORE)
    }

    /// The node that overspends most, or is closest to it; none without budgets.
    #[must_use]
    pub fn worst_node(&self) -> Option<&NodeOverspend> {
        // The first of equals.
        self.nodes.iter().rev().max_by(|a, b| a.mean_overspend.total_cmp(&b.mean_overspend))
    }
}
