//! Infeasible problems: each constraint's reason, and no feasible problem among them.

use proptest::prelude::*;

use super::invariants::full;
use super::*;
use crate::problem::program::block_cap;
use crate::problem::{DeviceId, NodeId};
use crate::strategies::slot_problems;
use crate::units::{Bits, Bytes};

fn reasons(spec: SlotSpec) -> Infeasibility {
    let solution = solve(&built(spec), &Settings::default()).unwrap();
    assert_eq!(solution.status, Status::Infeasible);
    let answer = solution.to_answer();
    assert!(answer.decision.is_none() && answer.objective.is_none() && answer.lower_bound.is_none());
    let reasons = solution.outcome.unwrap_err();
    assert_eq!(answer.reason, Some(reasons.to_string()));
    reasons
}

fn of(participation: Participation) -> SlotSpec {
    sample(InstanceSize { clusters: 2, devices: 3, blocks: 6, plans: 2, participation }, 5)
}

fn assert_only(spec: SlotSpec, reason: Reason, path: &str) {
    let found = reasons(spec);
    assert_eq!(found.reasons, [reason]);
    assert!(found.to_string().contains(path), "{found}");
}

#[test]
fn more_devices_than_blocks() {
    let mut spec = of(Participation::All);
    spec.encoder.equal_mut().unwrap().blocks = 2;
    let found = reasons(spec.clone());
    assert_eq!(
        found.reasons,
        [0, 1].map(|cluster| Reason::TooManyDevices { cluster, devices: 3, blocks: 2 }),
        "one reason per cluster"
    );
    assert!(found.to_string().starts_with("clusters[0].devices: 3 devices"), "{found}");
    spec.participation = Participation::Select;
    assert!(solve(&built(spec), &Settings::default()).unwrap().certified().is_some());
}

#[test]
fn memory() {
    let mut spec = of(Participation::All);
    let all = spec.clusters[1].devices[0].memory_bytes * 6.0;
    spec.clusters[1].devices[0].memory_bytes = all;
    spec.clusters[1].devices[2].memory_bytes = Bytes(0.0);
    let reason = Reason::DeviceMemory { cluster: 1, device: DeviceId(2) };
    assert_only(spec, reason, "clusters[1].devices[2].memory_bytes");
    for participation in [Participation::All, Participation::Select] {
        let mut spec = of(participation);
        let need = spec.encoder.equal().unwrap().resident_bytes_per_block.0
            + spec.encoder.equal().unwrap().activation_bytes_per_sample.0 * f64::from(spec.clusters[1].batch_size);
        for device in &mut spec.clusters[1].devices {
            device.memory_bytes = Bytes(1.99 * need);
        }
        assert_only(spec, Reason::Memory { cluster: 1, fit: 3, blocks: 6 }, "clusters[1].devices[..].memory_bytes");
    }
}

#[test]
fn links() {
    // (from, to), needed by: upload; a hop forward; backward; the way home of a segment.
    for (from, to) in [(0, 4), (1, 2), (4, 3), (2, 0)] {
        let mut spec = of(Participation::All);
        spec.clusters[1].gain_to_noise_hz_per_w.0[(from, to)] = 0.0;
        let path = format!("clusters[1].gain_to_noise_hz_per_w[{from}][{to}] = 0");
        assert_only(spec, Reason::NoLink { cluster: 1, from: NodeId(from), to: NodeId(to) }, &path);
    }
    let mut spec = of(Participation::Select);
    spec.clusters[0].gain_to_noise_hz_per_w.0[(0, 4)] = 0.0;
    assert_only(
        spec.clone(),
        Reason::NoLink { cluster: 0, from: NodeId(0), to: NodeId(4) },
        "clusters[0].gain_to_noise_hz_per_w[0][4]",
    );
    spec.clusters[0].upload_bits = Bits(0.0);
    assert!(solve(&built(spec), &Settings::default()).unwrap().certified().is_some());
    let mut spec = of(Participation::Select);
    for k in 1..=3 {
        spec.clusters[1].gain_to_noise_hz_per_w.0[(4, k)] = 0.0;
    }
    assert_only(spec, Reason::NoPath { cluster: 1 }, "clusters[1].gain_to_noise_hz_per_w");
}

