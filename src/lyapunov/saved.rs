//! Queues and controllers as data, so that a program that stops goes on where it was: every number comes back bit for
//! bit, and what no queue law can have left is refused.

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

use super::controller::{BudgetError, EnergyBudgets, EnergyController};
use super::convergence::ConvergenceController;
use super::power::{PowerBudgetError, PowerController};
use super::queues::Queues;
use crate::bounds::{BoundError, ConvergenceConstraint};
use crate::ground::blame::{Blame, Blamed};
use crate::problem::CandidatePlan;
use crate::units::{Joules, Seconds, Watts};

/// Why saved queues or a saved controller is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// Lists that belong together have different lengths.
    #[error("{what}: a list of {found}, must be one of {expected}")]
    Length {
        /// The list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it must be.
        expected: usize,
    },
    /// A number that no queue has.
    #[error("{what}[{index}] = {value:?}: must be {allowed}")]
    Value {
        /// The list.
        what: &'static str,
        /// Place in it.
        index: usize,
        /// The number.
        value: f64,
        /// What it may be.
        allowed: &'static str,
    },
    /// No sequence of violations leads to these numbers: C1 would not hold.
    #[error(
        "queue {index} stands at {backlog:?} after violations that sum to {violation_sum:?} from {initial:?}: no queue \
         does so; the state was changed or damaged after it was saved"
    )]
    Law {
        /// Which queue.
        index: usize,
        /// Q.
        backlog: f64,
        /// Σ g.
        violation_sum: f64,
        /// Q(0).
        initial: f64,
    },
    /// Counts of rounds or steps that do not fit each other.
    #[error("{what} = {value}: must be {allowed}")]
    Count {
        /// The count.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What it may be.
        allowed: &'static str,
    },
    /// A budget that is not positive and finite.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The same of a budget in watts, a weight or a time.
    #[error(transparent)]
    Power(#[from] PowerBudgetError),
    /// A convergence constraint that has no bound for a plan.
    #[error(transparent)]
    Convergence(#[from] BoundError),
}

impl Blamed for SavedError {
    fn blame(&self) -> Blame {
        match self {
            Self::Length { .. } | Self::Value { .. } | Self::Law { .. } | Self::Count { .. } => Blame::Input,
            Self::Budget(error) => error.blame(),
            Self::Power(error) => error.blame(),
            Self::Convergence(error) => error.blame(),
        }
    }
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), SavedError> {
    if found == expected { Ok(()) } else { Err(SavedError::Length { what, found, expected }) }
}

/// [`Queues`] as data. Slacks are left out before the first round, where there are none.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedQueues {
    rounds: u64,
    initial: Vec<f64>,
    backlog: Vec<f64>,
    violation_sum: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    least_slack: Vec<f64>,
}

impl From<Queues> for SavedQueues {
    fn from(queues: Queues) -> Self {
        let list = |of: &DVector<f64>| of.as_slice().to_vec();
        Self {
            rounds: queues.rounds,
            initial: list(&queues.initial),
            backlog: list(&queues.backlog),
            violation_sum: list(&queues.violation_sum),
            least_slack: if queues.rounds == 0 { Vec::new() } else { list(&queues.least_slack) },
        }
    }
}

impl TryFrom<SavedQueues> for Queues {
    type Error = SavedError;

    fn try_from(saved: SavedQueues) -> Result<Self, SavedError> {
        let count = saved.initial.len();
        same_length("backlog", saved.backlog.len(), count)?;
        same_length("violation_sum", saved.violation_sum.len(), count)?;
        same_length("least_slack", saved.least_slack.len(), if saved.rounds == 0 { 0 } else { count })?;
        for (what, list) in [("initial", &saved.initial), ("backlog", &saved.backlog)] {
            if let Some((index, &value)) = list.iter().enumerate().find(|(_, q)| !(q.is_finite() && **q >= 0.0)) {
                return Err(SavedError::Value { what, index, value, allowed: "a finite number >= 0" });
            }
        }
        for (what, list) in [("violation_sum", &saved.violation_sum), ("least_slack", &saved.least_slack)] {
            if let Some((index, &value)) = list.iter().enumerate().find(|(_, g)| !g.is_finite()) {
                return Err(SavedError::Value { what, index, value, allowed: "a finite number" });
            }
        }
        let least_slack = if saved.rounds == 0 { vec![f64::INFINITY; count] } else { saved.least_slack };
        let queues = Self {
            initial: DVector::from_vec(saved.initial),
            backlog: DVector::from_vec(saved.backlog),
            violation_sum: DVector::from_vec(saved.violation_sum),
            least_slack: DVector::from_vec(least_slack),
            rounds: saved.rounds,
        };
        match (0..count).find(|&index| !queues.is_lawful(index)) {
            Some(index) => Err(SavedError::Law {
                index,
                backlog: queues.backlog[index],
                violation_sum: queues.violation_sum[index],
                initial: queues.initial[index],
            }),
            None => Ok(queues),
        }
    }
}

