//! Tables of measured layers (CSV with a header), as profilers write them.

use super::problem::{Layer, PartitionDevice};
use super::validation::MAX_LAYERS;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::{FieldError, Range, length};
use crate::text::nearest;

/// Why a table is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Its rows cannot be told apart.
    #[error("not a table: {0}")]
    Csv(#[from] csv::Error),
    /// It has no column for something that must be known.
    #[error("no column for {what}: must be one of {names}; the columns are {found}")]
    NoColumn {
        /// What it is for.
        what: &'static str,
        /// The names it may have.
        names: String,
        /// The columns there are.
        found: String,
    },
    /// Two columns say the same.
    #[error("columns {first} and {second} both give {what}: take one out")]
    TwoColumns {
        /// What they give.
        what: &'static str,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// A column that was asked for is not there.
    #[error("no column {name}{hint}; the columns are {found}")]
    Unknown {
        /// Its name.
        name: String,
        /// A name that nearly is it, in words.
        hint: String,
        /// The columns there are.
        found: String,
    },
    /// Rows of several models, devices or the like.
    #[error("column {column} holds {values}: choose one, as with --where {column}={example}")]
    Several {
        /// The column.
        column: String,
        /// What it holds, some of it.
        values: String,
        /// One of them.
        example: String,
    },
    /// No row is left.
    #[error("no row with {0}")]
    NoRow(String),
    /// A field does not hold what it must.
    #[error("line {line}: {column} = \"{}\": must be {allowed}", crate::text::value(value))]
    Field {
        /// Line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What it holds.
        value: String,
        /// What it may hold.
        allowed: String,
    },
    /// More layers than a problem may have.
    #[error(transparent)]
    Length(#[from] FieldError),
}

impl Blamed for ProfileError {
    fn blame(&self) -> Blame {
        match self {
            Self::Csv(_)
            | Self::NoColumn { .. }
            | Self::TwoColumns { .. }
            | Self::Unknown { .. }
            | Self::Several { .. }
            | Self::NoRow(_)
            | Self::Field { .. }
            | Self::Length(_) => Blame::Input,
        }
    }
}

/// Which rows of a table to take, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileRows {
    /// Rows that hold this value in this column, for each pair (column, value).
    pub only: Vec<(String, String)>,
    /// Sort by the number in this column, or at the end of what it holds (`node12` is 12); `None`: as in the file.
    pub order_by: Option<String>,
}

/// The layers of a profile, on the device where they were measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerProfile {
    /// Names, outputs, gradients and memory.
    pub layers: Vec<Layer>,
    /// Seconds forward.
    pub forward_seconds: Vec<f64>,
    /// Seconds backward; empty where the table has no such column.
    pub backward_seconds: Vec<f64>,
}

/// What a column gives, the names it may have, and how many of its units make one of ours: a divisor, so that decimals stay
/// what they were.
struct Columns {
    what: &'static str,
    names: &'static [(&'static str, f64)],
}

/// Of times that are known together only, a third is taken to be forward: a backward does twice the work.
const FORWARD: Columns = Columns {
    what: "forward times",
    names: &[
        ("forward_s", 1.0),
        ("forward_ms", 1e3),
        ("forward_time_s", 1.0),
        ("forward_backward_s", 3.0),
        ("fwd_bwd_s_per_microbatch", 3.0),
    ],
};
const BACKWARD: Columns = Columns {
    what: "backward times",
    names: &[("backward_s", 1.0), ("backward_ms", 1e3), ("forward_backward_s", 1.5), ("fwd_bwd_s_per_microbatch", 1.5)],
};
const OUTPUT: Columns = Columns {
    what: "output sizes",
    names: &[("output_bytes", 1.0), ("activation_bytes", 1.0), ("activation_kib_batch", 1.0 / 1024.0)],
};
const GRADIENT: Columns = Columns { what: "gradient sizes", names: &[("gradient_bytes", 1.0)] };
const RESIDENT: Columns = Columns {
    what: "memory that is kept",
    names: &[
        ("resident_bytes", 1.0),
        ("parameter_bytes", 1.0),
        ("memory_bytes", 1.0),
        ("weights_kib", 1.0 / 1024.0),
        ("sublayer_mem_mb", 1.0 / 1_048_576.0),
    ],
};
/// Columns whose values must be the same in all rows of a chain.
const ONE_CHAIN: [&str; 5] = ["model", "dataset", "device", "tensor_parallel", "mode"];
/// Columns that name a layer, the first of them that is there.
const NAMES: [&str; 5] = ["layer", "name", "part", "node", "sublayer"];

