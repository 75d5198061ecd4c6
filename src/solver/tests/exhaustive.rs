//! The exact solver, one cluster and networks, against every choice tried one by one.

use super::*;
use crate::problem::Participation;
use crate::solver::backend::{Backend, Exact, Exhaustive, SegmentsFor, WholeSlot};

/// Sizes small enough to try everything.
fn tiny(participation: Participation, clusters: usize) -> InstanceSize {
    match (participation, clusters) {
        (Participation::All, 1) => InstanceSize { clusters, devices: 4, blocks: 7, plans: 3, participation },
        (Participation::Select, 1) => InstanceSize { clusters, devices: 3, blocks: 5, plans: 3, participation },
        (Participation::All, _) => InstanceSize { clusters, devices: 3, blocks: 5, plans: 2, participation },
        (Participation::Select, _) => InstanceSize { clusters, devices: 2, blocks: 4, plans: 2, participation },
    }
}

fn agree(participation: Participation, clusters: usize, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let problem = tiny(participation, clusters).sample(seed).unwrap();
        let tried = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap();
        let best = Exact::default().solve(&problem, &WholeSlot).unwrap();
        assert!(tried.enumerated > Some(1));
        let (Some(tried), Some(best)) = (tried.certified(), best.certified()) else {
            assert_eq!(tried.outcome, best.outcome, "seed {seed}");
            continue;
        };
        let size = best.evaluation.terms.magnitude();
        let off = (best.objective() - tried.objective()) / size;
        assert!(off.abs() <= 1e-6, "{participation:?} {clusters} seed {seed}: {off:e}");
        assert!(best.lower_bound <= tried.objective() + 1e-9 * size, "seed {seed}: bound");
        assert!(tried.lower_bound <= best.objective() + 1e-9 * size, "seed {seed}: bound of the enumeration");
    }
}

#[test]
fn one_cluster_all() {
    agree(Participation::All, 1, 0..25);
}

#[test]
fn one_cluster_select() {
    agree(Participation::Select, 1, 0..25);
}

#[test]
fn two_clusters_all() {
    agree(Participation::All, 2, 0..12);
}

#[test]
fn two_clusters_select() {
    agree(Participation::Select, 2, 0..12);
}

#[test]
fn too_many_choices() {
    let problem = InstanceSize { clusters: 2, ..InstanceSize::default() }.sample(1).unwrap();
    let error = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap_err();
    assert!(matches!(error, SolveError::OverLimit { found, limit: 20_000, .. } if found > 20_000), "{error}");
    assert!(error.to_string().contains("settings.choices allows 20000"), "{error}");
    // 4 blocks into 2 segments: 3 ways per cluster and plan.
    let size = InstanceSize { clusters: 2, devices: 2, blocks: 4, plans: 2, participation: Participation::All };
    let mut spec = sample(size, 1);
    for cluster in &mut spec.clusters {
        cluster.devices.iter_mut().for_each(|device| device.memory_bytes = device.memory_bytes * 100.0);
    }
    let problem = built(spec);
    let allowed = |choices| Exhaustive { radio: Exact::default(), choices }.solve(&problem, &WholeSlot);
    assert_eq!(allowed(18).unwrap().enumerated, Some(18));
    assert!(matches!(allowed(17).unwrap_err(), SolveError::OverLimit { found: 18, limit: 17, .. }));
    // More than any integer counts.
    let problem = InstanceSize { devices: 60, blocks: 6000, ..InstanceSize::default() }.sample(1).unwrap();
    let error = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap_err();
    assert!(matches!(error, SolveError::OverLimit { found: u64::MAX, .. }), "{error}");
}

#[test]
fn infeasible_for_the_same_reasons() {
    for participation in [Participation::All, Participation::Select] {
        let mut spec = sample(tiny(participation, 2), 3);
        for device in &mut spec.clusters[1].devices {
            device.memory_bytes = crate::units::Bytes(1.0);
        }
        let problem = built(spec);
        let exact = solve(&problem, &Settings::default()).unwrap();
        let tried = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap();
        assert_eq!((tried.status, &tried.outcome), (Status::Infeasible, &exact.outcome));
        let question = SegmentsFor::equal_shares(&problem);
        let given = Exhaustive::<Exact>::default().solve(&problem, &question).unwrap();
        assert_eq!(given.outcome, exact.outcome);
    }
}
