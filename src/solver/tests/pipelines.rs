//! The solver of everything beyond the classical problem against every choice by itself: devices, their order and their
//! blocks are fixed one way after another, so that nothing is left to search. Bounds are compared as the search returns
//! them, under limits and loose gaps as well: what a solution shows is never above its own objective.

use super::enumeration::compositions;
use super::*;
use crate::problem::{Gains, Order, Participation, Schema};
use crate::schedule::ScheduleKind;
use crate::solver::meter::Meter;

/// Devices in the order of the pipeline, with their blocks.
type Fixed = (Vec<usize>, Vec<u32>);

/// All ways to order some of the devices, or to take them in the order given.
fn orders(devices: usize, of: usize, given: bool) -> Vec<Vec<usize>> {
    let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..of {
        let more = |order: Vec<usize>| {
            let allowed = |k: &usize| if given { order.last().is_none_or(|last| k > last) } else { !order.contains(k) };
            let next: Vec<usize> = (0..devices).filter(allowed).collect();
            next.into_iter().map(move |k| [order.as_slice(), &[k]].concat()).collect::<Vec<_>>()
        };
        orders = orders.into_iter().flat_map(more).collect();
    }
    orders
}

/// Every choice of a cluster, whether memory allows it or not.
fn choices(spec: &SlotSpec, cluster: usize) -> Vec<Fixed> {
    let (devices, blocks) = (spec.clusters[cluster].devices.len(), spec.encoder.blocks());
    let least = if spec.participation == Participation::All { devices } else { 1 };
    let mut choices = Vec::new();
    for of in least..=devices.min(blocks as usize) {
        for order in orders(devices, of, spec.order == Order::Given) {
            let sizes = compositions(&vec![blocks; of], blocks);
            choices.extend(sizes.into_iter().map(|sizes| (order.clone(), sizes)));
        }
    }
    choices
}

/// The problem with nothing left to choose but one of the plans and the radio.
fn with_choice(spec: &SlotSpec, chosen: &[&Fixed], plan: usize) -> SlotSpec {
    let mut fixed = spec.clone();
    (fixed.participation, fixed.order) = (Participation::All, Order::Given);
    fixed.plans = vec![spec.plans[plan].clone()];
    for (cluster, (order, sizes)) in fixed.clusters.iter_mut().zip(chosen) {
        let server = cluster.devices.len() + 1;
        let nodes: Vec<usize> = [0].into_iter().chain(order.iter().map(|k| k + 1)).chain([server]).collect();
        let gains = &cluster.gain_to_noise_hz_per_w.0;
        cluster.gain_to_noise_hz_per_w = Gains(gains.select_rows(&nodes).select_columns(&nodes));
        cluster.devices = order.iter().map(|&k| cluster.devices[k].clone()).collect();
        for (device, &size) in cluster.devices.iter_mut().zip(sizes) {
            (device.min_blocks, device.max_blocks) = (Some(size), Some(size));
        }
    }
    fixed
}

/// What the cheapest of all choices costs: a decision's objective, and what is proved of it.
fn least(spec: &SlotSpec) -> (f64, f64) {
    let of_clusters: Vec<Vec<Fixed>> = (0..spec.clusters.len()).map(|cluster| choices(spec, cluster)).collect();
    let mut together: Vec<Vec<&Fixed>> = vec![Vec::new()];
    for choices in &of_clusters {
        let with = |before: Vec<_>| choices.iter().map(move |choice| [before.as_slice(), &[choice]].concat());
        together = together.into_iter().flat_map(with).collect();
    }
    let (mut objective, mut bound) = (f64::INFINITY, f64::INFINITY);
    for plan in 0..spec.plans.len() {
        for chosen in &together {
            let Ok(problem) = SlotProblem::new(with_choice(spec, chosen, plan)) else { continue };
            let solution = solve(&problem, &Settings { gap: 1e-8, ..Settings::default() }).unwrap();
            let Some(best) = solution.certified() else { continue };
            assert_eq!(solution.status, Status::Optimal);
            objective = objective.min(best.objective());
            bound = bound.min(best.lower_bound);
        }
    }
    (objective, bound)
}

