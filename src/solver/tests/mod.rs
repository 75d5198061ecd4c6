//! What must hold of every solution, on random and on extreme problems.

use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::*;
use crate::instances::InstanceSize;
use crate::problem::{SlotSpec, Status, evaluate};

#[cfg(feature = "milp")]
mod alternating;
mod closed_forms;
mod costs;
mod cut_short;
mod deadlines;
mod enumeration;
mod exhaustive;
mod extreme_pipelines;
mod extremes;
mod infeasible;
mod invariants;
mod limits;
mod many_devices;
#[cfg(feature = "milp")]
mod milp;
mod most_blocks;
mod near_zero;
mod paced;
mod pipelines;
mod proof;
mod reaction;
mod scaling;
mod sizes;
mod unclipped;
mod uploads;
mod walks;
mod warm;
mod watch;
mod windows;

/// So many cases, the same in every run.
fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() }
}

/// Solves a feasible problem and checks what every solution must satisfy, whatever its gap.
fn solved_to(problem: &SlotProblem, gap: f64) -> Certified {
    let solution = solve(problem, &Settings { gap, ..Settings::default() }).unwrap();
    let best = solution.outcome.unwrap();
    assert_eq!(solution.status == Status::Optimal, best.gap <= gap, "{:?} with gap {:e}", solution.status, best.gap);
    assert!(best.evaluation.feasibility.is_feasible(1e-9), "{}", best.evaluation.feasibility);
    assert!(best.lower_bound <= best.objective());
    let shares = &best.shadow_prices.latency_share;
    assert!(shares.iter().all(|&share| share >= 0.0) && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    best
}

/// Solves a feasible problem of one cluster to optimality.
fn solved(problem: &SlotProblem) -> Certified {
    let best = solved_to(problem, 1e-7);
    let relative = (best.objective() - best.lower_bound) / best.evaluation.terms.magnitude();
    assert!(relative <= 1e-7, "gap {:e} of {:?}", best.gap, best.evaluation.terms);
    best
}

fn built(spec: SlotSpec) -> SlotProblem {
    SlotProblem::new(spec).unwrap()
}

/// A seeded problem as data, to be changed.
fn sample(size: InstanceSize, seed: u64) -> SlotSpec {
    size.sample(seed).unwrap().into_spec()
}
