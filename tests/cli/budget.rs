//! Budgets that can and cannot be kept: what `run`, `recommend` and `budget` say, against energies worked out by hand.

use serde_json::Value;

use crate::program::{code, run_with_input, stderr, stdout};
use crate::support::folder;

/// A control unit and a board, always the same channel, one plan.
const SHED: &str = r#"
schema = "collapipe.scenario/1"
name = "shed"
slots = 12
seed = 1
latency_weight = 0.1

[model]
preset = "bert-tiny"

[uplink]
bandwidth_hz = 10e6

[[plans]]
local_iterations = 1
micro_batches = 1

[channel.constant]
gain_to_noise_hz_per_w = [[0.0, 1e9, 1e9], [1e9, 0.0, 1e9], [1e9, 1e9, 0.0]]

[[clusters]]
name = "shed"
batch_size = 4
bandwidth_hz = 10e6

[clusters.control_unit]
preset = "raspberry-pi-4"
UNIT

[clusters.edge_server]
preset = "rtx-3090"

[[clusters.devices]]
name = "board"
preset = "raspberry-pi-4"
BOARD
"#;

fn shed(unit: Option<f64>, board: Option<f64>) -> String {
    let line = |budget: Option<f64>| budget.map_or(String::new(), |joules| format!("budget_j_per_round = {joules:e}"));
    SHED.replace("UNIT", &line(unit)).replace("BOARD", &line(board))
}

/// Least joules per bit on the whole band: min over p of (p/η + p_c)/R(W, p), on a fine grid.
fn joules_per_bit(most_w: f64, circuit_w: f64, efficiency: f64) -> f64 {
    let (band, gain) = (10e6, 1e9);
    let at = |p: f64| (p / efficiency + circuit_w) / (band * (1.0 + p * gain / band).log2());
    (1..=200_000).map(|i| at(most_w * f64::from(i) / 200_000.0)).fold(f64::INFINITY, f64::min)
}

/// The least energies of control unit and board in a round, from the numbers of the slot's problem.
fn least_energies() -> (f64, f64) {
    let output = run_with_input(&["problem", "-", "--slot", "0"], &shed(None, None));
    let problem: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let number = |path: &str| problem.pointer(path).unwrap().as_f64().unwrap();
    let per_bit = |node: &str| {
        let of = |key: &str| number(&format!("/clusters/0/{node}/{key}"));
        joules_per_bit(of("max_power_w"), of("circuit_power_w"), of("amplifier_efficiency"))
    };
    let (blocks, batch) = (number("/encoder/blocks"), number("/clusters/0/batch_size"));
    let cut = batch * number("/encoder/boundary_bits_per_sample");
    let segment = blocks * number("/encoder/parameter_bits_per_block");
    let flops = number("/encoder/forward_flops_per_sample") + number("/encoder/backward_flops_per_sample");
    let computed = batch * blocks * flops * number("/clusters/0/devices/0/joules_per_flop");
    // The control unit sends the segment, the activations and the upload; the board sends both ways, and the segment back.
    let unit = (segment + cut + number("/clusters/0/upload_bits")) * per_bit("control_unit");
    (unit, computed + (2.0 * cut + segment) * per_bit("devices/0"))
}

fn budget(text: &str) -> Value {
    let output = run_with_input(&["budget", "-", "--format", "json"], text);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[track_caller]
fn assert_close(found: &Value, expected: f64, relative: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= relative * expected, "{found} for {expected}");
}

#[test]
fn the_least_budgets_are_those_worked_out_by_hand() {
    let (unit, board) = least_energies();
    for (of_unit, of_board) in [(50.0, 20.0), (0.5, 0.5), (5e-3, 500.0), (1e-9, 1e-9), (1e6, 1e-6)] {
        let found = budget(&shed(Some(of_unit), Some(of_board)));
        // Both nodes' shares of the bands do not matter where each of them sends alone or waits: to 1 %.
        let factor = f64::max(unit / of_unit, board / of_board);
        let (bound, enough) = (found["factor_bound"].as_f64().unwrap(), found["factor"].as_f64().unwrap());
        assert!(bound <= enough && enough <= 1.02 * bound, "{bound} {enough}");
        assert!(bound <= factor * 1.01 && enough >= factor * 0.9999, "{bound} {factor} {enough}");
        assert_close(&found["factor"], factor, 0.02);
        let tightest = if unit / of_unit > board / of_board { "shed/control-unit" } else { "shed/board" };
        assert_eq!(found["tightest"], tightest);
    }
}

