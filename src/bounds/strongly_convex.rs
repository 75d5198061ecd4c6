//! Federated averaging of strongly convex losses, with a falling step size.
//!
//! # Statement
//! Every F_n μ-strongly convex and L-smooth; stochastic gradients unbiased given the past, of variance at most s_n² and
//! E|g|² ≤ G², independent between clusters; models averaged every E steps; Γ = F* − Σ ρ_n F_n*, the gap between the
//! common and the clusters' own optima. With shift γ = max(8L/μ, E) and step size η_t = 2/(μ(γ+t)), t = 0, 1, ...,
//! after T steps
//!
//! ```text
//! E F(θ̄_T) − F* ≤ L/(2(γ+T)) · max(4B/μ², γ|θ_0−θ*|²)                   tight
//!               ≤ (L/μ)/(γ+T) · (2B/μ + (μγ/2)|θ_0−θ*|²)                simple
//! B = Σ ρ_n² s_n² + 6LΓ + 8(E−1)²G²
//! ```
//!
//! Proof in `docs/theory/convergence.md`. No second moment is bounded on the whole space for a strongly convex loss: G²
//! is over the iterates of the run.
//!
//! # Source
//! Li et al. 2020, *On the convergence of FedAvg on non-IID data*, Theorem 1 as recalled (there the first iterate is
//! number 1, so γ+T−1 stands for γ+T); the tight form keeps the maximum that the theorem's proof bounds by a sum.

use serde::{Deserialize, Serialize};

use super::{BoundError, Forms, MAX_STEPS, check_list, check_weights, finite};
use crate::ground::check::{Range, count, reals};
use crate::problem::FieldError;

/// Parameters of the bound for strongly convex federated averaging.
///
/// ```
/// use collapipe::bounds::StronglyConvexFedAvg;
/// let schedule = StronglyConvexFedAvg {
///     strong_convexity: 1.0, smoothness: 2.0, steps: 48, period: 2, weights: vec![0.5, 0.5], noise_variance: vec![2.0, 2.0],
///     second_moment: 1.0, optimum_gap: 0.25, initial_distance_squared: 4.0,
/// };
/// // γ = 16, B = 1 + 3 + 8 = 12: 2/128 · max(48, 64) and 2/64 · (24 + 32)
/// let bound = schedule.bound()?;
/// assert_eq!((bound.tight, bound.simple), (1.0, 1.75));
/// assert_eq!(bound.first_step_size, 0.125);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StronglyConvexFedAvg {
    /// μ, in loss/par²; at most L.
    pub strong_convexity: f64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// T: steps of each cluster, over all rounds.
    pub steps: u64,
    /// E: steps between two averagings.
    pub period: u64,
    /// ρ_n, of sum 1; one per cluster.
    pub weights: Vec<f64>,
    /// s_n²: largest variance of a step's gradient, in loss²/par².
    pub noise_variance: Vec<f64>,
    /// G²: largest E|g|² along the run, in loss²/par².
    pub second_moment: f64,
    /// Γ = F* − Σ ρ_n F_n* ≥ 0, in loss.
    pub optimum_gap: f64,
    /// |θ_0 − θ*|², in par².
    pub initial_distance_squared: f64,
}

/// Bounds on E F(θ̄_T) − F*, in loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StronglyConvexBound {
    /// With the sum.
    pub simple: f64,
    /// With the maximum.
    pub tight: f64,
    /// The simple form's part of the start, and of B.
    pub terms: StronglyConvexTerms,
    /// γ: the step size is 2/(μ(γ+t)).
    pub shift: f64,
    /// η_0, in par²/loss.
    pub first_step_size: f64,
}

/// The simple form by term, in loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StronglyConvexTerms {
    /// From |θ_0 − θ*|².
    pub initial_distance: f64,
    /// From Σ ρ_n² s_n².
    pub noise: f64,
    /// From Γ.
    pub heterogeneity: f64,
    /// From G².
    pub drift: f64,
}

impl StronglyConvexFedAvg {
    /// The bound, in both forms. There is no step size to check: the schedule above is part of the statement.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, or μ > L.
    pub fn bound(&self) -> Result<StronglyConvexBound, BoundError> {
        let (mu, l) = (self.strong_convexity, self.smoothness);
        reals(&[
            ("strong_convexity", mu, Range::Positive),
            ("smoothness", l, Range::Positive),
            ("second_moment", self.second_moment, Range::NonNegative),
            ("optimum_gap", self.optimum_gap, Range::NonNegative),
            ("initial_distance_squared", self.initial_distance_squared, Range::NonNegative),
        ])?;
        if mu > l {
            let allowed = format!("at most smoothness = {l:?}");
            return Err(FieldError::new("strong_convexity", format!("{mu:?}"), allowed).into());
        }
        count("steps", self.steps, MAX_STEPS)?;
        count("period", self.period, MAX_STEPS)?;
        check_weights(&self.weights)?;
        check_list("noise_variance", &self.noise_variance, self.weights.len())?;

        let shift = (8.0 * l / mu).max(self.period as f64);
        let variance: f64 =
            self.weights.iter().zip(&self.noise_variance).map(|(weight, s2)| weight * weight * s2).sum();
        let parts =
            [variance, 6.0 * l * self.optimum_gap, 8.0 * (self.period as f64 - 1.0).powi(2) * self.second_moment];
        let scale = l / (2.0 * (shift + self.steps as f64));
        let start = shift * self.initial_distance_squared;
        let [noise, heterogeneity, drift] = parts.map(|part| scale * 4.0 * part / mu / mu);
        let terms = StronglyConvexTerms { initial_distance: scale * start, noise, heterogeneity, drift };
        let rest = noise + heterogeneity + drift;
        let forms = Forms { simple: terms.initial_distance + rest, tight: terms.initial_distance.max(rest) };
        Ok(StronglyConvexBound {
            simple: finite("the bound", forms.simple)?,
            tight: finite("the bound", forms.tight)?,
            terms,
            shift,
            first_step_size: 2.0 / (mu * shift),
        })
    }
}
