//! What a summary adds up, slot by slot: of a slot nothing is kept but two numbers.

use super::convergence::Learned;
use super::margin::margins;
use super::measured::Measured;
use super::series::{budget, devices, energy, quantile, sort};
use super::summary::{
    ClusterSummary, GapSummary, LatencySummary, NodeSummary, OutageSummary, PlanSummary, SegmentSummary, Summary,
};
use super::verdict::{Kept, verdict};
use crate::lyapunov::certificate::CertificateName;
use crate::lyapunov::{Proofs, RunningCertificate};
use crate::simulation::{PlannedSlot, RunRecord, SlotOutcome, SlotRecord};
use crate::units::{Joules, Seconds};

/// Reasons of outages that are told apart; further ones are counted together.
const MOST_REASONS: usize = 1000;
const OTHER_REASONS: &str = "other reasons";

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    count: u64,
    sum: f64,
}

impl Mean {
    fn take(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
    }

    fn of(values: impl Iterator<Item = f64>) -> Option<f64> {
        let mut mean = Self::default();
        values.for_each(|value| mean.take(value));
        mean.value()
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

#[derive(Clone, Debug, Default)]
struct OfCluster {
    latency: Mean,
    share: Mean,
    /// Of each device its blocks in the rounds in which it has some.
    held: Vec<Mean>,
}

#[derive(Clone, Debug)]
struct OfNode {
    budget: Option<f64>,
    energy: Mean,
    queue: Option<f64>,
    /// C1 from the record's own queues: a queue that was updated by any other law shows here.
    certificate: RunningCertificate,
}

/// Sums over the slots of a record.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    slots: u64,
    outages: Vec<OutageSummary>,
    latencies: Vec<f64>,
    gaps: Vec<f64>,
    planned: u64,
    /// Rounds of each plan.
    plans: Vec<u64>,
    clusters: Vec<OfCluster>,
    nodes: Vec<OfNode>,
    learned: Option<Learned>,
    measured: Measured,
}

impl Totals {
    /// Before the first slot of a record that begins so.
    pub(super) fn new(head: &RunRecord) -> Self {
        let cluster =
            |index| OfCluster { held: vec![Mean::default(); devices(head, index).count()], ..OfCluster::default() };
        let nodes = head.nodes.iter().enumerate().map(|(index, node)| OfNode {
            budget: budget(node),
            energy: Mean::default(),
            queue: None,
            certificate: RunningCertificate::new(head.initial_queues.get(index).copied().unwrap_or(0.0)),
        });
        Self {
            slots: 0,
            outages: Vec::new(),
            latencies: Vec::new(),
            gaps: Vec::new(),
            planned: 0,
            plans: vec![0; head.plans.len()],
            clusters: (0..head.clusters.len()).map(cluster).collect(),
            nodes: nodes.collect(),
            learned: head.convergence.as_ref().map(|of| Learned::new(of, &head.plans)),
            measured: Measured::new(),
        }
    }

    /// Takes the next slot of the record that begins with `head`.
    pub(super) fn take(&mut self, head: &RunRecord, slot: &SlotRecord) {
        self.slots += 1;
        self.measured.take(slot);
        match &slot.outcome {
            SlotOutcome::Planned(planned) => self.take_round(planned),
            SlotOutcome::Outage(outage) => self.take_outage(&outage.reason),
        }
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let spent = energy(slot, index);
            node.energy.take(spent);
            node.queue = slot.queues.get(index).copied();
            if let Some(budget) = node.budget {
                node.certificate.take(node.queue.map(|queue| (spent / budget - 1.0, queue)));
            }
        }
        if let Some((learned, of)) = self.learned.as_mut().zip(head.convergence.as_ref()) {
            learned.take(of, slot);
        }
    }

    fn take_round(&mut self, planned: &PlannedSlot) {
        self.planned += 1;
        if planned.latency_s.0.is_finite() {
            self.latencies.push(planned.latency_s.0);
        }
        self.gaps.extend(planned.gap.filter(|gap| gap.is_finite()));
        if let Some(count) = self.plans.get_mut(planned.plan) {
            *count += 1;
        }
        for (sums, cluster) in self.clusters.iter_mut().zip(&planned.clusters) {
            sums.latency.take(cluster.latency_s.0);
            if let Some(share) = cluster.latency_share {
                sums.share.take(share);
            }
            let held = sums.held.iter_mut().zip(&cluster.sizes);
            held.filter(|(_, blocks)| **blocks > 0).for_each(|(held, blocks)| held.take(f64::from(*blocks)));
        }
    }

    fn take_outage(&mut self, reason: &str) {
        let full = self.outages.len() >= MOST_REASONS;
        let known = self.outages.iter().position(|of| of.reason == reason);
        let place = known.or_else(|| self.outages.iter().position(|of| full && of.reason == OTHER_REASONS));
        match place.and_then(|place| self.outages.get_mut(place)) {
            Some(outage) => outage.slots += 1,
            None => {
                let reason = if full { OTHER_REASONS } else { reason };
                self.outages.push(OutageSummary { reason: reason.into(), slots: 1 });
            }
        }
    }

