//! Objectives per unit of progress: least p/n, by Dinkelbach's method.

/// The outcome of an action, a slot or a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioStep {
    /// p: what it cost.
    pub numerator: f64,
    /// n > 0: the progress it made.
    pub denominator: f64,
    /// A lower bound on min p − θ·n over all actions.
    pub lower_bound: f64,
}

/// A ratio and how close to the least one it is proved to be.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ratio {
    /// p/n of the best action found.
    pub value: f64,
    /// No action has a smaller ratio.
    pub lower_bound: f64,
    /// How often p − θ·n was minimized.
    pub iterations: u32,
}

/// Why a ratio was not minimized.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RatioError<E> {
    /// Start, tolerance or least denominator out of range.
    #[error("{what} = {value:?}: must be {allowed}")]
    Argument {
        /// Which one.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The minimizer returned numbers that are not finite, or a denominator below the least one.
    #[error("the minimizer returned {what} = {value:?}: must be {allowed}")]
    Answer {
        /// Which one.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The minimizer failed.
    #[error(transparent)]
    Minimizer(E),
}

/// Most iterations: Dinkelbach's method converges superlinearly, so that the limit is met only where the minimizer's
/// own error is above the tolerance.
const MOST_ITERATIONS: u32 = 100;

/// Minimizes p/n over actions with n ≥ `least_denominator` > 0, given a minimizer of p − θ·n.
///
/// θ ← p/n of the minimizer at θ, from `start`; θ only decreases from the second iteration on. With m ≤ min p − θ·n
/// every action has p/n ≥ θ + min(m, 0)/n_min: the lower bound reported. With the solver's certified lower bounds the
/// result is certified too. For a slot problem, −θ·n(plan) is added to the plans' penalties.
///
/// Against a ratio θ' = avg p'/avg n' of a policy, drift plus penalty with the penalty p − θ'·n has, by C2 and C3,
/// avg p/avg n ≤ θ' + B/(V·n_min): see `docs/theory/lyapunov.md`.
///
/// ```
/// use collapipe::lyapunov::{RatioStep, minimize_ratio};
/// let actions = [(3.0, 1.0), (4.0, 2.0), (9.0, 4.0)];
/// let minimize = |theta: f64| {
///     let priced = |(p, n): (f64, f64)| p - theta * n;
///     let best = actions.into_iter().min_by(|a, b| priced(*a).total_cmp(&priced(*b))).ok_or(std::fmt::Error)?;
///     Ok::<_, std::fmt::Error>(RatioStep { numerator: best.0, denominator: best.1, lower_bound: priced(best) })
/// };
/// let ratio = minimize_ratio(minimize, 10.0, 1.0, 1e-9)?;
/// assert_eq!(ratio.value, 2.0);
/// assert!(ratio.lower_bound >= 2.0 - 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RatioError`] for arguments or answers out of range, and for an error of the minimizer.
pub fn minimize_ratio<E>(
    mut minimize: impl FnMut(f64) -> Result<RatioStep, E>,
    start: f64,
    least_denominator: f64,
    tolerance: f64,
) -> Result<Ratio, RatioError<E>> {
    let argument = |what, value, allowed| RatioError::Argument { what, value, allowed };
    if !start.is_finite() {
        return Err(argument("start", start, "a finite number"));
    }
    for (what, value) in [("least_denominator", least_denominator), ("tolerance", tolerance)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(argument(what, value, "a finite number > 0"));
        }
    }
    let (mut theta, mut best, mut lower_bound) = (start, f64::INFINITY, f64::NEG_INFINITY);
    for iteration in 1..=MOST_ITERATIONS {
        let step = minimize(theta).map_err(RatioError::Minimizer)?;
        let answer = |what, value, allowed| RatioError::Answer { what, value, allowed };
        if !step.numerator.is_finite() {
            return Err(answer("numerator", step.numerator, "a finite number"));
        }
        if !(step.denominator.is_finite() && step.denominator >= least_denominator) {
            return Err(answer("denominator", step.denominator, "finite and at least least_denominator"));
        }
        if !step.lower_bound.is_finite() {
            return Err(answer("lower_bound", step.lower_bound, "a finite number"));
        }
        best = best.min(step.numerator / step.denominator);
        // p >= theta n + m for all actions; where m > 0, n may be as large as it likes and the bound is theta itself.
        lower_bound = lower_bound.max(theta + step.lower_bound.min(0.0) / least_denominator);
        let close = best - lower_bound <= tolerance * best.abs().max(f64::MIN_POSITIVE);
        if close || best == theta || iteration == MOST_ITERATIONS {
            return Ok(Ratio { value: best, lower_bound: lower_bound.min(best), iterations: iteration });
        }
        theta = best;
    }
    // The loop returns in its last iteration.
    Ok(Ratio { value: best, lower_bound, iterations: MOST_ITERATIONS })
}
