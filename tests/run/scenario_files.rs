//! Scenario files: what is accepted, and that every bad file is refused with line and field.

use collapipe::scenario::{BUILTIN, Scenario, ScenarioSpec};
use collapipe::units::{Bytes, FlopsPerSecond, Joules};

use crate::support::scenario::{SMALL, changed, line_of, read};

fn refused(text: &str, words: &[&str]) -> String {
    let error = read(text).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
    error
}

#[test]
fn the_built_in_scenario_is_valid_and_survives_json() {
    let scenario = read(BUILTIN).unwrap();
    assert_eq!(scenario.spec().slots, 500);
    assert_eq!(scenario.spec().clusters.len(), 2);
    assert_eq!(scenario.model().unwrap().parameters.total(), 109_482_240);
    let json = serde_json::to_string(scenario.spec()).unwrap();
    let spec: ScenarioSpec = serde_json::from_str(&json).unwrap();
    assert_eq!(&spec, scenario.spec());
    assert!(Scenario::new(spec).is_ok());
}

#[test]
fn fields_override_presets() {
    let text = changed(
        "preset = \"phone-note10\"",
        "preset = \"phone-note10\"\nmemory_bytes = 5e8\nforward_flops_per_second = 7e9",
    );
    let scenario = read(&text).unwrap();
    let instance = scenario.sampler().next_slot().problem(|_| 0.0).unwrap();
    let phone = &instance.problem.clusters[0].devices[1];
    assert_eq!(phone.memory_bytes, Bytes(5e8));
    assert_eq!(phone.forward_flops_per_second, FlopsPerSecond(7e9));
    let preset = collapipe::network::device::DevicePreset::PhoneNote10.profile();
    assert_eq!(phone.backward_flops_per_second, preset.backward_flops_per_second);
    assert_eq!(scenario.budgets(), [Some(Joules(0.5)), Some(Joules(2.0)), None]);
}

#[test]
fn devices_and_models_can_do_without_presets() {
    let explicit = "forward_flops_per_second = 5e9\nbackward_flops_per_second = 4e9\njoules_per_flop = 1e-9\n\
        memory_bytes = 1e9\nstage_overhead_s = 0.0\nblock_overhead_s = 0.0\nmax_power_w = 0.2\ncircuit_power_w = 0.5\n\
        amplifier_efficiency = 0.4";
    let text = changed("preset = \"phone-note10\"", explicit);
    let transformer = "[model.transformer]\nlayers = 3\nwidth = 64\nfeed_forward = 256\nheads = 2\nsequence_length = 16\n\
        family = { kind = \"encoder\", vocabulary = 100, max_positions = 32, token_types = 2, pooler = true }\n\
        head = { kind = \"classifier\", classes = 2 }";
    let text = text.replace("[model]\npreset = \"bert-tiny\"\nsequence_length = 64", transformer);
    let scenario = read(&text).unwrap();
    assert_eq!(scenario.blocks(), 3);
    // Without its memory the device is incomplete.
    let error = refused(&text.replace("memory_bytes = 1e9\n", ""), &["clusters[0].devices[1].memory_bytes", "preset"]);
    let device = text.match_indices("[[clusters.devices]]").nth(1).unwrap().0;
    let line = text[..device].lines().count() + 1;
    assert!(error.starts_with(&format!("line {line}: ")), "{error}");
}

#[test]
fn unknown_fields_everywhere() {
    for (table, path) in [
        ("seed = 1", "colour"),
        ("preset = \"bert-tiny\"", "colour"),
        ("micro_batches = 2", "colour"),
        ("carrier_hz = 2.0e9", "colour"),
        ("batch_size = 8", "colour"),
        ("preset = \"raspberry-pi-4\"", "colour"),
        ("preset = \"rtx-3090\"", "colour"),
        ("name = \"phone\"", "colour"),
    ] {
        let text = changed(table, &format!("{table}\ncolour = \"red\""));
        let line = line_of(&text, "colour");
        refused(&text, &[&format!("line {line}, column 1"), "unknown field", path]);
    }
}

#[test]
fn wrong_types() {
    for (from, to) in [
        ("slots = 20", "slots = \"many\""),
        ("slots = 20", "slots = 2.5"),
        ("slots = 20", "slots = -1"),
        ("latency_weight = 0.5", "latency_weight = true"),
        ("batch_size = 8", "batch_size = 8.5"),
    ] {
        let text = changed(from, to);
        refused(&text, &[&format!("line {}", line_of(&text, to))]);
    }
}

