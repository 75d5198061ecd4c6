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
    /// Length of a frame and actions with slack in every frame, one mean action per slot; where none were found, frames
    /// of one slot and the action of each slot whose worst violation is least.
    pub slater: (usize, Vec<Action>),
    /// Why no slot can have an action with slack; none where that is not known.
    pub without_slack: Option<String>,
    /// A number that no penalty is below, where one is known beforehand.
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
            slater: (1, problem.states().iter().filter_map(least).collect()),
            without_slack: None,
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

    /// Takes mixtures of the problem's actions; weights that do not form mixtures are left out.
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

    /// Takes a mixture of the problem's actions with slack in every frame; weights that form none are left out.
    pub(crate) fn set_slack(&mut self, problem: &OfflineProblem, frame: usize, weights: &[Vec<f64>]) {
        if frame > 0 && is_mixture(problem, weights) {
            self.slater = (frame, problem.mean_actions(weights));
        }
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

/// Finds further actions in the states of a run, at prices that were chosen afterwards.
#[cfg_attr(not(feature = "milp"), allow(dead_code, reason = "without linear programs one round is all"))]
pub(crate) trait LookAgain {
    /// Why they cannot be searched for.
    type Error;

    /// For each state, in order, what is found at these prices; rounds are numbered from 0.
    fn look(&mut self, round: usize, prices: &[f64]) -> Result<Vec<Alternative>, Self::Error>;

    /// Whether no time is left for another round; `has_optimum` says whether some mixture keeps the constraints.
    fn is_last(&self, round: usize, has_optimum: bool) -> bool;

    /// Whether bounds on the least mean penalty are close enough; `lower` is none where no minimum is proved.
    fn is_enough(&self, round: usize, upper: f64, lower: Option<f64>) -> bool;
}

/// What was found in a state at some prices μ.
#[derive(Default)]
pub(crate) struct Alternative {
    /// No action has p + μ·g below this; none where that is not known.
    pub minimum: Option<f64>,
    /// An action that was not found before.
    pub action: Option<Action>,
}

/// What was found in the end.
pub(crate) struct LookedBack {
    /// The prices that gave the best bound, one per constraint, and the minima there where all are known.
    pub multiplier: Vec<f64>,
    pub minima: Option<Vec<f64>>,
    /// The actions found; an error where they do not form an offline problem.
    pub problem: Result<OfflineProblem, OfflineError>,
    /// The best mixtures of them, if there are any.
    pub mixtures: Option<Mixtures>,
    /// Why there are no mixtures.
    pub without: Option<NoOptimum>,
}

/// The best mixtures of some actions.
pub(crate) struct Mixtures {
    /// μ of the optimum.
    pub multiplier: Vec<f64>,
    /// For each state the weights of its actions.
    pub optimum: Vec<Vec<f64>>,
    /// Slots of a frame, and the same weights in the optimum of each frame.
    pub frames: (usize, Vec<Vec<f64>>),
}

/// Why there is no offline optimum.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoOptimum {
    #[cfg(not(feature = "milp"))]
    #[error("built without the feature `milp`")]
    Build,
    #[error(transparent)]
    Offline(#[from] OfflineError),
}

impl LookedBack {
    /// Looks for actions at `prices`, then at prices that approach the offline optimum, until that is known well
    /// enough. `listed` are actions of every state, those of the run first.
    pub(crate) fn search<L: LookAgain>(
        looking: &mut L,
        mut listed: Vec<Vec<Action>>,
        mut prices: Vec<f64>,
    ) -> Result<Self, L::Error> {
        let taken = listed.iter().filter_map(|actions| actions.first());
        let largest = taken.map(|action| action.penalty.abs()).fold(0.0, f64::max);
        let (mut multiplier, mut best) = (prices.clone(), None::<(f64, Vec<f64>)>);
        let mut round = 0;
        loop {
            let mut minima = Some(Vec::with_capacity(listed.len()));
            for (found, listed) in looking.look(round, &prices)?.into_iter().zip(&mut listed) {
                minima = minima.zip(found.minimum).map(|(mut all, minimum)| {
                    all.push(minimum);
                    all
                });
                listed.extend(found.action);
            }
            if let Some(minima) = minima {
                let mean = minima.iter().sum::<f64>() / minima.len().max(1) as f64;
                if mean > best.as_ref().map_or(f64::NEG_INFINITY, |(bound, _)| *bound) {
                    (multiplier, best) = (prices, Some((mean, minima)));
                }
            }
            let lower = best.as_ref().map(|(bound, _)| *bound);
            let problem = OfflineProblem::new(listed.clone());
            match Next::of(looking, round, &problem, (&multiplier, largest), lower) {
                Next::Again(next) => (prices, round) = (next, round + 1),
                Next::Enough(mixtures) => {
                    let minima = best.map(|(_, minima)| minima);
                    return Ok(Self { multiplier, minima, problem, mixtures: Some(mixtures), without: None });
                }
                Next::Without(reason) => {
                    let minima = best.map(|(_, minima)| minima);
                    return Ok(Self { multiplier, minima, problem, mixtures: None, without: Some(reason) });
                }
            }
        }
    }
}

/// What follows from the actions found so far.
#[cfg_attr(not(feature = "milp"), allow(dead_code, reason = "without linear programs there is no optimum"))]
enum Next {
    /// Look for further actions at these prices.
    Again(Vec<f64>),
    /// The optimum of the listed actions is good enough, or no time is left.
    Enough(Mixtures),
    /// There is no optimum.
    Without(NoOptimum),
}

impl Next {
    #[cfg(not(feature = "milp"))]
    fn of<L: LookAgain>(
        _: &L,
        _: usize,
        _: &Result<OfflineProblem, OfflineError>,
        _: (&[f64], f64),
        _: Option<f64>,
    ) -> Self {
        Self::Without(NoOptimum::Build)
    }

    /// `best_prices` gave the best bound so far, with the bound `lower`; `largest` is the largest penalty
    /// taken.
    #[cfg(feature = "milp")]
    fn of<L: LookAgain>(
        looking: &L,
        round: usize,
        problem: &Result<OfflineProblem, OfflineError>,
        (best_prices, largest): (&[f64], f64),
        lower: Option<f64>,
    ) -> Self {
        let problem = match problem {
            Ok(problem) => problem,
            Err(error) => return Self::Without(error.clone().into()),
        };
        let optimum = problem.optimum();
        let enough = optimum.as_ref().is_ok_and(|best| looking.is_enough(round, best.value, lower));
        if !(enough || looking.is_last(round, optimum.is_ok())) {
            // Between the best prices of the list, which oscillate, and those that gave the best bound so far.
            let most = 4.0 * best_prices.iter().copied().fold(largest, f64::max);
            if let Ok(best) = problem.bounded_multiplier(most.max(f64::MIN_POSITIVE)) {
                let share = if round == 0 || optimum.is_ok() { 0.5 } else { 1.0 };
                let mix = |(new, old): (f64, &f64)| share * new + (1.0 - share) * old;
                return Self::Again(best.into_iter().zip(best_prices).map(mix).collect());
            }
        }
        match optimum {
            Ok(best) => {
                let frames = problem.shortest_frames(&best.mixture);
                Self::Enough(Mixtures { multiplier: best.multiplier, optimum: best.mixture, frames })
            }
            Err(error) => Self::Without(error.into()),
        }
    }
}
