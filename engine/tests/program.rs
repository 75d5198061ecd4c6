//! The program as its users run it.

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
    Command::new(env!("CARGO_BIN_EXE_collapipe-engine")).args(arguments).current_dir(folder).output().expect("a program")
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
