//! One pipeline that updates per micro-batch: theorem C, in which its depth decides how large a step may be.
//!
//! # Statement
//! F L-smooth, θ_{h+1} = θ_h − η g_h. Given the past g_h is unbiased for ∇F(y_h), of variance at most v; block b of y_h is
//! that block of an iterate at most A updates old, ages fixed in advance (weight stashing). With x = ηL, if
//! x + x²A² < 1, then over T updates
//!
//! ```text
//! (1/T) Σ E|∇F(θ_h)|² ≤ 2Δ/(ηT) + x v + x²A v · (1−x)/(1 − x − x²A²).
//! ```
//!
//! The last factor is at most 2 where x + 2x²A² ≤ 1. A comes from the schedule and the number of stages
//! ([`largest_age`](super::largest_age)): with one forward, one backward it is one less
//! than the number of stages, however many micro-batches a batch has. So a plan's segments enter what is learned.
//!
//! # Source
//! Ours, of the family of asynchronous SGD with bounded delays (Lian et al. 2015, as recalled); proof in
//! `docs/theory/convergence-sharp.md`.

use serde::{Deserialize, Serialize};

use super::sharp_step::least_rounds;
use super::step_size::{has_gap, least_of_convex};
use super::{BoundError, Condition, MAX_STEPS, StepSizeChoice, check_step, finite};
use crate::ground::check::{FieldError, Range, count, real, reals};

/// Parameters of the bound for a pipeline of some depth.
///
/// ```
/// use collapipe::bounds::{PipelineDepth, largest_age};
/// use collapipe::schedule::ScheduleKind;
/// // Five stages, one forward one backward: ages of at most four updates.
/// let largest_age = u64::from(largest_age(ScheduleKind::OneForwardOneBackward, 5, 8));
/// let training = PipelineDepth {
///     initial_gap: 1.0, step_size: 0.125, steps: 64, smoothness: 1.0, update_variance: 1.0, largest_age,
/// };
/// let bound = training.bound()?;
/// // x²A² = 1/4: 2/8 + 1/8 + (4/64) (7/8)/(5/8)
/// assert!((bound.bound - (0.25 + 0.125 + 0.0625 * 1.4)).abs() < 1e-15);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineDepth {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// T: updates.
    pub steps: u64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// v: largest variance of an update's gradient (σ²M/B), in loss²/par².
    pub update_variance: f64,
    /// A: by how many updates a block's iterate may be out of date.
    pub largest_age: u64,
}

/// Bound on (1/T) Σ E|∇F(θ_h)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PipelineDepthBound {
    /// The bound; the sum of the terms below.
    pub bound: f64,
    /// 2Δ/(ηT).
    pub initial_gap: f64,
    /// x v.
    pub noise: f64,
    /// What the ages cost.
    pub staleness: f64,
    /// Where x + x²A² reaches 1, in par²/loss.
    pub largest_step_size: f64,
}

impl PipelineDepth {
    /// The bound.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where x + x²A² ≥ 1 (for A = 0: x > 1).
    pub fn bound(&self) -> Result<PipelineDepthBound, BoundError> {
        self.check()?;
        let (x, age) = (self.step_size * self.smoothness, self.largest_age as f64);
        let stale = x * x * age * age;
        let largest = self.largest_step_size();
        let condition = Condition {
            text: "x + (x largest_age)^2 < 1 with x = step_size * smoothness",
            value: x + stale,
            limit: 1.0,
            largest,
        };
        check_step(self.step_size, &[condition])?;
        let initial_gap = 2.0 * self.initial_gap / (self.step_size * self.steps as f64);
        let noise = x * self.update_variance;
        let own = x * x * age * self.update_variance;
        let staleness = if own == 0.0 { 0.0 } else { own * (1.0 - x) / (1.0 - x - stale).max(0.0) };
        let bound = finite("the bound", initial_gap + noise + staleness)?;
        Ok(PipelineDepthBound { bound, initial_gap, noise, staleness, largest_step_size: largest })
    }

    /// The step size that minimizes the bound after `self.steps` updates; `self.step_size` is not used. The bound is convex
    /// in η (its last term is x² times an increasing power series in x with nonnegative coefficients), and its slope, in
    /// closed form, is bisected.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, and for `initial_gap` = 0, where the bound only falls with η.
    pub fn best_step_size(&self) -> Result<StepSizeChoice, BoundError> {
        // Whatever the step size, the other fields must be right.
        Self { step_size: 1.0, ..*self }.check()?;
        has_gap(self.initial_gap)?;
        let largest = self.largest_step_size();
        let step_size = least_of_convex(largest, |eta| self.slope(eta));
        let bound = Self { step_size, ..*self }.bound()?.bound;
        Ok(StepSizeChoice { step_size, rounds: self.steps, bound })
    }

