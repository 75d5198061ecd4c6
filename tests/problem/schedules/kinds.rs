//! Every kind of schedule in every sending mode: against a naive simulation, closed forms, bounds.

use std::collections::BTreeMap;

use collapipe::schedule::*;
use proptest::prelude::*;

use super::{close, flat};

/// The end of every operation, found by going round all machines until nothing moves; written apart from the library.
fn naive(shape: &Shape, programs: &[Program], d: &Durations) -> BTreeMap<Operation, f64> {
    let slices = shape.slices as usize;
    let stage = |position: u32| shape.placement[position as usize];
    let value = |list: &Vec<f64>, op: Operation| list[op.position as usize * slices + op.slice as usize];
    let take = |op: Operation| match op.kind {
        OperationKind::Forward => value(&d.forward, op),
        OperationKind::Backward => value(&d.backward, op),
        OperationKind::Weight => value(&d.weight, op),
        OperationKind::SendForward => value(&d.forward_link, op),
        OperationKind::SendBackward => value(&d.backward_link, op),
    };
    let last = shape.placement.len() as u32 - 1;
    let crossed = |link: u32| stage(link) != stage(link + 1);
    let at = |op: Operation, kind, position| Some(Operation { kind, position, ..op });
    let need = |op: Operation| match (op.kind, op.position) {
        (OperationKind::Forward, 0) => None,
        (OperationKind::Forward, q) if crossed(q - 1) => at(op, OperationKind::SendForward, q - 1),
        (OperationKind::Forward, q) => at(op, OperationKind::Forward, q - 1),
        (OperationKind::Backward, q) if q == last => at(op, OperationKind::Forward, q),
        (OperationKind::Backward, q) if crossed(q) => at(op, OperationKind::SendBackward, q),
        (OperationKind::Backward, q) => at(op, OperationKind::Backward, q + 1),
        (OperationKind::Weight, q) => at(op, OperationKind::Backward, q),
        (OperationKind::SendForward, q) => at(op, OperationKind::Forward, q),
        (OperationKind::SendBackward, q) => at(op, OperationKind::Backward, q + 1),
    };
    let late = |op: Operation| match op.kind {
        OperationKind::SendForward => d.forward_latency[op.position as usize],
        OperationKind::SendBackward => d.backward_latency[op.position as usize],
        _ => 0.0,
    };
    let mut machines: BTreeMap<Operation, Vec<usize>> = BTreeMap::new();
    for (index, program) in programs.iter().enumerate() {
        program.operations.iter().for_each(|op| machines.entry(*op).or_default().push(index));
    }
    // Transmissions that occupy nobody.
    for program in programs {
        for &op in &program.operations {
            let send = match op.kind {
                OperationKind::Forward if op.position < last && crossed(op.position) => {
                    at(op, OperationKind::SendForward, op.position)
                }
                OperationKind::Backward if op.position > 0 && crossed(op.position - 1) => {
                    at(op, OperationKind::SendBackward, op.position - 1)
                }
                _ => None,
            };
            send.map(|send| machines.entry(send).or_default());
        }
    }
    let mut ends: BTreeMap<Operation, f64> = BTreeMap::new();
    let mut next = vec![0; programs.len()];
    let mut free = vec![0.0_f64; programs.len()];
    while ends.len() < machines.len() {
        let before = ends.len();
        for (&op, on) in &machines {
            let is_next = on.iter().all(|&machine| programs[machine].operations.get(next[machine]) == Some(&op));
            let needed = need(op).map(|need| ends.get(&need).map(|end| end + late(need)));
            if ends.contains_key(&op) || !is_next || needed == Some(None) {
                continue;
            }
            let arrival = needed.flatten().unwrap_or(0.0);
            let end = on.iter().fold(arrival, |start, &machine| start.max(free[machine])) + take(op);
            for &machine in on {
                (next[machine], free[machine]) = (next[machine] + 1, end);
            }
            ends.insert(op, end);
        }
        assert!(ends.len() > before, "deadlock");
    }
    ends
}

