//! Why a node or a round ended early.

use crate::emulate::Stopped;
use crate::wire::{Address, WireError};
use crate::work::WorkError;

/// Why a node stopped serving, or could not do its part of a round.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The coordinator is gone, or takes no such node.
    #[error("{}", of_coordinator(.0))]
    Coordinator(WireError),
    /// Another node cannot be reached.
    #[error("{to}: {source}")]
    Peer {
        /// Which.
        to: Address,
        /// Why.
        source: WireError,
    },
    /// A message that makes no sense.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The round was given up.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The work failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// An order that does not fit what came before.
    #[error("an order out of place: {0}")]
    Order(&'static str),
}

fn of_coordinator(error: &WireError) -> String {
    match error {
        WireError::Token => format!("the coordinator has {error}; give it as COLLAPIPE_TOKEN or --token"),
        WireError::Refused { .. } | WireError::Version { .. } => {
            format!("the coordinator does not take this node: {error}")
        }
        error => format!("the coordinator is gone: {error}; start the node again when it is back"),
    }
}

/// Why a round failed. The others are told to forget it; the next one can be planned without the one that is named.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RoundError {
    /// A node's connection ended.
    #[error("{node} is gone: {reason}")]
    Lost {
        /// Which.
        node: Address,
        /// What was seen of it.
        reason: String,
    },
    /// A node did not answer in time.
    #[error("{node} did not answer within {waited_s:.3} s")]
    Stalled {
        /// Which.
        node: Address,
        /// How long it was waited for.
        waited_s: f64,
    },
    /// A node could not do its part.
    #[error("{node}: {reason}")]
    Failed {
        /// Which.
        node: Address,
        /// Why.
        reason: String,
    },
    /// A node that the plan needs is not there.
    #[error("{node} is needed and has not joined")]
    Absent {
        /// Which.
        node: Address,
    },
    /// A plan that cannot be executed.
    #[error("{0}")]
    Plan(String),
}

impl RoundError {
    /// Who is to blame, where it is one node.
    #[must_use]
    pub fn node(&self) -> Option<Address> {
        match self {
            Self::Lost { node, .. }
            | Self::Stalled { node, .. }
            | Self::Failed { node, .. }
            | Self::Absent { node } => Some(*node),
            Self::Plan(_) => None,
        }
    }
}
