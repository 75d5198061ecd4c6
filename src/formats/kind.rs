//! The formats, and how they are told apart.

use std::path::Path;

use serde_json::Value;

use crate::ground::blame::{Blame, Blamed};
use crate::problem::{Answer, Decision, SlotProblem};
use crate::scenario::ScenarioFile;
use crate::simulation::RunRecord;
use crate::text::{Finding, nearest};

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A long-term problem (TOML).
    Scenario,
    /// One slot's problem (JSON).
    Problem,
    /// What a solver answers (JSON).
    Answer,
    /// A decision without an answer around it (JSON).
    Decision,
    /// What a run leaves (JSON).
    Record,
}

/// A text whose format is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schema = {}: must be one of {}{}", crate::text::value(.found), names(), did_you_mean(.found))]
pub struct UnknownFile {
    /// The name of the format that the text gives.
    pub found: String,
}

impl Blamed for UnknownFile {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// Formats that name themselves, up to the version.
const NAMED: [(&str, FileKind); 3] = [
    ("collapipe.scenario/", FileKind::Scenario),
    ("collapipe.slot-problem/", FileKind::Problem),
    ("collapipe.run-record/", FileKind::Record),
];

fn names() -> String {
    NAMED.map(|(name, _)| format!("{name}1")).join(", ")
}

fn did_you_mean(found: &str) -> String {
    let names = NAMED.map(|(name, _)| format!("{name}1"));
    nearest(found, &names).map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

impl FileKind {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Problem => "slot problem",
            Self::Answer => "answer",
            Self::Decision => "decision",
            Self::Record => "run record",
        }
    }

    /// The format of a text, by its `schema`, or by its fields where a format has no such field: answers and decisions. A
    /// text that is not whole is recognized, too.
    ///
    /// # Errors
    /// [`UnknownFile`] for the name of another format.
    ///
    /// ```
    /// use collapipe::formats::FileKind;
    /// assert_eq!(FileKind::of(r#"{"status": "infeasible"}"#), Ok(FileKind::Answer));
    /// assert_eq!(FileKind::of(r#"{"schema": "collapipe.slot-problem/2", "#), Ok(FileKind::Problem));
    /// assert_eq!(FileKind::of("slots = 5"), Ok(FileKind::Scenario));
    /// ```
    pub fn of(text: &str) -> Result<Self, UnknownFile> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if !text.starts_with('{') {
            return Ok(Self::Scenario);
        }
        let (schema, has): (Option<String>, [bool; 2]) = match serde_json::from_str::<Value>(text) {
            Ok(value) => {
                let schema = value.get("schema").map(|schema| match schema.as_str() {
                    Some(name) => name.to_owned(),
                    None => schema.to_string(),
                });
                (schema, ["status", "sizes"].map(|key| value.get(key).is_some()))
            }
            // The first of the text: our programs write it first.
            Err(_) => {
                (quoted_after(text, "\"schema\""), ["status", "sizes"].map(|key| text.contains(&format!("\"{key}\""))))
            }
        };
        if let Some(found) = schema {
            let named = NAMED.iter().find(|(name, _)| found.starts_with(name));
            return named.map(|(_, kind)| *kind).ok_or(UnknownFile { found });
        }
        let [status, sizes] = has;
        Ok(match () {
            () if status => Self::Answer,
            () if sizes || text.contains("\"plan\"") && !text.contains("\"plans\"") => Self::Decision,
            // Whose reader says that the schema is missing.
            () => Self::Problem,
        })
    }

    /// All that is wrong or odd in a text of this format, in the order of the text; without an error where it is valid.
    /// Files that a scenario names are looked up in `folder`.
    #[must_use]
    pub fn inspect(self, text: &str, folder: &Path) -> Vec<Finding> {
        match self {
            Self::Scenario => ScenarioFile::inspect(text, folder),
            Self::Problem => SlotProblem::inspect(text),
            Self::Answer => Answer::inspect(text),
            Self::Decision => Decision::inspect(text),
            Self::Record => RunRecord::inspect(text),
        }
    }
}

/// The string that follows a key.
fn quoted_after(text: &str, key: &str) -> Option<String> {
    let rest = text.split_once(key)?.1.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    Some(rest.split('"').next()?.to_owned())
}
