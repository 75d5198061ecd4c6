//! The plan of least bound in a given time.

use serde::{Deserialize, Serialize};

use super::{BoundError, Form, LearningProblem, MAX_STEPS, PrivacyTarget};
use crate::ground::check::{Range, length, real};
use crate::problem::{CandidatePlan, MAX_PLANS};
use crate::units::Seconds;

/// A plan and the predicted time of one of its rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedPlan {
    /// (I, M); its penalty is not used.
    pub plan: CandidatePlan,
    /// Predicted time of a round.
    pub round_seconds: Seconds,
}

/// The step size at which plans are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepChoice {
    /// One given η for all plans, in par²/loss.
    Given(f64),
    /// Each plan at the step size that minimizes its own bound.
    Best,
}

/// What a plan reaches in the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanBound {
    /// R = ⌊time/round⌋.
    pub rounds: u64,
    /// η of an update, in par²/loss (of each of a batch's M updates where those are taken at one iterate).
    pub step_size: f64,
    /// Bound on the mean of E|∇F|² over those rounds, in loss²/par².
    pub bound: f64,
}

/// Why a plan has no bound.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanRejection {
    /// Not one round fits into the time.
    #[error("a round takes {round}, longer than the time budget of {budget}")]
    NoRound {
        /// Time of a round.
        round: Seconds,
        /// Time available.
        budget: Seconds,
    },
    /// The given step size is too large for this plan's number of local steps.
    #[error(transparent)]
    StepSize(BoundError),
}

/// Every plan's bound, and the least.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlanRanking {
    /// Index of the plan with the least bound, the first among equals; `None` where no plan has one.
    pub best: Option<usize>,
    /// Per candidate, in the order given.
    pub plans: Vec<Result<PlanBound, PlanRejection>>,
}

/// Which plan has the least bound after `budget` seconds: R = ⌊budget/round⌋ rounds each.
///
/// A plan with many local steps learns more per round and drifts more; a plan with many micro-batches has shorter
/// rounds. The bound per second of predicted time weighs the two.
///
/// ```
/// use collapipe::bounds::{Form, LearningProblem, StepChoice, TimedPlan, UpdateRule, rank_plans};
/// use collapipe::problem::CandidatePlan;
/// use collapipe::units::Seconds;
/// let learning = LearningProblem {
///     initial_gap: 2.0, smoothness: 1.0, weights: vec![0.5, 0.5], sample_variance: vec![8.0, 8.0], batch_size: vec![8, 8],
///     heterogeneity: 0.1, dissimilarity: 1.0, update: UpdateRule::PerBatch,
/// };
/// let timed = |local_iterations, seconds| TimedPlan {
///     plan: CandidatePlan { local_iterations, micro_batches: 4, ..CandidatePlan::default() },
///     round_seconds: Seconds(seconds),
/// };
/// // Four times the iterations in twice the time, or in eight times.
/// let candidates = [timed(1, 10.0), timed(4, 20.0), timed(4, 80.0)];
/// let ranking = rank_plans(&learning, &candidates, Seconds(3600.0), StepChoice::Best, Form::Tight)?;
/// assert_eq!(ranking.best, Some(1));
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
///
/// # Errors
/// [`BoundError`] for bad input, which names the field. A plan that does not fit the time or the given step size is no
/// error: its entry says why.
pub fn rank_plans(
    learning: &LearningProblem,
    candidates: &[TimedPlan],
    budget: Seconds,
    step: StepChoice,
    form: Form,
) -> Result<PlanRanking, BoundError> {
    rank(learning, candidates, budget, (step, form), None)
}

/// The ranking, with or without a price of privacy.
pub(super) fn rank(
    learning: &LearningProblem,
    candidates: &[TimedPlan],
    budget: Seconds,
    asked: (StepChoice, Form),
    privacy: Option<&PrivacyTarget>,
) -> Result<PlanRanking, BoundError> {
    length("candidates", candidates.len(), MAX_PLANS)?;
    real("budget", budget.0, Range::Positive)?;
    let mut ranking = PlanRanking { best: None, plans: Vec::with_capacity(candidates.len()) };
    let mut least = f64::INFINITY;
    for (index, candidate) in candidates.iter().enumerate() {
        let within = |error| match error {
            BoundError::Field(field) => BoundError::Field(match field.path.as_str() {
                "local_iterations" | "micro_batches" | "schedule" => {
                    field.within(format_args!("candidates[{index}].plan"))
                }
                "round_seconds" => field.within(format_args!("candidates[{index}]")),
                _ => field,
            }),
            other => other,
        };
        let outcome = plan_bound(learning, candidate, budget, asked, privacy).map_err(within)?;
        if let Ok(PlanBound { bound, .. }) = outcome
            && bound < least
        {
            (least, ranking.best) = (bound, Some(index));
        }
        ranking.plans.push(outcome);
    }
    Ok(ranking)
}

fn plan_bound(
    learning: &LearningProblem,
    candidate: &TimedPlan,
    budget: Seconds,
    (step, form): (StepChoice, Form),
    privacy: Option<&PrivacyTarget>,
) -> Result<Result<PlanBound, PlanRejection>, BoundError> {
    let round = candidate.round_seconds;
    real("round_seconds", round.0, Range::Positive)?;
    let rounds = (budget / round).floor().min(MAX_STEPS as f64) as u64;
    // Any step size serves to check the constants, which must be valid even where no round fits.
    let given = if let StepChoice::Given(step_size) = step { step_size } else { 1.0 };
    let mut plan = learning.schedule(&candidate.plan, given, rounds.max(1))?;
    if let (Some(privacy), true) = (privacy, rounds > 0) {
        privacy.charge(learning, &candidate.plan, &mut plan)?;
    }
    let form = plan.form(form)?;
    let schedule = &plan.schedule;
    schedule.checked_sums()?;
    if rounds == 0 {
        return Ok(Err(PlanRejection::NoRound { round, budget }));
    }
    match step {
        StepChoice::Best => {
            let best = schedule.best_step_size(form)?;
            Ok(Ok(PlanBound { rounds, step_size: best.step_size / plan.step_factor, bound: best.bound }))
        }
        StepChoice::Given(step_size) => match schedule.bound_of(form) {
            Ok(bound) => Ok(Ok(PlanBound { rounds, step_size, bound })),
            Err(error @ BoundError::StepSize { .. }) => Ok(Err(PlanRejection::StepSize(plan.in_terms_of_step(error)))),
            Err(error) => Err(error),
        },
    }
}
