//! Regions of pipelines: what is cut or closed, against every choice.

use super::enumeration::compositions;
use super::pipelines::orders;
use super::*;
use crate::problem::{Chain, Order, Participation, Schema};
use crate::schedule::ScheduleKind;
use crate::solver::pipeline::block::{Block, Prices, Upload};
use crate::solver::pipeline::cheapest::Cheapest;
use crate::solver::pipeline::choice::{Choice, Column};
use crate::solver::pipeline::program::planned;
use crate::solver::pipeline::search::Pools;
use crate::solver::pipeline::tables::{Links, Tables};
use crate::solver::pipeline::windows::{Split, Windows};

fn problem(order: Order, seed: u64) -> SlotProblem {
    let participation = Participation::Select;
    let mut spec = sample(InstanceSize { clusters: 1, devices: 4, blocks: 6, plans: 1, participation }, seed);
    (spec.schema, spec.order) = (Schema::V2, order);
    (spec.plans[0].schedule, spec.plans[0].micro_batches) = (ScheduleKind::OneForwardOneBackward, 4);
    built(spec)
}

/// Every choice of so many devices.
fn all(devices: usize, positions: usize, blocks: u32, given: bool) -> Vec<Choice> {
    let mut all = Vec::new();
    for order in orders(devices, positions, given) {
        for sizes in compositions(&vec![blocks; positions], blocks) {
            let ends = sizes.iter().scan(0, |sum, size| {
                *sum += *size as u16;
                Some(*sum)
            });
            all.push(Choice { devices: order.iter().map(|&k| k as u16).collect(), cuts: ends.collect() });
        }
    }
    all
}

/// Each choice of a region is in one of its two sides, however it is cut and however often.
#[test]
fn sides_of_a_split_share_out_the_choices() {
    let mut halved = 0;
    for (seed, order) in [(1, Order::Given), (2, Order::Free), (3, Order::Given), (4, Order::Free)] {
        let problem = problem(order, seed);
        let plans = planned(&problem, &problem.clusters[0], true);
        let instance = &plans[0].instance;
        for positions in 1..=4 {
            let choices = all(4, positions, 6, order == Order::Given);
            let whole = Windows::all(instance, positions);
            let held = |region: &Windows| choices.iter().filter(|choice| region.holds(choice)).count();
            assert!(held(&whole) > 0);
            let mut regions = vec![whole];
            for round in 0..60 {
                let region = regions.remove(round % regions.len());
                let position = round % positions;
                let split = match round % 3 {
                    0 => Split::Past { position, cut: 1 + round % 6 },
                    1 => Split::Device { position, device: round % 4 },
                    _ => {
                        let time = instance.stage_time(0, round % 4, 0, 1 + round % 5);
                        Split::Work { position, weights: [1.0, 0.3], threshold: 1.5 * time }
                    }
                };
                let sides = [true, false].map(|lower| region.side(instance, split, lower));
                for choice in &choices {
                    let within = sides.iter().filter(|side| side.holds(choice)).count();
                    assert_eq!(within, usize::from(region.holds(choice)), "{split:?} of {choice:?}, seed {seed}");
                }
                halved += usize::from(sides.iter().all(|side| held(side) > 0));
                regions.extend(sides.into_iter().filter(|side| held(side) > 0));
            }
        }
    }
    assert!(halved > 100, "{halved}");
}

