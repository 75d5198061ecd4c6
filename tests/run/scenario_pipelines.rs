//! Scenarios of pipelines as they run: each key against a slot problem written by hand.

use collapipe::nalgebra::DMatrix;
use collapipe::problem::{
    Block, BlockSeconds, Chain, Encoder, FixedLink, Gains, MediumAccess, NodeId, Order, Overlap, PerPair, Schema,
    SlotProblem, SlotSpec, evaluate,
};
use collapipe::scenario::{Scenario, ScenarioFile};
use collapipe::schedule::ScheduleKind;
use collapipe::simulation::{Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;
use collapipe::units::{Bits, BitsPerSecond, Bytes, Flops, JoulesPerBit, Seconds, SecondsPerByte};

use crate::support::folder;
use crate::support::scenario::{SMALL, changed, line_of, read};

/// The problem of the first slot at these prices of all nodes.
pub fn first(scenario: &Scenario) -> SlotProblem {
    scenario.sampler().next_slot().problem(|node| 0.01 * (node + 1) as f64).unwrap().problem
}

fn first_of(text: &str) -> SlotSpec {
    first(&read(text).unwrap()).into_spec()
}

fn refused(text: &str, words: &[&str]) -> String {
    let error = read(text).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
    error
}

/// The small scenario with keys of the cluster.
pub fn with_cluster(keys: &str) -> String {
    changed(
        "bandwidth_hz = 10e6\n\n[clusters.control_unit]",
        &format!("bandwidth_hz = 10e6\n{keys}\n[clusters.control_unit]"),
    )
}

/// The same, as problem of version 2.
fn version_2(mut spec: SlotSpec) -> SlotSpec {
    spec.schema = Schema::V2;
    spec
}

#[test]
fn every_key_of_the_run_reaches_the_problem() {
    let plain = first_of(SMALL);
    assert_eq!(plain.schema, Schema::V1);
    type Change = fn(&mut SlotSpec);
    let cases: [(String, Change); 12] = [
        (changed("latency_weight = 0.5", "latency_weight = 0.5\norder = \"free\""), |s| s.order = Order::Free),
        (changed("latency_weight = 0.5", "latency_weight = 0.5\ndeadline_s = 30.0"), |s| {
            s.deadline_s = Some(Seconds(30.0))
        }),
        (changed("micro_batches = 2", "micro_batches = 2\nschedule = \"1f1b\""), |s| {
            s.plans[0].schedule = ScheduleKind::OneForwardOneBackward;
        }),
        (changed("micro_batches = 4", "micro_batches = 4\nschedule = \"forward-only\""), |s| {
            s.plans[1].schedule = ScheduleKind::ForwardOnly;
        }),
        (changed("name = \"phone\"", "name = \"phone\"\nmin_blocks = 1\nmax_blocks = 1"), |s| {
            (s.clusters[0].devices[1].min_blocks, s.clusters[0].devices[1].max_blocks) = (Some(1), Some(1));
        }),
        (with_cluster("hop_latency_s = 0.02\nhop_overhead_s = 0.003\n"), |s| {
            s.clusters[0].hop_latency_s = Seconds(0.02).into();
            s.clusters[0].hop_overhead_s = Seconds(0.003).into();
        }),
        (
            with_cluster(
                "hop_latency_s = [[0.0, 0.1, 0.2, 0.3], [1.0, 0.0, 1.2, 1.3], [2.0, 2.1, 0.0, 2.3], [3.0, 3.1, 3.2, 0.0]]\n",
            ),
            |s| {
                let entry = |i: usize, j: usize| if i == j { 0.0 } else { i as f64 + j as f64 / 10.0 };
                let matrix = DMatrix::from_fn(4, 4, |i, j| Seconds(entry(i, j)));
                s.clusters[0].hop_latency_s = PerPair::Pairs(matrix);
            },
        ),
        (
            changed(
                "name = \"phone\"",
                "name = \"phone\"\nblock_seconds_per_sample = { forward = [0.1, 0.2], backward = [0.3, 0.4] }",
            ),
            |s| {
                let [forward, backward] = [[0.1, 0.2], [0.3, 0.4]].map(|list| list.map(Seconds).to_vec());
                s.clusters[0].devices[1].block_seconds_per_sample = Some(BlockSeconds { forward, backward });
            },
        ),
        (
            with_cluster(
                "[[clusters.links]]\nfrom = \"pi\"\nto = \"phone\"\nbits_per_second = 5e7\njoules_per_bit = 1e-8\nboth_ways = true\n",
            ),
            |s| {
                s.clusters[0].fixed_links = [(1, 2), (2, 1)]
                    .map(|(from, to)| FixedLink {
                        from: NodeId(from),
                        to: NodeId(to),
                        bits_per_second: BitsPerSecond(5e7),
                        joules_per_bit: JoulesPerBit(1e-8),
                        shares_band: false,
                    })
                    .into();
            },
        ),
        (with_cluster("medium = \"half-duplex\"\n"), |s| s.clusters[0].medium = MediumAccess::HalfDuplex),
        (with_cluster("medium = \"turns\"\nstaging_s_per_byte = 3e-8\n"), |s| {
            s.clusters[0].medium = MediumAccess::Turns;
            s.clusters[0].staging_s_per_byte = SecondsPerByte(3e-8).into();
        }),
        (
            with_cluster(
                "staging_s_per_byte = 1e-8\n[[clusters.links]]\nfrom = \"pi\"\nradio = true\nstaging_s_per_byte = 2e-8\n",
            ),
            |s| {
                let of = |i, j| SecondsPerByte(if i == 1 && i != j { 2e-8 } else { 1e-8 });
                s.clusters[0].staging_s_per_byte = PerPair::Pairs(DMatrix::from_fn(4, 4, of));
            },
        ),
    ];
    for (text, change) in cases {
        let mut by_hand = version_2(plain.clone());
        change(&mut by_hand);
        assert_eq!(first_of(&text), SlotProblem::new(by_hand).unwrap().into_spec(), "{text}");
        plays(&read(&text).unwrap(), 2);
    }
    // Sends that block are in the first version.
    let blocking = first_of(&changed("latency_weight = 0.5", "latency_weight = 0.5\noverlap = \"none\""));
    assert_eq!(blocking, SlotSpec { overlap: Overlap::None, ..plain });
}

/// Every slot has a decision that keeps every constraint, and costs what the record says.
pub fn plays(scenario: &Scenario, slots: usize) -> RunRecord {
    let mut run = Run::new(scenario, Settings::default()).unwrap();
    let mut states = scenario.sampler();
    let mut kept = Vec::new();
    for slot in run.by_ref().take(slots) {
        let slot = slot.unwrap();
        let SlotOutcome::Planned(planned) = &slot.outcome else { panic!("{:?}", slot.outcome) };
        let prices = slot.energy_prices.clone();
        let instance = states.next_slot().problem(|node| prices[node]).unwrap();
        let decision = slot.among_present(planned.decision.as_ref().unwrap()).unwrap();
        let evaluation = evaluate(&instance.problem, &decision).unwrap();
        assert!(evaluation.feasibility.is_feasible(1e-9), "{}", evaluation.feasibility);
        assert_eq!(evaluation.round_latency, planned.latency_s);
        assert_eq!(instance.energies(scenario, &evaluation.clusters), slot.energy_j);
        assert!(planned.gap.unwrap() <= 1e-6);
        for (cluster, choice) in planned.clusters.iter().zip(&decision.clusters) {
            assert_eq!(cluster.sizes.iter().sum::<u32>(), choice.sizes.iter().sum::<u32>());
            let memory = scenario.spec().clusters[0].devices.iter().map(|d| d.memory_bytes).zip(&cluster.memory_bytes);
            assert!(memory.into_iter().all(|(limit, used)| limit.is_none_or(|limit| used.0 <= limit.0 * 1.000_000_1)));
        }
        kept.push(slot);
    }
    run.record(kept)
}

const CHAIN: &str = r#"[model.chain]
input_bits_per_sample = 1e6
embedding = { forward_flops_per_sample = 1e6, backward_flops_per_sample = 2e6 }
decoder = { forward_flops_per_sample = 3e6, backward_flops_per_sample = 4e6 }

[[model.chain.blocks]]
forward_flops_per_sample = 1e9
backward_flops_per_sample = 2e9
boundary_bits_per_sample = 8e5
parameter_bits = 1e7
resident_bytes = 5e6
activation_bytes_per_sample = 2e5

[[model.chain.blocks]]
forward_flops_per_sample = 3e9
backward_flops_per_sample = 5e9
boundary_bits_per_sample = 2e5
parameter_bits = 4e7
resident_bytes = 2e7
activation_bytes_per_sample = 1e5
"#;

fn with_chain() -> String {
    changed("[model]\npreset = \"bert-tiny\"\nsequence_length = 64\n", CHAIN)
}

#[test]
fn a_chain_is_the_encoder() {
    let scenario = read(&with_chain()).unwrap();
    assert!(scenario.model().is_none());
    assert_eq!(scenario.blocks(), 2);
    let spec = first(&scenario).into_spec();
    let block = |work: [f64; 6]| Block {
        forward_flops_per_sample: Flops(work[0]),
        backward_flops_per_sample: Flops(work[1]),
        boundary_bits_per_sample: Bits(work[2]),
        parameter_bits: Bits(work[3]),
        resident_bytes: Bytes(work[4]),
        activation_bytes_per_sample: Bytes(work[5]),
    };
    let blocks = vec![block([1e9, 2e9, 8e5, 1e7, 5e6, 2e5]), block([3e9, 5e9, 2e5, 4e7, 2e7, 1e5])];
    assert_eq!(spec.encoder, Encoder::Chain(Chain { input_bits_per_sample: Bits(1e6), blocks }));
    let cluster = &spec.clusters[0];
    assert_eq!(cluster.upload_bits, Bits(5e7));
    let unit = collapipe::network::device::DevicePreset::RaspberryPi4.profile();
    let embedding = cluster.embedding.unwrap();
    assert_eq!(embedding.forward_seconds_per_sample, Flops(1e6) / unit.forward_flops_per_second);
    assert_eq!(embedding.backward_seconds_per_sample, Flops(2e6) / unit.backward_flops_per_second);
    assert!(cluster.decoder.is_some());
    plays(&scenario, 3);
    // Without ends it begins and ends on devices, and with parameters that stay nothing else is sent.
    let alone = with_chain().replace("embedding = {", "# {").replace("decoder = {", "# {");
    let alone = alone.replacen("[model.chain]", "[model]\nparameters_stay = true\n[model.chain]", 1);
    let scenario = read(&alone).unwrap();
    let spec = first(&scenario).into_spec();
    assert_eq!((spec.clusters[0].embedding, spec.clusters[0].decoder), (None, None));
    assert_eq!(spec.clusters[0].upload_bits, Bits(0.0));
    let record = plays(&scenario, 3);
    let SlotOutcome::Planned(planned) = &record.slots[0].outcome else { panic!() };
    let decision = &planned.decision.as_ref().unwrap().clusters[0];
    assert_eq!(decision.forward.len() + 1, decision.active.len());
    assert!(decision.upload.is_none() && decision.collection_power_w.iter().all(Option::is_none));
}

#[test]
fn ends_on_devices_are_blocks_of_the_chain() {
    let text = changed("sequence_length = 64\n", "sequence_length = 64\nends = \"on-devices\"\n");
    let scenario = read(&text).unwrap();
    let costs = *scenario.model().unwrap();
    let spec = first(&scenario).into_spec();
    let Encoder::Chain(chain) = &spec.encoder else { panic!("{:?}", spec.encoder) };
    assert_eq!(chain.blocks.len(), costs.blocks as usize + 2);
    let sum = |of: fn(&Block) -> f64| chain.blocks.iter().map(of).sum::<f64>();
    let blocks = f64::from(costs.blocks);
    let forward = costs.embedding.forward_flops_per_sample.0
        + blocks * costs.block.forward_flops_per_sample.0
        + costs.decoder.forward_flops_per_sample.0;
    assert!((sum(|block| block.forward_flops_per_sample.0) / forward - 1.0).abs() < 1e-12);
    // All of the model is sent, and kept with the same bytes per parameter everywhere.
    let parameters = costs.parameters.embedding + costs.parameters.blocks + costs.decoder.parameters;
    assert!((sum(|block| block.parameter_bits.0) / (32.0 * parameters as f64) - 1.0).abs() < 1e-12);
    assert_eq!(Bits(sum(|block| block.parameter_bits.0)), spec.clusters[0].upload_bits);
    let per_parameter = costs.block.resident_bytes_per_block.0 / costs.parameters.per_block as f64;
    assert!((sum(|block| block.resident_bytes.0) / (per_parameter * parameters as f64) - 1.0).abs() < 1e-12);
    plays(&scenario, 2);
    // Nodes that have nothing to do may be left out, others not.
    let alone = text.replacen("ends =", "parameters_stay = true\nends =", 1);
    let (from, to) = (alone.find("[clusters.control_unit]").unwrap(), alone.find("[[clusters.devices]]").unwrap());
    let cable = "[[clusters.links]]\nbits_per_second = 1e8\n\n";
    let alone = format!("{}{cable}{}", &alone[..from], &alone[to..]);
    let (from, to) = (alone.find("[channel.geometric.device_links]").unwrap(), alone.find("[[clusters]]").unwrap());
    let alone = format!("{}{}", &alone[..from], &alone[to..]);
    let scenario = read(&alone).unwrap();
    assert_eq!(first(&scenario).clusters[0].fixed_links.len(), 12);
    let record = plays(&scenario, 3);
    assert!(record.slots.iter().all(|slot| slot.energy_j[0].0 == 0.0));
    refused(
        &alone.replace("parameters_stay = true\n", ""),
        &["clusters[0].control_unit = (missing)", "clusters[0].edge_server"],
    );
}

#[test]
fn links_have_names_wildcards_exceptions_and_latencies_of_their_own() {
    let links = r#"hop_latency_s = 0.5
[[clusters.links]]
bits_per_second = 1e7
shares_band = true
latency_s = 0.25

[[clusters.links]]
from = "control-unit"
to = "edge-server"
radio = true

[[clusters.links]]
from = "phone"
bits_per_second = 2e6
overhead_s = 0.125
"#;
    let spec = first_of(&with_cluster(links));
    let cluster = &spec.clusters[0];
    let rate = |from: usize, to: usize| {
        let link = cluster.fixed_links.iter().find(|link| (link.from.0, link.to.0) == (from, to));
        link.map(|link| (link.bits_per_second.0, link.shares_band))
    };
    for (from, to) in (0..4).flat_map(|from| (0..4).map(move |to| (from, to))).filter(|(from, to)| from != to) {
        let expected = match (from, to) {
            (0, 3) => None,
            (2, _) => Some((2e6, false)),
            _ => Some((1e7, true)),
        };
        assert_eq!(rate(from, to), expected, "{from} to {to}");
        let (from_id, to_id) = (NodeId(from), NodeId(to));
        assert_eq!(cluster.hop_latency_s.get(from_id, to_id), Seconds(0.25));
        assert_eq!(cluster.hop_overhead_s.get(from_id, to_id), Seconds(if from == 2 { 0.125 } else { 0.0 }));
    }
    plays(&read(&with_cluster(links)).unwrap(), 2);
}

#[test]
fn absent_devices_take_their_links_and_latencies_with_them() {
    let text = with_cluster(
        "[[clusters.links]]\nbits_per_second = 1e7\n\n[[clusters.links]]\nfrom = \"phone\"\nto = \"edge-server\"\n\
         bits_per_second = 3e7\nlatency_s = 0.75\n",
    );
    let text = text.replacen("name = \"pi\"", "name = \"pi\"\nabsent_slots = [0]", 1);
    let scenario = read(&text).unwrap();
    let spec = first(&scenario).into_spec();
    let cluster = &spec.clusters[0];
    assert_eq!((cluster.devices.len(), cluster.fixed_links.len()), (1, 6));
    let last = cluster.fixed_links.iter().find(|link| (link.from, link.to) == (NodeId(1), NodeId(2))).unwrap();
    assert_eq!(last.bits_per_second, BitsPerSecond(3e7));
    assert_eq!(cluster.hop_latency_s.get(NodeId(1), NodeId(2)), Seconds(0.75));
    assert_eq!(cluster.hop_latency_s.get(NodeId(0), NodeId(1)), Seconds(0.0));
    assert_eq!(cluster.gain_to_noise_hz_per_w.0.shape(), (3, 3));
    plays(&scenario, 3);
}

#[test]
fn rates_may_change_from_slot_to_slot() {
    let rates = "[[clusters.links]]\nbits_per_second_by_slot = [1e7, 2e7, 0.0]\n";
    let scenario = read(&with_cluster(rates)).unwrap();
    let mut sampler = scenario.sampler();
    for slot in 0..5 {
        let problem = sampler.next_slot().problem(|_| 0.0).unwrap().problem;
        let cluster = &problem.clusters[0];
        let expected = [Some(1e7), Some(2e7), None][slot % 3];
        let found = cluster.fixed_links.first().map(|link| link.bits_per_second.0);
        assert_eq!((cluster.fixed_links.len(), found), (if expected.is_some() { 12 } else { 0 }, expected));
        if expected.is_none() {
            assert_eq!(cluster.gain_to_noise_hz_per_w, Gains(DMatrix::zeros(4, 4)));
        }
    }
    let mut run = Run::new(&scenario, Settings::default()).unwrap();
    let slots: Vec<_> = run.by_ref().take(3).map(Result::unwrap).collect();
    assert!(matches!(slots[1].outcome, SlotOutcome::Planned(_)));
    assert!(!matches!(slots[2].outcome, SlotOutcome::Planned(_)));
    // The same from a file.
    let place = folder("link-traces");
    std::fs::write(place.join("rates.csv"), "trace,second,mbps\nwalk,0,10\nwalk,1,20\nwalk,2,40\n").unwrap();
    let trace = "[[clusters.links]]\ntrace = { file = \"rates.csv\", seconds_per_slot = 2.0 }\n";
    let file = ScenarioFile::parse(&with_cluster(trace), &place).unwrap();
    let scenario = file.build().unwrap();
    let rates = &scenario.spec().clusters[0].links[0].bits_per_second_by_slot;
    assert_eq!((rates.len(), &rates[..3]), (20, &[1e7, 4e7, 2e7].map(BitsPerSecond)[..]));
    // What was read is part of the data: records need no file.
    assert!(Scenario::new(scenario.spec().clone()).is_ok());
    let missing = trace.replace("rates.csv", "none.csv");
    let error = ScenarioFile::parse(&with_cluster(&missing), &place).unwrap().build().unwrap_err().to_string();
    assert!(error.contains("none.csv"), "{error}");
    let unread = ScenarioFile::parse(&with_cluster(trace), &place).unwrap().spec;
    let error = Scenario::new(unread).unwrap_err().to_string();
    assert!(error.contains("clusters[0].links[0].trace") && error.contains("bits_per_second_by_slot"), "{error}");
}

#[test]
fn bad_keys_are_refused_by_name() {
    let link = |keys: &str| with_cluster(&format!("[[clusters.links]]\n{keys}\n"));
    let cases = [
        (link("bits_per_second = -1.0"), "clusters[0].links[0].bits_per_second = -1.0: must be"),
        (link("joules_per_bit = 1e-8"), "clusters[0].links[0].bits_per_second = (missing): must be given"),
        (
            link("bits_per_second = 1e6\nradio = true"),
            "clusters[0].links[0].radio = (given): must be left out where bits_per_second",
        ),
        (link("bits_per_second = 1e6\nlatency_s = -2.0"), "clusters[0].links[0].latency_s = -2.0"),
        (link("bits_per_second = 1e6\noverhead_s = nan"), "clusters[0].links[0].overhead_s = NaN"),
        (link("bits_per_second = 1e6\nfrom = \"phonee\""), "did you mean \\\"phone\\\"?"),
        (
            link("bits_per_second = 1e6\nfrom = \"pi\"\nto = \"pi\""),
            "clusters[0].links[0].to = \"pi\": must be another node than from",
        ),
        (link("bits_per_second_by_slot = [1e6, -1.0]"), "links[0].bits_per_second_by_slot[1] = -1.0"),
        (link("radio = true\nshares_band = true"), "clusters[0].links[0].shares_band"),
        (
            with_cluster("hop_latency_s = [[0.0, 1.0], [1.0, 0.0]]\n"),
            "clusters[0].hop_latency_s = a 2 x 2 matrix: must be a number or a 4 x 4",
        ),
        (with_cluster("hop_overhead_s = -1.0\n"), "clusters[0].hop_overhead_s = -1.0"),
        (changed("latency_weight = 0.5", "latency_weight = 0.5\ndeadline_s = 0.0"), "deadline_s = 0.0: must be"),
        (
            changed("name = \"phone\"", "name = \"phone\"\nmin_blocks = 3\nmax_blocks = 1"),
            "devices[1].min_blocks = 3: must be at most max_blocks",
        ),
        (changed("micro_batches = 2", "micro_batches = 2\nschedule = \"2f2b\""), "2f2b"),
        (
            changed(
                "name = \"phone\"",
                "name = \"phone\"\nblock_seconds_per_sample = { forward = [0.1], backward = [0.3, 0.4] }",
            ),
            "devices[1].block_seconds_per_sample.forward",
        ),
        (
            with_chain().replace("parameter_bits = 1e7", "parameter_bits = -1.0"),
            "model.chain.blocks[0].parameter_bits = -1.0",
        ),
        (
            with_chain().replace("forward_flops_per_sample = 3e6", "forward_flops_per_sample = -3e6"),
            "model.chain.decoder.forward_flops_per_sample = -3000000.0",
        ),
        (
            with_chain().replacen("[model.chain]", "[model]\npreset = \"gpt2\"\n[model.chain]", 1),
            "model.preset = (given): must be left out where model.chain",
        ),
        (
            with_chain().replacen("[model.chain]", "[model.chain]\nmeasured_at_flops_per_second = 1e9", 1),
            "model.chain.measured_at_flops_per_second",
        ),
        (
            with_chain().replacen("[model.chain]", "[model.chain]\nprofile = { file = \"x.csv\" }", 1),
            "model.chain.blocks = (given): must be left out",
        ),
    ];
    for (text, message) in cases {
        let error = read(&text).unwrap_err().to_string();
        let message = message.replace("\\\"", "\"");
        assert!(error.contains(&message), "{message:?} is not in {error}");
    }
    let text = link("bits_per_second = 0.0");
    let line = line_of(&text, "bits_per_second = 0.0");
    refused(&text, &[&format!("line {line}:")]);
}
