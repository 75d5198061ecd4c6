//! Updates of parameters, and the state that belongs to them.

use serde::{Deserialize, Serialize};

use super::real::Real;

/// How parameters follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rule {
    /// θ ← θ − η m with m ← β m + g.
    Sgd {
        /// η: learning rate, positive.
        rate: f64,
        /// β in [0, 1).
        #[serde(default)]
        momentum: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019), with its bias corrections.
    #[serde(rename = "adamw")]
    AdamW {
        /// η: learning rate, positive.
        rate: f64,
        /// λ: weight decay, at least 0.
        #[serde(default)]
        decay: f64,
    },
}

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("optimizer.{field} = {value}: must be {allowed}")]
pub struct RuleError {
    /// The field.
    pub field: &'static str,
    /// What it holds.
    pub value: f64,
    /// What it may hold.
    pub allowed: &'static str,
}

const FIRST: f64 = 0.9;
const SECOND: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Rule {
    /// # Errors
    /// [`RuleError`] names the field that is out of range.
    pub fn validate(&self) -> Result<(), RuleError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match *self {
            Self::Sgd { rate, .. } | Self::AdamW { rate, .. } if !positive(rate) => {
                Err(RuleError { field: "rate", value: rate, allowed: "positive and finite" })
            }
            Self::Sgd { momentum, .. } if !(0.0..1.0).contains(&momentum) => {
                Err(RuleError { field: "momentum", value: momentum, allowed: "in [0, 1)" })
            }
            Self::AdamW { decay, .. } if !(decay.is_finite() && decay >= 0.0) => {
                Err(RuleError { field: "decay", value: decay, allowed: "finite and at least 0" })
            }
            _ => Ok(()),
        }
    }

    /// Numbers of state per parameter.
    const fn moments(self) -> usize {
        match self {
            Self::Sgd { momentum, .. } => {
                if momentum == 0.0 {
                    0
                } else {
                    1
                }
            }
            Self::AdamW { .. } => 2,
        }
    }
}

/// The state of one part's optimizer: it goes with the part's parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer<T> {
    rule: Rule,
    moments: Vec<T>,
    steps: u32,
}

impl<T: Real> Optimizer<T> {
    /// That of so many parameters, before the first step.
    #[must_use]
    pub fn new(rule: Rule, parameters: usize) -> Self {
        Self { rule, moments: vec![T::zero(); rule.moments() * parameters], steps: 0 }
    }

    /// Numbers of [`state`](Self::state) for so many parameters.
    #[must_use]
    pub const fn state_len(rule: Rule, parameters: usize) -> usize {
        rule.moments() * parameters + 1
    }

    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.moments.len() * size_of::<T>() + size_of::<u32>()) as u64
    }

    /// All of its state as numbers: moments, then the number of steps (exact below 2^24 in 32 bits).
    #[must_use]
    pub fn state(&self) -> Vec<T> {
        self.moments.iter().copied().chain([T::of(f64::from(self.steps))]).collect()
    }

    /// Takes a state; false where it is not one for as many parameters.
    #[must_use]
    pub fn restore(&mut self, state: &[T]) -> bool {
        let Some((steps, moments)) = state.split_last().filter(|(_, moments)| moments.len() == self.moments.len())
        else {
            return false;
        };
        self.moments.copy_from_slice(moments);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, saturating")]
        let steps = steps.to_f64() as u32;
        self.steps = steps;
        true
    }

    /// One update.
    pub fn step(&mut self, parameters: &mut [T], gradients: &[T]) {
        self.steps = self.steps.saturating_add(1);
        match self.rule {
            Rule::Sgd { rate, momentum } => {
                let (rate, momentum) = (T::of(rate), T::of(momentum));
                if self.moments.is_empty() {
                    parameters.iter_mut().zip(gradients).for_each(|(of, gradient)| *of -= rate * *gradient);
                } else {
                    for ((of, gradient), moment) in parameters.iter_mut().zip(gradients).zip(&mut self.moments) {
                        *moment = momentum * *moment + *gradient;
                        *of -= rate * *moment;
                    }
                }
            }
            Rule::AdamW { rate, decay } => {
                let steps = f64::from(self.steps);
                let corrected = |beta: f64| T::of(1.0 / (1.0 - beta.powf(steps)));
                let (first, second) = (corrected(FIRST), corrected(SECOND));
                let (rate, decay, epsilon) = (T::of(rate), T::of(decay), T::of(EPSILON));
                let [beta, beta_2] = [FIRST, SECOND].map(T::of);
                let [rest, rest_2] = [1.0 - FIRST, 1.0 - SECOND].map(T::of);
                let (means, squares) = self.moments.split_at_mut(parameters.len());
                for (((of, gradient), mean), square) in parameters.iter_mut().zip(gradients).zip(means).zip(squares) {
                    *mean = beta * *mean + rest * *gradient;
                    *square = beta_2 * *square + rest_2 * *gradient * *gradient;
                    let step = *mean * first / ((*square * second).sqrt() + epsilon);
                    *of -= rate * (step + decay * *of);
                }
            }
        }
    }
}
