//! Candidate plans side by side: what each learns in every form of the bound, and under the schedule it runs with.

use serde::{Deserialize, Serialize};

use super::{BoundError, LearningProblem, LocalStepsReport, PlanSchedule, StepModel, StepSizeChoice, UpdateRule};
use crate::ground::check::length;
use crate::problem::{CandidatePlan, FieldError, MAX_PLANS};
use crate::schedule::ScheduleKind;

/// A number of rounds with each of several plans, at one step size.
///
/// Every plan is played with one update per micro-batch, both as the 1F1B schedule has it (K = IM steps; weights are
/// stashed) and as fill-drain has it (the M updates of a batch are one of size Mη).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTable {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// R.
    pub rounds: u64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// ρ_n, of sum 1; one per cluster.
    pub weights: Vec<f64>,
    /// σ_n²: largest variance of one sample's gradient, in loss²/par².
    pub sample_variance: Vec<f64>,
    /// B_n: samples per batch.
    pub batch_size: Vec<u32>,
    /// ζ², in loss²/par².
    pub heterogeneity: f64,
    /// β² ≥ 1.
    pub dissimilarity: f64,
    /// The plans; their own schedules are not used.
    pub plans: Vec<CandidatePlan>,
}

/// The bounds of all plans.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanTableReport {
    /// In the order given.
    pub plans: Vec<PlanRow>,
}

/// The bounds of a plan, in loss²/par²; `None` where the step size is too large for a form.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanRow {
    /// I.
    pub local_iterations: u32,
    /// M.
    pub micro_batches: u32,
    /// The closed form with constants 4, 4, 3, 6; K = IM.
    pub simple: Option<f64>,
    /// The closed form with κ; K = IM.
    pub tight: Option<f64>,
    /// Theorem A2, K = IM, gradients at current iterates.
    pub sharp: Option<f64>,
    /// Theorem A2, K = IM, gradients at iterates of any age: a pipeline that updates per micro-batch, 1F1B.
    pub sharp_any_ages: Option<f64>,
    /// Theorem A2 of one update per batch of size Mη: the same updates under fill-drain.
    pub sharp_fill_drain: Option<f64>,
    /// The step size of least `sharp_any_ages`; `None` where `initial_gap` is 0 or there is no bound.
    pub best_1f1b: Option<StepSizeChoice>,
    /// The step size η per micro-batch of least `sharp_fill_drain`.
    pub best_fill_drain: Option<StepSizeChoice>,
}

impl PlanTable {
    /// All bounds.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range. A step size that is too large for a form leaves its entry empty.
    pub fn report(&self) -> Result<PlanTableReport, BoundError> {
        length("plans", self.plans.len(), MAX_PLANS)?;
        let rows = self.plans.iter().enumerate().map(|(index, plan)| {
            self.row(plan).map_err(|error| match error {
                BoundError::Field(field) if matches!(field.path.as_str(), "local_iterations" | "micro_batches") => {
                    field.within(format_args!("plans[{index}]")).into()
                }
                other => other,
            })
        });
        Ok(PlanTableReport { plans: rows.collect::<Result<_, _>>()? })
    }

    fn schedule(&self, schedule: ScheduleKind, plan: &CandidatePlan) -> Result<PlanSchedule, BoundError> {
        let learning = LearningProblem {
            initial_gap: self.initial_gap,
            smoothness: self.smoothness,
            weights: self.weights.clone(),
            sample_variance: self.sample_variance.clone(),
            batch_size: self.batch_size.clone(),
            heterogeneity: self.heterogeneity,
            dissimilarity: self.dissimilarity,
            update: UpdateRule::PerMicroBatch,
        };
        learning.schedule(&CandidatePlan { schedule, ..*plan }, self.step_size, self.rounds)
    }

    fn row(&self, plan: &CandidatePlan) -> Result<PlanRow, BoundError> {
        let report = |order| -> Result<(PlanSchedule, Option<LocalStepsReport>), BoundError> {
            let own = self.schedule(order, plan)?;
            match own.schedule.report() {
                Ok(report) => Ok((own, Some(report))),
                Err(BoundError::StepSize { .. }) => Ok((own, None)),
                Err(BoundError::Field(field)) if field.path == "step_size" => {
                    let product = format!("{}: times M = {}, {}", field.allowed, plan.micro_batches, field.value);
                    Err(FieldError::new("step_size", format!("{:?}", self.step_size), product).into())
                }
                Err(other) => Err(other),
            }
        };
        let (steps, alternating) = report(ScheduleKind::OneForwardOneBackward)?;
        let (flushed, drained) = report(ScheduleKind::FillDrain)?;
        let best = |own: &PlanSchedule, model: StepModel| {
            if self.initial_gap == 0.0 {
                return None;
            }
            let choice = own.schedule.best_sharp(model, self.rounds).ok()?;
            Some(StepSizeChoice { step_size: choice.step_size / own.step_factor, ..choice })
        };
        Ok(PlanRow {
            local_iterations: plan.local_iterations,
            micro_batches: plan.micro_batches,
            simple: alternating.as_ref().and_then(|report| report.simple),
            tight: alternating.as_ref().and_then(|report| report.tight),
            sharp: alternating.as_ref().and_then(|report| report.sharp),
            sharp_any_ages: alternating.as_ref().and_then(|report| report.sharp_any_ages),
            sharp_fill_drain: drained.as_ref().and_then(|report| report.sharp),
            best_1f1b: best(&steps, steps.model),
            best_fill_drain: best(&flushed, flushed.model),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(step_size: f64) -> PlanTable {
        let plan = |local_iterations, micro_batches| CandidatePlan {
            local_iterations,
            micro_batches,
            ..CandidatePlan::default()
        };
        PlanTable {
            initial_gap: 3.0,
            step_size,
            rounds: 400,
            smoothness: 2.0,
            weights: vec![0.5, 0.5],
            sample_variance: vec![16.0, 8.0],
            batch_size: vec![16, 8],
            heterogeneity: 0.25,
            dissimilarity: 1.0,
            plans: vec![plan(1, 4), plan(3, 2)],
        }
    }

    /// The best step sizes of a table are those at which its own columns are least.
    #[test]
    fn plans_side_by_side() {
        let rows = |step_size: f64| table(step_size).report().unwrap().plans;
        for (index, row) in rows(1e-3).into_iter().enumerate() {
            assert_eq!((row.local_iterations, row.micro_batches), [(1, 4), (3, 2)][index]);
            type Column = fn(&PlanRow) -> Option<f64>;
            let columns: [(_, Column); 2] =
                [(row.best_1f1b, |row| row.sharp_any_ages), (row.best_fill_drain, |row| row.sharp_fill_drain)];
            for (best, of) in columns {
                let best = best.unwrap();
                let at = |factor: f64| of(&rows(factor * best.step_size)[index]);
                // The step size of a batch is that of its micro-batches M times, to rounding.
                let least = at(1.0 - 1e-12).unwrap();
                assert!((least / best.bound - 1.0).abs() < 1e-6, "{least}, not {}", best.bound);
                for factor in [0.3, 0.8, 1.05, 1.5] {
                    assert!(
                        at(factor).is_none_or(|bound| bound >= best.bound * (1.0 - 1e-6)),
                        "plan {index} at {factor}"
                    );
                }
            }
            // Gradients at older iterates are bounded by no less.
            assert!(row.sharp_any_ages >= row.sharp && row.tight >= row.sharp && row.simple >= row.tight);
        }
    }
}
