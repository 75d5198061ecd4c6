//! What is learned, apart from how: the constants of the theorem that no plan changes.

use serde::{Deserialize, Serialize};

use super::{BoundError, Form, LocalSteps, LocalUpdates, StepModel, UpdateRule, check_length};
use crate::ground::check::{Range, real};
use crate::problem::{CandidatePlan, FieldError};

/// Constants of the training problem and how its pipelines update; with a plan (I, M) they make [`LocalSteps`].
///
/// Every cluster makes the K steps of the plan ([`LocalUpdates`]) and τ = K: plain federated averaging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LearningProblem {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
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
    /// When the pipelines update; with a plan's schedule it decides K, s², the step size and the ages.
    pub update: UpdateRule,
}

/// A plan as a training schedule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PlanSchedule {
    /// The schedule, at its own step size: η times `step_factor`.
    pub schedule: LocalSteps,
    /// M where the M updates of a batch are one update of M times their size; 1 otherwise.
    pub step_factor: f64,
    /// What theorem A2 may assume of the iterates.
    pub model: StepModel,
}

impl PlanSchedule {
    /// The form of the bound for the schedule's iterates: [`Form::Sharp`] becomes [`Form::SharpAnyAges`] where
    /// gradients may be stale. (The two closed forms cover both.)
    ///
    /// # Errors
    /// [`BoundError::Field`] for [`Form::SharpConvex`] with stale gradients, for which it is not proved.
    pub fn form(&self, form: Form) -> Result<Form, BoundError> {
        match (self.model, form) {
            (StepModel::AnyAges, Form::Sharp) => Ok(Form::SharpAnyAges),
            (StepModel::AnyAges, Form::SharpConvex) => {
                let allowed =
                    "\"sharp\" where a pipeline's gradients may be stale: the convex form assumes current iterates";
                Err(FieldError::new("form", "sharp-convex", allowed).into())
            }
            _ => Ok(form),
        }
    }

    /// An error about the schedule's step size, in terms of η.
    pub(super) fn in_terms_of_step(&self, error: BoundError) -> BoundError {
        match error {
            BoundError::StepSize { step_size, assumption, value, limit, largest } => BoundError::StepSize {
                step_size: step_size / self.step_factor,
                assumption,
                value,
                limit,
                largest: largest / self.step_factor,
            },
            other => other,
        }
    }
}

impl LearningProblem {
    /// The schedule that plays `plan` for `rounds` rounds at `step_size`.
    ///
    /// # Errors
    /// [`BoundError::Field`] for lists of unequal lengths, a variance or batch size out of range, or M that does not
    /// divide every batch. The other fields are checked by what is asked of the schedule.
    pub fn schedule(&self, plan: &CandidatePlan, step_size: f64, rounds: u64) -> Result<PlanSchedule, BoundError> {
        check_length("sample_variance", self.sample_variance.len(), self.weights.len())?;
        check_length("batch_size", self.batch_size.len(), self.weights.len())?;
        let mut noise_variance = Vec::with_capacity(self.weights.len());
        let (mut steps, mut step_factor, mut model) = (0, 1.0, StepModel::Current);
        for (n, (&batch_size, &variance)) in self.batch_size.iter().zip(&self.sample_variance).enumerate() {
            real(&format!("sample_variance[{n}]"), variance, Range::NonNegative)?;
            let updates =
                LocalUpdates::of_plan(self.update, plan, batch_size, variance).map_err(|error| match error {
                    BoundError::Field(field) if field.path == "batch_size" => {
                        let path = format!("batch_size[{n}]");
                        BoundError::Field(crate::problem::FieldError { path, ..field })
                    }
                    other => other,
                })?;
            noise_variance.push(updates.noise_variance);
            (steps, step_factor, model) = (updates.steps, updates.step_factor, updates.model);
        }
        let schedule = LocalSteps {
            initial_gap: self.initial_gap,
            step_size: step_size * step_factor,
            server_steps: steps as f64,
            rounds,
            smoothness: self.smoothness,
            weights: self.weights.clone(),
            local_steps: vec![steps; noise_variance.len()],
            noise_variance,
            heterogeneity: self.heterogeneity,
            dissimilarity: self.dissimilarity,
        };
        Ok(PlanSchedule { schedule, step_factor, model })
    }
}
