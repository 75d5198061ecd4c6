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
    // On a machine that is too busy the comparison says so; nothing ends early on any.
    assert!(measured > 0.99 * predicted, "{round}");
    assert!(measured < 1.1 * predicted || printed["rounds"][0]["valid"] == false, "{round}");
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
        (vec!["reproduce", "--most-error", "0"], "--most-error"),
        (vec!["reproduce", "--most-error", "NaN"], "--most-error"),
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
fn reproduce_leaves_what_the_page_shows() {
    let folder = folder("reproduce");
    let output = engine(&["reproduce", "--virtual-time", "--most-error", "1e-6", "--out", "out"], &folder);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = folder.join("out");
    let experiments = [
        "predicted-measured",
        "predicted-measured-training",
        "headlines",
        "energy",
        "learning-curves",
        "micro-batches",
        "gradients-and-bounds",
    ];
    let page = std::fs::read_to_string(out.join("report.html")).expect("a page");
    for name in experiments {
        for file in ["data.csv", "result.json", "figure.svg", "figure.png"] {
            assert!(std::fs::metadata(out.join(name).join(file)).expect("a file").len() > 0, "{name}/{file}");
        }
        assert!(page.contains(&format!("<section id=\"{name}\">")), "{name}");
    }
    // In virtual time every part of every round is as predicted.
    let table = std::fs::read_to_string(out.join("predicted_measured.csv")).expect("a table");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("case,policy,schedule,overlap,part,predicted_s,measured_s"));
    let mut parts = std::collections::BTreeSet::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, policy, _, _, part, predicted, measured] = fields[..] else { panic!("{line}") };
        parts.insert((policy.to_owned(), part.to_owned()));
        let [predicted, measured] = [predicted, measured].map(|number| number.parse::<f64>().expect("a number"));
        assert!((measured - predicted).abs() <= 1e-9 * predicted.abs().max(1e-3), "{line}");
    }
    assert!(parts.contains(&("full-model-federated".into(), "0/iterations".into())), "{parts:?}");
    assert_eq!(parts.iter().filter(|(_, part)| part == "round").count(), 7, "{parts:?}");
    // Rows of the experiments: series, place, metric -> value.
    let rows = |name: &str| {
        let data = std::fs::read_to_string(out.join(name).join("data.csv")).expect("data");
        let row = |line: &str| {
            let fields: Vec<String> = line.split(',').map(str::to_owned).collect();
            let value = fields.last().expect("a value").parse::<f64>().expect("a number");
            (
                (fields[fields.len() - 4].clone(), fields[fields.len() - 5].clone(), fields[fields.len() - 2].clone()),
                value,
            )
        };
        // A label with a comma is within quotes: the columns are counted from the end.
        data.lines().skip(1).map(row).collect::<Vec<_>>()
    };
    let of = |rows: &[((String, String, String), f64)], series: &str, metric: &str| {
        rows.iter().filter(|((of, _, is), _)| of == series && is == metric).map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let headlines = rows("headlines");
    for metric in ["latency_s", "compute_efficiency", "memory_share"] {
        assert_eq!(of(&headlines, "exact", metric).len(), 3, "{metric}");
    }
    let least = |series| of(&headlines, series, "latency_s").into_iter().fold(f64::INFINITY, f64::min);
    for other in ["uniform-segments", "no-pipeline", "one-device", "full-model-federated"] {
        assert!(least("exact") < least(other), "{other}");
    }
    // One kind of variable at a time is never better than all together.
    for (exact, other) in of(&headlines, "exact", "latency_s").iter().zip(of(&headlines, "alternating", "latency_s")) {
        assert!(*exact <= other * (1.0 + 1e-6), "{exact} {other}");
    }
    // Without a pipeline one device holds everything.
    assert!(of(&headlines, "no-pipeline", "memory_share").iter().all(|share| *share > 0.9));
    assert!(of(&headlines, "uniform-segments", "memory_share").iter().all(|share| *share < 0.3));
    // A run with budgets, its certificates recomputed from the record that it left.
    let record = std::fs::read_to_string(out.join("energy-run/record.json")).expect("a record");
    let record: collapipe::simulation::RunRecord = serde_json::from_str(&record).expect("a record");
    assert!(record.slots.iter().all(|slot| slot.measured.is_some()));
    let summed = collapipe::report::summary(&record);
    assert!(summed.certified() && summed.nodes.iter().any(|node| node.certificate.is_some()));
    assert!(text(&output.stdout).contains("by certificate C1 at most"), "{}", text(&output.stdout));
    let gradients = std::fs::read_to_string(out.join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&gradients).expect("json");
    let constants = &summary["constants"][0];
    assert!(constants["tightest"].as_f64().expect("a number") > 1.0, "{constants}");
}

