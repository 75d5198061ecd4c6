//! Text of files as people's tools write them, and text for people's screens.
//!
//! | task | here |
//! |---|---|
//! | bytes of a file, with or without a byte order mark, UTF-8 or UTF-16 | [`decode`] |
//! | a message that may quote what a file holds | [`printable`] |
//! | a name that nearly is one of a list | [`nearest`] |
//! | JSON, with the path of what is wrong in it | [`JsonFault`] |
//! | all that is wrong or odd in a file, with its place | [`Finding`] |
//! | lines and tables that fit a terminal | [`wrapped`], [`Table`] |

mod finding;
mod inspect;
mod json;
mod layout;
mod repair;
mod suggest;
mod table;

use super::blame::{Blame, Blamed};

pub use finding::{Finding, Severity};
pub(crate) use inspect::{find_fields, inspect_json};
pub use json::{JsonFault, JsonPlace};
pub(crate) use json::{NotANumber, from_json};
#[cfg(feature = "scenario")]
pub(crate) use json::{describe, position};
pub use layout::{WIDTH, wrapped};
#[cfg(feature = "scenario")]
pub(crate) use repair::{Repaired, Tree, TreeFault, repaired, steps};
pub use suggest::nearest;
pub use table::Table;

/// Most faults that are listed.
const MOST_LISTED: usize = 20;

/// Longest value that a message quotes whole, in characters.
const LONGEST_VALUE: usize = 120;

/// Longest line of a message, in characters.
const LONGEST_LINE: usize = 2000;

/// Why bytes are not text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// They begin as UTF-16 does, but are not valid.
    #[error(
        "looks like UTF-16, but is not valid from byte {offset} on; save it as UTF-8 (PowerShell: \
         Out-File -Encoding utf8)"
    )]
    Utf16 {
        /// Where it goes wrong.
        offset: usize,
    },
    /// They are not UTF-8.
    #[error("line {line}: byte {byte:#04x} is not UTF-8; save the file as UTF-8")]
    Utf8 {
        /// Line, from 1.
        line: usize,
        /// The byte that is not UTF-8.
        byte: u8,
    },
}

impl Blamed for TextError {
    fn blame(&self) -> Blame {
        match self {
            Self::Utf16 { .. } | Self::Utf8 { .. } => Blame::Input,
        }
    }
}

/// The text of a file: UTF-8, or UTF-16 in either order, as Windows PowerShell's `>` writes it; a byte order mark is
/// taken off. UTF-16 without a mark is recognized by its zero bytes.
///
/// # Errors
/// [`TextError`] for bytes that are neither.
///
/// ```
/// use collapipe::text::decode;
/// assert_eq!(decode(b"\xef\xbb\xbfmbps")?, "mbps");
/// assert_eq!(decode(b"\xff\xfem\0b\0p\0s\0")?, "mbps");
/// assert_eq!(decode(b"\xfe\xff\0m\0b\0p\0s")?, "mbps");
/// # Ok::<(), collapipe::text::TextError>(())
/// ```
pub fn decode(bytes: &[u8]) -> Result<String, TextError> {
    let little = |pair: [u8; 2]| u16::from_le_bytes(pair);
    let big = |pair: [u8; 2]| u16::from_be_bytes(pair);
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, 2, little),
        [0xfe, 0xff, rest @ ..] => utf16(rest, 2, big),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        // No text has a zero byte among its first two characters but that of UTF-16.
        [low, 0, ..] if *low != 0 => utf16(bytes, 0, little),
        [0, low, ..] if *low != 0 => utf16(bytes, 0, big),
        _ => utf8(bytes),
    }
}

/// A byte order mark at the beginning is not part of a text.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn utf8(bytes: &[u8]) -> Result<String, TextError> {
    let bad = |error: std::str::Utf8Error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        TextError::Utf8 { line, byte: bytes.get(error.valid_up_to()).copied().unwrap_or_default() }
    };
    std::str::from_utf8(bytes).map(str::to_owned).map_err(bad)
}

fn utf16(bytes: &[u8], mark: usize, unit: impl Fn([u8; 2]) -> u16) -> Result<String, TextError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    let mut offset = mark;
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let character = character.map_err(|_| TextError::Utf16 { offset })?;
        offset += 2 * character.len_utf16();
        text.push(character);
    }
    if rest.is_empty() { Ok(text) } else { Err(TextError::Utf16 { offset }) }
}

/// A message as a terminal may show it: control characters and those that turn the reading direction are escaped (line
/// breaks stay), quoted values of more than 120 characters and lines of more than 2000 are shortened, with their length.
///
/// ```
/// use collapipe::text::printable;
/// assert_eq!(printable("\u{1b}[31mred = 1\u{7}"), "\\u{1b}[31mred = 1\\u{7}");
/// assert!(printable(&format!("unknown field `{}`", "x".repeat(5000))).ends_with("… (5000 characters)`"));
/// ```
#[must_use]
pub fn printable(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for (index, line) in message.split('\n').enumerate() {
        if index > 0 {
            shown.push('\n');
        }
        shown.push_str(&shortened(&shorten_quoted(&escaped(line)), LONGEST_LINE));
    }
    shown
}

/// A number as people read it and type it again: to so many significant digits, at least one.
///
/// ```
/// assert_eq!(collapipe::text::rounded(1234.567, 3), 1230.0);
/// ```
#[must_use]
pub fn rounded(value: f64, digits: usize) -> f64 {
    let decimals = digits.saturating_sub(1);
    format!("{value:.decimals$e}").parse().unwrap_or(value)
}

/// A value for a message or a table: on one line, without control characters, shortened where it is long.
pub(crate) fn value(text: &str) -> String {
    shortened(&escaped(text), LONGEST_VALUE)
}

/// Control characters, and those that are not seen but change what is, by their number.
pub(crate) fn escaped(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.chars().any(hidden) {
        return text.to_owned();
    }
    let shown = |c: char| if hidden(c) { c.escape_default().collect::<String>() } else { c.to_string() };
    text.chars().map(shown).collect()
}

fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most).collect();
    format!("{kept}… ({length} characters)")
}

/// What stands in quotes or backticks, and words without a break, each shortened.
fn shorten_quoted(line: &str) -> String {
    if line.len() <= LONGEST_VALUE {
        return line.to_owned();
    }
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(open);
        shown.push_str(before);
        let mark = quoted.chars().next().unwrap_or('"');
        shown.push(mark);
        let inner = quoted.get(1..).unwrap_or_default();
        // A quotation mark behind a backslash belongs to what is quoted.
        let mut behind_backslash = false;
        let close = inner.find(|c| {
            let closes = c == mark && !behind_backslash;
            behind_backslash = c == '\\' && !behind_backslash;
            closes
        });
        let Some(close) = close else {
            rest = inner;
            continue;
        };
        let (value, behind) = inner.split_at(close);
        shown.push_str(&shortened(value, LONGEST_VALUE));
        shown.push(mark);
        rest = behind.get(1..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}
