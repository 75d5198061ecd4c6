//! All that is wrong or odd in a scenario file.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ScenarioError;
use super::file::{ScenarioFile, ScenarioFileError, one_line};
use super::huge::as_infinite;
use super::notes::NoteKind;
use super::places::place_of;
use super::spec::ScenarioSpec;
use crate::text::{Finding, Repaired, Severity, Tree, TreeFault, describe, repaired, steps, without_mark};

impl ScenarioFile {
    /// All that is wrong or odd in the text of a scenario, in the order of the text: without an error where it can be
    /// played. Relative files of rate traces are looked up in `folder`.
    ///
    /// ```
    /// use collapipe::scenario::{BUILTIN, ScenarioFile};
    /// let text = BUILTIN.replacen("slots = 500", "slots = 0", 1).replacen("batch_size = 32", "batchsize = 32", 1);
    /// let found = ScenarioFile::inspect(&text, "".as_ref());
    /// let lines: Vec<_> = found.iter().map(|finding| (finding.path.as_str(), finding.suggestion.as_deref())).collect();
    /// assert_eq!(lines[0], ("clusters[0].batchsize", Some("did you mean `batch_size`?")));
    /// ```
    #[must_use]
    pub fn inspect(text: &str, folder: &Path) -> Vec<Finding> {
        let text = without_mark(text);
        let (mut table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let syntax =
                |error: &toml::de::Error| Finding::new(Severity::Error, "", &one_line(error), text, error.span());
            return errors.iter().take(super::error::MOST_FAULTS).map(syntax).collect();
        }
        as_infinite(table.get_mut());
        let Repaired { value, faults, removed } = repaired::<ScenarioSpec>(Toml(table.clone()));
        let root = table.get_ref();
        let mut found: Vec<Finding> = faults
            .iter()
            .map(|fault| {
                let place = fault.place.clone().filter(|place| !place.is_empty());
                let message = describe(&fault.path, &fault.message);
                Finding::new(
                    Severity::Error,
                    &fault.path,
                    &message,
                    text,
                    place.or_else(|| place_of(root, &fault.path)),
                )
            })
            .collect();
        if let Some(spec) = value {
            found.extend(odd(Self::of(spec, text, folder), root, text, &removed));
        }
        found.sort_by_key(|finding| (finding.line.unwrap_or(usize::MAX), finding.column));
        found
    }
}

/// What validation says about the data.
fn odd(mut file: ScenarioFile, root: &DeTable, text: &str, removed: &[String]) -> Vec<Finding> {
    let finding =
        |severity, path: &str, message: &str| Finding::new(severity, path, message, text, place_of(root, path));
    let mut derived = None;
    if file.spec.latency_weight == 0.0 && !removed.iter().any(|gone| gone == "latency_weight") {
        let message = "latency_weight: left out: a run derives V from a pilot run and says which";
        derived = Some(finding(Severity::Note, "latency_weight", message));
    }
    if file.spec.latency_weight == 0.0 {
        // As valid as any.
        file.spec.latency_weight = 1.0;
    }
    let scenario = match file.build() {
        Ok(scenario) => scenario,
        Err(error) => {
            let mut found: Vec<Finding> = derived.into_iter().collect();
            each(&error, &mut |path, message| {
                // What was taken out for another reason is not missing.
                if !removed.iter().any(|gone| gone == path) {
                    found.push(finding(Severity::Error, path, message));
                }
            });
            return found;
        }
    };
    let severity = |kind| if kind == NoteKind::Unit { Severity::Warning } else { Severity::Note };
    let notes = scenario.notes().iter().map(|note| finding(severity(note.kind), &note.path, &note.to_string()));
    derived.into_iter().chain(notes).collect()
}

/// Path and message of every error.
fn each(error: &ScenarioFileError, say: &mut impl FnMut(&str, &str)) {
    match error {
        ScenarioFileError::Several(errors) => errors.iter().for_each(|error| each(error, say)),
        ScenarioFileError::Scenario { error: ScenarioError::Field(field), .. } => say(&field.path, &field.to_string()),
        ScenarioFileError::Scenario { error: error @ ScenarioError::Trace { path, .. }, .. } => {
            say(path, &error.to_string());
        }
        ScenarioFileError::Table { path, .. }
        | ScenarioFileError::Text { path, .. }
        | ScenarioFileError::Profile { path, .. } => say(path, &error.to_string()),
        other => say("channel.trace.file", &other.to_string()),
    }
}

/// A parsed file.
struct Toml<'a>(Spanned<DeTable<'a>>);

impl Tree for Toml<'_> {
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, TreeFault> {
        serde_path_to_error::deserialize(toml::Deserializer::from(self.0.clone())).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            TreeFault { path, message: one_line(error.inner()), place: error.inner().span() }
        })
    }

    fn remove(&mut self, path: &str) -> bool {
        let mut steps: Vec<&str> = steps(path).collect();
        let Some(last) = steps.pop() else { return false };
        let Some((first, rest)) = steps.split_first() else { return self.0.get_mut().remove(last).is_some() };
        let Some(entry) = self.0.get_mut().get_mut(*first) else { return false };
        let holder = rest.iter().try_fold(entry.get_mut(), |value, step| match value {
            DeValue::Table(table) => table.get_mut(*step).map(Spanned::get_mut),
            DeValue::Array(list) => list.get_mut(step.parse::<usize>().ok()?).map(Spanned::get_mut),
            _ => None,
        });
        match holder {
            Some(DeValue::Table(table)) => table.remove(last).is_some(),
            Some(DeValue::Array(list)) => match last.parse::<usize>() {
                Ok(index) if index < list.len() => {
                    let kept = list.iter().enumerate().filter(|(place, _)| *place != index);
                    *list = kept.map(|(_, element)| element.clone()).collect();
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }
}
