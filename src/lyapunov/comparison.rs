//! What a run is compared with: actions that were possible in its states, and the best of them.

use super::history::Action;
use super::offline::{OfflineError, OfflineProblem};

/// What else was possible in the states of a run, as plain data.
///
/// The certificates beyond C1 need it: [`Proofs::new`](super::Proofs::new) says which of its parts each of them rests
/// on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// μ ≥ 0 at which the minima were taken, one per constraint, in units of penalty per violation.
    pub multiplier: Vec<f64>,
    /// d(t) ≤ min over the slot's actions of p + μ·g, one per slot; none where a slot's minimum is not known.
    pub minima: Option<Vec<f64>>,
    /// The offline optimum's mixture, one mean action per slot; none without one.
    pub optimum: Option<Vec<Action>>,
    /// Why there is no offline optimum.
    pub without_optimum: Option<String>,
    /// Length of a frame and the frames' optima, one mean action per slot; none where frames were not found.
    pub framed: Option<(usize, Vec<Action>)>,
    /// The action of each slot whose worst violation is least.
    pub slater: Vec<Action>,
    /// A number that no penalty is below, where it is known otherwise.
    pub least_penalty: Option<f64>,
    /// Why the slots are not independent and identically distributed; none where that is not known.
    pub dependence: Option<String>,
}

impl Comparison {
    /// A comparison with listed actions, without an offline optimum.
    ///
    /// # Errors
    /// [`OfflineError`] as [`OfflineProblem::new`].
    pub fn new(states: Vec<Vec<Action>>, multiplier: Vec<f64>, minima: Option<Vec<f64>>) -> Result<Self, OfflineError> {
        Ok(Self::of(&OfflineProblem::new(states)?, multiplier, minima))
    }

    pub(crate) fn of(problem: &OfflineProblem, multiplier: Vec<f64>, minima: Option<Vec<f64>>) -> Self {
        let worst = |action: &Action| action.violations.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = |actions: &Vec<Action>| actions.iter().min_by(|a, b| worst(a).total_cmp(&worst(b))).cloned();
        Self {
            multiplier,
            minima,
            optimum: None,
            without_optimum: None,
            framed: None,
            slater: problem.states().iter().filter_map(least).collect(),
            least_penalty: None,
            dependence: None,
        }
    }

    /// A comparison with the offline optimum and the shortest frames of listed actions (feature `milp`). The minima are
    /// those of the lists: a proof where each list has all actions of its state.
    ///
    /// # Errors
    /// [`OfflineError`] where the lists cannot be used, or no mixture keeps the constraints.
    #[cfg(feature = "milp")]
    pub fn with_all_actions(states: Vec<Vec<Action>>) -> Result<Self, OfflineError> {
        let problem = OfflineProblem::new(states)?;
        let best = problem.optimum()?;
        let minima = problem.minima(&best.multiplier);
        let mut comparison = Self::of(&problem, best.multiplier, Some(minima));
        comparison.set_mixtures(&problem, &best.mixture, problem.shortest_frames(&best.mixture));
        Ok(comparison)
    }

    /// Takes mixtures of the problem's actions; weights that are none are left out.
    pub(crate) fn set_mixtures(
        &mut self,
        problem: &OfflineProblem,
        optimum: &[Vec<f64>],
        (frame, framed): (usize, Vec<Vec<f64>>),
    ) {
        let mixed = |weights: &[Vec<f64>]| is_mixture(problem, weights).then(|| problem.mean_actions(weights));
        self.optimum = mixed(optimum);
        self.framed = mixed(&framed).filter(|_| frame > 0).map(|actions| (frame, actions));
    }

    /// Mean penalty of the offline optimum's mixture.
    pub(crate) fn upper_estimate(&self) -> Option<f64> {
        let mean = |actions: &Vec<Action>| {
            actions.iter().map(|action| action.penalty).sum::<f64>() / actions.len().max(1) as f64
        };
        self.optimum.as_ref().map(mean)
    }

    /// mean d.
    pub(crate) fn mean_minimum(&self) -> Option<f64> {
        let minima = self.minima.as_ref().filter(|minima| !minima.is_empty())?;
        Some(minima.iter().sum::<f64>() / minima.len() as f64)
    }
}

/// Weights that are not negative and sum to one in every state.
fn is_mixture(problem: &OfflineProblem, weights: &[Vec<f64>]) -> bool {
    problem.states().len() == weights.len()
        && problem.states().iter().zip(weights).all(|(actions, weights)| {
            let sum: f64 = weights.iter().sum();
            weights.len() == actions.len() && weights.iter().all(|w| *w >= 0.0) && (sum - 1.0).abs() < 1e-9
        })
}

/// What follows from the actions found so far.
#[cfg(feature = "milp")]
pub(crate) enum LookBack {
    /// Look for further actions at these prices.
    Again(Vec<f64>),
    /// The optimum of the listed actions is good enough, or there is no more time.
    Enough(super::offline::OfflineOptimum),
    /// There is none.
    Without(OfflineError),
}

#[cfg(feature = "milp")]
impl LookBack {
    /// `best_prices` are those that bounded most so far, `largest` the largest penalty taken; `last` says whether there
    /// is no more time, given whether the list has an optimum, and `is_enough` judges it.
    pub(crate) fn new(
        problem: &OfflineProblem,
        best_prices: &[f64],
        largest: f64,
        last: impl Fn(bool) -> bool,
        is_enough: impl Fn(f64) -> bool,
    ) -> Self {
        let optimum = problem.optimum();
        let enough = optimum.as_ref().is_ok_and(|best| is_enough(best.value));
        if !(enough || last(optimum.is_ok())) {
            // Between the best prices of the list, which swing, and those that gave the best bound so far.
            let most = 4.0 * best_prices.iter().copied().fold(largest, f64::max);
            if let Ok(best) = problem.bounded_multiplier(most.max(f64::MIN_POSITIVE)) {
                let share = if optimum.is_ok() { 0.5 } else { 1.0 };
                let mix = |(new, old): (f64, &f64)| share * new + (1.0 - share) * old;
                return Self::Again(best.into_iter().zip(best_prices).map(mix).collect());
            }
        }
        optimum.map_or_else(Self::Without, Self::Enough)
    }
}
