//! Timelines against the oracle, makespans published elsewhere, and closed forms.

mod drawn;
mod kinds;
mod own;

use std::fs;

use collapipe::schedule::*;
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::shared;

/// What the oracle was asked, and what it answered.
#[derive(Deserialize)]
struct OracleCase {
    schedule: ScheduleKind,
    micro_batches: u32,
    overlap: String,
    forward: Vec<f64>,
    backward: Vec<f64>,
    forward_link: Vec<f64>,
    backward_link: Vec<f64>,
    forward_latency: Vec<f64>,
    backward_latency: Vec<f64>,
    makespan: f64,
    critical_path: Vec<(String, usize, u32)>,
}

#[derive(Deserialize)]
struct Cases<T> {
    cases: Vec<T>,
}

fn dot(counts: &[u32], durations: &[f64]) -> f64 {
    assert_eq!(counts.len(), durations.len());
    counts.iter().zip(durations).map(|(count, duration)| f64::from(*count) * duration).sum()
}

/// All durations in the documented order of the counts.
fn flat(of: &Durations) -> Vec<f64> {
    [
        &of.forward,
        &of.backward,
        &of.forward_link,
        &of.backward_link,
        &of.forward_latency,
        &of.backward_latency,
        &of.weight,
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

#[test]
fn timelines_are_the_oracles() {
    let cases: Cases<OracleCase> = serde_json::from_str(include_str!("timelines.json")).unwrap();
    assert_eq!(cases.cases.len(), 64);
    let mut same_path = 0;
    for case in cases.cases {
        let stages = case.forward.len();
        let sending = if case.overlap == "full" { Sending::Overlapped } else { Sending::Blocking };
        let schedule = Schedule::of(case.schedule, stages, case.micro_batches).unwrap();
        let mut timeline = Timeline::new(&schedule, sending).unwrap();
        let durations = Durations {
            forward: case.forward,
            backward: case.backward,
            forward_link: case.forward_link,
            backward_link: case.backward_link,
            forward_latency: case.forward_latency,
            backward_latency: case.backward_latency,
            weight: Vec::new(),
        };
        let makespan = timeline.run(&durations).unwrap();
        assert!(close(makespan, case.makespan), "{} {stages}: {makespan}, not {}", case.schedule, case.makespan);
        let flat = flat(&durations);
        let counts = timeline.critical_counts().to_vec();
        assert!(close(dot(&counts, &flat), makespan), "{counts:?}");
        assert_eq!(timeline.run_flat(&flat), Ok(makespan));

        let links = stages - 1;
        let mut theirs = vec![0; counts.len()];
        for (kind, index, count) in case.critical_path {
            let start = ["F", "B", "f", "b", "df", "db"].iter().position(|name| *name == kind).unwrap();
            theirs[stages * start.min(2) + links * start.saturating_sub(2) + index] = count;
        }
        assert!(close(dot(&theirs, &flat), makespan), "the order of the counts is not the documented one");
        same_path += usize::from(theirs == counts);
    }
    // Where durations are 0 there are several critical paths.
    assert!(same_path > 48, "only {same_path} critical paths are the oracle's");
}

#[derive(Deserialize)]
struct ZeroBubbleCase {
    f: Vec<f64>,
    b: Vec<f64>,
    link: f64,
    micro: u32,
    makespan: f64,
}

/// Latencies of links that occupy nobody, as latencies of messages that take no time and as pure delays.
#[test]
fn makespans_of_1f1b_are_those_replayed_elsewhere() {
    let Some(path) = shared("checks/zb_1f1b_makespans.json") else { return };
    let cases: Cases<ZeroBubbleCase> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(cases.cases.len(), 30);
    for case in cases.cases {
        let links = case.f.len() - 1;
        let schedule = Schedule::of(ScheduleKind::OneForwardOneBackward, case.f.len(), case.micro).unwrap();
        let (nothing, link) = (vec![0.0; links], vec![case.link; links]);
        let stages = Durations { forward: case.f, backward: case.b, ..Durations::default() };
        let late = Durations {
            forward_link: nothing.clone(),
            backward_link: nothing,
            forward_latency: link.clone(),
            backward_latency: link.clone(),
            ..stages.clone()
        };
        let delayed = Durations { forward_link: link.clone(), backward_link: link, ..stages };
        for sending in Sending::ALL {
            let mut timeline = Timeline::new(&schedule, sending).unwrap();
            if sending != Sending::HalfDuplex && sending != Sending::Medium {
                assert_eq!(timeline.run(&late), Ok(case.makespan), "{sending}");
            }
            if sending == Sending::Delay {
                assert_eq!(timeline.run(&delayed), Ok(case.makespan));
            }
        }
    }
}

fn times(number: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![1 => Just(0.0), 9 => 1e-6..10.0], number)
}

fn durations() -> impl Strategy<Value = Durations> {
    (1..8_usize).prop_flat_map(|stages| {
        let links = stages - 1;
        let lists = (times(stages), times(stages), times(links), times(links), times(links), times(links));
        lists.prop_map(|(forward, backward, forward_link, backward_link, forward_latency, backward_latency)| {
            Durations {
                forward,
                backward,
                forward_link,
                backward_link,
                forward_latency,
                backward_latency,
                weight: Vec::new(),
            }
        })
    })
}

/// Sum and greatest of the pace terms of one phase: stages and links, or stages with what they send.
fn phase(stages: &[f64], links: &[f64], latencies: &[f64], blocking: bool) -> (f64, f64) {
    let sum = stages.iter().chain(links).chain(latencies).sum();
    let pace = |stage: usize| stages[stage] + if blocking { links.get(stage).copied().unwrap_or(0.0) } else { 0.0 };
    let slowest = (0..stages.len()).map(pace).chain(links.iter().copied()).fold(0.0, f64::max);
    (sum, slowest)
}

fn reversed(list: &[f64]) -> Vec<f64> {
    list.iter().rev().copied().collect()
}

proptest! {
    /// Σ t + (M−1) max t for each phase; what blocks is part of its sender's pace.
    #[test]
    fn fill_drain_has_its_closed_form(d in durations(), micro_batches in 1..20_u32, blocking: bool) {
        let sending = if blocking { Sending::Blocking } else { Sending::Overlapped };
        let forward = phase(&d.forward, &d.forward_link, &d.forward_latency, blocking);
        let backward = [&d.backward, &d.backward_link, &d.backward_latency].map(|list| reversed(list));
        let backward = phase(&backward[0], &backward[1], &backward[2], blocking);
        let kinds = [(ScheduleKind::FillDrain, vec![forward, backward]), (ScheduleKind::ForwardOnly, vec![forward])];
        for (kind, phases) in kinds {
            let schedule = Schedule::of(kind, d.forward.len(), micro_batches).unwrap();
            let makespan = Timeline::new(&schedule, sending).unwrap().run(&d).unwrap();
            let expected: f64 = phases.iter().map(|(sum, max)| sum + f64::from(micro_batches - 1) * max).sum();
            prop_assert!((makespan - expected).abs() <= 1e-11 * expected, "{kind}: {makespan}, not {expected}");
        }
    }

    /// Whoever shares a machine with more messages waits for more: the same order, fewer machines.
    #[test]
    fn fewer_machines_take_longer(
        d in durations(),
        micro_batches in 1..10_u32,
        kind in prop::sample::select(ScheduleKind::ALL.to_vec()),
    ) {
        let schedule = Schedule::of(kind, d.forward.len(), micro_batches).unwrap();
        let mut times = Vec::new();
        for sending in [Sending::Delay, Sending::Overlapped, Sending::HalfDuplex, Sending::Medium] {
            let mut timeline = Timeline::new(&schedule, sending).unwrap();
            times.push(timeline.run(&d).unwrap());
            prop_assert!(timeline.least_makespan_s() <= timeline.makespan_s() * (1.0 + 1e-12), "{sending}");
        }
        prop_assert!(times.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-12)), "{times:?}");
    }

    /// On machines that stages share, a micro-batch more takes what the busiest stage or machine takes with it, and no more,
    /// where messages are not late: the order leaves nobody waiting for good. (With the messages of a turn in the other order it would be a stage and
    /// what it receives and sends.)
    #[test]
    fn the_pace_of_fill_drain_is_that_of_the_busiest_machine(d in durations(), half: bool) {
        let links = |stage: usize| {
            let before = stage.checked_sub(1).and_then(|link| d.forward_link.get(link));
            before.into_iter().chain(d.forward_link.get(stage)).sum::<f64>()
        };
        let shared = if half { (0..d.forward.len()).map(links).fold(0.0, f64::max) } else { d.forward_link.iter().sum() };
        let pace = d.forward.iter().copied().fold(shared, f64::max);
        // A message that is late by more than the turns of the others makes them wait.
        let late = |stage: usize| stage.checked_sub(1).map_or(0.0, |link| d.forward_latency[link]);
        let slowest = (0..d.forward.len()).map(|stage| d.forward[stage] + late(stage)).fold(shared, f64::max);
        let sending = if half { Sending::HalfDuplex } else { Sending::Medium };
        let makespan = |micro_batches| {
            let schedule = Schedule::of(ScheduleKind::ForwardOnly, d.forward.len(), micro_batches).unwrap();
            Timeline::new(&schedule, sending).unwrap().run(&d).unwrap()
        };
        let once: f64 = d.forward.iter().chain(&d.forward_link).chain(&d.forward_latency).sum();
        for micro_batches in [1, 2, 5, 40] {
            let found = makespan(micro_batches);
            // What no order beats: everybody's work. What this order keeps: a few turns more than the closed form.
            let turns = f64::from(micro_batches) + d.forward.len() as f64;
            prop_assert!(found <= (once + turns * slowest) * (1.0 + 1e-12), "{found}, once {once}, pace {slowest}");
            prop_assert!(found >= f64::from(micro_batches) * pace * (1.0 - 1e-12));
        }
    }

    /// Every counted path is a lower bound at all other durations: the makespan is the greatest of them.
    #[test]
    fn makespans_are_convex_and_counts_are_subgradients(
        a in durations(),
        seed in prop::collection::vec(0.0..5.0, 64),
        micro_batches in 1..10_u32,
        kind in prop::sample::select(ScheduleKind::ALL.to_vec()),
        sending in prop::sample::select(Sending::ALL.to_vec()),
    ) {
        let schedule = Schedule::of(kind, a.forward.len(), micro_batches).unwrap();
        let mut timeline = Timeline::new(&schedule, sending).unwrap();
        let a = flat(&a);
        let b: Vec<f64> = seed.into_iter().take(a.len()).collect();
        let at_a = timeline.run_flat(&a).unwrap();
        let counts = timeline.critical_counts().to_vec();
        let path: f64 = timeline.critical_path().iter().map(|event| event.end_s - event.start_s).sum();
        prop_assert!(path <= at_a * (1.0 + 1e-12));
        let at_b = timeline.run_flat(&b).unwrap();
        prop_assert!((dot(&counts, &a) - at_a).abs() <= 1e-12 * at_a);
        prop_assert!(dot(&counts, &b) <= at_b * (1.0 + 1e-12));
        let middle: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 0.5 * (a + b)).collect();
        prop_assert!(timeline.run_flat(&middle).unwrap() <= 0.5 * (at_a + at_b) * (1.0 + 1e-12));
    }
}

