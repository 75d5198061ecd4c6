//! What else could have been done in a run's states, found by the problem's own minimizer.

use super::play::{Checked, EngineError, checked};
use super::problem::{DriftProblem, Weights};
use super::record::{DriftRecord, DriftRecordError};
use crate::lyapunov::comparison::Comparison;
use crate::lyapunov::history::{Action, History};
use crate::lyapunov::offline::{OfflineError, OfflineProblem};

/// Why a run could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError<E: std::error::Error + 'static> {
    /// The record is none of a run.
    #[error(transparent)]
    Record(#[from] DriftRecordError),
    /// The record is one of another problem.
    #[error("the record's labels are not those of the problem: it is a record of another one")]
    Labels,
    /// Not one state per slot.
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
    /// More slots than an offline optimum copes with, or numbers that are too large for it.
    #[error(transparent)]
    Offline(#[from] OfflineError),
}

/// How often prices for the offline optimum are tried at most.
const ROUNDS: usize = 8;
/// Prices at which violations count and penalties hardly do, relative to the largest penalty and price of the run.
const VIOLATIONS_ALONE: f64 = 1e4;
/// Distance of the offline optimum's bounds that is good enough, relative to the larger of them.
#[cfg(feature = "milp")]
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
        let mut listed: Vec<Vec<Action>> = self.decisions().into_iter().map(|taken| vec![taken]).collect();
        let mut prices = average_prices(&history);
        let (mut best_prices, mut best_minima) = (prices.clone(), None::<Vec<f64>>);
        // Once where violations are all that counts: to find actions that keep every constraint, for C5.
        let largest = history.steps().iter().map(|step| step.penalty.abs()).fold(1.0, f64::max);
        let dear = VIOLATIONS_ALONE * prices.iter().copied().fold(largest, f64::max);
        self.ask(problem, states, &vec![dear; prices.len()], &mut listed)?;
        let mut round = 0;
        loop {
            let minima = self.ask(problem, states, &prices, &mut listed)?;
            let sum = |minima: &Option<Vec<f64>>| minima.as_ref().map(|minima| minima.iter().sum::<f64>());
            if minima.is_some() && sum(&minima) > sum(&best_minima) {
                (best_prices, best_minima) = (prices.clone(), minima);
            }
            let offline = OfflineProblem::new(listed.clone())?;
            let last = round + 1 == ROUNDS;
            let found = look_back(&offline, &best_prices, best_minima.as_deref(), last);
            match found.next_prices {
                Some(next) => prices = next,
                None => {
                    let mut comparison = Comparison::of(&offline, best_prices, best_minima);
                    if let Some((optimum, frames)) = found.mixtures {
                        comparison.set_mixtures(&offline, &optimum, frames);
                    }
                    comparison.without_optimum = found.without_optimum;
                    return Ok(comparison);
                }
            }
            round += 1;
        }
    }

    /// Minimizes p + μ·g in all states; the minima where all are proved.
    fn ask<P: DriftProblem>(
        &self,
        problem: &mut P,
        states: &[P::State],
        prices: &[f64],
        listed: &mut [Vec<Action>],
    ) -> Result<Option<Vec<f64>>, CompareError<P::Error>> {
        let queues: Vec<f64> = prices.iter().map(|price| self.penalty_weight * price).collect();
        let weights = Weights::new(self.penalty_weight, &queues);
        let mut minima = Some(Vec::with_capacity(states.len()));
        for ((slot, state), listed) in (0..).zip(states).zip(listed) {
            let minimum = problem.minimize(state, weights).map_err(|source| EngineError::Minimize { slot, source });
            let minimum = minimum.and_then(|minimum| checked(slot, &self.labels, weights, minimum));
            let failed = |source| CompareError::Minimize { prices: queues.clone(), source: Box::new(source) };
            let Checked { penalty, violations, lower_bound, .. } = minimum.map_err(failed)?;
            match lower_bound {
                Some(bound) => minima.iter_mut().for_each(|all| all.push(bound / self.penalty_weight)),
                None => minima = None,
            }
            let action = Action { penalty, violations };
            if !listed.contains(&action) {
                listed.push(action);
            }
        }
        Ok(minima)
    }
}

/// For each state the weights of its actions.
type Mixture = Vec<Vec<f64>>;

/// What follows from the actions found so far.
#[derive(Default)]
struct LookedBack {
    /// Where to look for further actions; none where it is enough.
    next_prices: Option<Vec<f64>>,
    /// Mixture of the offline optimum; length of the frames, and the mixture of theirs.
    mixtures: Option<(Mixture, (usize, Mixture))>,
    without_optimum: Option<String>,
}

#[cfg(feature = "milp")]
fn look_back(offline: &OfflineProblem, prices: &[f64], minima: Option<&[f64]>, last: bool) -> LookedBack {
    use crate::lyapunov::comparison::LookBack;
    let taken = offline.states().iter().filter_map(|actions| actions.first());
    let largest = taken.map(|action| action.penalty.abs()).fold(0.0, f64::max);
    let mean = |minima: &[f64]| minima.iter().sum::<f64>() / minima.len().max(1) as f64;
    // Without proved minima there is nothing to judge by.
    let close = |lower: f64, upper: f64| upper - lower <= ENOUGH * upper.abs().max(lower.abs());
    let is_enough = |upper: f64| minima.is_some_and(|minima| close(mean(minima), upper));
    match LookBack::new(offline, prices, largest, |_| last, is_enough) {
        LookBack::Again(next) => LookedBack { next_prices: Some(next), ..LookedBack::default() },
        LookBack::Enough(optimum) => {
            let frames = offline.shortest_frames(&optimum.mixture);
            LookedBack { mixtures: Some((optimum.mixture, frames)), ..LookedBack::default() }
        }
        LookBack::Without(reason) => LookedBack { without_optimum: Some(reason.to_string()), ..LookedBack::default() },
    }
}

#[cfg(not(feature = "milp"))]
fn look_back(_: &OfflineProblem, _: &[f64], _: Option<&[f64]>, _: bool) -> LookedBack {
    LookedBack { without_optimum: Some("built without the feature `milp`".into()), ..LookedBack::default() }
}

/// The mean of Q/V over the second half of the run.
fn average_prices(history: &History) -> Vec<f64> {
    let slots = history.steps().len();
    let half = history.steps().get(slots / 2..).unwrap_or_default();
    let weight = history.penalty_weight() * half.len().max(1) as f64;
    let mean = |k: usize| half.iter().filter_map(|step| step.queue_after.get(k)).sum::<f64>() / weight;
    (0..history.initial().len()).map(mean).collect()
}
