//! What the documentation prints is what the program prints.

use std::path::Path;

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
