//! Linear programs in integers against the exact solver and against trying everything.

use proptest::prelude::*;

use super::*;
use crate::problem::Participation;
use crate::solver::backend::{Backend, Exact, Exhaustive, Milp, RadioFor, SegmentsFor, WholeSlot};
use crate::strategies::{ProblemParameters, slot_problems};

fn given_radio(problem: &SlotProblem, question: &SegmentsFor) -> (Solution, Solution) {
    let tried = Exhaustive { radio: Exact::default(), choices: 200_000 }.solve(problem, question).unwrap();
    (Milp::default().solve(problem, question).unwrap(), tried)
}

fn assert_agree(problem: &SlotProblem, question: &SegmentsFor) {
    let (milp, tried) = given_radio(problem, question);
    let (Some(best), Some(tried)) = (milp.certified(), tried.certified()) else {
        assert_eq!(milp.outcome, tried.outcome);
        return;
    };
    let size = magnitude(&tried.evaluation.terms);
    let off = (best.objective() - tried.objective()) / size;
    assert!(off.abs() <= 1e-7, "off by {off:e}");
    assert!(best.lower_bound <= tried.objective() + 1e-12 * size && best.gap <= 1e-4);
    assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", best.evaluation.feasibility);
}

#[test]
fn segments_as_good_as_trying_all() {
    for (participation, clusters, devices, blocks) in
        [(Participation::All, 1, 4, 9), (Participation::Select, 1, 4, 7), (Participation::Select, 2, 2, 5)]
    {
        for seed in 0..12 {
            let problem = InstanceSize { clusters, devices, blocks, plans: 3, participation }.sample(seed).unwrap();
            assert_agree(&problem, &SegmentsFor::equal_shares(&problem));
            assert_agree(&problem, &SegmentsFor::equal_shares(&problem).with_plan(1));
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
            let Some(best) = solution.certified() else { continue };
            let question = SegmentsFor::decision(&problem, &best.decision).unwrap();
            let milp = Milp::default().solve(&problem, &question).unwrap();
            let found = milp.certified().unwrap();
            let size = magnitude(&best.evaluation.terms);
            let off = (found.objective() - best.objective()) / size;
            assert!(off.abs() <= 1e-7, "seed {seed}: off by {off:e}");
            assert!(found.objective() >= best.lower_bound - 1e-9 * size, "seed {seed}: beats the optimum");
        }
    }
}

#[test]
fn probe() {
    for (participation, clusters, devices, blocks) in [
        (Participation::All, 1, 10, 24),
        (Participation::Select, 1, 6, 12),
        (Participation::Select, 1, 8, 24),
        (Participation::Select, 1, 10, 24),
        (Participation::All, 3, 4, 12),
        (Participation::All, 3, 6, 12),
        (Participation::Select, 3, 4, 12),
    ] {
        for seed in 0..3 {
            let problem = InstanceSize { clusters, devices, blocks, plans: 4, participation }.sample(seed).unwrap();
            let exact = solve(&problem, &Settings::default()).unwrap();
            let Some(exact) = exact.certified() else { continue };
            let start = std::time::Instant::now();
            let milp = Milp { integers: 1000, ..Milp::default() }.solve(&problem, &WholeSlot);
            let time = start.elapsed().as_secs_f64();
            match milp {
                Ok(found) => {
                    let best = found.certified().unwrap();
                    let scale = exact.objective();
                    println!(
                        "{participation:?} {clusters} {devices} {seed}: {time:.2} s, rounds {}, gap {:.1e}, above exact {:.1e}, bound below exact {:.1e}",
                        found.work.rounds,
                        best.gap,
                        best.objective() / scale - 1.0,
                        1.0 - best.lower_bound / scale
                    );
                }
                Err(error) => println!("{participation:?} {clusters} {devices} {seed}: {time:.2} s, {error}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..super::seeded(200) })]
    #[test]
    fn wild(problem in slot_problems(ProblemParameters { devices: 1..=3, blocks: 1..=6, clusters: 1..=2, overlap: Some(Overlap::Full), ..ProblemParameters::default() })) {
        let exact = solve(&problem, &Settings::default()).unwrap();
        let exact = exact.certified().unwrap();
        let start = std::time::Instant::now();
        let milp = Milp::default().solve(&problem, &WholeSlot);
        let time = start.elapsed().as_secs_f64();
        let scale = magnitude(&exact.evaluation.terms);
        match milp {
            Ok(found) => {
                let best = found.certified().unwrap();
                if best.gap > 1e-4 || best.lower_bound > exact.objective() + 1e-7 * scale || best.objective() < exact.lower_bound - 1e-7 * scale || time > 2.0 { println!(
                    "{} {}: {time:.2} s, rounds {}, gap {:.1e}, above exact {:.1e}, bound below exact {:.1e} {}",
                    problem.clusters.len(), problem.plans.len(), found.work.rounds, best.gap, (best.objective() - exact.objective()) / scale, (exact.objective() - best.lower_bound) / scale,
                    if best.lower_bound > exact.objective() + 1e-7 * scale || best.objective() < exact.lower_bound - 1e-7 * scale { "WRONG" } else {""}
                ); }
            }
            Err(error) => println!("{}: {time:.2} s, {error} {:?} uploads {:?} params {:?} prices {:?} T {:?}", problem.clusters.len(), problem.participation, problem.clusters.iter().map(|c| c.upload_bits.0).collect::<Vec<_>>(), problem.encoder.parameter_bits_per_block, exact.shadow_prices, exact.evaluation.clusters.iter().map(|c| c.latency.0).collect::<Vec<_>>()),
        }
    }
}