#[test]
fn a_node_alone_has_the_least_budget_worked_out_by_hand() {
    let (_, board) = least_energies();
    let found = budget(&shed(None, Some(3.0)));
    assert_close(&found["nodes"][0]["enough_j"], board, 0.01);
    assert_close(&found["nodes"][0]["least_j"], board, 0.01);
    assert!(found["nodes"][0]["least_j"].as_f64().unwrap() <= board);
    // With room there is a V, and a joule more never makes rounds longer.
    assert!(found["start_with"]["latency_weight"].as_f64().unwrap() > 0.0);
    assert!(found["nodes"][0]["seconds_per_joule"].as_f64().unwrap() >= 0.0);
    // In the middle between the least and too little: from both sides.
    for (share, kept) in [(0.98, false), (1.02, true)] {
        let found = budget(&shed(None, Some(share * board)));
        assert_eq!(found["factor_bound"].as_f64().unwrap() > 1.0, !kept);
        assert_eq!(found["factor"].as_f64().unwrap() <= 1.0, kept);
        assert_eq!(found["start_with"].is_null(), !kept);
    }
}

#[test]
fn budgets_that_nobody_gave_are_derived_said_and_written() {
    let (unit, board) = least_energies();
    let text = shed(None, None);
    let found = budget(&text);
    assert!(found["budgets_from"].as_str().unwrap().contains("where nothing limits it"), "{found}");
    // What is spent where nothing limits it can be kept, and no node can do with less than its least energy.
    let of = |node: usize, key: &str| found["nodes"][node][key].as_f64().unwrap();
    let (factor, least) =
        (found["factor"].as_f64().unwrap(), (unit / of(0, "budget_j")).max(board / of(1, "budget_j")));
    assert!(factor <= 1.0 && least <= 1.0, "{found}");
    assert_close(&found["factor"], least, 0.02);

    let out = folder("budget_write").join("with.toml");
    let output = run_with_input(&["budget", "-", "--write", out.to_str().unwrap()], &text);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("No node has a budget. As budgets are taken: what each node"));
    let written = std::fs::read_to_string(&out).unwrap();
    assert!(written.starts_with("# Budgets: 1.25 times the least common factor"), "{written}");
    // A second look finds the room that was left, and nothing else of the scenario has changed.
    let again = budget(&written);
    assert!(again["budgets_from"].is_null());
    assert_close(&again["factor"], 0.8, 0.02);
    let output = run_with_input(&["budget", "-", "--write", out.to_str().unwrap()], &text);
    assert_eq!(code(&output), 2, "what is there is not overwritten");
}

#[test]
fn a_run_without_budgets_says_so() {
    let output = run_with_input(&["run", "-", "--no-files", "--slots", "2"], &shed(None, None));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("Budgets: none. "), "{}", stdout(&output));
}

/// What a run says first, as text and in its summary.
fn verdict(name: &str, text: &str) -> (String, Value) {
    let folder = folder(name);
    let out = folder.join("out");
    let output = run_with_input(&["run", "-", "--out", out.to_str().unwrap()], text);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let summary = std::fs::read_to_string(out.join("summary.json")).unwrap();
    (stdout(&output), serde_json::from_str(&summary).unwrap())
}

