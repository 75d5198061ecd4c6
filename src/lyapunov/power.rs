//! Renewal form: power budgets in watts, rounds as long as they take.

use super::queues::{QueueError, Queues};
use super::saved::SavedPower;
use crate::ground::blame::{Blame, Blamed};
use crate::units::{Joules, Seconds, Watts};
use nalgebra::DVector;
use serde::{Deserialize, Serialize};

/// A power budget, a weight or a time out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{what}[{index}] = {value:?}: must be a finite number > 0")]
#[non_exhaustive]
pub struct PowerBudgetError {
    /// Which number.
    pub what: &'static str,
    /// Its place in the list.
    pub index: usize,
    /// The number.
    pub value: f64,
}

impl Blamed for PowerBudgetError {
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// What the next slot's duration costs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Duration {
    /// V' = V − Σ Q_k P̄_k/Π_k > 0: solve the slot problem at this latency weight, and start the next round at once.
    Hurry {
        /// V'.
        latency_weight: f64,
    },
    /// V' ≤ 0: time earns more budget than it costs. Solve the slot problem at a small latency weight (energy alone
    /// counts) and rest until the slot is as long as allowed.
    Rest {
        /// V'·Θ is minimized by the longest slot Θ.
        until: Seconds,
    },
}

/// Average power budgets P̄_k, in watts, in slots of variable duration Θ (renewal form).
///
/// The constraint avg E_k ≤ P̄_k·avg Θ is the queue of g_k = (E_k − P̄_k Θ)/(P̄_k Θ_0), with a reference duration Θ_0
/// that makes it dimensionless. Then V·Θ + Σ Q_k g_k = V'·Θ + Σ Z_k E_k with
///
/// ```text
/// V' = V − Σ Q_k/Θ_0     (1/s)        Z_k = Q_k/(P̄_k Θ_0)     (1/J)
/// ```
///
/// which is the slot problem at the latency weight V'. A slot may be longer than its round, up to Θ_max: the nodes
/// rest. For V' > 0 resting never pays; for V' ≤ 0 the longest slot is best, and the round inside it is the one of
/// least Σ Z E that is no longer than Θ_max: solved at the latency weight δ > 0, a decision whose round is at most
/// Θ_max long is within δ·Θ_max + its own gap of that.
///
/// ```
/// use collapipe::lyapunov::{Duration, PowerController};
/// use collapipe::units::{Joules, Seconds, Watts};
/// let mut controller = PowerController::new(vec![Some(Watts(2.0))], 0.1, Seconds(10.0), Seconds(60.0))?;
/// assert_eq!(controller.duration(), Duration::Hurry { latency_weight: 0.1 });
/// controller.play(&[Joules(50.0)], Seconds(10.0))?; // 30 J too much: 1.5 reference slots' worth
/// assert_eq!(controller.queue(0), Some(1.5));
/// assert_eq!(controller.duration(), Duration::Rest { until: Seconds(60.0) });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedPower", into = "SavedPower")]
pub struct PowerController {
    pub(super) budgets: Vec<Option<Watts>>,
    pub(super) latency_weight: f64,
    pub(super) reference: Seconds,
    pub(super) longest: Seconds,
    pub(super) queues: Queues,
}

impl PowerController {
    /// Nodes with `budgets` P̄, `None` where power is not limited; V = `latency_weight` in 1/s, Θ_0 = `reference`,
    /// Θ_max =
    /// `longest`.
    ///
    /// # Errors
    /// [`PowerBudgetError`] for numbers that are not positive and finite.
    pub fn new(
        budgets: Vec<Option<Watts>>,
        latency_weight: f64,
        reference: Seconds,
        longest: Seconds,
    ) -> Result<Self, PowerBudgetError> {
        let own = [("latency_weight", latency_weight), ("reference", reference.0), ("longest", longest.0)];
        let of_nodes = budgets.iter().enumerate().filter_map(|(k, budget)| Some(("budgets", k, (*budget)?.0)));
        for (what, index, value) in own.into_iter().map(|(what, value)| (what, 0, value)).chain(of_nodes) {
            if !(value.is_finite() && value > 0.0) {
                return Err(PowerBudgetError { what, index, value });
            }
        }
        let queues = Queues::empty(budgets.len());
        Ok(Self { budgets, latency_weight, reference, longest, queues })
    }

    /// Q_k; `None` for a node without a budget.
    #[must_use]
    pub fn queue(&self, node: usize) -> Option<f64> {
        (*self.budgets.get(node)?)?;
        self.queues.backlog().get(node).copied()
    }

    /// Z_k, in objective units per joule; 0 for a node without a budget.
    #[must_use]
    pub fn energy_price(&self, node: usize) -> f64 {
        match (self.queue(node), self.budgets.get(node).copied().flatten()) {
            (Some(queue), Some(budget)) => queue / (budget.0 * self.reference.0),
            _ => 0.0,
        }
    }

    /// What the next slot's duration costs.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let latency_weight = self.latency_weight - self.queues.backlog().sum() / self.reference.0;
        if latency_weight > 0.0 { Duration::Hurry { latency_weight } } else { Duration::Rest { until: self.longest } }
    }

    /// Books a slot: what every node spent and how long the slot was, rest included.
    ///
    /// # Errors
    /// [`QueueError`] for a wrong number of energies, or numbers that are not finite; nothing is then booked.
    pub fn play(&mut self, energy: &[Joules], duration: Seconds) -> Result<(), QueueError> {
        if energy.len() != self.budgets.len() {
            return Err(QueueError::Length { expected: self.budgets.len(), found: energy.len() });
        }
        let violation = |(budget, spent): (&Option<Watts>, &Joules)| match budget {
            Some(budget) => (spent.0 / budget.0 - duration.0) / self.reference.0,
            None => 0.0,
        };
        let violations = self.budgets.iter().zip(energy).map(violation);
        self.queues.update(&DVector::from_iterator(energy.len(), violations))
    }

    /// A bound, by C1, on node k's overspend over `elapsed` seconds, in watts: (E so far)/elapsed − P̄ ≤ P̄ Θ_0
    /// Q/elapsed.
    /// `None` for a node without a budget and for a time that is not positive.
    #[must_use]
    pub fn overspend_bound(&self, node: usize, elapsed: Seconds) -> Option<Watts> {
        let (queue, budget) = (self.queue(node)?, self.budgets.get(node).copied().flatten()?);
        (elapsed.0 > 0.0).then(|| Watts(budget.0 * self.reference.0 * queue / elapsed.0))
    }
}
