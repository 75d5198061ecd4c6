//! Walks against the sets of devices that they stand for.

use crate::instances::InstanceSize;
use crate::problem::{Order, Participation, Schema, SlotProblem, SlotSpec};
use crate::schedule::ScheduleKind;
use crate::solver::pipeline::block::Prices;
use crate::solver::pipeline::cheapest::Cheapest;
use crate::solver::pipeline::program::planned;
use crate::solver::pipeline::search::Pools;
use crate::solver::pipeline::tables::{Links, Tables};
use crate::solver::pipeline::walks::Walks;
use crate::solver::pipeline::windows::Windows;
use crate::solver::{Settings, solve};

fn any_order(devices: usize, blocks: u32, participation: Participation, seed: u64) -> SlotSpec {
    let size = InstanceSize { devices, blocks, plans: 1, participation, ..InstanceSize::default() };
    let mut spec = size.sample(seed).unwrap().into_spec();
    (spec.schema, spec.order) = (Schema::V2, Order::Free);
    spec.plans[0].schedule = ScheduleKind::OneForwardOneBackward;
    spec.plans[0].micro_batches = 8;
    spec
}

/// At any prices: bound <= least of all choices <= the choice found, which visits no device twice.
#[test]
fn walks_bound_all_choices() {
    let (mut tight, mut all) = (0, 0);
    for seed in 0..30 {
        for participation in [Participation::All, Participation::Select] {
            let problem = SlotProblem::new(any_order(6, 9, participation, seed)).unwrap();
            let plans = planned(&problem, &problem.clusters[0], true);
            let instance = &plans[0].instance;
            let mut pools = Pools::default();
            let mut walks = Walks::default();
            for positions in if participation == Participation::All { 6..=6 } else { 1..=6 } {
                let pool = pools.of(instance, positions).unwrap();
                let windows = Windows::all(instance, positions);
                let mut tables = Tables::default();
                for (band, price) in [(-14.0, 1.0), (-11.0, 3.0), (-8.0, 0.2)] {
                    let prices = Prices { ln_band: [band; 2], shares: vec![(0, 1.0)], price };
                    tables.fill(instance, &pools.pools[pool], &windows, (&prices, 0.0), Links::Exact);
                    let exact = Cheapest::default().find(instance, &tables, &windows, f64::INFINITY);
                    let bounded = walks.find(instance, &tables, &windows, 1e300);
                    let Some(exact) = exact else {
                        assert!(bounded.is_none_or(|found| found.choice.is_none()), "seed {seed}: no choice exists");
                        continue;
                    };
                    let Some(bounded) = bounded else { panic!("seed {seed}: there is a choice") };
                    let slack = 1e-12 * exact.bound.abs();
                    assert!(bounded.bound <= exact.bound + slack, "seed {seed}: {} > {}", bounded.bound, exact.bound);
                    all += 1;
                    tight += usize::from(bounded.bound >= exact.bound - 1e-3 * exact.bound.abs());
                    if let Some(choice) = bounded.choice {
                        assert!(windows.holds(&choice));
                        let mut devices = choice.devices.clone();
                        devices.sort_unstable();
                        devices.dedup();
                        assert_eq!(devices.len(), positions, "seed {seed}: {choice:?}");
                    }
                }
            }
        }
    }
    assert!(tight * 10 >= all * 7, "{tight} of {all} bounds are within a thousandth");
}

