//! How accurately to solve, and when to stop.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::ground::blame::{Blame, Blamed};

/// Accuracy and limits of a solve. Limits count work, not time, so that results are reproducible.
///
/// ```
/// use collapipe::solver::Settings;
/// let settings = Settings { gap: 1e-4, ..Settings::default() };
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Relative gap (objective − lower bound)/|objective| at which the search ends; in [1e-9, 1], default 1e-7. Near
    /// zero it is an absolute one, in the scale that [`Certified::gap`](crate::solver::Certified::gap) has there.
    pub gap: f64,
    /// Most work on closing a network's gap by branch and bound over the clusters' segments, counted in clusters: a
    /// node of N clusters counts N. At least 1, default 4000.
    pub nodes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { gap: 1e-7, nodes: 4000 }
    }
}

/// A setting out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("settings.{field} = {value}: must be {allowed}")]
pub struct SettingsError {
    /// Name of the field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}

impl Blamed for SettingsError {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

impl SettingsError {
    /// An error for a number that is not within its range, as NaN never is; `allowed` says which that is.
    pub(crate) fn unless_within(
        field: &'static str,
        value: f64,
        range: RangeInclusive<f64>,
        allowed: &'static str,
    ) -> Result<(), Self> {
        if range.contains(&value) { Ok(()) } else { Err(Self { field, value: value.to_string(), allowed }) }
    }

    /// An error for a count of 0.
    pub(crate) fn unless_positive(field: &'static str, value: impl Into<u64>) -> Result<(), Self> {
        if value.into() > 0 { Ok(()) } else { Err(Self { field, value: "0".into(), allowed: "at least 1" }) }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        SettingsError::unless_within("gap", self.gap, 1e-9..=1.0, "in [1e-9, 1]")?;
        SettingsError::unless_positive("nodes", self.nodes)
    }
}