/// How far the timelines of messages that take turns lie from Σ t + (M−1) max, the maximum over the stages and what their
/// radios (or the medium) send, which no order has exactly: it counts what lies between two messages as if nothing could
/// happen meanwhile, and nobody as waiting for the order. Printed for the documentation.
#[test]
fn closed_forms_of_shared_machines_are_near_and_no_bounds() {
    let mut state = 1_u64;
    let mut uniform = |low: f64, high: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for sending in [Sending::HalfDuplex, Sending::Medium] {
        for air in [0.1, 0.3, 1.0] {
            let (mut ratios, mut least) = (Vec::new(), Vec::new());
            for case in 0..200 {
                let stages = 3 + case % 4;
                let micro_batches = [2, 4, 8, 16][case / 4 % 4];
                let mut list = |number: usize, low, high| (0..number).map(|_| uniform(low, high)).collect::<Vec<f64>>();
                let durations = Durations {
                    forward: list(stages, 0.3, 1.0),
                    backward: list(stages, 0.6, 2.0),
                    forward_link: list(stages - 1, 0.2 * air, air),
                    backward_link: list(stages - 1, 0.2 * air, air),
                    ..Durations::default()
                };
                let schedule = Schedule::of(ScheduleKind::FillDrain, stages, micro_batches).unwrap();
                let mut timeline = Timeline::new(&schedule, sending).unwrap();
                let makespan = timeline.run(&durations).unwrap();
                let closed: f64 =
                    [(&durations.forward, &durations.forward_link), (&durations.backward, &durations.backward_link)]
                        .into_iter()
                        .map(|(stages, links)| {
                            let sum: f64 = stages.iter().chain(links).sum();
                            let around = |stage: usize| {
                                let near = stage.checked_sub(1).map_or(0.0, |link| links[link]);
                                near + links.get(stage).copied().unwrap_or_default()
                            };
                            let shared = match sending {
                                Sending::Medium => links.iter().sum(),
                                _ => (0..stages.len()).map(around).fold(0.0, f64::max),
                            };
                            sum + f64::from(micro_batches - 1) * stages.iter().copied().fold(shared, f64::max)
                        })
                        .sum();
                ratios.push(makespan / closed - 1.0);
                least.push(makespan / timeline.least_makespan_s() - 1.0);
            }
            let mean = |list: &[f64]| 100.0 * list.iter().sum::<f64>() / list.len() as f64;
            let (low, high) =
                ratios.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), of| (low.min(*of), high.max(*of)));
            println!(
                "{sending}, air up to {air}: {:+.1} % of the closed form ({:+.1} to {:+.1}), {:+.1} % of what no order beats",
                mean(&ratios),
                100.0 * low,
                100.0 * high,
                mean(&least)
            );
            assert!(low > -0.3 && high < 0.3 && high > 0.01, "{low} to {high}");
            assert!(least.iter().all(|of| *of >= -1e-12));
        }
    }
}
