//! Energy budgets of a network's nodes as virtual queues.

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

use super::certificate::violation::Certificate;
use super::queues::{QueueError, Queues};
use super::saved::SavedEnergy;
use crate::ground::blame::{Blame, Blamed};
use crate::units::Joules;

/// A budget that is not positive and finite.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("budgets[{node}] = {value:?} J: must be a finite number > 0")]
#[non_exhaustive]
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

/// Why a warm start is refused.
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

/// Energy budgets of nodes as long-term constraints: energy spent becomes violations, queues become prices.
///
/// Node k has a budget Ē_k per round, or none. A budget is the constraint avg E_k/Ē_k − 1 ≤ 0; its queue counts
/// budgets, and is the price Z_k = Q_k/Ē_k in objective units per joule. A node without a budget has no constraint and
/// the price 0. The scaling lets one latency weight V suit nodes with very different budgets.
///
/// Lists come *by node*, or with one entry per constraint: the nodes with a budget, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct EnergyBudgets {
    pub(super) budgets: Vec<Option<Joules>>,
}

impl EnergyBudgets {
    /// `budgets` Ē per round, one per node; `None` for a node whose energy is not limited.
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
        Ok(Self { budgets })
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

    /// Number of constraints, that is, of nodes with a budget.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.budgets.iter().flatten().count()
    }

    /// The nodes with a budget: those of the constraints, in order.
    pub fn constrained_nodes(&self) -> impl Iterator<Item = usize> + '_ {
        self.budgets.iter().enumerate().filter_map(|(node, budget)| budget.map(|_| node))
    }

    /// The index of a node's constraint; `None` for a node without a budget.
    #[must_use]
    pub fn constraint(&self, node: usize) -> Option<usize> {
        self.budget(node)?;
        self.constrained_nodes().position(|constrained| constrained == node)
    }

    /// E_k/Ē_k − 1 of every constraint, from the energy that every node spent.
    ///
    /// # Errors
    /// [`QueueError::Length`] for a wrong number of energies.
    pub fn violations(&self, energy: &[Joules]) -> Result<Vec<f64>, QueueError> {
        self.check(energy.len(), self.nodes())?;
        let of = self.budgets.iter().zip(energy);
        Ok(of.filter_map(|(budget, spent)| budget.map(|budget| *spent / budget - 1.0)).collect())
    }

    /// Z_k of every node, from one queue per constraint.
    ///
    /// # Errors
    /// [`QueueError::Length`] for a wrong number of queues.
    pub fn prices(&self, queues: &[f64]) -> Result<Vec<f64>, QueueError> {
        self.spread(queues, |queue, budget| queue / budget.0)
    }

    /// A list with one entry per constraint by node: 0 for a node without a budget.
    ///
    /// # Errors
    /// [`QueueError::Length`] for a wrong number of entries.
    pub fn by_node(&self, of_constraints: &[f64]) -> Result<Vec<f64>, QueueError> {
        self.spread(of_constraints, |value, _| value)
    }

    /// The entries of the constraints, from a list by node.
    ///
    /// # Errors
    /// [`QueueError::Length`] for a wrong number of entries.
    pub fn of_constraints(&self, by_node: &[f64]) -> Result<Vec<f64>, QueueError> {
        self.check(by_node.len(), self.nodes())?;
        Ok(self.budgets.iter().zip(by_node).filter_map(|(budget, value)| budget.map(|_| *value)).collect())
    }

    fn spread(&self, list: &[f64], of: impl Fn(f64, Joules) -> f64) -> Result<Vec<f64>, QueueError> {
        self.check(list.len(), self.constraints())?;
        let mut list = list.iter();
        let by_node = self.budgets.iter().map(|budget| match budget {
            // As many entries as budgets were counted above.
            Some(budget) => list.next().map(|value| of(*value, *budget)),
            None => Some(0.0),
        });
        Ok(by_node.flatten().collect())
    }

    fn check(&self, found: usize, expected: usize) -> Result<(), QueueError> {
        if found == expected { Ok(()) } else { Err(QueueError::Length { expected, found }) }
    }
}

/// Turns energy spent so far into the energy prices of the next slot: [`EnergyBudgets`] with their [`Queues`], for a
/// service that runs its own loop, over nodes that stay the same ([`FleetController`](super::FleetController) where they
/// come and go). It can be written and read (serde), and goes on bit for bit.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedEnergy", into = "SavedEnergy")]
pub struct EnergyController {
    pub(super) budgets: EnergyBudgets,
    pub(super) queues: Queues,
}

