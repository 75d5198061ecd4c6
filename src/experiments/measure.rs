//! A run in numbers.

use std::collections::BTreeMap;

use super::metric::Metric;
use crate::report::summary;
use crate::scenario::{Role, Scenario};
use crate::simulation::{NodeRole, PlannedSlot, RunRecord, SlotRecord};

fn rounds(record: &RunRecord) -> impl Iterator<Item = &PlannedSlot> {
    record.planned_slots().map(|(_, round)| round)
}

/// The numbers of a run; those that it does not have are left out.
pub(super) fn run(record: &RunRecord, scenario: &Scenario) -> BTreeMap<Metric, f64> {
    let summary = summary(record);
    let mut metrics = BTreeMap::new();
    let slots = record.slots.len() as f64;
    let planned = rounds(record).count() as f64;
    if slots > 0.0 {
        metrics.insert(Metric::EnergyJ, summary.nodes.iter().map(|node| node.mean_energy_j.0).sum());
        metrics.insert(Metric::OutageShare, 1.0 - planned / slots);
        let budget_use = summary.nodes.iter().filter_map(|node| node.budget_share);
        metrics.extend(budget_use.reduce(f64::max).map(|worst| (Metric::WorstBudgetUse, worst)));
    }
    if planned > 0.0 {
        metrics.extend(servers(record, slots, planned));
        metrics.extend(summary.latency.map(|latency| (Metric::LatencyS, latency.mean_s.0)));
        let micro_batches = rounds(record).filter_map(|round| record.plans.get(round.plan));
        let micro_batches: f64 = micro_batches.map(|plan| f64::from(plan.micro_batches)).sum();
        metrics.insert(Metric::MicroBatches, micro_batches / planned);
        let gaps: Option<Vec<f64>> = rounds(record).map(|round| round.gap).collect();
        metrics.extend(gaps.map(|gaps| (Metric::Gap, gaps.iter().sum::<f64>() / planned)));
        let (useful, bound) = device_time(record);
        if bound > 0.0 {
            metrics.insert(Metric::ComputeEfficiency, useful / bound);
        }
        let memory = rounds(record).flat_map(|round| &round.clusters).flat_map(|cluster| &cluster.memory_bytes);
        metrics.insert(Metric::LargestMemoryBytes, memory.map(|memory| memory.0).fold(0.0, f64::max));
        let shares: f64 = rounds(record).map(|round| memory_share(round, scenario)).sum();
        metrics.insert(Metric::MemoryShare, shares / planned);
        let bound = summary.convergence.and_then(|convergence| convergence.reached);
        metrics.extend(bound.map(|bound| (Metric::ConvergenceBound, bound)));
        metrics.extend(time_to_target(record, scenario).map(|seconds| (Metric::TimeToTargetS, seconds)));
    }
    metrics
}

/// Energy and memory of the edge servers, and the latency with what they cost; nothing where nobody counts them.
fn servers(record: &RunRecord, slots: f64, planned: f64) -> BTreeMap<Metric, f64> {
    let used = || rounds(record).flat_map(|round| &round.clusters).map(|cluster| cluster.edge_server);
    if record.nodes.iter().all(|node| node.role != NodeRole::EdgeServer) {
        return BTreeMap::new();
    }
    let cost = |slot: &SlotRecord| {
        let latency = slot.planned()?.latency_s.0;
        let priced = slot.energy_j.iter().zip(&record.nodes).map(|(energy, node)| node.price_s_per_j * energy.0);
        Some(latency + priced.sum::<f64>())
    };
    BTreeMap::from([
        (Metric::PricedLatencyS, record.slots.iter().filter_map(cost).sum::<f64>() / planned),
        (Metric::ServerEnergyJ, used().map(|server| server.energy.0).sum::<f64>() / slots),
        (Metric::ServerMemoryBytes, used().map(|server| server.memory.0).fold(0.0, f64::max)),
    ])
}

