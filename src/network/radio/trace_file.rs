//! Reading rate traces from files.

use std::fmt;
use std::path::{Path, PathBuf};

use super::config::{TraceFormat, TraceGaps};
use super::trace::{RateTrace, TraceError};
use super::trace_columns::{Column, columns, is_in_bytes};
use super::trace_rows::{Row, Rows, Separator};
use super::trace_series::{Places, TimeColumn, mahimahi, series, table};
use crate::ground::blame::{Blame, Blamed};
use crate::text::{TextError, decode, value};

/// Why a file of traces could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// It cannot be opened.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not text.
    #[error("{}: {source}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TextError,
    },
    /// Its rows cannot be told apart.
    #[error("{}: {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader found, and where.
        source: csv::Error,
    },
    /// Its columns are not understood.
    #[error("{}, line {line}: {what}", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// Line of the first row, from 1.
        line: u64,
        /// Which column, and what can be done.
        what: String,
    },
    /// A field does not hold what it must.
    #[error("{}, line {line}: {field} = \"{}\": must be {allowed}", path.display(), crate::text::value(value))]
    Field {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// The column.
        field: String,
        /// What it holds.
        value: String,
        /// What it may hold.
        allowed: String,
    },
    /// It holds no trace, or an empty one.
    #[error("{}: {source}", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// Which trace, and why.
        source: TraceError,
    },
}

impl Blamed for TraceFileError {
    fn blame(&self) -> Blame {
        match self {
            // A table of the user's that is missing, cannot be read, or is not a table.
            Self::Read { .. } | Self::Text { .. } | Self::Csv { .. } | Self::Columns { .. } | Self::Field { .. } => {
                Blame::Input
            }
            Self::Trace { source, .. } => source.blame(),
        }
    }
}

/// The traces of a file, and how its rows were understood.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TraceFile {
    /// The traces, in the order of the file.
    pub traces: Vec<RateTrace>,
    /// What was understood.
    pub mapping: TraceMapping,
}

/// How the rows of a trace file were understood; displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceMapping {
    /// The file.
    pub file: PathBuf,
    /// Rows of numbers.
    pub rows: usize,
    /// Traces they make.
    pub traces: usize,
    /// Where the rates are, and in which unit.
    pub rates: String,
    /// Where the times are, and in which unit.
    pub times: String,
    /// What tells the traces of a table apart; none for one trace.
    pub runs: Option<String>,
}

impl fmt::Display for TraceMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (rows, traces) = (self.rows, self.traces);
        write!(f, "{}: {rows} row{} read as {traces} trace{}", self.file.display(), plural(rows), plural(traces))?;
        if let Some(runs) = &self.runs {
            write!(f, " by {runs}")?;
        }
        write!(f, "; rates: {}; times: {}", self.rates, self.times)
    }
}

/// Names of files that Mahimahi's traces have.
const MAHIMAHI: [&str; 4] = ["up", "down", "mahimahi", "mahi"];

impl TraceFile {
    /// Reads a file of traces. What is read, with examples, is in `docs/radio.md`: columns with a header, separated by
    /// commas, semicolons, tabs or spaces (a column of rates, with or without one of times and one of runs; the table of
    /// Lumos5G as published; one trace per row); a column of rates in Mbit/s without a header; times in seconds and rates
    /// in Mbit/s separated by spaces; Mahimahi's packet-delivery times.
    ///
    /// # Errors
    /// [`TraceFileError`], with the line, for columns that are not understood, fields that are not numbers, times that
    /// do not grow and, unless `gaps` says what to do, gaps between them.
    pub fn read(path: &Path, format: TraceFormat, gaps: TraceGaps) -> Result<Self, TraceFileError> {
        let bytes = std::fs::read(path).map_err(|source| TraceFileError::Read { path: path.to_owned(), source })?;
        let text = decode(&bytes).map_err(|source| TraceFileError::Text { path: path.to_owned(), source })?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let file = Source { path, name };
        let rows = Rows::of(&text, path)?;
        let Some((first, rest)) = rows.rows.split_first() else { return Err(file.empty()) };
        let numbers = first.fields.iter().all(|field| field.parse::<f64>().is_ok());
        let (traces, [rates, times], runs) = match (format, numbers, first.fields.len()) {
            (TraceFormat::Mahimahi, _, _) => file.mahimahi(&rows.rows)?,
            (TraceFormat::Auto, true, 1) if file.is_mahimahi(&rows.rows)? => file.mahimahi(&rows.rows)?,
            (TraceFormat::Auto, true, 1) => {
                let rate = (0, "the only column".into(), 1.0);
                let places = Places { width: 1, rate, time: None, run: Vec::new() };
                let found = ["the only column, in Mbit/s".into(), "one row per second".into()];
                (series(&file, &rows.rows, &places, gaps)?, found, None)
            }
            (TraceFormat::Auto, true, 2) if matches!(rows.separator, Separator::Space | Separator::Tab) => {
                let time = TimeColumn { column: 0, name: "the first column".into(), unit: None, counts: false };
                let rate = (1, "the second column".into(), 1.0);
                let places = Places { width: 2, rate, time: Some(time), run: Vec::new() };
                let found = ["second column, in Mbit/s".into(), "first column, in s".into()];
                (series(&file, &rows.rows, &places, gaps)?, found, None)
            }
            (TraceFormat::Auto, true, count) => {
                let what = format!(
                    "{count} columns without names; name them in a first line, as time_s,mbps (docs/radio.md lists \
                     the names)"
                );
                return Err(file.columns(first, what));
            }
            (TraceFormat::Auto, false, _) => file.named(first, rest, gaps)?,
        };
        if traces.is_empty() {
            return Err(file.empty());
        }
        let skipped = usize::from(!numbers);
        let rows = rows.rows.len() - skipped;
        let mapping = TraceMapping { file: path.to_owned(), rows, traces: traces.len(), rates, times, runs };
        Ok(Self { traces, mapping })
    }
}