impl EnergyController {
    /// Controller of nodes with `budgets` Ē per round; `None` for a node whose energy is not limited.
    ///
    /// # Errors
    /// [`BudgetError`] for a budget that is not positive and finite.
    pub fn new(budgets: Vec<Option<Joules>>) -> Result<Self, BudgetError> {
        let budgets = EnergyBudgets::new(budgets)?;
        let queues = Queues::empty(budgets.constraints());
        Ok(Self { budgets, queues })
    }

    /// Controller whose queues start at `initial` Q(0), in budgets, one per node; that of a node without a budget is
    /// ignored.
    ///
    /// # Errors
    /// [`WarmStartError`] for budgets as in [`EnergyController::new`], and for a wrong number of queues or one that is
    /// negative or not finite.
    pub fn starting_at(budgets: Vec<Option<Joules>>, initial: &[f64]) -> Result<Self, WarmStartError> {
        let budgets = EnergyBudgets::new(budgets)?;
        let queues = Queues::new(DVector::from_vec(budgets.of_constraints(initial)?))?;
        Ok(Self { budgets, queues })
    }

    /// The scaling.
    #[must_use]
    pub fn budgets(&self) -> &EnergyBudgets {
        &self.budgets
    }

    /// The queues, one per node with a budget.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// Q_k; `None` for a node without a budget.
    #[must_use]
    pub fn queue(&self, node: usize) -> Option<f64> {
        self.queues.backlog().get(self.budgets.constraint(node)?).copied()
    }

    /// Z_k = Q_k/Ē_k, in objective units per joule; 0 for a node without a budget.
    #[must_use]
    pub fn energy_price(&self, node: usize) -> f64 {
        match (self.queue(node), self.budgets.budget(node)) {
            (Some(queue), Some(budget)) => queue / budget.0,
            _ => 0.0,
        }
    }

    /// Books a round: `energy` E_k that every node spent, 0 for a node that did nothing.
    ///
    /// # Errors
    /// [`QueueError`] for a wrong number of energies or one that is not finite; nothing is then booked.
    pub fn spend(&mut self, energy: &[Joules]) -> Result<(), QueueError> {
        self.queues.update(&DVector::from_vec(self.budgets.violations(energy)?))
    }

    /// C1 for node k, in units of its budget; `None` before the first round and for a node without a budget.
    #[must_use]
    pub fn certificate(&self, node: usize) -> Option<Certificate> {
        self.queues.certificate(self.budgets.constraint(node)?)
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
    #[test]
    fn lists_by_node_and_by_constraint() {
        let budgets = EnergyBudgets::new(vec![None, Some(Joules(2.0)), None, Some(Joules(4.0))]).unwrap();
        assert_eq!(budgets.prices(&[1.0, 2.0]).unwrap(), [0.0, 0.5, 0.0, 0.5]);
        assert_eq!(budgets.by_node(&[1.0, 2.0]).unwrap(), [0.0, 1.0, 0.0, 2.0]);
        assert_eq!(budgets.of_constraints(&[9.0, 1.0, 9.0, 2.0]).unwrap(), [1.0, 2.0]);
        assert_eq!(budgets.violations(&[Joules(3.0); 4]).unwrap(), [0.5, -0.25]);
        assert_eq!((budgets.constraint(3), budgets.constraint(2), budgets.constraint(4)), (Some(1), None, None));
        let wrong = Err(QueueError::Length { expected: 2, found: 4 });
        assert_eq!((budgets.prices(&[0.0; 4]), budgets.by_node(&[0.0; 4])), (wrong.clone(), wrong));
        let wrong = Err(QueueError::Length { expected: 4, found: 2 });
        assert_eq!((budgets.violations(&[Joules(0.0); 2]), budgets.of_constraints(&[0.0; 2])), (wrong.clone(), wrong));
    }

    #[test]
    fn a_warm_start_prices_the_first_round() {
        let budgets = || vec![None, Some(Joules(2.0))];
        let controller = EnergyController::starting_at(budgets(), &[7.0, 3.0]).unwrap();
        assert_eq!((controller.energy_price(0), controller.energy_price(1)), (0.0, 1.5));
        assert!(EnergyController::starting_at(budgets(), &[3.0]).is_err());
        assert!(EnergyController::starting_at(budgets(), &[0.0, -1.0]).is_err());
    }
}
