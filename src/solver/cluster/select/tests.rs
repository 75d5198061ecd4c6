//! The search over active sets against solving every active set on its own.

mod regions;

use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, RngSeed};

use super::*;
use crate::instances::InstanceSize;
use crate::problem::{Participation, SlotProblem};
use crate::solver::cluster::PricedCluster;
use crate::solver::refusal::block_caps;
use crate::solver::{Settings, solve};

const ANY: Threshold = Threshold { cutoff: f64::INFINITY, tolerance: 1e-9 };

fn sampled(devices: usize, blocks: u32, plans: u32, seed: u64) -> SlotProblem {
    let participation = Participation::Select;
    InstanceSize { devices, blocks, plans, participation, clusters: 1 }.sample(seed).unwrap()
}

/// Runs `check` on every plan with the least value of all active sets among the free devices, solved one by one; the
/// devices in
/// `mandatory` take part in all of them.
fn each_plan(problem: &SlotProblem, mandatory: &[usize], mut check: impl FnMut(&PlannedCluster, &Domain, f64)) {
    let cluster = &problem.clusters[0];
    let devices = cluster.devices.len();
    let high = block_caps(problem, cluster);
    let low = (0..devices).map(|k| u32::from(mandatory.contains(&k))).collect();
    let domain = Domain { low, high: high.clone() };
    let priced = PricedCluster::new(problem, cluster, problem.latency_weight);
    let mut work = Workspace::default();
    let sets: Vec<usize> = (1..1 << devices)
        .filter(|set: &usize| set.count_ones() <= problem.encoder.blocks())
        .filter(|set| mandatory.iter().all(|k| set >> k & 1 == 1))
        .collect();
    for plan in &problem.plans {
        let planned = PlannedCluster::new(&priced, plan, &domain);
        let mut least = f64::INFINITY;
        for set in &sets {
            let low: Vec<u32> = (0..devices).map(|k| (set >> k & 1) as u32).collect();
            let high = low.iter().zip(&high).map(|(&low, &high)| low * high).collect();
            if let Some(found) = work.best(&planned, &Domain { low, high }, ANY).found {
                least = least.min(found.value);
            }
        }
        check(&planned, &domain, least);
    }
}

fn search(planned: &PlannedCluster, domain: &Domain, limits: Limits) -> Searched {
    let mut work = Workspace { limits, ..Workspace::default() };
    Subsets::new(planned, domain, &mut work).run(ANY, &mut work)
}

fn agrees(problem: &SlotProblem, mandatory: &[usize], limits: Limits) {
    each_plan(problem, mandatory, |planned, domain, least| {
        let searched = search(planned, domain, limits);
        assert!(searched.bound <= least * (1.0 + 1e-11), "bound {} above {least}", searched.bound);
        let Some(found) = searched.found else {
            assert!(least.is_infinite(), "nothing found, but {least} exists");
            return;
        };
        assert!((found.value - least).abs() <= 3e-9 * least, "{} but {least} exists", found.value);
        assert!(searched.bound >= found.value * (1.0 - 2e-9), "bound {} of {}", searched.bound, found.value);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(2026), ..ProptestConfig::default() })]

    #[test]
    fn every_limit_of_layers_finds_the_best_set(
        seed in 0u64..10_000, devices in 2usize..9, blocks in 1u32..25, plans in 1u32..8, layers in 0usize..5, first in 0usize..3,
    ) {
        let problem = sampled(devices, blocks, plans, seed);
        agrees(&problem, &[], Limits { layers, ..Limits::default() });
        if blocks > 1 {
            agrees(&problem, &[first.min(devices - 1)], Limits { layers, ..Limits::default() });
        }
    }

    #[test]
    fn a_search_cut_short_bounds_the_best_set(seed in 0u64..10_000, devices in 2usize..9, plans in 1u32..8, work in 0u64..400_000) {
        each_plan(&sampled(devices, 12, plans, seed), &[], |planned, domain, least| {
            let searched = search(planned, domain, Limits { work, ..Limits::default() });
            assert!(searched.bound <= least * (1.0 + 1e-11), "bound {} above {least}", searched.bound);
            assert!(searched.bound > 0.0, "bound {}", searched.bound);
        });
    }
}

#[test]
fn three_blocks_among_twenty_devices() {
    for (seed, devices) in (0..4).zip(17..) {
        agrees(&sampled(devices, 3, 5, seed), &[], Limits::default());
    }
}

#[test]
fn many_devices_are_solved_to_optimality() {
    for seed in 0..5 {
        for devices in [17, 20, 30] {
            let solution = solve(&sampled(devices, 24, 8, seed), &Settings::default()).unwrap();
            let gap = solution.certified().unwrap().gap;
            assert!(gap <= 1e-7, "{devices} devices, seed {seed}: gap {gap:e}");
        }
    }
}

