//! The convergence constraint as a virtual queue that prices the plans.

use nalgebra::DVector;
use serde::{Deserialize, Serialize};

use super::certificate::violation::Certificate;
use super::queues::{QueueError, Queues};
use super::saved::SavedConvergence;
use crate::bounds::{BoundError, ConvergenceConstraint, PlayedRounds};
use crate::problem::CandidatePlan;

/// The convergence constraint over candidate plans: what was learned becomes a violation, the queue becomes penalties.
///
/// Constraint avg g ≤ 0 with g(plan) of [`ConvergenceConstraint`]; a slot without a round makes no steps, so that its g
/// is Δ/R. The queue H counts g/G, G = max |g| over the candidates ([`ConvergenceConstraint::scale`]), so that the same
/// latency weight V suits it and the energy queues; a plan's penalty is H·g(plan)/G.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanViolations {
    of_plans: Vec<f64>,
    idle: f64,
    scale: f64,
}

impl PlanViolations {
    /// The constraint over these candidates.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::violation`], for the first plan that has no bound.
    pub fn new(constraint: &ConvergenceConstraint, plans: &[CandidatePlan]) -> Result<Self, BoundError> {
        let of_plans = plans.iter().map(|plan| constraint.violation(plan)).collect::<Result<_, _>>()?;
        // All g = 0: any scale keeps the queue empty.
        let scale = Some(constraint.scale(plans)?).filter(|scale| *scale > 0.0).unwrap_or(1.0);
        Ok(Self::recorded(constraint, of_plans, scale))
    }

    /// The constraint from numbers that were computed before.
    pub(crate) fn recorded(constraint: &ConvergenceConstraint, of_plans: Vec<f64>, scale: f64) -> Self {
        Self { of_plans, idle: constraint.learning.initial_gap / constraint.rounds as f64, scale }
    }

    /// G, in loss: the queue's unit.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// g of every candidate plan, in loss.
    #[must_use]
    pub fn of_plans(&self) -> &[f64] {
        &self.of_plans
    }

    /// g of a slot in which plan `plan` was played, or no round (`None`): Δ/R; in loss.
    ///
    /// # Errors
    /// [`QueueError::Plan`] for a plan that does not exist.
    pub fn violation(&self, plan: Option<usize>) -> Result<f64, QueueError> {
        match plan {
            None => Ok(self.idle),
            Some(plan) => self.of_plans.get(plan).copied().ok_or(QueueError::Plan { plan, plans: self.of_plans.len() }),
        }
    }

    /// g/G of such a slot.
    ///
    /// # Errors
    /// As [`PlanViolations::violation`].
    pub fn scaled(&self, plan: Option<usize>) -> Result<f64, QueueError> {
        Ok(self.violation(plan)? / self.scale)
    }

    /// g/G of a slot without a round.
    pub(crate) fn scaled_idle(&self) -> f64 {
        self.idle / self.scale
    }

    /// H·g(plan)/G of every plan at the queue H, in objective units.
    #[must_use]
    pub fn penalties(&self, queue: f64) -> Vec<f64> {
        self.of_plans.iter().map(|violation| queue * (violation / self.scale)).collect()
    }
}

/// Turns what was learned so far into the plans' penalties of the next slot: [`PlanViolations`] with their queue
/// H ← max(H + g/G, 0), for a service that runs its own loop.
///
/// ```
/// use collapipe::bounds::{ConvergenceConstraint, Form, LearningProblem, UpdateRule};
/// use collapipe::lyapunov::ConvergenceController;
/// use collapipe::problem::CandidatePlan;
/// let learning = LearningProblem {
///     initial_gap: 1.0, smoothness: 1.0, weights: vec![1.0], sample_variance: vec![1.0], batch_size: vec![16],
///     heterogeneity: 0.0, dissimilarity: 1.0, update: UpdateRule::PerMicroBatch,
/// };
/// let constraint =
///     ConvergenceConstraint { learning, step_size: 0.125, rounds: 10, target: 0.5, form: Form::Sharp };
/// let plan = |micro_batches| CandidatePlan { local_iterations: 1, micro_batches, ..CandidatePlan::default() };
/// let mut controller = ConvergenceController::new(constraint, &[plan(1), plan(2)])?;
/// controller.play(Some(0))?;
/// assert!(controller.violations().violation(Some(0))? > controller.violations().violation(Some(1))?);
/// let penalties = controller.penalties();
/// assert!(controller.queue() > 0.0 && penalties[0] > penalties[1]);
/// assert!(controller.play(Some(2)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedConvergence", into = "SavedConvergence")]
pub struct ConvergenceController {
    pub(super) constraint: ConvergenceConstraint,
    pub(super) plans: Vec<CandidatePlan>,
    violations: PlanViolations,
    /// Progress of a round of every candidate, in par²/loss.
    of_rounds: Vec<f64>,
    pub(super) queues: Queues,
    pub(super) planned: u64,
    /// Σ of the progress of the rounds played.
    pub(super) progress: f64,
}