/// A schedule of every kind, none larger than a few hundred operations.
fn schedules() -> impl Strategy<Value = Schedule> {
    let size = (1..6_usize, 1..6_u32, 2..4_u32);
    (0..8_usize, size).prop_map(|(kind, (stages, micro_batches, parts))| {
        match kind {
            0..4 => Schedule::of(ScheduleKind::ALL[kind], stages, micro_batches),
            4 => Schedule::interleaved(stages, parts, micro_batches.div_ceil(2) * stages as u32),
            5 => Schedule::zero_bubble(stages, micro_batches),
            6 => Schedule::token_slices(stages, micro_batches, parts, Passes::Both),
            _ => Schedule::token_slices(stages, micro_batches, parts, Passes::Forward),
        }
        .unwrap()
    })
}

fn numbers(seed: &[f64], from: usize, number: usize) -> Vec<f64> {
    (0..number).map(|index| seed[(from + index) % seed.len()]).collect()
}

/// Durations of the right shape out of a list of numbers.
fn durations(shape: &Shape, seed: &[f64]) -> Durations {
    let (positions, slices) = (shape.positions(), shape.slices as usize);
    let backward = |number: usize| if shape.backward { number } else { 0 };
    Durations {
        forward: numbers(seed, 0, positions * slices),
        backward: numbers(seed, 7, backward(positions * slices)),
        forward_link: numbers(seed, 13, (positions - 1) * slices),
        backward_link: numbers(seed, 23, backward((positions - 1) * slices)),
        forward_latency: numbers(seed, 31, positions - 1),
        backward_latency: numbers(seed, 37, backward(positions - 1)),
        weight: if shape.weight { numbers(seed, 41, positions * slices) } else { Vec::new() },
    }
}

fn seeds() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![1 => Just(0.0), 6 => 0.01..3.0], 97)
}

