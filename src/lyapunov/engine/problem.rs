//! What the user provides.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::history::dot;

/// A slot problem of the user's own: states come one after the other, and in each an action is to be chosen.
///
/// In the long run the mean penalty p is to be small and every constraint avg g ≤ 0 is to be kept. The
/// [`Engine`](super::Engine) turns the constraints into queues Q and asks for the action that minimizes V·p + Q·g in
/// the current state.
///
/// Scale the constraints so that g is of order one: a budget Ē of energy E enters as g = E/Ē − 1, and its queue counts
/// budgets.
///
/// The certificates against other policies (C2 to C5, C7, D) compare with actions that were possible in the same state.
/// They hold where the set of actions does not depend on the queues; where it does, only for actions that were possible
/// at the run's own queues. C1 holds in any case.
///
/// ```
/// use std::convert::Infallible;
/// use collapipe::lyapunov::{DriftProblem, Engine, Labels, Minimum, Weights};
///
/// /// Send now at the price of the slot, or not: at least one slot in two.
/// struct Sender;
/// impl DriftProblem for Sender {
///     type State = f64;
///     type Action = bool;
///     type Error = Infallible;
///     fn labels(&self) -> Labels {
///         Labels::new("price", "EUR", ["sends in half of the slots"])
///     }
///     fn minimize(&mut self, price: &f64, weights: Weights) -> Result<Minimum<bool>, Infallible> {
///         let send = Minimum::new(true, *price, vec![-0.5]).exact();
///         let wait = Minimum::new(false, 0.0, vec![0.5]).exact();
///         Ok(if weights.cost_of(&send) < weights.cost_of(&wait) { send } else { wait })
///     }
/// }
/// let prices = [3.0, 1.0, 2.0, 5.0, 1.0, 4.0].into_iter().cycle().take(600);
/// let record = Engine::new(Sender, prices, 2.0)?.run()?;
/// let sent = record.slots.iter().filter(|slot| slot.action).count();
/// assert!((290..=300).contains(&sent));
/// // The cheapest half of the slots costs 4/6 per slot.
/// assert!(record.history()?.mean_penalty().is_some_and(|mean| (0.6..0.8).contains(&mean)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait DriftProblem {
    /// What is known when the slot is decided: channels, arrivals, prices.
    type State;
    /// What is decided.
    type Action;
    /// Why a slot cannot be decided. It ends the run: a slot in which nothing can be done is an action, not an error.
    type Error: std::error::Error + 'static;

    /// Names and units, for errors, records and figures; asked for once, before the first slot. The number of
    /// constraints is that of their names.
    fn labels(&self) -> Labels;

    /// The action of least V·p + Q·g in a state, or a good one.
    ///
    /// # Errors
    /// If there is no action, or none can be found.
    fn minimize(&mut self, state: &Self::State, weights: Weights<'_>) -> Result<Minimum<Self::Action>, Self::Error>;
}

/// The weights of penalty and violations in a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Weights<'a> {
    /// V > 0: weight of the penalty.
    pub penalty: f64,
    /// Q ≥ 0: weights of the violations, one per constraint.
    pub queues: &'a [f64],
}

impl<'a> Weights<'a> {
    pub(crate) fn new(penalty: f64, queues: &'a [f64]) -> Self {
        Self { penalty, queues }
    }

    /// V·p + Q·g.
    #[must_use]
    pub fn cost(&self, penalty: f64, violations: &[f64]) -> f64 {
        self.penalty * penalty + dot(self.queues, violations)
    }

    /// V·p + Q·g of an action.
    #[must_use]
    pub fn cost_of<A>(&self, minimum: &Minimum<A>) -> f64 {
        self.cost(minimum.penalty, &minimum.violations)
    }

    /// Largest term of V·p + Q·g: what rounding is relative to.
    fn scale(&self, penalty: f64, violations: &[f64]) -> f64 {
        let terms = self.queues.iter().zip(violations).map(|(q, g)| (q * g).abs());
        terms.fold((self.penalty * penalty).abs(), f64::max)
    }

