//! Runs the program.

use std::io::Write;
use std::process::{Command, Output, Stdio};

pub fn collapipe() -> Command {
    Command::new(env!("CARGO_BIN_EXE_collapipe"))
}

pub fn run(arguments: &[&str]) -> Output {
    collapipe().args(arguments).output().unwrap()
}

pub fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = collapipe()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that stops reading early may close its end first.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asserts that the input was refused with one line that holds all of `words`, and without a panic.
pub fn refused(output: &Output, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(code(output), 2, "{text}");
    assert_eq!(stdout(output), "", "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("error: "), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}
