//! Block-coordinate descent: feasible, never better than the bound, and stuck where it is said to be.

use super::*;
use crate::problem::Participation;
use crate::solver::backend::{Alternating, Backend, Milp, WholeSlot};

#[test]
fn probe() {
    for (participation, clusters, devices, blocks) in
        [(Participation::All, 1, 10, 24), (Participation::Select, 1, 8, 24), (Participation::All, 3, 4, 12)]
    {
        let mut gaps = Vec::new();
        let start = std::time::Instant::now();
        let mut rounds = 0;
        for seed in 0..50 {
            let problem = InstanceSize { clusters, devices, blocks, plans: 4, participation }.sample(seed).unwrap();
            match Alternating::<Milp>::default().solve(&problem, &WholeSlot) {
                Ok(found) => {
                    rounds += found.work.rounds;
                    if let Some(best) = found.certified() {
                        gaps.push(best.gap);
                    }
                }
                Err(error) => println!("{seed}: {error}"),
            }
        }
        gaps.sort_by(f64::total_cmp);
        println!("{participation:?} {clusters}: {} rounds {rounds}, {:?} {gaps:.4?}", gaps.len(), start.elapsed());
    }
}
