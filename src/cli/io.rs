//! Standard input, output and error.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use collapipe::text::{WIDTH, decode, printable, wrapped};

use super::Failure;

/// Reads the text of a file, or of standard input for `-`.
pub fn read(path: &Path) -> Result<String, Failure> {
    let bytes = if is_stdin(path) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|error| bad_input(path, &error))?;
    decode(&bytes).map_err(|error| bad_input(path, &error))
}

/// Reads a file of JSON; of one that is plainly something else, as a scenario, it is said what must be there.
pub fn read_json(path: &Path, what: &str) -> Result<String, Failure> {
    let text = read(path)?;
    match text.trim_start().chars().next() {
        Some(first) if first == '#' || first.is_alphabetic() => {
            Err(bad_input(path, &format!("is not JSON: must be {what}")))
        }
        _ => Ok(text),
    }
}

/// What `solve`, `check` and `plan` read.
pub const PROBLEM: &str = "a slot problem, as `collapipe problem SCENARIO --slot 0` prints it";

/// An input error, or several on a line each, with the name of the file.
pub fn bad_input(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let name = name(path);
    let lines: Vec<String> = error.to_string().lines().map(|line| format!("{name}: {line}")).collect();
    Failure::input(lines.join("\n"))
}

/// What messages call a file.
pub fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".into() } else { path.display().to_string() }
}

pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Prints to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same of what is no text.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::machine(format!("cannot write to standard output: {error}")),
    })
}

/// Prints text for people to standard output, with what would confuse a terminal escaped, in lines that fit it.
pub fn print_text(text: &str) -> Result<(), Failure> {
    print(&wrapped(&printable(text), width()))
}

/// Fewest columns that text is laid out for.
const NARROWEST: usize = 40;

/// Columns of standard output: what `COLUMNS` says, else those of the terminal, else 80, as in a file.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse::<usize>().ok());
    let seen = || terminal_size::terminal_size_of(io::stdout()).map(|(columns, _)| usize::from(columns.0));
    said.or_else(seen).filter(|columns| *columns > 0).unwrap_or(WIDTH).max(NARROWEST)
}

/// A value as indented JSON.
pub fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::machine(error.to_string()))?;
    Ok(text + "\n")
}

/// Prints a value as indented JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    print(&json(value)?)
}

/// A line on standard error, with what would confuse a terminal escaped; ignored if even that is closed.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// An error on standard error, each of its lines marked as one.
pub fn error(message: &str) {
    message.lines().for_each(|line| note(&format!("error: {line}")));
}
