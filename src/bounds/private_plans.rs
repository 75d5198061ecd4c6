//! Privacy as a price: which plan learns most in a time at a given (ε, δ).
//!
//! Every gradient that a pipeline steps along gets Gaussian noise, of the size that makes all of a run's steps together
//! (ε, δ)-private for each sample, amplification by the random batches included
//! ([`SubsampledGaussian`]). Replacing a sample moves the mean of b gradients of length at most C by at most 2C/b, and a
//! sample is in a step's b of n with probability b/n: an update per micro-batch has b = B/M, M times the sensitivity and M
//! times as many steps of an M-th of the rate. The variance of a step grows by d ν², d the parameters.

use serde::{Deserialize, Serialize};

use super::plan_choice::rank;
use super::{
    BatchSampling, BoundError, Form, LearningProblem, PlanRanking, PlanSchedule, StepChoice, SubsampledGaussian,
    TimedPlan, UpdateRule, check_length,
};
use crate::ground::check::{FieldError, Range, count, real};
use crate::problem::CandidatePlan;
use crate::schedule::ScheduleKind;
use crate::units::Seconds;

/// What every cluster's samples are promised.
///
/// The gradients must be no longer than `clip_norm` by themselves: clipping longer ones biases them, and no bound is
/// claimed for that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PrivacyTarget {
    /// ε > 0.
    pub epsilon: f64,
    /// δ in [1e-9, 1).
    pub delta: f64,
    /// C > 0: longest gradient of one sample, in loss/par.
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "loss/par")))]
    pub clip_norm: f64,
    /// d: coordinates of the gradient.
    pub dimension: u64,
    /// n: samples that a cluster draws its batches from; one per cluster.
    pub samples: Vec<u64>,
}

/// The noise of a cluster's updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BatchNoise {
    /// z: its standard deviation over the sensitivity 2C/B, of an update of B samples.
    pub noise_multiplier: f64,
    /// Its standard deviation per coordinate of the update's mean gradient, in loss/par.
    pub deviation: f64,
    /// What it adds to σ², in loss²/par².
    pub sample_variance: f64,
}

impl PrivacyTarget {
    fn check(&self, clusters: usize) -> Result<(), BoundError> {
        real("epsilon", self.epsilon, Range::Positive)?;
        real("clip_norm", self.clip_norm, Range::Positive)?;
        count("dimension", self.dimension, super::MAX_STEPS)?;
        check_length("samples", self.samples.len(), clusters)?;
        Ok(())
    }

    /// One noise for a whole run whose updates are all alike: added to the mean gradient of every update, of so many samples
    /// (a batch, or a micro-batch), it makes `steps` of them (ε, δ)-private. One entry per cluster.
    ///
    /// A run with fewer steps is private as well: what it does not release cannot be told. So a run that changes its
    /// plan pays for the plan with most steps.
    ///
    /// # Errors
    /// [`BoundError::Field`] for numbers out of range, fewer samples than an update has, and a target out of reach.
    pub fn noise(&self, batch_size: &[u32], steps: u64) -> Result<Vec<BatchNoise>, BoundError> {
        self.check(batch_size.len())?;
        let mut noise: Vec<BatchNoise> = Vec::with_capacity(batch_size.len());
        for (n, (&batch, &available)) in batch_size.iter().zip(&self.samples).enumerate() {
            let same =
                noise.iter().zip(batch_size.iter().zip(&self.samples)).find(|(_, of)| *of == (&batch, &available));
            let multiplier = match same {
                Some((known, _)) => known.noise_multiplier,
                None => self.multiplier(n, (batch, batch), available, steps)?,
            };
            let deviation = multiplier * 2.0 * self.clip_norm / f64::from(batch);
            // As if every sample's gradient had that much more variance: B of them are averaged.
            let sample_variance = f64::from(batch) * self.dimension as f64 * deviation * deviation;
            noise.push(BatchNoise { noise_multiplier: multiplier, deviation, sample_variance });
        }
        Ok(noise)
    }

    /// z of `steps` releases of `own` samples each, of cluster n's batch and its samples.
    fn multiplier(&self, n: usize, (own, batch): (u32, u32), available: u64, steps: u64) -> Result<f64, BoundError> {
        if available < u64::from(batch) {
            let allowed = format!("at least the batch size {batch}");
            return Err(FieldError::new(format!("samples[{n}]"), available, allowed).into());
        }
        let releases = SubsampledGaussian {
            sampling: BatchSampling::WithoutReplacement,
            sampling_rate: f64::from(own) / available as f64,
            noise_multiplier: 1.0,
            steps,
        };
        releases.noise_for(self.epsilon, self.delta)
    }

    /// Adds the noise's variance to the schedule of a plan.
    pub(super) fn charge(
        &self,
        learning: &LearningProblem,
        played: &CandidatePlan,
        plan: &mut PlanSchedule,
    ) -> Result<(), BoundError> {
        self.check(learning.weights.len())?;
        let merged = learning.update == UpdateRule::PerBatch || played.schedule == ScheduleKind::FillDrain;
        let rounds = plan.schedule.rounds;
        for (n, &batch) in learning.batch_size.iter().enumerate() {
            let own = if merged { batch } else { batch / played.micro_batches };
            let steps = plan.schedule.local_steps[n].saturating_mul(rounds);
            let multiplier = self.multiplier(n, (own, batch), self.samples[n], steps)?;
            let deviation = multiplier * 2.0 * self.clip_norm / f64::from(own);
            plan.schedule.noise_variance[n] += self.dimension as f64 * deviation * deviation;
        }
        Ok(())
    }
}

/// [`rank_plans`](super::rank_plans) where every plan pays for privacy: the noise of a plan follows from its steps in
/// the time, their batches and its updates, so that plans with more steps of fewer samples pay more.
///
/// ```
/// use collapipe::bounds::*;
/// use collapipe::{problem::CandidatePlan, schedule::ScheduleKind, units::Seconds};
/// let learning = LearningProblem {
///     initial_gap: 1.0, smoothness: 1.0, weights: vec![1.0], sample_variance: vec![16.0], batch_size: vec![32],
///     heterogeneity: 0.0, dissimilarity: 1.0, update: UpdateRule::PerMicroBatch,
/// };
/// let target = PrivacyTarget { epsilon: 1.0, delta: 1e-5, clip_norm: 1.0, dimension: 1000, samples: vec![20_000] };
/// let timed = |micro_batches| TimedPlan {
///     plan: CandidatePlan {
///         micro_batches, schedule: ScheduleKind::OneForwardOneBackward, ..CandidatePlan::default()
///     },
///     round_seconds: Seconds(1.0),
/// };
/// let plans = [timed(1), timed(8)];
/// let ranking = rank_private_plans(&learning, &plans, Seconds(500.0), StepChoice::Best, Form::Sharp, &target)?;
/// // With so much noise the plan of least sensitivity learns most.
/// assert_eq!(ranking.best, Some(0));
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
///
/// # Errors
/// As [`rank_plans`](super::rank_plans), and for a privacy target out of range or out of reach.
pub fn rank_private_plans(
    learning: &LearningProblem,
    candidates: &[TimedPlan],
    budget: Seconds,
    step: StepChoice,
    form: Form,
    privacy: &PrivacyTarget,
) -> Result<PlanRanking, BoundError> {
    privacy.check(learning.weights.len())?;
    rank(learning, candidates, budget, (step, form), Some(privacy))
}
