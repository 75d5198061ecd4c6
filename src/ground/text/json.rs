//! Reading JSON so that every error names the field.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

use super::suggest::with_suggestion;
use super::{MOST_LISTED, escaped, value, without_mark};
use crate::ground::blame::{Blame, Blamed};

/// What is wrong in a JSON text: never empty, several faults where several fields hold no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    faults: Vec<JsonPlace>,
}

/// One fault and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonPlace {
    /// The field, as `clusters[0].devices[1].memory_bytes`; empty for the whole.
    pub path: String,
    /// What is wrong, with the path.
    pub message: String,
    /// Line, from 1; 0 where it is not known.
    pub line: usize,
    /// Column, from 1; 0 where it is not known.
    pub column: usize,
}

impl JsonFault {
    /// The faults, in the order of the text.
    #[must_use]
    pub fn faults(&self) -> &[JsonPlace] {
        &self.faults
    }

    fn one(path: &str, message: String, (line, column): (usize, usize)) -> Self {
        // Keys come as they are in the file; a fault is one line.
        Self { faults: vec![JsonPlace { path: escaped(path), message: escaped(&message), line, column }] }
    }

    /// The fault of a value that cannot be written as JSON.
    pub(crate) fn unwritable(error: &serde_json::Error) -> Self {
        Self::one("", error.to_string(), (0, 0))
    }

    /// Fields that hold no number; `allowed` completes "must be ...".
    pub(crate) fn not_numbers(found: &[NotANumber], allowed: impl Fn(&str) -> Option<String>) -> Self {
        let fault = |of: &NotANumber| {
            let allowed = allowed(&of.path).unwrap_or_else(|| "a finite number, which is all that JSON has".into());
            JsonPlace {
                path: of.path.clone(),
                message: format!("{} = {}: must be {allowed}", of.path, of.token),
                line: of.place.0,
                column: of.place.1,
            }
        };
        Self { faults: found.iter().map(fault).collect() }
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}", fault.message)?;
            if fault.line > 0 {
                write!(f, " (line {}, column {})", fault.line, fault.column)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for JsonFault {}

impl Blamed for JsonFault {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// A word for a number that JSON does not have, as Python writes it.
pub(crate) struct NotANumber {
    pub path: String,
    pub token: String,
    /// Where the word begins in the text, in bytes.
    pub offset: usize,
    place: (usize, usize),
}

/// Reads a value. `allowed` makes the fault of fields that hold no number, given the text and those fields.
pub(crate) fn from_json<T: DeserializeOwned>(
    text: &str,
    allowed: impl FnOnce(&str, &[NotANumber]) -> JsonFault,
) -> Result<T, JsonFault> {
    let text = &*without_schema_hint(without_mark(text));
    let error: serde_json::Error = match serde_json::from_str(text) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let traced = || {
        let traced: Result<T, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text));
        traced.err().map(|traced| (traced.path().to_string(), message_of(traced.inner())))
    };
    Err(fault(text, &error, &traced).unwrap_or_else(|found| allowed(text, &found)))
}

/// The fault of a text that is not read, or its words for numbers that JSON does not have. `traced` reads once more, for the path and the
/// message of what is wrong in a value.
fn fault(
    text: &str,
    error: &serde_json::Error,
    traced: &dyn Fn() -> Option<(String, String)>,
) -> Result<JsonFault, Vec<NotANumber>> {
    let place = (error.line(), error.column());
    if text.trim().is_empty() {
        return Ok(JsonFault::one("", "is empty: must be JSON".into(), (0, 0)));
    }
    let mut scan = Scan::new(text);
    let stop = scan.value().err();
    if !scan.found.is_empty() {
        return Err(scan.found);
    }
    match stop {
        Some(Stop::End) => {
            let within = scan.shown_path();
            let inside = if within.is_empty() { String::new() } else { format!(", inside {within}") };
            let message = format!("the text ends in the middle{inside}: is the file complete?");
            return Ok(JsonFault::one(&within, message, place));
        }
        Some(Stop::Word { token, meant }) => {
            let path = scan.shown_path();
            let place = position(text, scan.at);
            let message = format!("{path} = {}: must be {meant}", value(&token));
            return Ok(JsonFault::one(&path, message, place));
        }
        // serde_json reports whatever else is not JSON, or is nested too deeply.
        Some(Stop::Other) | None => {}
    }
    // What follows the value is wrong, where it is not the value.
    let (path, message) = traced().unwrap_or_else(|| (".".into(), message_of(error)));
    let path = if path == "." { String::new() } else { path };
    Ok(JsonFault::one(&path, describe(&path, &message), place))
}

/// The text with a first-level member `$schema`, by which editors know what may stand in a file, blanked out: no format
/// has such a field. Everything else stays where it is.
pub(super) fn without_schema_hint(text: &str) -> Cow<'_, str> {
    const HINT: &str = "$schema";
    let member = text.contains("\"$schema\"").then(|| Scan::new(text).member(HINT).ok().flatten()).flatten();
    let Some(member) = member else { return Cow::Borrowed(text) };
    let blank = |c: char| if c == '\n' { c } else { ' ' };
    let (Some(before), Some(hint), Some(after)) =
        (text.get(..member.start), text.get(member.clone()), text.get(member.end..))
    else {
        return Cow::Borrowed(text);
    };
    // Bytes must stay in their places.
    let blanked: String = hint.bytes().map(|byte| blank(byte.into())).collect();
    Cow::Owned(format!("{before}{blanked}{after}"))
}