/// A region is bounded by its cheapest choice at any prices, and what is closed at a bar costs at least the bar.
#[test]
fn nothing_below_the_bar_is_closed() {
    let (mut closed, mut kept) = (0, 0);
    for seed in 0..12 {
        for order in [Order::Given, Order::Free] {
            let problem = problem(order, seed + 20);
            let plans = planned(&problem, &problem.clusters[0], true);
            let instance = &plans[0].instance;
            let mut pools = Pools::default();
            for positions in 1..=4 {
                let pool = pools.of(instance, positions).unwrap();
                let whole = Windows::all(instance, positions);
                let prices = Prices {
                    ln_band: [-14.0 + seed as f64 * 0.5, -13.0],
                    shares: vec![(0, 1.0)],
                    price: 0.2 + 0.3 * seed as f64,
                };
                let (mut tables, mut cheapest) = (Tables::default(), Cheapest::default());
                // Each choice by itself: a region that holds nothing else.
                let choices = all(4, positions, 6, order == Order::Given);
                let mut costs = Vec::new();
                for choice in choices.iter().filter(|choice| whole.holds(choice)) {
                    let mut alone = whole.clone();
                    for (s, k, first, past) in choice.segments() {
                        for device in 0..4 {
                            (0..6)
                                .filter(|&from| (device, from) != (k, first))
                                .for_each(|from| alone.set(s, device, from, 1, 0));
                        }
                        alone.set(s, k, first, past, past);
                    }
                    tables.fill(instance, &pools.pools[pool], &alone, (&prices, 0.0), Links::Exact);
                    let found = cheapest.find(instance, &tables, &alone, f64::INFINITY).unwrap();
                    assert_eq!(found.choice.as_ref(), Some(choice));
                    // The Lagrangian as the radio of one choice has it, which takes no tables.
                    let column = Column::new(instance, pools.pools[pool].layout, choice).unwrap();
                    let mut block = Block::new(instance, vec![column], Upload::Elsewhere);
                    (block.ln_band, block.price) = (prices.ln_band, prices.price);
                    (block.paths, block.mu) = (vec![0], vec![block.weight()]);
                    block.evaluate(&pools.pools[pool]);
                    let (bound, value) = (found.bound, block.least());
                    // Relative to the terms, the bands' cost among them, which is large beside what is left.
                    let bands: f64 = prices.ln_band.iter().map(|ln| ln.exp() * instance.band).sum();
                    assert!((bound - value).abs() <= 1e-12 * (value.abs() + bands), "{bound} {value} {choice:?}");
                    costs.push((found.bound, choice));
                }
                let least = costs.iter().map(|(cost, _)| *cost).fold(f64::INFINITY, f64::min);
                tables.fill(instance, &pools.pools[pool], &whole, (&prices, 0.0), Links::Exact);
                let found = cheapest.find(instance, &tables, &whole, f64::INFINITY).unwrap();
                let slack = 1e-12 * least.abs();
                assert!((found.bound - least).abs() <= slack, "seed {seed}, {order:?}: {} for {least}", found.bound);
                for above in [1e-9, 1e-3, 0.05, 0.5] {
                    let (bar, mut windows) = (least + above * least.abs(), whole.clone());
                    cheapest.prune(instance, &tables, &mut windows, bar);
                    for (cost, choice) in &costs {
                        let held = windows.holds(choice);
                        assert!(held || *cost >= bar - slack, "seed {seed}: {choice:?} of {cost} is closed at {bar}");
                        if held { kept += 1 } else { closed += 1 }
                    }
                }
            }
        }
    }
    assert!(closed > 1000 && kept > 1000, "{closed} {kept}");
}

/// Boundaries that all differ, some of them empty and some links missing: chords are nowhere above what a link costs, near it,
/// and the same where messages are few.
#[test]
fn chords_bound_what_links_cost() {
    let (mut below, mut missing) = (0, 0);
    for seed in 0..12 {
        let blocks = if seed % 4 == 0 { 5 } else { 24 };
        let size = InstanceSize { clusters: 1, devices: 4, blocks, plans: 1, participation: Participation::Select };
        let mut spec = sample(size, seed + 40);
        spec.schema = Schema::V2;
        (spec.plans[0].schedule, spec.plans[0].micro_batches) = (ScheduleKind::OneForwardOneBackward, 4);
        let mean = spec.encoder.mean_block();
        let block = spec.encoder.equal().unwrap().block();
        let chain = (0..blocks).map(|index| {
            let factor = if index % 9 == 4 { 0.0 } else { 0.3 + f64::from(index * 7 % 24) };
            crate::problem::Block { boundary_bits_per_sample: mean.boundary_bits_per_sample * factor, ..block }
        });
        spec.encoder = Chain { input_bits_per_sample: mean.boundary_bits_per_sample, blocks: chain.collect() }.into();
        if seed % 3 == 1 {
            spec.clusters[0].gain_to_noise_hz_per_w.0[(2, 3)] = 0.0;
        }
        let problem = built(spec);
        let plans = planned(&problem, &problem.clusters[0], true);
        let instance = &plans[0].instance;
        let mut pools = Pools::default();
        for positions in 2..=4 {
            let pool = pools.of(instance, positions).unwrap();
            let whole = Windows::all(instance, positions);
            for price in [1e-3, 0.2, 30.0] {
                let ln_band = [-17.0 + f64::from(seed as u32), -13.0];
                let prices = Prices { ln_band, shares: vec![(0, 1.0)], price };
                let mut filled = [Links::Chords, Links::Exact].map(|links| {
                    let mut tables = Tables::default();
                    tables.fill(instance, &pools.pools[pool], &whole, (&prices, 0.0), links);
                    tables
                });
                for s in 0..positions - 1 {
                    for (k, j, cut) in (0..4).flat_map(|k| (0..4).flat_map(move |j| (1..24).map(move |c| (k, j, c)))) {
                        if cut >= blocks as usize {
                            continue;
                        }
                        let [chord, exact] = filled.each_mut().map(|tables| tables.link(s, k, j, cut));
                        // Where nothing leads chords may have priced a message, but none without a link.
                        if exact.is_infinite() {
                            if seed % 3 == 1 && (k, j) == (1, 2) && instance.boundary[cut] > 0.0 {
                                missing += 1;
                                assert!(chord.is_infinite());
                            }
                            continue;
                        }
                        assert!(chord <= exact * (1.0 + 1e-13), "seed {seed}: {chord} above {exact}");
                        assert!(chord >= exact * 0.95, "seed {seed}: {chord} far below {exact}");
                        assert!(blocks > 6 || chord == exact);
                        below += usize::from(chord < exact);
                    }
                }
            }
        }
    }
    assert!(below > 500 && missing > 0, "{below} {missing}");
}
