//! Checks of single fields, and how a bad one is reported.
//!
//! The magnitude of every nonzero number from outside lies within [[`MIN_MAGNITUDE`], [`MAX_MAGNITUDE`]], so that no
//! product of a few leaves the range of double precision.

use std::fmt::Display;

use super::blame::{Blame, Blamed};

/// Smallest magnitude of a nonzero number in a slot problem.
pub const MIN_MAGNITUDE: f64 = 1e-30;
/// Largest magnitude of a number in a slot problem.
pub const MAX_MAGNITUDE: f64 = 1e30;
/// A field that does not hold what it must.
///
/// Reads `clusters[1].devices[0].memory_bytes = NaN: must be 0 or a finite number in [1e-30, 1e30]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} = {}: must be {allowed}{}", crate::text::value(value), of(owner.as_deref()))]
pub struct FieldError {
    /// Where the field stands in the exchange format, as `clusters[1].devices[0].memory_bytes`.
    pub path: String,
    /// What it holds.
    pub value: String,
    /// What it may hold; completes the sentence "must be ...".
    pub allowed: String,
    /// Whose field it is, by name, as `lab/pi-1`; none where nothing has a name.
    pub owner: Option<Box<str>>,
}

/// Whose field it is, behind all that is said of it.
fn of(owner: Option<&str>) -> String {
    owner.map_or_else(String::new, |owner| format!(" (of {})", crate::text::value(owner)))
}

impl Blamed for FieldError {
    fn blame(&self) -> Blame {
        Blame::Input
    }

    fn field(&self) -> Option<FieldError> {
        Some(self.clone())
    }
}

impl FieldError {
    pub(crate) fn new(path: impl Into<String>, value: impl Display, allowed: impl Into<String>) -> Self {
        Self { path: path.into(), value: value.to_string(), allowed: allowed.into(), owner: None }
    }

    /// The same error seen from the structure that holds the field's structure under the name `parent`.
    pub(crate) fn within(mut self, parent: impl Display) -> Self {
        self.path = format!("{parent}.{}", self.path);
        self
    }
}

pub(crate) type Checked = Result<(), FieldError>;

/// The range of a real field.
#[derive(Clone, Copy)]
pub(crate) enum Range {
    Positive,
    NonNegative,
    Signed,
    /// (0, 1].
    Fraction,
}

impl Range {
    pub(crate) fn contains(self, value: f64) -> bool {
        let magnitude = (MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&value.abs());
        match self {
            Self::Positive => magnitude && value > 0.0,
            Self::NonNegative => value == 0.0 || (magnitude && value > 0.0),
            Self::Signed => value == 0.0 || magnitude,
            Self::Fraction => magnitude && value > 0.0 && value <= 1.0,
        }
    }

    fn describe(self) -> String {
        match self {
            Self::Positive => format!("a finite number in [{MIN_MAGNITUDE:e}, {MAX_MAGNITUDE:e}]"),
            Self::NonNegative => format!("0 or a finite number in [{MIN_MAGNITUDE:e}, {MAX_MAGNITUDE:e}]"),
            Self::Signed => format!("0 or a finite number of magnitude in [{MIN_MAGNITUDE:e}, {MAX_MAGNITUDE:e}]"),
            Self::Fraction => format!("a finite number in [{MIN_MAGNITUDE:e}, 1]"),
        }
    }
}

pub(crate) fn real(path: &str, value: f64, range: Range) -> Checked {
    if range.contains(value) { Ok(()) } else { Err(FieldError::new(path, format!("{value:?}"), range.describe())) }
}

pub(crate) fn reals(fields: &[(&str, f64, Range)]) -> Checked {
    fields.iter().try_for_each(|&(path, value, range)| real(path, value, range))
}

pub(crate) fn count(path: &str, value: impl Into<u64>, max: impl Into<u64>) -> Checked {
    let (value, max) = (value.into(), max.into());
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(FieldError::new(path, value, format!("an integer in [1, {max}]")))
    }
}

pub(crate) fn length(path: &str, value: usize, max: usize) -> Checked {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(FieldError::new(path, format!("a list of {value}"), format!("a list of 1 to {max}")))
    }
}

/// Whether a list is as long as another one; `why` says which.
pub(crate) fn same_length(path: &str, found: usize, expected: usize, why: &str) -> Checked {
    if found == expected {
        Ok(())
    } else {
        Err(FieldError::new(path, format!("a list of {found}"), format!("a list of {expected}, {why}")))
    }
}
