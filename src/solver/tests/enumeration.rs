//! The searches against a plain enumeration of plans, active sets and sizes.

use proptest::prelude::*;

use super::invariants::full;
use super::*;
use crate::ground::route::DeviceId;
use crate::problem::program::block_cap;
use crate::solver::cluster::Segments;
use crate::strategies::{ProblemParameters, slot_problems};

/// All size vectors of sum `left` within 1 and the caps.
pub(super) fn compositions(caps: &[u32], left: u32) -> Vec<Vec<u32>> {
    let Some((&first, rest)) = caps.split_first() else {
        return if left == 0 { vec![Vec::new()] } else { Vec::new() };
    };
    let tails = |size| compositions(rest, left - size).into_iter().map(move |tail| [vec![size], tail].concat());
    (1..=first.min(left)).flat_map(tails).collect()
}

/// The cheapest of all choices, each with its phases solved alone.
pub(super) fn enumerated(problem: &SlotProblem) -> f64 {
    let (cluster, blocks) = (&problem.clusters[0], problem.encoder.blocks());
    let devices = cluster.devices.len();
    let caps: Vec<u32> = cluster.devices.iter().map(|device| block_cap(problem, cluster, device).min(blocks)).collect();
    let masks = match problem.participation {
        Participation::All => (1 << devices) - 1..1usize << devices,
        Participation::Select => 1..1 << devices,
    };
    let upload = Upload::new(&ClusterProgram::new(problem, cluster))
        .send_alone(problem.latency_weight, problem.uplink.bandwidth_hz.0)
        .0
        .cost;
    let priced = PricedCluster::new(problem, cluster, problem.latency_weight);
    let domain = Domain { low: vec![1; devices], high: caps.clone() };
    let mut work = Workspace::default();
    let mut least = f64::INFINITY;
    for plan in &problem.plans {
        let planned = PlannedCluster::new(&priced, plan, &domain);
        for mask in masks.clone() {
            let active: Vec<DeviceId> = DeviceId::all(devices).filter(|k| mask >> k.0 & 1 == 1).collect();
            let caps: Vec<u32> = active.iter().map(|k| caps[k.0]).collect();
            for sizes in compositions(&caps, blocks) {
                let choice = Segments { active: active.clone(), sizes };
                least = least.min(work.fixed(&planned, &choice, None).value + plan.penalty + upload);
            }
        }
    }
    least
}

proptest! {
    #![proptest_config(super::seeded(192))]

    #[test]
    fn the_search_finds_the_cheapest_choice(
        problem in slot_problems(ProblemParameters { devices: 1..=4, blocks: 1..=8, ..full(1) }),
    ) {
        let (best, least) = (solved(&problem), enumerated(&problem));
        let size = best.evaluation.terms.magnitude();
        prop_assert!((best.objective() - least).abs() <= 2e-9 * size, "{} but {least} exists", best.objective());
        prop_assert!(best.lower_bound <= least + 1e-11 * size, "bound {} above {least}", best.lower_bound);
    }
}