#[test]
fn the_first_line_of_a_run_says_whether_budgets_are_kept() {
    let (unit, board) = least_energies();
    let (text, summary) = verdict("budget_kept", &shed(Some(1e6), Some(1e6)));
    assert!(text.starts_with("Budgets: kept. "), "{text}");
    assert_eq!(summary["budgets"]["verdict"], "kept");

    let (text, summary) = verdict("budget_settling", &shed(Some(1.03 * unit), Some(1.03 * board)));
    assert!(text.starts_with("Budgets: settling. "), "{text}");
    assert_eq!(summary["budgets"]["verdict"], "settling");

    for (name, of_unit, of_board, node) in [
        ("budget_tiny", 1e-3 * unit, 2e-3 * board, "shed/control-unit"),
        ("budget_one", 1e3, 0.5 * board, "shed/board"),
        ("budget_zero_ish", 1e-9, 1e3, "shed/control-unit"),
    ] {
        let (text, summary) = verdict(name, &shed(Some(of_unit), Some(of_board)));
        assert!(text.starts_with(&format!("Budgets: CANNOT BE KEPT. Tightest: {node}.")), "{text}");
        assert!(text.contains(&format!("no decision keeps the energy budget of {node}")), "{text}");
        assert!(text.contains(" OVER ") && !text.contains("longer runs"), "{text}");
        assert!(!text.contains("No mean latency below -") && !text.contains("Singular"), "{text}");
        let found = &summary["budgets"];
        assert_eq!((&found["verdict"], &found["tightest"]), (&"cannot_be_kept".into(), &node.into()));
        assert!(found["needs"]["factor_bound"].as_f64().unwrap() > 1.0);
        assert!(summary["offline"].is_null());
    }
}

