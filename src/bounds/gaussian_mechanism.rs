//! Gaussian noise added to gradients for privacy: what it costs and what it buys.
//!
//! # Statement
//! *Cost.* Mini-batch SGD ([`MiniBatchSgd`]) whose mean gradient of B samples gets noise N(0, ν²) in each of its d
//! coordinates is mini-batch SGD of variance σ²/B + dν².
//!
//! *Gain.* If no sample's gradient is longer than C, replacing one sample moves the mean gradient by at most 2C/B. With
//! at most u steps that use the same sample, all u together are exactly as private as one Gaussian release with
//! μ = √u (2C/B)/ν: (ε, δ)-private for every ε ≥ 0 with
//!
//! ```text
//! δ(ε) = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ)
//! ```
//!
//! The cost assumes gradients that are not longer than C by themselves; clipping longer ones biases them, and no bound
//! is claimed for that. That batches hide which samples they hold (amplification by subsampling) is not counted here;
//! [`SubsampledGaussian`](super::SubsampledGaussian) counts it.
//!
//! # Source
//! δ(ε): Balle and Wang 2018, *Improving the Gaussian mechanism*; composition of Gaussian releases: Dong, Roth and Su
//! 2022,
//! *Gaussian differential privacy*; both as recalled. δ(ε) is E max(0, 1 − e^(ε−Λ)) with the privacy loss Λ ~ N(μ²/2,
//! μ²), which the example `bounds_check` simulates.

use serde::{Deserialize, Serialize};

use super::{BoundError, MAX_STEPS, MiniBatchSgd, MiniBatchSgdBound};
use crate::ground::check::{Range, count, real, reals};
use crate::problem::{FieldError, MAX_BATCH_SIZE, MIN_MAGNITUDE};

/// Parameters of the bound for gradients with noise for privacy.
///
/// ```
/// use collapipe::bounds::GaussianMechanism;
/// let training = GaussianMechanism {
///     initial_gap: 1.0, step_size: 0.5, steps: 16, smoothness: 1.0, sample_variance: 4.0, batch_size: 8,
///     dimension: 100, noise_std: 0.5, clip_norm: 1.0, uses_per_sample: 4, delta: 1e-5,
/// };
/// let bound = training.bound()?;
/// // 2/8 + 0.5 (4/8 + 100/4); μ = 2 · (2/8)/0.5 = 1
/// assert_eq!(bound.convergence.simple, 0.25 + 0.5 * 25.5);
/// assert_eq!(bound.privacy.gaussian_mu, 1.0);
/// assert!((bound.privacy.epsilon - 4.377_178_096).abs() < 1e-9);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GaussianMechanism {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// T.
    pub steps: u64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// σ²: largest variance of one sample's gradient, in loss²/par².
    pub sample_variance: f64,
    /// B.
    pub batch_size: u32,
    /// d: coordinates of the gradient.
    pub dimension: u64,
    /// ν: standard deviation of the noise per coordinate of the mean gradient, in loss/par.
    pub noise_std: f64,
    /// C: longest gradient of one sample, in loss/par.
    pub clip_norm: f64,
    /// u: most steps that use the same sample; at most T.
    pub uses_per_sample: u64,
    /// The wanted δ, in (0, 1).
    pub delta: f64,
}

/// Cost and gain of the noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GaussianMechanismBound {
    /// Bounds on (1/T) Σ E|∇F(θ_t)|².
    pub convergence: MiniBatchSgdBound,
    /// Part of the simple form due to the added noise: Lη d ν², in loss²/par².
    pub privacy_noise: f64,
    /// What the noise buys.
    pub privacy: Privacy,
}

/// A guarantee of (ε, δ)-differential privacy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Privacy {
    /// ε.
    pub epsilon: f64,
    /// δ.
    pub delta: f64,
    /// μ of the Gaussian release that all uses of a sample amount to.
    pub gaussian_mu: f64,
}

