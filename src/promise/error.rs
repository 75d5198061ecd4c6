//! Why nothing can be promised.

use crate::ground::blame::{Blame, Blamed};
use crate::ground::files::FileError;
use crate::problem::FieldError;
use crate::simulation::{RecordError, RunError};

/// Why nothing can be promised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromiseError {
    /// Confidence, coverage or scenarios that do not fit.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A run failed.
    #[error("seed = {seed}: {source}")]
    Run {
        /// Its seed.
        seed: u64,
        /// Why.
        source: RunError,
    },
    /// The queues of a run's record are not those of its decisions.
    #[error("seed = {seed}: {source}")]
    Record {
        /// Its seed.
        seed: u64,
        /// Why.
        source: RecordError,
    },
    /// Runs could not be kept or taken up again.
    #[error(transparent)]
    Folder(#[from] FileError),
}

impl Blamed for PromiseError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
            Self::Run { source, .. } => source.blame(),
            // The run is our own.
            Self::Record { .. } => Blame::Machine,
            Self::Folder(error) => error.blame(),
        }
    }
}
