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
/// Its name is letter, micro-batch, slice unless it is 0, and position: `F3@1` and, of slice 2, `F3.2@1`.
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

impl Operation {
    /// The operation of a name; one that says no position has the one given, if any.
    ///
    /// ```
    /// use collapipe::schedule::Operation;
    /// assert_eq!(Operation::parse("B3.2@1", None).map(|operation| operation.to_string()), Some("B3.2@1".into()));
    /// assert_eq!(Operation::parse("B3", Some(1)), Operation::parse("B3@1", None));
    /// assert_eq!(Operation::parse("B3", None), None);
    /// ```
    #[must_use]
    pub fn parse(name: &str, position: Option<u32>) -> Option<Self> {
        let kind = OperationKind::ALL.into_iter().find(|kind| name.starts_with(kind.letter()))?;
        // Signs and spaces are numbers to nobody here.
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let rest = name.get(1..)?;
        let (rest, position) = match rest.split_once('@') {
            Some((rest, position)) => (rest, number(position)?),
            None => (rest, position?),
        };
        let (micro_batch, slice) = rest.split_once('.').unwrap_or((rest, "0"));
        Some(Self { kind, position, micro_batch: number(micro_batch)?, slice: number(slice)? })
    }
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
