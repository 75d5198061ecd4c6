//! The conic backend against the exact solver, and its parts.

use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::*;
use crate::instances::InstanceSize;
use crate::problem::{Overlap, Status};
use crate::solver::backend::Exact;
use crate::solver::{Settings, solve};

#[test]
fn quick_catalogue() {
    for entry in crate::instances::catalogue().unwrap() {
        let problem = entry.problem;
        let best = solve(&problem, &Settings::default()).unwrap();
        let Some(best) = best.certified() else { continue };
        let question = RadioFor::decision(&best.decision);
        let exact = Exact::default().solve(&problem, &question).unwrap();
        let e = exact.certified().unwrap();
        let start = std::time::Instant::now();
        match Conic::default().solve(&problem, &question) {
            Ok(conic) => {
                let c = conic.certified().unwrap();
                println!(
                    "{}: {:?} gap {:.1e} vs exact {:+.1e} bound vs exact {:+.1e} work {:?} {:?}",
                    entry.name,
                    conic.status,
                    c.gap,
                    c.objective() / e.objective() - 1.0,
                    c.lower_bound / e.objective() - 1.0,
                    conic.work,
                    start.elapsed()
                );
            }
            Err(error) => println!("{}: {error}", entry.name),
        }
    }
}

#[test]
fn quick_random() {
    let parameters = crate::strategies::ProblemParameters::default();
    proptest!(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() }, |((problem, decision) in crate::strategies::problems_with_decisions(parameters.clone()))| {
        let question = RadioFor::decision(&decision);
        let start = std::time::Instant::now();
        let exact = Exact::default().solve(&problem, &question).ok();
        let e = exact.as_ref().and_then(|e| e.certified());
        match Conic::default().solve(&problem, &question) {
            Ok(conic) => {
                let c = conic.certified().unwrap();
                println!(
                    "{}: {:?} gap {:.1e} vs exact {:?} work {:?} {:?}",
                    problem.clusters.len(),
                    conic.status,
                    c.gap,
                    e.map(|e| (c.objective() / e.objective() - 1.0,c.lower_bound / e.objective() - 1.0)),
                    conic.work,
                    start.elapsed()
                );
            }
            Err(error) => println!("{}: {error}", problem.clusters.len()),
        }
    });
}

#[test]
fn quick() {
    for seed in 0..30 {
        let problem = InstanceSize::default().sample(seed).unwrap();
        let best = solve(&problem, &Settings::default()).unwrap();
        let best = best.certified().unwrap();
        let question = RadioFor::decision(&best.decision);
        let start = std::time::Instant::now();
        let conic = Conic::default().solve(&problem, &question).unwrap();
        let took = start.elapsed();
        let start = std::time::Instant::now();
        let _exact = Exact::default().solve(&problem, &question).unwrap();
        let took_exact = start.elapsed();
        let c = conic.certified().unwrap();
        println!(
            "{seed}: {:?} gap {:.1e} vs exact {:+.1e} bound vs exact {:+.1e} work {:?} {took:?} {took_exact:?}",
            conic.status,
            c.gap,
            c.objective() / best.objective() - 1.0,
            c.lower_bound / best.objective() - 1.0,
            conic.work
        );
    }
}
