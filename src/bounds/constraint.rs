//! The bound as a long-term constraint avg g ≤ 0 on the plans of a run.
//!
//! # Statement
//! Every form of the bound is a sum of one-round inequalities. With S_t = η_t K_t, the length of round t's update in mean
//! steps of the plan's own size (all clusters make K_t steps, τ = K_t), they are
//!
//! ```text
//! S_t c_t E|∇F(θ_t)|² ≤ E F(θ_t) − E F(θ_{t+1}) + S_t e_t
//! ```
//!
//! where (c, e) depends on the plan alone: c = 1/4 and e = Ψ/4 in the simple form, with Ψ that form without its first term;
//! c = κ/2 in the tight one; a tangent of theorem A2 in the sharp one, taken at the target, where it says most. Hence
//! with the progress w_t = S_t c_t, g_t = S_t e_t − ε w_t + Δ/R, and any number r of rounds played,
//!
//! ```text
//! E Σ w_t |∇F(θ_t)|² ≤ ε E Σ w_t + E Σ g_t + Δ (1 − r/R).
//! ```
//!
//! After all R rounds avg g ≤ 0 makes the w-weighted mean of E|∇F|² at most ε. g_t depends on the plan alone: a virtual
//! queue H on it makes H·g the plan's penalty in the slot problem, and certificate C1, Σ g ≤ H(R) − H(0), enters the
//! same inequality. The plan of a round may depend on the past, not on the round's own samples. Where it does not
//! depend on past samples either (it follows the channels, say), w_t and g_t are numbers and
//! Σ w E|∇F|² / Σ w ≤ ε + (Σ g + Δ(1 − r/R))/Σ w; where it does, the inequality above, between expectations, is what
//! holds.
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
/// use collapipe::bounds::{ConvergenceConstraint, Form, LearningProblem, PlayedRounds, UpdateRule};
/// use collapipe::problem::CandidatePlan;
/// let learning = LearningProblem {
///     initial_gap: 1.0, smoothness: 1.0, weights: vec![1.0], sample_variance: vec![16.0], batch_size: vec![16],
///     heterogeneity: 0.0, dissimilarity: 1.0, update: UpdateRule::PerBatch,
/// };
/// let constraint =
///     ConvergenceConstraint { learning, step_size: 0.125, rounds: 100, target: 1.0, form: Form::Simple };
/// let plan = CandidatePlan { local_iterations: 2, micro_batches: 4, ..CandidatePlan::default() };
/// // Ψ = 4·0.125·2·(1/2) + 3·0.125² = 0.546875; w = 0.125·2/4; g = w (Ψ − 1) + 1/100
/// let g = constraint.violation(&plan)?;
/// assert!((g - (0.0625 * (0.546875 - 1.0) + 0.01)).abs() < 1e-15);
/// // The sharp form promises more of the same plan.
/// let sharp = ConvergenceConstraint { form: Form::Sharp, ..constraint.clone() };
/// assert!(sharp.violation(&plan)? < g);
/// // A hundred rounds of it prove that the mean of E|∇F|² is below the target.
/// let progress = 100.0 * constraint.guarantee(&plan)?.progress;
/// let played = PlayedRounds { rounds: 100, progress, violation_sum: 100.0 * g };
/// assert!(constraint.certified_mean(&played)? < 1.0);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConvergenceConstraint {
    /// What is learned, and how the pipelines update.
    pub learning: LearningProblem,
    /// η, in par²/loss.
    pub step_size: f64,
    /// R: rounds of the whole run (its horizon).
    pub rounds: u64,
    /// ε: the wanted weighted mean of E|∇F|², in loss²/par².
    pub target: f64,
    /// Which inequality; the simple one where a record does not say.
    #[serde(default = "simple")]
    pub form: Form,
}

fn simple() -> Form {
    Form::Simple
}

/// What a round of a plan guarantees: progress·E|∇F|² ≤ E F(θ) − E F(θ⁺) + charge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanGuarantee {
    /// w = S c, in par²/loss: the round's weight in the mean.
    pub progress: f64,
    /// S e, in loss: what noise and drift may cost.
    pub charge: f64,
}

/// What is known about the rounds played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayedRounds {
    /// r: how many; at most the constraint's horizon.
    pub rounds: u64,
    /// Σ w_t: their progress ([`PlanGuarantee::progress`]), in par²/loss.
    pub progress: f64,
    /// Σ g_t, or an upper bound on it as H(r) − H(0).
    pub violation_sum: f64,
}

