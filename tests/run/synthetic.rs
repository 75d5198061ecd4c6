//! Synthetic records: energies and latencies from a small generator, queues by their law.

use collapipe::problem::{CandidatePlan, Decision, LatencyParts, ObjectiveTerms, ShadowPrices, Status, Work};
use collapipe::simulation::{
    ClusterPlan, NodeRecord, NodeRole, Outage, OutageCause, PlannedSlot, Provenance, RunRecord, RunSchema, SlotOutcome,
    SlotRecord,
};
use collapipe::units::{Joules, Seconds};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// What to make up.
pub struct Made {
    pub clusters: usize,
    pub devices: usize,
    pub slots: u64,
    /// Chance of an outage per slot.
    pub outage: f64,
    pub budgets: bool,
}

impl Default for Made {
    fn default() -> Self {
        Self { clusters: 2, devices: 5, slots: 500, outage: 0.02, budgets: true }
    }
}

pub fn record(made: &Made) -> RunRecord {
    let mut rng = Pcg64::seed_from_u64(7);
    let blocks = 12u32;
    let clusters: Vec<String> =
        (0..made.clusters).map(|n| ["lab", "street"].get(n).map_or(format!("site-{n}"), |s| s.to_string())).collect();
    let mut nodes = Vec::new();
    for (index, cluster) in clusters.iter().enumerate() {
        let budget = |joules: f64| made.budgets.then_some(Joules(joules));
        let name = format!("{cluster}/control-unit");
        nodes.push(NodeRecord { name, cluster: index, role: NodeRole::ControlUnit, budget_j: budget(6.0) });
        for k in 0..made.devices {
            let name = format!("{cluster}/{}-{k}", ["jetson-nano", "pixel", "pi"][k % 3]);
            nodes.push(NodeRecord {
                name,
                cluster: index,
                role: NodeRole::Device,
                budget_j: budget(26.0 + 2.0 * k as f64),
            });
        }
    }
    let plans = [(1, 4), (2, 8), (4, 16)].map(|(local_iterations, micro_batches)| CandidatePlan {
        local_iterations,
        micro_batches,
        penalty: 0.0,
        ..CandidatePlan::default()
    });
    let mut queues = vec![0.0; nodes.len()];
    let mut slots = Vec::new();
    for slot in 0..made.slots {
        let outage = rng.random::<f64>() < made.outage;
        let mut energy = vec![0.0; nodes.len()];
        let outcome = if outage {
            let reason = if rng.random::<f64>() < 0.7 {
                "clusters[1]: no link from control-unit to pixel-1"
            } else {
                "clusters[0]: memory holds 9 of 12 blocks"
            };
            SlotOutcome::Outage(Outage::new(OutageCause::Infeasible, reason))
        } else {
            let mut parts = Vec::new();
            let mut worst = 0.0f64;
            for n in 0..made.clusters {
                let absent = rng.random_range(0..4 * made.devices);
                let mut sizes = vec![0u32; made.devices];
                let weight =
                    |k: usize| if k == absent { 0.0 } else { 1.0 / (1.0 + queues[n * (made.devices + 1) + 1 + k]) };
                let total: f64 = (0..made.devices).map(weight).sum();
                let mut left = blocks;
                for (k, size) in sizes.iter_mut().enumerate() {
                    let share = (weight(k) / total * f64::from(blocks) + rng.random::<f64>() * 0.6).floor() as u32;
                    *size = share.min(left);
                    left -= *size;
                }
                let last = (0..made.devices).rev().find(|k| *k != absent).unwrap_or(0);
                sizes[last] += left;
                let slow = 1.0
                    + queues[n * (made.devices + 1)..].iter().take(made.devices + 1).fold(0.0f64, |a, b| a.max(*b))
                        * 0.05;
                let fade = -(1.0 - rng.random::<f64>()).ln();
                let latency = 9.0 * slow + 1.5 * n as f64 + 2.2 * fade;
                worst = worst.max(latency);
                energy[n * (made.devices + 1)] = (4.0 + 5.0 * fade) / slow;
                for k in 0..made.devices {
                    energy[n * (made.devices + 1) + 1 + k] =
                        f64::from(sizes[k]) * 18.0 * (0.9 + 0.3 * rng.random::<f64>()) / slow + 2.0 * fade;
                }
                parts.push(ClusterPlan {
                    latency_s: Seconds(latency),
                    parts: LatencyParts::default(),
                    sizes,
                    latency_share: Some(1.0 / made.clusters as f64),
                    memory_bytes: Vec::new(),
                    compute_s: Vec::new(),
                });
            }
            let gap = 10f64.powf(-7.0 + 3.5 * rng.random::<f64>());
            let objective = 50.0 * worst + 3.0;
            SlotOutcome::Planned(PlannedSlot {
                status: Status::Optimal,
                objective,
                lower_bound: Some(objective * (1.0 - gap)),
                gap: Some(gap),
                latency_s: Seconds(worst),
                plan: rng.random_range(0..3) / 2,
                clusters: parts,
                terms: ObjectiveTerms::default(),
                shadow_prices: Some(ShadowPrices::default()),
                decision: Some(Decision { plan: 0, clusters: Vec::new() }),
                work: Work::default(),
            })
        };
        for ((queue, energy), node) in queues.iter_mut().zip(&energy).zip(&nodes) {
            if let Some(budget) = node.budget_j {
                *queue = f64::max(*queue + energy / budget.0 - 1.0, 0.0);
            }
        }
        let energy_j = energy.into_iter().map(Joules).collect();
        slots.push(SlotRecord {
            slot,
            present: vec![(0..made.devices).collect(); made.clusters],
            energy_prices: vec![0.0; nodes.len()],
            outcome,
            energy_j,
            queues: queues.clone(),
            convergence: None,
        });
    }
    RunRecord {
        schema: RunSchema::V1,
        provenance: Provenance {
            version: "0.1.0".into(),
            scenario: "synthetic".into(),
            scenario_digest: "00".into(),
            seed: 7,
            latency_weight: 50.0,
            slots_planned: made.slots,
            policy: "exact".into(),
            gap_tolerance: Some(1e-3),
        },
        scenario: None,
        clusters,
        blocks,
        nodes,
        plans: plans.to_vec(),
        convergence: None,
        initial_queues: Vec::new(),
        slots,
        comparison: None,
    }
}
