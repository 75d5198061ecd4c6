//! Standard input, output and error.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use super::Failure;

/// Reads a file, or standard input for `-`.
pub fn read(path: &Path) -> Result<String, Failure> {
    let text = if is_stdin(path) {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    text.map_err(|error| bad_input(path, &error))
}

/// An error in a file, with its name.
pub fn bad_input(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let name = if is_stdin(path) { "standard input".into() } else { path.display().to_string() };
    Failure::input(format!("{name}: {error}"))
}

pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Prints to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::machine(format!("cannot write to standard output: {error}")),
    })
}

/// Prints a value as indented JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::machine(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// A line on standard error; nobody is told if even that is closed.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
