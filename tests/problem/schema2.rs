//! Schema 2 by hand: what each of its fields changes, against closed forms.

use approx::assert_relative_eq;
use collapipe::problem::*;
use collapipe::schedule::ScheduleKind;
use collapipe::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};
use collapipe::solver::{Settings, SolveError, solve};
use collapipe::units::*;
use nalgebra::DMatrix;

use crate::small;

/// The small problem in schema 2: overhead for every message, no propagation.
pub fn spec() -> SlotSpec {
    let mut spec = small::spec();
    spec.schema = Schema::V2;
    let cluster = &mut spec.clusters[0];
    cluster.hop_overhead_s = std::mem::take(&mut cluster.hop_latency_s);
    spec
}

/// The same without ends, parameters, upload, messages and overheads of hops: computing alone.
fn home(schedule: ScheduleKind) -> (SlotSpec, Decision) {
    let mut spec = spec();
    spec.plans[0].schedule = schedule;
    let equal = spec.encoder.equal().unwrap();
    let block = Block { boundary_bits_per_sample: Bits(0.0), parameter_bits: Bits(0.0), ..equal.block() };
    spec.encoder = Chain { input_bits_per_sample: Bits(0.0), blocks: vec![block; 4] }.into();
    let cluster = &mut spec.clusters[0];
    (cluster.embedding, cluster.decoder, cluster.upload_bits) = (None, None, Bits(0.0));
    cluster.hop_overhead_s = PerPair::default();
    let mut decision = small::decision();
    decision.clusters[0] = ClusterDecision {
        active: vec![DeviceId(0), DeviceId(1)],
        sizes: vec![1, 3],
        forward: vec![None],
        backward: if schedule.has_backward() { vec![None] } else { Vec::new() },
        collection_power_w: vec![None; 2],
        distribution_power_w: vec![None; 2],
        upload: None,
        ..ClusterDecision::default()
    };
    (spec, decision)
}

fn evaluated(spec: &SlotSpec, decision: &Decision) -> Evaluation {
    evaluate(&SlotProblem::new(spec.clone()).unwrap(), decision).unwrap()
}

/// Stage times of the small devices with 1 and 3 blocks: F and B.
const TIMES: [(f64, f64); 2] = [(0.032, 0.092), (0.076, 0.256)];

#[test]
fn overheads_are_paid_by_every_message_and_latencies_delay() {
    let before = evaluated(&small::spec(), &small::decision());
    let after = evaluated(&spec(), &small::decision());
    let (old, new) = (before.clusters[0].parts, after.clusters[0].parts);
    assert_eq!((old.forward, old.backward), (new.forward, new.backward));
    assert_relative_eq!(new.collection.0, old.collection.0 + 2.0 * 0.005, max_relative = 1e-14);
    assert_relative_eq!(new.distribution.0, old.distribution.0 + 2.0 * 0.005, max_relative = 1e-14);
    assert_relative_eq!(new.upload.0, old.upload.0 + 0.005, max_relative = 1e-14);
    assert_eq!(before.terms.transmit_energy, after.terms.transmit_energy);

    // Propagation stands in the sums: three hops, twice in two iterations; and once in each of the other messages.
    let mut late = spec();
    late.clusters[0].hop_latency_s = Seconds(1.0).into();
    let late = evaluated(&late, &small::decision()).clusters[0].parts;
    assert_relative_eq!(late.forward.0, new.forward.0 + 2.0 * 3.0, max_relative = 1e-14);
    assert_relative_eq!(late.backward.0, new.backward.0 + 2.0 * 3.0, max_relative = 1e-14);
    assert_relative_eq!(late.collection.0, new.collection.0 + 2.0, max_relative = 1e-14);
    assert_relative_eq!(late.upload.0, new.upload.0 + 1.0, max_relative = 1e-14);

    // A matrix has one for each direction: from node 1 to node 2 only, forward.
    let mut one_way = spec();
    let mut matrix = DMatrix::from_element(4, 4, Seconds(0.0));
    matrix[(1, 2)] = Seconds(1.0);
    one_way.clusters[0].hop_latency_s = PerPair::Pairs(matrix);
    let one_way = evaluated(&one_way, &small::decision()).clusters[0].parts;
    assert_relative_eq!(one_way.forward.0, new.forward.0 + 2.0, max_relative = 1e-14);
    assert_eq!(one_way.backward, new.backward);
}

