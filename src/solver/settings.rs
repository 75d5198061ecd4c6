//! How accurately to solve, and when to stop.

use crate::ground::blame::{Blame, Blamed};

/// Accuracy and limits of a solve. Limits count work, not time, so that results are reproducible.
///
/// ```
/// use collapipe::solver::Settings;
/// let settings = Settings { gap: 1e-4, ..Settings::default() };
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
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

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field out of range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if !(1e-9..=1.0).contains(&self.gap) {
            return Err(SettingsError { field: "gap", value: self.gap.to_string(), allowed: "in [1e-9, 1]" });
        }
        if self.nodes == 0 {
            return Err(SettingsError { field: "nodes", value: "0".into(), allowed: "at least 1" });
        }
        Ok(())
    }
}
