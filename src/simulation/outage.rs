//! Slots without a round, and why.

use serde::{Deserialize, Serialize};

use crate::solver::{Infeasibility, SolveError};

/// What kept a slot from having a round.
///
/// It decides what is known about the slot: where no round was possible, doing nothing was the only action, and so the
/// best one; where none was found, any decision may have been better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutageCause {
    /// All devices of a cluster were absent.
    NoDevices,
    /// No decision satisfies the constraints of the slot's problem: proved.
    Infeasible,
    /// The solver's arithmetic failed: a round may have been possible.
    Numerical,
    /// The policy found no round: one may have been possible.
    NoRound,
}

impl OutageCause {
    /// Whether it is proved that no round was possible.
    #[must_use]
    pub const fn excludes_rounds(self) -> bool {
        matches!(self, Self::NoDevices | Self::Infeasible)
    }
}

/// A slot without a round: nothing is spent, except what a round that was executed and failed had spent before.
///
/// ```
/// use collapipe::simulation::{Outage, OutageCause};
/// let outage = Outage::no_round("not on Sundays");
/// assert_eq!(outage.cause, Some(OutageCause::NoRound));
/// assert!(!outage.excludes_rounds());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Outage {
    /// Why, in the scenario's names.
    pub reason: String,
    /// What kind of reason; none in records that were written before it was recorded. Then nothing is known about the
    /// slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<OutageCause>,
}

impl Outage {
    /// An outage of this cause.
    #[must_use]
    pub fn new(cause: OutageCause, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cause: Some(cause) }
    }

    /// A policy found no round.
    #[must_use]
    pub fn no_round(reason: impl Into<String>) -> Self {
        Self::new(OutageCause::NoRound, reason)
    }

    /// The slot's own problem has no decision.
    #[must_use]
    pub fn infeasible(reasons: &Infeasibility) -> Self {
        Self::new(OutageCause::Infeasible, reasons.to_string())
    }

    /// The solver gave up.
    pub(crate) fn numerical() -> Self {
        Self::new(OutageCause::Numerical, SolveError::Numerical.to_string())
    }

    /// Whether it is proved that no round was possible.
    #[must_use]
    pub fn excludes_rounds(&self) -> bool {
        self.cause.is_some_and(OutageCause::excludes_rounds)
    }
}
