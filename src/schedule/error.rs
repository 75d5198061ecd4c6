//! Why data are no schedule, or durations not those of one.

use super::machine::Machine;
use super::operation::Operation;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;

/// Why data are no schedule. Operations are named as [`Operation`] says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A number or a list is out of range.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Work that no machine does.
    #[error("{operation} is missing: {machine} must run it once")]
    Missing {
        /// The operation.
        operation: Operation,
        /// Where it belongs.
        machine: Machine,
    },
    /// Work that is done twice.
    #[error("{operation} stands twice: on {first} and on {second}; take one out")]
    Duplicate {
        /// The operation.
        operation: Operation,
        /// Where it stands first.
        first: Machine,
        /// Where it stands again.
        second: Machine,
    },
    /// Work that the machine it stands on cannot do, or not at this point.
    #[error("{operation} on {machine} is impossible: {reason}")]
    Impossible {
        /// The operation.
        operation: Operation,
        /// Where it stands.
        machine: Machine,
        /// Why not.
        reason: String,
    },
    /// Operations that wait for each other.
    #[error("deadlock: {}", waits(.cycle))]
    Deadlock {
        /// Each waits for the next one, the last for the first.
        cycle: Vec<Operation>,
    },
}

impl Blamed for ScheduleError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
            Self::Missing { .. } | Self::Duplicate { .. } | Self::Impossible { .. } | Self::Deadlock { .. } => {
                Blame::Input
            }
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Field(error) => error.field(),
            Self::Missing { .. } | Self::Duplicate { .. } | Self::Impossible { .. } | Self::Deadlock { .. } => None,
        }
    }
}

/// Most operations of a deadlock that are written out.
const MOST_NAMED: usize = 12;

fn waits(cycle: &[Operation]) -> String {
    let mut names: Vec<String> = cycle.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    if cycle.len() > MOST_NAMED {
        names.push(format!("{} more", cycle.len() - MOST_NAMED));
    }
    names.extend(cycle.first().map(ToString::to_string));
    names.join(" waits for ")
}
