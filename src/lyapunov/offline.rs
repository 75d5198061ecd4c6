//! The best that could have been done, known afterwards: a linear program over mixtures of actions.

#[cfg(feature = "milp")]
use super::history::sums;
use super::history::{Action, dot};
use crate::ground::blame::{Blame, Blamed};

/// Recorded states with a finite list of actions each.
///
/// The offline optimum is the least mean penalty of a mixture x(t, a) ≥ 0, Σ_a x(t, a) = 1, that keeps every constraint
/// on average: a linear program. Over a list of actions that is not the whole action set it is an *upper estimate* of
/// the true offline optimum; what bounds the latter from below is weak duality,
/// [`certificate::weak_duality`](super::certificate::weak_duality), with every state minimized exactly.
///
/// ```
/// # #[cfg(feature = "milp")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use collapipe::lyapunov::{Action, OfflineProblem};
/// // Fast and over the budget by one, or slow and below it by one: half and half.
/// let action = |penalty, g| Action { penalty, violations: vec![g] };
/// let problem = OfflineProblem::new(vec![vec![action(1.0, 1.0), action(3.0, -1.0)]; 4])?;
/// let best = problem.optimum()?;
/// assert!((best.value - 2.0).abs() < 1e-9 && (best.multiplier[0] - 1.0).abs() < 1e-9);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "milp"))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OfflineProblem {
    states: Vec<Vec<Action>>,
    constraints: usize,
}

/// The solution of an [`OfflineProblem`], checked: mixture feasible, multiplier dual feasible, values equal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OfflineOptimum {
    /// Mean penalty of the mixture.
    pub value: f64,
    /// mean over the states of min over the actions of p + μ·g: at most `value`, and equal to it up to the solver's
    /// accuracy.
    pub dual_value: f64,
    /// μ: marginal decrease of the optimum per unit of mean violation allowed.
    pub multiplier: Vec<f64>,
    /// For each state the weights of its actions, which sum to 1.
    pub mixture: Vec<Vec<f64>>,
}

/// Why an offline problem cannot be stated or solved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OfflineError {
    /// No state, or a state without actions.
    #[error("{what}: empty; must have at least one entry")]
    Empty {
        /// Which list.
        what: String,
    },
    /// An action with another number of violations than the first one.
    #[error("states[{state}]: an action with {found} violations, must be {expected}")]
    Length {
        /// The state.
        state: usize,
        /// How many the first action has.
        expected: usize,
        /// How many this one has.
        found: usize,
    },
    /// A number that is not finite, or beyond 1e12.
    #[error("states[{state}]: {value:?}; penalties and violations must be finite numbers in [-1e12, 1e12]")]
    Value {
        /// The state.
        state: usize,
        /// The number.
        value: f64,
    },
    /// More than a dense simplex method can handle.
    #[error("{actions} actions: at most {most}; take fewer states, or a shorter frame")]
    TooLarge {
        /// Number of actions.
        actions: usize,
        /// Largest number allowed.
        most: usize,
    },
    /// No mixture of the listed actions keeps every constraint on average.
    #[error(
        "no mixture of the listed actions keeps every constraint; list actions with smaller violations, or relax budgets"
    )]
    Infeasible,
    /// The linear solver gave up, or its answer failed a check.
    #[error("linear program: {0}")]
    Solver(String),
}

impl Blamed for OfflineError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty { .. } | Self::Length { .. } | Self::Value { .. } | Self::TooLarge { .. } => Blame::Input,
            Self::Infeasible => Blame::Infeasible,
            Self::Solver(_) => Blame::Machine,
        }
    }
}

impl OfflineProblem {
    /// Most actions, over all states.
    pub const MOST_ACTIONS: usize = 20_000;

    /// States with their actions.
    ///
    /// # Errors
    /// [`OfflineError`] for empty lists, different numbers of violations, and numbers that are not finite or too large.
    pub fn new(states: Vec<Vec<Action>>) -> Result<Self, OfflineError> {
        let first = states.first().ok_or(OfflineError::Empty { what: "states".into() })?;
        let constraints = first.first().map_or(0, |action| action.violations.len());
        let mut count = 0;
        for (state, actions) in states.iter().enumerate() {
            if actions.is_empty() {
                return Err(OfflineError::Empty { what: format!("states[{state}]") });
            }
            count += actions.len();
            for action in actions {
                let found = action.violations.len();
                if found != constraints {
                    return Err(OfflineError::Length { state, expected: constraints, found });
                }
                let numbers = action.violations.iter().chain([&action.penalty]);
                if let Some(&value) = numbers.into_iter().find(|value| !(-1e12..=1e12).contains(*value)) {
                    return Err(OfflineError::Value { state, value });
                }
            }
        }
        if count > Self::MOST_ACTIONS {
            return Err(OfflineError::TooLarge { actions: count, most: Self::MOST_ACTIONS });
        }
        Ok(Self { states, constraints })
    }

