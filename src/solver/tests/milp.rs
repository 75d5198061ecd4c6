//! Linear programs in integers against the exact solver and against trying everything.

use proptest::prelude::*;

use super::*;
use crate::problem::Participation;
#[cfg(feature = "highs")]
use crate::solver::backend::LinearSolver;
use crate::solver::backend::{Backend, Exact, Exhaustive, Milp, SegmentsFor, WholeSlot};
use crate::strategies::{ProblemParameters, slot_problems};
use crate::units::{Bytes, Hertz, Watts};

/// The backend with every linear solver there is.
fn every_solver() -> impl Iterator<Item = Milp> {
    #[cfg(feature = "highs")]
    let more = Some(Milp { solver: LinearSolver::Highs, ..Milp::default() });
    #[cfg(not(feature = "highs"))]
    let more = None;
    std::iter::once(Milp::default()).chain(more)
}

/// The linear program's segments are as good as the best of all.
fn assert_agree(problem: &SlotProblem, question: &SegmentsFor) {
    let tried = Exhaustive { radio: Exact::default(), choices: 200_000 }.solve(problem, question).unwrap();
    every_solver().for_each(|milp| assert_as_good(&milp.solve(problem, question).unwrap(), &tried));
}

fn assert_as_good(milp: &Solution, tried: &Solution) {
    let (Some(best), Some(tried)) = (milp.certified(), tried.certified()) else {
        assert_eq!(milp.outcome, tried.outcome);
        return;
    };
    let size = tried.evaluation.terms.magnitude();
    let off = (best.objective() - tried.objective()) / size;
    assert!(off.abs() <= 1e-7, "off by {off:e}");
    assert!(best.lower_bound <= tried.objective() + 1e-12 * size);
    assert!(best.objective() - best.lower_bound <= 3e-6 * size);
    assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", best.evaluation.feasibility);
}

#[test]
fn segments_as_good_as_trying_all() {
    for (participation, clusters, devices, blocks) in
        [(Participation::All, 1, 4, 9), (Participation::Select, 1, 4, 7), (Participation::Select, 2, 2, 5)]
    {
        for seed in 0..12 {
            let size = InstanceSize { clusters, devices, blocks, plans: 3, participation };
            let problem = size.sample(seed).unwrap();
            assert_agree(&problem, &SegmentsFor::equal_shares(&problem));
            assert_agree(&problem, &SegmentsFor::equal_shares(&problem).with_plan(1));
            // Stages that compute and then send.
            let mut spec = problem.into_spec();
            spec.overlap = Overlap::None;
            let problem = built(spec);
            assert_agree(&problem, &SegmentsFor::equal_shares(&problem));
        }
    }
}

/// A band that not all devices can share: only short paths are feasible, or none is.
#[test]
fn given_bandwidths_limit_the_path() {
    let size = InstanceSize { clusters: 2, devices: 3, blocks: 6, plans: 2, participation: Participation::Select };
    for seed in 0..12 {
        let problem = size.sample(seed).unwrap();
        for hops in [3.0, 2.0, 1.0] {
            let mut question = SegmentsFor::equal_shares(&problem);
            for (given, cluster) in question.clusters.iter_mut().zip(&problem.clusters) {
                let links = given.forward.iter_mut().chain(&mut given.backward).flatten();
                links.for_each(|link| link.bandwidth_hz = cluster.bandwidth_hz / hops);
            }
            assert_agree(&problem, &question);
            let solution = Milp::default().solve(&problem, &question).unwrap();
            match solution.outcome {
                Ok(best) => assert!(best.decision.clusters.iter().all(|at| at.active.len() < hops as usize)),
                Err(reasons) => assert!(reasons.to_string().contains("the given bandwidths and powers"), "{reasons}"),
            }
            // Every path has two hops at the least.
            assert_eq!(
                Milp::default().solve(&problem, &question).unwrap().status == Status::Infeasible,
                hops < 2.0 || {
                    let tried = Exhaustive::<Exact>::default().solve(&problem, &question).unwrap();
                    tried.status == Status::Infeasible
                }
            );
        }
    }
}

/// At the radio of the optimum no other sizes are better, and no plan.
#[test]
fn the_optimum_keeps_its_segments() {
    for (participation, clusters) in [(Participation::All, 1), (Participation::Select, 1), (Participation::All, 2)] {
        for seed in 0..12 {
            let size = InstanceSize { clusters, devices: 4, blocks: 10, plans: 4, participation };
            let problem = size.sample(seed).unwrap();
            let solution = solve(&problem, &Settings::default()).unwrap();
            let best = solution.certified().unwrap();
            let question = SegmentsFor::decision(&problem, &best.decision).unwrap();
            for milp in every_solver() {
                let milp = milp.solve(&problem, &question).unwrap();
                let found = milp.certified().unwrap();
                let size = best.evaluation.terms.magnitude();
                let off = (found.objective() - best.objective()) / size;
                assert!(off.abs() <= 1e-7, "seed {seed}: off by {off:e}");
                assert!(found.objective() >= best.lower_bound - 1e-9 * size, "seed {seed}: beats the optimum");
            }
        }
    }
}

/// The linear programs bound the optimum from below, and their decision is within the gap of it.
fn assert_bounds(problem: &SlotProblem) {
    let exact = solve(problem, &Settings::default()).unwrap();
    let exact = exact.certified().unwrap();
    every_solver().for_each(|milp| assert_bounded(&milp.solve(problem, &WholeSlot).unwrap(), exact));
}

