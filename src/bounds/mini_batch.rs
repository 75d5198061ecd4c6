//! Mini-batch stochastic gradient descent of one worker.
//!
//! # Statement
//! F L-smooth, θ ← θ − ηg with g unbiased given the past, of variance at most v = σ²/B, and ηL ≤ 1. Over T steps
//!
//! ```text
//! (1/T) Σ E|∇F(θ_t)|² ≤ (2Δ/(ηT) + Lηv)/(2 − Lη)        tight
//!                     ≤ 2Δ/(ηT) + Lηv                     simple
//! ```
//!
//! *Proof.* E F(θ⁺) ≤ F − η|∇F|² + (Lη²/2)(|∇F|² + v); sum, divide by ηT(1 − Lη/2), which is at least ηT/2. ∎
//!
//! The simple form is least at η = min(1/L, √(2Δ/(TLv))).
//!
//! # Source
//! Ghadimi and Lan 2013, *Stochastic first- and zeroth-order methods for nonconvex stochastic programming* (as
//! recalled: for an iterate drawn at random, which is the mean over iterates). The flushed pipeline of one cluster is
//! this method: compare [`LocalSteps`](super::LocalSteps) with K = 1, whose constants are larger because several
//! clusters are averaged.

use serde::{Deserialize, Serialize};

use super::sharp_step::least_rounds;
use super::step_size::has_gap;
use super::{BoundError, Condition, MAX_STEPS, StepSizeChoice, check_step, finite};
use crate::ground::check::{Range, count, real, reals};
use crate::problem::MAX_BATCH_SIZE;

/// Parameters of the bound for mini-batch SGD.
///
/// ```
/// use collapipe::bounds::MiniBatchSgd;
/// let sgd = MiniBatchSgd {
///     initial_gap: 1.0, step_size: 0.5, steps: 16, smoothness: 1.0, sample_variance: 4.0, batch_size: 8,
/// };
/// let bound = sgd.bound()?;
/// assert_eq!((bound.simple, bound.tight), (0.25 + 0.25, 0.5 / 1.5));
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MiniBatchSgd {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// T.
    pub steps: u64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// σ²: largest variance of one sample's gradient, in loss²/par².
    pub sample_variance: f64,
    /// B: independent samples per step.
    pub batch_size: u32,
}

/// Bounds on (1/T) Σ E|∇F(θ_t)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MiniBatchSgdBound {
    /// 2Δ/(ηT) + Lηv.
    pub simple: f64,
    /// (2Δ/(ηT) + Lηv)/(2 − Lη).
    pub tight: f64,
    /// The simple form's first term.
    pub initial_gap: f64,
    /// The simple form's second term.
    pub noise: f64,
    /// 1/L, in par²/loss.
    pub largest_step_size: f64,
}

impl MiniBatchSgd {
    /// The bound, in both forms.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where ηL > 1.
    pub fn bound(&self) -> Result<MiniBatchSgdBound, BoundError> {
        self.bound_with(self.variance()?)
    }

    /// The step size that minimizes the tight form after `self.steps` steps; `self.step_size` is not used. With a = 2Δ/T and
    /// b = Lv, (a/η + bη)/(2 − Lη) is least where bη² + Laη = a, at most at 1/L.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, and for `initial_gap` = 0, where the bound only falls with η.
    pub fn best_step_size(&self) -> Result<StepSizeChoice, BoundError> {
        let noise = self.smoothness * self.variance()?;
        // Whatever the step size, the other fields must be right.
        Self { step_size: 1.0, ..*self }.check()?;
        has_gap(self.initial_gap)?;
        let gap = 2.0 * self.initial_gap / self.steps as f64;
        let curved = self.smoothness * gap;
        let step_size = 2.0 * gap / (curved + (curved * curved + 4.0 * gap * noise).sqrt());
        let step_size = step_size.min(1.0 / self.smoothness);
        let bound = Self { step_size, ..*self }.bound()?.tight;
        Ok(StepSizeChoice { step_size, rounds: self.steps, bound })
    }

    /// Least number of steps (`rounds` of the answer) with which the tight form is at most `target` ε at the best step size for
    /// that number; `self.steps` and `self.step_size` are not used.
    ///
    /// # Errors
    /// As [`MiniBatchSgd::best_step_size`]; [`BoundError::TooManyRounds`].
    pub fn steps_for_at_best_step_size(&self, target: f64) -> Result<StepSizeChoice, BoundError> {
        real("target", target, Range::Positive)?;
        least_rounds(target, |steps| Self { steps, ..*self }.best_step_size())
    }

    fn check(&self) -> Result<(), BoundError> {
        reals(&[
            ("initial_gap", self.initial_gap, Range::NonNegative),
            ("step_size", self.step_size, Range::Positive),
            ("smoothness", self.smoothness, Range::Positive),
        ])?;
        count("steps", self.steps, MAX_STEPS)?;
        Ok(())
    }

    /// v = σ²/B, with both checked.
    pub(super) fn variance(&self) -> Result<f64, BoundError> {
        real("sample_variance", self.sample_variance, Range::NonNegative)?;
        count("batch_size", self.batch_size, MAX_BATCH_SIZE)?;
        Ok(self.sample_variance / f64::from(self.batch_size))
    }

    /// The bound for steps of another variance than σ²/B.
    pub(super) fn bound_with(&self, variance: f64) -> Result<MiniBatchSgdBound, BoundError> {
        self.check()?;
        let curvature = inverse_smoothness(self.step_size, self.smoothness);
        check_step(self.step_size, &[curvature])?;
        let initial_gap = 2.0 * self.initial_gap / (self.step_size * self.steps as f64);
        let noise = self.smoothness * self.step_size * variance;
        let simple = finite("the bound", initial_gap + noise)?;
        let tight = simple / (2.0 - curvature.value);
        Ok(MiniBatchSgdBound { simple, tight, initial_gap, noise, largest_step_size: curvature.largest })
    }
}

/// ηL ≤ 1.
pub(super) fn inverse_smoothness(step_size: f64, smoothness: f64) -> Condition {
    Condition {
        text: "step_size * smoothness <= 1",
        value: step_size * smoothness,
        limit: 1.0,
        largest: 1.0 / smoothness,
    }
}
