//! Block-coordinate descent: feasible, never better than the bound, and stuck where it is said to be.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::problem::{Link, Participation};
use crate::solver::backend::{Alternating, Backend, Milp, WholeSlot};
use crate::strategies::{ProblemParameters, slot_problems};
use crate::units::Bytes;

fn alternating(problem: &SlotProblem) -> Certified {
    let solution = Alternating::<Milp>::default().solve(problem, &WholeSlot).unwrap();
    assert!((1..200).contains(&solution.work.rounds), "{:?}", solution.work);
    let best = solution.outcome.unwrap();
    assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", best.evaluation.feasibility);
    assert!(best.gap >= 0.0 && best.lower_bound <= best.objective());
    best
}

#[test]
fn never_better_than_the_exact_solver() {
    for (participation, clusters, devices, blocks) in
        [(Participation::All, 1, 6, 18), (Participation::Select, 1, 5, 12), (Participation::All, 2, 3, 8)]
    {
        for seed in 0..10 {
            let size = InstanceSize { clusters, devices, blocks, plans: 4, participation };
            let problem = size.sample(seed).unwrap();
            let exact = solve(&problem, &Settings::default()).unwrap();
            let exact = exact.certified().unwrap();
            let best = alternating(&problem);
            assert_eq!(best.lower_bound.min(best.objective()), best.lower_bound);
            assert!(best.objective() >= exact.lower_bound - 1e-9 * exact.evaluation.terms.magnitude());
        }
    }
}

/// One cluster of one device, one plan: a convex problem, and the blocks find its optimum.
#[test]
fn nothing_is_lost_where_nothing_is_shared() {
    for seed in 0..10 {
        let size = InstanceSize { devices: 1, blocks: 4, plans: 1, ..InstanceSize::default() };
        let gap = alternating(&size.sample(seed).unwrap()).gap;
        assert!(gap <= 2e-3, "seed {seed}: {gap:e}");
    }
}

/// Two clusters of one device: still convex and without any choice of integers, and yet the blocks are stuck. All
/// clusters finish together; to be faster each needs more power *and* the upload another share of the band.
fn stuck() -> SlotProblem {
    InstanceSize { clusters: 2, devices: 1, blocks: 4, plans: 1, participation: Participation::All }.sample(0).unwrap()
}

#[test]
fn stuck_on_a_convex_problem() {
    let (problem, exact) = (stuck(), solve(&stuck(), &Settings::default()).unwrap());
    assert_eq!(exact.status, Status::Optimal);
    let best = alternating(&problem);
    assert!(best.gap > 0.01, "{:e}", best.gap);
    let loss = best.objective() / exact.certified().unwrap().objective() - 1.0;
    assert!(loss > 0.01, "{loss:e}");
}

/// Where it is stuck no change of bandwidths alone and none of powers alone is better: each block is at its own
/// optimum.
#[test]
fn stuck_means_that_no_block_can_improve() {
    let problem = stuck();
    let best = alternating(&problem);
    let mut rng = Pcg64::seed_from_u64(5);
    let mut factor = |step: f64| 1.0 + step * (2.0 * rng.random::<f64>() - 1.0);
    for round in 0..4000 {
        let step = [1e-1, 1e-2, 1e-3, 1e-4][round % 4];
        let mut decision = best.decision.clone();
        if round % 8 < 4 {
            let mut change = |links: Vec<&mut Link>, whole: f64| {
                let mut sum = 0.0;
                let mut links = links;
                for link in &mut links {
                    link.bandwidth_hz = link.bandwidth_hz * factor(step);
                    sum += link.bandwidth_hz.0;
                }
                links.into_iter().for_each(|link| link.bandwidth_hz = link.bandwidth_hz * (whole / sum));
            };
            for (chosen, cluster) in decision.clusters.iter_mut().zip(&problem.clusters) {
                change(chosen.forward.iter_mut().flatten().collect(), cluster.bandwidth_hz.0);
                change(chosen.backward.iter_mut().flatten().collect(), cluster.bandwidth_hz.0);
            }
            let uploads = decision.clusters.iter_mut().filter_map(|chosen| chosen.upload.as_mut()).collect();
            change(uploads, problem.uplink.bandwidth_hz.0);
        } else {
            for chosen in &mut decision.clusters {
                let hops = chosen.forward.iter_mut().chain(&mut chosen.backward).chain([&mut chosen.upload]);
                let powers = chosen.collection_power_w.iter_mut().chain(&mut chosen.distribution_power_w);
                hops.flatten()
                    .map(|link| &mut link.power_w)
                    .chain(powers.flatten())
                    .for_each(|power| *power = *power * factor(step));
            }
        }
        let changed = evaluate(&problem, &decision).unwrap();
        let better = 1.0 - changed.objective / best.objective();
        assert!(better <= 5e-6 || !changed.feasibility.is_feasible(1e-9), "round {round}: better by {better:e}");
    }
}

proptest! {
    #![proptest_config(super::seeded(60))]

    #[test]
    fn feasible_on_any_problem(
        problem in slot_problems(ProblemParameters {
            clusters: 1..=2,
            devices: 1..=3,
            blocks: 1..=6,
            overlap: Some(Overlap::Full),
            ..ProblemParameters::default()
        }),
    ) {
        alternating(&problem);
    }
}

#[test]
fn refusals() {
    let problem = stuck();
    for (backend, field) in [
        (Alternating::<Milp> { tolerance: f64::NAN, ..Alternating::default() }, "settings.tolerance = NaN"),
        (Alternating { tolerance: -1.0, ..Alternating::default() }, "settings.tolerance = -1"),
        (Alternating { iterations: 0, ..Alternating::default() }, "settings.iterations = 0"),
        (Alternating { bound: Settings { gap: 0.0, ..Settings::default() }, ..Alternating::default() }, "settings.gap"),
    ] {
        let error = backend.solve(&problem, &WholeSlot).unwrap_err();
        assert!(error.to_string().starts_with(field), "{error}");
    }
    let mut spec = problem.clone().into_spec();
    spec.overlap = Overlap::None;
    let error = Alternating::<Milp>::default().solve(&built(spec), &WholeSlot).unwrap_err();
    assert!(matches!(error, SolveError::Unsupported { .. }), "{error}");
    let mut spec = problem.into_spec();
    spec.clusters[1].devices[0].memory_bytes = Bytes(1.0);
    let problem = built(spec);
    let found = Alternating::<Milp>::default().solve(&problem, &WholeSlot).unwrap();
    assert_eq!(found.outcome, solve(&problem, &Settings::default()).unwrap().outcome);
    assert_eq!(found.status, Status::Infeasible);
}
