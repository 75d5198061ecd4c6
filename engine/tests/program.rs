//! The program as its users run it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use collapipe::instances::InstanceSize;
use collapipe::solver::{Settings, solve};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn engine(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_collapipe-engine"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("a program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes `problem.json` and `answer.json`; returns the round's latency.
fn write(folder: &Path) -> f64 {
    let size = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() };
    let problem = size.sample(7).expect("an instance");
    let solution = solve(&problem, &Settings::default()).expect("a solution");
    let best = solution.certified().expect("feasible");
    std::fs::write(folder.join("problem.json"), problem.to_json().expect("json")).expect("written");
    let answer = serde_json::json!({ "status": "optimal", "decision": best.decision });
    std::fs::write(folder.join("answer.json"), answer.to_string()).expect("written");
    best.evaluation.round_latency.0
}

#[test]
fn execute_prints_what_was_predicted_and_measured() {
    let folder = folder("execute");
    let latency_s = write(&folder);
    let output = engine(&["execute", "problem.json", "answer.json", "--virtual-time", "--format", "json"], &folder);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    let parts = printed["rounds"][0]["parts"].as_array().expect("parts");
    let round = parts.last().expect("a part");
    for measured in ["predicted_s", "measured_s"] {
        assert!((round[measured].as_f64().expect("a number") / latency_s - 1.0).abs() < 1e-9, "{round}");
    }
    let table = engine(&["execute", "problem.json", "answer.json", "--virtual-time"], &folder);
    assert!(text(&table.stdout).contains("+0.00 %"), "{}", text(&table.stdout));
}

#[test]
fn execute_runs_over_processes() {
    let folder = folder("processes");
    let scale = (2.0 / write(&folder)).to_string();
    let arguments = ["execute", "problem.json", "answer.json", "--processes", "--scale", &scale, "--format", "json"];
    let output = engine(&arguments, &folder);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    let round = printed["rounds"][0]["parts"].as_array().and_then(|parts| parts.last()).expect("a part");
    let [predicted, measured] = ["predicted_s", "measured_s"].map(|name| round[name].as_f64().expect("a number"));
    assert!((measured / predicted - 1.0).abs() < 0.1, "{round}");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let folder = folder("refused");
    write(&folder);
    for (arguments, expected) in [
        (vec!["execute", "problem.json", "nothing.json"], "nothing.json"),
        (vec!["execute", "answer.json", "answer.json"], "answer.json"),
        (vec!["execute", "problem.json", "answer.json", "--scale", "0"], "--scale"),
        (vec!["execute", "problem.json", "answer.json", "--scale", "NaN"], "--scale"),
        (vec!["execute", "problem.json", "answer.json", "--patience=-1"], "--patience"),
        (vec!["join", "nowhere", "--token", "x"], "nowhere"),
    ] {
        let output = engine(&arguments, &folder);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(expected), "{arguments:?}: {}", text(&output.stderr));
    }
    // Nobody listens on port 1.
    let output = engine(&["join", "127.0.0.1:1", "--token", "x"], &folder);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("coordinator"), "{}", text(&output.stderr));
}

#[test]
fn run_records_what_was_planned_beside_what_was_measured() {
    let folder = folder("run");
    let output = engine(&["run", "--rounds", "4", "--virtual-time", "--out", "out"], &folder);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let record: collapipe::simulation::RunRecord =
        serde_json::from_str(&std::fs::read_to_string(folder.join("out/record.json")).expect("a record"))
            .expect("a record");
    assert_eq!(record.slots.len(), 4);
    let mut executed = 0;
    for slot in &record.slots {
        assert_eq!(slot.planned().is_some(), slot.measured.is_some());
        let (Some(planned), Some(measured)) = (slot.planned(), &slot.measured) else { continue };
        executed += 1;
        assert!((measured.latency_s.0 / planned.latency_s.0 - 1.0).abs() < 1e-9);
        for (planned, measured) in planned.clusters.iter().zip(&measured.clusters) {
            let iterations_s = planned.parts.forward.0 + planned.parts.backward.0;
            assert!((measured.iterations_s.0 / iterations_s - 1.0).abs() < 1e-9);
        }
        assert!(measured.sent_bytes > 0);
    }
    assert!(executed > 0);
    // What was planned is what the core plans alone.
    let scenario = collapipe::scenario::ScenarioFile::parse(collapipe::scenario::BUILTIN, Path::new(""));
    let mut scenario = scenario.expect("the built-in scenario");
    scenario.spec.slots = 4;
    let scenario = scenario.build().expect("a scenario");
    let mut run = collapipe::simulation::Run::new(&scenario, Settings::default()).expect("a run");
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>().expect("slots");
    for (planned, executed) in slots.iter().zip(&record.slots) {
        assert_eq!((&planned.outcome, &planned.queues), (&executed.outcome, &executed.queues));
    }
    for name in ["predicted_measured.csv", "slots.csv", "queues.svg"] {
        assert!(folder.join("out").join(name).exists(), "{name}");
    }
}
