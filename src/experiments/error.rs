//! Why an experiment has no result.

use std::path::PathBuf;

use crate::ground::blame::{Blame, Blamed};
use crate::ground::files::FileError;
use crate::network::radio::TraceFileError;
use crate::problem::FieldError;
use crate::report::ReportError;
use crate::scenario::{AssignmentError, ScenarioError, ScenarioFileError};
use crate::simulation::{PolicyKind, RunError};

/// Why an experiment has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// No experiment has this name.
    #[error("unknown experiment \"{name}\"; there are: {known}")]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A description of an experiment that is none.
    #[error("{message}")]
    Description {
        /// What is wrong.
        message: String,
    },
    /// A field to be varied that the scenario does not have, or a value that is none.
    #[error(transparent)]
    Assignment(#[from] AssignmentError),
    /// A folder of results of another experiment.
    #[error("{}: the folder holds results of another experiment ({kept}); choose another folder", path.display())]
    OtherExperiment {
        /// The folder's request.
        path: PathBuf,
        /// Which one.
        kept: String,
    },
    /// An option out of its range.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A file of rate traces cannot be read.
    #[error("{source}; --traces DIR names the folder of lumos5g_traces.csv (docs/reproduce.md tells where it is from)")]
    Traces {
        /// What is wrong with the file.
        #[from]
        source: TraceFileError,
    },
    /// The scenario cannot be read.
    #[error(transparent)]
    Base(Box<ScenarioFileError>),
    /// A scenario of an experiment is not valid.
    #[error("experiment {experiment}: {source}")]
    Scenario {
        /// The experiment.
        experiment: String,
        /// What is wrong.
        source: Box<ScenarioError>,
    },
    /// Two cells would be kept in one file.
    #[error("experiment {experiment}: two runs are called {cell}: every value and policy must be given once")]
    Twice {
        /// The experiment.
        experiment: String,
        /// Their name.
        cell: String,
    },
    /// A policy that cannot play a scenario of the experiment.
    #[error("experiment {experiment}: policy {policy}: {reason}, or leave the policy out")]
    Refused {
        /// The experiment.
        experiment: String,
        /// The policy.
        policy: PolicyKind,
        /// Why, and what would help.
        reason: String,
    },
    /// A run failed.
    #[error("experiment {experiment}, {cell}: {source}")]
    Run {
        /// The experiment.
        experiment: String,
        /// The cell.
        cell: String,
        /// Why.
        source: Box<RunError>,
    },
    /// Cells could not be kept or not taken up again.
    #[error(transparent)]
    Kept(#[from] FileError),
    /// A folder to merge has no request, and so is no result of `reproduce`.
    #[error("{}: is missing; name a folder that `collapipe reproduce --out` wrote", path.display())]
    NoRequest {
        /// The file that should be there.
        path: PathBuf,
    },
    /// A folder with runs of another size.
    #[error("{}: the folder holds runs of another size ({kept}) than was asked for ({asked}); ask for the same, or choose another folder", path.display())]
    OtherSize {
        /// The folder's request.
        path: PathBuf,
        /// Its size.
        kept: String,
        /// That asked for.
        asked: String,
    },
    /// A file of rate traces without any of one kind.
    #[error("{}: no trace has a name that begins with {prefix}; there must be some that begin with 4g and some with 5g", path.display())]
    NoTraces {
        /// The file.
        path: PathBuf,
        /// What is missing.
        prefix: &'static str,
    },
    /// Folders to merge do not belong together.
    #[error("{}: was made by another request than {}; merge what the same command wrote, but for --shard", path.display(), first.display())]
    OtherRequest {
        /// The folder.
        path: PathBuf,
        /// The one that it does not fit.
        first: PathBuf,
    },
    /// Cells are missing from a folder, or from those to merge.
    #[error(
        "{missing} of {cells} runs are missing: {}{}; play the missing shards, or `collapipe reproduce` of these experiments, which goes on where it was",
        named.join(", "),
        if named.len() < *missing { ", ..." } else { "" }
    )]
    Missing {
        /// How many.
        missing: usize,
        /// Of how many.
        cells: usize,
        /// Their files, the first of many.
        named: Vec<String>,
    },
    /// A table or figure cannot be written.
    #[error(transparent)]
    Write(#[from] ReportError),
}

impl From<ScenarioFileError> for ExperimentError {
    fn from(error: ScenarioFileError) -> Self {
        Self::Base(Box::new(error))
    }
}

impl Blamed for ExperimentError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unknown { .. }
            | Self::NoRequest { .. }
            | Self::OtherSize { .. }
            | Self::NoTraces { .. }
            | Self::Description { .. }
            | Self::OtherExperiment { .. }
            | Self::OtherRequest { .. }
            | Self::Missing { .. } => Blame::Input,
            Self::Base(error) => error.blame(),
            Self::Assignment(error) => error.blame(),
            // Of the catalogue, which is part of the program, no two cells are alike; of a user's values two may be.
            Self::Twice { .. } | Self::Refused { .. } => Blame::Input,
            Self::Scenario { source, .. } => source.blame(),
            Self::Field(error) => error.blame(),
            Self::Traces { source } => source.blame(),
            Self::Run { source, .. } => source.blame(),
            Self::Kept(error) => error.blame(),
            Self::Write(error) => error.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Unknown { name, known } => Some(FieldError::new("experiments", format!("{name:?}"), known)),
            Self::Base(error) => error.field(),
            Self::Assignment(error) => error.field(),
            Self::Field(error) => error.field(),
            Self::Scenario { source, .. } => source.field(),
            Self::Run { source, .. } => source.field(),
            _ => None,
        }
    }
}
