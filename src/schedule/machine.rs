//! What runs operations one after another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::operation::Operation;

/// What runs one operation at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// A stage's processor, by stage.
    Stage(u32),
    /// The link from one stage to another, in this direction alone.
    Link {
        /// The stage that sends.
        from: u32,
        /// The stage that receives.
        to: u32,
    },
    /// All that a stage sends.
    Transmitter(u32),
    /// All that a stage sends and receives.
    Radio(u32),
    /// All that anybody sends.
    Medium,
    /// A machine of the user's own, by its number.
    Own(u32),
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(stage) => write!(f, "stage {stage}"),
            Self::Link { from, to } => write!(f, "link {from} to {to}"),
            Self::Transmitter(stage) => write!(f, "transmitter {stage}"),
            Self::Radio(stage) => write!(f, "radio {stage}"),
            Self::Medium => f.write_str("medium"),
            Self::Own(number) => write!(f, "machine {number}"),
        }
    }
}

/// The operations of a machine, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Whose.
    pub machine: Machine,
    /// What it runs.
    pub operations: Vec<Operation>,
}
