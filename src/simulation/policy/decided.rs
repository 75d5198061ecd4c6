//! From a solver's answer to a policy's choice.

use super::Choice;
use crate::problem::SlotProblem;
use crate::simulation::{Outage, RunError};
use crate::solver::{Certified, Settings, Solution, SolveError, solve};

/// The best decision of a problem that is not the slot's own, so that its bound says nothing about the slot; or why
/// there is no decision.
pub(super) type Found = Result<Certified, Outage>;

/// Sorts out what ends the run.
pub(super) fn found(solved: Result<Solution, SolveError>) -> Result<Found, RunError> {
    match solved {
        Ok(Solution { outcome: Ok(best), .. }) => Ok(Ok(best)),
        Ok(Solution { outcome: Err(reasons), .. }) => Ok(Err(Outage::no_round(reasons.to_string()))),
        Err(SolveError::Numerical) => Ok(Err(Outage::numerical())),
        Err(error) => Err(error.into()),
    }
}

/// The optimum of a changed problem as a decision without a bound.
pub(super) fn optimum_of(changed: &SlotProblem, settings: &Settings) -> Result<Choice, RunError> {
    Ok(choice(found(solve(changed, settings))?))
}

/// A decision without a bound, or an outage.
pub(super) fn choice(found: Found) -> Choice {
    match found {
        Ok(best) => Choice::Decision(best.decision),
        Err(outage) => Choice::Outage(outage),
    }
}
