//! The radio by a rule; plan and segments optimal for it.

use std::borrow::Cow;

use super::decided::{choice, found};
use super::{Choice, Policy, SlotContext, classical_alone};
use crate::scenario::Scenario;
use crate::simulation::RunError;
use crate::solver::backend::{Backend, SegmentsFor};

#[cfg(not(feature = "milp"))]
type Solver = crate::solver::backend::Exhaustive;
#[cfg(feature = "milp")]
type Solver = crate::solver::backend::Milp;

/// Equal shares of every band and full power; the best plan, devices and sizes for that radio.
///
/// Ignores what a joule of transmission costs and which hop needs band; segments take account of all prices. Shares are
/// those of [`SegmentsFor::equal_shares`]: a hop has 1/(K+1) of its cluster's band for K devices that are present, even
/// where fewer take part. Stands for pipeline planners that take the network as it is. With feature `milp` a linear
/// program in integers is solved per plan, without it every choice is tried, which is refused with an error where there
/// are too many.
#[derive(Debug, Default)]
pub struct FixedRadio {
    solver: Solver,
}

impl FixedRadio {
    /// The policy; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Policy for FixedRadio {
    fn name(&self) -> Cow<'static, str> {
        "fixed-radio".into()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        classical_alone(scenario)
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let problem = slot.problem();
        Ok(choice(found(self.solver.solve(problem, &SegmentsFor::equal_shares(problem)))?))
    }
}
