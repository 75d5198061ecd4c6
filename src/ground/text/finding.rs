//! What there is to say about a file, with the place it is about.

use std::fmt::Write as _;
use std::ops::Range;

use serde::Serialize;

use super::json::position;
use super::printable;

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// Valid, but probably not what was meant.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that is wrong or odd in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The field, as `clusters[0].devices[1].memory_bytes`; empty for the whole.
    pub path: String,
    /// What is wrong or odd.
    pub message: String,
    /// What was probably meant, or what there is; none where nothing is known.
    pub suggestion: Option<String>,
    /// Line, from 1; none where the place is not known.
    pub line: Option<usize>,
    /// Column, from 1; none where the place is not known.
    pub column: Option<usize>,
    /// Where it stands in the text, in bytes.
    #[serde(skip)]
    place: Option<Range<usize>>,
}

/// Longest piece of a line that is shown, in characters.
const WIDEST: usize = 100;

impl Finding {
    /// A finding about the field `path`, which stands at `place` in `text`.
    pub(crate) fn new(severity: Severity, path: &str, message: &str, text: &str, place: Option<Range<usize>>) -> Self {
        let (message, suggestion) = split_suggestion(message);
        let at = place.as_ref().map(|place| position(text, place.start));
        Self {
            severity,
            path: path.to_owned(),
            message,
            suggestion,
            line: at.map(|(line, _)| line),
            column: at.map(|(_, column)| column),
            place,
        }
    }

    /// For reading: the message, and below it the line with the place marked.
    ///
    /// ```
    /// use collapipe::problem::Answer;
    /// let text = r#"{"status": "optimall"}"#;
    /// let found = Answer::inspect(text);
    /// assert_eq!(
    ///     found[0].shown("answer.json", text),
    ///     r#"error: answer.json:1:2: status: unknown variant `optimall`
    ///   1 | {"status": "optimall"}
    ///     |  ^^^^^^^^^^^^^^^^^^^^
    ///     = did you mean `optimal`?
    /// "#
    /// );
    /// ```
    #[must_use]
    pub fn shown(&self, file: &str, text: &str) -> String {
        let place = match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
            _ => file.to_owned(),
        };
        let mut shown = format!("{}: {place}: {}\n", self.severity.name(), self.message);
        let number = self.line.map(|line| line.to_string()).unwrap_or_default();
        let margin = " ".repeat(number.len());
        if let Some((line, from, length)) = self.place.as_ref().and_then(|place| excerpt(text, place)) {
            let (space, marks) = (" ".repeat(from), "^".repeat(length));
            // Writing to a string does not fail.
            let _ = write!(shown, "  {number} | {line}\n  {margin} | {space}{marks}\n");
        }
        if let Some(suggestion) = &self.suggestion {
            let _ = writeln!(shown, "  {margin} = {suggestion}");
        }
        printable(&shown)
    }
}

/// The line of a place, where in it the place begins, and how much of it is in the line; in characters.
fn excerpt(text: &str, place: &Range<usize>) -> Option<(String, usize, usize)> {
    let before = text.get(..place.start)?;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = text.get(place.start..)?.find(['\n', '\r']).map_or(text.len(), |length| place.start + length);
    let count = |from: usize, to: usize| text.get(from..to).map_or(0, |piece| piece.chars().count());
    let from = count(start, place.start);
    let length = count(place.start, place.end.min(end)).max(1);
    // Of a long line, the piece around the place.
    let skipped = if from + length.min(WIDEST / 2) > WIDEST { from.saturating_sub(WIDEST / 4) } else { 0 };
    let mark = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.get(start..end)?.chars().skip(skipped).take(WIDEST).map(mark).collect();
    let dots = if skipped > 0 { "…" } else { "" };
    let from = from - skipped + dots.chars().count();
    Some((format!("{dots}{line}"), from, length.min((WIDEST + dots.len()).saturating_sub(from)).max(1)))
}

/// A message's last part, where it says what was probably meant or what there is.
fn split_suggestion(message: &str) -> (String, Option<String>) {
    if let Some((what, rest)) = message.split_once(": did you mean `")
        && let Some((name, _)) = rest.split_once('`')
    {
        return (what.to_owned(), Some(format!("did you mean `{name}`?")));
    }
    for (mark, lead) in [("; if ", "if "), ("`, expected one of ", "there are: "), ("`, expected ", "there are: ")] {
        if let Some((what, rest)) = message.split_once(mark) {
            let close = if mark.starts_with('`') { "`" } else { "" };
            return (format!("{what}{close}"), Some(format!("{lead}{rest}")));
        }
    }
    (message.to_owned(), None)
}
