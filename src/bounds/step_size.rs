//! The step size that minimizes the bound for local steps, and the rounds that reach a target.
//!
//! # The bound is convex in η
//! The simple form is a/η + bη + cη² with a, b, c ≥ 0. The tight form, with P = 2L² max K(K−1), c = (1+β²)P, N = L² Σ ρ
//! s²(K−1) and a = 2Δ/(τR), b = 2Lτ Σ ρ² s²/K, is
//!
//! ```text
//! a/η + bη + β²P (aη + bη³)/(1−cη²) + (N + Pζ²) η²/(1−cη²),
//! ```
//!
//! because 1/κ = (1−q)/(1−(1+β²)q) = 1 + β²q/(1−(1+β²)q) and 1/(κ(1−q)) = 1/(1−(1+β²)q). Every fraction is a power
//! series in η with nonnegative coefficients where cη² < 1, which the assumption on q implies: both forms are convex on
//! the allowed interval. Their minimum is where the slope, in closed form, changes sign; bisection finds that to the
//! last bit. (For the simple form the slope is the cubic 2cη³ + bη² − a over η².)

use serde::{Deserialize, Serialize};

use super::local_steps::Sums;
use super::sharp_step::least_rounds;
use super::{BoundError, Form, LocalSteps, check_step, finite};
use crate::ground::check::{Range, real};
use crate::problem::FieldError;

/// A step size and the bound there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepSizeChoice {
    /// η, in par²/loss.
    pub step_size: f64,
    /// Rounds R; of one pipeline by itself, updates T.
    pub rounds: u64,
    /// The bound, in loss²/par².
    pub bound: f64,
}

impl LocalSteps {
    /// The step size that minimizes `form` of the bound among those allowed; `self.step_size` is not used.
    ///
    /// Simple and tight form: exact up to rounding, for the bound is convex in η and its slope is bisected. Sharp forms: the
    /// best of a search whose every value is a bound.
    ///
    /// ```
    /// # use collapipe::bounds::{Form, LocalSteps};
    /// // K = 1: the bound is 4Δ/(ηR) + 4Lη s², least at η = √(Δ/(R L s²)) = 1/8.
    /// let schedule = LocalSteps {
    ///     initial_gap: 1.0, step_size: 0.5, server_steps: 1.0, rounds: 64, smoothness: 1.0, weights: vec![1.0],
    ///     noise_variance: vec![1.0], local_steps: vec![1], heterogeneity: 0.0, dissimilarity: 1.0,
    /// };
    /// let best = schedule.best_step_size(Form::Simple)?;
    /// assert!((best.step_size - 0.125).abs() < 1e-15 && (best.bound - 1.0).abs() < 1e-15);
    /// # Ok::<(), collapipe::bounds::BoundError>(())
    /// ```
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, and for `initial_gap` = 0: the bound then falls with η to a
    /// limit that no step size attains.
    pub fn best_step_size(&self, form: Form) -> Result<StepSizeChoice, BoundError> {
        let sums = self.checked_sums_for_steps(form)?;
        self.best(&sums, form, self.rounds)
    }

    /// Least number of rounds with which `form` of the bound is at most `target` ε at this step size; `self.rounds` is
    /// not used.
    ///
    /// # Errors
    /// [`BoundError::Unreachable`] where the other terms alone exceed ε; [`BoundError::TooManyRounds`]; as
    /// [`LocalSteps::bound`] otherwise.
    pub fn rounds_for(&self, target: f64, form: Form) -> Result<StepSizeChoice, BoundError> {
        let sums = self.checked_sums()?;
        real("target", target, Range::Positive)?;
        if let Some(model) = form.step_model() {
            let (inequality, _) = self.inequality(model, 0.0)?;
            let floor = inequality.root(0.0)?.0;
            self.reachable(target, floor)?;
            return least_rounds(target, |rounds| self.sharp_at(model, self.step_size, rounds));
        }
        check_step(self.step_size, &self.conditions(&sums))?;
        let floor = finite("the bound", self.with(self.step_size, 1).terms(&sums, form).floor())?;
        self.reachable(target, floor)?;
        least_rounds(target, |rounds| self.at(&sums, form, self.step_size, rounds))
    }

