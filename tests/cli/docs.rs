//! What the documentation prints is what the program prints.

use std::fs;
use std::path::Path;

use crate::program::{code, run, stderr};
use crate::support::examples::{Document, Shell, difference, documents, shortened};
use crate::support::folder;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The long ones are compared by `cargo xtask doc-examples --long`.
#[test]
fn examples_are_what_the_program_prints() {
    let (mut stale, mut compared) = (Vec::new(), 0);
    for document in documents(root()).unwrap() {
        let name = document.path.file_name().unwrap().to_string_lossy().into_owned();
        let folder = folder(&format!("examples-{name}"));
        let shell = Shell { program: env!("CARGO_BIN_EXE_collapipe").as_ref(), folder: &folder };
        shell.prepare(root()).unwrap();
        for step in document.steps.iter().filter(|step| !step.is_long()) {
            let output = shell.output(step).unwrap();
            compared += 1;
            if let Some(difference) = difference(&step.printed, &output) {
                stale.push(format!("{name}:{}: $ {}\n        {difference}", step.at, step.command));
            }
        }
    }
    assert!(compared >= 10, "only {compared} examples were found");
    assert!(
        stale.is_empty(),
        "refresh them by `cargo xtask doc-examples --write`; {} of {compared} are stale:\n{}",
        stale.len(),
        stale.join("\n")
    );
}

/// The columns of all tables in a folder, those of a cluster or a plan by what they begin with.
fn columns(folder: &Path) -> Vec<String> {
    let mut columns = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            columns.extend(self::columns(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "csv") {
            let text = fs::read_to_string(&entry).unwrap();
            columns
                .extend(text.lines().next().unwrap().split(',').map(|name| name.split(':').next().unwrap().to_owned()));
        }
    }
    columns
}

#[test]
fn every_column_of_every_table_is_explained() {
    let folder = folder("columns");
    let out = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let scenario = root().join("docs/scenarios/convergence.toml");
    let scenario = scenario.to_str().unwrap();
    for arguments in [
        vec!["run", scenario, "--slots", "2", "--certificates", "off", "--out", &out("run")],
        vec!["tradeoff", scenario, "--slots", "2", "--points", "2", "--out", &out("v")],
        vec!["tradeoff", scenario, "--slots", "2", "--points", "2", "--over", "epsilon", "--out", &out("epsilon")],
        vec![
            "compare",
            scenario,
            "--slots",
            "1",
            "--seeds",
            "1",
            "--policies",
            "exact,no-pipeline",
            "--out",
            &out("compare"),
        ],
    ] {
        let output = run(&arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    }
    let page = fs::read_to_string(root().join("docs/files.md")).unwrap();
    let columns = columns(&folder);
    assert!(columns.len() > 70, "{columns:?}");
    for column in columns {
        assert!(
            page.contains(&format!("`{column}`")) || page.contains(&format!("`{column}:")),
            "docs/files.md: {column}"
        );
    }
}

fn strings(text: &str) -> Vec<String> {
    text.lines().map(Into::into).collect()
}

#[test]
fn a_changed_number_word_or_line_is_noticed() {
    let output = strings("a 1.0\nb 2.0\nc 3.0\nd 4.0");
    assert_eq!(difference(&strings("a 1.0\nb  2.0000001\nc 3.0\nd 4.0"), &output), None);
    assert_eq!(difference(&strings("a 1.0\n...\nd 4.0"), &output), None);
    assert_eq!(difference(&strings("a 1.0\n...\nc 3.0\n..."), &output), None);
    for printed in [
        "a 1.0\nb 2.001\nc 3.0\nd 4.0",
        "a 1.0\n...\nd 5.0",
        "a 1.0\n...\nx 3.0\n...\nd 4.0",
        "a 1.0",
        "a 1.0\nb 2.0\nc 3.0\nd 4.0\ne",
    ] {
        assert!(difference(&strings(printed), &output).is_some(), "{printed}");
    }
}

#[test]
fn examples_are_found_and_rewritten_in_place() {
    let text = "x\n```text\n$ collapipe schedule \\\n    1f1b\nold 1\n...\nlast 1\n$ cat a.csv\nk\n```\ny\n```text\nno example\n```\n";
    let document = Document::new("x.md".into(), text);
    let commands: Vec<&str> = document.steps.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(commands, ["collapipe schedule 1f1b", "cat a.csv"]);
    let printed = &document.steps[0].printed;
    let output = strings("new 2\nmiddle\nmore\nlast 2");
    assert_eq!(shortened(printed, &output), strings("new 2\n...\nlast 2"));
    let outputs = [shortened(printed, &output), strings("k")];
    assert_eq!(document.with_outputs(&outputs), text.replace("old 1", "new 2").replace("last 1", "last 2"));
}