fn without_weight(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("latency_weight"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// V of what a run prints as JSON.
fn weight(printed: &str) -> f64 {
    let summary: Value = serde_json::from_str(printed).unwrap();
    summary["provenance"]["latency_weight"].as_f64().unwrap()
}

#[test]
fn a_scenario_without_v_has_one_derived() {
    let text = without_weight(&std::fs::read_to_string("src/scenario/builtin.toml").unwrap());
    let small = text.replacen("slots = 500", "slots = 40", 1);
    let arguments = ["run", "-", "--no-files", "--format", "json", "--certificates", "off"];
    let derived = run_with_input(&arguments, &small);
    assert_eq!(code(&derived), 0, "{}", stderr(&derived));
    let v = weight(&stdout(&derived));
    let said = stderr(&derived);
    assert_eq!(said.matches("latency_weight is left out").count(), 1, "{said}");
    assert!(said.contains(&format!("V = {v} 1/s")) && said.contains("a pilot of 40 slots"), "{said}");
    let summary: Value = serde_json::from_str(&stdout(&derived)).unwrap();
    let from = summary["provenance"]["latency_weight_from"].as_str().unwrap();
    assert!(from.contains("C2"), "{from}");
    // The same V, given, is the same run, and nothing is said.
    let weight = v.to_string();
    let with = [&arguments[..], &["--latency-weight", &weight]].concat();
    let given = run_with_input(&with, &small);
    let other: Value = serde_json::from_str(&stdout(&given)).unwrap();
    assert_eq!(other["latency"], summary["latency"]);
    assert!(!stderr(&given).contains("left out") && other["provenance"].get("latency_weight_from").is_none());
    // What `budget` recommends by the multipliers of an offline optimum is of the same size.
    let budget = run_with_input(&["budget", "-", "--slots", "40", "--format", "json"], &small);
    let budget: Value = serde_json::from_str(&stdout(&budget)).unwrap();
    let recommended = budget["start_with"]["latency_weight"].as_f64().unwrap();
    assert!((0.2..5.0).contains(&(v / recommended)), "{v} and {recommended}");
}

#[test]
fn v_does_not_matter_without_budgets_and_is_never_zero() {
    let free = without_weight(&shed(None, None));
    let played = run_with_input(&["run", "-", "--no-files", "--format", "json"], &free);
    assert_eq!((code(&played), weight(&stdout(&played))), (0, 1.0), "{}", stderr(&played));
    assert!(stderr(&played).contains("every V gives the same rounds"));
    for command in [["plan", "-"], ["validate", "-"], ["compare", "-"]] {
        let out = folder("derived-compare");
        let out = out.to_str().unwrap();
        let mut arguments = command.to_vec();
        if command[0] == "compare" {
            arguments.extend(["--policies", "exact,split-learning", "--slots", "2", "--seeds", "1", "--out", out]);
        }
        let done = run_with_input(&arguments, &free);
        assert_eq!(code(&done), 0, "{command:?}: {}", stderr(&done));
    }
    let zero = run_with_input(&["run", "-", "--no-files"], &shed(None, None).replace("= 0.1", "= 0"));
    assert_eq!(code(&zero), 2);
    assert!(stderr(&zero).contains("latency_weight") && stderr(&zero).contains("or left out"), "{}", stderr(&zero));
    let two = run_with_input(&["run", "-", "--no-files", "--latency-weight", "1,2"], &shed(None, None));
    assert_eq!(code(&two), 2);
    assert!(stderr(&two).contains("must be one V"), "{}", stderr(&two));
}

/// A sweep says it first, as its page does: runs of the same slots and budgets show for each other what can be kept.
#[test]
fn a_sweep_says_first_whether_budgets_are_kept() {
    let (unit, board) = least_energies();
    let said = |name: &str, text: &str| {
        let out = folder(name).join("out");
        let output = run_with_input(&["tradeoff", "-", "--v", "1e-3,10", "--out", out.to_str().unwrap()], text);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let page = std::fs::read_to_string(out.join("report.html")).unwrap();
        // Wrapped to the width of a terminal.
        let text = stdout(&output).lines().skip(1).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        (text, page)
    };
    let (text, page) = said("budget_sweep_kept", &shed(Some(1e6), Some(1e6)));
    assert!(text.starts_with("Budgets: kept in all 2 runs. Tightest: shed/control-unit"), "{text}");
    assert!(page.contains("Budgets: kept in all 2 runs."));
    let (text, page) = said("budget_sweep_cannot", &shed(Some(1e-3 * unit), Some(2e-3 * board)));
    assert!(text.starts_with("Budgets: CANNOT BE KEPT. Tightest: shed/control-unit."), "{text}");
    assert!(text.contains("nor that of shed/board") && text.contains("would have to be at least"), "{text}");
    assert!(page.contains("class=\"verdict bad\"") && page.contains("CANNOT BE KEPT"));
    let (text, _) = said("budget_sweep_settling", &shed(Some(1.0001 * unit), Some(1e6)));
    assert!(text.starts_with("Budgets: settling. ") || text.starts_with("Budgets: kept by 1 of 2 runs"), "{text}");
    let (text, _) = said("budget_sweep_none", &shed(None, None));
    assert!(!text.contains("Budgets:"), "{text}");
}

/// Who plans no round keeps every budget, which is no success.
#[test]
fn a_run_without_rounds_does_not_keep_budgets() {
    let (unit, board) = least_energies();
    let text = shed(Some(1e-3 * unit), Some(2e-3 * board));
    let output = run_with_input(&["run", "-", "--policy", "offline", "--no-files"], &text);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.starts_with("Budgets: no round was planned, and nothing spent"), "{said}");
    assert!(said.contains("no decision keeps the energy budget of shed/control-unit"), "{said}");
}

#[test]
fn recommend_speaks_to_people_and_to_programs() {
    let text = shed(Some(50.0), Some(20.0));
    let ask = |more: &[&str]| {
        let output = run_with_input(&[&["recommend", "-"][..], more].concat(), &text);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let read =
        |more: &[&str]| -> Value { serde_json::from_str(&ask(&[more, &["--format", "json"]].concat())).unwrap() };
    let typed = |said: &str| -> f64 {
        let (_, rest) = said.split_once("latency_weight = ").unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    // The least V that promises the latency, and what is typed promises it as well.
    let latency = ["--latency-tolerance", "0.25"];
    let found = read(&latency);
    let advice = &found["recommendation"];
    let drift = found["pilot"]["measured"]["drift"].as_f64().unwrap();
    assert_close(&advice["latency_weight"], drift / 0.25, 1e-12);
    assert_close(&advice["latency_above_least_s"], 0.25, 1e-12);
    let said = ask(&latency);
    let v = advice["latency_weight"].as_f64().unwrap();
    assert!((v..=1.01 * v).contains(&typed(&said)), "{v}: {said}");
    assert!(said.contains("at most 0.25 s above the least possible (C2)") && said.contains("Why\n"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    assert!(!said.contains("penalty") && !said.contains("violation"), "{said}");
    let played = run_with_input(&["run", "-", "--no-files", "--latency-weight", &typed(&said).to_string()], &text);
    assert_eq!(code(&played), 0, "{}", stderr(&played));
    // A run without an end: V(t) grows, and nothing is said of overspend.
    let endless = ["--latency-tolerance", "0.25", "--no-horizon"];
    assert!(read(&endless)["recommendation"]["overspend"].is_null());
    assert!(ask(&endless).contains("V(t) = v sqrt(t+1)"));
}
