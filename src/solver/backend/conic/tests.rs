//! The conic backend against the exact solver, and its parts.

use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::*;
use crate::instances::InstanceSize;
use crate::problem::{Overlap, Status};
use crate::solver::backend::Exact;
use crate::solver::{Settings, solve};

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