/// Bounds and objectives at several gaps and limits; how many bounds were left open and how many decisions were not the
/// best ones is counted.
fn compare(spec: SlotSpec, seen: &mut [usize; 2], what: &str) {
    let (objective, proved) = least(&spec);
    let problem = built(spec);
    assert!(!problem.is_classical());
    if objective == f64::INFINITY {
        let none = pipeline::solve(&problem, &Settings::default(), &mut Meter::default(), &mut Work::default());
        assert!(none.is_ok_and(|solved| solved.is_err()), "{what}: there is no decision");
        return;
    }
    for gap in [1e-7, 1e-3, 0.05, 0.3, 0.6] {
        for work_limit in [None, Some(1), Some(20_000), Some(200_000)] {
            let settings = Settings { gap, work_limit, ..Settings::default() };
            let mut meter = Meter::start(&settings, None);
            let proposal = match pipeline::solve(&problem, &settings, &mut meter, &mut Work::default()) {
                Ok(solved) => solved.unwrap(),
                // A decision that keeps the deadline may take longer to find.
                Err(SolveError::NoDecision { .. }) if problem.deadline_s.is_some() && work_limit.is_some() => continue,
                Err(error) => panic!("{what}: {error}"),
            };
            let (bound, what) = (proposal.lower_bound, format!("{what}, {settings:?}"));
            assert!(bound <= objective * (1.0 + 1e-9), "{what}: bound {bound} above {objective}");
            let found = crate::problem::evaluate(&problem, &proposal.decision).unwrap();
            assert!(found.feasibility.is_feasible(1e-9), "{what}: {}", found.feasibility);
            assert!(found.objective >= proved * (1.0 - 1e-9), "{what}: {} below {proved}", found.objective);
            if work_limit.is_none() {
                assert!(bound >= found.objective * (1.0 - 1.01 * gap), "{what}: {bound} of {}", found.objective);
            }
            seen[0] += usize::from(bound < objective * (1.0 - 1e-6));
            seen[1] += usize::from(found.objective > objective * (1.0 + 1e-6));
        }
    }
}

fn drawn(size: InstanceSize, order: Order, seed: u64) -> SlotSpec {
    let mut spec = sample(size, seed);
    (spec.schema, spec.order) = (Schema::V2, order);
    let kinds = ScheduleKind::ALL.into_iter().cycle().skip(1 + seed as usize % 4);
    for ((index, plan), kind) in spec.plans.iter_mut().enumerate().zip(kinds) {
        (plan.schedule, plan.micro_batches) = (kind, 2 << index);
        if kind == ScheduleKind::FillDrain && order == Order::Given {
            plan.schedule = ScheduleKind::OneForwardOneBackward;
        }
    }
    spec
}

#[test]
fn one_cluster_is_bounded_by_its_cheapest_choice() {
    let mut seen = [0; 2];
    for seed in 0..12 {
        for order in [Order::Given, Order::Free] {
            let participation = if seed % 3 == 0 { Participation::All } else { Participation::Select };
            let size = InstanceSize { clusters: 1, devices: 3, blocks: 5, plans: 2, participation };
            let mut spec = drawn(size, order, seed);
            if seed % 4 == 1 {
                spec.overlap = Overlap::None;
            }
            compare(spec, &mut seen, &format!("{order:?}, {participation:?}, seed {seed}"));
        }
    }
    println!("{seen:?}");
    assert!(seen[0] >= 50 && seen[1] >= 20, "the limits hardly strike: {seen:?}");
}

#[test]
fn networks_are_bounded_by_their_cheapest_choices() {
    let mut seen = [0; 2];
    for seed in 0..6 {
        let order = if seed % 2 == 0 { Order::Given } else { Order::Free };
        let size = InstanceSize { clusters: 2, devices: 2, blocks: 3, plans: 2, participation: Participation::Select };
        compare(drawn(size, order, seed), &mut seen, &format!("{order:?}, seed {seed}"));
    }
    println!("{seen:?}");
    assert!(seen[0] >= 30 && seen[1] >= 10, "the limits hardly strike: {seen:?}");
}

/// Deadlines below what the best decision takes, of which some cannot be kept at all.
#[test]
fn deadlines_are_bounded_by_the_cheapest_choice_that_keeps_them() {
    let mut seen = [0; 2];
    for (seed, clusters) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)] {
        let (devices, blocks) = if clusters == 1 { (3, 4) } else { (2, 3) };
        let size = InstanceSize { clusters, devices, blocks, plans: 2, participation: Participation::Select };
        let mut spec = drawn(size, Order::Given, seed);
        // Energy has to cost something, or the best decision is the quickest one.
        spec.latency_weight *= 0.1;
        let free = solve(&built(spec.clone()), &Settings::default()).unwrap();
        let latency = free.certified().unwrap().evaluation.round_latency;
        for share in [0.97, 0.85, 0.2] {
            spec.deadline_s = Some(latency * share);
            compare(spec.clone(), &mut seen, &format!("{clusters} clusters, seed {seed}, {share} of the time"));
        }
    }
    println!("{seen:?}");
    assert!(seen[0] >= 10, "{seen:?}");
}

#[test]
fn choices_are_counted() {
    assert_eq!(orders(4, 2, false).len(), 12);
    assert_eq!(orders(4, 2, true).len(), 6);
    let size = InstanceSize { clusters: 1, devices: 3, blocks: 4, plans: 1, participation: Participation::Select };
    // One device in 3 ways; two in 6 orders with 3 cuts; three in 6 orders with 3 cuts.
    assert_eq!(choices(&drawn(size, Order::Free, 1), 0).len(), 3 + 6 * 3 + 6 * 3);
}