fn assert_bounded(milp: &Solution, exact: &Certified) {
    let best = milp.certified().unwrap();
    let size = exact.evaluation.terms.magnitude();
    assert!(best.lower_bound <= exact.objective() + 1e-9 * size, "bound {:e}", best.lower_bound);
    assert!(best.objective() >= exact.lower_bound - 1e-9 * size, "objective {:e}", best.objective());
    assert!((best.objective() - best.lower_bound) <= 2e-4 * size, "gap {:e}, {:?}", best.gap, milp.work);
    assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", best.evaluation.feasibility);
}

#[test]
fn outer_approximation_bounds_seeded_problems() {
    for (participation, clusters, devices, blocks) in [
        (Participation::All, 1, 6, 24),
        (Participation::Select, 1, 5, 12),
        (Participation::All, 2, 3, 8),
        (Participation::Select, 2, 3, 6),
    ] {
        for seed in 0..8 {
            let size = InstanceSize { clusters, devices, blocks, plans: 4, participation };
            assert_bounds(&size.sample(seed).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(super::seeded(150))]

    /// Over up to eight decades of gains, rates and prices.
    #[test]
    fn outer_approximation_bounds_any_problem(
        problem in slot_problems(ProblemParameters {
            clusters: 1..=2,
            devices: 1..=3,
            blocks: 1..=6,
            overlap: Some(Overlap::Full),
            ..ProblemParameters::default()
        }),
    ) {
        assert_bounds(&problem);
    }
}

/// A network in which the exact search once kept a gap.
#[test]
fn a_network_that_once_kept_a_gap() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems/three-clusters-select.json");
    let problem = SlotProblem::from_json(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_bounds(&problem);
}

#[test]
fn infeasible_for_the_same_reasons() {
    for participation in [Participation::All, Participation::Select] {
        let size = InstanceSize { clusters: 2, devices: 3, blocks: 6, plans: 2, participation };
        let (mut memory, mut upload, mut path) = (sample(size, 5), sample(size, 5), sample(size, 5));
        memory.clusters[1].devices.iter_mut().for_each(|device| device.memory_bytes = Bytes(1.0));
        upload.clusters[0].gain_to_noise_hz_per_w.0[(0, 4)] = 0.0;
        (1..=3).for_each(|k| path.clusters[1].gain_to_noise_hz_per_w.0[(4, k)] = 0.0);
        for problem in [memory, upload, path].map(built) {
            let exact = solve(&problem, &Settings::default()).unwrap();
            assert_eq!(exact.status, Status::Infeasible);
            let question = SegmentsFor::equal_shares(&problem);
            for milp in every_solver() {
                assert_eq!(milp.solve(&problem, &WholeSlot).unwrap().outcome, exact.outcome);
                assert_eq!(milp.solve(&problem, &question).unwrap().outcome, exact.outcome);
            }
        }
    }
}

#[test]
fn limits_and_bad_questions() {
    let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(1).unwrap();
    let error = Milp { integers: 9, ..Milp::default() }.solve(&problem, &WholeSlot).unwrap_err();
    assert!(matches!(error, SolveError::OverLimit { found: 10, limit: 9, .. }), "{error}");
    for (milp, field) in [
        (Milp { gap: f64::NAN, ..Milp::default() }, "settings.gap"),
        (Milp { gap: 0.0, ..Milp::default() }, "settings.gap"),
        (Milp { rounds: 0, ..Milp::default() }, "settings.rounds"),
        (Milp { seconds: f64::INFINITY, ..Milp::default() }, "settings.seconds"),
    ] {
        let error = milp.solve(&problem, &WholeSlot).unwrap_err();
        assert!(error.to_string().starts_with(field), "{error}");
    }
    let mut spec = problem.clone().into_spec();
    spec.overlap = Overlap::None;
    let error = Milp::default().solve(&built(spec), &WholeSlot).unwrap_err();
    assert!(matches!(error, SolveError::Unsupported { field: "overlap", .. }), "{error}");

    let good = SegmentsFor::equal_shares(&problem);
    let bad = |change: fn(&mut SegmentsFor), path: &str| {
        let mut question = good.clone();
        change(&mut question);
        let error = Milp::default().solve(&problem, &question).unwrap_err();
        assert!(matches!(error, SolveError::Question(_)) && error.to_string().starts_with(path), "{error}");
    };
    bad(|question| question.plan = Some(8), "plan = 8");
    bad(|question| question.clusters.clear(), "clusters = a list of 0");
    bad(|question| question.clusters[0].forward.truncate(2), "clusters[0].forward = a list of 2");
    bad(|question| question.clusters[0].backward[1].clear(), "clusters[0].backward[1] = a list of 0");
    bad(|question| question.clusters[0].forward[1][2].power_w = Watts(0.3), "clusters[0].forward[1][2].power_w = 0.3");
    bad(
        |question| question.clusters[0].backward[0][1].bandwidth_hz = Hertz(f64::NAN),
        "clusters[0].backward[0][1].bandwidth_hz = NaN",
    );
    bad(
        |question| question.clusters[0].collection_power_w[2] = Watts(-1.0),
        "clusters[0].collection_power_w[2] = -1.0",
    );
    bad(|question| question.clusters[0].upload.bandwidth_hz = Hertz(3e7), "clusters[0].upload.bandwidth_hz = 30000000");
}
