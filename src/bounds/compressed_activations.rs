//! Quantized or compressed tensors at the cuts of a pipeline.
//!
//! # Statement
//! What crosses boundary j (an activation, or its gradient on the way back) arrives with an additive error of norm at
//! most a_j per sample. The sample's gradient, as a function of all those errors, is Lipschitz in error j with constant
//! c_j whatever the other errors are. Then every sample's gradient is off by at most e = Σ c_j a_j, and mini-batch SGD
//! ([`MiniBatchSgd`](super::MiniBatchSgd)) with ηL ≤ 1 satisfies, with v = σ²/B,
//!
//! ```text
//! (1/T) Σ E|∇F(θ_t)|² ≤ 2Δ/(ηT) + e² + Lη(√v + e)²
//! ```
//!
//! and, sharper, the mean is at most the larger root G of
//!
//! ```text
//! (1 − x/2) G = Δ/(ηT) + (x/2)(e² + v) + e √((1−x)² G + x² v),        x = ηL.
//! ```
//!
//! e² does not fall with the rounds or the step size: errors may conspire. (Unbiased errors of activations do not make
//! unbiased gradients, because the network behind the cut is not linear.)
//!
//! *Proof.* The error of j may depend on those before it; moving one after the other from 0 to its value changes the
//! gradient by c_j a_j at most. So g = ∇F + b + ξ with |b| ≤ e and, by Minkowski's inequality, E|ξ|² ≤ (√v + e)².
//! Smoothness and 2⟨∇F, ∇F + b⟩ = |∇F|² + |∇F + b|² − |b|² give E F(θ⁺) ≤ F − (η/2)|∇F|² − (η/2)(1 − Lη)|∇F + b|² +
//! (η/2)|b|² + (Lη²/2) E|ξ|²; sum. The sharp form keeps what is dropped there, and that the mean error and its spread
//! share e: |b|² + w ≤ e², √E|ξ|² ≤ √v + √w. Proof in `docs/theory/convergence-sharp.md`. ∎
//!
//! # Source
//! Ours; of the family of biased SGD (Ajalloeian and Stich 2020).

use serde::{Deserialize, Serialize};

use super::mini_batch::MiniBatchSgd;
use super::{BoundError, MAX_STEPS, MiniBatchSgdBound, finite};
use crate::ground::check::{Range, count, length, real};

/// Largest number of boundaries.
const MAX_BOUNDARIES: usize = 1_000_000;

/// A lossy transfer at a cut, forward or backward.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// c_j: Lipschitz constant of a sample's gradient in this error, in loss/par per unit of the tensor.
    pub sensitivity: f64,
    /// a_j: largest norm of a sample's error, in units of the tensor; see [`rounding_error_norm`].
    pub error_norm: f64,
}

/// Parameters of the bound for compressed activations.
///
/// ```
/// use collapipe::bounds::{Boundary, CompressedActivations, rounding_error_norm};
/// // 64 numbers rounded to multiples of 1/32.
/// let forward = Boundary { sensitivity: 2.0, error_norm: rounding_error_norm(64, 0.03125)? };
/// assert_eq!(forward.error_norm, 0.125);
/// let training = CompressedActivations {
///     initial_gap: 1.0, step_size: 0.5, steps: 16, smoothness: 1.0, sample_variance: 2.0, batch_size: 8,
///     boundaries: vec![forward],
/// };
/// // 2/8 + 0.25² + 0.5 (0.5 + 0.25)²
/// assert_eq!(training.bound()?.bound, 0.25 + 0.0625 + 0.28125);
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompressedActivations {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// T.
    pub steps: u64,
    /// L, in loss/par².
    pub smoothness: f64,
    /// σ²: largest variance of one sample's exact gradient, in loss²/par².
    pub sample_variance: f64,
    /// B.
    pub batch_size: u32,
    /// Every lossy transfer, forward and backward.
    pub boundaries: Vec<Boundary>,
}

/// Bound on (1/T) Σ E|∇F(θ_t)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompressedActivationsBound {
    /// The closed form; the sum of its three terms below.
    pub bound: f64,
    /// The sharp form; never above the closed one.
    pub sharp: f64,
    /// 2Δ/(ηT).
    pub initial_gap: f64,
    /// Lη(√v + e)².
    pub noise: f64,
    /// e².
    pub bias: f64,
    /// e: largest error of a sample's gradient, in loss/par.
    pub gradient_error: f64,
    /// 1/L, in par²/loss.
    pub largest_step_size: f64,
}

