//! Scenarios of pipelines as they run: tables of layers, scenarios to begin with, and which policies play them.

use std::fs;

use collapipe::problem::{Block, Encoder};
use collapipe::scenario::{PRESETS, Scenario, ScenarioFile, preset};
use collapipe::simulation::{Effort, PolicyKind, Run, RunRecord, SlotOutcome};
use collapipe::solver::Settings;
use collapipe::units::{Bits, Bytes, Flops, Seconds};

use crate::scenario_pipelines::{first, plays, with_cluster};
use crate::support::scenario::{SMALL, changed, read};
use crate::support::{folder, shared};

#[test]
fn profiles_of_layers_are_chains_and_tables_of_devices() {
    let place = folder("profiles");
    fs::write(
        place.join("layers.csv"),
        "model,layer,forward_ms,backward_ms,output_bytes,parameter_bytes\na,one,2,4,800,1e6\na,two,6,8,400,3e6\nb,x,1,1,1,1\n",
    )
    .unwrap();
    let chain = "[model.chain]\nmeasured_at_flops_per_second = 1e9\n\
                 profile = { file = \"layers.csv\", only = { model = \"a\" }, samples = 2 }\n\
                 embedding = { forward_flops_per_sample = 1e6, backward_flops_per_sample = 2e6 }\n\
                 decoder = { forward_flops_per_sample = 1e6, backward_flops_per_sample = 2e6 }\n";
    let text = changed("[model]\npreset = \"bert-tiny\"\nsequence_length = 64\n", chain);
    let text = text.replacen(
        "name = \"phone\"",
        "name = \"phone\"\nprofile = { file = \"layers.csv\", only = { model = \"a\" } }",
        1,
    );
    let build = |text: &str| ScenarioFile::parse(text, &place).unwrap().build();
    let scenario = build(&text).unwrap();
    let spec = first(&scenario).into_spec();
    let Encoder::Chain(found) = &spec.encoder else { panic!() };
    assert_eq!(
        found.blocks[1],
        Block {
            forward_flops_per_sample: Flops(3e6),
            backward_flops_per_sample: Flops(4e6),
            boundary_bits_per_sample: Bits(1600.0),
            parameter_bits: Bits(2.4e7),
            resident_bytes: Bytes(3e6),
            activation_bytes_per_sample: Bytes(200.0),
        }
    );
    let table = spec.clusters[0].devices[1].block_seconds_per_sample.as_ref().unwrap();
    assert_eq!((table.forward[1], table.backward[0]), (Seconds(0.006), Seconds(0.004)));
    plays(&scenario, 2);
    let cases = [
        (text.replace("only = { model = \"a\" }, samples", "samples"), "column model holds a, b"),
        (text.replacen("layers.csv", "none.csv", 1), "model.chain.profile: "),
        (text.replace("samples = 2", "samples = 0"), "model.chain.profile.samples = 0"),
        (
            text.replace("measured_at_flops_per_second = 1e9\n", ""),
            "model.chain.measured_at_flops_per_second = (missing)",
        ),
    ];
    for (text, message) in cases {
        let error = build(&text).unwrap_err().to_string();
        assert!(error.contains(message), "{message:?} is not in {error}");
    }
    let unread = ScenarioFile::parse(&text, &place).unwrap().spec;
    let error = Scenario::new(unread).unwrap_err().to_string();
    assert!(error.contains("model.chain.profile"), "{error}");
}

#[test]
fn published_profiles_load() {
    let Some(data) = shared("data") else { return };
    let cases = [
        ("pipelines/pipedream_layer_profiles.csv", "only = { model = \"vgg16\" }, order_by = \"order\"", Some(12)),
        ("pipelines/dnnpart_bert24_training_layers.csv", "order_by = \"node\"", None),
        (
            "devices/edge_training_layer_profiles.csv",
            "only = { model = \"vgg19\", dataset = \"CIFAR\", device = \"d1\" }, samples = 128",
            None,
        ),
        (
            "devices/pipeedge_vit_sublayer_profile.csv",
            "only = { model = \"google/vit-base-patch16-224\", device = \"Minnowboard-E3845\", link_mbps = \"1000\", mem_mb = \"2048\" }, samples = 8",
            None,
        ),
    ];
    for (file, rows, least) in cases {
        let chain = format!(
            "[model]\nparameters_stay = true\n[model.chain]\nmeasured_at_flops_per_second = 1e10\n\
             profile = {{ file = \"{file}\", {rows} }}\n"
        );
        let text = changed("[model]\npreset = \"bert-tiny\"\nsequence_length = 64\n", &chain);
        let text = text.replace("[[clusters.devices]]", "[[clusters.devices]]\nmemory_bytes = 1e12");
        let scenario =
            ScenarioFile::parse(&text, &data).unwrap().build().unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(scenario.blocks() >= least.unwrap_or(10), "{file}: {}", scenario.blocks());
        plays(&scenario, 1);
    }
}

#[test]
fn policies_that_know_the_classical_problem_alone_say_so() {
    let text = with_cluster("[[clusters.links]]\nbits_per_second = 1e8\n");
    let scenario = read(&text).unwrap();
    assert_eq!(scenario.beyond_classical().unwrap().field, "clusters[..].links");
    assert!(read(SMALL).unwrap().beyond_classical().is_none());
    let mut refused = Vec::new();
    for kind in PolicyKind::ALL.iter().copied().chain([PolicyKind::FixedMicroBatch { micro_batches: 4 }]) {
        if kind == PolicyKind::NoPipeline {
            // The small scenario has no plan of one micro-batch.
            continue;
        }
        let Ok(policy) = kind.build(Settings::default(), 1) else { continue };
        match Run::with_policy(&scenario, policy) {
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("clusters[..].links") && error.contains(&kind.to_string()), "{error}");
                refused.push(kind);
            }
            Ok(mut run) => {
                let slot = run.next().unwrap().unwrap();
                assert!(matches!(slot.outcome, SlotOutcome::Planned(_)), "{kind}: {:?}", slot.outcome);
            }
        }
    }
    for kind in [PolicyKind::Exact, PolicyKind::LatencyOnly, PolicyKind::FixedPlan] {
        assert!(!refused.contains(&kind), "{kind}");
    }
    for kind in [PolicyKind::Random, PolicyKind::SplitFed, PolicyKind::UniformSegments, PolicyKind::Myopic] {
        assert!(refused.contains(&kind), "{kind}");
    }
}

#[test]
fn presets_play_with_and_without_budgets() {
    assert!(preset("cloud").is_none());
    for (name, _) in &PRESETS[1..] {
        let text = preset(name).unwrap();
        let unlimited: String =
            text.lines().filter(|line| !line.starts_with("budget")).map(|l| format!("{l}\n")).collect();
        let mut latency = Vec::new();
        for text in [text, &unlimited] {
            let mut file = ScenarioFile::parse(text, "".as_ref()).unwrap();
            file.spec.slots = 6;
            let scenario = file.build().unwrap();
            let record = plays(&scenario, 6);
            assert!(record.slots.iter().any(|slot| slot.energy_j.iter().any(|spent| spent.0 > 0.0)));
            let again: RunRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
            assert_eq!(again, record);
            let seconds = record.slots.iter().map(|slot| match &slot.outcome {
                SlotOutcome::Planned(planned) => planned.latency_s.0,
                _ => f64::INFINITY,
            });
            latency.push(seconds.sum::<f64>());
            // Looking back solves every slot again, coarsely.
            record.compare(&scenario, Settings::default(), Effort::Quick).unwrap();
        }
        assert!(latency[1] <= latency[0] * 1.000_001, "{name}: {latency:?}");
    }
}
