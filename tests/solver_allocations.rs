//! What a solve allocates does not grow with the work of the search; a timeline allocates nothing when it runs again.
//!
//! A program of its own: it counts by an allocator that every test beside it would have, too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use collapipe::instances::InstanceSize;
use collapipe::problem::SlotProblem;
use collapipe::schedule::{Durations, Schedule, ScheduleKind, Sending, Timeline};
use collapipe::solver::{Settings, Solver};

/// Allocations and iterations of a solve by a solver that has seen the size before.
fn warm(solver: &mut Solver, problem: &SlotProblem) -> (u64, u64) {
    let mut iterations = 0;
    let allocated = allocation_counter::measure(|| {
        iterations = solver.solve(problem).unwrap().work.iterations;
    });
    (allocated.count_total, iterations)
}

/// Most allocations and iterations over the slots of some sequences, after the first slots have sized the buffers.
fn measured(size: InstanceSize, settings: Settings) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    for seed in 0..8 {
        let mut solver = Solver::new(settings).unwrap();
        let slots: Vec<SlotProblem> = size.slots(seed).unwrap().take(40).collect();
        let counts = slots.iter().map(|problem| warm(&mut solver, problem));
        all.extend(counts.collect::<Vec<_>>().split_off(20));
    }
    all
}

fn most(counts: &[(u64, u64)]) -> u64 {
    counts.iter().map(|count| count.0).max().unwrap()
}

#[test]
fn the_search_does_not_allocate() {
    let mut all = Vec::new();
    for (gap, blocks) in [(1e-2, 24), (1e-9, 24), (1e-9, 60)] {
        let size = InstanceSize { blocks, ..InstanceSize::default() };
        all.extend(measured(size, Settings { gap, ..Settings::default() }));
    }
    all.sort_by_key(|&(_, iterations)| iterations);
    let (easy, hard) = (&all[..all.len() / 10], &all[all.len() * 9 / 10..]);
    let (easiest, hardest) = (easy[0].1, hard[hard.len() - 1].1);
    println!("{easiest} iterations: at most {} allocations; {hardest}: at most {}", most(easy), most(hard));
    assert!(all.len() == 480 && hardest >= 2 * easiest, "{hardest} iterations are hardly more than {easiest}");
    assert!(most(&all) <= 70, "{} allocations", most(&all));
    assert!(
        most(hard) <= most(easy) + 8,
        "{} allocations where little is searched, {} where much",
        most(easy),
        most(hard)
    );
}

/// What is allocated is for plans and for the answer.
#[test]
fn allocations_go_with_the_plans() {
    let with = |plans| most(&measured(InstanceSize { plans, ..InstanceSize::default() }, Settings::default()));
    let (few, many) = (with(2), with(12));
    println!("{few} allocations with 2 plans, {many} with 12");
    assert!(many <= few + 2 * 10, "{few} allocations with 2 plans, {many} with 12");
}

#[test]
fn timelines_do_not_allocate_when_they_run_again() {
    let (stages, links) = (10, 9);
    let durations = Durations {
        forward: vec![1.0; stages],
        backward: vec![2.0; stages],
        forward_link: vec![0.3; links],
        backward_link: vec![0.3; links],
        ..Durations::default()
    };
    for kind in ScheduleKind::ALL {
        for sending in Sending::ALL {
            let mut timeline = Timeline::new(&Schedule::of(kind, stages, 16).unwrap(), sending).unwrap();
            let flat = vec![0.5; timeline.layout().len()];
            let (mut makespans, mut on_path) = (0.0, 0);
            let allocated = allocation_counter::measure(|| {
                for _ in 0..3 {
                    makespans += timeline.run(&durations).unwrap() + timeline.run_flat(&flat).unwrap();
                    on_path += timeline.critical_counts().iter().sum::<u32>();
                }
            });
            assert!(makespans > 0.0 && on_path > 0);
            assert_eq!(allocated.count_total, 0, "{kind}, {sending}");
        }
    }
}