    /// C of an action, given a lower bound of the slot; none where the bound is above the action's own value by more
    /// than rounding.
    pub(super) fn gap(&self, penalty: f64, violations: &[f64], lower_bound: f64) -> Option<f64> {
        let gap = self.cost(penalty, violations) - lower_bound;
        let rounding = BOUND_TOLERANCE * self.scale(penalty, violations);
        (gap >= -rounding).then(|| gap.max(0.0))
    }
}

/// What a lower bound may exceed the value by, relative to the largest term of the value.
pub(super) const BOUND_TOLERANCE: f64 = 1e-9;

/// What is known of the distance to the slot's minimum.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Optimality {
    /// Nothing: the run has C1, and none of the certificates that compare its penalty.
    Unknown,
    /// The action is a minimizer: by a closed form, or by enumeration.
    Exact,
    /// No action has V·p + Q·g below this number.
    LowerBound(f64),
}

/// An action with its penalty and violations, and what is proved about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Minimum<A> {
    /// The action.
    pub action: A,
    /// p, in the unit of [`Labels::penalty_unit`].
    pub penalty: f64,
    /// g, one per constraint.
    pub violations: Vec<f64>,
    /// How far V·p + Q·g is from its minimum.
    pub optimality: Optimality,
}

impl<A> Minimum<A> {
    /// An action about which nothing is proved.
    #[must_use]
    pub fn new(action: A, penalty: f64, violations: Vec<f64>) -> Self {
        Self { action, penalty, violations, optimality: Optimality::Unknown }
    }

    /// States that the action minimizes V·p + Q·g. The engine takes this on trust.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { optimality: Optimality::Exact, ..self }
    }

    /// Adds a lower bound on V·p + Q·g over all actions of the slot.
    #[must_use]
    pub fn with_lower_bound(self, lower_bound: f64) -> Self {
        Self { optimality: Optimality::LowerBound(lower_bound), ..self }
    }
}

/// Names and units of a problem's quantities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Labels {
    /// What is minimized on average, as in "mean latency": not empty.
    pub penalty: String,
    /// Its unit; empty for a plain number.
    pub penalty_unit: String,
    /// One name per constraint avg g ≤ 0, each different and not empty.
    pub constraints: Vec<String>,
    /// Unit of violations and queues; empty for plain numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub violation_unit: String,
}

/// Why labels cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// An empty name.
    #[error("labels.{what}: empty; give it a name")]
    Empty {
        /// Which label.
        what: String,
    },
    /// Two constraints of the same name.
    #[error("labels.constraints[{index}] = {name:?}: is an earlier constraint's name too; give each its own name")]
    Twice {
        /// The second of them.
        index: usize,
        /// The name.
        name: String,
    },
}

impl Blamed for LabelsError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty { .. } | Self::Twice { .. } => Blame::Input,
        }
    }
}

impl Labels {
    /// Name and unit of the penalty, names of the constraints.
    #[must_use]
    pub fn new<N: Into<String>>(
        penalty: impl Into<String>,
        penalty_unit: impl Into<String>,
        constraints: impl IntoIterator<Item = N>,
    ) -> Self {
        Self {
            penalty: penalty.into(),
            penalty_unit: penalty_unit.into(),
            constraints: constraints.into_iter().map(Into::into).collect(),
            violation_unit: String::new(),
        }
    }

    /// Sets the unit of violations and queues, such as `budgets`.
    #[must_use]
    pub fn with_violation_unit(self, unit: impl Into<String>) -> Self {
        Self { violation_unit: unit.into(), ..self }
    }

    /// Name of a constraint; empty for one that does not exist.
    #[must_use]
    pub fn constraint(&self, index: usize) -> &str {
        self.constraints.get(index).map_or("", String::as_str)
    }

    /// Whether the names can be told apart.
    ///
    /// # Errors
    /// [`LabelsError`] for an empty name, or one that two constraints share.
    pub fn validate(&self) -> Result<(), LabelsError> {
        if self.penalty.is_empty() {
            return Err(LabelsError::Empty { what: "penalty".into() });
        }
        let mut seen = HashSet::new();
        for (index, name) in self.constraints.iter().enumerate() {
            if name.is_empty() {
                return Err(LabelsError::Empty { what: format!("constraints[{index}]") });
            }
            if !seen.insert(name) {
                return Err(LabelsError::Twice { index, name: name.clone() });
            }
        }
        Ok(())
    }
}
