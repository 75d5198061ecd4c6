//! What a solver remembers is used only where it still fits.

use super::*;
use crate::ground::route::{DeviceId, NodeId};
use crate::problem::Participation;
use crate::solver::cluster::Segments;

fn choosing(seed: u64) -> SlotProblem {
    let size = InstanceSize { devices: 5, blocks: 9, plans: 3, participation: Participation::Select, clusters: 1 };
    size.sample(seed).unwrap()
}

/// The problem with one direction of a link that does not work.
fn cut(problem: &SlotProblem, from: NodeId, to: NodeId) -> SlotProblem {
    let mut spec = problem.clone().into_spec();
    spec.clusters[0].gain_to_noise_hz_per_w.0[(from.0, to.0)] = 0.0;
    built(spec)
}

fn holds(problem: &SlotProblem, domain: &Domain, choice: &Segments) -> bool {
    domain.holds(choice, &ClusterProgram::new(problem, &problem.clusters[0]))
}

/// The best choice of the problem, its domain, and its links as pairs of nodes.
fn best(problem: &SlotProblem) -> (Segments, Domain, Vec<(NodeId, NodeId)>) {
    let solution = solve(problem, &Settings::default()).unwrap();
    let choice = Segments::from(&solution.certified().unwrap().decision.clusters[0]);
    let program = ClusterProgram::new(problem, &problem.clusters[0]);
    let links = program.route(&choice.active).hops().collect();
    (choice, domains(problem).unwrap().remove(0), links)
}

#[test]
fn a_choice_is_kept_only_within_the_domain() {
    for seed in 0..10 {
        let problem = choosing(seed);
        let (choice, domain, links) = best(&problem);
        assert!(holds(&problem, &domain, &choice), "seed {seed}");
        let no = |domain: &Domain, choice: &Segments, why: &str| {
            assert!(!holds(&problem, domain, choice), "seed {seed}: {why}");
        };
        for (DeviceId(k), size) in choice.each() {
            let (mut small, mut large) = (domain.clone(), domain.clone());
            small.high[k] = size - 1;
            large.low[k] = size + 1;
            no(&small, &choice, "more than fit");
            no(&large, &choice, "fewer than there must be");
            let mut exact = domain.clone();
            (exact.low[k], exact.high[k]) = (size, size);
            assert!(holds(&problem, &exact, &choice), "seed {seed}: {size} of {size}");
        }
        for k in (0..domain.low.len()).filter(|&k| !choice.active.contains(&DeviceId(k))) {
            let mut wanted = domain.clone();
            wanted.low[k] = 1;
            no(&wanted, &choice, "a device that must take part stays out");
        }
        let mut fewer = choice.clone();
        fewer.sizes[0] -= 1;
        no(&domain, &fewer, "fewer blocks than the encoder has");
        let beyond = DeviceId(domain.high.len());
        let moved = Segments { active: vec![beyond], sizes: vec![problem.encoder.blocks()] };
        no(&domain, &moved, "a device that there is not");
        for (near, far) in links {
            assert!(!holds(&cut(&problem, near, far), &domain, &choice), "seed {seed}: forward {near:?}");
            assert!(!holds(&cut(&problem, far, near), &domain, &choice), "seed {seed}: backward {near:?}");
        }
    }
}

/// After one direction of one of its links has gone the answer is that of a solver without a memory.
#[test]
fn links_that_fail_between_slots() {
    for seed in 0..10 {
        let problem = choosing(seed);
        for (near, far) in best(&problem).2 {
            for (from, to) in [(near, far), (far, near)] {
                let next = cut(&problem, from, to);
                let mut solver = Solver::new(Settings::default()).unwrap();
                solver.solve(&problem).unwrap();
                let (warm, cold) = (solver.solve(&next).unwrap(), solve(&next, &Settings::default()).unwrap());
                assert_eq!(warm.outcome, cold.outcome, "seed {seed}: {from:?} to {to:?}");
            }
        }
    }
}

/// A memory of more plans, more devices and other sizes than there are now.
#[test]
fn problems_that_shrink_between_slots() {
    for participation in [Participation::All, Participation::Select] {
        for seed in 0..6 {
            let mut solver = Solver::new(Settings::default()).unwrap();
            for (devices, blocks, plans) in [(5, 9, 4), (3, 9, 2), (3, 5, 1), (1, 2, 3), (4, 9, 4)] {
                let size = InstanceSize { devices, blocks, plans, participation, clusters: 1 };
                let problem = size.sample(seed).unwrap();
                let warm = solver.solve(&problem).unwrap();
                assert_eq!(warm.outcome, solve(&problem, &Settings::default()).unwrap().outcome, "seed {seed}");
            }
        }
    }
}