    /// Least number of rounds with which `form` of the bound is at most `target` ε at the best step size for that
    /// number;
    /// `self.rounds` and `self.step_size` are not used.
    ///
    /// # Errors
    /// As [`LocalSteps::best_step_size`]; [`BoundError::TooManyRounds`].
    pub fn rounds_for_at_best_step_size(&self, target: f64, form: Form) -> Result<StepSizeChoice, BoundError> {
        let sums = self.checked_sums_for_steps(form)?;
        real("target", target, Range::Positive)?;
        least_rounds(target, |rounds| self.best(&sums, form, rounds))
    }

    fn reachable(&self, target: f64, floor: f64) -> Result<(), BoundError> {
        if floor >= target && (floor > target || self.initial_gap > 0.0) {
            return Err(BoundError::Unreachable { target, step_size: self.step_size, floor });
        }
        Ok(())
    }

    fn checked_sums_for_steps(&self, form: Form) -> Result<Sums, BoundError> {
        if form.step_model().is_some() {
            self.checked_for_sharp()?;
        }
        let sums = self.checked_sums()?;
        has_gap(self.initial_gap)?;
        Ok(sums)
    }

    /// The scalars of these parameters with another step size and number of rounds; the lists stay behind in the sums.
    fn with(&self, step_size: f64, rounds: u64) -> Self {
        Self { step_size, rounds, weights: Vec::new(), noise_variance: Vec::new(), local_steps: Vec::new(), ..*self }
    }

    fn at(&self, sums: &Sums, form: Form, step_size: f64, rounds: u64) -> Result<StepSizeChoice, BoundError> {
        let bound = finite("the bound", self.with(step_size, rounds).terms(sums, form).total())?;
        Ok(StepSizeChoice { step_size, rounds, bound })
    }

    fn best(&self, sums: &Sums, form: Form, rounds: u64) -> Result<StepSizeChoice, BoundError> {
        if let Some(model) = form.step_model() {
            return self.best_sharp(model, rounds);
        }
        let largest = finite("the largest step size", self.largest(sums))?;
        let step_size = least_of_convex(largest, |eta| self.slope(sums, form, rounds, eta));
        self.at(sums, form, step_size, rounds)
    }

    /// Derivative of the bound in η.
    fn slope(&self, sums: &Sums, form: Form, rounds: u64, eta: f64) -> f64 {
        let gap = 2.0 * self.initial_gap / (self.server_steps * rounds as f64);
        let noise = 2.0 * self.smoothness * self.server_steps * sums.averaged_variance;
        let squared = self.smoothness * self.smoothness;
        let drift = squared * sums.drift_variance;
        // P of the module's text.
        let pairs = 2.0 * squared * sums.step_pairs;
        match form {
            Form::Simple => 2.0 * (noise - gap / eta / eta) + 6.0 * (drift + pairs * self.heterogeneity) * eta,
            // The sharp forms have no slope in closed form; `best` does not ask for it.
            Form::Tight | Form::Sharp | Form::SharpAnyAges | Form::SharpConvex => {
                let beta = self.dissimilarity;
                let ratio = (1.0 + beta) * pairs * eta * eta;
                let rest = 1.0 - ratio;
                let local = gap * (1.0 + ratio) + noise * eta * eta * (3.0 - ratio);
                noise - gap / eta / eta
                    + (beta * pairs * local + 2.0 * (drift + pairs * self.heterogeneity) * eta) / (rest * rest)
            }
        }
    }
}

/// Without an initial gap no step size is best.
pub(super) fn has_gap(initial_gap: f64) -> Result<(), BoundError> {
    if initial_gap == 0.0 {
        let allowed = "positive for a best step size: without it the bound only falls as the step size does";
        return Err(FieldError::new("initial_gap", "0.0", allowed).into());
    }
    Ok(())
}

/// Minimizer on (0, `largest`] of a convex function that falls near 0, from its slope: the last double where that is
/// not positive.
pub(super) fn least_of_convex(largest: f64, slope: impl Fn(f64) -> f64) -> f64 {
    if slope(largest) <= 0.0 {
        return largest;
    }
    let mut high = largest;
    let mut low = 0.5 * largest;
    while low > 0.0 && slope(low) > 0.0 {
        (low, high) = (0.5 * low, low);
    }
    loop {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            return low;
        }
        if slope(middle) <= 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}
