//! Files with faults: the error names the file, the field, its value and what it may hold, for every fault that is found.

use std::path::{Path, PathBuf};

use collapipe::bounds::BoundRequest;
use collapipe::instances::InstanceSize;
use collapipe::problem::{Answer, Decision, SlotProblem};
use collapipe::scenario::{BUILTIN, NoteKind, Scenario, ScenarioFile};

use crate::program::{code, run, run_with_input, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::SMALL;

/// A valid problem as text.
fn problem() -> String {
    InstanceSize { devices: 2, ..InstanceSize::default() }.sample(7).unwrap().to_json().unwrap()
}

/// The first occurrence of a field with its number.
fn with(text: &str, field: &str, value: &str) -> String {
    let start = text.find(&format!("\"{field}\": ")).unwrap_or_else(|| panic!("{field}")) + field.len() + 4;
    let end = start + text[start..].find([',', '\n', '}']).unwrap();
    format!("{}{value}{}", &text[..start], &text[end..])
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect()
}

/// The text in every encoding that is read.
fn encodings(text: &str) -> [Vec<u8>; 4] {
    let marked = format!("\u{feff}{text}").into_bytes();
    let windows = text.replace('\n', "\r\n");
    [text.as_bytes().to_vec(), marked, utf16(&windows, u16::to_le_bytes), utf16(text, u16::to_be_bytes)]
}

#[test]
fn every_file_is_read_in_every_encoding() {
    let folder = folder("faults_files_encodings");
    let path = |name: &str| folder.join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let problem = problem();
    std::fs::write(path("plain.json"), &problem).unwrap();
    let solved = run(&["solve", &text(&path("plain.json"))]);
    let answer = stdout(&solved);
    let bound = r#"{"bound": "mini-batch-sgd", "initial_gap": 1, "step_size": 0.5, "steps": 16, "smoothness": 1,
        "sample_variance": 4, "batch_size": 8}"#;
    let scenario = SMALL.replace("slots = 20", "slots = 1").replace("name = \"small\"", "name = \"größer\"");
    for (k, name) in ["plain", "marked", "little", "big"].iter().enumerate() {
        let write = |file: &str, content: &str| {
            let path = path(&format!("{name}-{file}"));
            std::fs::write(&path, &encodings(content)[k]).unwrap();
            text(&path)
        };
        let problem_file = write("problem.json", &problem);
        let output = run(&["solve", &problem_file]);
        assert_eq!((code(&output), stdout(&output)), (0, answer.clone()), "{name}: {}", stderr(&output));
        let output = run(&["check", &problem_file, &write("answer.json", &answer)]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        let output = run(&["bound", &write("bound.json", bound)]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        let output = run(&["problem", &write("scenario.toml", &scenario), "--slot", "0"]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
    }
    // The library takes marks off as well.
    let marked = format!("\u{feff}{problem}");
    assert_eq!(SlotProblem::from_json(&marked).unwrap(), SlotProblem::from_json(&problem).unwrap());
    assert!(Answer::from_json(&format!("\u{feff}{answer}")).is_ok());
    assert!(Decision::from_answer_json(&format!("\u{feff}{answer}")).is_ok());
    assert!(BoundRequest::from_json(&format!("\u{feff}{bound}")).is_ok());
    assert!(ScenarioFile::parse(&format!("\u{feff}{SMALL}"), "".as_ref()).is_ok());
    // What looks like UTF-16 and is none says so.
    let broken = path("broken.json");
    for bytes in [&b"\xff\xfe{\x00\"\x00x"[..], b"\xff\xfe\x00\xd8\x00\x00", b"\xfe\xff\xdc\x00\x00\x20"] {
        std::fs::write(&broken, bytes).unwrap();
        let error = stderr(&run(&["solve", &text(&broken)]));
        assert!(error.contains("UTF-16") && error.contains("UTF-8") && error.contains("broken.json"), "{error}");
    }
    std::fs::write(&broken, b"{\n \"schema\": \"\xe9\"}").unwrap();
    let error = stderr(&run(&["solve", &text(&broken)]));
    assert!(error.contains("broken.json: line 2: byte 0xe9 is not UTF-8"), "{error}");
}

#[test]
fn numbers_that_json_does_not_have_are_named_with_their_range() {
    let text = problem();
    for (field, path, allowed) in [
        ("latency_weight", "latency_weight", "a finite number in [1e-30, 1e30]"),
        ("hop_latency_s", "clusters[0].hop_latency_s", "0 or a finite number in [1e-30, 1e30]"),
        ("memory_bytes", "clusters[0].devices[0].memory_bytes", "0 or a finite number in [1e-30, 1e30]"),
        ("amplifier_efficiency", "clusters[0].control_unit.amplifier_efficiency", "a finite number in [1e-30, 1]"),
    ] {
        for token in ["NaN", "Infinity", "-Infinity", "nan", "inf"] {
            let error = SlotProblem::from_json(&with(&text, field, token)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{path} = {token}: must be {allowed} (line ")), "{error}");
        }
    }
    // All of them, each on a line.
    let two = with(&with(&text, "latency_weight", "NaN"), "hop_latency_s", "Infinity");
    let error = SlotProblem::from_json(&two).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 2, "{error}");
    // One in a matrix, one where a whole number belongs, and one in a string, which is fine.
    let gains = text.find("gain_to_noise_hz_per_w").unwrap();
    let row = gains + text[gains..].find("0.0").unwrap();
    let matrix = format!("{}NaN{}", &text[..row], &text[row + 3..]);
    let error = SlotProblem::from_json(&matrix).unwrap_err().to_string();
    assert!(error.starts_with("clusters[0].gain_to_noise_hz_per_w[0][0] = NaN: must be "), "{error}");
    let error = SlotProblem::from_json(&with(&text, "batch_size", "NaN")).unwrap_err().to_string();
    assert!(error.starts_with("clusters[0].batch_size = NaN: must be a finite number"), "{error}");
    for (token, meant) in [("None", "null"), ("True", "true or false"), ("'3'", "double quotation marks")] {
        let error = SlotProblem::from_json(&with(&text, "hop_latency_s", token)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("clusters[0].hop_latency_s = {token}: must be ")), "{error}");
        assert!(error.contains(meant), "{error}");
    }
    let bound = r#"{"bound": "mini-batch-sgd", "initial_gap": NaN}"#;
    assert!(BoundRequest::from_json(bound).unwrap_err().to_string().starts_with("initial_gap = NaN: must be "));
    let decision = r#"{"decision": {"plan": NaN}}"#;
    let error = Decision::from_answer_json(decision).unwrap_err().to_string();
    assert!(error.starts_with("decision.plan = NaN: must be "), "{error}");
}

#[test]
fn wrong_types_in_json_name_path_value_and_what_is_expected() {
    let text = problem();
    for (field, value, expected) in [
        ("hop_latency_s", "\"0.5\"", "clusters[0].hop_latency_s = \"0.5\": must be a number, without quotation marks"),
        ("memory_bytes", "\"4e9\"", "clusters[0].devices[0].memory_bytes = \"4e9\": must be a number, without"),
        ("memory_bytes", "\"4 GB\"", "clusters[0].devices[0].memory_bytes = \"4 GB\": must be a number (line"),
        ("memory_bytes", "null", "clusters[0].devices[0].memory_bytes = null: must be a number"),
        ("memory_bytes", "true", "clusters[0].devices[0].memory_bytes = true: must be a number"),
        ("memory_bytes", "[1]", "clusters[0].devices[0].memory_bytes = a list: must be a number"),
        ("memory_bytes", "{}", "clusters[0].devices[0].memory_bytes = an object: must be a number"),
        ("batch_size", "8.5", "clusters[0].batch_size = 8.5: must be a whole number in [0, 4294967295]"),
        ("batch_size", "-8", "clusters[0].batch_size = -8: must be a whole number in [0, 4294967295]"),
        ("batch_size", "\"8\"", "clusters[0].batch_size = \"8\": must be a whole number in [0, 4294967295], without"),
        ("overlap", "\"ful\"", "overlap: unknown variant `ful`: did you mean `full`?"),
        ("encoder", "3", "encoder = "),
        ("hop_latency_s", "1e999", "clusters[0].hop_latency_s"),
    ] {
        let text = if field == "encoder" {
            text.replacen("\"encoder\": {", "\"encoder\": 3, \"e\": {", 1)
        } else {
            with(&text, field, value)
        };
        let error = SlotProblem::from_json(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected) && error.contains("(line "), "{field} = {value}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let misspelt = text.replacen("\"hop_latency_s\"", "\"hop_latncy_s\"", 1);
    let error = SlotProblem::from_json(&misspelt).unwrap_err().to_string();
    assert!(error.starts_with("clusters[0]") && error.contains("did you mean `hop_latency_s`?"), "{error}");
    let twice = text.replacen("\"latency_weight\"", "\"latency_weight\": 1, \"latency_weight\"", 1);
    assert!(SlotProblem::from_json(&twice).unwrap_err().to_string().contains("duplicate field `latency_weight`"));
    let answer = r#"{"status": "optimal", "decision": {"plan": "0", "clusters": []}}"#;
    let error = Decision::from_answer_json(answer).unwrap_err().to_string();
    assert!(error.starts_with("decision.plan = \"0\": must be a whole number"), "{error}");
    let bound = r#"{"bound": "mini-batch-sgd", "initial_gap": "1"}"#;
    let error = BoundRequest::from_json(bound).unwrap_err().to_string();
    assert!(error.starts_with("initial_gap = \"1\": must be a number, without"), "{error}");
    let error = BoundRequest::from_json(r#"{"bound": "mini-batch"}"#).unwrap_err().to_string();
    assert!(error.contains("`mini-batch-sgd`"), "{error}");
}

#[test]
fn files_that_end_in_the_middle_say_so() {
    let text = problem();
    let end = text.trim_end().len();
    for cut in [1, 20, end / 4, end / 2, end - 40, end - 1] {
        let error = SlotProblem::from_json(&text[..cut]).unwrap_err().to_string();
        assert!(error.starts_with("the text ends in the middle") && error.contains("line "), "{cut}: {error}");
    }
    for empty in ["", "  \n", "\u{feff}"] {
        assert!(SlotProblem::from_json(empty).unwrap_err().to_string().contains("is empty"), "{empty:?}");
    }
    let output = run_with_input(&["solve", "-"], &text[..end / 2]);
    assert!(stderr(&output).starts_with("error: standard input: the text ends in the middle, inside "), "{output:?}");
    for cut in ["[model", "name = \"sma", "slots =", "[[clusters", "x = [1, 2", "x = { a = 1", "name = \"\"\"a\nb"] {
        let error = ScenarioFile::parse(cut, "".as_ref()).unwrap_err().to_string();
        assert!(error.contains("is the file complete?"), "{cut}: {error}");
    }
    // Noise is no text that ends early.
    for noise in ["{]", "[1, 2}", "hello", "{\"a\" 1}"] {
        let error = SlotProblem::from_json(noise).unwrap_err().to_string();
        assert!(!error.contains("ends in the middle") && error.contains("line 1"), "{noise}: {error}");
    }
    let error = SlotProblem::from_json(&format!("{}1{}", "[".repeat(5000), "]".repeat(5000))).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

fn scenario_error(text: &str) -> String {
    let file = ScenarioFile::parse(text, "".as_ref());
    file.and_then(ScenarioFile::build).expect_err("a bad scenario").to_string()
}

#[test]
fn toml_faults_name_the_path_and_the_name_that_was_meant() {
    for (from, to, words) in [
        (
            "slots = 20",
            "slots = \"20\"",
            &["line 3", "slots = \"20\": must be a whole number", "without quotation marks"][..],
        ),
        ("slots = 20", "slots = 20.5", &["slots = 20.5: must be a whole number"]),
        ("slots = 20", "slot = 20", &["unknown field `slot`: did you mean `slots`?"]),
        ("batch_size = 8", "batch_size = \"8\"", &["clusters[0].batch_size = \"8\": must be a whole number"]),
        ("batch_size = 8", "batchSize = 8", &["clusters[0]", "did you mean `batch_size`?"]),
        ("bandwidth_hz = 10e6", "bandwith_hz = 10e6", &["uplink", "did you mean `bandwidth_hz`?"]),
        ("bandwidth_hz = 10e6", "bandwidth = 10e6", &["uplink", "did you mean `bandwidth_hz`?"]),
        ("\"bert-tiny\"", "\"bert-tinny\"", &["model.preset", "did you mean `bert-tiny`?"]),
        ("\"d2d-indoor\"", "\"d2d_indoor\"", &["path_loss", "did you mean `d2d-indoor`?"]),
        (
            "[channel.geometric.device_links]",
            "[channel.geometrical.device_links]",
            &["channel: holds several of its kinds"],
        ),
        ("seed = 1", "seed = [1]", &["seed = a list: must be a whole number"]),
        ("[[clusters]]", "[clusters]", &["clusters = an object: must be a list"]),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let error = scenario_error(&SMALL.replacen(from, to, 1));
        for word in words {
            assert!(error.contains(word), "{to}: {word:?} is not in {error}");
        }
        assert!(error.starts_with("line ") && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn kinds_of_channels_are_suggested() {
    let error = scenario_error(&SMALL.replace("channel.geometric.", "channel.geometrical."));
    assert!(error.contains("did you mean `geometric`?"), "{error}");
}

#[test]
fn all_faults_of_a_file_are_listed() {
    let several = SMALL
        .replacen("slots = 20", "slots = 0", 1)
        .replacen("latency_weight = 0.5", "latency_weight = nan", 1)
        .replacen("bandwidth_hz = 10e6", "bandwidth_hz = -1.0", 1)
        .replacen("batch_size = 8", "batch_size = 0", 1);
    let error = scenario_error(&several);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 4, "{error}");
    for (line, field) in lines.iter().zip([
        "slots = 0",
        "latency_weight = NaN",
        "uplink.bandwidth_hz = -1.0",
        "clusters[0].batch_size = 0",
    ]) {
        assert!(line.starts_with("line ") && line.contains(field), "{field} is not in {line}");
    }
    let folder = folder("faults_files_several");
    std::fs::write(folder.join("bad.toml"), &several).unwrap();
    let output = run(&["run", folder.join("bad.toml").to_str().unwrap()]);
    assert_eq!((code(&output), stderr(&output).lines().count()), (2, 4), "{}", stderr(&output));
    assert!(stderr(&output).lines().all(|line| line.starts_with("error: ") && line.contains("bad.toml: line ")));
    // Problems, too; and never more than twenty.
    let text = problem();
    let two = with(&with(&text, "latency_weight", "-1"), "memory_bytes", "-2");
    let error = SlotProblem::from_json(&two).unwrap_err().to_string();
    assert_eq!(
        error,
        "latency_weight = -1.0: must be a finite number in [1e-30, 1e30]\nclusters[0].devices[0].memory_bytes = -2.0: must be 0 or a finite number in [1e-30, 1e30]"
    );
    let mut spec = InstanceSize { devices: 40, ..InstanceSize::default() }.sample(3).unwrap().into_spec();
    spec.clusters[0].devices.iter_mut().for_each(|device| device.joules_per_flop.0 = -1.0);
    assert_eq!(SlotProblem::faults(&spec, 20).len(), 20);
    assert_eq!(SlotProblem::faults(&spec, 1000).len(), 40);
    let first = SlotProblem::new(spec.clone()).unwrap_err().to_string();
    assert_eq!(first, SlotProblem::faults(&spec, 1000)[0].to_string());
}

fn notes(text: &str) -> Vec<(NoteKind, String)> {
    let scenario: Scenario = ScenarioFile::parse(text, "".as_ref()).unwrap().build().unwrap();
    scenario.notes().iter().map(|note| (note.kind, note.to_string())).collect()
}

#[test]
fn slots_outside_the_run_and_unit_slips_are_noted() {
    assert!(notes(BUILTIN).is_empty() && notes(SMALL).is_empty());
    let device = "[[clusters.devices]]\n";
    assert!(SMALL.contains(device));
    for (slots, found) in
        [("[20]", Some("[20]")), ("[0, 19, 25, 30]", Some("[25, 30]")), ("[0, 19]", None), ("[]", None)]
    {
        let text = SMALL.replacen(device, &format!("{device}absent_slots = {slots}\n"), 1);
        match (found, &notes(&text)[..]) {
            (None, []) => {}
            (Some(found), [(NoteKind::Slots, note)]) => {
                for word in
                    [&format!("clusters[0].devices[0].absent_slots = {found}"), "slots 0 to 19", "counting starts at 0"]
                {
                    assert!(note.contains(word), "{word} is not in {note}");
                }
            }
            (_, notes) => panic!("{slots}: {notes:?}"),
        }
    }
    for (from, to, words) in [
        ("bandwidth_hz = 10e6", "bandwidth_hz = 20", &["uplink.bandwidth_hz = 20.0 Hz", "20.0 MHz", "2e7"][..]),
        (
            device,
            "[[clusters.devices]]\nmemory_bytes = 4\n",
            &["clusters[0].devices[0].memory_bytes = 4.0 B", "4.0 GB", "4e9"],
        ),
        (device, "[[clusters.devices]]\nmax_power_w = 200\n", &["devices[0].max_power_w = 200.0 W", "200.0 mW", "0.2"]),
        (
            device,
            "[[clusters.devices]]\nforward_flops_per_second = 10\n",
            &["forward_flops_per_second = 10.0 FLOP/s", "10.0 GFLOP/s", "1e10"],
        ),
        (device, "[[clusters.devices]]\njoules_per_flop = 5\n", &["joules_per_flop = 5.0 J/FLOP", "pJ/FLOP", "5e-12"]),
        (device, "[[clusters.devices]]\nstage_overhead_s = 20\n", &["stage_overhead_s = 20.0 s", "20.0 ms", "0.02"]),
        (
            "batch_size = 8",
            "batch_size = 8\nhop_latency_s = 30",
            &["clusters[0].hop_latency_s = 30.0 s", "30.0 ms", "0.03"],
        ),
    ] {
        let text = SMALL.replacen(from, to, 1);
        let notes = notes(&text);
        let [(NoteKind::Unit, note)] = &notes[..] else { panic!("{to}: {notes:?}") };
        for word in words {
            assert!(note.contains(word), "{word} is not in {note}");
        }
    }
}

/// The limits that docs/scenario.md gives are those of the program.
#[test]
fn documented_limits_are_those_that_warn() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scenario.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `") && line.contains(" to "));
    let mut checked = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, field, range, unit, ..] = cells[..] else { continue };
        let Some((least, most)) = range.split_once(" to ") else { continue };
        let (Ok(least), Ok(most)) = (least.parse::<f64>(), most.parse::<f64>()) else { continue };
        let field = field.trim_matches('`');
        if !["memory_bytes", "joules_per_flop", "stage_overhead_s", "block_overhead_s", "circuit_power_w"]
            .contains(&field)
        {
            continue;
        }
        checked += 1;
        for (value, noted) in [(least, false), (most, false), (least / 2.0, true), (most * 2.0, true)] {
            let with = format!("[[clusters.devices]]\n{field} = {value:e}\n");
            let found = notes(&SMALL.replacen("[[clusters.devices]]\n", &with, 1));
            assert_eq!(!found.is_empty(), noted, "{field} = {value:e} {unit}: {found:?}");
        }
    }
    assert_eq!(checked, 5);
}

#[test]
fn notes_are_on_standard_error_alone() {
    let folder = folder("faults_files_notes");
    let text = SMALL.replacen("slots = 20", "slots = 2", 1).replacen(
        "[[clusters.devices]]\n",
        "[[clusters.devices]]\nabsent_slots = [2]\nmax_power_w = 200\n",
        1,
    );
    let path: PathBuf = folder.join("scene.toml");
    std::fs::write(&path, text).unwrap();
    let output = run(&["problem", path.to_str().unwrap(), "--slot", "1"]);
    let notes = stderr(&output);
    assert_eq!((code(&output), notes.lines().count()), (0, 2), "{notes}");
    assert!(
        notes.contains("note: ") && notes.contains("warning: ") && notes.contains("scene.toml: clusters[0]"),
        "{notes}"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&stdout(&output)).is_ok());
}
