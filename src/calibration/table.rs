//! Tables of timings (CSV with a header).

use super::columns::TimingColumn;
use super::model::{Timing, Work};
use crate::ground::blame::{Blame, Blamed};
use crate::schedule::ScheduleKind;

/// Why a table is none of timings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimingsError {
    /// Its rows cannot be told apart.
    #[error("not a table: {0}")]
    Csv(#[from] csv::Error),
    /// A column is missing.
    #[error("no column {name}: {why}; the columns are {found}")]
    NoColumn {
        /// Its name.
        name: &'static str,
        /// What it is needed for.
        why: &'static str,
        /// The columns there are.
        found: String,
    },
    /// A column that is not known.
    #[error("column {name}: must be one of {}", TimingColumn::ALL.map(|column| column.name).join(", "))]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A field does not hold what it must.
    #[error("line {line}: {column} = \"{}\": must be {allowed}", crate::text::value(value))]
    Field {
        /// Line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        allowed: String,
    },
    /// It has no rows.
    #[error("no rows of timings")]
    NoRows,
}

impl Blamed for TimingsError {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

impl Timing {
    /// Reads a table: a row for each iteration that was timed, a header with the columns that `docs/calibrate.md` lists.
    /// Entries of several stages are separated by spaces.
    ///
    /// # Errors
    /// [`TimingsError`], with the line of a bad field.
    ///
    /// ```
    /// use collapipe::calibration::Timing;
    /// let table = "devices,blocks,samples,micro_batches,seconds\nnano pi,8 4,2,4,3.25\n";
    /// assert_eq!(Timing::from_csv(table)?[0].seconds, 3.25);
    /// # Ok::<(), collapipe::calibration::TimingsError>(())
    /// ```
    pub fn from_csv(text: &str) -> Result<Vec<Self>, TimingsError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
        if let Some(name) =
            header.iter().find(|name| TimingColumn::ALL.iter().all(|column| column.name != name.as_str()))
        {
            return Err(TimingsError::Unknown { name: name.clone() });
        }
        let mut timings = Vec::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            timings.push(Row { header: &header, record: &record, line }.timing()?);
        }
        if timings.is_empty() { Err(TimingsError::NoRows) } else { Ok(timings) }
    }
}

struct Row<'a> {
    header: &'a [String],
    record: &'a csv::StringRecord,
    line: u64,
}

impl Row<'_> {
    fn timing(&self) -> Result<Timing, TimingsError> {
        let stages = "what the stages do: devices with blocks and samples, or stage_seconds with send_seconds";
        let work = match (self.text("devices"), self.text("stage_seconds")) {
            (Some(devices), None) => Work::Blocks {
                devices: devices.split_whitespace().map(Into::into).collect(),
                blocks: self.list("blocks", "blocks of each device", "whole numbers")?,
                samples: self.number("samples", "samples of a micro-batch", "a number")?,
            },
            (None, Some(_)) => Work::Known {
                computing: self.list("stage_seconds", stages, "numbers")?,
                sending: self.list("send_seconds", "seconds on the link behind each stage", "numbers")?,
            },
            (None, None) => return Err(self.missing("devices", stages)),
            (Some(_), Some(value)) => {
                let allowed = "empty where devices are given".into();
                return Err(TimingsError::Field {
                    line: self.line,
                    column: "stage_seconds",
                    value: value.into(),
                    allowed,
                });
            }
        };
        let schedule = match self.text("schedule") {
            None => ScheduleKind::FillDrain,
            Some(name) => ScheduleKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
                let allowed = ScheduleKind::ALL.map(ScheduleKind::name).join(", ");
                TimingsError::Field { line: self.line, column: "schedule", value: name.into(), allowed }
            })?,
        };
        Ok(Timing {
            work,
            micro_batches: self.number("micro_batches", "M of each row", "a whole number")?,
            schedule,
            replicas: match self.text("replicas") {
                None => 1,
                Some(_) => self.number("replicas", "", "a whole number")?,
            },
            seconds: self.number("seconds", "what was measured", "a number")?,
        })
    }

    /// What a column holds; none where it is missing or empty.
    fn text(&self, column: &str) -> Option<&str> {
        let at = self.header.iter().position(|name| name == column)?;
        self.record.get(at).filter(|text| !text.is_empty())
    }

    fn missing(&self, name: &'static str, why: &'static str) -> TimingsError {
        match self.header.iter().any(|column| column == name) {
            true => {
                let allowed = format!("given: {why}");
                TimingsError::Field { line: self.line, column: name, value: String::new(), allowed }
            }
            false => TimingsError::NoColumn { name, why, found: self.header.join(", ") },
        }
    }

    fn number<T: std::str::FromStr>(
        &self,
        column: &'static str,
        why: &'static str,
        what: &str,
    ) -> Result<T, TimingsError> {
        let value = self.text(column).ok_or_else(|| self.missing(column, why))?;
        value.parse().map_err(|_| TimingsError::Field {
            line: self.line,
            column,
            value: value.into(),
            allowed: what.into(),
        })
    }

    fn list<T: std::str::FromStr>(
        &self,
        column: &'static str,
        why: &'static str,
        what: &str,
    ) -> Result<Vec<T>, TimingsError> {
        let value = self.text(column).ok_or_else(|| self.missing(column, why))?;
        let entries = value.split_whitespace().map(str::parse);
        entries.collect::<Result<_, _>>().map_err(|_| TimingsError::Field {
            line: self.line,
            column,
            value: value.into(),
            allowed: format!("{what}, one per stage, separated by spaces"),
        })
    }
}
