//! Predicted against measured, over many rounds: configurations × schedules × overlap, and a scenario × policies.

mod cases;
mod statistics;

pub use cases::{Case, PolicyRound, configurations, policies};
pub use statistics::{PartErrors, errors};

use crate::compare::{Comparison, table};
use crate::emulate::Clock;
use crate::roles::{Parts, RoundError, Threads};
use crate::wire::WireError;

/// Why an experiment could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// Nodes could not be started.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A round failed.
    #[error("{case}: {source}")]
    Round {
        /// Which.
        case: String,
        /// Why.
        source: RoundError,
    },
    /// Something could not be planned.
    #[error("{case}: {reason}")]
    Plan {
        /// Which.
        case: String,
        /// Why.
        reason: String,
    },
}

/// A case that was executed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Case, policy, schedule, overlap.
    pub names: [String; 4],
    /// Predicted and measured.
    pub comparison: Comparison,
}

impl Outcome {
    /// The outcome as a table.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}", self.names.join(", "), table::text(&self.comparison))
    }
}

/// Executes a case over threads.
///
/// # Errors
/// [`ReproduceError`].
pub fn execute(case: &Case, clock: Clock) -> Result<Outcome, ReproduceError> {
    let name = case.names.join(", ");
    let mut threads = Threads::start(&case.order.members(), clock)?;
    let measured = threads.coordinator().and_then(|coordinator| coordinator.round(&case.order, &Parts::new()));
    let measured = measured.map_err(|source| ReproduceError::Round { case: name.clone(), source })?;
    let comparison = Comparison::new(&case.order, &measured);
    let comparison = comparison.map_err(|error| ReproduceError::Plan { case: name, reason: error.to_string() })?;
    Ok(Outcome { names: case.names.clone(), comparison })
}