/// Reads the traces of a file as [`TraceFile::read`] does, with its format detected and gaps refused.
///
/// # Errors
/// As [`TraceFile::read`].
pub fn read_traces(path: &Path) -> Result<Vec<RateTrace>, TraceFileError> {
    Ok(TraceFile::read(path, TraceFormat::Auto, TraceGaps::Refuse)?.traces)
}

/// Traces, where rates and times were found, and what tells the traces apart.
type Found = (Vec<RateTrace>, [String; 2], Option<String>);

/// The file that is read, for errors and for the name of its only trace.
pub(super) struct Source<'a> {
    pub path: &'a Path,
    pub name: String,
}

impl Source<'_> {
    fn empty(&self) -> TraceFileError {
        self.trace(TraceError::Empty { trace: self.name.clone() })
    }

    pub fn trace(&self, source: TraceError) -> TraceFileError {
        TraceFileError::Trace { path: self.path.to_owned(), source }
    }

    fn columns(&self, row: &Row, what: String) -> TraceFileError {
        TraceFileError::Columns { path: self.path.to_owned(), line: row.line, what }
    }

    pub fn field(&self, row: &Row, field: &str, found: &str, allowed: impl Into<String>) -> TraceFileError {
        TraceFileError::Field {
            path: self.path.to_owned(),
            line: row.line,
            field: value(field),
            value: found.to_owned(),
            allowed: allowed.into(),
        }
    }

    fn mahimahi(&self, rows: &[Row]) -> Result<Found, TraceFileError> {
        let found = [
            "packets of 1500 bytes, counted by the second".into(),
            "packet-delivery times of Mahimahi, in ms; the last one is the length".into(),
        ];
        Ok((vec![mahimahi(self, rows)?], found, None))
    }

    /// Whether a single column without a name holds packet-delivery times rather than rates.
    fn is_mahimahi(&self, rows: &[Row]) -> Result<bool, TraceFileError> {
        let extension = self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if MAHIMAHI.contains(&extension.to_lowercase().as_str()) {
            return Ok(true);
        }
        let times: Option<Vec<u64>> = rows.iter().map(|row| row.field(0).parse().ok()).collect();
        let Some(times) = times else { return Ok(false) };
        let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
        let grows = times.windows(2).all(|pair| matches!(pair, [a, b] if a <= b)) && first < last;
        // No measured rate grows a hundred times without ever falling, beyond 1 Gbit/s.
        if !grows || (times.len() >= 100 && last >= 1000) {
            return Ok(grows);
        }
        let Some(row) = rows.first() else { return Ok(false) };
        let what = "a column without a name, of whole numbers that never fall: rates in Mbit/s or Mahimahi's \
                    packet-delivery times in ms? Put mbps above rates; for times set format = \"mahimahi\", or name the \
                    file *.up or *.down";
        Err(self.columns(row, what.into()))
    }

    /// A file with named columns.
    fn named(&self, first: &Row, rest: &[Row], gaps: TraceGaps) -> Result<Found, TraceFileError> {
        let names = &first.fields;
        let mut kinds = Vec::new();
        for (name, kind) in names.iter().zip(columns(names)) {
            kinds.push((name.as_str(), kind.ok_or_else(|| self.columns(first, not_understood(name, names)))?));
        }
        let all = |wanted: fn(Column) -> bool| {
            kinds.iter().enumerate().filter(|(_, (_, kind))| wanted(*kind)).map(|(at, (name, _))| (at, *name)).collect()
        };
        let one = |what: &str, wanted: fn(Column) -> bool| -> Result<Option<(usize, &str)>, TraceFileError> {
            let found: Vec<(usize, &str)> = all(wanted);
            match found.as_slice() {
                [] => Ok(None),
                [only] => Ok(Some(*only)),
                _ => {
                    let names: Vec<_> = found.iter().map(|(_, name)| value(name)).collect();
                    let what = format!(
                        "columns {} all hold {what}; keep one, and remove the others or begin their names with note_",
                        names.join(", ")
                    );
                    Err(self.columns(first, what))
                }
            }
        };
        let trace = one("names of traces", |kind| kind == Column::Trace)?;
        let count = one("numbers of samples", |kind| kind == Column::Count)?;
        if let Some((rates, _)) = one("rates", |kind| kind == Column::Rates)? {
            let Some((trace, name)) = trace else {
                return Err(self.columns(first, "mbps_per_second asks for a column trace beside it".into()));
            };
            let traces = table(self, rest, trace, rates, count.map(|(at, _)| at))?;
            let found = ["column mbps_per_second, in Mbit/s".into(), "one rate per second".into()];
            return Ok((traces, found, Some(format!("column {}", value(name)))));
        }
        let rate = one("rates", |kind| matches!(kind, Column::Rate(_)))?;
        let time = one("times", |kind| matches!(kind, Column::Time(_)))?;
        let run = one("numbers of runs", |kind| kind == Column::Run)?;
        let Some((rate, rate_name)) = rate else {
            let what = format!("no column of rates among {}; call it mbps or kbps", list(names));
            return Err(self.columns(first, what));
        };
        let Some((_, Column::Rate(unit))) = kinds.get(rate).copied() else { return Err(self.empty()) };
        let Some(unit) = unit else {
            let what = format!(
                "column {}: unit of the rates unknown; call it mbps, kbps or bps, with that at its end, as {}_mbps",
                value(rate_name),
                value(rate_name)
            );
            return Err(self.columns(first, what));
        };
        let time = match (time, count) {
            (Some((_, time)), Some((_, count))) => {
                let what = format!(
                    "columns {} and {} both say when; remove one, or begin its name with note_",
                    value(time),
                    value(count)
                );
                return Err(self.columns(first, what));
            }
            (Some((column, name)), None) => {
                let unit = match kinds.get(column) {
                    Some((_, Column::Time(unit))) => *unit,
                    _ => None,
                };
                Some(TimeColumn { column, name: value(name), unit, counts: false })
            }
            (None, Some((column, name))) => {
                Some(TimeColumn { column, name: value(name), unit: Some(1.0), counts: true })
            }
            (None, None) => None,
        };
        if let (Some((_, run)), Some((_, trace))) = (run, trace) {
            let what = format!(
                "columns {} and {} both tell traces apart; remove one, or begin its name with note_",
                value(run),
                value(trace)
            );
            return Err(self.columns(first, what));
        }
        let modes: Vec<(usize, &str)> = all(|kind| kind == Column::Mode);
        let key: Vec<(usize, &str)> = run.or(trace).into_iter().chain(modes).collect();
        let places = Places {
            width: names.len(),
            rate: (rate, value(rate_name), unit),
            time,
            run: key.iter().map(|(at, _)| *at).collect(),
        };
        let traces = series(self, rest, &places, gaps)?;
        let names: Vec<String> = key.iter().map(|(_, name)| value(name)).collect();
        let (rates, times) = (places.rates(), places.times(rest));
        Ok((
            traces,
            [rates, times],
            (!names.is_empty())
                .then(|| format!("column{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))),
        ))
    }
}

fn list(names: &[String]) -> String {
    value(&names.join(", "))
}

fn not_understood(name: &str, names: &[String]) -> String {
    let (shown, way) = (value(name), "remove it, or begin its name with note_ where rates do not depend on it");
    if name.is_empty() {
        return format!("a column without a name among {}; {way}", list(names));
    }
    if is_in_bytes(name) {
        return format!("column {shown}: rates in bytes are not read; multiply by 8 and call it mbps or kbps");
    }
    let known = ["mbps", "kbps", "time_s", "time_ms", "seconds", "run", "trace", "seq"];
    match crate::text::nearest(name, &known) {
        Some(meant) => format!(
            "column {shown} is not understood: did you mean {meant}? Otherwise {way} (docs/radio.md lists the names)"
        ),
        None => format!(
            "column {shown} is not understood; {way} (rates are called mbps or kbps, times time_s or time_ms, runs run; \
             docs/radio.md lists the names)"
        ),
    }
}
