//! How long a slot takes: medians over seeded instances, and how the time grows with the clusters.
//!
//! `cargo bench --bench solver`; a part of a group's name after `--` runs that group alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use collapipe::instances::{CatalogueEntry, InstanceSize, catalogue};
use collapipe::problem::{Participation, Phase, SlotProblem, evaluate};
use collapipe::schedule::{Durations, Schedule, ScheduleKind, Sending, Timeline};
use collapipe::solver::backend::RadioFor;
#[cfg(feature = "conic")]
use collapipe::solver::backend::{Backend, Conic};
use collapipe::solver::{PhaseProblem, Settings, Solver, solve, solve_radio};
use criterion::{Criterion, criterion_group, criterion_main};

fn instances(size: InstanceSize, count: u64) -> Vec<SlotProblem> {
    (0..count).filter_map(|seed| size.sample(seed).ok()).collect()
}

/// Calls `run` with the items in turn, for ever.
fn in_turn<T, R>(items: &[T], mut run: impl FnMut(&T) -> R) -> impl FnMut() -> R {
    let mut next = 0;
    move || {
        next = (next + 1) % items.len();
        run(black_box(&items[next]))
    }
}

/// Problems with the integers of their optimum.
fn with_integers(size: InstanceSize, count: u64) -> Vec<(SlotProblem, RadioFor)> {
    let integers = |problem: SlotProblem| {
        let solution = solve(&problem, &Settings::default()).ok()?;
        let given = RadioFor::decision(&solution.certified()?.decision);
        Some((problem, given))
    };
    instances(size, count).into_iter().filter_map(integers).collect()
}

/// Bandwidths and powers of ten hops, for given integers; the cone program is the same problem as "both phases".
fn radio(criterion: &mut Criterion) {
    let settings = Settings::default();
    let problems = with_integers(InstanceSize { devices: 9, ..InstanceSize::default() }, 30);
    let phases: Vec<PhaseProblem> = problems
        .iter()
        .filter_map(|(problem, given)| PhaseProblem::new(problem, given, 0, Phase::Forward).ok())
        .collect();
    let mut group = criterion.benchmark_group("radio, 10 hops");
    group.bench_function("one phase", |bencher| bencher.iter(in_turn(&phases, PhaseProblem::solve)));
    group.bench_function("both phases, transfers and upload", |bencher| {
        bencher.iter(in_turn(&problems, |(problem, given)| solve_radio(problem, given, &settings)));
    });
    #[cfg(feature = "conic")]
    group.sample_size(10).bench_function("the same as a cone program", |bencher| {
        let conic = Conic::default();
        bencher.iter(in_turn(&problems, |(problem, given)| conic.solve(problem, given)));
    });
    group.finish();
}

fn one_cluster(criterion: &mut Criterion) {
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("one cluster, 10 devices, 24 blocks, 8 plans");
    let all = instances(InstanceSize::default(), 50);
    group.bench_function("all", |bencher| bencher.iter(in_turn(&all, |problem| solve(problem, &settings))));
    let slots: Vec<SlotProblem> =
        InstanceSize::default().slots(0).map(|slots| slots.take(200).collect()).unwrap_or_default();
    group.bench_function("all, from the slot before", |bencher| {
        let mut solver = Solver::new(settings).unwrap_or_default();
        bencher.iter(in_turn(&slots, |problem| solver.solve(problem)));
    });
    let select = instances(InstanceSize { participation: Participation::Select, ..InstanceSize::default() }, 50);
    group.bench_function("select", |bencher| bencher.iter(in_turn(&select, |problem| solve(problem, &settings))));
    for problem in instances(InstanceSize::default(), 1) {
        let Some(best) = solve(&problem, &settings).ok().and_then(|solution| solution.outcome.ok()) else { continue };
        group.bench_function("evaluate one decision", |bencher| {
            bencher.iter(|| evaluate(black_box(&problem), &best.decision));
        });
    }
    group.finish();
}

/// More devices, more clusters: each as large as a run is likely to get.
fn large(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("large");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    let devices = instances(InstanceSize { devices: 100, blocks: 200, ..InstanceSize::default() }, 10);
    group.bench_function("one cluster, 100 devices, 200 blocks, all", |bencher| {
        bencher.iter(in_turn(&devices, |problem| solve(problem, &Settings::default())));
    });
    let settings = Settings { gap: 1e-3, ..Settings::default() };
    let networks = instances(InstanceSize { clusters: 1000, ..InstanceSize::default() }, 3);
    group.bench_function("1000 clusters of 10 devices, gap 1e-3", |bencher| {
        bencher.iter(in_turn(&networks, |problem| solve(problem, &settings)));
    });
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

/// One iteration of 10 stages and 16 micro-batches, event by event.
fn timelines(criterion: &mut Criterion) {
    let durations = Durations {
        forward: (0..10).map(|stage| 1.0 + 0.1 * f64::from(stage)).collect(),
        backward: vec![2.0; 10],
        forward_link: vec![0.3; 9],
        backward_link: vec![0.3; 9],
        ..Durations::default()
    };
    let mut group = criterion.benchmark_group("timeline, 10 stages, 16 micro-batches");
    for sending in [Sending::Overlapped, Sending::Blocking, Sending::HalfDuplex] {
        let schedule = Schedule::of(ScheduleKind::OneForwardOneBackward, 10, 16);
        let Ok(mut timeline) = schedule.and_then(|schedule| Timeline::new(&schedule, sending)) else { continue };
        group.bench_function(format!("{sending}, makespan"), |bencher| {
            bencher.iter(|| timeline.run(black_box(&durations)));
        });
        group.bench_function(format!("{sending}, counts of the critical path"), |bencher| {
            bencher.iter(|| timeline.critical_counts().len());
        });
    }
    group.bench_function("compiled", |bencher| {
        bencher.iter(|| {
            let schedule = Schedule::of(ScheduleKind::OneForwardOneBackward, black_box(10), 16);
            schedule.and_then(|schedule| Timeline::new(&schedule, Sending::Overlapped))
        });
    });
    group.finish();
}

criterion_group!(benches, timelines, radio, one_cluster, large, named, networks);
criterion_main!(benches);
