//! The slot's optimum.

use std::borrow::Cow;

use super::{Choice, Policy, SlotContext};
use crate::simulation::{Outage, RunError};
use crate::solver::{Settings, SettingsError, SolveError, Solver};

/// Minimizes V·T + Q·g exactly in every slot: drift plus penalty as it is meant.
#[derive(Debug)]
pub struct ExactPolicy {
    settings: Settings,
    solver: Solver,
}

impl ExactPolicy {
    /// Solves to these settings.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self { settings, solver: Solver::new(settings)? })
    }
}

impl Policy for ExactPolicy {
    fn name(&self) -> Cow<'static, str> {
        "exact".into()
    }

    fn gap_tolerance(&self) -> Option<f64> {
        Some(self.settings.gap)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        match self.solver.solve(slot.problem()) {
            Ok(solution) => Ok(Choice::Solved(solution)),
            Err(SolveError::Numerical) => Ok(Choice::Outage(Outage::numerical())),
            Err(error) => Err(error.into()),
        }
    }
}
