//! From plans to steps: how often a pipeline updates, and on how noisy a gradient.

use serde::{Deserialize, Serialize};

use super::{BoundError, StepModel};
use crate::ground::check::{Range, count, real};
use crate::problem::{CandidatePlan, FieldError, MAX_BATCH_SIZE, MAX_LOCAL_ITERATIONS};
use crate::schedule::ScheduleKind;

/// When a pipeline updates its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UpdateRule {
    /// Once per batch, by η times the mean gradient of all its micro-batches (flush).
    PerBatch,
    /// Once per micro-batch, by η times the micro-batch's mean gradient.
    PerMicroBatch,
}

/// A: by how many updates a gradient of a pipeline of P ≥ 1 `stages` that updates per micro-batch and stashes weights can be
/// out of date. A stage with w forward passes ahead sees the iterate of w updates before; none is older than its batch's
/// first.
///
/// ```
/// use collapipe::bounds::largest_age;
/// use collapipe::schedule::ScheduleKind;
/// assert_eq!(largest_age(ScheduleKind::FillDrain, 4, 8), 7);
/// assert_eq!(largest_age(ScheduleKind::OneForwardOneBackward, 4, 8), 3);
/// assert_eq!(largest_age(ScheduleKind::EagerOneForwardOneBackward, 4, 8), 6);
/// ```
#[must_use]
pub fn largest_age(schedule: ScheduleKind, stages: usize, micro_batches: u32) -> u32 {
    schedule.warm_up(0, stages, micro_batches).min(micro_batches.saturating_sub(1))
}

/// K, s², step size and ages of [`LocalSteps`](super::LocalSteps) for one cluster.
///
/// ```
/// use collapipe::bounds::LocalUpdates;
/// // I = 3 iterations, batches of 32 in 8 micro-batches, σ² = 64.
/// let flushed = LocalUpdates::per_batch(3, 32, 64.0)?;
/// assert_eq!((flushed.steps, flushed.noise_variance), (3, 2.0));
/// let eager = LocalUpdates::per_micro_batch(3, 8, 32, 64.0)?;
/// assert_eq!((eager.steps, eager.noise_variance), (24, 16.0));
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LocalUpdates {
    /// K: steps in a round.
    pub steps: u64,
    /// s²: largest variance E|g − E g|² of a step's gradient, in loss²/par².
    pub noise_variance: f64,
    /// A step's size as a multiple of η.
    pub step_factor: f64,
    /// What theorem A2 may assume of the iterates at which the gradients are taken.
    pub model: StepModel,
}

impl LocalUpdates {
    /// One update per batch: K = I, s² = σ²/B. Neither the micro-batches nor the segments appear.
    ///
    /// Assumes that the batch's gradient is the mean of B samples' gradients at one iterate (the pipeline is flushed
    /// before the update), and that given the past the samples are independent, each gradient unbiased of variance at
    /// most
    /// `sample_variance` σ². Without replacement within a batch the variance is smaller, so the bound holds too;
    /// batches that an epoch draws without replacement are not independent of the past, and are not covered.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a number out of range.
    pub fn per_batch(local_iterations: u32, batch_size: u32, sample_variance: f64) -> Result<Self, BoundError> {
        Self::per_micro_batch(local_iterations, 1, batch_size, sample_variance)
    }

    /// One update per micro-batch: K = I·M, s² = σ²M/B.
    ///
    /// Assumes that the micro-batches are drawn independently given the past, B/M samples each, as in
    /// [`LocalUpdates::per_batch`]. A stage may be several updates behind as long as forward and backward of one
    /// micro-batch use the same version of its parameters (weight stashing) and every version is of the same round: the
    /// step is then the gradient at one point, made of blocks of different ages, and the theorem's corollary holds. A
    /// backward pass that uses newer parameters than its forward pass is not the gradient of anything, and is not
    /// covered.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a number out of range, or M that does not divide B.
    pub fn per_micro_batch(
        local_iterations: u32,
        micro_batches: u32,
        batch_size: u32,
        sample_variance: f64,
    ) -> Result<Self, BoundError> {
        count("local_iterations", local_iterations, MAX_LOCAL_ITERATIONS)?;
        count("batch_size", batch_size, MAX_BATCH_SIZE)?;
        count("micro_batches", micro_batches, MAX_BATCH_SIZE)?;
        real("sample_variance", sample_variance, Range::NonNegative)?;
        if !batch_size.is_multiple_of(micro_batches) {
            let allowed = format!("a divisor of batch_size = {batch_size}");
            return Err(FieldError::new("micro_batches", micro_batches, allowed).into());
        }
        Ok(Self {
            steps: u64::from(local_iterations) * u64::from(micro_batches),
            noise_variance: sample_variance / f64::from(batch_size / micro_batches),
            step_factor: 1.0,
            model: if micro_batches == 1 { StepModel::Current } else { StepModel::AnyAges },
        })
    }

    /// One update per micro-batch where all gradients of a batch are taken at its first iterate (fill-drain): the M
    /// updates of size η are exactly one of size Mη by the batch's mean gradient. K = I, s² = σ²/B.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a number out of range, or M that does not divide B.
    pub fn per_micro_batch_of_one_iterate(
        local_iterations: u32,
        micro_batches: u32,
        batch_size: u32,
        sample_variance: f64,
    ) -> Result<Self, BoundError> {
        Self::per_micro_batch(local_iterations, micro_batches, batch_size, sample_variance)?;
        let flushed = Self::per_batch(local_iterations, batch_size, sample_variance)?;
        Ok(Self { step_factor: f64::from(micro_batches), ..flushed })
    }

    /// The updates of a plan.
    ///
    /// # Errors
    /// As the constructor of the rule; [`BoundError::Field`] for a schedule without backward work.
    pub fn of_plan(
        rule: UpdateRule,
        plan: &CandidatePlan,
        batch_size: u32,
        sample_variance: f64,
    ) -> Result<Self, BoundError> {
        let (iterations, batches) = (plan.local_iterations, plan.micro_batches);
        // M must divide B under both rules, or the plan is invalid.
        let eager = Self::per_micro_batch(iterations, batches, batch_size, sample_variance)?;
        if !plan.schedule.has_backward() {
            let allowed = "one with backward work: inference learns nothing";
            return Err(FieldError::new("schedule", plan.schedule, allowed).into());
        }
        match (rule, plan.schedule) {
            (UpdateRule::PerBatch, _) => Self::per_batch(iterations, batch_size, sample_variance),
            (UpdateRule::PerMicroBatch, ScheduleKind::FillDrain) => {
                Self::per_micro_batch_of_one_iterate(iterations, batches, batch_size, sample_variance)
            }
            (UpdateRule::PerMicroBatch, _) => Ok(eager),
        }
    }
}
