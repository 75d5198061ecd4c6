//! How accurately to solve, and when to stop.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;

/// Accuracy and limits of a solve, whatever the kind of problem.
///
/// Where a limit strikes, the answer is the best decision found with a bound that is proved, and its status says which
/// limit it was. Work is counted, not timed: answers under a limit of work are as reproducible as any.
///
/// ```
/// use collapipe::solver::Settings;
/// use std::time::Duration;
/// let settings = Settings { gap: 1e-4, time_limit: Some(Duration::from_millis(20)), ..Settings::default() };
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Relative gap (objective − lower bound)/|objective| at which the search ends; in [1e-9, 1], default 1e-7. Near
    /// zero it is an absolute one, in the scale that [`Certified::gap`](crate::solver::Certified::gap) has there.
    ///
    /// Up to 1e-4 the search of one cluster goes on to a hundredth of it, which costs little; beyond that it ends as
    /// soon as the gap is met.
    pub gap: f64,
    /// Most operations of a solve, each about one floating-point operation; at least 1.
    ///
    /// `None`, the default, leaves every search its own limit: 2e9 operations on the active sets of one cluster under
    /// one plan; in a network of N clusters 4e9/N for each of them (at least 1e8), 2e9 (N + 1) in all, and 4000 clusters
    /// in its branch and bound (a node of N clusters counts N). A limit above that
    /// extends the search. Where the devices of one cluster are chosen, good choices of every plan are looked for at any
    /// limit, which takes some K² L operations for K devices and L blocks.
    pub work_limit: Option<u64>,
    /// Longest time of a solve on the wall clock; `None`, the default, for as long as it takes. Read and written as
    /// `time_limit_s`, in seconds.
    #[serde(rename = "time_limit_s", with = "seconds")]
    pub time_limit: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { gap: 1e-7, work_limit: None, time_limit: None }
    }
}

/// A time in seconds, or none.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let read: Option<f64> = Option::deserialize(deserializer)?;
        read.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(D::Error::custom)).transpose()
    }
}

/// A setting out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("settings.{field} = {value}: must be {allowed}")]
#[non_exhaustive]
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

    fn field(&self) -> Option<FieldError> {
        Some(FieldError::new(self.field, &self.value, self.allowed))
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
        self.work_limit.map_or(Ok(()), |limit| SettingsError::unless_positive("work_limit", limit))
    }
}
