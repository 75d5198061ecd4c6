//! More devices than active sets are enumerated for: the dynamic program's bound and decisions.

use crate::instances::InstanceSize;
use crate::problem::{Participation, SlotProblem};
use crate::solver::{Settings, solve};

/// The best pair or single device, each solved as a problem of its own.
fn best_of_all_pairs(problem: &SlotProblem) -> f64 {
    let devices = problem.clusters[0].devices.len();
    let mut best = f64::INFINITY;
    for i in 0..devices {
        for j in i..devices {
            let kept: Vec<usize> = if i == j { vec![i] } else { vec![i, j] };
            let mut spec = problem.clone().into_spec();
            spec.participation = Participation::All;
            let cluster = &mut spec.clusters[0];
            cluster.devices = kept.iter().map(|&k| cluster.devices[k].clone()).collect();
            let nodes: Vec<usize> =
                std::iter::once(0).chain(kept.iter().map(|&k| k + 1)).chain([devices + 1]).collect();
            let gains = &cluster.gain_to_noise_hz_per_w;
            let gains = nalgebra::DMatrix::from_fn(nodes.len(), nodes.len(), |a, b| gains.0[(nodes[a], nodes[b])]);
            cluster.gain_to_noise_hz_per_w = crate::problem::Gains(gains);
            let solution = solve(&SlotProblem::new(spec).unwrap(), &Settings::default()).unwrap();
            if let Some(found) = solution.certified() {
                best = best.min(found.objective());
            }
        }
    }
    best
}

#[test]
fn two_blocks_among_eighteen_devices() {
    for seed in 0..6 {
        let size = InstanceSize { devices: 18, blocks: 2, plans: 5, participation: Participation::Select, clusters: 1 };
        let problem = size.sample(seed).unwrap();
        let solution = solve(&problem, &Settings::default()).unwrap();
        let found = solution.certified().unwrap();
        let best = best_of_all_pairs(&problem);
        assert!(found.lower_bound <= best * (1.0 + 1e-9), "bound {} above the optimum {best}", found.lower_bound);
        assert!(found.objective() >= best * (1.0 - 1e-9));
        assert!(found.objective() <= best * (1.0 + 1e-6), "seed {seed}: {} against {best}", found.objective());
        assert!(found.lower_bound > 0.0);
    }
}