    /// The states' actions.
    #[must_use]
    pub fn states(&self) -> &[Vec<Action>] {
        &self.states
    }

    /// Some of the states, in order, as a problem of their own: a frame. None where the range holds no state.
    #[must_use]
    pub fn frame(&self, range: std::ops::Range<usize>) -> Option<Self> {
        let states = self.states.get(range)?.to_vec();
        (!states.is_empty()).then_some(Self { states, constraints: self.constraints })
    }

    /// mean over the states of min over the listed actions of p + μ·g: below the optimum of the list for any μ ≥ 0.
    #[must_use]
    pub fn dual_value(&self, multiplier: &[f64]) -> f64 {
        self.minima(multiplier).iter().sum::<f64>() / self.states.len() as f64
    }

    /// For each state the min over the listed actions of p + μ·g.
    #[must_use]
    pub fn minima(&self, multiplier: &[f64]) -> Vec<f64> {
        let least = |actions: &Vec<Action>| {
            let priced = |action: &Action| action.penalty + dot(multiplier, &action.violations);
            actions.iter().map(priced).fold(f64::INFINITY, f64::min)
        };
        self.states.iter().map(least).collect()
    }

    /// The average action of a mixture in each state.
    #[must_use]
    pub fn mean_actions(&self, mixture: &[Vec<f64>]) -> Vec<Action> {
        let of_state = |(actions, weights): (&Vec<Action>, &Vec<f64>)| {
            let mut mean = Action { penalty: 0.0, violations: vec![0.0; self.constraints] };
            for (action, weight) in actions.iter().zip(weights) {
                mean.penalty += weight * action.penalty;
                mean.violations.iter_mut().zip(&action.violations).for_each(|(mean, g)| *mean += weight * g);
            }
            mean
        };
        self.states.iter().zip(mixture).map(of_state).collect()
    }
}

#[cfg(feature = "milp")]
mod program {
    use good_lp::{Constraint, Expression, ProblemVariables, Variable, VariableDefinition, constraint, variable};

    use super::super::linear;
    use super::{OfflineError, OfflineOptimum, OfflineProblem, sums};

    /// Largest difference of the two values and largest mean violation that the solver's arithmetic may leave, relative
    /// to the largest of the numbers that are averaged.
    const ACCURACY: f64 = 1e-5;

    /// By how much the solver's weights may be below zero, and their sum off one, before they are made a mixture. What
    /// is reported is computed from the mixture.
    const WEIGHTS: f64 = 1e-4;

    impl OfflineProblem {
        /// Solves the linear program and its dual.
        ///
        /// `microlp` reports no dual values, so that the dual, max mean y subject to y(t) ≤ p(t, a) + μ·g(t, a) and μ ≥
        /// 0, is solved as a program of its own. The answers are checked: weights, violations, and strong duality, with
        /// the dual value recomputed from μ alone.
        ///
        /// # Errors
        /// [`OfflineError::Infeasible`] where no mixture keeps the constraints, [`OfflineError::Solver`] for an answer
        /// that fails a check.
        pub fn optimum(&self) -> Result<OfflineOptimum, OfflineError> {
            let scale = self.scale();
            if self.breaks_one() {
                return Err(OfflineError::Infeasible);
            }
            let mixture = self.mixture(scale)?;
            let multiplier = self.prices(scale, variable().min(0.0))?;
            let actions = self.mean_actions(&mixture);
            let slots = actions.len() as f64;
            let value = actions.iter().map(|action| action.penalty).sum::<f64>() / slots;
            let left = sums(self.constraints, actions.iter().map(|action| action.violations.as_slice()));
            for (k, (sum, size)) in left.into_iter().zip(self.sizes()).enumerate() {
                if sum > ACCURACY * size * slots {
                    return Err(OfflineError::Solver(format!("constraint {k} is left broken by {:.1e}", sum / slots)));
                }
            }
            let dual_value = self.dual_value(&multiplier);
            if (value - dual_value).abs() > ACCURACY * scale {
                return Err(OfflineError::Solver(format!("optimum {value:?}, but its dual is {dual_value:?}")));
            }
            Ok(OfflineOptimum { value, dual_value, multiplier, mixture })
        }

