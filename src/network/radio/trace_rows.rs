//! The rows of a trace file, whatever separates their fields.

use std::path::Path;

use super::trace_file::TraceFileError;

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Semicolon,
    Tab,
    /// One or more spaces.
    Space,
}

/// A row and its line.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// From 1.
    pub line: u64,
    pub fields: Vec<String>,
}

impl Row {
    pub fn field(&self, column: usize) -> &str {
        self.fields.get(column).map_or("", String::as_str)
    }
}

/// A file's rows without empty ones.
pub(super) struct Rows {
    pub separator: Separator,
    pub rows: Vec<Row>,
}

impl Rows {
    /// Takes a text apart.
    ///
    /// # Errors
    /// A quoted field that is not closed.
    pub fn of(text: &str, path: &Path) -> Result<Self, TraceFileError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let first = lines.clone().next().map_or("", |(_, line)| line);
        let separator = separator(first, lines.nth(1).map(|(_, line)| line));
        let byte = match separator {
            Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Tab => b'\t',
            Separator::Space => {
                let row = |(index, line): (usize, &str)| {
                    let fields: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                    (!fields.is_empty()).then_some(Row { line: index as u64 + 1, fields })
                };
                return Ok(Self { separator, rows: text.lines().enumerate().filter_map(row).collect() });
            }
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(byte)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|source| TraceFileError::Csv { path: path.to_owned(), source })?;
            let line = record.position().map_or(0, csv::Position::line);
            let fields: Vec<String> = record.iter().map(str::to_owned).collect();
            // Spreadsheets leave rows of separators behind.
            if fields.iter().any(|field| !field.is_empty()) {
                rows.push(Row { line, fields });
            }
        }
        Ok(Self { separator, rows })
    }
}

/// What separates the fields of a file with this first and second line.
fn separator(first: &str, second: Option<&str>) -> Separator {
    let words = |line: &str| line.split_whitespace().count();
    if first.contains(';') {
        Separator::Semicolon
    } else if first.contains(',') {
        Separator::Comma
    } else if first.contains('\t') {
        Separator::Tab
    } else if words(first) > 1 && second.is_none_or(|second| words(second) == words(first)) {
        Separator::Space
    } else {
        // One column, whose name may hold spaces.
        Separator::Comma
    }
}