proptest! {
    #[test]
    fn every_schedule_runs_as_a_naive_simulation_does(
        schedule in schedules(),
        seed in seeds(),
        sending in prop::sample::select(Sending::ALL.to_vec()),
    ) {
        let shape = schedule.shape();
        let d = durations(shape, &seed);
        let ends = naive(shape, &sending.programs(&schedule).unwrap(), &d);
        let mut timeline = Timeline::new(&schedule, sending).unwrap();
        let makespan = timeline.run(&d).unwrap();
        prop_assert!(close(makespan, ends.values().copied().fold(0.0, f64::max)));
        let events: Vec<Event> = timeline.events().collect();
        prop_assert_eq!(events.len(), ends.len());
        for event in &events {
            prop_assert!(close(event.end_s, ends[&event.operation]), "{}", event.operation);
        }

        // The counts add up, and so does the path itself with its latencies.
        let names = timeline.layout().names();
        prop_assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        let counted: f64 = timeline.named_counts().iter().map(|of| f64::from(of.count) * of.seconds).sum();
        prop_assert!((counted - makespan).abs() <= 1e-12 * makespan);
        let path = timeline.critical_path();
        prop_assert_eq!(path.last().map_or(0.0, |event| event.end_s), makespan);
        for pair in path.windows(2) {
            prop_assert!(pair[0].end_s <= pair[1].start_s);
        }

        // A machine does one thing at a time; busy and bubble are the makespan.
        for (machine, events) in timeline.machines() {
            let mut free = 0.0;
            for event in events {
                prop_assert!(event.start_s >= free, "{machine} runs two operations at {free}");
                free = event.end_s;
            }
        }
        for of in timeline.machine_use() {
            prop_assert!(close(of.busy_s + of.bubble_s, makespan), "{of:?}");
        }

        // What no order can beat this one cannot beat, and one micro-batch alone takes no longer.
        prop_assert!(timeline.least_makespan_s() <= makespan * (1.0 + 1e-12));
    }

    /// The formula of any schedule at all, where sends cost their senders nothing.
    #[test]
    fn no_schedule_is_faster_than_the_formula(
        stages in 1..7_usize,
        micro_batches in 1..9_u32,
        seed in seeds(),
        kind in prop::sample::select(ScheduleKind::ALL[..3].to_vec()),
    ) {
        let schedule = Schedule::of(kind, stages, micro_batches).unwrap();
        let d = durations(schedule.shape(), &seed);
        let mut timeline = Timeline::new(&schedule, Sending::Delay).unwrap();
        let makespan = timeline.run(&d).unwrap();
        let each = |lists: [&Vec<f64>; 6], stage: usize| -> f64 {
            let [f, b, fl, bl, fd, bd] = lists;
            (0..stage).map(|i| f[i] + fl[i] + fd[i] + b[i] + bl[i] + bd[i]).sum()
        };
        let links = [&d.forward_link, &d.backward_link, &d.forward_latency, &d.backward_latency];
        let lists = [&d.forward, &d.backward, links[0], links[1], links[2], links[3]];
        let at = |stage| each(lists, stage) + f64::from(micro_batches) * (d.forward[stage] + d.backward[stage]);
        let alone = each(lists, stages - 1) + d.forward[stages - 1] + d.backward[stages - 1];
        let formula = (0..stages).map(at).fold(alone, f64::max);
        prop_assert!(close(timeline.least_makespan_s(), formula), "{} {formula}", timeline.least_makespan_s());
        prop_assert!(formula <= makespan * (1.0 + 1e-12));
    }

    /// Peaks are what the kinds promise, whatever the durations.
    #[test]
    fn stages_hold_what_is_in_flight(
        stages in 1..8_usize,
        micro_batches in 1..12_u32,
        seed in seeds(),
        kind in prop::sample::select(ScheduleKind::ALL.to_vec()),
        sending in prop::sample::select(Sending::ALL.to_vec()),
    ) {
        let schedule = Schedule::of(kind, stages, micro_batches).unwrap();
        let mut timeline = Timeline::new(&schedule, sending).unwrap();
        timeline.run(&durations(schedule.shape(), &seed)).unwrap();
        let bytes = Memory {
            resident_bytes: numbers(&seed, 3, stages),
            activation_bytes: numbers(&seed, 11, stages),
            weight_bytes: Vec::new(),
        };
        let counted = timeline.memory(&Memory::counting(stages)).unwrap();
        for (stage, (counted, held)) in counted.iter().zip(timeline.memory(&bytes).unwrap()).enumerate() {
            let expected = f64::from(kind.in_flight(stage, stages, micro_batches));
            prop_assert_eq!(counted.peak, expected);
            prop_assert_eq!(counted.levels.last().unwrap().1, 0.0);
            let bytes = bytes.resident_bytes[stage] + bytes.activation_bytes[stage] * expected;
            prop_assert!((held.peak - bytes).abs() <= 1e-12 * bytes);
        }
    }
}

fn equal(stages: usize, [forward, backward, weight]: [f64; 3]) -> Durations {
    let nothing = vec![0.0; stages - 1];
    Durations {
        forward: vec![forward; stages],
        backward: vec![backward; stages],
        weight: if weight > 0.0 { vec![weight; stages] } else { Vec::new() },
        forward_link: nothing.clone(),
        backward_link: nothing,
        ..Durations::default()
    }
}

