//! Scenario files: TOML in, errors with their line out.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::build::{Scenario, ScenarioError};
use super::spec::ScenarioSpec;
use crate::ground::blame::{Blame, Blamed};
use crate::network::radio::{RateTrace, TraceFileError};

/// The built-in scenario: BERT-base on two clusters of boards and phones.
pub const BUILTIN: &str = include_str!("builtin.toml");

/// Why a text is not a scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioFileError {
    /// Not the TOML of a scenario: syntax, missing or unknown field, wrong type.
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
    /// A file of rate traces could not be read.
    #[error(transparent)]
    Traces(#[from] TraceFileError),
}

impl Blamed for ScenarioFileError {
    fn blame(&self) -> Blame {
        match self {
            Self::Format { .. } => Blame::Input,
            Self::Scenario { error, .. } => error.blame(),
            Self::Traces(error) => error.blame(),
        }
    }
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
}

impl ScenarioFile {
    /// Reads a scenario; relative files of rate traces will be looked up in `folder`.
    ///
    /// # Errors
    /// [`ScenarioFileError::Format`] with line and column.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ScenarioFileError> {
        let spec = toml::from_str(text).map_err(|error| format_error(text, &error))?;
        Ok(Self { spec, text: text.into(), folder: folder.into() })
    }

    /// Validates the scenario and reads the traces it needs.
    ///
    /// # Errors
    /// [`ScenarioFileError`] with the line of the bad field, or of a file of traces.
    pub fn build(self) -> Result<Scenario, ScenarioFileError> {
        let traces = self.traces()?;
        Scenario::with_traces(self.spec, &traces).map_err(|error| {
            let path = match &error {
                ScenarioError::Field(field) => &field.path,
                ScenarioError::Trace { path, .. } => path,
            };
            ScenarioFileError::Scenario { line: line_of(&self.text, path), error }
        })
    }

    /// The traces of every cluster's channel; those of the common channel are read once.
    fn traces(&self) -> Result<Vec<Vec<RateTrace>>, ScenarioFileError> {
        let common = match &self.spec.channel {
            Some(channel) => channel.load_traces(&self.folder)?,
            None => Vec::new(),
        };
        let of_cluster = |cluster: &super::ClusterSpec| match &cluster.channel {
            Some(own) => Ok(own.load_traces(&self.folder)?),
            None => Ok(common.clone()),
        };
        self.spec.clusters.iter().map(of_cluster).collect()
    }
}

fn format_error(text: &str, error: &toml::de::Error) -> ScenarioFileError {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    // Some messages bring their own line breaks; an error is one line.
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    ScenarioFileError::Format { line, column, message }
}

/// Line and column, from 1, of the byte at `offset`.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Line, from 1, of the field `path` (as `clusters[1].devices[0].memory_bytes`) or of the innermost table that exists.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut place = None;
    let mut table: Option<&DeTable> = Some(root.get_ref());
    for step in path.split('.') {
        let (key, indices) = step.split_once('[').map_or((step, None), |(key, rest)| (key, Some(rest)));
        let Some((name, value)) = table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key)) else {
            break;
        };
        place = Some(name.span().start);
        let mut value: &Spanned<DeValue> = value;
        for index in indices.into_iter().flat_map(|rest| rest.split('[')) {
            let index = index.trim_end_matches(']').parse::<usize>().ok();
            let Some(element) = index.and_then(|index| value.get_ref().as_array()?.get(index)) else { break };
            place = Some(element.span().start);
            value = element;
        }
        table = value.get_ref().as_table();
    }
    place.map(|offset| position(text, offset).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_paths() {
        let text = "a = 1\n[b]\nc = { d = 2 }\n[[n]]\nx = 1\n[[n]]\ny = 1\n  [[n.k]]\n  z = [[1,\n 2], [3]]\n";
        for (path, line) in [
            ("a", Some(1)),
            ("b.c.d", Some(3)),
            ("b.missing", Some(2)),
            ("n[0].x", Some(5)),
            ("n[1].y", Some(7)),
            ("n[1].k[0].z", Some(9)),
            ("n[1].k[0].z[0][1]", Some(10)),
            ("n[1].k[0].missing", Some(8)),
            ("nowhere.at[3].all", None),
        ] {
            assert_eq!(line_of(text, path), line, "{path}");
        }
    }
}
