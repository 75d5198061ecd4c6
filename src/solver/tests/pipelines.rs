//! The solver of everything beyond the classical problem against every choice by itself: devices, their order and their
//! blocks are fixed one way after another, so that nothing is left to search. Bounds are compared as the search returns
//! them, under limits and loose gaps as well: what a solution shows is never above its own objective.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::enumeration::compositions;
use super::*;
use crate::ground::route::NodeId;
use crate::problem::{Chain, FixedLink, Gains, Order, Participation, Schema};
use crate::schedule::ScheduleKind;
use crate::solver::meter::Meter;
use crate::solver::pipeline::block;
use crate::solver::pipeline::deadline::{Timed, agree_timed, search_timed};
use crate::solver::pipeline::instance::{BandPrice, Medium};
use crate::solver::pipeline::joint::Shared;
use crate::solver::pipeline::network::{Cluster, Question};
use crate::solver::pipeline::program::planned;
use crate::solver::pipeline::radio::Target;
use crate::solver::pipeline::search::{Asked, Pools, Root};
use crate::units::{BitsPerSecond, JoulesPerBit};

/// Devices in the order of the pipeline, with their blocks.
type Fixed = (Vec<usize>, Vec<u32>);

/// All ways to order some of the devices, or to take them in the order given.
pub(super) fn orders(devices: usize, of: usize, given: bool) -> Vec<Vec<usize>> {
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
    fixed.plans = vec![spec.plans[plan]];
    for (cluster, (order, sizes)) in fixed.clusters.iter_mut().zip(chosen) {
        let server = cluster.devices.len() + 1;
        let nodes: Vec<usize> = [0].into_iter().chain(order.iter().map(|k| k + 1)).chain([server]).collect();
        let gains = &cluster.gain_to_noise_hz_per_w.0;
        cluster.gain_to_noise_hz_per_w = Gains(gains.select_rows(&nodes).select_columns(&nodes));
        let place = |node: &NodeId| nodes.iter().position(|kept| *kept == node.0).map(NodeId);
        cluster.fixed_links = (cluster.fixed_links.iter())
            .filter_map(|link| Some(FixedLink { from: place(&link.from)?, to: place(&link.to)?, ..*link }))
            .collect();
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

/// What the searches prove before it is compared with the best that they have found: a bound that is too high does not
/// show beside the best decision. `None` where they prove that there is no decision in time.
fn proved(problem: &SlotProblem, settings: &Settings, enough: f64) -> Option<f64> {
    let mut meter = Meter::start(settings, None);
    let (weight, deadline) = (problem.latency_weight, problem.deadline_s.map(|deadline| deadline.0));
    if let [cluster] = problem.clusters.as_slice() {
        let plans = planned(problem, cluster, true);
        let target = Target { weight, deadline, upload: block::Upload::Alone };
        let asked = Asked { target, tolerance: 0.9 * settings.gap, enough, below: f64::INFINITY };
        return match search_timed(&plans, asked, &Root::all(&plans), &mut Pools::default(), &mut meter) {
            Timed::Searched(searched) => Some(searched.proved),
            Timed::TooLate { .. } => None,
        };
    }
    let of = |cluster| Cluster::new(planned(problem, cluster, false));
    let mut clusters: Vec<Cluster> = problem.clusters.iter().map(of).collect();
    let penalties: Vec<f64> = problem.plans.iter().map(|plan| plan.penalty).collect();
    let shared = Shared { weight, deadline, uplink: problem.uplink.bandwidth_hz.0 };
    let question = Question { shared, gap: settings.gap, most: 4000, enough };
    agree_timed(&mut clusters, &penalties, question, &mut meter).ok().map(|outcome| outcome.proved)
}

/// Bounds and objectives at several gaps and limits; how many bounds were left open and how many decisions were not the
/// best ones is counted.
fn compare(spec: SlotSpec, seen: &mut [usize; 2], what: &str) {
    let (objective, least_proved) = least(&spec);
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
            for enough in [f64::NEG_INFINITY, 1.3 * objective] {
                let what = format!("{what}, {settings:?}, {enough} is enough");
                let proved = proved(&problem, &settings, enough).unwrap_or(f64::NEG_INFINITY);
                assert!(proved <= objective * (1.0 + 1e-9), "{what}: {proved} proved, but {objective} exists");
            }
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
            assert!(found.objective >= least_proved * (1.0 - 1e-9), "{what}: {} below {least_proved}", found.objective);
            if work_limit.is_none() {
                assert!(bound >= found.objective * (1.0 - 1.01 * gap), "{what}: {bound} of {}", found.objective);
            }
            let shares: f64 = proposal.shadow_prices.latency_share.iter().sum();
            assert!((shares - 1.0).abs() <= 1e-6, "{what}: shares of the latency sum to {shares}");
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

/// Blocks that differ, of which some have no parameters to move.
fn unequal(spec: &mut SlotSpec) {
    let block = spec.encoder.equal().unwrap().block();
    let blocks = (0..spec.encoder.blocks()).map(|index| {
        let (mut own, scale) = (block, 1.0 + 0.4 * f64::from(index * 7 % 5));
        own.forward_flops_per_sample.0 *= scale;
        own.backward_flops_per_sample.0 *= 2.5 - scale / 2.0;
        own.parameter_bits.0 *= f64::from(index % 3);
        own
    });
    spec.encoder = Chain { input_bits_per_sample: block.boundary_bits_per_sample, blocks: blocks.collect() }.into();
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
            if seed % 4 == 2 {
                unequal(&mut spec);
            }
            compare(spec, &mut seen, &format!("{order:?}, {participation:?}, seed {seed}"));
        }
    }
    println!("{seen:?}");
    assert!(seen[0] >= 50 && seen[1] >= 20, "the limits hardly strike: {seen:?}");
}

/// Some links by wire, alone or with a share of a common medium.
#[test]
fn wired_links_are_bounded_too() {
    let mut seen = [0; 2];
    for seed in 0..8 {
        let size = InstanceSize { clusters: 1, devices: 3, blocks: 4, plans: 2, participation: Participation::Select };
        let mut spec = drawn(size, if seed % 2 == 0 { Order::Given } else { Order::Free }, seed);
        for (from, to) in (0..5).flat_map(|from| (0..5).map(move |to| (from, to))).filter(|(from, to)| from != to) {
            let kind = (3 * from + 5 * to + seed as usize) % 3;
            if kind > 0 {
                spec.clusters[0].fixed_links.push(FixedLink {
                    from: NodeId(from),
                    to: NodeId(to),
                    bits_per_second: BitsPerSecond(3e7 * (1 + from + to) as f64),
                    joules_per_bit: JoulesPerBit(1e-8 * (1 + from) as f64),
                    shares_band: kind == 1,
                });
            }
        }
        compare(spec, &mut seen, &format!("by wire, seed {seed}"));
    }
    println!("{seen:?}");
    assert!(seen[0] >= 20, "{seen:?}");
}

/// What a sending costs at prices of band and time is the least of all ways to send it, and it is sent so.
#[test]
fn media_cost_what_the_cheapest_sending_does() {
    let mut rng = Pcg64::seed_from_u64(19);
    for round in 0..400 {
        let mut log = |low: f64, high: f64| 10f64.powf(low + (high - low) * rng.random::<f64>());
        let (bits, uses, band, price) = (log(4.0, 7.0), log(0.0, 2.0).floor(), 2e7, log(-2.0, 2.0));
        let (gain, max_power, circuit, energy) = (log(6.0, 10.0), log(-1.0, 0.0), log(-2.0, 0.0), log(-2.0, 1.0));
        let (rate, wired) = (log(6.0, 9.0), log(-9.0, -6.0));
        let at = BandPrice::from_ln(log(-9.0, -5.0).ln());
        let radio = Medium::Radio { gain, max_power, circuit, energy };
        let shared = Medium::Shared { rate, energy: wired };
        for medium in [radio, shared, Medium::Fixed { rate, energy: wired }] {
            let sent = medium.send(bits, uses, band, price, at);
            let value = medium.value(bits, uses, band, price, at);
            assert!((value / sent.value - 1.0).abs() < 1e-12, "round {round}: {value}, {}", sent.value);
            // Any other band and power, from far off to next to it.
            let cost = |share: f64, power: f64| match medium {
                Medium::Radio { .. } => {
                    let time = bits / (share * (1.0 + power * gain / share).log2());
                    ((price + uses * (circuit + energy * power)) * time + at.value * share, time)
                }
                Medium::Shared { .. } => {
                    let time = bits / (rate * share / band);
                    (price * time + at.value * share + uses * wired * bits, time)
                }
                _ => (price * bits / rate + uses * wired * bits, bits / rate),
            };
            for _ in 0..60 {
                let near = log(-6.0, 0.0);
                let share = if sent.band > 0.0 { sent.band * (1.0 + near * (log(-1.0, 1.0) - 1.0)) } else { 1.0 };
                let power = max_power * log(-4.0, 0.0);
                assert!(value <= cost(share, power).0 * (1.0 + 1e-12), "round {round}: {value} is not the least");
            }
            // With the power that its time takes.
            let power = match medium {
                Medium::Radio { .. } => sent.band / gain * ((bits / (sent.time * sent.band)).exp2() - 1.0),
                _ => 0.0,
            };
            let (attained, time) = cost(sent.band.max(f64::MIN_POSITIVE), power);
            assert!(power <= max_power * (1.0 + 1e-9) && (time / sent.time - 1.0).abs() < 1e-9, "round {round}");
            assert!((attained / value - 1.0).abs() < 1e-9, "round {round}: {attained}, not {value}");
        }
    }
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

/// A search for what costs less than something known finds it wherever there is such a thing, and proves no more than there
/// is: choices that are closed because they cost as much count as what they cost at the least.
#[test]
fn searches_below_a_cost_find_what_costs_less() {
    let (mut found, mut none) = (0, 0);
    for seed in 0..10 {
        for participation in [Participation::All, Participation::Select] {
            let spec =
                drawn(InstanceSize { clusters: 1, devices: 3, blocks: 6, plans: 2, participation }, Order::Given, seed);
            let (objective, _) = least(&spec);
            if objective == f64::INFINITY {
                continue;
            }
            let problem = built(spec);
            let plans = planned(&problem, &problem.clusters[0], true);
            let target = Target { weight: problem.latency_weight, deadline: None, upload: block::Upload::Alone };
            for factor in [1.5, 1.05, 1.0005, 1.0 + 1e-6, 1.0 - 1e-6, 0.9995, 0.95, 0.6] {
                let below = factor * objective;
                let asked = Asked { target, tolerance: 1e-9, enough: f64::NEG_INFINITY, below };
                let mut meter = Meter::default();
                let searched = search_timed(&plans, asked, &Root::all(&plans), &mut Pools::default(), &mut meter);
                let Timed::Searched(searched) = searched else { panic!("there is no deadline") };
                let what = format!("seed {seed}, {participation:?}, below {factor}");
                let (proved, bound) = (searched.proved, searched.lower_bound);
                assert!(proved <= objective * (1.0 + 1e-9), "{what}: {proved} proved, but {objective} exists");
                assert!(bound <= below && bound >= below.min(objective) * (1.0 - 1e-8), "{what}: bound {bound}");
                let best = searched.best.map_or(f64::INFINITY, |best| best.objective);
                if factor > 1.0 {
                    assert!((best / objective - 1.0).abs() <= 1e-8, "{what}: {best} for {objective}");
                    found += 1;
                } else {
                    assert!(best >= objective * (1.0 - 1e-8), "{what}: {best}");
                    none += 1;
                }
            }
        }
    }
    assert!(found >= 40 && none >= 40, "{found} {none}");
}