#[test]
fn values_out_of_range_name_line_path_value_and_range() {
    for (from, to, words) in [
        ("slots = 20", "slots = 0", &["slots = 0", "[1, 10000000]"][..]),
        ("latency_weight = 0.5", "latency_weight = nan", &["latency_weight = NaN", "finite"]),
        ("latency_weight = 0.5", "latency_weight = -1.0", &["latency_weight = -1", "must be"]),
        ("latency_weight = 0.5", "latency_weight = inf", &["latency_weight = inf"]),
        ("batch_size = 8", "batch_size = 0", &["clusters[0].batch_size = 0"]),
        ("micro_batches = 4", "micro_batches = 3", &["plans[1].micro_batches = 3", "divisor", "batch_size = 8"]),
        ("budget_j_per_round = 2.0", "budget_j_per_round = 0.0", &["clusters[0].devices[0].budget_j_per_round"]),
        ("budget_j_per_round = 0.5", "budget_j_per_round = -3.0", &["clusters[0].control_unit.budget_j_per_round"]),
        ("name = \"phone\"", "name = \"pi\" # twice", &["clusters[0].devices[1].name", "no other device"]),
        ("name = \"phone\"", "absence_probability = 1.5\nname = \"phone\"", &["absence_probability = 1.5", "[0, 1]"]),
        ("name = \"phone\"", "memory_bytes = -1.0\nname = \"phone\"", &["clusters[0].devices[1].memory_bytes"]),
        ("carrier_hz = 2.0e9", "carrier_hz = 5.0e9", &["channel.geometric.device_links.carrier_hz", "1.92e9"]),
        ("sequence_length = 64", "sequence_length = 9999", &["model.sequence_length = 9999"]),
        ("height_m = 10.0", "height_m = -1.0", &["clusters[0].edge_server.position.height_m"]),
    ] {
        let text = changed(from, to);
        let line = line_of(&text, to.lines().next().unwrap());
        let mut words = words.to_vec();
        let at = format!("line {line}: ");
        words.push(&at);
        refused(&text, &words);
    }
}

#[test]
fn missing_things() {
    refused(&changed("seed = 1\n", ""), &["missing field `seed`"]);
    refused(&changed("position = { x_m = 3.0, y_m = 0.0 }\n", ""), &["clusters[0].devices[0].position", "geometric"]);
    let no_channel = {
        let start = SMALL.find("[channel").unwrap();
        let end = SMALL.find("[[clusters]]").unwrap();
        format!("{}{}", &SMALL[..start], &SMALL[end..])
    };
    refused(&no_channel, &["clusters[0].channel", "missing"]);
    refused(&changed("preset = \"bert-tiny\"\nsequence_length = 64\n", ""), &["model.preset", "model.transformer"]);
    let no_clusters = SMALL[..SMALL.find("[[clusters]]").unwrap()].to_owned();
    refused(&no_clusters, &["missing field `clusters`"]);
}

#[test]
fn empty_truncated_and_not_toml() {
    refused("", &["line 1", "missing field"]);
    refused(&SMALL[..SMALL.find("\"rtx-3090").unwrap() + 5], &["line "]);
    refused("{\"schema\": \"collapipe.scenario/1\"}", &["line 1, column 1"]);
    for end in (0..SMALL.len()).step_by(37) {
        // Wherever it is cut off, a file is read or refused, never a panic.
        let _ = read(&SMALL[..end]);
    }
}

#[test]
fn unknown_names_and_versions() {
    refused(&changed("collapipe.scenario/1", "collapipe.scenario/2"), &["line 1", "collapipe.scenario/2"]);
    refused(&changed("bert-tiny", "bert-huge"), &["bert-huge", "bert-base"]);
    refused(&changed("phone-note10", "toaster"), &["toaster", "raspberry-pi-5"]);
    refused(&changed("rtx-3090", "abacus"), &["abacus", "a100-40gb"]);
    refused(&changed("d2d-indoor", "telepathy"), &["telepathy", "uma"]);
}

#[test]
fn a_model_is_a_preset_or_a_description() {
    let both = changed(
        "[uplink]",
        "[model.transformer]\nlayers = 2\nwidth = 64\nfeed_forward = 256\nheads = 2\nsequence_length = 16\nfamily = { kind = \"decoder\", vocabulary = 100, max_positions = 32 }\nhead = { kind = \"language-model\" }\n\n[uplink]",
    );
    refused(&both, &["model.preset", "left out"]);
    let mixed = both.replace("preset = \"bert-tiny\"\n", "");
    refused(&mixed, &["model.sequence_length", "model.transformer.sequence_length"]);
}

#[test]
fn a_missing_trace_file_is_named() {
    let start = SMALL.find("[channel").unwrap();
    let end = SMALL.find("[[clusters]]").unwrap();
    let trace = "[channel.trace]\nfile = \"nowhere.csv\"\nreference_band_hz = 20e6\nreference_power_w = 0.2\n\
        seconds_per_slot = 1.0\n\n";
    refused(&format!("{}{trace}{}", &SMALL[..start], &SMALL[end..]), &["nowhere.csv"]);
}
