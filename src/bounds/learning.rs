//! What is learned, apart from how: the constants of the theorem that no plan changes.

use serde::{Deserialize, Serialize};

use super::{BoundError, LocalSteps, LocalUpdates, UpdateRule, check_length};
use crate::ground::check::{Range, real};
use crate::problem::CandidatePlan;

/// Constants of the training problem and how its pipelines update; with a plan (I, M) they make [`LocalSteps`].
///
/// Every cluster makes the K steps of the plan ([`LocalUpdates`]) and τ = K: plain federated averaging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// When the pipelines update.
    pub update: UpdateRule,
}

impl LearningProblem {
    /// The schedule that plays `plan` for `rounds` rounds at `step_size`.
    ///
    /// # Errors
    /// [`BoundError::Field`] for lists of unequal lengths, a variance or batch size out of range, or M that does not
    /// divide every batch. The other fields are checked by what is asked of the schedule.
    pub fn local_steps(&self, plan: &CandidatePlan, step_size: f64, rounds: u64) -> Result<LocalSteps, BoundError> {
        check_length("sample_variance", self.sample_variance.len(), self.weights.len())?;
        check_length("batch_size", self.batch_size.len(), self.weights.len())?;
        let mut noise_variance = Vec::with_capacity(self.weights.len());
        let mut steps = 0;
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
            steps = updates.steps;
        }
        Ok(LocalSteps {
            initial_gap: self.initial_gap,
            step_size,
            server_steps: steps as f64,
            rounds,
            smoothness: self.smoothness,
            weights: self.weights.clone(),
            local_steps: vec![steps; noise_variance.len()],
            noise_variance,
            heterogeneity: self.heterogeneity,
            dissimilarity: self.dissimilarity,
        })
    }
}
