//! Scenario files: TOML in, errors with their line out.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::DeTable;

use super::build::Scenario;
use super::error::ScenarioError;
use super::huge::as_infinite;
use super::notes::{Note, NoteKind};
use super::places::place_of;
use super::set::{Assignment, AssignmentError};
use super::spec::ScenarioSpec;
use super::tables::read_tables;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::network::radio::{ChannelConfig, RateTrace, TraceFile, TraceFileError};
use crate::partition::ProfileError;
use crate::text::{TextError, describe, position, without_mark};

/// The built-in scenario: BERT-base on two clusters of boards and phones.
pub const BUILTIN: &str = include_str!("builtin.toml");

/// Scenarios to begin with, by their names: the built-in one, and four boards on one Wi-Fi or on Ethernet.
pub const PRESETS: [(&str, &str); 3] = [
    ("builtin", BUILTIN),
    ("wifi", include_str!("presets/wifi.toml")),
    ("ethernet", include_str!("presets/ethernet.toml")),
];

/// The text of a scenario to begin with; none of another name than those of [`PRESETS`].
#[must_use]
pub fn preset(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Why a text is not a scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioFileError {
    /// Not the TOML of a scenario: syntax, missing or unknown field, wrong type; the message names the field.
    #[error("line {line}, column {column}: {message}")]
    Format {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Well-formed, but not a valid scenario. The line is that of the field or, where it is missing, of what should
    /// hold it.
    #[error("{}{error}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Scenario {
        /// Line, from 1.
        line: Option<usize>,
        /// What is wrong.
        error: ScenarioError,
    },
    /// Several of the latter, one line each.
    #[error("{}", lines(.0))]
    Several(Vec<ScenarioFileError>),
    /// A value was to be set where there is no place for it.
    #[error(transparent)]
    Assignment(#[from] AssignmentError),
    /// A value that was set in place of the file's is of the wrong type or out of range.
    #[error("{assignment}: {message}")]
    Assigned {
        /// The assignment, as it was given.
        assignment: String,
        /// What is wrong.
        message: String,
        /// The field, where it holds what it must not.
        field: Option<Box<FieldError>>,
    },
    /// A file of rate traces could not be read.
    #[error(transparent)]
    Traces(#[from] TraceFileError),
    /// A table of measured layers could not be read.
    #[error("{path}: {}: {source}", file.display())]
    Table {
        /// The field that names it.
        path: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no text.
    #[error("{path}: {}: {source}", file.display())]
    Text {
        /// The field that names it.
        path: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: TextError,
    },
    /// It is no profile.
    #[error("{path}: {}: {source}", file.display())]
    Profile {
        /// The field that names it.
        path: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: Box<ProfileError>,
    },
}

impl Blamed for ScenarioFileError {
    fn blame(&self) -> Blame {
        match self {
            Self::Format { .. } | Self::Assigned { .. } => Blame::Input,
            Self::Assignment(error) => error.blame(),
            Self::Scenario { error, .. } => error.blame(),
            Self::Several(errors) => errors.first().map_or(Blame::Input, Blamed::blame),
            Self::Traces(error) => error.blame(),
            Self::Table { .. } | Self::Text { .. } => Blame::Input,
            Self::Profile { source, .. } => source.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Scenario { error, .. } => error.field(),
            Self::Several(errors) => errors.first().and_then(Blamed::field),
            Self::Assigned { field, .. } => field.as_deref().cloned(),
            Self::Assignment(error) => error.field(),
            Self::Format { .. } | Self::Traces(_) | Self::Table { .. } | Self::Text { .. } | Self::Profile { .. } => {
                None
            }
        }
    }
}

fn lines(errors: &[ScenarioFileError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A scenario file that was read, but not yet validated: change [`spec`](Self::spec), then [`build`](Self::build).
///
/// ```
/// use collapipe::scenario::{BUILTIN, ScenarioFile};
/// let mut file = ScenarioFile::parse(BUILTIN, "".as_ref())?;
/// file.spec.slots = 10;
/// let scenario = file.build()?;
/// assert_eq!(scenario.spec().clusters.len(), 2);
/// # Ok::<(), collapipe::scenario::ScenarioFileError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    /// The data.
    pub spec: ScenarioSpec,
    text: String,
    folder: PathBuf,
    assigned: Vec<Assigned>,
}

/// A field that was set, and by which assignment.
#[derive(Clone, Debug)]
struct Assigned {
    path: String,
    assignment: String,
}

impl ScenarioFile {
    /// Reads a scenario; relative files of rate traces will be looked up in `folder`.
    ///
    /// # Errors
    /// [`ScenarioFileError::Format`] with line and column.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ScenarioFileError> {
        Self::parse_with(text, folder, &[])
    }

    /// Reads a scenario with some values in place of its own, the last of several for a field.
    ///
    /// # Errors
    /// As [`ScenarioFile::parse`]; [`ScenarioFileError::Assignment`] and [`ScenarioFileError::Assigned`] name the
    /// assignment.
    pub fn parse_with(text: &str, folder: &Path, set: &[Assignment]) -> Result<Self, ScenarioFileError> {
        let text = without_mark(text);
        let mut table = parse(text)?;
        let mut assigned = Vec::new();
        for assignment in set {
            let places = assignment.apply(table.get_mut())?;
            assigned.extend(places.into_iter().map(|path| Assigned { path, assignment: assignment.to_string() }));
        }
        as_infinite(table.get_mut());
        let spec = read(text, table, &assigned)?;
        Ok(Self { spec, text: text.into(), folder: folder.into(), assigned })
    }

    /// A text with some values in place of its own, as TOML; without any, the text as it is.
    ///
    /// # Errors
    /// As [`ScenarioFile::parse_with`], but for what only the data's reader sees.
    pub fn text_with(text: &str, set: &[Assignment]) -> Result<String, ScenarioFileError> {
        if set.is_empty() {
            return Ok(text.into());
        }
        let text = without_mark(text);
        let mut table = parse(text)?;
        for assignment in set {
            assignment.apply(table.get_mut())?;
        }
        let unwritable = |message: String| ScenarioFileError::Format { line: 1, column: 1, message };
        let table = toml::Table::deserialize(toml::Deserializer::from(table))
            .map_err(|error| format_error(text, &error, str::to_owned))?;
        toml::to_string(&table).map_err(|error| unwritable(error.to_string()))
    }

    /// Data as the TOML that reads as them: without the comments of the text that they were read from.
    ///
    /// # Errors
    /// [`ScenarioFileError::Format`] for numbers that TOML does not have, as a seed beyond 63 bits.
    pub fn text_of(spec: &ScenarioSpec) -> Result<String, ScenarioFileError> {
        toml::to_string(spec).map_err(|error| ScenarioFileError::Format {
            line: 1,
            column: 1,
            message: error.to_string(),
        })
    }

    /// Data that were read from a text.
    pub(super) fn of(spec: ScenarioSpec, text: &str, folder: &Path) -> Self {
        Self { spec, text: text.into(), folder: folder.into(), assigned: Vec::new() }
    }

    /// Validates the scenario and reads the traces and tables it needs. What tables hold becomes part of the data
    /// ([`Scenario::spec`]); traces of radio channels stay files.
    ///
    /// # Errors
    /// [`ScenarioFileError`] with the line of the bad field, or of a file of traces or layers.
    pub fn build(mut self) -> Result<Scenario, ScenarioFileError> {
        let (traces, notes) = self.traces()?;
        read_tables(&mut self.spec, &self.folder).map_err(|error| match error {
            ScenarioFileError::Scenario { error, .. } => at_line(&self.text, &self.assigned, error),
            error => error,
        })?;
        Scenario::with_notes(self.spec, &traces, notes).map_err(|error| at_line(&self.text, &self.assigned, error))
    }

    /// The traces of every cluster's channel, and how they were read; those of the common channel are read once.
    fn traces(&self) -> Result<(Vec<Vec<RateTrace>>, Vec<Note>), ScenarioFileError> {
        let mut notes = Vec::new();
        let mut load = |channel: Option<&ChannelConfig>, path: &str| -> Result<Vec<RateTrace>, ScenarioFileError> {
            let Some(channel) = channel else { return Ok(Vec::new()) };
            let Some(file) = channel.load_trace_file(&self.folder)? else { return Ok(Vec::new()) };
            notes.extend(mapping(channel, &file, path, self.spec.slots));
            Ok(file.traces)
        };
        let common = load(self.spec.channel.as_ref(), "channel")?;
        let mut traces = Vec::with_capacity(self.spec.clusters.len());
        for (n, cluster) in self.spec.clusters.iter().enumerate() {
            traces.push(match &cluster.channel {
                Some(own) => load(Some(own), &format!("clusters[{n}].channel"))?,
                None => common.clone(),
            });
        }
        Ok((traces, notes))
    }
}

/// How the rows of a trace file become slots.
fn mapping(channel: &ChannelConfig, file: &TraceFile, path: &str, slots: u64) -> Option<Note> {
    let ChannelConfig::Trace(channel) = channel else { return None };
    let chosen = |trace: &&RateTrace| channel.names.is_empty() || channel.names.iter().any(|name| name == trace.name());
    let lengths: Vec<f64> = file.traces.iter().filter(chosen).map(|trace| trace.duration().0).collect();
    let shortest = lengths.iter().copied().fold(f64::INFINITY, f64::min);
    let longest = lengths.iter().copied().fold(0.0, f64::max);
    let step = channel.seconds_per_slot.0;
    // An unknown trace name, or a missing slot length, is reported as an error elsewhere.
    if !(shortest.is_finite() && step > 0.0) {
        return None;
    }
    let shown = |number: f64| ((number * 1000.0).round() / 1000.0).to_string();
    let range = |unit: f64| match (shown(shortest / unit), shown(longest / unit)) {
        (low, high) if low == high => low,
        (low, high) => format!("{low} to {high}"),
    };
    let names = if channel.names.is_empty() { String::new() } else { format!(", {} of them in use", lengths.len()) };
    let after = match slots as f64 * step > shortest * (1.0 + 1e-9) {
        true => "a trace starts over at its end",
        false => "no trace is played to its end from its beginning",
    };
    let message = format!(
        "{}{names}; {} s are {} slots of {} s, the run has {slots}: {after}",
        file.mapping,
        range(1.0),
        range(step),
        shown(step)
    );
    Some(Note { kind: NoteKind::Traces, path: format!("{path}.trace"), value: String::new(), message })
}

/// The tables of a text.
fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, ScenarioFileError> {
    DeTable::parse(text).map_err(|error| {
        // A fault at the very end suggests that the text was cut off.
        let end = error.span().map_or(0, |span| span.end);
        let cut = if end >= text.trim_end().len() { "; the text ends here: is the file complete?" } else { "" };
        format_error(text, &error, |message| format!("{message}{cut}"))
    })
}

/// The data of the tables.
fn read(text: &str, table: Spanned<DeTable>, assigned: &[Assigned]) -> Result<ScenarioSpec, ScenarioFileError> {
    serde_path_to_error::deserialize(toml::Deserializer::from(table)).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "" } else { &path };
        // What was set has no place in the text.
        let nowhere = error.inner().span().is_none_or(|span| span.is_empty());
        match by(assigned, path, nowhere) {
            Some(assignment) => {
                let message = describe(path, &one_line(error.inner()));
                ScenarioFileError::Assigned { assignment, message, field: None }
            }
            None => format_error(text, error.inner(), |message| describe(path, message)),
        }
    })
}

/// The assignment that gave the field its value or holds it or, where it stands nowhere in the text, gave it a part.
fn by(assigned: &[Assigned], path: &str, nowhere: bool) -> Option<String> {
    let holds = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let last = assigned.iter().rev().find(|set| holds(&set.path, path) || (nowhere && holds(path, &set.path)));
    last.map(|set| set.assignment.clone())
}

/// Some of toml's messages contain line breaks; an error is one line.
pub(super) fn one_line(error: &toml::de::Error) -> String {
    error.message().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn format_error(text: &str, error: &toml::de::Error, describe: impl Fn(&str) -> String) -> ScenarioFileError {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    ScenarioFileError::Format { line, column, message: describe(&one_line(error)) }
}

/// A scenario's error with the line of its field, or the assignment that gave it its value.
fn at_line(text: &str, assigned: &[Assigned], error: ScenarioError) -> ScenarioFileError {
    let path = match error {
        ScenarioError::Several(errors) => {
            let mut errors: Vec<_> = errors.into_iter().map(|error| at_line(text, assigned, error)).collect();
            errors.sort_by_key(|error| match error {
                ScenarioFileError::Scenario { line, .. } => line.unwrap_or(usize::MAX),
                _ => usize::MAX,
            });
            return ScenarioFileError::Several(errors);
        }
        ScenarioError::Field(ref field) => &field.path,
        ScenarioError::Trace { ref path, .. } => path,
    };
    // An error of a whole that holds a set value may be about the rest of it.
    if let Some(set) = assigned.iter().rev().find(|set| set.path == *path) {
        let field = error.field().map(Box::new);
        return ScenarioFileError::Assigned { assignment: set.assignment.clone(), message: error.to_string(), field };
    }
    let place = parse(text).ok().and_then(|root| place_of(root.get_ref(), path));
    ScenarioFileError::Scenario { line: place.map(|place| position(text, place.start).0), error }
}
