//! Limits of blocks from above are answered by the search that answers those of memory, with what the search over all of schema 2 finds.

use super::*;
use crate::problem::{Participation, PerPair, Schema};
use crate::units::Seconds;

/// A problem in which the device that would hold most may hold one block less.
fn limited(participation: Participation, clusters: usize, seed: u64) -> SlotSpec {
    let size = InstanceSize { devices: 4, blocks: 9, plans: 2, participation, clusters };
    let mut spec = SlotSpec::clone(&size.sample(seed).unwrap());
    spec.schema = Schema::V2;
    for cluster in &mut spec.clusters {
        (cluster.hop_latency_s, cluster.hop_overhead_s) = (PerPair::Same(Seconds(0.0)), PerPair::Same(Seconds(0.0)));
    }
    let best = solve(&built(spec.clone()), &Settings::default()).unwrap().outcome.unwrap();
    let choice = &best.decision.clusters[0];
    let (device, most) = choice.active.iter().zip(&choice.sizes).max_by_key(|(_, size)| **size).unwrap();
    spec.clusters[0].devices[device.0].max_blocks = Some(most - 1);
    spec
}

#[test]
fn limits_from_above_cost_what_the_other_search_says() {
    for seed in 0..20 {
        let participation = if seed % 2 == 0 { Participation::All } else { Participation::Select };
        let problem = built(limited(participation, 1 + seed as usize / 16, seed));
        assert!(problem.falls_into_phases() && !problem.is_classical());
        let settings = Settings::default();
        let mut solver = Solver::new(settings).unwrap();
        let own = solver.solve(&problem).unwrap();
        let other = solver.by_timelines(&problem, &mut Meter::start(&settings, None)).unwrap();
        let (Some(own), Some(other)) = (own.certified(), other.certified()) else {
            assert_eq!(own.status, other.status, "seed {seed}");
            continue;
        };
        assert!(own.evaluation.feasibility.is_feasible(1e-9), "{}", own.evaluation.feasibility);
        let size = own.evaluation.terms.magnitude();
        for (one, bound) in [(own, other.lower_bound), (other, own.lower_bound)] {
            assert!(one.objective() >= bound - 1e-9 * size, "seed {seed}: {} below {bound}", one.objective());
            assert!(one.gap <= 1e-6, "seed {seed}: gap {:e}", one.gap);
        }
    }
}

#[test]
fn a_limit_that_rules_everything_out_is_named() {
    let mut spec = limited(Participation::Select, 1, 3);
    spec.clusters[0].devices.iter_mut().for_each(|device| device.max_blocks = Some(2));
    let solution = solve(&built(spec), &Settings::default()).unwrap();
    let reasons = solution.outcome.unwrap_err().to_string();
    assert!(reasons.contains("max_blocks"), "{reasons}");
}