impl GaussianMechanism {
    /// Cost and gain.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where ηL > 1.
    pub fn bound(&self) -> Result<GaussianMechanismBound, BoundError> {
        reals(&[("noise_std", self.noise_std, Range::Positive), ("clip_norm", self.clip_norm, Range::Positive)])?;
        count("dimension", self.dimension, MAX_STEPS)?;
        count("batch_size", self.batch_size, MAX_BATCH_SIZE)?;
        count("steps", self.steps, MAX_STEPS)?;
        count("uses_per_sample", self.uses_per_sample, self.steps)?;
        let sgd = MiniBatchSgd {
            initial_gap: self.initial_gap,
            step_size: self.step_size,
            steps: self.steps,
            smoothness: self.smoothness,
            sample_variance: self.sample_variance,
            batch_size: self.batch_size,
        };
        let added = self.dimension as f64 * self.noise_std * self.noise_std;
        let convergence = sgd.bound_with(sgd.variance()? + added)?;
        let sensitivity = 2.0 * self.clip_norm / f64::from(self.batch_size);
        let gaussian_mu = (self.uses_per_sample as f64).sqrt() * sensitivity / self.noise_std;
        let epsilon = privacy_epsilon(gaussian_mu, self.delta)?;
        Ok(GaussianMechanismBound {
            convergence,
            privacy_noise: self.smoothness * self.step_size * added,
            privacy: Privacy { epsilon, delta: self.delta, gaussian_mu },
        })
    }
}

/// δ(ε) of a Gaussian release of μ = sensitivity/ν: Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ).
///
/// Relative error about 1e-15/μ for small μ, otherwise below 1e-9.
///
/// # Errors
/// [`BoundError::Field`] unless μ is positive and ε is not negative.
pub fn privacy_delta(gaussian_mu: f64, epsilon: f64) -> Result<f64, BoundError> {
    real("gaussian_mu", gaussian_mu, Range::Positive)?;
    real("epsilon", epsilon, Range::NonNegative)?;
    Ok(delta_of(gaussian_mu, epsilon))
}

/// Least ε ≥ 0 with δ(ε) ≤ δ for a Gaussian release of μ = sensitivity/ν; found by bisection, rounded up.
///
/// Below μ = 1e-8, where δ(ε) loses its digits, the closed form μ²/2 + μ√(2 ln(1/δ)), which is never less.
///
/// # Errors
/// [`BoundError::Field`] unless μ is positive and δ in (0, 1).
pub fn privacy_epsilon(gaussian_mu: f64, delta: f64) -> Result<f64, BoundError> {
    real("gaussian_mu", gaussian_mu, Range::Positive)?;
    if !(MIN_MAGNITUDE..1.0).contains(&delta) {
        let allowed = format!("a number in [{MIN_MAGNITUDE:e}, 1)");
        return Err(FieldError::new("delta", format!("{delta:?}"), allowed).into());
    }
    // P(Λ > ε) ≤ δ already suffices, and Φ(−z) ≤ e^(−z²/2).
    let sufficient = gaussian_mu * (0.5 * gaussian_mu + (-2.0 * delta.ln()).sqrt());
    // δ(0) = 2Φ(μ/2) − 1.
    if libm::erf(gaussian_mu / 8.0_f64.sqrt()) <= delta {
        return Ok(0.0);
    }
    if gaussian_mu < 1e-8 {
        return Ok(sufficient);
    }
    let (mut low, mut high) = (0.0, sufficient);
    loop {
        let middle = low + 0.5 * (high - low);
        if middle <= low || middle >= high {
            return Ok(high);
        }
        if delta_of(gaussian_mu, middle) <= delta {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// With a = ε/μ − μ/2 and b = ε/μ + μ/2 the exponents combine: e^ε Φ(−b) = e^(−a²/2) m(b), which does not overflow.
fn delta_of(mu: f64, epsilon: f64) -> f64 {
    let (a, b) = (epsilon / mu - 0.5 * mu, epsilon / mu + 0.5 * mu);
    let density = (-0.5 * a * a).exp();
    let delta = if a > 0.0 {
        density * (mills(a) - mills(b))
    } else {
        0.5 * libm::erfc(a * std::f64::consts::FRAC_1_SQRT_2) - density * mills(b)
    };
    delta.clamp(0.0, 1.0)
}

/// m(x) = e^(x²/2) Φ(−x) for x ≥ 0.
fn mills(x: f64) -> f64 {
    if x < 25.0 {
        return 0.5 * libm::erfc(x * std::f64::consts::FRAC_1_SQRT_2) * (0.5 * x * x).exp();
    }
    let y = 1.0 / (x * x);
    (1.0 - y * (1.0 - y * (3.0 - 15.0 * y))) / (x * (2.0 * std::f64::consts::PI).sqrt())
}