/// Whether any choice is feasible, by trying all subsets.
fn feasible(problem: &SlotProblem) -> bool {
    let blocks = problem.encoder.blocks();
    problem.clusters.iter().all(|cluster| {
        let gains = &cluster.gain_to_noise_hz_per_w;
        let (devices, server) = (cluster.devices.len(), cluster.devices.len() + 1);
        let both = |i, j| gains.0[(i, j)] > 0.0 && gains.0[(j, i)] > 0.0;
        let works = |mask: usize| {
            let active: Vec<usize> = (0..devices).filter(|k| mask >> k & 1 == 1).collect();
            let caps: Vec<u64> =
                active.iter().map(|&k| u64::from(block_cap(problem, cluster, &cluster.devices[k]))).collect();
            let path: Vec<usize> = std::iter::once(0).chain(active.iter().map(|k| k + 1)).chain([server]).collect();
            active.len() <= blocks as usize
                && caps.iter().all(|&cap| cap > 0)
                && caps.iter().sum::<u64>() >= u64::from(blocks)
                && path.windows(2).all(|hop| both(hop[0], hop[1]))
                && (problem.encoder.equal().unwrap().parameter_bits_per_block.0 == 0.0
                    || active.iter().all(|&k| both(0, k + 1)))
        };
        let all = (1usize << devices) - 1;
        let some = match problem.participation {
            Participation::All => works(all),
            Participation::Select => (1..=all).any(works),
        };
        some && (cluster.upload_bits.0 == 0.0 || gains.0[(0, server)] > 0.0)
    })
}

proptest! {
    #![proptest_config(super::seeded(512))]

    #[test]
    fn infeasible_exactly_where_no_choice_works(
        problem in slot_problems(full(2)),
        missing in prop::collection::vec(0.0..1.0, 49),
        rate in 0.0..0.4,
        memory in 0.1..1.5,
    ) {
        let mut spec = problem.into_spec();
        for cluster in &mut spec.clusters {
            let gains = cluster.gain_to_noise_hz_per_w.0.iter_mut();
            gains.zip(&missing).filter(|(_, draw)| **draw < rate).for_each(|(gain, _)| *gain = 0.0);
            cluster.devices.iter_mut().for_each(|device| device.memory_bytes = device.memory_bytes * memory);
        }
        let problem = built(spec);
        let solution = solve(&problem, &Settings { gap: 1e-3, ..Settings::default() }).unwrap();
        prop_assert_eq!(solution.certified().is_some(), feasible(&problem), "{:?}", solution.outcome.err());
        if let Some(best) = solution.certified() {
            prop_assert!(best.evaluation.feasibility.is_feasible(1e-9));
        }
    }
}

/// Sends that block are solved; what is defined for phases that overlap with sending alone is refused.
#[test]
fn what_is_not_supported() {
    let mut spec = of(Participation::All);
    spec.overlap = Overlap::None;
    let problem = built(spec);
    let solution = solve(&problem, &Settings::default()).unwrap();
    let best = solution.certified().unwrap();
    assert!(best.gap <= 1e-7 && best.evaluation.feasibility.is_feasible(1e-9));
    let given = crate::solver::backend::RadioFor::decision(&best.decision);
    let error = crate::solver::solve_radio(&problem, &given, &Settings::default()).unwrap_err();
    assert!(matches!(error, SolveError::Unsupported { field: "overlap", value: "none", .. }));
    assert!(error.to_string().contains("overlap = none"), "{error}");
}

#[test]
fn settings_out_of_range() {
    let problem = built(of(Participation::All));
    for gap in [0.0, -1.0, 9.9e-10, 1.1, f64::NAN, f64::INFINITY] {
        let error = solve(&problem, &Settings { gap, ..Settings::default() }).unwrap_err();
        assert!(error.to_string().starts_with("settings.gap = "), "{error}");
    }
    let error = solve(&problem, &Settings { work_limit: Some(0), ..Settings::default() }).unwrap_err();
    assert_eq!(error.to_string(), "settings.work_limit = 0: must be at least 1");
    for gap in [1e-9, 1.0] {
        assert!(solve(&problem, &Settings { gap, work_limit: Some(1), ..Settings::default() }).is_ok());
    }
}