impl ConvergenceController {
    /// Controller of a run with these candidate plans, before its first slot.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::violation`], for the first plan that has no bound.
    pub fn new(constraint: ConvergenceConstraint, plans: &[CandidatePlan]) -> Result<Self, BoundError> {
        let violations = PlanViolations::new(&constraint, plans)?;
        let progress = |plan| constraint.guarantee(plan).map(|guarantee| guarantee.progress);
        let of_rounds = plans.iter().map(progress).collect::<Result<_, _>>()?;
        let (plans, queues) = (plans.to_vec(), Queues::empty(1));
        Ok(Self { constraint, plans, violations, of_rounds, queues, planned: 0, progress: 0.0 })
    }

    /// Starts the queue at H(0), in units of G, and forgets what was played.
    ///
    /// # Errors
    /// [`QueueError::Value`] for a start that is negative or not finite.
    pub fn starting_at(self, initial: f64) -> Result<Self, QueueError> {
        let queues = Queues::new(DVector::from_element(1, initial))?;
        Ok(Self { queues, planned: 0, progress: 0.0, ..self })
    }

    /// The constraint.
    #[must_use]
    pub fn constraint(&self) -> &ConvergenceConstraint {
        &self.constraint
    }

    /// The scaling.
    #[must_use]
    pub fn violations(&self) -> &PlanViolations {
        &self.violations
    }

    /// H, in units of G.
    #[must_use]
    pub fn queue(&self) -> f64 {
        self.queues.backlog().sum()
    }

    /// H·g(plan)/G of every plan, in objective units.
    #[must_use]
    pub fn penalties(&self) -> Vec<f64> {
        self.violations.penalties(self.queue())
    }

    /// Books a slot: the plan that was played, or none.
    ///
    /// # Errors
    /// [`QueueError`] for a plan that does not exist, and for a violation that is not finite in the queue's unit;
    /// nothing is then booked.
    pub fn play(&mut self, plan: Option<usize>) -> Result<(), QueueError> {
        self.queues.update(&DVector::from_element(1, self.violations.scaled(plan)?))?;
        if let Some(progress) = plan.and_then(|plan| self.of_rounds.get(plan)) {
            self.planned += 1;
            self.progress += progress;
        }
        Ok(())
    }

    /// C1 in units of G; `None` before the first slot.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        self.queues.certificate(0)
    }

    /// What C1 certifies: a bound on the weighted mean of E|∇F|² over the rounds so far, in loss²/par². `None` before
    /// the first round.
    ///
    /// # Errors
    /// As [`ConvergenceConstraint::certified_mean`].
    pub fn certified_mean(&self) -> Result<Option<f64>, BoundError> {
        let Some(certificate) = self.certificate() else { return Ok(None) };
        let grown = self.queue() - self.queues.initial().sum();
        let violation_sum = self.violations.scale() * grown;
        certified_mean(&self.constraint, certificate.rounds, self.planned, self.progress, violation_sum)
    }
}

/// Bound on the weighted mean of E|∇F|² from Σ g over `slots` slots (or a bound on it), `planned` of which had a round,
/// which made `progress` in all; `None` without a round.
pub(crate) fn certified_mean(
    constraint: &ConvergenceConstraint,
    slots: u64,
    planned: u64,
    progress: f64,
    violation_sum: f64,
) -> Result<Option<f64>, BoundError> {
    if planned == 0 {
        return Ok(None);
    }
    // The theorem is about rounds with steps: take out what the other slots added, Δ/R each.
    let idle = constraint.learning.initial_gap * (slots.saturating_sub(planned) as f64 / constraint.rounds as f64);
    let played = PlayedRounds { rounds: planned, progress, violation_sum: violation_sum - idle };
    constraint.certified_mean(&played).map(Some)
}

/// K of a plan, which is the same in all clusters.
pub(crate) fn local_steps(constraint: &ConvergenceConstraint, plan: &CandidatePlan) -> Result<u64, BoundError> {
    let plan = constraint.learning.schedule(plan, constraint.step_size, constraint.rounds)?;
    Ok(plan.schedule.local_steps.into_iter().max().unwrap_or_default())
}
