//! Local steps seen from their average: theorem B, in which more local steps of one cluster cost nothing.
//!
//! # Statement
//! F = Σ ρ_n F_n with every F_n L-smooth; every cluster makes K steps of size η, x = ηL ≤ 1, at its current iterate, with
//! unbiased gradients of variance at most s_n², independent between clusters, and the models are averaged (τ = K);
//! Σ ρ_n |∇F_n − ∇F|² ≤ ζ². Let θ̄ = Σ ρ_n θ_n after every single step, and G the mean of E|∇F(θ̄)|² over all KR of them. With
//! S_0 = 0, S_{h+1} = ((1+x)√S_h + xζ)² + x² Σ ρ_n(1−ρ_n)s_n² (convex F_n: 1 in the place of 1+x) and S = (1/K) Σ_{h<K} S_h,
//!
//! ```text
//! (1 − x/2) G − (1−x) √(G S) − (x/2) S ≤ Δ/(ηKR) + (x/2) Σ ρ_n² s_n².
//! ```
//!
//! It takes the place of [`BoundedGradients`](super::BoundedGradients), which asks for bounded gradients. For one
//! cluster S = 0: plain SGD, whatever K.
//!
//! # Source
//! Ours; proof in `docs/theory/convergence-sharp.md`.

use serde::{Deserialize, Serialize};

use super::mini_batch::inverse_smoothness;
use super::sharp::MAX_SHARP_STEPS;
use super::{BoundError, MAX_STEPS, check_list, check_step, check_weights, finite};
use crate::ground::check::{Range, count, reals};

/// Parameters of the bound on the averaged iterates.
///
/// ```
/// use collapipe::bounds::VirtualAverage;
/// // One cluster: (1 − 1/4) G ≤ 1/(0.5·4·8) + (0.5/2)·0.75, whatever the local steps.
/// let training = VirtualAverage {
///     initial_gap: 1.0, step_size: 0.5, rounds: 8, local_steps: 4, smoothness: 1.0, weights: vec![1.0],
///     noise_variance: vec![0.75], heterogeneity: 0.25, convex: false,
/// };
/// let bound = training.bound()?;
/// assert_eq!((bound.bound, bound.spread), ((0.0625 + 0.1875) / 0.75, 0.0));
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualAverage {
    /// Δ = F(θ_0) − inf F, in loss.
    pub initial_gap: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// R.
    pub rounds: u64,
    /// K: steps of every cluster in a round.
    pub local_steps: u64,
    /// L: Lipschitz constant of every ∇F_n, in loss/par².
    pub smoothness: f64,
    /// ρ_n: nonnegative, of sum 1; one per cluster.
    pub weights: Vec<f64>,
    /// s_n²: largest variance of a step's gradient, in loss²/par².
    pub noise_variance: Vec<f64>,
    /// ζ², in loss²/par²; not used for a single cluster.
    pub heterogeneity: f64,
    /// Every F_n is convex.
    #[serde(default)]
    pub convex: bool,
}

/// Bound on the mean of E|∇F(θ̄)|² over all steps, in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VirtualAverageBound {
    /// The bound.
    pub bound: f64,
    /// S: L² times the clusters' mean squared distance from their average.
    pub spread: f64,
    /// The bound if the clusters never parted: (2Δ/(ηKR) + x Σ ρ²s²)/(2 − x).
    pub without_spread: f64,
    /// 1/L, in par²/loss.
    pub largest_step_size: f64,
}

