//! All findings about a JSON text.

use serde::de::DeserializeOwned;

use super::finding::{Finding, Severity};
use super::json::{JsonFault, NotANumber, describe, from_json, places, without_schema_hint};
use super::repair::repaired;
use super::without_mark;

/// The value of a text and all that is wrong with its form; no value where too much is wrong.
pub(crate) fn inspect_json<T: DeserializeOwned>(
    text: &str,
    allowed: impl FnOnce(&str, &[NotANumber]) -> JsonFault,
) -> (Option<T>, Vec<Finding>) {
    let fault = match from_json(text, allowed) {
        Ok(value) => return (Some(value), Vec::new()),
        Err(fault) => fault,
    };
    let text = without_mark(text);
    match serde_json::from_str::<serde_json::Value>(&without_schema_hint(text)) {
        Ok(tree) => {
            let repaired = repaired(tree);
            let paths: Vec<&str> = repaired.faults.iter().map(|fault| fault.path.as_str()).collect();
            let places = places(text, &paths);
            let finding = |(fault, place): (&super::repair::TreeFault, _)| {
                let place = fault.place.clone().or(place);
                Finding::new(Severity::Error, &fault.path, &describe(&fault.path, &fault.message), text, place)
            };
            let mut found: Vec<Finding> = repaired.faults.iter().zip(places).map(finding).collect();
            found.sort_by_key(|finding| (finding.line, finding.column));
            // Validation would find fault with what was taken out.
            (repaired.value.filter(|_| repaired.removed.is_empty()), found)
        }
        Err(_) => {
            let finding = |fault: &super::JsonPlace| {
                let place = (fault.line > 0).then(|| offset(text, fault.line, fault.column));
                let place = place.map(|start| start..start + 1);
                Finding::new(Severity::Error, &fault.path, &fault.message, text, place)
            };
            (None, fault.faults().iter().map(finding).collect())
        }
    }
}

/// Adds errors whose messages begin with the path of their field.
pub(crate) fn find_fields(text: &str, errors: &[impl std::error::Error], found: &mut Vec<Finding>) {
    let text = without_mark(text);
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let paths: Vec<&str> =
        messages.iter().map(|message| message.split([' ', ':']).next().unwrap_or_default()).collect();
    for ((path, message), place) in paths.iter().zip(&messages).zip(places(text, &paths)) {
        found.push(Finding::new(Severity::Error, path, message, text, place));
    }
}

/// Where in bytes a line and column, from 1, begin.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}