    /// Least number of updates (`rounds` of the answer) with which the bound is at most `target` ε at the best step size
    /// for that number; `self.steps` and `self.step_size` are not used.
    ///
    /// # Errors
    /// As [`PipelineDepth::best_step_size`]; [`BoundError::TooManyRounds`].
    pub fn steps_for_at_best_step_size(&self, target: f64) -> Result<StepSizeChoice, BoundError> {
        real("target", target, Range::Positive)?;
        least_rounds(target, |steps| Self { steps, ..*self }.best_step_size())
    }

    /// Derivative of the bound in η.
    fn slope(&self, eta: f64) -> f64 {
        let (x, age) = (eta * self.smoothness, self.largest_age as f64);
        let rest = 1.0 - x - x * x * age * age;
        if self.largest_age > 0 && rest <= 0.0 {
            return f64::INFINITY;
        }
        let stale = match self.largest_age {
            0 => 0.0,
            // Of x²A(1−x)/(1−x−x²A²).
            _ => {
                let (top, rising) = (age * x * x * (1.0 - x), age * x * (2.0 - 3.0 * x));
                rising / rest + top * (1.0 + 2.0 * age * age * x) / (rest * rest)
            }
        };
        let gap = 2.0 * self.initial_gap / (self.steps as f64 * eta * eta);
        self.smoothness * self.update_variance * (1.0 + stale) - gap
    }

    /// The root of x + x²A² = 1 without cancellation, over L.
    fn largest_step_size(&self) -> f64 {
        let age = self.largest_age as f64;
        2.0 / (1.0 + (1.0 + 4.0 * age * age).sqrt()) / self.smoothness
    }

    fn check(&self) -> Result<(), BoundError> {
        reals(&[
            ("initial_gap", self.initial_gap, Range::NonNegative),
            ("step_size", self.step_size, Range::Positive),
            ("smoothness", self.smoothness, Range::Positive),
            ("update_variance", self.update_variance, Range::NonNegative),
        ])?;
        count("steps", self.steps, MAX_STEPS)?;
        if self.largest_age > MAX_STEPS {
            return Err(FieldError::new("largest_age", self.largest_age, format!("at most {MAX_STEPS}")).into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(largest_age: u64, step_size: f64) -> PipelineDepth {
        PipelineDepth { initial_gap: 3.0, step_size, steps: 100, smoothness: 2.0, update_variance: 5.0, largest_age }
    }

    /// Without ages it is the simple form of mini-batch SGD.
    #[test]
    fn age_zero() {
        let bound = deep(0, 0.5).bound().unwrap();
        assert_eq!((bound.bound, bound.staleness, bound.largest_step_size), (0.12 + 5.0, 0.0, 0.5));
    }

    /// x + 2x²A² = 1 at A = 1, x = 1/2: the staleness is exactly 2x²Av.
    #[test]
    fn twice_at_the_classical_limit() {
        let bound = deep(1, 0.25).bound().unwrap();
        assert_eq!(bound.staleness, 2.0 * 0.25 * 5.0);
        assert_eq!(bound.bound, 6.0 / 25.0 + 2.5 + 2.5);
    }

    /// No step size of a fine grid has a smaller bound, and no fewer updates reach the target.
    #[test]
    fn best_step_size_and_least_updates() {
        for (age, variance) in [(0, 5.0), (0, 0.0), (1, 0.01), (3, 5.0), (3, 0.0), (40, 1e-3)] {
            let training = PipelineDepth { update_variance: variance, ..deep(age, 1.0) };
            let best = training.best_step_size().unwrap();
            let largest = training.largest_step_size();
            for i in 1..10_000 {
                let other = PipelineDepth { step_size: largest * f64::from(i) / 1e4, ..training };
                assert!(other.bound().unwrap().bound >= best.bound * (1.0 - 1e-12), "{age} {variance} {i}");
            }
            let least = training.steps_for_at_best_step_size(0.9 * best.bound).unwrap();
            assert!(least.rounds > 100 && least.bound <= 0.9 * best.bound);
            let fewer = PipelineDepth { steps: least.rounds - 1, ..training };
            assert!(fewer.best_step_size().unwrap().bound > 0.9 * best.bound);
        }
        let settled = PipelineDepth { initial_gap: 0.0, ..deep(1, 0.1) };
        assert!(matches!(settled.best_step_size(), Err(BoundError::Field(_))));
        let flat = PipelineDepth { smoothness: 0.0, ..deep(1, 0.1) };
        assert!(matches!(flat.best_step_size(), Err(BoundError::Field(field)) if field.path == "smoothness"));
        assert!(matches!(deep(1, 0.1).steps_for_at_best_step_size(0.0), Err(BoundError::Field(_))));
    }

    /// A = 3: up to x = 2/(1 + √37) = 0.282, far above what local steps allow a round of 32.
    #[test]
    fn largest_step_size() {
        let largest = deep(3, 0.1).bound().unwrap().largest_step_size;
        assert!((2.0 * largest - 0.282_376_6).abs() < 1e-6);
        assert!(deep(3, 0.999 * largest).bound().is_ok());
        assert!(matches!(deep(3, 1.001 * largest).bound(), Err(BoundError::StepSize { .. })));
    }
}
