//! Block-coordinate descent: feasible, never better than the bound, and stuck where it is said to be.

use super::*;
use crate::problem::Participation;
use crate::solver::backend::{Alternating, Backend, Milp, WholeSlot};

#[test]
fn probe() {
    for (participation, clusters, devices, blocks) in [
        (Participation::All, 1, 2, 6),
        (Participation::All, 1, 3, 8),
        (Participation::Select, 1, 3, 8),
        (Participation::All, 2, 2, 6),
        (Participation::All, 2, 1, 4),
    ] {
        for seed in 0..40 {
            let problem = InstanceSize { clusters, devices, blocks, plans: 1, participation }.sample(seed).unwrap();
            let found = Alternating::<Milp>::default().solve(&problem, &WholeSlot).unwrap();
            if let Some(best) = found.certified() {
                if best.gap > 0.01 {
                    println!("{participation:?} {clusters} {devices} seed {seed} {:.4}", best.gap)
                }
            }
        }
    }
}
