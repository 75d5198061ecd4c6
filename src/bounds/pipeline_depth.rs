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

use super::{BoundError, Condition, MAX_STEPS, check_step, finite};
use crate::ground::check::{FieldError, Range, count, reals};

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
        let (x, age) = (self.step_size * self.smoothness, self.largest_age as f64);
        let stale = x * x * age * age;
        // The root of x + x²A² = 1 without cancellation.
        let largest = 2.0 / (1.0 + (1.0 + 4.0 * age * age).sqrt()) / self.smoothness;
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

    /// A = 3: up to x = 2/(1 + √37) = 0.282, far above what local steps allow a round of 32.
    #[test]
    fn largest_step_size() {
        let largest = deep(3, 0.1).bound().unwrap().largest_step_size;
        assert!((2.0 * largest - 0.282_376_6).abs() < 1e-6);
        assert!(deep(3, 0.999 * largest).bound().is_ok());
        assert!(matches!(deep(3, 1.001 * largest).bound(), Err(BoundError::StepSize { .. })));
    }
}