        fn mixture(&self, scale: f64) -> Result<Vec<Vec<f64>>, OfflineError> {
            let solution = linear::solve(|| {
                let mut variables = ProblemVariables::new();
                let weights: Vec<Vec<Variable>> = (self.states.iter())
                    .map(|actions| variables.add_vector(variable().min(0.0), actions.len()))
                    .collect();
                let pairs = || self.states.iter().flatten().zip(weights.iter().flatten());
                let objective: Expression = pairs().map(|(action, &x)| action.penalty / scale * x).sum();
                let one = weights.iter().map(|of_state| constraint!(of_state.iter().sum::<Expression>() == 1.0));
                let mut constraints: Vec<Constraint> = one.collect();
                let mut rows = vec![Expression::default(); self.constraints];
                let sizes = self.sizes();
                for (action, &x) in pairs() {
                    let of_action = rows.iter_mut().zip(&action.violations).zip(&sizes);
                    of_action.filter(|(_, size)| **size > 0.0).for_each(|((row, g), size)| *row += *g / *size * x);
                }
                let rows = rows.into_iter().zip(sizes).filter(|(_, size)| *size > 0.0);
                constraints.extend(rows.map(|(row, _)| constraint!(row <= 0.0)));
                (variables.minimise(objective), constraints, weights.concat())
            })?;
            let mut solution = solution.into_iter();
            let mut mixture = Vec::with_capacity(self.states.len());
            for (state, actions) in self.states.iter().enumerate() {
                let values: Vec<f64> = solution.by_ref().take(actions.len()).collect();
                let sum: f64 = values.iter().map(|x| x.max(0.0)).sum();
                if values.iter().any(|x| x.is_nan() || *x < -WEIGHTS) || (sum - 1.0).abs() > WEIGHTS {
                    return Err(OfflineError::Solver(format!("weights of state {state} are no mixture: {values:?}")));
                }
                mixture.push(values.into_iter().map(|x| x.max(0.0) / sum).collect());
            }
            Ok(mixture)
        }

        /// The shortest frames, of some lengths tried, each of which has an optimum: their length, and the weights of
        /// their mixtures. If there are none, one frame of all states with the weights `whole` of its optimum.
        pub(crate) fn shortest_frames(&self, whole: &[Vec<f64>]) -> (usize, Vec<Vec<f64>>) {
            const FRAMES: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];
            let slots = self.states.len();
            let framed = |frame: usize| {
                let mut weights = Vec::with_capacity(slots);
                for first in (0..slots).step_by(frame) {
                    weights.extend(self.frame(first..slots.min(first + frame))?.optimum().ok()?.mixture);
                }
                Some((frame, weights))
            };
            let frames = FRAMES.into_iter().filter(|&frame| frame < slots).find_map(framed);
            frames.unwrap_or_else(|| (slots, whole.to_vec()))
        }

        /// The best prices among those of at most `most` each: the multiplier where they admit it, and a direction to
        /// look for further actions where the listed ones cannot keep the constraints.
        ///
        /// # Errors
        /// [`OfflineError::Solver`] where the linear solver fails, and for a limit that is not positive and finite.
        pub fn bounded_multiplier(&self, most: f64) -> Result<Vec<f64>, OfflineError> {
            if !(most.is_finite() && most > 0.0) {
                return Err(OfflineError::Solver(format!("most = {most:?}: must be a finite number > 0")));
            }
            let scale = self.scale();
            self.prices(scale, variable().min(0.0).max(most / scale))
        }

        /// Largest |g| of every constraint.
        fn sizes(&self) -> Vec<f64> {
            let mut sizes = vec![0.0; self.constraints];
            for action in self.states.iter().flatten() {
                sizes.iter_mut().zip(&action.violations).for_each(|(size, g)| *size = f64::max(*size, g.abs()));
            }
            sizes
        }

        fn scale(&self) -> f64 {
            let all = self.states.iter().flatten();
            all.map(|action| action.penalty.abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE)
        }

        fn prices(&self, scale: f64, range: VariableDefinition) -> Result<Vec<f64>, OfflineError> {
            let solution = linear::solve(|| {
                let mut variables = ProblemVariables::new();
                let minima = variables.add_vector(variable(), self.states.len());
                let prices = variables.add_vector(range.clone(), self.constraints);
                let mut rows = Vec::new();
                for (actions, &y) in self.states.iter().zip(&minima) {
                    for action in actions {
                        let priced: Expression = action.violations.iter().zip(&prices).map(|(g, &mu)| *g * mu).sum();
                        rows.push(constraint!(y - priced <= action.penalty / scale));
                    }
                }
                (variables.maximise(minima.iter().sum::<Expression>()), rows, prices)
            })?;
            Ok(solution.into_iter().map(|mu| mu.max(0.0) * scale).collect())
        }

        /// Whether a constraint is broken on average even where every state takes the action that suits it best: no
        /// solver is needed to know that there is no mixture.
        fn breaks_one(&self) -> bool {
            // For every constraint the sum of its best violations, and the largest of them.
            let mut best = vec![(0.0, 0.0_f64); self.constraints];
            for actions in &self.states {
                let mut least = vec![f64::INFINITY; self.constraints];
                for action in actions {
                    least.iter_mut().zip(&action.violations).for_each(|(least, g)| *least = f64::min(*least, *g));
                }
                for ((sum, size), g) in best.iter_mut().zip(least) {
                    *sum += g;
                    *size = size.max(g.abs());
                }
            }
            best.iter().any(|(sum, size)| *sum > ACCURACY * size * self.states.len() as f64)
        }
    }
}