#[test]
fn one_forward_one_backward_by_hand() {
    let (spec, decision) = home(ScheduleKind::OneForwardOneBackward);
    let [(f0, b0), (f1, b1)] = TIMES;
    // The second stage sets the pace: it starts after one forward of the first and never waits.
    let parts = evaluated(&spec, &decision).clusters[0].parts;
    assert_relative_eq!(parts.forward.0, 2.0 * (f0 + 4.0 * f1), max_relative = 1e-14);
    assert_relative_eq!(parts.backward.0, 2.0 * (4.0 * b1 + b0), max_relative = 1e-14);
    assert_relative_eq!(parts.total().0, 0.125 + parts.forward.0 + parts.backward.0, max_relative = 1e-14);
}

#[test]
fn fill_drain_and_forward_only_without_ends() {
    let [(f0, b0), (f1, b1)] = TIMES;
    let (spec, decision) = home(ScheduleKind::FillDrain);
    let both = evaluated(&spec, &decision);
    assert_relative_eq!(both.clusters[0].parts.forward.0, 2.0 * (f0 + 4.0 * f1), max_relative = 1e-14);
    assert_relative_eq!(both.clusters[0].parts.backward.0, 2.0 * (b0 + 4.0 * b1), max_relative = 1e-14);
    let (spec, decision) = home(ScheduleKind::ForwardOnly);
    let forward = evaluated(&spec, &decision);
    assert_eq!(forward.clusters[0].parts.forward, both.clusters[0].parts.forward);
    assert_eq!(forward.clusters[0].parts.backward, Seconds(0.0));
    // Backward work is twice the forward work.
    assert_relative_eq!(forward.terms.compute_energy, both.terms.compute_energy / 3.0, max_relative = 1e-14);
}

#[test]
fn memory_follows_the_schedule() {
    // 3 blocks and the samples of one micro-batch at a time, of all four, and of one in flight.
    for (schedule, samples) in
        [(ScheduleKind::OneForwardOneBackward, 2.0), (ScheduleKind::FillDrain, 8.0), (ScheduleKind::ForwardOnly, 2.0)]
    {
        let (mut spec, decision) = home(schedule);
        let need = 3.0 * (6e5 + 5e4 * samples);
        spec.clusters[0].devices[1].memory_bytes = Bytes(need);
        assert!(evaluated(&spec, &decision).feasibility.is_feasible(0.0), "{schedule}");
        spec.clusters[0].devices[1].memory_bytes = Bytes(need / 2.0);
        let report = evaluated(&spec, &decision).feasibility;
        let expected = Constraint::Memory { cluster: 0, device: DeviceId(1) };
        assert_eq!(report.violations.len(), 1, "{report}");
        assert_eq!(report.violations[0].constraint, expected);
        assert_relative_eq!(report.violations[0].amount, 1.0, max_relative = 1e-12);
    }
}

/// The first of two stages has two micro-batches in flight under 1F1B, and keeps the weights of both.
#[test]
fn stashed_weights_are_held_once_per_micro_batch_in_flight() {
    let (mut spec, mut decision) = home(ScheduleKind::OneForwardOneBackward);
    decision.clusters[0].sizes = vec![3, 1];
    let Encoder::Chain(chain) = &mut spec.encoder else { panic!("no chain") };
    chain.blocks.iter_mut().for_each(|block| block.parameter_bits = Bits(8.0 * 2e5));
    let joined = spec.clusters[0].gain_to_noise_hz_per_w.get(NodeId(1), NodeId(0)) > 0.0;
    assert!(joined);
    decision.clusters[0].collection_power_w = vec![Some(Watts(0.1)); 2];
    decision.clusters[0].distribution_power_w = vec![Some(Watts(0.1)); 2];
    for (stash_weights, per_block) in [(false, 6e5 + 5e4 * 4.0), (true, 6e5 + 5e4 * 4.0 + 2e5)] {
        spec.plans[0].stash_weights = stash_weights;
        for (room, feasible) in [(1.0, true), (0.999, false)] {
            spec.clusters[0].devices[0].memory_bytes = Bytes(3.0 * per_block * room);
            let broken = evaluated(&spec, &decision).feasibility;
            let memory = Constraint::Memory { cluster: 0, device: DeviceId(0) };
            assert_eq!(broken.violations.iter().any(|one| one.constraint == memory), !feasible, "{broken}");
        }
    }
}