/// Devices that may hold nothing change nothing, but with them there are too many for sets.
#[test]
fn more_devices_that_cannot_take_part_change_nothing() {
    for seed in 0..6 {
        let spec = any_order(13, 10, Participation::Select, seed);
        let mut few = spec.clone();
        let mut many = spec;
        for device in &mut many.clusters[0].devices[7..] {
            device.max_blocks = Some(0);
        }
        few.clusters[0].devices.truncate(7);
        let gains = &mut few.clusters[0].gain_to_noise_hz_per_w.0;
        let kept: Vec<usize> = (0..8).chain([14]).collect();
        *gains = gains.select_rows(&kept).select_columns(&kept);
        let [few, many] = [few, many].map(|spec| {
            let solution = solve(&SlotProblem::new(spec).unwrap(), &Settings::default()).unwrap();
            solution.certified().cloned().unwrap()
        });
        assert!((few.objective() / many.objective() - 1.0).abs() <= 2e-7, "seed {seed}");
        assert!(many.lower_bound <= few.objective() * (1.0 + 1e-9), "seed {seed}: {}", many.lower_bound);
        assert!(many.gap <= 1e-7, "seed {seed}: {}", many.gap);
    }
}

/// The order of the list says nothing where the pipeline's is free.
#[test]
fn the_order_of_the_list_does_not_matter() {
    for (seed, participation) in [(1, Participation::All), (2, Participation::Select)] {
        let spec = any_order(14, 16, participation, seed);
        let mut other = spec.clone();
        let cluster = &mut other.clusters[0];
        cluster.devices.reverse();
        let order: Vec<usize> = [0].into_iter().chain((1..=14).rev()).chain([15]).collect();
        let gains = &mut cluster.gain_to_noise_hz_per_w.0;
        *gains = gains.select_rows(&order).select_columns(&order);
        let [one, other] = [spec, other].map(|spec| {
            let settings = Settings { gap: 1e-3, ..Settings::default() };
            solve(&SlotProblem::new(spec).unwrap(), &settings).unwrap().certified().cloned().unwrap()
        });
        assert!(one.gap <= 1e-3 && other.gap <= 1e-3, "{} {}", one.gap, other.gap);
        assert!(one.lower_bound <= other.objective() && other.lower_bound <= one.objective());
    }
}

/// Two devices are of one kind where nothing tells them apart: any single difference does.
#[test]
fn kinds_are_told_apart_by_any_difference() {
    let alike = |change: &dyn Fn(&mut SlotSpec)| {
        let mut spec = any_order(4, 9, Participation::Select, 5);
        let cluster = &mut spec.clusters[0];
        cluster.devices[2] = cluster.devices[1].clone();
        // Nodes 2 and 3, in a network where gains depend on the pair of the others alone.
        let gain = |node: usize| if node == 3 { 2 } else { node };
        cluster.gain_to_noise_hz_per_w.0 =
            nalgebra::DMatrix::from_fn(6, 6, |i, j| 1e8 * (1 + gain(i) * 7 + gain(j) * 3) as f64);
        change(&mut spec);
        let problem = SlotProblem::new(spec).unwrap();
        let plans = planned(&problem, &problem.clusters[0], true);
        let found = plans[0].instance.interchangeable(1, 2);
        assert_eq!(found, plans[0].instance.interchangeable(2, 1));
        assert!(!plans[0].instance.interchangeable(0, 1) && plans[0].instance.interchangeable(0, 0));
        found
    };
    assert!(alike(&|_| {}));
    for (from, to) in (0..6).flat_map(|from| (0..6).map(move |to| (from, to))).filter(|(from, to)| from != to) {
        let found = alike(&|spec| spec.clusters[0].gain_to_noise_hz_per_w.0[(from, to)] *= 1.5);
        let theirs = [2, 3].contains(&from) || [2, 3].contains(&to);
        assert_eq!(found, !theirs, "gain from {from} to {to}");
    }
    type Change = fn(&mut crate::problem::Device);
    let changes: [Change; 7] = [
        |device| device.forward_flops_per_second.0 *= 1.5,
        |device| device.backward_flops_per_second.0 *= 1.5,
        |device| device.stage_overhead_s.0 += 0.1,
        |device| device.energy_price += 1.0,
        |device| device.memory_bytes.0 *= 1.5,
        |device| device.min_blocks = Some(2),
        |device| device.max_blocks = Some(3),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        for device in [1, 2] {
            assert!(!alike(&|spec| change(&mut spec.clusters[0].devices[device])), "change {index} of {device}");
        }
    }
}