impl CompressedActivations {
    /// The bound.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where ηL > 1.
    pub fn bound(&self) -> Result<CompressedActivationsBound, BoundError> {
        length("boundaries", self.boundaries.len(), MAX_BOUNDARIES)?;
        for (j, boundary) in self.boundaries.iter().enumerate() {
            real(&format!("boundaries[{j}].sensitivity"), boundary.sensitivity, Range::NonNegative)?;
            real(&format!("boundaries[{j}].error_norm"), boundary.error_norm, Range::NonNegative)?;
        }
        let sgd = MiniBatchSgd {
            initial_gap: self.initial_gap,
            step_size: self.step_size,
            steps: self.steps,
            smoothness: self.smoothness,
            sample_variance: self.sample_variance,
            batch_size: self.batch_size,
        };
        let gradient_error: f64 =
            self.boundaries.iter().map(|boundary| boundary.sensitivity * boundary.error_norm).sum();
        let exact = sgd.variance()?;
        let variance = (exact.sqrt() + gradient_error).powi(2);
        let MiniBatchSgdBound { simple, initial_gap, noise, largest_step_size, .. } = sgd.bound_with(variance)?;
        let bias = gradient_error * gradient_error;
        let bound = finite("the bound", simple + bias)?;
        let x = self.step_size * self.smoothness;
        let sharp = finite("the bound", sharp_root(x, 0.5 * initial_gap, exact, bias))?;
        Ok(CompressedActivationsBound { bound, sharp, initial_gap, noise, bias, gradient_error, largest_step_size })
    }
}

/// The larger root G of c G = r + e √((1−x)² G + x² v), c = 1 − x/2, r = `gap` + (x/2)(e² + v).
fn sharp_root(x: f64, gap: f64, variance: f64, bias: f64) -> f64 {
    let c = 1.0 - 0.5 * x;
    let r = gap + 0.5 * x * (bias + variance);
    // Squared: c² G² − (2cr + e²(1−x)²) G + r² − e²x²v = 0, its discriminant without cancellation.
    let a = bias * (1.0 - x).powi(2);
    let root = (a * (a + 4.0 * c * r) + 4.0 * c * c * bias * x * x * variance).sqrt();
    (2.0 * c * r + a + root) / (2.0 * c * c)
}

/// Largest error norm of `entries` numbers rounded to the nearest multiple of `width`: (width/2)√entries.
///
/// Stochastic rounding can be off by twice that. Numbers outside the quantizer's range are not covered.
///
/// # Errors
/// [`BoundError::Field`] for a number out of range.
pub fn rounding_error_norm(entries: u64, width: f64) -> Result<f64, BoundError> {
    count("entries", entries, MAX_STEPS)?;
    real("width", width, Range::NonNegative)?;
    Ok(0.5 * width * (entries as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_solves_its_equation() {
        for (x, gap, v, e2) in
            [(0.5, 0.125, 0.25, 0.0625), (0.01, 0.3, 100.0, 0.5), (1.0, 0.1, 2.0, 3.0), (0.3, 0.0, 0.0, 1.0)]
        {
            let g = sharp_root(x, gap, v, e2);
            let right = gap + 0.5 * x * (e2 + v) + (e2 * ((1.0 - x).powi(2) * g + x * x * v)).sqrt();
            assert!(((1.0 - 0.5 * x) * g - right).abs() < 1e-13 * right, "{x} {gap} {v} {e2}");
            // Dropping (1−x)|∇F + b|² leaves 2 gap + e² + xv/(1−x), or x(√v + e)² in the place of the last two.
            let dropped = if x * v.sqrt() <= (1.0 - x) * e2.sqrt() {
                e2 + x * v / (1.0 - x)
            } else {
                x * (v.sqrt() + e2.sqrt()).powi(2)
            };
            let older = 2.0 * gap + e2 + x * (v.sqrt() + e2.sqrt()).powi(2);
            assert!(
                g <= (2.0 * gap + dropped) * (1.0 + 1e-14) && dropped <= older - 2.0 * gap,
                "{g} {dropped} {older}"
            );
        }
        // No errors: the tight form of mini-batch SGD. No noise, no gap: G = e², a constant bias that cancels ∇F.
        assert_eq!(sharp_root(0.5, 0.125, 0.25, 0.0), (0.25 + 0.125) / 1.5);
        assert!((sharp_root(0.3, 0.0, 0.0, 1.0) - 1.0).abs() < 1e-15);
    }
}