#[test]
fn sizes_beyond_memory_are_refused() {
    for (devices, blocks, field) in
        [(1001, 24, "devices"), (65_536, 1, "devices"), (100, 65_536, "(devices + 2) (blocks + 1)")]
    {
        let error = check(3, devices, blocks).unwrap_err();
        let SolveError::TooLarge { cluster: 3, field: named, value, most } = error else { panic!("{error:?}") };
        assert!(named == field && value > most, "{named} {value} {most}");
    }
    let refused = solve(&sampled(1001, 2, 1, 1), &Settings::default());
    assert!(matches!(refused, Err(SolveError::TooLarge { .. })), "{refused:?}");
    assert_eq!(check(0, 1000, 24), Ok(()));
    assert_eq!(check(0, 16, 65_536), Ok(()));
}

/// A cluster whose devices share one gain and differ in nothing else: many paths cost the same.
#[test]
fn equal_devices() {
    let mut spec = sampled(8, 12, 6, 3).into_spec();
    let cluster = &mut spec.clusters[0];
    cluster.devices = vec![cluster.devices[0].clone(); 8];
    cluster.gain_to_noise_hz_per_w.0.fill(1e9);
    agrees(&SlotProblem::new(spec).unwrap(), &[], Limits::default());
}

/// A problem with devices of another one, each as often and where it is listed: equal ones have the same gains to and from
/// every node.
fn of_kinds(problem: &SlotProblem, kinds: &[usize]) -> SlotProblem {
    let mut spec = problem.clone().into_spec();
    let cluster = &mut spec.clusters[0];
    let (devices, gains) = (cluster.devices.clone(), cluster.gain_to_noise_hz_per_w.0.clone());
    cluster.devices = kinds.iter().map(|&kind| devices[kind].clone()).collect();
    let server = devices.len() + 1;
    let nodes: Vec<usize> = [0].into_iter().chain(kinds.iter().map(|kind| kind + 1)).chain([server]).collect();
    let gain = |i: usize, j: usize| match (nodes[i], nodes[j]) {
        (a, b) if a == b && i != j => 3.0 * gains[(0, a)],
        pair => gains[pair],
    };
    cluster.gain_to_noise_hz_per_w = crate::problem::Gains(nalgebra::DMatrix::from_fn(nodes.len(), nodes.len(), gain));
    SlotProblem::new(spec).unwrap()
}

/// Every device of another problem several times in a row.
fn repeated(problem: &SlotProblem, times: &[usize]) -> SlotProblem {
    let kinds: Vec<usize> = times.iter().enumerate().flat_map(|(kind, &times)| vec![kind; times]).collect();
    of_kinds(problem, &kinds)
}

/// The problem with what devices and links are like changed by up to a share.
fn perturbed(problem: &SlotProblem, share: f64, seed: u64) -> SlotProblem {
    use rand::{Rng, RngExt, SeedableRng};
    fn vary(value: &mut f64, share: f64, rng: &mut impl Rng) {
        *value *= 1.0 + share * rng.random_range(-1.0..1.0);
    }
    let mut rng = rand_pcg::Pcg64::seed_from_u64(seed);
    let mut spec = problem.clone().into_spec();
    let cluster = &mut spec.clusters[0];
    for device in &mut cluster.devices {
        vary(&mut device.forward_flops_per_second.0, share, &mut rng);
        vary(&mut device.backward_flops_per_second.0, share, &mut rng);
        vary(&mut device.stage_overhead_s.0, share, &mut rng);
        vary(&mut device.joules_per_flop.0, share, &mut rng);
    }
    cluster.gain_to_noise_hz_per_w.0.iter_mut().for_each(|gain| vary(gain, share, &mut rng));
    SlotProblem::new(spec).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, rng_seed: RngSeed::Fixed(2027), ..ProptestConfig::default() })]

    #[test]
    fn one_choice_of_equal_devices_is_enough(
        seed in 0u64..10_000, blocks in 1u32..17, plans in 1u32..6, times in prop::collection::vec(1usize..4, 1..4),
        mandatory in prop::bool::ANY,
    ) {
        let problem = repeated(&sampled(times.len(), blocks, plans, seed), &times);
        agrees(&problem, &[], Limits::default());
        if mandatory && blocks > 1 {
            // One that must take part is not equal to the others any more.
            agrees(&problem, &[times[0] - 1], Limits::default());
        }
    }

    #[test]
    fn equal_devices_with_others_in_between(
        seed in 0u64..10_000, blocks in 1u32..17, plans in 1u32..6, kinds in prop::collection::vec(0usize..3, 2..9),
        share in prop::sample::select(vec![0.0, 1e-9, 1e-6, 1e-3, 0.02]), layers in 0usize..5,
    ) {
        let problem = perturbed(&of_kinds(&sampled(3, blocks, plans, seed), &kinds), share, seed);
        agrees(&problem, &[], Limits { layers, ..Limits::default() });
    }
}

