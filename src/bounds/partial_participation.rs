//! Local steps where every round only a sample of the clusters takes part.
//!
//! # Statement
//! As in [`LocalSteps`], but a round draws S clusters independently with replacement, cluster n with probability ρ_n,
//! and updates θ ← θ − ητ (1/S) Σ d over the draws (a cluster drawn twice counts twice). With q as there and p =
//! 3Lητ/S, let
//!
//! ```text
//! ητL ≤ 1/2,     p(β²−1) ≤ 1/4,     q ≤ 1/(4(1 + 3/(2S))β² + 1).
//! ```
//!
//! Then κ = 1 − p(β²−1) − (1+p)β²q/(1−q) ≥ 1/2 and
//!
//! ```text
//! (1/R) Σ E|∇F(θ_r)|² ≤ (1/κ) [ 2Δ/(ητR) + 2Lητ Σ ρ_n² s_n²/K_n + p (Σ ρ_n s_n²/K_n + ζ²)
//!                               + (1+p)(η²L² Σ ρ_n s_n²(K_n−1) + qζ²)/(1−q) ]
//! ```
//!
//! S → ∞ gives the tight form for all clusters. (Clusters that are asked but absent with probabilities of their own are
//! another matter: the average is then biased.)
//!
//! # Source
//! Ours; proof in `docs/theory/convergence.md`. Li et al. 2020 treat the strongly convex case.

use serde::{Deserialize, Serialize};

use super::{BoundError, Condition, LocalSteps, MAX_STEPS, check_step, finite, largest_step};
use crate::ground::check::count;

/// Parameters of the bound for a sample of the clusters.
///
/// ```
/// use collapipe::bounds::{LocalSteps, PartialParticipation};
/// let schedule = LocalSteps {
///     initial_gap: 1.0, step_size: 0.125, server_steps: 1.0, rounds: 64, smoothness: 1.0, weights: vec![0.5, 0.5],
///     noise_variance: vec![1.0, 1.0], local_steps: vec![1, 1], heterogeneity: 0.25, dissimilarity: 1.0,
/// };
/// let sampled = PartialParticipation { participants: 3, schedule };
/// // κ = 1, p = 1/8: 2/(0.125·64) + 0.25/2 + (1/8)(1 + 0.25)
/// assert_eq!(sampled.bound()?.bound, 0.25 + 0.125 + 0.15625);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialParticipation {
    /// S: draws per round; may exceed the number of clusters.
    pub participants: u64,
    /// The schedule if all clusters took part.
    pub schedule: LocalSteps,
}

/// Bound on (1/R) Σ E|∇F(θ_r)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartialParticipationBound {
    /// The bound; the sum of the terms below.
    pub bound: f64,
    /// From Δ.
    pub initial_gap: f64,
    /// Noise of the averaged step.
    pub noise: f64,
    /// From the draw: noise and heterogeneity that all clusters together would have averaged out.
    pub sampling: f64,
    /// Noise that local steps collect.
    pub drift: f64,
    /// From ζ² in the local steps.
    pub heterogeneity: f64,
    /// Largest step size that the assumptions allow, in par²/loss.
    pub largest_step_size: f64,
}

impl PartialParticipation {
    /// The bound.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where an assumption is broken.
    pub fn bound(&self) -> Result<PartialParticipationBound, BoundError> {
        let schedule = &self.schedule;
        count("participants", self.participants, MAX_STEPS)?;
        let sums = schedule.checked_sums().map_err(|error| match error {
            BoundError::Field(field) => field.within("schedule").into(),
            other => other,
        })?;
        let (l, tau, eta, draws) =
            (schedule.smoothness, schedule.server_steps, schedule.step_size, self.participants as f64);
        let beta = schedule.dissimilarity;
        let q = schedule.drift_gain(&sums);
        let p = 3.0 * l * eta * tau / draws;
        let share = 4.0 * (1.0 + 1.5 / draws) * beta + 1.0;
        let [round, _] = schedule.conditions(&sums);
        let conditions = [
            round,
            Condition {
                text: "3 step_size * server_steps * smoothness (dissimilarity - 1) / participants <= 1/4",
                value: p * (beta - 1.0),
                limit: 0.25,
                largest: draws / (12.0 * l * tau * (beta - 1.0)),
            },
            Condition {
                text: "2 (step_size * smoothness)^2 max K(K-1) <= 1/(4 (1 + 3/(2 participants)) dissimilarity + 1)",
                value: q,
                limit: 1.0 / share,
                largest: 1.0 / (l * (2.0 * share * sums.step_pairs).sqrt()),
            },
        ];
        check_step(eta, &conditions)?;

        let kappa = 1.0 - p * (beta - 1.0) - (1.0 + p) * beta * q / (1.0 - q);
        let local = (1.0 + p) / (1.0 - q) / kappa;
        let initial_gap = 2.0 * schedule.initial_gap / (eta * tau * schedule.rounds as f64) / kappa;
        let noise = 2.0 * l * eta * tau * sums.averaged_variance / kappa;
        let sampling = p * (sums.mean_variance + schedule.heterogeneity) / kappa;
        let drift = local * (eta * l).powi(2) * sums.drift_variance;
        let heterogeneity = local * q * schedule.heterogeneity;
        Ok(PartialParticipationBound {
            bound: finite("the bound", initial_gap + noise + sampling + drift + heterogeneity)?,
            initial_gap,
            noise,
            sampling,
            drift,
            heterogeneity,
            largest_step_size: largest_step(&conditions),
        })
    }
}
