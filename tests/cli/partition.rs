//! `collapipe partition`: problems and tables in, a plan out.

use serde_json::Value;

use crate::program::{code, refused, run_with_input, stderr, stdout};

const TABLE: &str = "layer,forward_ms,backward_ms,output_bytes\na,100,200,1000\nb,100,200,500\nc,200,400,0\n";

fn json(arguments: &[&str], input: &str) -> Value {
    let output = run_with_input(arguments, input);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn a_table_of_layers_is_cut() {
    let shown = run_with_input(&["partition", "-", "--devices", "2x1"], TABLE);
    assert_eq!(code(&shown), 0, "{}", stderr(&shown));
    let text = stdout(&shown);
    assert!(text.contains("3 layers on 2 of 2 devices") && text.contains("0.600000 s, optimal"), "{text}");
    let answer = json(&["partition", "-", "--devices", "1,1", "--format", "json"], TABLE);
    let solved = &answer["solved"];
    assert_eq!(solved["status"], "optimal");
    assert!((solved["value_s"].as_f64().unwrap() - 0.6).abs() < 1e-15);
    assert_eq!(solved["plan"][1], serde_json::json!({"device": 1, "first": 2, "past": 3}));
}

#[test]
fn the_problem_of_a_table_is_printed_and_solved() {
    let options =
        ["partition", "-", "--devices", "1,0.5", "--order", "free", "--stages", "2", "--bits-per-second", "1e5"];
    let schedule = ["--latency", "0.01", "--objective", "1f1b", "--micro-batches", "4", "--memory", "1e9"];
    let all: Vec<&str> = options.iter().chain(&schedule).copied().collect();
    let problem = json(&[&all[..], &["--print-problem"]].concat(), TABLE);
    assert_eq!(problem["objective"]["schedule"], "1f1b");
    let from_table = json(&[&all[..], &["--format", "json"]].concat(), TABLE);
    let from_problem = json(&["partition", "-", "--format", "json"], &problem.to_string());
    assert_eq!(from_table, from_problem);
    // The faster device takes the last two layers: 1000 bytes come back over the cut.
    assert_eq!(from_table["solved"]["plan"][0]["past"], 1);
    assert_eq!(from_table["solved"]["evaluation"]["links"][0]["backward_s"], 0.08);
}

#[test]
fn what_has_no_plan_ends_with_3() {
    let table = "layer,forward_s,resident_bytes\na,1,10\n";
    for (format, start) in [("table", "infeasible: layer 0 fits"), ("json", "{\n  \"infeasible\": \"layer 0")] {
        let output = run_with_input(&["partition", "-", "--devices", "1", "--memory", "5", "--format", format], table);
        assert_eq!(code(&output), 3);
        assert!(stdout(&output).starts_with(start), "{}", stdout(&output));
    }
}

#[test]
fn bad_options_and_tables_are_refused() {
    let refuse = |options: &[&str], input: &str, words: &[&str]| {
        refused(&run_with_input(&[&["partition", "-"], options].concat(), input), words);
    };
    refuse(&[], TABLE, &["--devices"]);
    refuse(&["--devices", "1", "--memory", "1,2"], TABLE, &["--memory has 2 numbers"]);
    refuse(&["--devices", "1", "--objective", "1f1b"], TABLE, &["--micro-batches"]);
    refuse(&["--devices", "1", "--micro-batches", "2"], TABLE, &["--micro-batches"]);
    refuse(&["--devices", "1"], "layer\na\n", &["standard input", "forward_s"]);
    refuse(&["--devices", "1", "--objective", "forward-only", "--micro-batches", "2"], TABLE, &["objective.schedule"]);
    refuse(&["--devices", "1"], "{}", &["--devices is for tables"]);
    refuse(&[], "{}", &["standard input", "schema"]);
    let bad = run_with_input(&["partition", "-", "--devices", "0x1"], TABLE);
    assert_eq!(code(&bad), 2);
}