    /// Latencies of all rounds, in increasing order.
    #[cfg(feature = "figures")]
    pub(super) fn sorted_latencies(&mut self) -> &[f64] {
        sort(&mut self.latencies);
        &self.latencies
    }

    /// The summary of the slots so far of the record that begins with `head`, with what it proves.
    pub(super) fn summary(mut self, head: &RunRecord, proofs: Proofs) -> Summary {
        sort(&mut self.latencies);
        sort(&mut self.gaps);
        let Proofs { mut claims, omissions, offline } = proofs;
        let nodes = self.nodes(head);
        let budgets = verdict(head, [self.slots, self.planned], &nodes);
        // Where nothing keeps the budgets there is no least latency within them. A latency below 0 is no news either.
        let impossible = budgets.as_ref().is_some_and(|of| of.verdict == Kept::CannotBeKept);
        let offline = offline.filter(|_| !impossible);
        claims.retain(|claim| claim.name != CertificateName::D || claim.value >= 0.0);
        Summary {
            margins: margins(&head.nodes, &nodes),
            budgets,
            provenance: head.provenance.clone(),
            blocks: head.blocks,
            slots: self.slots,
            planned: self.planned,
            latency: self.latency(),
            measured: self.measured.summary(),
            gap: self.gap(head),
            plans: self.plans(head),
            clusters: self.clusters(head),
            nodes,
            convergence: self
                .learned
                .zip(head.convergence.as_ref())
                .and_then(|(learned, of)| learned.summary(head, of)),
            certificates: claims,
            omitted_certificates: omissions,
            offline: offline.map(Into::into),
            outages: {
                self.outages.sort_by_key(|outage| std::cmp::Reverse(outage.slots));
                self.outages
            },
        }
    }

    fn latency(&self) -> Option<LatencySummary> {
        let values = &self.latencies;
        let mean_s = Mean::of(values.iter().copied())?;
        let variance = Mean::of(values.iter().map(|value| (value - mean_s).powi(2)))?;
        Some(LatencySummary {
            mean_s: Seconds(mean_s),
            std_s: Seconds(variance.sqrt()),
            p50_s: Seconds(quantile(values, 0.5)?),
            p90_s: Seconds(quantile(values, 0.9)?),
            p99_s: Seconds(quantile(values, 0.99)?),
        })
    }

    fn gap(&self, head: &RunRecord) -> Option<GapSummary> {
        let tolerance = head.provenance.gap_tolerance?;
        Some(GapSummary {
            median: quantile(&self.gaps, 0.5)?,
            max: *self.gaps.last()?,
            tolerance,
            rounds_within: self.gaps.iter().filter(|gap| **gap <= tolerance).count() as u64,
        })
    }

    fn plans(&self, head: &RunRecord) -> Vec<PlanSummary> {
        let summed = head.plans.iter().zip(&self.plans);
        summed
            .map(|(plan, &rounds)| PlanSummary {
                local_iterations: plan.local_iterations,
                micro_batches: plan.micro_batches,
                rounds,
                share: rounds as f64 / self.planned.max(1) as f64,
            })
            .collect()
    }

    fn clusters(&self, head: &RunRecord) -> Vec<ClusterSummary> {
        let named = head.clusters.iter().zip(&self.clusters);
        named
            .map(|(name, sums)| ClusterSummary {
                name: name.clone(),
                mean_latency_s: sums.latency.value().map(Seconds),
                mean_latency_share: sums.share.value(),
            })
            .collect()
    }

    fn nodes(&self, head: &RunRecord) -> Vec<NodeSummary> {
        let mut segments = vec![None; head.nodes.len()];
        for (cluster, sums) in self.clusters.iter().enumerate() {
            for ((node, _), held) in devices(head, cluster).zip(&sums.held) {
                if let Some(segment) = segments.get_mut(node).filter(|_| self.planned > 0) {
                    let share = held.count as f64 / self.planned as f64;
                    *segment = Some(SegmentSummary { mean_blocks: held.value(), share });
                }
            }
        }
        let with_segments = head.nodes.iter().zip(&self.nodes).zip(segments);
        with_segments
            .map(|((node, sums), segment)| {
                let mean_energy = sums.energy.value().unwrap_or_default();
                NodeSummary {
                    name: node.name.clone(),
                    role: node.role,
                    mean_energy_j: Joules(mean_energy),
                    budget_j: node.budget_j,
                    budget_share: sums.budget.map(|budget| mean_energy / budget),
                    final_queue: sums.queue.unwrap_or_default(),
                    certificate: sums.budget.and_then(|_| sums.certificate.certificate()),
                    segment,
                }
            })
            .collect()
    }
}
