//! The bound as a long-term constraint avg g ≤ 0 on the plans of a run.
//!
//! # Statement
//! All clusters make K_t steps in round t, with τ = K_t. With Ψ_t the simple form of the theorem without its first
//! term, ψ_t = (ηK_t/4) Ψ_t, the theorem's one-round inequality summed over R rounds gives
//!
//! ```text
//! Σ_t (ηK_t/4) E|∇F(θ_t)|² ≤ Δ + Σ_t ψ_t.
//! ```
//!
//! Hence with g_t = ψ_t − (εη/4) K_t + Δ/R, and any number r of rounds played,
//!
//! ```text
//! Σ K_t E|∇F(θ_t)|² / Σ K_t ≤ ε + (4/(η Σ K_t)) (Σ g_t + Δ (1 − r/R)).
//! ```
//!
//! After all R rounds avg g ≤ 0 makes the K-weighted mean of E|∇F|² at most ε. g_t depends on the plan alone: a virtual
//! queue H on it makes H·g the plan's penalty in the slot problem, and certificate C1, Σ g ≤ H(R) − H(0), enters the
//! same inequality. The plan of a round may depend on the past, not on the round's own samples.
//!
//! # Source
//! Ours; proof in `docs/theory/convergence.md`.

use serde::{Deserialize, Serialize};

use super::{BoundError, Form, LearningProblem, MAX_STEPS, check_step, finite};
use crate::ground::check::{Range, count, real};
use crate::problem::{CandidatePlan, FieldError};

/// Parameters of the convergence constraint.
///
/// ```
/// use collapipe::bounds::{ConvergenceConstraint, LearningProblem, PlayedRounds, UpdateRule};
/// use collapipe::problem::CandidatePlan;
/// let learning = LearningProblem {
///     initial_gap: 1.0, smoothness: 1.0, weights: vec![1.0], sample_variance: vec![16.0], batch_size: vec![16],
///     heterogeneity: 0.0, dissimilarity: 1.0, update: UpdateRule::PerBatch,
/// };
/// let constraint = ConvergenceConstraint { learning, step_size: 0.125, rounds: 100, target: 1.0 };
/// let plan = CandidatePlan { local_iterations: 2, micro_batches: 4, ..CandidatePlan::default() };
/// // ψ = 0.125²·4·(1/2) + (0.75·0.125·2)·0.125² = 0.0341796875;  g = ψ − 0.125·2/4 + 1/100
/// let g = constraint.violation(&plan)?;
/// assert!((g - (0.0341796875 - 0.0625 + 0.01)).abs() < 1e-15);
/// // A hundred rounds of it prove that the mean of E|∇F|² is below the target.
/// let played = PlayedRounds { rounds: 100, steps: 200, violation_sum: 100.0 * g };
/// assert!(constraint.certified_mean(&played)? < 1.0);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvergenceConstraint {
    /// What is learned, and how the pipelines update.
    pub learning: LearningProblem,
    /// η, in par²/loss.
    pub step_size: f64,
    /// R: rounds of the whole run (its horizon).
    pub rounds: u64,
    /// ε: the wanted K-weighted mean of E|∇F|², in loss²/par².
    pub target: f64,
}

/// What is known about the rounds played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayedRounds {
    /// r: how many; at most the constraint's horizon.
    pub rounds: u64,
    /// Σ K_t: their local steps; at least r.
    pub steps: u64,
    /// Σ g_t, or an upper bound on it as H(r) − H(0).
    pub violation_sum: f64,
}

impl ConvergenceConstraint {
    /// g of a plan, in loss: negative where a round of it helps.
    ///
    /// # Errors
    /// [`BoundError::Field`] for bad input; [`BoundError::StepSize`] for a plan with too many local steps for η (drop
    /// it from the candidates: nothing is proved about such a round).
    pub fn violation(&self, plan: &CandidatePlan) -> Result<f64, BoundError> {
        real("target", self.target, Range::Positive)?;
        let schedule = self.learning.local_steps(plan, self.step_size, self.rounds)?;
        let sums = schedule.checked_sums()?;
        check_step(self.step_size, &schedule.conditions(&sums))?;
        let floor = schedule.terms(&sums, Form::Simple).floor();
        let share = 0.25 * self.step_size * schedule.server_steps;
        let gap = self.learning.initial_gap / self.rounds as f64;
        finite("the constraint", share * (floor - self.target) + gap)
    }

    /// Largest |g| of some plans, in loss: divide g by it for a queue of order one. 0 without plans.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::violation`].
    pub fn scale(&self, plans: &[CandidatePlan]) -> Result<f64, BoundError> {
        plans.iter().try_fold(0.0, |scale: f64, plan| Ok(scale.max(self.violation(plan)?.abs())))
    }

    /// Bound on the K-weighted mean of E|∇F|² over the rounds played, in loss²/par².
    ///
    /// # Errors
    /// [`BoundError::Field`] for counts that do not fit each other or the horizon, or a sum that is not finite.
    pub fn certified_mean(&self, played: &PlayedRounds) -> Result<f64, BoundError> {
        real("target", self.target, Range::Positive)?;
        real("step_size", self.step_size, Range::Positive)?;
        real("initial_gap", self.learning.initial_gap, Range::NonNegative)?;
        count("rounds", self.rounds, MAX_STEPS)?;
        count("played.rounds", played.rounds, self.rounds)?;
        count("played.steps", played.steps, MAX_STEPS)?;
        if played.steps < played.rounds {
            let allowed = format!("at least played.rounds = {}: a round has a step", played.rounds);
            return Err(FieldError::new("played.steps", played.steps, allowed).into());
        }
        let sum = played.violation_sum;
        if !sum.is_finite() {
            return Err(FieldError::new("played.violation_sum", format!("{sum:?}"), "a finite number").into());
        }
        // Δ(1 − r/R) without cancellation.
        let missing = (self.rounds - played.rounds) as f64 / self.rounds as f64;
        let excess = sum + self.learning.initial_gap * missing;
        finite("the mean", self.target + 4.0 * excess / (self.step_size * played.steps as f64))
    }

    /// The bound from Σ g and r alone, where the number of local steps is not at hand: Σ K ≥ r makes it larger.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::certified_mean`].
    pub fn certified_mean_without_steps(&self, rounds: u64, violation_sum: f64) -> Result<f64, BoundError> {
        let mean = self.certified_mean(&PlayedRounds { rounds, steps: rounds, violation_sum })?;
        // With a negative excess more steps would make the bound larger: only ε is then known.
        Ok(mean.max(self.target))
    }
}
