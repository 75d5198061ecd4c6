//! Why nothing can be fitted.

use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::schedule::ScheduleError;

/// Why nothing can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// A field is out of range, or does not fit the others.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A row's pipeline cannot be run.
    #[error("rows[{row}]: {source}")]
    Schedule {
        /// The row, from 0.
        row: usize,
        /// Why.
        source: ScheduleError,
    },
}

impl Blamed for CalibrationError {
    fn blame(&self) -> Blame {
        Blame::Input
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Field(error) => error.field(),
            Self::Schedule { source, .. } => source.field(),
        }
    }
}