#[test]
fn tables_and_chains_replace_rates() {
    let (mut spec, decision) = home(ScheduleKind::FillDrain);
    let table = |seconds: [f64; 4]| seconds.map(Seconds).to_vec();
    spec.clusters[0].devices[1].block_seconds_per_sample =
        Some(BlockSeconds { forward: table([9.0, 0.1, 0.2, 0.3]), backward: table([9.0, 1.0, 2.0, 3.0]) });
    let slow = evaluated(&spec, &decision);
    let (f, b) = (0.01 + 3.0 * 0.002 + 2.0 * 0.6, 0.01 + 3.0 * 0.002 + 2.0 * 6.0);
    assert_relative_eq!(slow.clusters[0].parts.forward.0, 2.0 * (TIMES[0].0 + 4.0 * f), max_relative = 1e-14);
    assert_relative_eq!(slow.clusters[0].parts.backward.0, 2.0 * (TIMES[0].1 + 4.0 * b), max_relative = 1e-14);
    // Energy stays work times joules per FLOP.
    spec.clusters[0].devices[1].block_seconds_per_sample = None;
    assert_eq!(slow.terms.compute_energy, evaluated(&spec, &decision).terms.compute_energy);

    let Encoder::Chain(chain) = &mut spec.encoder else { panic!("a chain") };
    chain.blocks[3].forward_flops_per_sample = Flops(4e7);
    let uneven = evaluated(&spec, &decision);
    let f = 0.01 + 3.0 * 0.002 + 2.0 * 6e7 / 1e9;
    assert_relative_eq!(uneven.clusters[0].parts.forward.0, 2.0 * (TIMES[0].0 + 4.0 * f), max_relative = 1e-14);
}

#[test]
fn cables_and_shared_media() {
    let mut spec = spec();
    let link = FixedLink {
        from: NodeId(1),
        to: NodeId(2),
        bits_per_second: BitsPerSecond(1e6),
        joules_per_bit: JoulesPerBit(1e-6),
        shares_band: false,
    };
    spec.clusters[0].fixed_links = vec![link];
    let mut decision = small::decision();
    decision.clusters[0].forward[1] = None;
    let cable = evaluated(&spec, &decision);
    // 2e5 bits a micro-batch, 8 of them at 1e-6 J/bit, price 2, instead of 0.1 s of 3 W at efficiency 1/2 and 0.5 W.
    let radio = evaluated(&self::spec(), &small::decision());
    let change = 8.0 * 2.0 * (2e5 * 1e-6 - 0.1 * (3.0 / 0.5 + 0.5));
    assert_relative_eq!(cable.terms.transmit_energy - radio.terms.transmit_energy, change, max_relative = 1e-12);
    // The slowest machine of the forward phase is now the cable: 0.2 s and 0.005 s, instead of 0.1 s.
    let forward = 2.0 * (0.216 + 3.0 * 0.105 + 3.0 * 0.205);
    assert_relative_eq!(
        radio.clusters[0].parts.forward.0,
        2.0 * (0.116 + 3.0 * 0.105 + 3.0 * 0.105),
        max_relative = 1e-13
    );
    assert_relative_eq!(cable.clusters[0].parts.forward.0, forward, max_relative = 1e-13);

    // A shared medium runs at its share: 1.5 of 3 MHz.
    spec.clusters[0].fixed_links[0].shares_band = true;
    let error = evaluate(&SlotProblem::new(spec.clone()).unwrap(), &decision).unwrap_err().to_string();
    assert_eq!(error, "clusters[0].forward[1] = null: must be given: node 1 sends 200000 bit to node 2");
    decision.clusters[0].forward[1] = Some(Link { bandwidth_hz: Hertz(1.5e6), power_w: Watts(0.0) });
    let medium = evaluated(&spec, &decision);
    assert_eq!(medium.terms.transmit_energy, cable.terms.transmit_energy);
    let forward = 2.0 * (0.316 + 3.0 * 0.105 + 0.1 + 3.0 * 0.405);
    assert_relative_eq!(medium.clusters[0].parts.forward.0, forward, max_relative = 1e-13);
    // Its share counts in the band.
    let report = medium.feasibility;
    assert_eq!(report.to_string(), "clusters[0].forward: bandwidths sum to 3.5e6 Hz, limit 3e6 Hz");
}

