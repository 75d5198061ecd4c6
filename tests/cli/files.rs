//! `validate`, `init`, `--set`, completions and manual pages.

use std::fs;
use std::path::Path;

use collapipe::formats::{FileKind, Template};
use collapipe::scenario::{NoteKind, ScenarioFile};
use serde_json::Value;

use crate::program::{code, collapipe, refused, run, run_with_input, stderr, stdout};
use crate::support::folder;
use crate::support::scenario::{SMALL, changed};

#[test]
fn set_replaces_values_by_place_name_and_star() {
    let output = run_with_input(
        &[
            "problem",
            "-",
            "--slot",
            "0",
            "--set",
            "clusters.desk.devices.pi.memory_bytes=5e8",
            "--set",
            "clusters[0].devices.1.memory_bytes=6e8",
            "--set",
            "clusters.*.batch_size=4",
            "--set",
            "participation=select",
        ],
        SMALL,
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let problem: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(problem["participation"], "select");
    let cluster = &problem["clusters"][0];
    assert_eq!(cluster["batch_size"], 4);
    assert_eq!(cluster["devices"][0]["memory_bytes"], 5e8);
    assert_eq!(cluster["devices"][1]["memory_bytes"], 6e8);
}

#[test]
fn set_gives_the_same_run_as_the_file() {
    let set = ["--set", "clusters.0.devices.0.budget_j_per_round=0.7", "--set", "model.optimizer=sgd"];
    let mut arguments = vec!["problem", "-", "--slot", "2"];
    arguments.extend(set);
    let by_option = run_with_input(&arguments, SMALL);
    let text = changed("budget_j_per_round = 2.0", "budget_j_per_round = 0.7").replacen(
        "sequence_length = 64",
        "sequence_length = 64\noptimizer = \"sgd\"",
        1,
    );
    let by_file = run_with_input(&["problem", "-", "--slot", "2"], &text);
    assert_eq!(code(&by_file), 0, "{}", stderr(&by_file));
    assert_eq!(stdout(&by_option), stdout(&by_file));
    assert_ne!(stdout(&by_option), stdout(&run_with_input(&["problem", "-", "--slot", "2"], SMALL)));
}

#[test]
fn set_refuses_by_name() {
    for (set, words) in [
        (
            "clusters.desk.devices.pone.memory_bytes=5e8",
            &["no element pone", "did you mean phone?", "or a name: pi, phone"][..],
        ),
        ("clusters.3.batch_size=4", &["clusters has no element 3", "must be 0, or a name: desk"]),
        ("cluster.0.batch_size=4", &["unknown field `cluster`", "did you mean `clusters`?"]),
        ("clusters.0.batchsize=4", &["clusters[0].batchsize: unknown field", "did you mean `batch_size`?"]),
        ("clusters.0.batch_size=four", &["clusters[0].batch_size = \"four\"", "whole number"]),
        ("clusters.0.devices.0.budget_j_per_round=-1", &["budget_j_per_round = -1", "or left out for no limit"]),
        ("slots.x=4", &["slots holds a whole number: there is no x in it"]),
        ("convergence.target=0.5", &["convergence.target=0.5: convergence: missing field `initial_gap`"]),
    ] {
        let output = run_with_input(&["problem", "-", "--slot", "0", "--set", set], SMALL);
        refused(&output, words);
        assert!(stderr(&output).contains(set), "{}", stderr(&output));
    }
    // What is no assignment is refused by the command line itself.
    let output = run_with_input(&["problem", "-", "--slot", "0", "--set", "slots"], SMALL);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("must be path=value"), "{}", stderr(&output));
}

/// What validate says, as line, path and severity.
fn findings(text: &str) -> Vec<(u64, String, String)> {
    let output = run_with_input(&["validate", "-", "--format", "json"], text);
    let verdicts: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let found = verdicts[0]["findings"].as_array().unwrap();
    let errors = found.iter().any(|finding| finding["severity"] == "error");
    assert_eq!(code(&output), if errors { 2 } else { 0 });
    assert_eq!(verdicts[0]["valid"], !errors);
    let part = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (finding["line"].as_u64().unwrap_or(0), text("path"), text("severity"))
    };
    found.iter().map(part).collect()
}

