//! The examples that the documentation prints: found, run and compared. Shared by the tests and `cargo xtask doc-examples`.
//!
//! An example is a fenced `text` block that begins with a line `$ ...`. Its commands run in one folder per document, one after
//! the other, so that a later one finds the files of those before it:
//!
//! | command | what happens |
//! |---|---|
//! | `collapipe ARGUMENTS` | the program runs; what follows is what it prints on standard output, or on standard error where it fails |
//! | `collapipe ARGUMENTS > FILE` | the same into a file |
//! | `cat FILE` | what follows becomes the file, where there is none |
//! | `head -N FILE` | what follows are its first lines |
//!
//! A line `...` stands for lines that are left out. Numbers may differ by rounding, and blanks in number. Blocks that begin
//! with other commands are none of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Examples that take more than some seconds, by how their commands begin.
pub const LONG: [&str; 3] = ["collapipe tradeoff", "collapipe recommend", "collapipe reproduce"];

/// The same of whole commands: the built-in scenario.
pub const LONG_WHOLE: [&str; 2] = ["collapipe", "collapipe run"];

/// Where a line stands for lines that are left out.
const LEFT_OUT: &str = "...";

/// One command and what is printed below it.
#[derive(Debug)]
pub struct Step {
    pub command: String,
    /// Index of the first line of the output in its document.
    pub at: usize,
    pub printed: Vec<String>,
}

impl Step {
    pub fn is_long(&self) -> bool {
        LONG.iter().any(|long| self.command.starts_with(long)) || LONG_WHOLE.contains(&self.command.as_str())
    }
}

/// A document with its examples.
pub struct Document {
    pub path: PathBuf,
    pub lines: Vec<String>,
    pub steps: Vec<Step>,
}

/// The documents of the repository at `root` that have examples.
pub fn documents(root: &Path) -> Result<Vec<Document>, String> {
    let mut paths = vec![root.join("README.md")];
    let entries = fs::read_dir(root.join("docs")).map_err(|error| format!("docs: {error}"))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("docs: {error}"))?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = paths.into_iter().map(|path| {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Document::new(path, &text))
    });
    let documents: Vec<Document> = read.collect::<Result<_, String>>()?;
    Ok(documents.into_iter().filter(|document| !document.steps.is_empty()).collect())
}

impl Document {
    pub fn new(path: PathBuf, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(Into::into).collect();
        let mut steps = Vec::new();
        let mut i = 0;
        while i < lines.len() {
            i += 1;
            if lines[i - 1] != "```text" {
                continue;
            }
            let length = lines[i..].iter().take_while(|line| *line != "```").count();
            let block = &lines[i..i + length];
            let ours = ["$ collapipe", "$ cat ", "$ head -"];
            if block.first().is_some_and(|first| ours.iter().any(|ours| first.starts_with(ours))) {
                steps.extend(commands(block, i));
            }
            i += length;
        }
        Self { path, lines, steps }
    }

    /// The document with other outputs below its commands.
    pub fn with_outputs(&self, outputs: &[Vec<String>]) -> String {
        let mut lines = Vec::new();
        let mut from = 0;
        for (step, output) in self.steps.iter().zip(outputs) {
            lines.extend_from_slice(&self.lines[from..step.at]);
            lines.extend_from_slice(output);
            from = step.at + step.printed.len();
        }
        lines.extend_from_slice(&self.lines[from..]);
        lines.join("\n") + "\n"
    }
}

fn commands(block: &[String], at: usize) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut i = 0;
    while i < block.len() {
        let Some(command) = block[i].strip_prefix("$ ") else {
            if let Some(step) = steps.last_mut() {
                step.printed.push(block[i].clone());
            }
            i += 1;
            continue;
        };
        let mut command = command.to_owned();
        i += 1;
        while let Some(begun) = command.strip_suffix('\\') {
            let more = block.get(i).map_or("", |line| line.trim());
            command = format!("{} {more}", begun.trim_end());
            i += 1;
        }
        steps.push(Step { command, at: at + i, printed: Vec::new() });
    }
    steps
}

/// Runs the examples of one document.
pub struct Shell<'a> {
    pub program: &'a Path,
    pub folder: &'a Path,
}

