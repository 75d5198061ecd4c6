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
//! Drawn without replacement from N clusters of equal weight, the mean of S different ones has the factor
//! φ = (N−S)/(S(N−1)) in the place of 1/S, in p and in the last assumption. The sharp form is theorem A2 with the
//! sampling factor φ ([`LocalSteps::sharp`] says how it enters).
//!
//! S → ∞ (S = N without replacement) gives the tight form for all clusters. (Clusters that are asked but absent with probabilities of their own are
//! another matter: the average is then biased.)
//!
//! # Source
//! Ours; proof in `docs/theory/convergence.md`. Li et al. 2020 treat the strongly convex case.

use serde::{Deserialize, Serialize};

use super::{
    BoundError, Condition, LocalSteps, MAX_STEPS, MissingForm, SharpBound, StepModel, WEIGHT_TOLERANCE, check_step,
    finite, largest_step,
};
use crate::ground::check::{FieldError, count};

/// How a round's clusters are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// S times independently, n with probability ρ_n.
    #[default]
    WithReplacement,
    /// S different ones, all sets alike; asks for equal weights.
    WithoutReplacement,
}

/// Parameters of the bound for a sample of the clusters.
///
/// ```
/// use collapipe::bounds::{LocalSteps, PartialParticipation, Sampling, StepModel};
/// let schedule = LocalSteps {
///     initial_gap: 1.0, step_size: 0.125, server_steps: 1.0, rounds: 64, smoothness: 1.0, weights: vec![0.5, 0.5],
///     noise_variance: vec![1.0, 1.0], local_steps: vec![1, 1], heterogeneity: 0.25, dissimilarity: 1.0,
/// };
/// let sampled = PartialParticipation { participants: 3, sampling: Sampling::WithReplacement, schedule };
/// // κ = 1, p = 1/8: 2/(0.125·64) + 0.25/2 + (1/8)(1 + 0.25)
/// assert_eq!(sampled.bound()?.bound, 0.25 + 0.125 + 0.15625);
/// assert!(sampled.sharp(StepModel::Current)?.bound < 0.3);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialParticipation {
    /// S: draws per round; with replacement it may exceed the number of clusters.
    pub participants: u64,
    /// How they are drawn.
    #[serde(default)]
    pub sampling: Sampling,
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

/// Both forms side by side; `None` where an assumption is broken.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartialParticipationReport {
    /// The closed form.
    pub bound: Option<f64>,
    /// Theorem A2 with sampling, gradients at current iterates.
    pub sharp: Option<f64>,
    /// Theorem A2 with sampling, gradients at iterates of any age within the round.
    pub sharp_any_ages: Option<f64>,
    /// The closed form's terms.
    pub terms: Option<PartialParticipationBound>,
    /// Why a form above is null.
    pub missing: Vec<MissingForm>,
}

fn of_schedule(error: BoundError) -> BoundError {
    match error {
        BoundError::Field(field) => field.within("schedule").into(),
        other => other,
    }
}

impl PartialParticipation {
    /// φ: 1/S, or (N−S)/(S(N−1)).
    fn factor(&self) -> Result<f64, BoundError> {
        count("participants", self.participants, MAX_STEPS)?;
        let draws = self.participants as f64;
        if self.sampling == Sampling::WithReplacement {
            return Ok(1.0 / draws);
        }
        let weights = &self.schedule.weights;
        let clusters = weights.len() as f64;
        if draws > clusters {
            let allowed = format!("at most {clusters}, the number of clusters, without replacement");
            return Err(FieldError::new("participants", self.participants, allowed).into());
        }
        if let Some(n) = weights.iter().position(|weight| (weight * clusters - 1.0).abs() > WEIGHT_TOLERANCE) {
            let path = format!("schedule.weights[{n}]");
            let allowed = format!("1/{clusters}: sampling without replacement is covered for equal weights alone");
            return Err(FieldError::new(path, format!("{:?}", weights[n]), allowed).into());
        }
        Ok(if weights.len() == 1 { 0.0 } else { (clusters - draws) / (draws * (clusters - 1.0)) })
    }

    /// Theorem A2 with sampled clusters.
    ///
    /// # Errors
    /// As [`LocalSteps::sharp`]; [`BoundError::Field`] for participants or weights that do not fit the sampling.
    pub fn sharp(&self, model: StepModel) -> Result<SharpBound, BoundError> {
        self.schedule.checked_for_sharp().map_err(of_schedule)?;
        self.schedule.sharp_sampled(model, self.factor()?).map_err(of_schedule)
    }

    /// Every form that this schedule has.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; the error of the sharp form where no form has a bound.
    pub fn report(&self) -> Result<PartialParticipationReport, BoundError> {
        let (closed, sharp) = (self.bound(), self.sharp(StepModel::Current));
        let mut missing = Vec::new();
        match (&closed, &sharp) {
            (Err(error @ BoundError::Field(_)), _) | (Err(_), Err(error)) => return Err(error.clone()),
            _ => {}
        }
        let mut note = |form, error: &BoundError| missing.push(MissingForm { form, reason: error.to_string() });
        let stale = self.sharp(StepModel::AnyAges);
        let _ = closed.as_ref().map_err(|error| note("bound", error));
        let _ = sharp.as_ref().map_err(|error| note("sharp", error));
        let _ = stale.as_ref().map_err(|error| note("sharp_any_ages", error));
        Ok(PartialParticipationReport {
            bound: closed.as_ref().ok().map(|bound| bound.bound),
            sharp: sharp.ok().map(|bound| bound.bound),
            sharp_any_ages: stale.ok().map(|bound| bound.bound),
            terms: closed.ok(),
            missing,
        })
    }

    /// The bound.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where an assumption is broken.
    pub fn bound(&self) -> Result<PartialParticipationBound, BoundError> {
        let schedule = &self.schedule;
        let sums = schedule.checked_sums().map_err(of_schedule)?;
        let factor = self.factor()?;
        let (l, tau, eta) = (schedule.smoothness, schedule.server_steps, schedule.step_size);
        let beta = schedule.dissimilarity;
        let q = schedule.drift_gain(&sums);
        let p = 3.0 * l * eta * tau * factor;
        let share = 4.0 * (1.0 + 1.5 * factor) * beta + 1.0;
        let [round, _] = schedule.conditions(&sums);
        let conditions = [
            round,
            Condition {
                text: "3 step_size * server_steps * smoothness (dissimilarity - 1) f <= 1/4, f = 1/participants or (N-S)/(S(N-1))",
                value: p * (beta - 1.0),
                limit: 0.25,
                largest: 1.0 / (12.0 * factor * l * tau * (beta - 1.0)),
            },
            Condition {
                text: "2 (step_size * smoothness)^2 max K(K-1) <= 1/(4 (1 + 3 f/2) dissimilarity + 1)",
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