impl VirtualAverage {
    /// The bound.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range; [`BoundError::StepSize`] where ηL > 1.
    pub fn bound(&self) -> Result<VirtualAverageBound, BoundError> {
        reals(&[
            ("initial_gap", self.initial_gap, Range::NonNegative),
            ("step_size", self.step_size, Range::Positive),
            ("smoothness", self.smoothness, Range::Positive),
            ("heterogeneity", self.heterogeneity, Range::NonNegative),
        ])?;
        count("rounds", self.rounds, MAX_STEPS)?;
        count("local_steps", self.local_steps, MAX_SHARP_STEPS)?;
        check_weights(&self.weights)?;
        check_list("noise_variance", &self.noise_variance, self.weights.len())?;
        let curvature = inverse_smoothness(self.step_size, self.smoothness);
        check_step(self.step_size, &[curvature])?;
        let x = curvature.value;
        let (mut averaged, mut apart) = (0.0, 0.0);
        for (&weight, &variance) in self.weights.iter().zip(&self.noise_variance) {
            averaged += weight * weight * variance;
            apart += weight * (1.0 - weight) * variance;
        }
        // A cluster of weight 1 is its own average.
        let alone = self.weights.contains(&1.0);
        let pull = if alone { 0.0 } else { x * self.heterogeneity.sqrt() };
        let growth = if self.convex { 1.0 } else { 1.0 + x };
        let (mut spread, mut sum) = (0.0_f64, 0.0);
        for _ in 0..self.local_steps {
            sum += spread;
            spread = (growth * spread.sqrt() + pull).powi(2) + x * x * apart;
        }
        let steps = self.local_steps as f64;
        let spread = finite("the spread", sum / steps)?;
        let gap = self.initial_gap / (self.step_size * steps * self.rounds as f64);
        let right = gap + 0.5 * x * averaged;
        // c y² − a y − (xS/2 + right) = 0 for y = √G.
        let (c, a) = (1.0 - 0.5 * x, (1.0 - x) * spread.sqrt());
        let root = (a + (a * a + 4.0 * c * (0.5 * x * spread + right)).sqrt()) / (2.0 * c);
        Ok(VirtualAverageBound {
            bound: if spread == 0.0 { finite("the bound", right / c)? } else { finite("the bound", root * root)? },
            spread,
            without_spread: right / c,
            largest_step_size: curvature.largest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> VirtualAverage {
        VirtualAverage {
            initial_gap: 1.0,
            step_size: 0.25,
            rounds: 4,
            local_steps: 3,
            smoothness: 2.0,
            weights: vec![0.25, 0.75],
            noise_variance: vec![1.0, 2.0],
            heterogeneity: 0.25,
            convex: false,
        }
    }

    /// x = 1/2: S_1 = 1/16 + (1/4)(9/16) = 13/64, S_2 = ((3/2)√(13/64) + 1/4)² + 9/64; Σρ²s² = 19/16.
    #[test]
    fn by_hand() {
        let bound = two().bound().unwrap();
        let second = (1.5 * (13.0_f64 / 64.0).sqrt() + 0.25).powi(2) + 9.0 / 64.0;
        let spread = (13.0 / 64.0 + second) / 3.0;
        assert!((bound.spread - spread).abs() < 1e-15);
        let g = bound.bound;
        let left = 0.75 * g - 0.5 * (g * spread).sqrt() - 0.25 * spread;
        assert!((left - (1.0 / 3.0 + 0.25 * 19.0 / 16.0)).abs() < 1e-14, "{bound:?}");
        let convex = VirtualAverage { convex: true, ..two() }.bound().unwrap();
        let second = ((13.0_f64 / 64.0).sqrt() + 0.25).powi(2) + 9.0 / 64.0;
        assert!((convex.spread - (13.0 / 64.0 + second) / 3.0).abs() < 1e-15);
    }

    #[test]
    fn one_cluster_is_plain_sgd() {
        let one = VirtualAverage { weights: vec![1.0], noise_variance: vec![2.0], ..two() };
        let steps = one.bound().unwrap();
        let flat = VirtualAverage { local_steps: 1, rounds: 12, ..one }.bound().unwrap();
        assert_eq!((steps.bound, steps.spread), (flat.bound, 0.0));
    }

    #[test]
    fn refuses_larger_steps() {
        let error = VirtualAverage { step_size: 0.51, ..two() }.bound().unwrap_err();
        assert!(matches!(error, BoundError::StepSize { largest: 0.5, .. }), "{error}");
    }
}