impl Shell<'_> {
    /// A folder in which paths of the repository at `root` are found.
    pub fn prepare(&self, root: &Path) -> Result<(), String> {
        fs::create_dir_all(self.folder).map_err(|error| error.to_string())?;
        for name in ["docs", "tests"] {
            copy(&root.join(name), &self.folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// What a step prints.
    pub fn output(&self, step: &Step) -> Result<Vec<String>, String> {
        let (command, file) = match step.command.split_once(" > ") {
            Some((command, file)) => (command, Some(self.folder.join(file))),
            None => (step.command.as_str(), None),
        };
        let mut words = command.split_whitespace();
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        let read = |path: PathBuf| fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()));
        match (words.next(), words.collect::<Vec<_>>().as_slice()) {
            (Some("cat"), [name]) => {
                let path = self.folder.join(name);
                if !path.exists() {
                    fs::write(&path, step.printed.join("\n") + "\n").map_err(|error| error.to_string())?;
                }
                Ok(lines(&read(path)?))
            }
            (Some("head"), [number, name]) => {
                let number = number.trim_start_matches('-').parse().map_err(|_| format!("{command}: no number"))?;
                let mut lines = lines(&read(self.folder.join(name))?);
                lines.truncate(number);
                Ok(lines)
            }
            (Some("collapipe"), arguments) => {
                let output = Command::new(self.program).args(arguments).current_dir(self.folder).output();
                let output = output.map_err(|error| format!("{}: {error}", self.program.display()))?;
                let shown = if output.status.code() == Some(0) || !output.stdout.is_empty() {
                    output.stdout
                } else {
                    output.stderr
                };
                let shown = String::from_utf8(shown).map_err(|error| error.to_string())?;
                match file {
                    Some(file) => fs::write(file, shown).map(|()| Vec::new()).map_err(|error| error.to_string()),
                    None => Ok(lines(&shown)),
                }
            }
            _ => Err(format!("{command}: not a command that examples may have")),
        }
    }
}

/// A folder with its plain files and folders.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let Some(name) = entry.file_name() else { continue };
        if kind.is_dir() {
            copy(&entry, &to.join(name))?;
        } else if kind.is_file() {
            fs::copy(&entry, to.join(name))?;
        }
    }
    Ok(())
}

/// The first line of an example that the program does not print.
pub fn difference(printed: &[String], output: &[String]) -> Option<String> {
    let parts: Vec<&[String]> = printed.split(|line| line.trim() == LEFT_OUT).collect();
    let mut from = 0;
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        let begin = match (i, last) {
            (0, _) => 0,
            (_, true) => output.len().saturating_sub(part.len()).max(from),
            _ => (from..output.len()).find(|&at| matches(part, &output[at..])).unwrap_or(from),
        };
        for (k, line) in part.iter().enumerate() {
            match output.get(begin + k) {
                Some(found) if alike(line, found) => {}
                Some(found) => return Some(format!("printed  {line}\n        is now   {found}")),
                None => return Some(format!("printed  {line}\n        is now   left out")),
            }
        }
        from = begin + part.len();
    }
    output.get(from).map(|more| format!("printed  nothing\n        is now   {more}"))
}

fn matches(part: &[String], output: &[String]) -> bool {
    part.len() <= output.len() && part.iter().zip(output).all(|(line, found)| alike(line, found))
}

/// The output as the example shows it: what it leaves out stays left out.
pub fn shortened(printed: &[String], output: &[String]) -> Vec<String> {
    let parts: Vec<&[String]> = printed.split(|line| line.trim() == LEFT_OUT).collect();
    let [_, between @ .., last] = parts.as_slice() else { return output.to_vec() };
    let first = parts[0].len().min(output.len());
    let mut shown = output[..first].to_vec();
    let mut from = first;
    for part in between {
        let begin = part.first().and_then(|line| (from..output.len()).find(|&at| words(&output[at]) == words(line)));
        let Some(begin) = begin else { continue };
        let end = (begin + part.len()).min(output.len());
        shown.push(LEFT_OUT.into());
        shown.extend_from_slice(&output[begin..end]);
        from = end;
    }
    shown.push(LEFT_OUT.into());
    shown.extend_from_slice(&output[output.len().saturating_sub(last.len()).max(from)..]);
    shown
}

/// A line without its numbers.
fn words(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit() && !"+-.e ".contains(*c)).collect()
}

/// How much numbers may differ: relative, and near zero.
const CLOSE: (f64, f64) = (1e-6, 1e-8);

/// Whether lines are equal but for blanks and for the rounding of numbers.
fn alike(one: &str, other: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split_whitespace().collect(), other.split_whitespace().collect());
    one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| one == other || close(one, other))
}

/// Whether both are a number between the same signs, as `4.5,` or `(1.2`.
fn close(one: &str, other: &str) -> bool {
    fn split(word: &str) -> Option<(&str, f64, &str)> {
        let inner = word.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '-');
        let number = inner.trim_end_matches(|c: char| !c.is_ascii_digit());
        let (before, after) = (word.len() - inner.len(), word.len() - inner.len() + number.len());
        Some((word.get(..before)?, number.parse().ok()?, word.get(after..)?))
    }
    let (Some((before, a, after)), Some((other_before, b, other_after))) = (split(one), split(other)) else {
        return false;
    };
    (before, after) == (other_before, other_after) && (a - b).abs() <= CLOSE.0 * a.abs().max(b.abs()) + CLOSE.1
}