#[test]
fn validate_says_all_at_once() {
    // Three faults of form, one of them a missing field of an element, and none hides another.
    let text = SMALL
        .replacen("sequence_length = 64", "sequence_lenght = 64", 1)
        .replacen("local_iterations = 1\n", "", 1)
        .replacen("batch_size = 8", "batch_size = \"8\"", 1)
        .replacen("x_m = 6.0", "x_m = true", 1);
    let found = findings(&text);
    let paths: Vec<&str> = found.iter().map(|(_, path, _)| path.as_str()).collect();
    let expected =
        ["model.sequence_lenght", "plans[0]", "clusters[0].batch_size", "clusters[0].devices[1].position.x_m"];
    assert_eq!(paths, expected);
    for ((line, path, severity), word) in
        found.iter().zip(["sequence_lenght", "[[plans]]", "batch_size = \"8\"", "x_m = true"])
    {
        assert_eq!(text.lines().nth(*line as usize - 1).map(|line| line.contains(word)), Some(true), "{path} {line}");
        assert_eq!(severity, "error");
    }
    // Unknown fields do not hide values out of range.
    let text = SMALL.replacen("seed = 1", "seed = 1\nsead = 2", 1).replacen("slots = 20", "slots = 0", 1).replacen(
        "budget_j_per_round = 2.0",
        "budget_j_per_round = -2.0",
        1,
    );
    let paths: Vec<String> = findings(&text).into_iter().map(|(_, path, _)| path).collect();
    assert_eq!(paths, ["slots", "sead", "clusters[0].devices[0].budget_j_per_round"]);
    // Several faults of syntax.
    let found = findings(&SMALL.replacen("slots = 20", "slots = = 20", 1).replacen("[uplink]", "[uplink", 1));
    assert!(found.len() >= 2, "{found:?}");
    // What is odd is a warning, and valid.
    let found = findings(&SMALL.replacen("bandwidth_hz = 10e6", "bandwidth_hz = 10", 1));
    assert_eq!(found, [(12, "uplink.bandwidth_hz".into(), "warning".into())]);
    assert_eq!(findings(SMALL), []);
}

#[test]
fn validate_marks_the_place() {
    let output = run_with_input(&["validate", "-"], &changed("batch_size = 8", "batchsize = 8"));
    let text = stdout(&output);
    assert!(
        text.starts_with(
            "error: standard input:34:1: clusters[0].batchsize: unknown field `batchsize`\n  34 | batchsize = 8\n     | ^^^^^^^^^"
        ),
        "{text}"
    );
    assert!(text.contains("\n     = did you mean `batch_size`?\n"), "{text}");
    assert!(text.ends_with("standard input: not a valid scenario: 1 error\n"), "{text}");
    let output = run_with_input(&["validate", "-"], SMALL);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "standard input: a valid scenario\n"));
}

#[test]
fn validate_tells_formats_apart() {
    let folder = folder("validate_formats");
    let out = folder.join("out");
    let output = run_with_input(&["run", "-", "--slots", "2", "--out", out.to_str().unwrap()], SMALL);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let problem = run_with_input(&["problem", "-", "--slot", "1"], SMALL);
    let answer = run_with_input(&["solve", "-"], &stdout(&problem));
    let decision: Value = serde_json::from_str(&stdout(&answer)).unwrap();
    let record = fs::read_to_string(out.join("record.json")).unwrap();
    for (text, kind) in [
        (stdout(&problem), "slot problem"),
        (stdout(&answer), "answer"),
        (decision["decision"].to_string(), "decision"),
        (record.clone(), "run record"),
    ] {
        let output = run_with_input(&["validate", "-"], &text);
        assert_eq!((code(&output), stdout(&output)), (0, format!("standard input: a valid {kind}\n")));
        // Editors are told of the schema by a member that is no field.
        let hinted = text.replacen('{', "{\"$schema\": \"./x.json\",", 1);
        let output = run_with_input(&["validate", "-"], &hinted);
        assert_eq!((code(&output), stdout(&output)), (0, format!("standard input: a valid {kind}\n")));
        let broken: String = text.chars().take(text.len() / 2).collect();
        let output = run_with_input(&["validate", "-"], &broken);
        assert_eq!(code(&output), 2);
        assert!(stdout(&output).contains("the text ends in the middle"), "{}", stdout(&output));
    }
    // Two faults of a problem, one of form and one of range, at their places.
    let text = stdout(&problem).replacen("\"batch_size\": 8", "\"batch_size\": 8,\n \"colour\": 1", 1);
    let found = findings(&text.replacen("\"participation\": \"all\"", "\"participation\": \"al\"", 1));
    let paths: Vec<&str> = found.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(paths, ["participation", "clusters[0].colour"]);
    let found = findings(&stdout(&problem).replacen("\"batch_size\": 8", "\"batch_size\": 0", 1));
    let line = stdout(&problem).lines().position(|line| line.contains("\"batch_size\": 8")).unwrap() + 1;
    assert_eq!(found[0], (line as u64, "clusters[0].batch_size".into(), "error".into()));
    // A queue that did not follow its law.
    let mut value: Value = serde_json::from_str(&record).unwrap();
    value["slots"][1]["queues"][0] = Value::from(123.0);
    assert_eq!(findings(&value.to_string()).len(), 1);
    let output = run_with_input(&["validate", "-"], "{\"schema\": \"collapipe.slot-problm/1\"}");
    refused(&output, &["did you mean collapipe.slot-problem/1?"]);
}