/// Bubbles that the papers give for equal stages: (P − 1)(F + B) of 1F1B, that through v where interleaved, and
/// (P − 1)(F + B − W) of zero-bubble H1 in the memory of 1F1B.
#[test]
fn bubbles_are_the_published_ones() {
    for stages in 1..7_usize {
        let behind = stages as f64 - 1.0;
        for groups in 1..4_u32 {
            let micro_batches = groups * stages as u32;
            for chunks in 1..5_u32 {
                let schedule = Schedule::interleaved(stages, chunks, micro_batches).unwrap();
                let mut timeline = Timeline::new(&schedule, Sending::Overlapped).unwrap();
                let makespan = timeline.run(&equal(stages * chunks as usize, [1.0, 2.0, 0.0])).unwrap();
                let work = 3.0 * f64::from(micro_batches * chunks);
                assert_eq!(makespan, work + 3.0 * behind, "{stages} stages, {chunks} chunks, {micro_batches}");
                // In chunks, each of which is 1/v of a stage; with one chunk it is 1F1B.
                let positions = stages * chunks as usize;
                for (stage, held) in timeline.memory(&Memory::counting(positions)).unwrap().into_iter().enumerate() {
                    let ahead = if chunks == 1 { 1 } else { 2 } * (stages - 1 - stage) + positions - stages;
                    let most = (chunks * micro_batches) as usize;
                    assert_eq!(held.peak, most.min(ahead + 1) as f64, "stage {stage} of {stages}, {chunks} chunks");
                }
            }
            for [forward, backward, weight] in [[1.0, 1.0, 1.0], [1.0, 1.5, 0.5], [2.0, 2.5, 1.0]] {
                let schedule = Schedule::zero_bubble(stages, micro_batches).unwrap();
                let mut timeline = Timeline::new(&schedule, Sending::Overlapped).unwrap();
                let makespan = timeline.run(&equal(stages, [forward, backward, weight])).unwrap();
                let work = f64::from(micro_batches) * (forward + backward + weight);
                assert_eq!(makespan, work + behind * (forward + backward - weight), "{stages} stages, {micro_batches}");
                for held in timeline.memory(&Memory::counting(stages)).unwrap() {
                    assert!(held.peak <= stages as f64, "{held:?}");
                }
            }
        }
    }
}

/// What goes from a part to the next one on the same stage goes over no link, and counts nowhere.
#[test]
fn parts_of_one_stage_send_nothing() {
    let schedule = Schedule::interleaved(1, 2, 3).unwrap();
    for sending in Sending::ALL {
        let mut timeline = Timeline::new(&schedule, sending).unwrap();
        let durations = Durations {
            forward_link: vec![50.0],
            backward_link: vec![50.0],
            forward_latency: vec![50.0],
            ..equal(2, [1.0, 2.0, 0.0])
        };
        assert_eq!(timeline.run(&durations), Ok(18.0));
        assert_eq!(timeline.least_makespan_s(), 18.0);
        assert_eq!(timeline.machines().count(), 1);
    }
}

/// Cutting micro-batches into slices is what more micro-batches are, where the slices are alike.
#[test]
fn equal_slices_run_as_micro_batches_do() {
    for (slices, micro_batches) in [(1, 8), (2, 4), (4, 2), (8, 1)] {
        let schedule = Schedule::token_slices(3, micro_batches, slices, Passes::Both).unwrap();
        let mut timeline = Timeline::new(&schedule, Sending::Overlapped).unwrap();
        let each = |time: f64, number: usize| vec![time; number * slices as usize];
        let durations = Durations {
            forward: each(1.0, 3),
            backward: each(2.0, 3),
            forward_link: each(0.5, 2),
            backward_link: each(0.25, 2),
            ..Durations::default()
        };
        assert_eq!(timeline.run(&durations), Ok(3.0 + 1.0 + 7.0 + 6.0 + 0.5 + 14.0));
        assert_eq!(timeline.memory(&Memory::counting(3)).unwrap()[0].peak, 8.0);
        assert_eq!(flat(&durations).len() + 4, timeline.layout().len());
    }
}