/// What links are left of the graph of a problem's first plan.
fn links_left(problem: &SlotProblem) -> usize {
    let mut left = 0;
    each_plan(problem, &[], |planned, domain, _| {
        left = Relaxation::new(planned, domain, crate::solver::meter::Clock::default()).graph.len();
    });
    left
}

/// Of each kind the next one is enough: a device leads to as many others as there are kinds behind it.
#[test]
fn links_past_an_equal_device_are_closed() {
    let base = sampled(3, 6, 1, 5);
    // From the control unit to 0 and 1, from each device to the next of either kind and to the server.
    assert_eq!(links_left(&of_kinds(&base, &[0, 1, 0, 1])), 2 + (2 + 2 + 1) + 4);
    assert_eq!(links_left(&of_kinds(&base, &[0, 0, 0, 0])), 1 + 3 + 4);
    // The one in the middle differs in one gain: it is passed by, but not the first on the way to the last.
    let mut spec = of_kinds(&base, &[0, 0, 0]).into_spec();
    spec.clusters[0].gain_to_noise_hz_per_w.0[(2, 0)] *= 1.0 + 1e-12;
    assert_eq!(links_left(&SlotProblem::new(spec).unwrap()), 2 + 2 + 1 + 3);
}

/// As many equal devices as leave thousands of millions of sets, all of which cost one of a few things.
#[test]
fn many_equal_devices_are_solved_to_optimality() {
    let base = sampled(2, 24, 4, 11);
    let mut last = f64::INFINITY;
    for times in [[2, 3], [10, 3], [20, 20]] {
        let problem = repeated(&base, &times);
        let solution = solve(&problem, &Settings::default()).unwrap();
        let best = solution.certified().unwrap();
        assert!(best.gap <= 1e-7, "{times:?}: gap {:e}", best.gap);
        assert!(best.objective() <= last * (1.0 + 1e-9), "{times:?}: {} after {last}", best.objective());
        last = best.objective();
    }
}

/// A shelf of the same boards, as different as two of them are: a gap of the same order as for equal ones.
#[test]
fn many_nearly_equal_devices_are_solved_to_optimality() {
    for (kinds, share) in [(1, 1e-6), (1, 1e-3), (2, 1e-4), (3, 0.01)] {
        let interleaved: Vec<usize> = (0..50).map(|k| k % kinds).collect();
        let problem = perturbed(&of_kinds(&sampled(kinds, 24, 4, 11), &interleaved), share, 7);
        let solution = solve(&problem, &Settings::default()).unwrap();
        let gap = solution.certified().unwrap().gap;
        assert!(gap <= 1e-7, "{kinds} kinds, {share}: gap {gap:e}");
    }
}

/// The problem without one of its devices.
fn without(problem: &SlotProblem, device: usize) -> SlotProblem {
    let mut spec = problem.clone().into_spec();
    let cluster = &mut spec.clusters[0];
    cluster.devices.remove(device);
    let gains = cluster.gain_to_noise_hz_per_w.0.clone();
    cluster.gain_to_noise_hz_per_w.0 = gains.remove_row(device + 1).remove_column(device + 1);
    SlotProblem::new(spec).unwrap()
}

/// One more device to choose from, and the decision is never worse, wherever the search is cut off.
#[test]
fn a_device_more_never_costs_more() {
    for work_limit in [None, Some(1), Some(30_000), Some(1_000_000)] {
        let settings = Settings { work_limit, ..Settings::default() };
        let objective = |problem: &SlotProblem| solve(problem, &settings).unwrap().certified().unwrap().objective();
        for seed in 0..8 {
            let problem = sampled(7, 10, 5, seed);
            let all = objective(&problem);
            for device in 0..7 {
                let less = objective(&without(&problem, device));
                assert!(all <= less * (1.0 + 1e-9), "{work_limit:?}, seed {seed}: {all} above {less} without {device}");
            }
        }
        // Equal devices, one after the other.
        let base = sampled(2, 24, 4, 11);
        let mut last = f64::INFINITY;
        for count in [4, 12, 22, 23, 24, 25, 40] {
            let kinds: Vec<usize> = (0..count).map(|k| k % 2).collect();
            let all = objective(&of_kinds(&base, &kinds));
            assert!(all <= last * (1.0 + 1e-9), "{work_limit:?}: {all} with {count} devices, {last} with fewer");
            last = all;
        }
    }
}

/// More devices and blocks than any search over active sets goes through get a decision with a bound.
#[test]
fn a_thousand_devices_get_a_decision() {
    let settings = Settings { work_limit: Some(100_000_000), ..Settings::default() };
    let solution = solve(&sampled(1000, 57, 1, 1), &settings).unwrap();
    let best = solution.certified().unwrap();
    assert!(best.lower_bound > 0.0 && best.gap < 1.0, "gap {}", best.gap);
}