/// Rounds that the run's one plan needs for the scenario's target, as deep as its pipelines were at most, times their mean
/// latency; none for several plans, and where no number of rounds is enough.
fn time_to_target(record: &RunRecord, scenario: &Scenario) -> Option<f64> {
    let ([plan], Some(constraint)) = (&record.plans[..], scenario.convergence()) else { return None };
    let of_cluster = |(cluster, played): (&crate::problem::Cluster, &crate::simulation::ClusterPlan)| {
        let ends = usize::from(cluster.embedding.is_some()) + usize::from(cluster.decoder.is_some());
        ends + played.sizes.iter().filter(|&&blocks| blocks > 0).count()
    };
    let stages =
        rounds(record).flat_map(|round| scenario.template().clusters.iter().zip(&round.clusters)).map(of_cluster);
    let stages = stages.max()?;
    let needed = constraint.learning.rounds_to_target(plan, stages, constraint.target).ok()?;
    let latency = rounds(record).map(|round| round.latency_s.0).sum::<f64>() / rounds(record).count() as f64;
    Some(needed.rounds as f64 * latency)
}

/// Time that devices compute, and time that they are bound: active devices times round latency.
fn device_time(record: &RunRecord) -> (f64, f64) {
    let (mut useful, mut bound) = (0.0, 0.0);
    for round in rounds(record) {
        for cluster in &round.clusters {
            useful += cluster.compute_s.iter().map(|time| time.0).sum::<f64>();
            bound += cluster.sizes.iter().filter(|&&blocks| blocks > 0).count() as f64 * round.latency_s.0;
        }
    }
    (useful, bound)
}

/// Largest memory of a device, in units of what the encoder and its cluster's whole batch need on one device.
fn memory_share(round: &PlannedSlot, scenario: &Scenario) -> f64 {
    let share = |(n, cluster): (usize, &crate::simulation::ClusterPlan)| {
        let whole = scenario.encoder_memory(n)?.0;
        cluster.memory_bytes.iter().map(|memory| memory.0 / whole).reduce(f64::max)
    };
    round.clusters.iter().enumerate().filter_map(share).fold(0.0, f64::max)
}

/// A device over a run.
pub(super) struct DeviceMean {
    pub name: String,
    pub metrics: BTreeMap<Metric, f64>,
}

/// Speed of every device, and its mean blocks over the rounds in which it was present; by cluster, the fastest device
/// first.
pub(super) fn devices(record: &RunRecord, scenario: &Scenario) -> Vec<DeviceMean> {
    let nodes = scenario.nodes().iter().filter_map(|node| match node.role {
        Role::Device(device) => Some((node, device)),
        Role::ControlUnit | Role::EdgeServer => None,
    });
    let mut devices: Vec<(usize, f64, DeviceMean)> = nodes
        .filter_map(|(node, device)| {
            let speed = scenario.blocks_per_second(node.cluster, device)?;
            let there = |slot: &&SlotRecord| slot.present.get(node.cluster).is_some_and(|all| all.contains(&device));
            let rounds = record.slots.iter().filter(there).filter_map(SlotRecord::planned);
            let sizes = rounds.filter_map(|round| round.clusters.get(node.cluster)?.sizes.get(device));
            let sizes: Vec<f64> = sizes.map(|&blocks| f64::from(blocks)).collect();
            let mut metrics = BTreeMap::from([(Metric::DeviceSpeed, speed)]);
            if !sizes.is_empty() {
                metrics.insert(Metric::Blocks, sizes.iter().sum::<f64>() / sizes.len() as f64);
            }
            Some((node.cluster, speed, DeviceMean { name: node.name.clone(), metrics }))
        })
        .collect();
    devices.sort_by(|(n, a, _), (m, b, _)| n.cmp(m).then(b.total_cmp(a)));
    devices.into_iter().map(|(.., device)| device).collect()
}
