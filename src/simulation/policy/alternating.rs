//! One kind of variable at a time.

use std::borrow::Cow;

use super::{Choice, Policy, SlotContext, classical_alone};
use crate::scenario::Scenario;
use crate::simulation::{Outage, RunError};
use crate::solver::backend::{self, Backend, Milp, WholeSlot};
use crate::solver::{Settings, SettingsError, SolveError};

/// Decides segments, plan, bandwidths and powers in turn, each to its own optimum, until none of them improves the
/// slot.
///
/// Decides everything, at the prices of the queues, but never two kinds of variables together: it stops where no single
/// one can be improved. Stands for block-coordinate descent, the usual method in this literature; it is our reading of
/// what CollaPipe (arXiv 2509.19855) calls DSSDA in its abstract and DSSRA in its body, and not the authors' algorithm.
/// See [`backend::Alternating`]. The lower bound that it records is the exact solver's, so that the gap is what is
/// lost.
#[derive(Debug)]
pub struct AlternatingPolicy {
    backend: backend::Alternating<Milp>,
}

impl AlternatingPolicy {
    /// With these settings for the exact solver's bound.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        Ok(Self { backend: backend::Alternating { bound: settings, ..Default::default() } })
    }
}

impl Policy for AlternatingPolicy {
    fn name(&self) -> Cow<'static, str> {
        "alternating".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        match self.backend.solve(slot.problem(), &WholeSlot) {
            Ok(solution) => Ok(Choice::Solved(solution)),
            Err(SolveError::Numerical) => Ok(Choice::Outage(Outage::numerical())),
            Err(error) => Err(error.into()),
        }
    }
}
