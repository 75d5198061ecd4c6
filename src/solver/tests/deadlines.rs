//! The branch and bound on the deadline, which only networks of many clusters come to.

use super::*;
use crate::problem::Participation;
use crate::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};

/// Two clusters that choose among three devices, and eight with one device and hence no choice; next to no upload, so
/// that the clusters' kinks stay open.
fn mostly_given(seed: u64) -> SlotProblem {
    let select = Participation::Select;
    let size = InstanceSize { clusters: 2, devices: 3, blocks: 4, plans: 2, participation: select };
    let mut spec = sample(size, seed);
    let others = sample(InstanceSize { clusters: 8, devices: 1, ..size }, seed + 1000);
    spec.clusters.extend(others.clusters);
    for cluster in &mut spec.clusters {
        cluster.upload_bits.0 *= 1e-6;
        cluster.devices.iter_mut().for_each(|device| device.memory_bytes.0 = 1e15);
    }
    built(spec)
}

#[test]
fn every_choice_of_a_few_clusters_tried() {
    let mut solved = 0;
    for seed in 0..4 {
        let problem = mostly_given(seed);
        let tried = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap();
        let tried = tried.certified().unwrap();
        for gap in [1e-7, 1e-4, 1e-2] {
            let found = solve(&problem, &Settings { gap, ..Settings::default() }).unwrap();
            let best = found.certified().unwrap();
            let (least, rounding) = (tried.objective(), 1e-9 * tried.objective());
            assert!(best.lower_bound <= least + rounding, "seed {seed}: bound {} above {least}", best.lower_bound);
            assert!(best.objective() >= tried.lower_bound - rounding, "seed {seed}: {}", best.objective());
            assert!(best.gap <= gap, "seed {seed}: gap {:e} of {gap:e}", best.gap);
            // What the search itself says: a solution's bound is never above its own objective.
            for work_limit in [None, Some(3_000_000)].into_iter().filter(|_| gap != 1e-4) {
                let settings = Settings { gap, work_limit, ..Settings::default() };
                let mut work = Workspace::default();
                work.buffers.meter = Meter::start(&settings, None);
                let all = domains(&problem).unwrap();
                let found = search::solve(&problem, all, &settings, &mut NetworkMemory::default(), &mut work).unwrap();
                let bound = found.lower_bound;
                assert!(bound <= least + rounding, "seed {seed}, {settings:?}: bound {bound} above {least}");
            }
            solved += 1;
        }
    }
    assert_eq!(solved, 12);
}

/// What the dual leaves open by percent is closed: dozens of clusters with kinks at the same time.
#[test]
fn many_clusters_with_next_to_no_upload() {
    for seed in 0..2 {
        let size = InstanceSize { clusters: 60, devices: 3, blocks: 6, plans: 3, participation: Participation::Select };
        let mut spec = sample(size, seed);
        spec.clusters.iter_mut().for_each(|cluster| cluster.upload_bits.0 *= 1e-6);
        let solution = solve(&built(spec), &Settings { gap: 1e-4, ..Settings::default() }).unwrap();
        let best = solution.certified().unwrap();
        assert!(best.evaluation.feasibility.is_feasible(1e-9));
        assert_eq!(solution.status, Status::Optimal, "seed {seed}: gap {:e}", best.gap);
    }
}