impl LayerProfile {
    /// Reads a table: a row for each layer of a chain, a header with the columns that `docs/partition.md` lists.
    ///
    /// Needed are forward times; backward times, outputs, gradients and memory are 0 where there is no such column,
    /// except that gradients are as large as outputs where there are backward times. Columns of other names are not
    /// read.
    ///
    /// # Errors
    /// [`ProfileError`], with the line of a bad field.
    ///
    /// ```
    /// use collapipe::partition::{LayerProfile, ProfileRows};
    ///
    /// let table = "layer,forward_ms,backward_ms,output_bytes\nconv,2,4,1000\nfc,1,2,10\n";
    /// let profile = LayerProfile::from_csv(table, &ProfileRows::default())?;
    /// assert_eq!(profile.forward_seconds, [0.002, 0.001]);
    /// assert_eq!(profile.layers[0].gradient_bytes, 1000.0);
    /// # Ok::<(), collapipe::partition::ProfileError>(())
    /// ```
    pub fn from_csv(text: &str, rows: &ProfileRows) -> Result<Self, ProfileError> {
        let mut table = Table::read(text)?;
        for (column, value) in &rows.only {
            let at = table.column(column)?;
            table.rows.retain(|row| row.fields[at] == *value);
        }
        if table.rows.is_empty() {
            let pairs: Vec<String> = rows.only.iter().map(|(column, value)| format!("{column} = {value}")).collect();
            return Err(ProfileError::NoRow(if pairs.is_empty() { "layers".into() } else { pairs.join(" and ") }));
        }
        for column in ONE_CHAIN {
            table.one_value(column)?;
        }
        if let Some(column) = &rows.order_by {
            table.sort(column)?;
        }
        length("layers", table.rows.len(), MAX_LAYERS)?;
        let Some(forward_seconds) = table.numbers(&FORWARD)? else { return Err(table.missing(&FORWARD)) };
        let backward_seconds = table.numbers(&BACKWARD)?;
        let zeros = vec![0.0; table.rows.len()];
        let outputs = table.numbers(&OUTPUT)?.unwrap_or_else(|| zeros.clone());
        let gradients = table.numbers(&GRADIENT)?;
        let gradients = match &backward_seconds {
            Some(_) => gradients.unwrap_or_else(|| outputs.clone()),
            None => gradients.unwrap_or_else(|| zeros.clone()),
        };
        let resident = table.numbers(&RESIDENT)?.unwrap_or(zeros);
        let name = NAMES.iter().find_map(|name| table.header.iter().position(|column| column == name));
        let layers = table.rows.iter().enumerate().map(|(layer, row)| Layer {
            name: name.map_or_else(String::new, |name| row.fields[name].clone()),
            output_bytes: outputs[layer],
            gradient_bytes: gradients[layer],
            resident_bytes: resident[layer],
        });
        let layers = layers.collect();
        Ok(Self { layers, forward_seconds, backward_seconds: backward_seconds.unwrap_or_default() })
    }

    /// A device that takes `slowness` times the measured seconds.
    #[must_use]
    pub fn device(&self, name: impl Into<String>, slowness: f64) -> PartitionDevice {
        PartitionDevice::scaled(name, &self.forward_seconds, &self.backward_seconds, slowness)
    }
}

struct Row {
    line: u64,
    fields: Vec<String>,
}

struct Table {
    header: Vec<String>,
    rows: Vec<Row>,
}

impl Table {
    fn read(text: &str) -> Result<Self, ProfileError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            rows.push(Row { line, fields: record.iter().map(str::to_owned).collect() });
        }
        Ok(Self { header, rows })
    }

    fn columns(&self) -> String {
        self.header.join(", ")
    }

    fn column(&self, name: &str) -> Result<usize, ProfileError> {
        let wanted = name.to_ascii_lowercase();
        self.header.iter().position(|column| *column == wanted).ok_or_else(|| {
            let close = nearest(&wanted, &self.header);
            let hint = close.map_or_else(String::new, |close| format!(" (did you mean {close}?)"));
            ProfileError::Unknown { name: name.into(), hint, found: self.columns() }
        })
    }

    fn one_value(&self, column: &str) -> Result<(), ProfileError> {
        let Ok(at) = self.column(column) else { return Ok(()) };
        let mut values: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !values.contains(&row.fields[at].as_str()) {
                values.push(&row.fields[at]);
            }
        }
        match values[..] {
            [] | [_] => Ok(()),
            [example, ..] => Err(ProfileError::Several {
                column: column.into(),
                values: values.iter().take(8).copied().collect::<Vec<_>>().join(", "),
                example: example.into(),
            }),
        }
    }

    fn sort(&mut self, column: &str) -> Result<(), ProfileError> {
        let at = self.column(column)?;
        let mut keys = Vec::new();
        for row in &self.rows {
            let field = &row.fields[at];
            let digits = field.trim_start_matches(|c: char| !c.is_ascii_digit());
            let Ok(key) = digits.parse::<f64>() else {
                let (column, value) = (column.to_owned(), field.clone());
                let allowed = "a number, or a word that ends with one".into();
                return Err(ProfileError::Field { line: row.line, column, value, allowed });
            };
            keys.push(key);
        }
        let mut rows: Vec<(f64, Row)> = keys.into_iter().zip(self.rows.drain(..)).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rows.extend(rows.into_iter().map(|(_, row)| row));
        Ok(())
    }

    fn missing(&self, columns: &Columns) -> ProfileError {
        let names = columns.names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        ProfileError::NoColumn { what: columns.what, names, found: self.columns() }
    }

    /// The numbers of the column that gives something, in our unit.
    fn numbers(&self, columns: &Columns) -> Result<Option<Vec<f64>>, ProfileError> {
        let found: Vec<(usize, f64)> = columns
            .names
            .iter()
            .filter_map(|(name, unit)| Some((self.header.iter().position(|column| column == name)?, *unit)))
            .collect();
        let (at, unit) = match found[..] {
            [] => return Ok(None),
            [one] => one,
            [(first, _), (second, _), ..] => {
                let name = |at: usize| self.header[at].clone();
                return Err(ProfileError::TwoColumns { what: columns.what, first: name(first), second: name(second) });
            }
        };
        let number = |row: &Row| {
            let value = &row.fields[at];
            let number = value.parse::<f64>().ok().map(|number| number / unit);
            number.filter(|number| Range::NonNegative.contains(*number)).ok_or_else(|| ProfileError::Field {
                line: row.line,
                column: self.header[at].clone(),
                value: value.clone(),
                allowed: "0 or a positive number".into(),
            })
        };
        self.rows.iter().map(number).collect::<Result<_, _>>().map(Some)
    }
}