/// Where the values at these paths stand, key to end, in bytes; where one does not exist, the innermost thing around it
/// that does.
pub(super) fn places(text: &str, paths: &[&str]) -> Vec<Option<Range<usize>>> {
    let ends = |path: &str| {
        let inner: Vec<usize> = path.match_indices(['.', '[']).map(|(end, _)| end).collect();
        inner.into_iter().chain([path.len()])
    };
    let mut scan = Scan::new(text);
    scan.wanted =
        paths.iter().flat_map(|path| ends(path).filter_map(|end| path.get(..end))).map(str::to_owned).collect();
    // What can be read up to a fault has its place.
    let _ = scan.value();
    let place = |path: &&str| {
        let mut around: Vec<usize> = ends(path).collect();
        around.reverse();
        around.into_iter().find_map(|end| scan.places.get(path.get(..end)?).cloned())
    };
    paths.iter().map(place).collect()
}

/// serde_json's message without its line and column.
pub(super) fn message_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

/// serde's message about a field, in the words of all our messages: `path = value: must be allowed`.
pub(crate) fn describe(path: &str, message: &str) -> String {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}: ") };
    if message == "wanted exactly 1 element, more than 1 element" {
        return format!("{prefix}holds several of its kinds; must hold one of them");
    }
    let kinds = ["invalid type: ", "invalid value: "];
    let typed =
        kinds.iter().find_map(|kind| message.strip_prefix(kind)).and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, expected)) = typed else { return format!("{prefix}{}", with_suggestion(message)) };
    let (found, quoted) = found_value(found);
    let allowed = match expected {
        "f64" | "f32" => "a number".to_owned(),
        "u32" => format!("a whole number in [0, {}]", u32::MAX),
        "u64" | "usize" => "a whole number, at least 0".to_owned(),
        "a sequence" => "a list".to_owned(),
        // The names of our types mean nothing to whoever wrote the file.
        other if other.starts_with("struct ") => "an object with named fields".to_owned(),
        other => other.to_owned(),
    };
    let hint = match quoted {
        true if allowed.contains("number") && found.trim_matches('"').trim().parse::<f64>().is_ok() => {
            ", without quotation marks"
        }
        _ => "",
    };
    let name = if path.is_empty() { "the whole" } else { path };
    format!("{name} = {found}: must be {allowed}{hint}")
}

/// What serde says was found, as it stood in the text, and whether it was a string.
fn found_value(found: &str) -> (String, bool) {
    if let Some(text) = found.strip_prefix("string ") {
        return (value(text), true);
    }
    for kind in ["integer `", "floating point `", "boolean `"] {
        if let Some(number) = found.strip_prefix(kind) {
            // Of what no 64 bits hold the type is named behind it.
            let number = number.split_once('`').map_or(number, |(number, _)| number);
            return (value(number), false);
        }
    }
    let shown = match found {
        "map" => "an object",
        "sequence" => "a list",
        "unit value" => "null",
        other => other,
    };
    (value(shown), false)
}

/// Line and column, from 1, of the byte at `offset`.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

enum Step {
    Key(String),
    Index(usize),
}

/// Why a scan did not reach the end of the value.
enum Stop {
    /// The text ended first.
    End,
    /// A word that is not JSON, but that people and programs write.
    Word { token: String, meant: String },
    /// Anything else.
    Other,
}

