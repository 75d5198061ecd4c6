//! The program as a user meets it: commands, exit codes, standard input, closed pipes, signals.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use collapipe::scenario::BUILTIN;
use collapipe::simulation::RunRecord;
use serde_json::Value;

use crate::program::{code, collapipe, refused, run, run_with_input, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::{SMALL, changed};

fn scenario_in(name: &str, text: &str) -> (std::path::PathBuf, String) {
    let folder = folder(name);
    let file = folder.join("scenario.toml");
    fs::write(&file, text).unwrap();
    (folder, file.to_str().unwrap().to_owned())
}

#[test]
fn run_writes_whole_files_and_says_so() {
    let (folder, scenario) = scenario_in("run", SMALL);
    let out = folder.join("deep/out");
    let output = run(&["run", &scenario, "--slots", "5", "--out", out.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // Not a terminal: no progress bar.
    assert_eq!(stderr(&output), "");
    let text = stdout(&output);
    for word in ["desk/pi", "desk/control-unit", "C1", "p99", "Wrote to", "record.json"] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    let record: RunRecord = serde_json::from_str(&fs::read_to_string(out.join("record.json")).unwrap()).unwrap();
    assert_eq!(record.slots.len(), 5);
    assert_eq!(record.scenario.unwrap().slots, 5);
    let names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["slots.csv", "nodes.csv", "latency.svg", "queues.svg", "energy.svg", "segments.svg"] {
        assert!(names.contains(&name.to_owned()), "{name} is not in {names:?}");
    }
    assert!(names.iter().all(|name| !name.starts_with('.')), "left over: {names:?}");
}

#[test]
fn run_without_arguments_plays_the_built_in_scenario() {
    // The same scenario with fewer slots; all 500 are the job of the continuous integration.
    let folder = folder("builtin");
    let output = collapipe().args(["run", "--slots", "2"]).current_dir(&folder).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("BERT-base"));
    assert!(folder.join("collapipe-out/record.json").exists());
}

#[test]
fn options_replace_the_scenarios_values_and_seeds_decide_the_bytes() {
    let (folder, scenario) = scenario_in("options", SMALL);
    let play = |out: &str, seed: &str| {
        let out = folder.join(out);
        let arguments = ["--slots", "3", "--latency-weight", "2.5", "--seed", seed, "--format", "json"];
        let output = run(&[&["run", &scenario, "--out", out.to_str().unwrap()][..], &arguments].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(summary["provenance"]["latency_weight"], 2.5);
        assert_eq!(summary["slots"], 3);
        fs::read(out.join("record.json")).unwrap()
    };
    let first = play("a", "7");
    assert_eq!(first, play("b", "7"));
    assert_ne!(first, play("c", "8"));
}

#[test]
fn problem_solve_and_check_fit_together() {
    let (folder, scenario) = scenario_in("pipeline", SMALL);
    let out = folder.join("out");
    let played = run(&["run", &scenario, "--out", out.to_str().unwrap(), "--slots", "20"]);
    assert_eq!(code(&played), 0, "{}", stderr(&played));
    let record: Value = serde_json::from_str(&fs::read_to_string(out.join("record.json")).unwrap()).unwrap();
    // The scenario on standard input this time.
    let problem = run_with_input(&["problem", "-", "--slot", "4"], SMALL);
    assert_eq!(code(&problem), 0, "{}", stderr(&problem));
    let problem = stdout(&problem);
    let answer = run_with_input(&["solve", "-"], &problem);
    assert_eq!(code(&answer), 0, "{}", stderr(&answer));
    let answer = stdout(&answer);
    let solved: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(solved["status"], "optimal");
    let planned = &record["slots"][4]["outcome"]["planned"];
    assert_eq!(solved["objective"], planned["objective"]);
    assert_eq!(solved["decision"], planned["decision"]);
    let (objective, bound) = (solved["objective"].as_f64().unwrap(), solved["lower_bound"].as_f64().unwrap());
    assert!(bound <= objective);
    assert_eq!(solved["gap"].as_f64().unwrap(), (objective - bound) / objective.abs());
    let problem_file = folder.join("problem.json");
    fs::write(&problem_file, &problem).unwrap();
    let checked = run_with_input(&["check", problem_file.to_str().unwrap(), "-"], &answer);
    assert_eq!(code(&checked), 0, "{}", stderr(&checked));
    let verdict: Value = serde_json::from_str(&stdout(&checked)).unwrap();
    assert_eq!(verdict["feasible"], true);
    assert_eq!(verdict["evaluation"]["objective"], solved["objective"]);
    assert_eq!(verdict["faults"], serde_json::json!([]));
    // The bound is recomputed from the prices.
    let bound_of = |verdict: &Value| verdict["lower_bound"]["verified"].as_f64().unwrap();
    assert!(bound_of(&verdict) >= bound * (1.0 - 1e-6) && bound_of(&verdict) <= objective * (1.0 + 1e-9));
    let says = verdict["lower_bound"]["says"].as_str().unwrap();
    assert!(says.starts_with("bound verified from prices: ") && !says.contains("not verified"), "{says}");
    // Claims that are not so.
    let claiming = |field: &str, value: f64| {
        let mut claims = solved.clone();
        claims[field] = value.into();
        let checked = run_with_input(&["check", problem_file.to_str().unwrap(), "-"], &claims.to_string());
        (code(&checked), serde_json::from_str::<Value>(&stdout(&checked)).unwrap())
    };
    let (exit, verdict) = claiming("objective", objective * 0.99);
    assert_eq!((exit, &verdict["feasible"]), (3, &true.into()));
    assert!(verdict["faults"][0].as_str().unwrap().starts_with("objective: the answer says"), "{verdict}");
    let (exit, verdict) = claiming("lower_bound", objective * 1.01);
    assert_eq!((exit, &verdict["feasible"]), (3, &true.into()));
    assert!(verdict["faults"][0].as_str().unwrap().starts_with("lower_bound: the answer says"), "{verdict}");
    assert!(bound_of(&verdict) <= objective * (1.0 + 1e-9), "{verdict}");
    assert!(verdict["lower_bound"]["says"].as_str().unwrap().ends_with("what is between is not verified"), "{verdict}");
    let (exit, verdict) = claiming("lower_bound", objective * 0.9);
    assert_eq!(exit, 0);
    assert!(bound_of(&verdict) >= objective * 0.9 * (1.0 - 1e-6), "{verdict}");
    // Too much power on the upload.
    let mut broken = solved.clone();
    broken["decision"]["clusters"][0]["upload"]["power_w"] = 1e3.into();
    let checked = run_with_input(&["check", problem_file.to_str().unwrap(), "-"], &broken.to_string());
    assert_eq!(code(&checked), 3);
    let verdict: Value = serde_json::from_str(&stdout(&checked)).unwrap();
    assert_eq!(verdict["feasible"], false);
    assert!(verdict["violations"][0].as_str().unwrap().contains("clusters[0].upload.power_w"));
}

#[test]
fn unit_slips_in_a_problem_draw_a_warning() {
    let problem = stdout(&run_with_input(&["problem", "-", "--slot", "0"], SMALL));
    let mut slip: Value = serde_json::from_str(&problem).unwrap();
    assert_eq!(stderr(&run_with_input(&["solve", "-"], &problem)), "");
    slip["clusters"][0]["bandwidth_hz"] = 20.0.into();
    slip["clusters"][0]["devices"][1]["forward_flops_per_second"] = 10.0.into();
    let solved = run_with_input(&["solve", "-"], &slip.to_string());
    assert_eq!(code(&solved), 0, "{}", stderr(&solved));
    let warnings = stderr(&solved);
    let lines: Vec<&str> = warnings.lines().collect();
    let band = "warning: standard input: clusters[0].bandwidth_hz (desk) = 20.0 Hz: unusually small";
    let rate = "warning: standard input: clusters[0].devices[1].forward_flops_per_second (desk/phone) = 10.0 FLOP/s";
    assert!(lines.len() == 2 && lines[0].starts_with(band) && lines[1].starts_with(rate), "{warnings}");
}

#[test]
fn infeasible_problems_and_runs_exit_with_3() {
    let starved = changed("name = \"phone\"", "name = \"phone\"\nmemory_bytes = 1.0");
    let (folder, scenario) = scenario_in("infeasible", &starved);
    let out = folder.join("out");
    let output = run(&["run", &scenario, "--out", out.to_str().unwrap()]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(out.join("record.json").exists());
    let problem = stdout(&run(&["problem", &scenario, "--slot", "0"]));
    let answer = run_with_input(&["solve", "-"], &problem);
    assert_eq!(code(&answer), 3);
    let answer: Value = serde_json::from_str(&stdout(&answer)).unwrap();
    assert_eq!(answer["status"], "infeasible");
    assert!(answer["reason"].as_str().unwrap().contains("clusters[0].devices[1].memory_bytes"));
    // One outage among many is no failure.
    let once = SMALL
        .replace("name = \"pi\"", "name = \"pi\"\nabsent_slots = [1]")
        .replace("name = \"phone\"", "name = \"phone\"\nabsent_slots = [1]");
    let (folder, scenario) = scenario_in("outage", &once);
    assert_eq!(code(&run(&["run", &scenario, "--slots", "3", "--out", folder.to_str().unwrap()])), 0);
    let output = run(&["problem", &scenario, "--slot", "1"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("all 2 devices are absent"));
}

#[test]
fn files_of_others_are_replaced_only_if_asked_for() {
    let (folder, scenario) = scenario_in("files-of-others", SMALL);
    let out = folder.to_str().unwrap();
    let play = |more: &[&str]| run(&[&["run", &scenario, "--slots", "2", "--out", out], more].concat());
    fs::write(folder.join("slots.csv"), "mine").unwrap();
    refused(&play(&[]), &["slots.csv", "no record.json", "--overwrite"]);
    fs::write(folder.join("record.json"), "{\"mine\": 1}").unwrap();
    refused(&play(&[]), &["record.json", "is not collapipe.run-record/2", "--out"]);
    let there = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!((there("slots.csv"), there("record.json")), ("mine".into(), "{\"mine\": 1}".into()));
    assert!(!folder.join("summary.json").exists());
    assert_eq!(code(&play(&["--overwrite"])), 0);
    assert!(there("record.json").contains("collapipe.run-record/2"));
    // A run's own folder is used again without a word.
    assert_eq!(code(&play(&[])), 0);

    // Its page has the name of a sweep's.
    fs::write(folder.join("plans.svg"), "mine").unwrap();
    let sweep =
        |more: &[&str]| run(&[&["tradeoff", &scenario, "--v", "1,2", "--slots", "2", "--out", out], more].concat());
    refused(&sweep(&[]), &["report.html", "no tradeoff.json", "--overwrite"]);
    assert!(!folder.join("points").exists());
    assert_eq!(code(&sweep(&["--overwrite"])), 0);
    assert_eq!(code(&sweep(&[])), 0);
}

#[test]
fn a_price_out_of_range_is_explained_by_the_budget() {
    let budget = |line: &str| match line.split_once("budget_j_per_round = ") {
        Some((before, _)) => format!("{before}budget_j_per_round = 1e-12\n"),
        None => format!("{line}\n"),
    };
    let (folder, scenario) = scenario_in("tiny-budget", &BUILTIN.lines().map(budget).collect::<String>());
    let out = folder.join("out");
    let output = run(&["run", &scenario, "--slots", "50", "--certificates", "off", "--out", out.to_str().unwrap()]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let error = stderr(&output);
    assert!(error.contains("energy_price") && error.contains("a larger budget_j_per_round"), "{error}");
}

#[test]
fn bad_input_exits_with_2_and_one_line() {
    let (folder, scenario) = scenario_in("bad", &changed("batch_size = 8", "batch_size = 0"));
    let out = folder.join("out");
    refused(
        &run(&["run", &scenario, "--out", out.to_str().unwrap()]),
        &["scenario.toml: line", "clusters[0].batch_size = 0"],
    );
    assert!(!out.exists());
    refused(&run(&["run", "nowhere.toml"]), &["nowhere.toml"]);
    refused(&run_with_input(&["run", "-"], ""), &["standard input: line 1"]);
    refused(&run_with_input(&["solve", "-"], "{"), &["standard input", "line 1"]);
    refused(&run_with_input(&["solve", "-"], ""), &["standard input"]);
    refused(&run(&["solve", "nowhere.json"]), &["nowhere.json"]);
    refused(&run(&["check", "-", "-"]), &["only one"]);
    let (_, good) = scenario_in("good", SMALL);
    refused(&run(&["problem", &good, "--slot", "20"]), &["--slot 20", "below 20"]);
    let out = folder.join("unsupported");
    refused(&run(&["run", &good, "--gap", "7", "--out", out.to_str().unwrap()]), &["gap = 7"]);
    let problem = stdout(&run(&["problem", &good, "--slot", "0"]));
    let problem_file = folder.join("problem.json");
    fs::write(&problem_file, problem).unwrap();
    let problem_file = problem_file.to_str().unwrap();
    refused(&run_with_input(&["check", problem_file, "-"], "{\"status\": \"infeasible\"}"), &["no decision"]);
    refused(&run_with_input(&["check", problem_file, "-"], "[1, 2]"), &["standard input"]);
}

#[test]
fn bad_usage_exits_with_2() {
    for arguments in [
        &["fly"][..],
        &["run", "--slots", "0"],
        &["run", "--slots", "-3"],
        &["run", "--latency-weight", "nan"],
        &["run", "--latency-weight", "-1"],
        &["run", "--format", "poem"],
        &["solve"],
        &["problem", "--slot", "x"],
        &["check", "a", "b", "--tolerance", "-1"],
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "), "{arguments:?}: {}", stderr(&output));
    }
    let help = run(&["--help"]);
    assert_eq!(code(&help), 0);
    assert!(stdout(&help).contains("Exit codes"));
}

#[test]
fn presets_are_listed_with_their_sources() {
    let table = run(&["presets"]);
    assert_eq!(code(&table), 0);
    for word in ["bert-base", "raspberry-pi-5", "a100-40gb", "umi-street-canyon", "assumed", "TR 38.901"] {
        assert!(stdout(&table).contains(word), "{word}");
    }
    let json: Value = serde_json::from_str(&stdout(&run(&["presets", "--format", "json"]))).unwrap();
    for kind in ["models", "devices", "edge_servers", "path_loss"] {
        assert!(!json[kind].as_array().unwrap().is_empty(), "{kind}");
    }
    assert!(json["devices"][0]["figures"][0]["provenance"]["source"].is_string());
}

#[test]
fn a_closed_pipe_is_no_panic() {
    for arguments in [&["presets"][..], &["presets", "--format", "json"], &["--help"]] {
        let mut child = collapipe().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
    }
    // The files of a run are whole even if nobody reads its table.
    let (folder, scenario) = scenario_in("pipe", SMALL);
    let out = folder.join("out");
    let mut child = collapipe()
        .args(["run", &scenario, "--slots", "3", "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    let record: RunRecord = serde_json::from_str(&fs::read_to_string(out.join("record.json")).unwrap()).unwrap();
    assert_eq!(record.slots.len(), 3);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_its_finished_slots() {
    let folder = folder("interrupted");
    let out = folder.join("out");
    let child = collapipe()
        .args(["run", "--slots", "1000000", "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The folder appears before the handler is set; give the run time for a few slots.
    while !out.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    let notes: Vec<String> = BufReader::new(&output.stderr[..]).lines().map(Result::unwrap).collect();
    assert!(notes[0].starts_with("stopping as soon as"), "{notes:?}");
    let note = &notes[1];
    assert!(note.starts_with("stopped after ") && note.ends_with(" of 1000000 slots"), "{notes:?}");
    let record: RunRecord = serde_json::from_str(&fs::read_to_string(out.join("record.json")).unwrap()).unwrap();
    assert!(!record.slots.is_empty() && record.slots.len() < 1_000_000);
    assert_eq!(record.provenance.slots_planned, 1_000_000);
}

#[test]
fn a_policy_is_named_and_its_missing_certificates_are_explained() {
    // With budgets that can be kept: certificates against the optimum fail for want of gaps and nothing else.
    let (folder, scenario) = scenario_in("policy", &changed("budget_j_per_round = 0.5", "budget_j_per_round = 5.0"));
    let out = folder.join("out");
    let output = run(&["run", &scenario, "--policy", "uniform-segments", "--out", out.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("policy uniform-segments"), "{text}");
    assert!(text.contains("the gap of the decision is not known"), "{text}");
    assert!(!text.contains("Proved gap"), "{text}");
    let unknown = run(&["run", &scenario, "--policy", "best"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("latency-only"), "{}", stderr(&unknown));
    let refused = run(&["run", &scenario, "--policy", "no-pipeline", "--out", out.to_str().unwrap()]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("[2, 4]"), "{}", stderr(&refused));
    let help = stdout(&run(&["run", "--help"]));
    assert!(help.contains("proportional-memory"), "{help}");
}
