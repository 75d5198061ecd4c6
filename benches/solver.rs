//! How long a slot takes: medians over seeded instances, and how the time grows with the clusters.
//!
//! `cargo bench --bench solver`

use std::hint::black_box;
use std::time::Instant;

use collapipe::instances::{CatalogueEntry, InstanceSize, catalogue};
use collapipe::problem::{Participation, SlotProblem, evaluate};
use collapipe::solver::{Settings, solve};
use criterion::{Criterion, criterion_group, criterion_main};

fn instances(size: InstanceSize, count: u64) -> Vec<SlotProblem> {
    (0..count).filter_map(|seed| size.sample(seed).ok()).collect()
}

fn one_cluster(criterion: &mut Criterion) {
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("one cluster, 10 devices, 24 blocks, 8 plans");
    for (name, participation) in [("all", Participation::All), ("select", Participation::Select)] {
        let problems = instances(InstanceSize { participation, ..InstanceSize::default() }, 50);
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                next = (next + 1) % problems.len();
                solve(black_box(&problems[next]), &settings)
            });
        });
    }
    for problem in instances(InstanceSize::default(), 1) {
        let Some(best) = solve(&problem, &settings).ok().and_then(|solution| solution.outcome.ok()) else { continue };
        group.bench_function("evaluate one decision", |bencher| {
            bencher.iter(|| evaluate(black_box(&problem), &best.decision));
        });
    }
    group.finish();
}

/// All named instances, the hard and the degenerate among them.
fn named(criterion: &mut Criterion) {
    let entries: Vec<CatalogueEntry> = catalogue().unwrap_or_default();
    criterion.bench_function("the whole catalogue", |bencher| {
        bencher.iter(|| {
            entries.iter().filter(|entry| solve(black_box(&entry.problem), &Settings::default()).is_ok()).count()
        });
    });
}

/// Prints seconds per network size and the fitted exponent of the growth.
fn networks(_: &mut Criterion) {
    let settings = Settings { gap: 1e-3, ..Settings::default() };
    let mut points = Vec::new();
    for clusters in [10, 30, 100, 300, 1000] {
        let problems = instances(InstanceSize { clusters, ..InstanceSize::default() }, 3);
        let mut times: Vec<(f64, f64)> = problems
            .iter()
            .map(|problem| {
                let start = Instant::now();
                let gap = solve(problem, &settings).ok().and_then(|s| s.certified().map(|best| best.gap));
                (start.elapsed().as_secs_f64(), gap.unwrap_or(f64::NAN))
            })
            .collect();
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (median, gap) = times[times.len() / 2];
        println!("{clusters:5} clusters of 10 devices: median {median:.3} s, gap {gap:.1e}");
        points.push(((clusters as f64).ln(), median.ln()));
    }
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let slope = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum::<f64>()
        / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>();
    println!("time grows with the number of clusters to the power {slope:.2}");
}

criterion_group!(benches, named, one_cluster, networks);
criterion_main!(benches);
