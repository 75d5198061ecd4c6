//! What a finished or running drift-plus-penalty run proves, one file per certificate.
//!
//! Slot t has penalty p(t), violations g(t), queues Q(t+1) = max(Q(t) + g(t), 0), and a decision whose V·p + Q·g is
//! within C(t) of the slot's minimum. All certificates work on a [`History`](super::History) of such slots, whatever
//! the problem was.
//!
//! | | bounds | by | needs |
//! |---|---|---|---|
//! | [`Certificate`](super::Certificate) (C1) | a constraint's mean violation | its queue | nothing |
//! | [`against_optimum`] (C2) | mean penalty, in expectation | the optimum of all stationary policies | independent, identically distributed slots |
//! | [`against_policy`] (C3) | mean penalty | any policy's decisions for the same states | nothing |
//! | [`queue_norm`] (C4) | \\|Q\\|, in expectation | a Lagrange multiplier fixed beforehand | independent, identically distributed slots |
//! | [`queue_norm_on_path`] (C4) | \\|Q\\| after every slot | any prices and any policy's decisions for the same states | slot minima at the prices |
//! | [`slater`] (C5) | \\|Q\\| after every frame | actions that keep all constraints with slack in every frame | such actions in every frame |
//! | [`frames`] (C7) | mean penalty | the offline optima of frames of τ slots | nothing |
//! | [`weak_duality`] (D) | mean penalty from below | a Lagrange multiplier | slot minima at its prices |
//!
//! Proofs: `docs/theory/lyapunov.md`.

mod frames;
mod norm;
mod penalty;
mod slater;
#[cfg(test)]
mod tests;
pub(super) mod violation;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ground::blame::{Blame, Blamed};

pub use frames::frames;
pub use norm::{QueueNormBound, queue_norm, queue_norm_on_path, queue_norm_path};
pub use penalty::{PenaltyBound, against_optimum, against_policy, penalty_bound_path, weak_duality};
pub use slater::slater;

/// Which certificate; the numbers are those of `docs/theory/lyapunov.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CertificateName {
    /// Mean violation by the queue.
    C1,
    /// Mean penalty by the stationary optimum, in expectation.
    C2,
    /// Mean penalty by a policy on the same states.
    C3,
    /// Queues by a multiplier, in expectation or on a sample path.
    C4,
    /// Queues by a Slater action.
    C5,
    /// Mean penalty by the optima of frames.
    C7,
    /// Mean penalty from below, by weak duality.
    D,
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What is known about an assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// Recomputed from the data, slot by slot.
    Verified,
    /// Established when the data were made, by the solver's certified bounds or because the decision was found in that
    /// very slot; not computed again here. Whoever supplies their own data answers for it.
    Recorded,
    /// Cannot be checked on one sample path: the reader has to decide.
    Assumed,
    /// Known to be false: the claim is then not proved.
    Violated,
}

/// What a certificate rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Assumption {
    /// In words.
    pub statement: String,
    /// Whether it was checked.
    pub standing: Standing,
}

impl Assumption {
    /// Recomputed from the data.
    #[must_use]
    pub fn verified(statement: impl Into<String>) -> Self {
        Self { statement: statement.into(), standing: Standing::Verified }
    }

    /// Established by whoever made the data.
    #[must_use]
    pub fn recorded(statement: impl Into<String>) -> Self {
        Self { statement: statement.into(), standing: Standing::Recorded }
    }

    /// Not checked.
    #[must_use]
    pub fn assumed(statement: impl Into<String>) -> Self {
        Self { statement: statement.into(), standing: Standing::Assumed }
    }

    /// Known to be false.
    #[must_use]
    pub fn violated(statement: impl Into<String>) -> Self {
        Self { statement: statement.into(), standing: Standing::Violated }
    }
}

/// An inequality `value` ≤ `bound` with what it rests on.
///
/// Under its assumptions it is a theorem: if it fails where all are verified, the data are not
/// those of a drift-plus-penalty run. A claim in expectation may fail on a single run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Claim {
    /// Which certificate.
    pub name: CertificateName,
    /// The constraint it is about; none where it is about all of them.
    pub constraint: Option<String>,
    /// Left side.
    pub value: f64,
    /// Right side.
    pub bound: f64,
    /// Whether `value` ≤ `bound`, up to rounding in the sums they come from.
    pub holds: bool,
    /// What it rests on.
    pub assumptions: Vec<Assumption>,
}

impl Claim {
    /// Rounding that is allowed, relative to the largest term of either side.
    pub const TOLERANCE: f64 = 1e-9;

    fn new(name: CertificateName, (value, bound): (f64, f64), scale: f64, assumptions: Vec<Assumption>) -> Self {
        let scale = scale.max(value.abs()).max(bound.abs());
        let holds = value <= bound + Self::TOLERANCE * scale;
        Self { name, constraint: None, value, bound, holds, assumptions }
    }

    /// Whether every assumption was verified, here or when the data were made: the claim then holds on this very run,
    /// not in expectation.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        let settled = |of: &Assumption| matches!(of.standing, Standing::Verified | Standing::Recorded);
        self.assumptions.iter().all(settled)
    }

    /// Whether an assumption is known to be false.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.assumptions.iter().any(|assumption| assumption.standing == Standing::Violated)
    }
}

/// Why a certificate cannot be given.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Nothing was played.
    #[error("no slot was played: a certificate needs at least one")]
    NoSlots,
    /// A decision whose distance from the slot's minimum is not known: it was not made by drift plus penalty.
    #[error("slot {slot}: the gap of the decision is not known; only C1 and D can be had for other policies")]
    GapUnknown {
        /// The slot.
        slot: usize,
    },
    /// A list does not have one entry per slot, or per constraint.
    #[error("{what}: {found} entries, must be {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// How many it must have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A number out of its range.
    #[error("{what}[{index}] = {value:?}: must be {allowed}")]
    Value {
        /// Which number.
        what: &'static str,
        /// Its place in the list.
        index: usize,
        /// The number.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Actions that do not keep every constraint with slack: there is no Slater condition to rely on.
    #[error(
        "frame {frame}: the actions break or only just keep constraint {constraint} (sum of g = {violation:?}); must be < 0"
    )]
    NoSlack {
        /// The frame.
        frame: usize,
        /// The constraint.
        constraint: usize,
        /// Sum of g over the frame.
        violation: f64,
    },
}

impl Blamed for CertificateError {
    fn blame(&self) -> Blame {
        match self {
            Self::NoSlots
            | Self::GapUnknown { .. }
            | Self::Length { .. }
            | Self::Value { .. }
            | Self::NoSlack { .. } => Blame::Input,
        }
    }
}
