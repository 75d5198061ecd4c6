//! The exact solver as a backend.

use serde::{Deserialize, Serialize};

use super::{Backend, RadioFor, WholeSlot};
use crate::problem::SlotProblem;
use crate::solver::{Settings, Solution, SolveError, solve, solve_radio};

/// [`solve`], and the same for given integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exact {
    /// Accuracy and limits.
    pub settings: Settings,
}

impl Backend<WholeSlot> for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn solve(&self, problem: &SlotProblem, _: &WholeSlot) -> Result<Solution, SolveError> {
        solve(problem, &self.settings)
    }
}

impl Backend<RadioFor> for Exact {
    fn name(&self) -> &'static str {
        "exact"
    }

    fn solve(&self, problem: &SlotProblem, question: &RadioFor) -> Result<Solution, SolveError> {
        solve_radio(problem, question, &self.settings)
    }
}