#[test]
fn a_run_that_is_killed_goes_on_from_its_checkpoint() {
    let folder = folder("killed");
    let scenario = collapipe_engine::reproduce::LANGUAGES.replace("slots = 100", "slots = 6");
    std::fs::write(folder.join("scenario.toml"), scenario).expect("written");
    let arguments = |checkpoint: &'static str| {
        ["run", "scenario.toml", "--virtual-time", "--learn", "languages", "--checkpoint", checkpoint, "--overwrite"]
    };
    let whole = engine(&arguments("whole"), &folder);
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    assert!(text(&whole.stdout).contains("3200 samples learned from, 800 held out"), "{}", text(&whole.stdout));
    let mut killed = Command::new(env!("CARGO_BIN_EXE_collapipe-engine"))
        .args(arguments("killed"))
        .current_dir(&folder)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("a program");
    let begin = std::time::Instant::now();
    while !folder.join("killed").exists() && begin.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    killed.kill().expect("killed");
    let _ = killed.wait();
    let resumed = engine(&arguments("killed"), &folder);
    assert!(resumed.status.success(), "{}", text(&resumed.stderr));
    let read = |name: &str| {
        let kept = collapipe_engine::training::Checkpoint::read(&folder.join(name)).expect("a checkpoint");
        let kept = kept.expect("a file");
        let bits: Vec<u32> = kept.parts.values().flatten().map(|number| number.to_bits()).collect();
        (kept.slots.len(), bits)
    };
    assert_eq!(read("killed"), read("whole"));
    assert_eq!(read("whole").0, 6);
    // Another learning rate is another run.
    let other = [&arguments("killed")[..], &["--rate", "0.5"]].concat();
    let other = engine(&other, &folder);
    assert_eq!(other.status.code(), Some(2), "{}", text(&other.stderr));
    assert!(text(&other.stderr).contains("choose another file"), "{}", text(&other.stderr));
    // A classifier of four classes for two.
    for name in ["yes.txt", "no.txt"] {
        std::fs::write(folder.join(name), "text\n").expect("written");
    }
    let two =
        engine(&["run", "scenario.toml", "--virtual-time", "--learn", "yes.txt", "no.txt", "--overwrite"], &folder);
    assert_eq!(two.status.code(), Some(2));
    assert!(text(&two.stderr).contains("model.head.classes = 4: must be 2"), "{}", text(&two.stderr));
}

/// The decoder is on the edge server: frames of the pipeline carry what the encoder made of the letters.
#[test]
fn run_learns_what_the_scenarios_model_is_for() {
    let folder = folder("heads");
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for (name, data, task, guess) in [
        ("phonemes.toml", "phonemes", "phonemes of words", "and the letter in its place"),
        ("next-character.toml", "languages", "the next character", "after the two before"),
    ] {
        let scenario = scenarios.join(name);
        let scenario = scenario.to_str().expect("a path");
        let arguments = ["run", scenario, "--rounds", "3", "--virtual-time", "--learn", data, "--overwrite"];
        let output = engine(&arguments, &folder);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let printed = text(&output.stdout);
        assert!(printed.contains(task) && printed.contains("the model") && printed.contains(guess), "{printed}");
        assert_eq!(printed.contains("wholly right"), data == "phonemes", "{printed}");
        let table = std::fs::read_to_string(folder.join("collapipe-engine-out/record.json")).expect("a record");
        let record: collapipe::simulation::RunRecord = serde_json::from_str(&table).expect("a record");
        let learned = record.slots.iter().filter_map(|slot| slot.measured.as_ref()?.loss);
        assert!(learned.count() > 0, "{printed}");
        let wrong = if data == "phonemes" { "languages" } else { "phonemes" };
        let refused = engine(&["run", scenario, "--virtual-time", "--learn", wrong, "--overwrite"], &folder);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains("model.family.kind"), "{}", text(&refused.stderr));
    }
    let nothing = engine(&["run", "--virtual-time", "--learn", "klingon"], &folder);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("\"languages\" or \"phonemes\""), "{}", text(&nothing.stderr));
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
    // Queues hold measured energies, which in virtual time are the planned ones up to rounding.
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    for (planned, executed) in slots.iter().zip(&record.slots) {
        assert!(planned.queues.iter().zip(&executed.queues).all(|(a, b)| close(*a, *b)));
        let (Some(planned), Some(executed)) = (planned.planned(), executed.planned()) else {
            assert_eq!(planned.outcome, executed.outcome);
            continue;
        };
        assert!(close(planned.objective, executed.objective) && close(planned.latency_s.0, executed.latency_s.0));
        let sizes = |slot: &collapipe::simulation::PlannedSlot| -> Vec<_> {
            slot.clusters.iter().map(|cluster| cluster.sizes.clone()).collect()
        };
        assert_eq!((planned.plan, sizes(planned)), (executed.plan, sizes(executed)));
    }
    for name in ["predicted_measured.csv", "slots.csv", "queues.svg"] {
        assert!(folder.join("out").join(name).exists(), "{name}");
    }
}
