//! Synthetic records: energies and latencies from a small generator, queues by their law. They are written as the JSON
//! of a record and read, as records from elsewhere are.

use collapipe::problem::{LatencyParts, ObjectiveTerms, ShadowPrices, Work};
use collapipe::simulation::RunRecord;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::json;

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
    let (mut nodes, mut budgets) = (Vec::new(), Vec::new());
    for (index, cluster) in clusters.iter().enumerate() {
        let budget = |joules: f64| made.budgets.then_some(joules);
        let name = format!("{cluster}/control-unit");
        budgets.push(budget(6.0));
        nodes.push(json!({ "name": name, "cluster": index, "role": "control_unit", "budget_j": budget(6.0) }));
        for k in 0..made.devices {
            let name = format!("{cluster}/{}-{k}", ["jetson-nano", "pixel", "pi"][k % 3]);
            budgets.push(budget(26.0 + 2.0 * k as f64));
            nodes.push(json!({ "name": name, "cluster": index, "role": "device", "budget_j": budgets.last() }));
        }
    }
    let plans = [(1, 4), (2, 8), (4, 16)].map(|(local_iterations, micro_batches)| {
        json!({ "local_iterations": local_iterations, "micro_batches": micro_batches, "penalty": 0.0 })
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
            json!({ "outage": { "reason": reason, "cause": "infeasible" } })
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
                parts.push(json!({
                    "latency_s": latency,
                    "parts": LatencyParts::default(),
                    "sizes": sizes,
                    "latency_share": 1.0 / made.clusters as f64,
                }));
            }
            let gap = 10f64.powf(-7.0 + 3.5 * rng.random::<f64>());
            let objective = 50.0 * worst + 3.0;
            json!({ "planned": {
                "status": "optimal",
                "objective": objective,
                "lower_bound": objective * (1.0 - gap),
                "gap": gap,
                "latency_s": worst,
                "plan": rng.random_range(0..3) / 2,
                "clusters": parts,
                "terms": ObjectiveTerms::default(),
                "shadow_prices": ShadowPrices::default(),
                "decision": { "plan": 0, "clusters": [] },
                "work": Work::default(),
            } })
        };
        for ((queue, energy), budget) in queues.iter_mut().zip(&energy).zip(&budgets) {
            if let Some(budget) = budget {
                *queue = f64::max(*queue + energy / budget - 1.0, 0.0);
            }
        }
        slots.push(json!({
            "slot": slot,
            "present": vec![(0..made.devices).collect::<Vec<_>>(); made.clusters],
            "energy_prices": vec![0.0; nodes.len()],
            "outcome": outcome,
            "energy_j": energy,
            "queues": queues,
        }));
    }
    let record = json!({
        "schema": "collapipe.run-record/1",
        "provenance": {
            "version": "0.1.0",
            "scenario": "synthetic",
            "scenario_digest": "00",
            "seed": 7,
            "latency_weight": 50.0,
            "slots_planned": made.slots,
            "policy": "exact",
            "gap_tolerance": 1e-3,
        },
        "clusters": clusters,
        "blocks": blocks,
        "nodes": nodes,
        "plans": plans,
        "slots": slots,
    });
    serde_json::from_value(record).unwrap()
}
