//! Rounds executed over real messages in virtual time are exactly those that the core predicts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use collapipe::instances::InstanceSize;
use collapipe::problem::{Decision, SlotProblem, evaluate};
use collapipe::schedule::{ScheduleKind, Sending};
use collapipe::solver::{Settings, solve};
use collapipe_engine::compare::Comparison;
use collapipe_engine::emulate::Clock;
use collapipe_engine::roles::{Pace, Parts, RoundOrder, Threads};

fn solved(devices: usize, clusters: usize, seed: u64) -> (SlotProblem, Decision) {
    let size = InstanceSize { devices, clusters, blocks: 8, ..InstanceSize::default() };
    let problem = size.sample(seed).expect("an instance");
    let solution = solve(&problem, &Settings::default()).expect("a solution");
    let decision = solution.certified().expect("feasible").decision.clone();
    (problem, decision)
}

/// The order of a decision under any schedule, with hops that have a latency, and several iterations.
fn order(seed: u64, kind: ScheduleKind, sending: Sending, micro_batches: u32) -> RoundOrder {
    let (problem, decision) = solved(3, 2, seed);
    let mut order = RoundOrder::synthetic(&problem, &decision, Pace::Emulated { scale: 1.0 }).expect("an order");
    for (place, cluster) in order.clusters.iter_mut().enumerate() {
        cluster.plan.schedule = kind;
        cluster.plan.local_iterations = 2 + u32::from(place == 0);
        cluster.plan.micro_batches = micro_batches;
        for (hop, sent) in cluster.forward_hops.iter_mut().chain(&mut cluster.backward_hops).enumerate() {
            sent.latency.0 = 0.01 * (hop + place) as f64;
        }
        if !kind.has_backward() {
            cluster.backward_hops.clear();
        }
    }
    order.sending(sending)
}

fn exact(order: &RoundOrder, threads: &mut Threads) -> Comparison {
    let measured = threads.coordinator().expect("a run").round(order, &Parts::new()).expect("a round");
    let comparison = Comparison::new(order, &measured).expect("a comparison");
    assert!(comparison.valid);
    comparison
}

#[test]
fn every_schedule_and_mode_takes_exactly_as_long_as_its_timeline() {
    let order_of = |seed, kind, sending| order(seed, kind, sending, 4);
    let mut threads =
        Threads::start(&order_of(1, ScheduleKind::FillDrain, Sending::Overlapped).members(), Clock::pretended())
            .expect("threads");
    for kind in ScheduleKind::ALL {
        for sending in Sending::ALL {
            let order = order_of(1, kind, sending);
            let comparison = exact(&order, &mut threads);
            assert!(comparison.largest_error(None) < 1e-9, "{kind}, {sending}: {comparison:#?}");
        }
    }
}

#[test]
fn a_round_takes_as_long_as_the_core_evaluates() {
    for seed in 1..4 {
        let (problem, decision) = solved(4, 1 + seed as usize % 2, seed);
        let order = RoundOrder::synthetic(&problem, &decision, Pace::Emulated { scale: 1.0 }).expect("an order");
        let mut threads = Threads::start(&order.members(), Clock::pretended()).expect("threads");
        let comparison = exact(&order, &mut threads);
        let evaluation = evaluate(&problem, &decision).expect("an evaluation");
        let round = comparison.parts.last().expect("parts");
        assert!((round.measured_s / evaluation.round_latency.0 - 1.0).abs() < 1e-9, "{round:?}");
        for part in &comparison.parts {
            let Some(cluster) = part.cluster else { continue };
            let parts = evaluation.clusters[cluster].parts;
            let expected = match part.part {
                "distribution" => parts.distribution.0,
                "iterations" => parts.forward.0 + parts.backward.0,
                "collection" => parts.collection.0,
                "upload" => parts.upload.0,
                _ => continue,
            };
            assert!((part.measured_s - expected).abs() <= 1e-9 * expected.max(1.0), "{part:?}: {expected}");
        }
    }
}

#[test]
fn in_real_time_the_parts_are_as_predicted() {
    let order = order(2, ScheduleKind::OneForwardOneBackward, Sending::Overlapped, 4);
    let planned = Comparison::new(&order, &Default::default()).expect("a prediction");
    drop(planned);
    let longest = order.clusters.iter().map(|c| c.timeline().expect("a timeline").1 * 2.0 + c.upload.total().0);
    // About two seconds of the wall clock.
    let order = RoundOrder { pace: Pace::Emulated { scale: 2.0 / longest.fold(0.0, f64::max) }, ..order };
    let mut threads = Threads::start(&order.members(), Clock::real()).expect("threads");
    let measured = threads.coordinator().expect("a run").round(&order, &Parts::new()).expect("a round");
    let comparison = Comparison::new(&order, &measured).expect("a comparison");
    for part in ["iterations", "round"] {
        // On a machine that is too busy the comparison says so.
        assert!(comparison.largest_error(Some(part)) < 0.1 || !comparison.valid, "{comparison:#?}");
    }
}
