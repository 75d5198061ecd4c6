//! Why a sweep has no result.

use super::axis::Axis;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::files::FileError;
use crate::problem::FieldError;
use crate::simulation::RunError;

/// Why a sweep has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The values do not make a sweep.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A run failed.
    #[error("{} = {value:?}: {source}", axis.symbol())]
    Run {
        /// What is varied.
        axis: Axis,
        /// Its value in that run.
        value: f64,
        /// Why.
        source: RunError,
    },
    /// Points could not be kept or taken up again.
    #[error(transparent)]
    Folder(#[from] FileError),
}

impl Blamed for SweepError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
            Self::Run { source, .. } => source.blame(),
            Self::Folder(error) => error.blame(),
        }
    }
}
