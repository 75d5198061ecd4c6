//! Energy budgets of a network's nodes as virtual queues.

use nalgebra::DVector;

use super::certificate::Certificate;
use super::queues::{QueueError, Queues};
use crate::ground::blame::{Blame, Blamed};
use crate::units::Joules;

/// A budget that is not positive and finite.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("budgets[{node}] = {value:?} J: must be a finite number > 0")]
pub struct BudgetError {
    /// Index of the node.
    pub node: usize,
    /// Its budget in joules.
    pub value: f64,
}

impl Blamed for BudgetError {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// Why a warm start is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WarmStartError {
    /// A budget.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// A wrong number of queues, or one that is negative or not finite.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Blamed for WarmStartError {
    fn blame(&self) -> Blame {
        match self {
            Self::Budget(error) => error.blame(),
            Self::Queue(error) => error.blame(),
        }
    }
}

/// Turns energy spent so far into the energy prices of the next slot.
///
/// Node k has a budget Ē_k per round, or none. A budget has the scaled queue Q_k ← max(Q_k + E_k/Ē_k − 1, 0) and the
/// price Z_k = Q_k/Ē_k in objective units per joule; a node without a budget has price 0. The scaling makes one latency
/// weight V suit nodes of very different budgets.
///
/// ```
/// use collapipe::lyapunov::EnergyController;
/// use collapipe::units::Joules;
/// let mut controller = EnergyController::new(vec![Some(Joules(10.0)), None])?;
/// controller.spend(&[Joules(15.0), Joules(99.0)])?;
/// assert_eq!(controller.queue(0), Some(0.5));
/// assert_eq!(controller.energy_price(0), 0.05);
/// assert_eq!(controller.energy_price(1), 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EnergyController {
    budgets: Vec<Option<Joules>>,
    /// One per node, so that nodes and queues share their indices; that of a node without a budget stays empty.
    queues: Queues,
}

impl EnergyController {
    /// Controller of nodes with `budgets` Ē per round; `None` for a node whose energy is not limited.
    ///
    /// # Errors
    /// [`BudgetError`] for a budget that is not positive and finite.
    pub fn new(budgets: Vec<Option<Joules>>) -> Result<Self, BudgetError> {
        for (node, budget) in budgets.iter().enumerate() {
            if let Some(Joules(value)) = *budget
                && !(value.is_finite() && value > 0.0)
            {
                return Err(BudgetError { node, value });
            }
        }
        let queues = Queues::empty(budgets.len());
        Ok(Self { budgets, queues })
    }

    /// Controller whose queues start at `initial` Q(0), in budgets, one per node; that of a node without a budget stays
    /// 0.
    ///
    /// # Errors
    /// [`WarmStartError`] for budgets as in [`EnergyController::new`], and for a wrong number of queues or one that is
    /// negative or not finite.
    pub fn starting_at(budgets: Vec<Option<Joules>>, initial: &[f64]) -> Result<Self, WarmStartError> {
        let cold = Self::new(budgets)?;
        if initial.len() != cold.nodes() {
            return Err(QueueError::Length { expected: cold.nodes(), found: initial.len() }.into());
        }
        let kept = initial.iter().enumerate().map(|(k, q)| if cold.budget(k).is_some() { *q } else { 0.0 });
        let queues = Queues::new(DVector::from_iterator(initial.len(), kept))?;
        Ok(Self { queues, ..cold })
    }

    /// Q(0) of every node; empty for a cold start.
    #[must_use]
    pub fn initial(&self) -> Vec<f64> {
        let initial = self.queues.initial();
        if initial.iter().all(|q| *q == 0.0) { Vec::new() } else { initial.iter().copied().collect() }
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.budgets.len()
    }

    /// Ē_k; `None` for a node without a budget.
    #[must_use]
    pub fn budget(&self, node: usize) -> Option<Joules> {
        self.budgets.get(node).copied().flatten()
    }

    /// Q_k; `None` for a node without a budget.
    #[must_use]
    pub fn queue(&self, node: usize) -> Option<f64> {
        self.budget(node)?;
        self.queues.backlog().get(node).copied()
    }

    /// Z_k = Q_k/Ē_k, in objective units per joule; 0 for a node without a budget.
    #[must_use]
    pub fn energy_price(&self, node: usize) -> f64 {
        match (self.queue(node), self.budget(node)) {
            (Some(queue), Some(budget)) => queue / budget.0,
            _ => 0.0,
        }
    }

    /// Books a round: `energy` E_k that every node spent, 0 for a node that did nothing.
    ///
    /// # Errors
    /// [`QueueError`] for a wrong number of energies or one that is not finite; nothing is then booked.
    pub fn spend(&mut self, energy: &[Joules]) -> Result<(), QueueError> {
        if energy.len() != self.nodes() {
            return Err(QueueError::Length { expected: self.nodes(), found: energy.len() });
        }
        let overspend = self.budgets.iter().zip(energy).map(|(budget, spent)| match budget {
            Some(budget) => *spent / *budget - 1.0,
            None => 0.0,
        });
        self.queues.update(&DVector::from_iterator(energy.len(), overspend))
    }

    /// C1 for node k, in units of its budget; `None` before the first round and for a node without a budget.
    #[must_use]
    pub fn certificate(&self, node: usize) -> Option<Certificate> {
        self.budget(node)?;
        self.queues.certificate(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_budgets_that_are_not_positive() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = EnergyController::new(vec![None, Some(Joules(value))]).unwrap_err();
            assert_eq!(error.node, 1);
            assert!(error.to_string().contains("must be a finite number > 0"));
        }
    }

    #[test]
    fn prices_scale_with_the_budget() {
        let mut controller = EnergyController::new(vec![Some(Joules(2.0)), Some(Joules(200.0)), None]).unwrap();
        controller.spend(&[Joules(6.0), Joules(600.0), Joules(1.0)]).unwrap();
        assert_eq!((controller.queue(0), controller.queue(1), controller.queue(2)), (Some(2.0), Some(2.0), None));
        assert_eq!((controller.energy_price(0), controller.energy_price(1)), (1.0, 0.01));
        assert!(controller.certificate(2).is_none());
        assert_eq!(controller.certificate(0).unwrap().mean_violation, 2.0);
        assert!(controller.spend(&[Joules(0.0)]).is_err());
    }
}
