//! Why a report was not written.

use std::path::PathBuf;

use crate::ground::blame::{Blame, Blamed};
use crate::ground::files::FileError;
use crate::lyapunov::DriftRecordError;
use crate::simulation::RecordError;

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A folder or a file that cannot be written, or must not be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The record is not that of a run of a slot problem; nothing was written.
    #[error("no report of this record: {source}")]
    Record {
        /// What is wrong.
        source: Box<DriftRecordError>,
    },
    /// The record is not that of a scenario's run; nothing was written.
    #[error("no report of this record: {0}")]
    Run(#[from] RecordError),
    /// A figure cannot be drawn.
    #[error("cannot draw {}: {cause}", path.display())]
    Figure {
        /// The file it was meant for.
        path: PathBuf,
        /// What the drawing library says.
        cause: String,
    },
}

impl Blamed for ReportError {
    fn blame(&self) -> Blame {
        match self {
            Self::File(error) => error.blame(),
            Self::Record { source } => source.blame(),
            Self::Run(error) => error.blame(),
            Self::Figure { .. } => Blame::Machine,
        }
    }
}
