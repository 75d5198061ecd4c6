//! `collapipe schedule`.

use std::fs;

use serde_json::Value;

use crate::program::{code, refused, run, run_with_input, stderr, stdout};
use crate::support::folder;

#[test]
fn a_schedule_is_played_as_a_table_and_as_json() {
    let arguments = ["schedule", "1f1b", "--stages", "2", "--micro-batches", "4", "--link", "0.1"];
    let table = run(&arguments);
    assert_eq!(code(&table), 0, "{}", stderr(&table));
    let text = stdout(&table);
    for words in
        ["Makespan 15.4000 s", "no order of this work", "stage 1", "link 0 to 1", "peak memory [micro-batches]", "B@1"]
    {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    let answer = run(&[&arguments[..], &["--format", "json"]].concat());
    let answer: Value = serde_json::from_str(&stdout(&answer)).unwrap();
    assert!((answer["makespan_s"].as_f64().unwrap() - 15.4).abs() < 1e-12);
    assert_eq!(answer["memory_unit"], "micro-batches");
    assert_eq!(answer["machines"][0]["machine"], "stage 0");
    assert_eq!(answer["memory"][0]["peak"], 2.0);
    let counts = answer["counts"].as_array().unwrap();
    let sum: f64 = counts.iter().map(|of| of["count"].as_f64().unwrap() * of["seconds"].as_f64().unwrap()).sum();
    assert!((sum - 15.4).abs() < 1e-12);
}

#[test]
fn every_kind_and_mode_has_a_name() {
    for kind in [
        "fill-drain",
        "1f1b",
        "eager-1f1b",
        "forward-only",
        "interleaved",
        "zero-bubble-h1",
        "token-slices",
        "token-slices-forward",
    ] {
        for sending in ["overlapped", "blocking", "transmitter", "half-duplex", "medium", "delay"] {
            let output = run(&["schedule", kind, "--sending", sending, "--link", "0.25", "--latency", "0.5"]);
            assert_eq!(code(&output), 0, "{kind} {sending}: {}", stderr(&output));
            assert!(stdout(&output).starts_with("Makespan "), "{kind} {sending}");
        }
    }
}

#[test]
fn charts_and_traces_are_written_whole_and_nothing_is_overwritten_unasked() {
    let folder = folder("schedule");
    for (format, start) in [("svg", "<svg "), ("trace", "{\"displayTimeUnit\""), ("json", "{"), ("table", "Makespan")] {
        let file = folder.join(format);
        let name = file.to_str().unwrap();
        let output = run(&["schedule", "zero-bubble-h1", "--format", format, "--out", name]);
        assert_eq!((code(&output), stdout(&output)), (0, String::new()), "{}", stderr(&output));
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.starts_with(start), "{format}");
        refused(
            &run(&["schedule", "1f1b", "--format", format, "--out", name]),
            &[name, "is there already", "--overwrite"],
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), written);
        let again = run(&["schedule", "1f1b", "--format", format, "--out", name, "--overwrite"]);
        assert_eq!(code(&again), 0, "{}", stderr(&again));
        assert_ne!(fs::read_to_string(&file).unwrap(), written);
    }
    let here = folder.to_str().unwrap();
    refused(&run(&["schedule", "1f1b", "--out", here, "--overwrite"]), &[here, "is no regular file"]);
}

#[test]
fn schedules_of_ones_own_come_from_a_file_or_standard_input() {
    let own = |programs: &str| {
        format!(
            r#"{{"schedule": "own", "stages": 2, "micro_batches": 2, "programs": {programs},
                "durations": {{"forward": [1, 2], "backward": [2, 4], "forward_link": [0.5], "backward_link": [0.5]}},
                "memory": {{"activation_bytes": [100, 200], "resident_bytes": [1000, 0]}}}}"#
        )
    };
    let good = own(r#"[["F0", "F1", "B0", "B1"], ["F0", "F1", "B1", "B0"]]"#);
    // The second backward comes back first, but stage 0 begins with the other one.
    let output = run_with_input(&["schedule", "--file", "-"], &good);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("Makespan 18.0000 s") && text.contains("peak memory [bytes]") && text.contains("1200"),
        "{text}"
    );
    let circle = own(r#"[["F0", "B0", "F1", "B1"], ["F1", "F0", "B0", "B1"]]"#);
    refused(
        &run_with_input(&["schedule", "--file", "-"], &circle),
        &["standard input: deadlock: ", "F1@0 waits for B0@0"],
    );
    let missing = own(r#"[["F0", "F1", "B0"], ["F0", "F1", "B0", "B1"]]"#);
    refused(&run_with_input(&["schedule", "--file", "-"], &missing), &["B1@0 is missing: stage 0 must run it once"]);
}

#[test]
fn bad_options_are_refused_by_name() {
    for (options, words) in [
        (&["1f1b", "--forward", "1,2"][..], "durations.forward = a list of 2: must be a list of 4"),
        (&["1f1b", "--link", "nan"], "durations.forward_link[0] = NaN"),
        (&["1f1b", "--weight", "1"], "--weight: only zero-bubble-h1 splits W off"),
        (&["forward-only", "--backward", "1"], "the schedule has no backward work"),
        (&["1f1b", "--chunks", "2"], "chunks = 2: must be 1"),
        (&["interleaved", "--micro-batches", "6"], "micro_batches = 6: must be a multiple of the number of stages, 4"),
        (&["fill-drain", "--stages", "10000", "--micro-batches", "1000000"], "operations = 10000 stages"),
        (&["token-slices", "--stages", "10000", "--slices", "10000"], "operations = 10000 stages"),
        (&["1f1b", "--format", "svg", "--width", "1000"], "width_in = 1000: must be in [1, 100]"),
        (&["--file", "/nowhere/spec.json"], "/nowhere/spec.json"),
    ] {
        refused(&run(&[&["schedule"], options].concat()), &[words]);
    }
    for options in [&["1f1b", "--file", "x.json"][..], &["--file", "x.json", "--stages", "2"], &[], &["2f2b"]] {
        let output = run(&[&["schedule"], options].concat());
        assert_eq!((code(&output), stdout(&output)), (2, String::new()), "{options:?}");
    }
}