#[test]
fn nothing_joins_two_nodes() {
    let mut spec = spec();
    spec.clusters[0].gain_to_noise_hz_per_w.0[(1, 2)] = 0.0;
    for schedule in [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward] {
        spec.plans[0].schedule = schedule;
        let evaluation = evaluated(&spec, &small::decision());
        assert!(evaluation.feasibility.worst().is_infinite());
        assert!(evaluation.objective.is_infinite() && !evaluation.objective.is_nan());
    }
}

#[test]
fn forward_and_backward_share_the_band_where_they_take_turns() {
    let (mut spec, mut decision) = (spec(), small::decision());
    spec.plans[0].schedule = ScheduleKind::EagerOneForwardOneBackward;
    let report = evaluated(&spec, &decision).feasibility;
    assert_eq!(report.violations.len(), 1, "{report}");
    assert_eq!(report.violations[0].constraint, Constraint::SharedBand { cluster: 0 });
    assert_relative_eq!(report.violations[0].amount, 1.0, max_relative = 1e-12);
    for phase in Phase::BOTH {
        decision.clusters[0].links_mut(phase).iter_mut().flatten().for_each(|link| link.bandwidth_hz = Hertz(5e5));
    }
    assert!(evaluated(&spec, &decision).feasibility.is_feasible(0.0));
}

#[test]
fn order_limits_and_deadline() {
    let mut decision = small::decision();
    let chosen = &mut decision.clusters[0];
    (chosen.active, chosen.sizes) = (vec![DeviceId(1), DeviceId(0)], vec![3, 1]);
    let mut spec = spec();
    let report = evaluated(&spec, &decision).feasibility;
    let expected = Constraint::Order { cluster: 0, device: DeviceId(0) };
    assert_eq!(report.violations.iter().map(|v| v.constraint).collect::<Vec<_>>(), [expected]);
    spec.order = Order::Free;
    let free = evaluated(&spec, &decision);
    assert!(free.feasibility.is_feasible(0.0), "{}", free.feasibility);
    spec.clusters[0].devices[1].min_blocks = Some(4);
    spec.clusters[0].devices[0].max_blocks = Some(0);
    spec.deadline_s = Some(free.round_latency / 2.0);
    let report = evaluated(&spec, &decision).feasibility;
    let found: Vec<_> = report.violations.iter().map(|v| (v.constraint, v.amount)).collect();
    assert_eq!(found[0], (Constraint::MaxBlocks { cluster: 0, device: DeviceId(0) }, f64::INFINITY));
    assert_eq!(found[1], (Constraint::MinBlocks { cluster: 0, device: DeviceId(1) }, 0.25));
    assert_eq!(found[2].0, Constraint::Deadline { cluster: 0 });
    assert_relative_eq!(found[2].1, 1.0, max_relative = 1e-12);
    assert_eq!(found.len(), 3);
}

#[test]
fn an_even_chain_is_equal_blocks() {
    let spec = spec();
    let equal = *spec.encoder.equal().unwrap();
    let mut chain = spec.clone();
    chain.encoder =
        Chain { input_bits_per_sample: equal.boundary_bits_per_sample, blocks: vec![equal.block(); 4] }.into();
    let (a, b) = (SlotProblem::new(spec).unwrap(), SlotProblem::new(chain).unwrap());
    assert_eq!(a, b);
    let text = a.to_json().unwrap();
    assert!(text.contains("\"input_bits_per_sample\": 100000.0") && text.contains("\"schedule\": \"fill-drain\""));
    assert_eq!(SlotProblem::from_json(&text).unwrap(), a);
}

