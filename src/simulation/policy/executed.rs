//! Choices that were executed, with what was measured.

use super::Choice;
use crate::simulation::MeasuredSlot;
use crate::units::Joules;

/// A choice that was executed before it is booked: the queues take what was measured, not what was planned.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Executed {
    /// What was decided, or the outage that it came to.
    pub choice: Choice,
    /// What every node of the scenario spent, in the scenario's order; in a round that failed what was spent before it did.
    pub energy_j: Vec<Joules>,
    /// What else was measured; none for a round that failed.
    pub measured: Option<MeasuredSlot>,
}

impl Executed {
    /// A choice with what it took.
    #[must_use]
    pub fn new(choice: Choice, energy_j: Vec<Joules>, measured: Option<MeasuredSlot>) -> Self {
        Self { choice, energy_j, measured }
    }

    /// In words, what cannot be booked.
    pub(in crate::simulation) fn check(&self, nodes: usize) -> Result<(), String> {
        if self.energy_j.len() != nodes {
            return Err(format!(
                "{} measured energies for {nodes} nodes: must be equal in number",
                self.energy_j.len()
            ));
        }
        match self.energy_j.iter().position(|energy| !(energy.0.is_finite() && energy.0 >= 0.0)) {
            None => Ok(()),
            Some(node) => {
                let energy = self.energy_j.get(node).copied().unwrap_or_default().0;
                Err(format!("measured energy of node {node} = {energy:?} J: must be a finite number >= 0"))
            }
        }
    }
}