#[test]
fn templates_run_without_a_warning() {
    for template in Template::ALL {
        let name = template.name();
        let folder = folder(&format!("init_{name}"));
        let file = folder.join("my.toml");
        let path = file.to_str().unwrap();
        let output = run(&["init", name, "--out", path]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let written = fs::read_to_string(&file).unwrap();
        assert_eq!(written.strip_prefix("#:schema ./scenario.schema.json\n"), Some(template.scenario()));
        let schema: Value =
            serde_json::from_str(&fs::read_to_string(folder.join("scenario.schema.json")).unwrap()).unwrap();
        assert_eq!(schema, FileKind::Scenario.schema());
        assert_eq!(stdout(&run(&["init", name])), template.scenario());
        let scenario = ScenarioFile::parse(template.scenario(), &folder).unwrap().build().unwrap();
        assert!(scenario.notes().iter().all(|note| note.kind == NoteKind::Traces), "{:?}", scenario.notes());
        let out = folder.join("out");
        let output = run(&["run", path, "--slots", "2", "--out", out.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(!stderr(&output).contains("warning"), "{}", stderr(&output));
        assert_eq!(code(&run(&["validate", path])), 0);
        // What is there is not overwritten, and nothing else is written then.
        fs::write(&file, "mine").unwrap();
        let output = run(&["init", name, "--out", path]);
        refused(&output, &["my.toml", "is not overwritten"]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let commands = ["run", "tradeoff", "solve", "validate", "init", "completions"];
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert_eq!(code(&output), 0);
        let script = stdout(&output);
        assert!(commands.iter().all(|command| script.contains(command)), "{shell}");
        assert!(script.contains("latency-weight"), "{shell}");
    }
    assert!(stdout(&run(&["man"])).contains(".TH collapipe 1"));
    assert!(stdout(&run(&["man", "run"])).contains("collapipe\\-run"));
    refused(&run(&["man", "rum"]), &["no command rum", "did you mean run?"]);
    let folder = folder("man_pages");
    assert_eq!(code(&run(&["man", "--out", folder.to_str().unwrap()])), 0);
    let page = |name: &str| folder.join(name).exists();
    assert!(commands.iter().all(|command| page(&format!("collapipe-{command}.1"))) && page("collapipe.1"));
    assert!(Path::new(&folder).is_dir());
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    let folder = folder("help_man");
    assert_eq!(code(&run(&["man", "--out", folder.to_str().unwrap()])), 0);
    let pages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let commands: Vec<String> =
        pages.filter_map(|page| Some(page.strip_prefix("collapipe-")?.strip_suffix(".1")?.to_owned())).collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands.iter().map(String::as_str).chain([""]) {
        let arguments = [command, "--help"].into_iter().filter(|word| !word.is_empty());
        let output = collapipe().args(arguments).env("COLUMNS", "80").output().unwrap();
        assert_eq!(code(&output), 0, "{command}");
        for line in stdout(&output).lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
}

#[test]
fn a_report_is_drawn_again_from_the_record_alone() {
    let folder = folder("report_again");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("small.toml"), SMALL).unwrap();
    let played = run(&["run", &path("small.toml"), "--slots", "3", "--out", &path("out"), "--format", "json"]);
    assert_eq!(code(&played), 0, "{}", stderr(&played));
    let content = |name: &str| fs::read(folder.join("out").join(name)).unwrap();
    let names = ["record.json", "summary.json", "report.html", "nodes.csv", "latency.svg"];
    let before = names.map(content);
    let paper = run(&["report", &path("out"), "--figures", "paper", "--format", "json"]);
    assert_eq!((code(&paper), stdout(&paper)), (0, stdout(&played)), "{}", stderr(&paper));
    assert!(content("latency.svg") != before[4] && !content("latency.pdf").is_empty());
    assert!(["record.json", "report.html"].map(content) == [before[0].clone(), before[2].clone()]);
    let screen = run(&["report", &path("out/record.json")]);
    assert_eq!(code(&screen), 0, "{}", stderr(&screen));
    assert!(before == names.map(content), "as it was");
    assert!(!folder.join("out").join("latency.pdf").exists());
    // What is no record is not touched.
    fs::write(path("record.json"), "{}").unwrap();
    for of in [path("record.json"), path("small.toml"), path("nowhere")] {
        refused(&run(&["report", &of, "--out", &path("other")]), &[&of]);
        assert!(!folder.join("other").exists(), "{of}");
    }
}

#[test]
fn places_where_nothing_can_be_written_are_the_users() {
    let folder = folder("places");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("small.toml"), SMALL).unwrap();
    let output = run(&["init", "--out", &path("missing/x.toml")]);
    refused(&output, &["missing: is not there; make the folder"]);
    assert!(!stderr(&output).contains(".part"), "{}", stderr(&output));
    let scenario = path("small.toml");
    refused(&run(&["run", &scenario, "--slots", "2", "--out", &scenario]), &["cannot create the folder"]);
    let plan = ["plan", &scenario, "--format", "svg", "--out", &path("missing/p.svg")];
    refused(&run(&plan), &["missing: is not there"]);
}