impl ConvergenceConstraint {
    /// What a round of a plan guarantees.
    ///
    /// # Errors
    /// [`BoundError::Field`] for bad input; [`BoundError::StepSize`] for a plan with too many local steps for η (drop
    /// it from the candidates: nothing is proved about such a round).
    pub fn guarantee(&self, plan: &CandidatePlan) -> Result<PlanGuarantee, BoundError> {
        real("target", self.target, Range::Positive)?;
        let plan = self.learning.schedule(plan, self.step_size, self.rounds)?;
        let schedule = &plan.schedule;
        let sums = schedule.checked_sums()?;
        let form = plan.form(self.form)?;
        let length = schedule.step_size * schedule.server_steps;
        let (share, charge) = match form.step_model() {
            Some(model) => {
                let (inequality, _) = schedule.inequality(model, 0.0).map_err(|error| plan.in_terms_of_step(error))?;
                let (_, tangent) = inequality.rising_tangent(self.target)?;
                (tangent.share, tangent.charge())
            }
            None => {
                check_step(schedule.step_size, &schedule.conditions(&sums))
                    .map_err(|error| plan.in_terms_of_step(error))?;
                let share = if form == Form::Simple { 0.25 } else { 0.5 * schedule.kappa(&sums) };
                (share, share * schedule.terms(&sums, form).floor())
            }
        };
        Ok(PlanGuarantee {
            progress: finite("the constraint", length * share)?,
            charge: finite("the constraint", length * charge)?,
        })
    }

    /// g of a plan, in loss: negative where a round of it helps.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::guarantee`].
    pub fn violation(&self, plan: &CandidatePlan) -> Result<f64, BoundError> {
        let PlanGuarantee { progress, charge } = self.guarantee(plan)?;
        let gap = self.learning.initial_gap / self.rounds as f64;
        finite("the constraint", charge - self.target * progress + gap)
    }

    /// Largest |g| of some plans, in loss: divide g by it for a queue of order one. 0 without plans.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::violation`].
    pub fn scale(&self, plans: &[CandidatePlan]) -> Result<f64, BoundError> {
        plans.iter().try_fold(0.0, |scale: f64, plan| Ok(scale.max(self.violation(plan)?.abs())))
    }

    /// Bound on the w-weighted mean of E|∇F|² over the rounds played, in loss²/par².
    ///
    /// # Errors
    /// [`BoundError::Field`] for counts that do not fit the horizon, progress that is not positive, or a sum that is
    /// not finite.
    pub fn certified_mean(&self, played: &PlayedRounds) -> Result<f64, BoundError> {
        real("target", self.target, Range::Positive)?;
        real("initial_gap", self.learning.initial_gap, Range::NonNegative)?;
        count("rounds", self.rounds, MAX_STEPS)?;
        count("played.rounds", played.rounds, self.rounds)?;
        if !(played.progress.is_finite() && played.progress > 0.0) {
            let allowed = "finite and positive: every round makes progress";
            return Err(FieldError::new("played.progress", format!("{:?}", played.progress), allowed).into());
        }
        let sum = played.violation_sum;
        if !sum.is_finite() {
            return Err(FieldError::new("played.violation_sum", format!("{sum:?}"), "a finite number").into());
        }
        // Δ(1 − r/R) without cancellation.
        let missing = (self.rounds - played.rounds) as f64 / self.rounds as f64;
        let excess = sum + self.learning.initial_gap * missing;
        finite("the mean", self.target + excess / played.progress)
    }

    /// Least ε that so many rounds of each plan certify: the bound at the tangents that suit the outcome, not the target
    /// that was wanted. With a single plan it is the bound of that plan's schedule.
    ///
    /// For plans that do not depend on past samples. Valid for all R rounds or fewer.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::guarantee`]; [`BoundError::Field`] where no round was played.
    pub fn reached(&self, played: &[(CandidatePlan, u64)]) -> Result<f64, BoundError> {
        let mut least = f64::INFINITY;
        let mut constraint = self.clone();
        for _ in 0..100 {
            let (mut progress, mut charge) = (0.0, self.learning.initial_gap);
            for (plan, rounds) in played.iter().filter(|(_, rounds)| *rounds > 0) {
                let own = constraint.guarantee(plan)?;
                progress += own.progress * *rounds as f64;
                charge += own.charge * *rounds as f64;
            }
            if progress == 0.0 {
                return Err(FieldError::new("played", "no round", "at least one round").into());
            }
            let bound = charge / progress;
            let settled = bound >= least * (1.0 - 1e-12);
            least = least.min(bound);
            if settled || !Range::Positive.contains(bound) {
                break;
            }
            constraint.target = bound;
        }
        finite("the mean", least)
    }
}
