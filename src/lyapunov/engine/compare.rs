//! What else could have been done in a run's states, found by the problem's own minimizer.

use super::play::{Checked, EngineError, checked};
use super::problem::{DriftProblem, Labels, Weights};
use super::record::{DriftRecord, DriftRecordError};
use crate::lyapunov::comparison::{Alternative, Comparison, LookAgain, LookedBack};
use crate::lyapunov::history::Action;
use crate::lyapunov::offline::OfflineError;

/// Why a run could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError<E: std::error::Error + 'static> {
    /// The record is not that of a run.
    #[error(transparent)]
    Record(#[from] DriftRecordError),
    /// The record belongs to another problem.
    #[error("the record's labels are not those of the problem: it belongs to another one")]
    Labels,
    /// The number of states is not that of the slots.
    #[error("{found} states for {expected} slots: must be those of the run, in their order")]
    States {
        /// Number of slots.
        expected: usize,
        /// Number of states.
        found: usize,
    },
    /// The problem failed at other prices.
    #[error("compared at prices {prices:?}: {source}")]
    Minimize {
        /// Q of the failed question, one per constraint.
        prices: Vec<f64>,
        /// How.
        source: Box<EngineError<E>>,
    },
    /// More slots than an offline optimum can handle, or numbers that are too large for it.
    #[error(transparent)]
    Offline(#[from] OfflineError),
}

/// How many times prices for the offline optimum are tried at most.
const ROUNDS: usize = 8;
/// Prices at which violations count and penalties hardly do, relative to the largest penalty and price of the run.
const VIOLATIONS_ALONE: f64 = 1e4;
/// Distance of the offline optimum's bounds that is good enough, relative to the larger of them.
const ENOUGH: f64 = 1e-3;

impl<A> DriftRecord<A> {
    /// Minimizes the states of a run again at other prices, and computes what would have been best (feature `milp`;
    /// without it there are the minima at one price, and no offline optimum).
    ///
    /// Every state is asked once at prices at which violations alone count (for C5), then at the run's average prices
    /// Q/V, then at prices that approach the offline optimum, until that is known to 1e-3: at most nine times in all.
    /// Lower bounds that the minimizer proves become minima d(t). The set of actions of a state must not depend on the
    /// queues: see [`DriftProblem`].
    ///
    /// # Errors
    /// [`CompareError`] for a record of another problem or other states, for what the problem refuses, and for a run of
    /// more than 20,000 actions in all.
    pub fn compare<P: DriftProblem>(
        &self,
        problem: &mut P,
        states: &[P::State],
    ) -> Result<Comparison, CompareError<P::Error>> {
        if problem.labels() != self.labels {
            return Err(CompareError::Labels);
        }
        let history = self.history()?;
        let (expected, found) = (self.slots.len(), states.len());
        if found != expected {
            return Err(CompareError::States { expected, found });
        }
        let seen = self.decisions().into_iter().map(|taken| vec![taken]).collect();
        let (labels, penalty_weight) = (&self.labels, self.penalty_weight);
        let mut minimizer = Minimizer { problem, states, labels, penalty_weight, seen };
        let prices = history.mean_prices();
        // Once where violations are all that counts: to find actions that keep every constraint, for C5.
        let largest = history.steps().iter().map(|step| step.penalty.abs()).fold(1.0, f64::max);
        let dear = VIOLATIONS_ALONE * prices.iter().copied().fold(largest, f64::max);
        minimizer.look(0, &vec![dear; prices.len()])?;
        let listed = minimizer.seen.clone();
        let found = LookedBack::search(&mut minimizer, listed, prices)?;
        let problem = found.problem?;
        let mut comparison = Comparison::of(&problem, found.multiplier, found.minima);
        #[cfg(feature = "milp")]
        if let Some((frame, weights)) = crate::lyapunov::frames_with_slack(&problem, &history) {
            comparison.set_slack(&problem, frame, &weights);
        }
        if let Some(mixtures) = found.mixtures {
            comparison.set_mixtures(&problem, &mixtures.optimum, mixtures.frames);
        }
        comparison.without_optimum = found.without.map(|reason| reason.to_string());
        Ok(comparison)
    }
}

/// A problem's own minimizer, asked about the states of a run.
struct Minimizer<'a, P: DriftProblem> {
    problem: &'a mut P,
    states: &'a [P::State],
    labels: &'a Labels,
    penalty_weight: f64,
    /// Actions of every state that are known already.
    seen: Vec<Vec<Action>>,
}

impl<P: DriftProblem> LookAgain for Minimizer<'_, P> {
    type Error = CompareError<P::Error>;

    /// Minimizes p + μ·g in all states.
    fn look(&mut self, _: usize, prices: &[f64]) -> Result<Vec<Alternative>, Self::Error> {
        let queues: Vec<f64> = prices.iter().map(|price| self.penalty_weight * price).collect();
        let weights = Weights::new(self.penalty_weight, &queues);
        let mut all = Vec::with_capacity(self.states.len());
        for ((slot, state), seen) in (0..).zip(self.states).zip(&mut self.seen) {
            let minimum =
                self.problem.minimize(state, weights).map_err(|source| EngineError::Minimize { slot, source });
            let minimum = minimum.and_then(|minimum| checked(slot, self.labels, weights, minimum));
            let failed = |source| CompareError::Minimize { prices: queues.clone(), source: Box::new(source) };
            let Checked { penalty, violations, lower_bound, .. } = minimum.map_err(failed)?;
            let action = Action { penalty, violations };
            let new = !seen.contains(&action);
            if new {
                seen.push(action.clone());
            }
            let minimum = lower_bound.map(|bound| bound / self.penalty_weight);
            all.push(Alternative { minimum, action: new.then_some(action) });
        }
        Ok(all)
    }

    fn is_last(&self, round: usize, _: bool) -> bool {
        round + 1 == ROUNDS
    }

    fn is_enough(&self, _: usize, upper: f64, lower: Option<f64>) -> bool {
        // Without proved minima there is nothing to judge by.
        lower.is_some_and(|lower| upper - lower <= ENOUGH * upper.abs().max(lower.abs()))
    }
}
