//! `collapipe validate` and `init`: files that people write.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use collapipe::calibration::TimingColumn;
use collapipe::experiments::OwnExperiment;
use collapipe::formats::{FileKind, Template};
use collapipe::report::RunFolder;
use collapipe::simulation::{RecordReader, RunRecord};
use collapipe::text::{Finding, Severity, decode};
use collapipe::write_text;
use serde::Serialize;

use super::args::{Format, InitArguments, SchemaArguments, SchemaFormat, SchemaName, TemplateName, ValidateArguments};
use super::{Done, Failure, io};

/// What `validate --format json` prints of a file.
#[derive(Serialize)]
struct Verdict {
    file: String,
    /// Which format; none for one of others.
    kind: Option<&'static str>,
    valid: bool,
    findings: Vec<Finding>,
}

impl Verdict {
    fn new(file: String, kind: FileKind, findings: Vec<Finding>) -> Self {
        let valid = findings.iter().all(|finding| finding.severity != Severity::Error);
        Self { file, kind: Some(kind.name()), valid, findings }
    }

    /// Prints it for reading.
    fn told(&self, format: Format, kind: FileKind, text: &str) -> Result<(), Failure> {
        if format == Format::Json {
            return Ok(());
        }
        for finding in &self.findings {
            io::print(&finding.shown(&self.file, text))?;
        }
        io::print_text(&format!("{}: {}\n", self.file, conclusion(kind, &self.findings)))
    }
}

/// The file as a record with a line per slot, as long runs leave; none for any other file.
pub fn record_lines(path: &Path) -> Option<RecordReader<BufReader<File>>> {
    let file = File::open(path).ok().filter(|_| !io::is_stdin(path))?;
    RecordReader::new(BufReader::with_capacity(1 << 16, file)).ok()
}

pub fn validate(arguments: &ValidateArguments) -> Result<Done, Failure> {
    let mut verdicts = Vec::with_capacity(arguments.files.len());
    for path in &arguments.files {
        let record = path.join(RunFolder::RECORD);
        let path = if path.is_dir() { &record } else { path };
        if let Some(lines) = record_lines(path) {
            let kind = FileKind::Record;
            let verdict = Verdict::new(path.display().to_string(), kind, RunRecord::inspect_lines(lines));
            verdict.told(arguments.format, kind, "")?;
            verdicts.push(verdict);
            continue;
        }
        let text = io::read(path)?;
        if let Some(other) = other(path, &text) {
            return Err(io::bad_input(path, &other));
        }
        let file = if io::is_stdin(path) { "standard input".into() } else { path.display().to_string() };
        let kind = FileKind::of(&text).map_err(|error| io::bad_input(path, &error))?;
        let folder = if io::is_stdin(path) { None } else { path.parent() };
        let findings = kind.inspect(&text, folder.unwrap_or(Path::new("")));
        let verdict = Verdict::new(file, kind, findings);
        verdict.told(arguments.format, kind, &text)?;
        verdicts.push(verdict);
    }
    if arguments.format == Format::Json {
        io::print_json(&verdicts)?;
    }
    Ok(if verdicts.iter().all(|verdict| verdict.valid) { Done::Solved } else { Done::Refused })
}

/// What a file is that other commands read and check.
fn other(path: &Path, text: &str) -> Option<String> {
    if path.extension().is_some_and(|extension| extension == "csv") {
        return Some(
            "is a table: must be a scenario (TOML), or a slot problem, an answer, a decision or a record (JSON); tables are checked by what \
             reads them, traces by the scenario that names them and timings by `collapipe calibrate`"
                .into(),
        );
    }
    let file = path.display();
    OwnExperiment::describes(text)
        .then(|| format!("is an experiment: `collapipe sweep {file} --plan runs.json` checks it, and lists its runs"))
}

/// As `not a valid scenario: 2 errors, 1 warning`.
fn conclusion(kind: FileKind, findings: &[Finding]) -> String {
    let count = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counted: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| match count(severity) {
            1 => format!("1 {}", severity.name()),
            several => format!("{several} {}s", severity.name()),
        })
        .collect();
    let valid = if count(Severity::Error) == 0 { "a valid" } else { "not a valid" };
    let colon = if counted.is_empty() { "" } else { ": " };
    format!("{valid} {}{colon}{}", kind.name(), counted.join(", "))
}

pub fn schema(arguments: &SchemaArguments) -> Result<Done, Failure> {
    let kind = match arguments.kind {
        SchemaName::Scenario => FileKind::Scenario,
        SchemaName::Problem => FileKind::Problem,
        SchemaName::Answer => FileKind::Answer,
        SchemaName::Decision => FileKind::Decision,
        SchemaName::Record => FileKind::Record,
        SchemaName::Timings => {
            match arguments.format {
                SchemaFormat::Json => io::print_json(&TimingColumn::schema())?,
                SchemaFormat::Markdown => io::print(&TimingColumn::markdown())?,
            }
            return Ok(Done::Solved);
        }
    };
    match arguments.format {
        SchemaFormat::Json => io::print_json(&kind.schema())?,
        SchemaFormat::Markdown => io::print(&kind.keys())?,
    }
    Ok(Done::Solved)
}

/// By which editors complete a scenario; named in its first line.
const SCHEMA_FILE: &str = "scenario.schema.json";

pub fn init(arguments: &InitArguments) -> Result<Done, Failure> {
    let template = match arguments.template {
        TemplateName::Radio => Template::Radio,
        TemplateName::Wifi => Template::Wifi,
        TemplateName::Ethernet => Template::Ethernet,
        TemplateName::Trace => Template::Trace,
        TemplateName::Gpus => Template::Gpus,
    };
    let Some(out) = &arguments.out else {
        for file in template.files() {
            io::note(&format!("note: the scenario reads {}, which --out FILE writes beside it", file.name));
        }
        io::print(template.scenario())?;
        return Ok(Done::Solved);
    };
    let folder = out.parent().unwrap_or(Path::new(""));
    let scenario = format!("#:schema ./{SCHEMA_FILE}\n{}", template.scenario());
    let schema = io::json(&FileKind::Scenario.schema())?;
    let mut files: Vec<(PathBuf, &str)> = vec![(out.clone(), &scenario), (folder.join(SCHEMA_FILE), &schema)];
    files.extend(template.files().iter().map(|file| (folder.join(file.name), file.text)));
    // All or none.
    if let Some((path, _)) = files.iter().find(|(path, text)| holds_another(path, text)) {
        return Err(Failure::input(format!(
            "{}: is there already and is not overwritten; choose another name with --out",
            path.display()
        )));
    }
    for (path, text) in &files {
        write_text(path, text, true)?;
    }
    let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    io::print_text(&format!("Wrote {}\nPlay it with: collapipe run {}\n", names.join(", "), out.display()))?;
    Ok(Done::Solved)
}

/// Whether something is at `path` other than a file that holds this text.
fn holds_another(path: &Path, text: &str) -> bool {
    match std::fs::read(path) {
        Ok(bytes) => decode(&bytes).map_or(true, |found| found != text),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}
