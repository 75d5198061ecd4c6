//! A run in numbers.

use std::collections::BTreeMap;

use super::table::Metric;
use crate::report::summary;
use crate::scenario::{Role, Scenario};
use crate::simulation::{PlannedSlot, RunRecord, SlotOutcome};

fn planned(record: &RunRecord) -> impl Iterator<Item = &PlannedSlot> {
    record.slots.iter().filter_map(|slot| match &slot.outcome {
        SlotOutcome::Planned(planned) => Some(planned),
        SlotOutcome::Outage { .. } => None,
    })
}

/// The numbers of a run; those that it does not have are left out.
pub(super) fn run(record: &RunRecord) -> BTreeMap<Metric, f64> {
    let mut metrics = BTreeMap::new();
    let slots = record.slots.len() as f64;
    let rounds = planned(record).count() as f64;
    if slots > 0.0 {
        let energy: f64 = record.slots.iter().flat_map(|slot| &slot.energy_j).map(|energy| energy.0).sum();
        metrics.insert(Metric::EnergyJ, energy / slots);
        metrics.insert(Metric::OutageShare, 1.0 - rounds / slots);
        if let Some(worst) = worst_overspend(record) {
            metrics.insert(Metric::WorstOverspend, worst);
        }
    }
    if rounds > 0.0 {
        let latency: f64 = planned(record).map(|round| round.latency_s.0).sum();
        metrics.insert(Metric::LatencyS, latency / rounds);
        let micro_batches = planned(record).filter_map(|round| record.plans.get(round.plan));
        metrics.insert(
            Metric::MicroBatches,
            micro_batches.map(|plan| f64::from(plan.micro_batches)).sum::<f64>() / rounds,
        );
        let gaps: Option<Vec<f64>> = planned(record).map(|round| round.gap).collect();
        if let Some(gaps) = gaps {
            metrics.insert(Metric::Gap, gaps.iter().sum::<f64>() / rounds);
        }
        let (useful, bound) = device_time(record);
        if bound > 0.0 {
            metrics.insert(Metric::ComputeEfficiency, useful / bound);
        }
        let memory = planned(record).flat_map(|round| &round.clusters).flat_map(|cluster| &cluster.memory_bytes);
        metrics.insert(Metric::LargestMemoryBytes, memory.map(|memory| memory.0).fold(0.0, f64::max));
        if let Some(bound) = summary(record).convergence.and_then(|convergence| convergence.certified_mean_of_sum) {
            metrics.insert(Metric::ConvergenceBound, bound);
        }
    }
    metrics
}

/// Time that devices compute, and time that they are bound: active devices times round latency.
fn device_time(record: &RunRecord) -> (f64, f64) {
    let (mut useful, mut bound) = (0.0, 0.0);
    for round in planned(record) {
        for cluster in &round.clusters {
            useful += cluster.compute_s.iter().map(|time| time.0).sum::<f64>();
            bound += cluster.sizes.iter().filter(|&&blocks| blocks > 0).count() as f64 * round.latency_s.0;
        }
    }
    (useful, bound)
}

/// Largest mean of E/Ē − 1 over the nodes with a budget; none without budgets.
fn worst_overspend(record: &RunRecord) -> Option<f64> {
    let slots = record.slots.len() as f64;
    let mean = |(k, budget): (usize, f64)| {
        let spent: f64 = record.slots.iter().filter_map(|slot| slot.energy_j.get(k)).map(|energy| energy.0).sum();
        spent / slots / budget - 1.0
    };
    let budgets = record.nodes.iter().enumerate().filter_map(|(k, node)| Some((k, node.budget_j?.0)));
    budgets.map(mean).reduce(f64::max)
}

/// A device over a run.
pub(super) struct DeviceMean {
    pub name: String,
    /// Achieved forward rate, in GFLOP/s.
    pub speed: f64,
    pub metrics: BTreeMap<Metric, f64>,
}

/// Mean blocks of every device over the rounds.
pub(super) fn devices(record: &RunRecord, scenario: &Scenario) -> Vec<DeviceMean> {
    let rounds = planned(record).count() as f64;
    let nodes = scenario.nodes().iter().filter_map(|node| match node.role {
        Role::Device(device) => Some((node, device)),
        Role::ControlUnit => None,
    });
    nodes
        .filter_map(|(node, device)| {
            let rate = scenario.forward_rate(node.cluster, device)?;
            let sizes = planned(record).filter_map(|round| round.clusters.get(node.cluster)?.sizes.get(device));
            let blocks: f64 = sizes.map(|&blocks| f64::from(blocks)).sum();
            let mean = (rounds > 0.0).then(|| (Metric::Blocks, blocks / rounds));
            Some(DeviceMean { name: node.name.clone(), speed: rate.0 / 1e9, metrics: mean.into_iter().collect() })
        })
        .collect()
}
