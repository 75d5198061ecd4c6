//! Operations of a pipeline, and their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// F: a part of the model turns activations into activations.
    Forward,
    /// B: it turns gradients of its output into those of its input (and, where W is not split off, of its weights).
    Backward,
    /// W: gradients of its weights, split off from B.
    Weight,
    /// f: its output goes to the next part.
    SendForward,
    /// b: the gradient of its input goes to the part before.
    SendBackward,
}

impl OperationKind {
    pub(super) const ALL: [Self; 5] =
        [Self::Forward, Self::Backward, Self::Weight, Self::SendForward, Self::SendBackward];

    /// The letter that names begin with.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Forward => 'F',
            Self::Backward => 'B',
            Self::Weight => 'W',
            Self::SendForward => 'f',
            Self::SendBackward => 'b',
        }
    }

    /// Whether it is a transmission.
    #[must_use]
    pub const fn is_send(self) -> bool {
        matches!(self, Self::SendForward | Self::SendBackward)
    }
}

/// One operation. Everything is counted from 0.
///
/// Its name is letter, micro-batch, slice where micro-batches are cut into slices, and position: `F3@1`, `B3.0@2`.
/// `f3@1` is the transmission from position 1 to 2, `b3@1` the one from position 2 to 1.
///
/// ```
/// use collapipe::schedule::{Operation, OperationKind};
/// let operation = Operation { kind: OperationKind::Backward, position: 1, micro_batch: 3, slice: 0 };
/// assert_eq!(operation.to_string(), "B3@1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Operation {
    /// What it does.
    pub kind: OperationKind,
    /// The part of the model, in the order in which a forward pass meets them; of a transmission, its link: link j joins
    /// positions j and j + 1.
    pub position: u32,
    /// The micro-batch.
    pub micro_batch: u32,
    /// The slice of the micro-batch's tokens; 0 where they are not cut.
    pub slice: u32,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.letter(), self.micro_batch)?;
        if self.slice > 0 {
            write!(f, ".{}", self.slice)?;
        }
        write!(f, "@{}", self.position)
    }
}
