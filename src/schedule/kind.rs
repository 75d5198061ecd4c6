//! The schedules that a plan can name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::operation::OperationKind::{self, Backward, Forward};

/// In which order every stage of a pipeline runs its forward and backward work.
///
/// Stage s of P runs its first [`warm_up`](Self::warm_up) forwards, then a forward and a backward in turn, then the
/// backwards that remain.
///
/// ```
/// use collapipe::schedule::ScheduleKind;
/// let kind: ScheduleKind = serde_json::from_str("\"1f1b\"")?;
/// assert_eq!(kind, ScheduleKind::OneForwardOneBackward);
/// assert_eq!((0..4).map(|stage| kind.warm_up(stage, 4, 8)).collect::<Vec<_>>(), [3, 2, 1, 0]);
/// assert_eq!((0..4).map(|stage| kind.in_flight(stage, 4, 8)).collect::<Vec<_>>(), [4, 3, 2, 1]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ScheduleKind {
    /// All forwards, then all backwards (GPipe).
    #[serde(rename = "fill-drain")]
    FillDrain,
    /// As many forwards as there are stages behind, then one forward, one backward (PipeDream's flush, DAPPLE).
    #[serde(rename = "1f1b")]
    OneForwardOneBackward,
    /// Twice as many forwards first: messages travel while others are computed, for about twice the memory.
    #[serde(rename = "eager-1f1b")]
    EagerOneForwardOneBackward,
    /// Inference: no backward work at all.
    #[serde(rename = "forward-only")]
    ForwardOnly,
}

impl ScheduleKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::FillDrain, Self::OneForwardOneBackward, Self::EagerOneForwardOneBackward, Self::ForwardOnly];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FillDrain => "fill-drain",
            Self::OneForwardOneBackward => "1f1b",
            Self::EagerOneForwardOneBackward => "eager-1f1b",
            Self::ForwardOnly => "forward-only",
        }
    }

    /// Forwards that stage `stage` of `stages`, counted from 0, runs before it takes turns.
    #[must_use]
    pub fn warm_up(self, stage: usize, stages: usize, micro_batches: u32) -> u32 {
        let behind = u32::try_from(stages.saturating_sub(stage + 1)).unwrap_or(u32::MAX);
        match self {
            Self::FillDrain | Self::ForwardOnly => micro_batches,
            Self::OneForwardOneBackward => micro_batches.min(behind),
            Self::EagerOneForwardOneBackward => micro_batches.min(behind.saturating_mul(2)),
        }
    }

    /// Micro-batches whose activations the stage holds at most, each from the start of its forward to the end of its
    /// backward; of a pipeline without backward work, to the end of its forward.
    #[must_use]
    pub fn in_flight(self, stage: usize, stages: usize, micro_batches: u32) -> u32 {
        match self {
            Self::ForwardOnly => micro_batches.min(1),
            _ => micro_batches.min(self.warm_up(stage, stages, micro_batches).saturating_add(1)),
        }
    }

    /// Whether forward and backward transmissions of an iteration share the band at the same time. In fill-drain they
    /// never meet.
    #[must_use]
    pub const fn alternates(self) -> bool {
        match self {
            Self::FillDrain | Self::ForwardOnly => false,
            Self::OneForwardOneBackward | Self::EagerOneForwardOneBackward => true,
        }
    }

    /// Whether there is backward work.
    #[must_use]
    pub const fn has_backward(self) -> bool {
        !matches!(self, Self::ForwardOnly)
    }

    /// The work of a stage in its order: kind and micro-batch.
    pub(super) fn order(self, stage: usize, stages: usize, micro_batches: u32) -> Vec<(OperationKind, u32)> {
        let warm_up = self.warm_up(stage, stages, micro_batches);
        let mut order: Vec<_> = (0..warm_up).map(|m| (Forward, m)).collect();
        if self.has_backward() {
            for backward in 0..micro_batches {
                let forward = warm_up.saturating_add(backward);
                order.extend((forward < micro_batches).then_some((Forward, forward)));
                order.push((Backward, backward));
            }
        }
        order
    }
}

impl fmt::Display for ScheduleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