#[test]
fn what_is_classical() {
    let field = |spec: &SlotSpec| spec.beyond_classical().map(|beyond| beyond.field);
    assert!(small::spec().is_classical());
    let mut spec = spec();
    assert_eq!(field(&spec), Some("clusters[..].hop_overhead_s"));
    spec.clusters[0].hop_overhead_s = PerPair::default();
    assert!(spec.is_classical());
    let beyond = |change: fn(&mut SlotSpec)| {
        let mut other = spec.clone();
        change(&mut other);
        field(&other)
    };
    assert_eq!(beyond(|s| s.order = Order::Free), Some("order"));
    assert_eq!(beyond(|s| s.deadline_s = Some(Seconds(1.0))), Some("deadline_s"));
    assert_eq!(beyond(|s| s.plans[0].schedule = ScheduleKind::ForwardOnly), Some("plans[..].schedule"));
    assert_eq!(beyond(|s| s.plans[0].stash_weights = true), Some("plans[..].stash_weights"));
    assert_eq!(beyond(|s| s.clusters[0].decoder = None), Some("clusters[..].decoder"));
    assert_eq!(beyond(|s| s.clusters[0].hop_latency_s = Seconds(1.0).into()), Some("clusters[..].hop_latency_s"));
    assert_eq!(beyond(|s| s.clusters[0].fixed_links.push(FixedLink::default())), Some("clusters[..].fixed_links"));
    assert_eq!(beyond(|s| s.clusters[0].devices[0].min_blocks = Some(1)), None);
    assert_eq!(beyond(|s| s.clusters[0].devices[0].max_blocks = Some(3)), Some("clusters[..].devices[..].max_blocks"));
}

#[test]
fn the_example_of_the_documentation() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/slot-problem.md")).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let problem = SlotProblem::from_json(rest.split_once("```").unwrap().0).unwrap();
    let decision = Decision {
        plan: 0,
        clusters: vec![ClusterDecision {
            active: vec![DeviceId(1), DeviceId(0)],
            sizes: vec![2, 1],
            forward: vec![Some(Link { bandwidth_hz: Hertz(20e6), power_w: Watts(0.0) })],
            backward: Vec::new(),
            collection_power_w: vec![None; 2],
            distribution_power_w: vec![None; 2],
            upload: None,
            ..ClusterDecision::default()
        }],
    };
    let evaluation = evaluate(&problem, &decision).unwrap();
    assert!(evaluation.feasibility.is_feasible(0.0), "{}", evaluation.feasibility);
    // 3 GFLOP at 80 GFLOP/s, 1 GFLOP at 50 GFLOP/s, half a megabit at 100 Mbit/s with a millisecond of overhead.
    let seconds = 0.0375 + 0.02 + 0.006 + 0.002 + 3.0 * 0.0375;
    assert_relative_eq!(evaluation.round_latency.0, seconds, max_relative = 1e-14);
}

#[test]
fn a_classical_problem_of_either_schema_has_the_same_solution() {
    let mut first = small::spec();
    first.clusters[0].upload_bits = Bits(0.0);
    first.clusters[0].hop_latency_s = PerPair::default();
    let second = SlotProblem::new(SlotSpec { schema: Schema::V2, ..first.clone() }).unwrap();
    let first = SlotProblem::new(first).unwrap();
    let [first, second] = [&first, &second].map(|problem| solve(problem, &Settings::default()).unwrap());
    let (first, second) = (first.certified().unwrap(), second.certified().unwrap());
    assert_eq!(first.objective(), second.objective());
    // Nothing is uploaded: version 2 says so.
    assert!(first.decision.clusters[0].upload.is_some() && second.decision.clusters[0].upload.is_none());
    assert_eq!(first.decision.clusters[0].forward, second.decision.clusters[0].forward);
}

#[test]
fn backends_of_the_classical_problem_refuse_others() {
    let problem = SlotProblem::new(SlotSpec { order: Order::Free, ..spec() }).unwrap();
    let error = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap_err();
    let expected = SolveError::Unsupported { field: "order", value: "\"free\"", instead: "\"given\"" };
    assert_eq!(error, expected);
}
