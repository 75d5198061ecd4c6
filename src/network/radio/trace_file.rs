//! Reading rate traces from CSV.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::trace::{RateTrace, TraceError};
use crate::ground::blame::{Blame, Blamed};

/// Why a file of traces could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// It cannot be opened, is not UTF-8, or its rows differ in length; the source names the line.
    #[error("{}: {source}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader met, and where.
        source: csv::Error,
    },
    /// Its first row announces neither format.
    #[error("{}, line 1: columns {found:?} are neither (trace, mbps_per_second) nor mbps, or second and mbps", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
        /// The first row.
        found: Vec<String>,
    },
    /// A field does not hold what it must.
    #[error("{}, line {line}: {field} = {value:?}: must be {allowed}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// Line of the row, from 1.
        line: u64,
        /// The column.
        field: &'static str,
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
            // A table of the user's that is missing, cannot be read, or is no table.
            Self::Csv { .. } | Self::Columns { .. } | Self::Field { .. } => Blame::Input,
            Self::Trace { source, .. } => source.blame(),
        }
    }
}

/// Reads the traces of a CSV file. Two formats are told apart by the first row:
///
/// * columns `trace` and `mbps_per_second` (any others are ignored, but `seconds`, where present, must be the number of
///   rates): one trace per row, its rates separated by spaces; the form in which the Lumos5G traces are shared.
/// * a column `mbps`, with or without `second` (0, 1, 2, ... or from any other whole number on, without gaps), or a
///   single column of numbers without a header: one trace, named after the file, one rate per row.
///
/// # Errors
/// Malformed rows, rates that are negative, not finite or no number, repeated or empty traces: with line and column.
pub fn read_traces(path: &Path) -> Result<Vec<RateTrace>, TraceFileError> {
    let csv_error = |source| TraceFileError::Csv { path: path.to_owned(), source };
    let trace_error = |source| TraceFileError::Trace { path: path.to_owned(), source };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_path(path).map_err(csv_error)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rows = reader.records();
    let Some(first) = rows.next().transpose().map_err(csv_error)? else {
        return Err(trace_error(TraceError::Empty { trace: name }));
    };
    let column = |header: &str| first.iter().position(|field| field.eq_ignore_ascii_case(header));
    let rows = rows.map(|row| Ok(Row { path, record: row.map_err(csv_error)? }));

    let traces = if let (Some(trace), Some(rates)) = (column("trace"), column("mbps_per_second")) {
        read_table(rows, Table { trace, rates, seconds: column("seconds") })?
    } else if let Some(mbps) = column("mbps") {
        vec![read_series(rows, mbps, column("second"), Vec::new(), name.clone())?]
    } else if first.len() == 1 && first.iter().all(|field| field.parse::<f64>().is_ok()) {
        let start = vec![Row { path, record: first }.rate(0, "mbps")?];
        vec![read_series(rows, 0, None, start, name.clone())?]
    } else {
        let found = first.iter().map(str::to_owned).collect();
        return Err(TraceFileError::Columns { path: path.to_owned(), found });
    };
    if traces.is_empty() {
        return Err(trace_error(TraceError::Empty { trace: name }));
    }
    Ok(traces)
}

/// Where the columns of the first format stand.
struct Table {
    trace: usize,
    rates: usize,
    seconds: Option<usize>,
}

fn read_table<'a>(
    rows: impl Iterator<Item = Result<Row<'a>, TraceFileError>>,
    columns: Table,
) -> Result<Vec<RateTrace>, TraceFileError> {
    let mut names = HashSet::new();
    let mut traces = Vec::new();
    for row in rows {
        let row = row?;
        let name = row.field(columns.trace);
        if name.is_empty() || !names.insert(name.to_owned()) {
            return Err(row.error("trace", name, "a name that no other row has"));
        }
        let text = row.field(columns.rates);
        let rates: Vec<f64> =
            text.split_whitespace().map(|rate| row.parse(rate, "mbps_per_second")).collect::<Result<_, _>>()?;
        if let Some(seconds) = columns.seconds.map(|column| row.field(column))
            && seconds.parse() != Ok(rates.len())
        {
            return Err(row.error("seconds", seconds, format!("{}, the number of rates in the row", rates.len())));
        }
        let trace = RateTrace::new(name, rates)
            .map_err(|_| row.error("mbps_per_second", text, "at least one rate, separated by spaces"))?;
        traces.push(trace);
    }
    Ok(traces)
}

fn read_series<'a>(
    rows: impl Iterator<Item = Result<Row<'a>, TraceFileError>>,
    mbps: usize,
    second: Option<usize>,
    mut rates: Vec<f64>,
    name: String,
) -> Result<RateTrace, TraceFileError> {
    let mut last: Option<i64> = None;
    let mut path = PathBuf::new();
    for row in rows {
        let row = row?;
        path = row.path.to_owned();
        if let Some(text) = second.map(|column| row.field(column)) {
            let now: i64 = text.parse().map_err(|_| row.error("second", text, "a whole number"))?;
            if let Some(next) = last.and_then(|last| last.checked_add(1))
                && now != next
            {
                return Err(row.error("second", text, format!("{next}, one more than in the row before")));
            }
            last = Some(now);
        }
        rates.push(row.rate(mbps, "mbps")?);
    }
    RateTrace::new(name, rates).map_err(|source| TraceFileError::Trace { path, source })
}

/// A row that knows where it stands.
struct Row<'a> {
    path: &'a Path,
    record: csv::StringRecord,
}

impl Row<'_> {
    fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    fn rate(&self, column: usize, name: &'static str) -> Result<f64, TraceFileError> {
        self.parse(self.field(column), name)
    }

    fn parse(&self, text: &str, name: &'static str) -> Result<f64, TraceFileError> {
        match text.parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
            _ => Err(self.error(name, text, "a finite number of Mbit/s, at least 0")),
        }
    }

    fn error(&self, field: &'static str, value: &str, allowed: impl Into<String>) -> TraceFileError {
        let line = self.record.position().map_or(0, csv::Position::line);
        let value = value.chars().take(60).collect();
        TraceFileError::Field { path: self.path.to_owned(), line, field, value, allowed: allowed.into() }
    }
}
