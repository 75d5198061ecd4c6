//! How long an exact partition takes: medians over seeded problems.
//!
//! `cargo bench --bench partition`; a part of a group's name after `--` runs that group alone.

use std::hint::black_box;

use collapipe::partition::{
    DeviceOrder, Layer, Links, PartitionDevice, PartitionObjective, PartitionProblem, PartitionSettings, PartitionSpec,
    Rates, StageCount, solve_partition,
};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

fn draw(random: &mut Pcg64Mcg, count: usize, low: f64, high: f64) -> Vec<f64> {
    (0..count).map(|_| random.random_range(low..high)).collect()
}

/// 14 devices of which no two are alike, 48 layers of which none are, links as fast as the slower end, any order.
fn different_devices(seed: u64) -> PartitionSpec {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let devices = (0..14).map(|_| {
        let slowness = random.random_range(0.5..2.5);
        let seconds: Vec<f64> = draw(&mut random, 48, 0.05, 0.5).iter().map(|second| second * slowness).collect();
        PartitionDevice::scaled("", &seconds, &[], 1.0).with_memory(random.random_range(6.0..20.0))
    });
    let devices = devices.collect();
    let layers = draw(&mut random, 48, 1e5, 3e6).into_iter();
    let layers = layers.map(|output_bytes| Layer { output_bytes, resident_bytes: 1.0, ..Layer::default() }).collect();
    let rates = (0..14).map(|_| [5e6, 2e7, 1e8, 1e9][random.random_range(0..4)]).collect();
    PartitionSpec {
        layers,
        links: Links { bits_per_second: Rates::PerDevice(rates), ..Links::none() },
        order: DeviceOrder::Free,
        ..PartitionSpec::new(devices, PartitionObjective::Bottleneck)
    }
}

/// 16 equal devices in a row, 96 layers, 16 micro-batches; with or without links, which make the sum matter.
fn equal_devices(seed: u64, linked: bool) -> PartitionSpec {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let device = PartitionDevice::scaled("", &draw(&mut random, 96, 0.5, 2.0), &[], 1.0);
    let layers = draw(&mut random, 96, 1e5, 3e6).into_iter();
    let layers = layers.map(|output_bytes| Layer { output_bytes, ..Layer::default() }).collect();
    let spec = PartitionSpec::new(vec![device; 16], PartitionObjective::SumPlusMax { micro_batches: 16 });
    PartitionSpec {
        layers,
        links: if linked { Links::same(1e7) } else { Links::none() },
        order: DeviceOrder::Free,
        stages: StageCount::Exactly(16),
        ..spec
    }
}

fn medians(criterion: &mut Criterion, name: &str, spec: impl Fn(u64) -> PartitionSpec) {
    let problems: Vec<PartitionProblem> = (0..10).filter_map(|seed| PartitionProblem::new(spec(seed)).ok()).collect();
    let settings = PartitionSettings::default();
    let mut next = 0;
    let mut group = criterion.benchmark_group("partition");
    group.sample_size(20).bench_function(name, |bencher| {
        bencher.iter(|| {
            next = (next + 1) % problems.len();
            solve_partition(black_box(&problems[next]), &settings)
        });
    });
    group.finish();
}

fn partition(criterion: &mut Criterion) {
    medians(criterion, "bottleneck, 14 different devices in any order, 48 layers", different_devices);
    medians(criterion, "sum plus max, 16 equal devices, 96 layers", |seed| equal_devices(seed, false));
    medians(criterion, "sum plus max, 16 equal devices, 96 layers, links", |seed| equal_devices(seed, true));
}

criterion_group!(benches, partition);
criterion_main!(benches);