#[test]
fn sizes_out_of_range_are_refused_by_name() {
    let refused = |result: Result<Schedule, ScheduleError>, words: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{words} is not in {error}");
    };
    let kind = ScheduleKind::FillDrain;
    refused(Schedule::of(kind, 0, 1), "stages = 0: must be an integer in [1, ");
    refused(Schedule::of(kind, 1, 0), "micro_batches = 0: must be an integer in [1, ");
    refused(Schedule::of(kind, usize::MAX, 1), "stages = 18446744073709551615");
    refused(Schedule::of(kind, 10_000, 10_000), "10000 stages x 1 chunks x 10000 micro-batches");
    refused(Schedule::interleaved(4, 2, 6), "micro_batches = 6: must be a multiple of the number of stages, 4");
    refused(Schedule::interleaved(4, u32::MAX, u32::MAX), "chunks = 4294967295");
    refused(Schedule::token_slices(4, 1, 0, Passes::Both), "slices = 0");
    let many = Shape { slices: u32::MAX, ..Shape::plain(2, u32::MAX) };
    refused(Schedule::own(many, vec![Vec::new(); 2]), "micro_batches = 2 positions x 4294967295 x 4294967295");
    let far = Shape { placement: vec![0, u32::MAX], ..Shape::plain(2, 1) };
    refused(Schedule::own(far, vec![Vec::new(); 2]), "placement[1] = 4294967295");
}

#[test]
fn durations_out_of_range_are_refused_by_name() {
    let schedule = Schedule::of(ScheduleKind::OneForwardOneBackward, 2, 3).unwrap();
    let mut timeline = Timeline::new(&schedule, Sending::Overlapped).unwrap();
    let good = equal(2, [1.0, 2.0, 0.0]);
    let mut refused = |durations: Durations, words: &str| {
        let error = timeline.run(&durations).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error} does not start with {words}");
    };
    refused(Durations { forward: vec![1.0], ..good.clone() }, "forward = a list of 1: must be a list of 2");
    refused(Durations { backward: Vec::new(), ..good.clone() }, "backward = a list of 0: must be a list of 2");
    refused(Durations { weight: vec![1.0; 2], ..good.clone() }, "weight = a list of 2: must be a list of 0, because");
    for (bad, shown) in [(f64::NAN, "NaN"), (-1.0, "-1.0"), (f64::INFINITY, "inf"), (1e-40, "1e-40")] {
        let words = format!("backward_link[0] = {shown}: must be 0 or");
        refused(Durations { backward_link: vec![bad], ..good.clone() }, &words);
    }
    assert!(timeline.run_flat(&[1.0; 7]).unwrap_err().to_string().starts_with("durations = a list of 7"));
    assert!(timeline.run_flat(&[f64::NAN; 8]).unwrap_err().to_string().starts_with("durations[0] = NaN"));
    assert!(
        timeline.run_flat(&[-1e-9; 8]).unwrap_err().to_string().starts_with("durations[0] = -1e-9: must be a finite")
    );
    // Computed times may be of any size.
    let ones = timeline.run_flat(&[1.0; 8]).unwrap();
    assert_eq!(timeline.run_flat(&[f64::MIN_POSITIVE; 8]), Ok(ones * f64::MIN_POSITIVE));
    assert_eq!(timeline.run_flat(&[1e308; 8]), Ok(f64::INFINITY));
    for error in [timeline.to_svg(Drawing::default()), timeline.to_chrome_trace(&Memory::counting(2))] {
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "makespan_s = inf: must be a finite number, to be drawn");
    }
    assert_eq!(timeline.run(&good), Ok(12.0));
    // Whatever is refused leaves the last run as it was.
    let counts = timeline.critical_counts().to_vec();
    let bad = Durations { forward: vec![7.0; 2], backward: vec![f64::NAN; 2], ..good };
    assert!(timeline.run(&bad).is_err() && timeline.run_flat(&[-1.0; 8]).is_err());
    assert_eq!((timeline.makespan_s(), timeline.critical_counts()), (12.0, &counts[..]));
}