/// A walk through JSON that tracks its position and accepts numbers that JSON does not have.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    path: Vec<Step>,
    found: Vec<NotANumber>,
    /// Paths whose places are asked for, and the places so far.
    wanted: HashSet<String>,
    places: HashMap<String, Range<usize>>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        let (wanted, places) = (HashSet::new(), HashMap::new());
        Self { text, at: 0, path: Vec::new(), found: Vec::new(), wanted, places }
    }

    /// The member of this name of the outermost object, with the comma that it would leave behind; its value is a string.
    fn member(&mut self, name: &str) -> Result<Option<Range<usize>>, Stop> {
        self.expect(b'{')?;
        let mut comma = None;
        while self.peek()? == b'"' {
            let start = self.at;
            let key = self.string()?;
            self.expect(b':')?;
            let text = self.peek()? == b'"';
            self.value()?;
            let end = self.at;
            let follows = self.peek()? == b',';
            match (key == name && text, follows, comma) {
                (true, true, _) => return Ok(Some(start..self.at + 1)),
                (true, false, Some(comma)) => return Ok(Some(comma..end)),
                (true, false, None) => return Ok(Some(start..end)),
                (false, false, _) => return Ok(None),
                (false, true, _) => comma = Some(self.at),
            }
            self.at += 1;
        }
        Ok(None)
    }

    /// Notes the place of the value that was just read, if it is asked for.
    fn note(&mut self, start: usize) {
        if self.wanted.is_empty() {
            return;
        }
        let path = self.shown_path();
        if self.wanted.contains(&path) {
            self.places.insert(path, start..self.at);
        }
    }

    /// Deeper than any file of ours, and than serde_json goes.
    const DEEPEST: usize = 128;

    fn peek(&mut self) -> Result<u8, Stop> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied().ok_or(Stop::End)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek()? != byte {
            return Err(Stop::Other);
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<(), Stop> {
        if self.path.len() > Self::DEEPEST {
            return Err(Stop::Other);
        }
        match self.peek()? {
            b'{' => self.members(),
            b'[' => self.elements(),
            b'"' => self.string().map(|_| ()),
            _ => self.word(),
        }
    }

    fn members(&mut self) -> Result<(), Stop> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return Err(Stop::Other);
            }
            let start = self.at;
            let key = self.string()?;
            self.path.push(Step::Key(key));
            self.expect(b':')?;
            self.value()?;
            self.note(start);
            self.path.pop();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(Stop::Other),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn elements(&mut self) -> Result<(), Stop> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            self.path.push(Step::Index(index));
            self.peek()?;
            let start = self.at;
            self.value()?;
            self.note(start);
            self.path.pop();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return Err(Stop::Other),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A string, from its opening mark, as it stands in the text.
    fn string(&mut self) -> Result<String, Stop> {
        let start = self.at + 1;
        let mut escaped = false;
        for (offset, byte) in self.text.bytes().enumerate().skip(start) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at = offset + 1;
                    return Ok(self.text.get(start..offset).unwrap_or_default().to_owned());
                }
                _ => {}
            }
        }
        Err(Stop::End)
    }

    /// A number, true, false, null, or what stands in their place.
    fn word(&mut self) -> Result<(), Stop> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| c.is_whitespace() || ",:]}[{\"".contains(c)).unwrap_or(rest.len());
        let token = rest.get(..end).unwrap_or_default();
        if end == rest.len() && !self.path.is_empty() {
            return Err(Stop::End);
        }
        let meant = match token.trim_start_matches(['-', '+']).to_ascii_lowercase().as_str() {
            "nan" | "inf" | "infinity" => {
                if self.found.len() < MOST_LISTED {
                    let (path, place) = (self.shown_path(), position(self.text, self.at));
                    self.found.push(NotANumber { path, token: token.to_owned(), offset: self.at, place });
                }
                self.at += end;
                return Ok(());
            }
            "none" | "undefined" | "nil" | "na" | "null" if token != "null" => {
                "a number, or null where it may be missing"
            }
            "true" | "false" if !matches!(token, "true" | "false") => "true or false, in small letters",
            _ if token.starts_with('\'') => "a string in double quotation marks",
            _ => {
                self.at += end;
                return if token.is_empty() { Err(Stop::Other) } else { Ok(()) };
            }
        };
        Err(Stop::Word { token: token.to_owned(), meant: meant.to_owned() })
    }

    fn shown_path(&self) -> String {
        let mut shown = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if shown.is_empty() => shown.push_str(&value(key)),
                Step::Key(key) => shown.push_str(&format!(".{}", value(key))),
                Step::Index(index) => shown.push_str(&format!("[{index}]")),
            }
        }
        shown
    }
}
