//! Local steps where stochastic gradients have bounded second moments.
//!
//! # Statement
//! F = Σ ρ_n F_n, every F_n L-smooth; worker n steps θ_n ← θ_n − ηg with g unbiased given the past, of variance at most
//! s_n² and E|g|² ≤ G², independent between workers; every I steps all θ_n are set to θ̄ = Σ ρ_n θ_n. If ηL ≤ 1, over T
//! steps
//!
//! ```text
//! (1/T) Σ E|∇F(θ̄_t)|² ≤ 2Δ/(ηT) + η²L²G² (I−1)(2I−1)/6 + Lη Σ ρ_n² s_n²        tight
//!                      ≤ 2Δ/(ηT) + 4η²L²G² I² + Lη Σ ρ_n² s_n²                  simple
//! ```
//!
//! θ̄_t is the average at every step, whether the workers are synchronized there or not. No measure of heterogeneity
//! appears: G² pays for it.
//!
//! *Proof of the tight form.* With h = Σ ρ_n ∇F_n(θ_n), smoothness at θ̄ and 2⟨∇F, h⟩ = |∇F|² + |h|² − |∇F − h|² give,
//! for ηL ≤ 1, E F(θ̄⁺) ≤ F − (η/2)|∇F|² + (η/2)L² Σ ρ_n E|θ_n − θ̄|² + (Lη²/2) Σ ρ_n² s_n². j steps after an averaging
//! Σ ρ_n |θ_n − θ̄|² ≤ Σ ρ_n |η Σ_{i<j} g|² ≤ η²j²G² in expectation; the mean of j² over 0..I−1 is (I−1)(2I−1)/6, and
//! an incomplete last period only lacks its largest values. ∎
//!
//! # Source
//! The simple form is Yu, Yang and Zhu 2019, *Parallel restarted SGD with faster convergence and less communication*,
//! as recalled (equal weights there); the tight form is the same argument with a variance bounded by a second moment.

use serde::{Deserialize, Serialize};

use super::mini_batch::inverse_smoothness;
use super::{BoundError, Forms, MAX_STEPS, check_list, check_step, check_weights, finite};
use crate::ground::check::{Range, count, reals};

/// Parameters of the bound for local steps with bounded gradients.
///
/// ```
/// use collapipe::bounds::BoundedGradients;
/// let schedule = BoundedGradients {
///     initial_gap: 1.0, step_size: 0.25, steps: 32, period: 2, smoothness: 1.0, weights: vec![0.5, 0.5],
///     noise_variance: vec![1.0, 1.0], second_moment: 4.0,
/// };
/// let bound = schedule.bound()?;
/// assert_eq!(bound.simple, 0.25 + 4.0 + 0.125);
/// assert_eq!(bound.tight, 0.25 + 0.125 + 0.125);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundedGradients {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// T: steps of each worker, over all rounds.
    pub steps: u64,
    /// I: steps between two averagings.
    pub period: u64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// ρ_n, of sum 1; one per worker.
    pub weights: Vec<f64>,
    /// s_n²: largest variance of a step's gradient, in loss²/par².
    pub noise_variance: Vec<f64>,
    /// G²: largest E|g|² of any worker anywhere along its run, in loss²/par².
    pub second_moment: f64,
}

/// Bounds on (1/T) Σ E|∇F(θ̄_t)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BoundedGradientsBound {
    /// With 4η²L²G²I².
    pub simple: f64,
    /// With η²L²G²(I−1)(2I−1)/6.
    pub tight: f64,
    /// 2Δ/(ηT).
    pub initial_gap: f64,
    /// Lη Σ ρ_n² s_n².
    pub noise: f64,
    /// The term with G², of each form.
    pub drift: Forms<f64>,
    /// 1/L, in par²/loss.
    pub largest_step_size: f64,
}

impl BoundedGradients {
    /// The bound, in both forms.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where ηL > 1.
    pub fn bound(&self) -> Result<BoundedGradientsBound, BoundError> {
        reals(&[
            ("initial_gap", self.initial_gap, Range::NonNegative),
            ("step_size", self.step_size, Range::Positive),
            ("smoothness", self.smoothness, Range::Positive),
            ("second_moment", self.second_moment, Range::NonNegative),
        ])?;
        count("steps", self.steps, MAX_STEPS)?;
        count("period", self.period, MAX_STEPS)?;
        check_weights(&self.weights)?;
        check_list("noise_variance", &self.noise_variance, self.weights.len())?;
        let curvature = inverse_smoothness(self.step_size, self.smoothness);
        check_step(self.step_size, &[curvature])?;

        let variance: f64 =
            self.weights.iter().zip(&self.noise_variance).map(|(weight, s2)| weight * weight * s2).sum();
        let initial_gap = 2.0 * self.initial_gap / (self.step_size * self.steps as f64);
        let noise = self.smoothness * self.step_size * variance;
        let period = self.period as f64;
        let scale = curvature.value.powi(2) * self.second_moment;
        let drift =
            Forms { simple: 4.0 * scale * period * period, tight: scale * (period - 1.0) * (2.0 * period - 1.0) / 6.0 };
        Ok(BoundedGradientsBound {
            simple: finite("the bound", initial_gap + noise + drift.simple)?,
            tight: finite("the bound", initial_gap + noise + drift.tight)?,
            initial_gap,
            noise,
            drift,
            largest_step_size: curvature.largest,
        })
    }
}