impl Queues {
    /// Whether the queue law can have led here: what it implies for the sums that are kept.
    fn is_lawful(&self, index: usize) -> bool {
        let (initial, backlog) = (self.initial[index], self.backlog[index]);
        match self.certificate(index) {
            None => backlog == initial && self.violation_sum[index] == 0.0,
            // The least slack is over all prefixes, this one included.
            Some(certificate) => {
                let slack = (backlog - initial - self.violation_sum[index]) / certificate.rounds as f64;
                certificate.least_slack <= slack && certificate.holds()
            }
        }
    }
}

/// [`EnergyController`] as data.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedEnergy {
    budgets_j: Vec<Option<Joules>>,
    queues: Queues,
}

impl SavedEnergy {
    pub fn new(budgets_j: Vec<Option<Joules>>, queues: Queues) -> Self {
        Self { budgets_j, queues }
    }
}

impl From<EnergyController> for SavedEnergy {
    fn from(controller: EnergyController) -> Self {
        Self { budgets_j: controller.budgets.budgets, queues: controller.queues }
    }
}

impl TryFrom<SavedEnergy> for EnergyController {
    type Error = SavedError;

    fn try_from(saved: SavedEnergy) -> Result<Self, SavedError> {
        let budgets = EnergyBudgets::new(saved.budgets_j)?;
        same_length("queues", saved.queues.backlog().len(), budgets.constraints())?;
        Ok(Self { budgets, queues: saved.queues })
    }
}

/// [`ConvergenceController`] as data: what follows from constraint and plans is computed again.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedConvergence {
    constraint: ConvergenceConstraint,
    plans: Vec<CandidatePlan>,
    queues: Queues,
    rounds_planned: u64,
    progress: f64,
}

impl From<ConvergenceController> for SavedConvergence {
    fn from(controller: ConvergenceController) -> Self {
        Self {
            constraint: controller.constraint,
            plans: controller.plans,
            queues: controller.queues,
            rounds_planned: controller.planned,
            progress: controller.progress,
        }
    }
}

impl TryFrom<SavedConvergence> for ConvergenceController {
    type Error = SavedError;

    fn try_from(saved: SavedConvergence) -> Result<Self, SavedError> {
        let mut controller = Self::new(saved.constraint, &saved.plans)?;
        same_length("queues", saved.queues.backlog().len(), 1)?;
        if saved.rounds_planned > saved.queues.rounds() {
            let (what, value) = ("rounds_planned", saved.rounds_planned);
            return Err(SavedError::Count { what, value, allowed: "at most queues.rounds" });
        }
        if !(saved.progress.is_finite() && saved.progress >= 0.0) {
            let (what, value, allowed) = ("progress", saved.progress, "a finite number >= 0");
            return Err(SavedError::Value { what, index: 0, value, allowed });
        }
        controller.queues = saved.queues;
        controller.planned = saved.rounds_planned;
        controller.progress = saved.progress;
        Ok(controller)
    }
}

/// [`PowerController`] as data.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedPower {
    budgets_w: Vec<Option<Watts>>,
    latency_weight: f64,
    reference_s: Seconds,
    longest_s: Seconds,
    queues: Queues,
}

impl From<PowerController> for SavedPower {
    fn from(controller: PowerController) -> Self {
        Self {
            budgets_w: controller.budgets,
            latency_weight: controller.latency_weight,
            reference_s: controller.reference,
            longest_s: controller.longest,
            queues: controller.queues,
        }
    }
}

impl TryFrom<SavedPower> for PowerController {
    type Error = SavedError;

    fn try_from(saved: SavedPower) -> Result<Self, SavedError> {
        let mut controller = Self::new(saved.budgets_w, saved.latency_weight, saved.reference_s, saved.longest_s)?;
        same_length("queues", saved.queues.backlog().len(), controller.budgets.len())?;
        controller.queues = saved.queues;
        Ok(controller)
    }
}
