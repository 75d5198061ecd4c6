//! Why a record cannot be used.

use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::{BudgetError, HistoryError, QueueError};

/// Why a record is not that of a drift-plus-penalty run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A budget that is not positive and finite.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// A list does not have one entry per node, or per plan.
    #[error("{what}: {found} entries, must be {expected}")]
    Length {
        /// Which list.
        what: String,
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A plan that does not exist.
    #[error("slots[{index}]: {source}")]
    Slot {
        /// Place in the record.
        index: usize,
        /// What is wrong.
        source: QueueError,
    },
    /// A slot without its part of the run's convergence constraint, or with one in a run without.
    #[error("slots[{index}].convergence: {}", if *.expected { "missing, but the run has a convergence constraint" } else { "given, but the run has no convergence constraint" })]
    Convergence {
        /// Place in the record.
        index: usize,
        /// Whether the run has a convergence constraint.
        expected: bool,
    },
    /// A violation of the convergence constraint that is not that of the slot's plan.
    #[error("slots[{index}].convergence.violation = {found:?}: must be {expected:?}, that of the slot's plan")]
    Violation {
        /// Place in the record.
        index: usize,
        /// By the plan.
        expected: f64,
        /// In the record.
        found: f64,
    },
    /// Numbers out of range, and queues that did not follow their law.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl Blamed for RecordError {
    fn blame(&self) -> Blame {
        match self {
            Self::Budget(error) => error.blame(),
            Self::Slot { source, .. } => source.blame(),
            Self::History(error) => error.blame(),
            Self::Length { .. } | Self::Convergence { .. } | Self::Violation { .. } => Blame::Input,
        }
    }
}
