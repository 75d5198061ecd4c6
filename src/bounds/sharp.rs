//! Local steps, sharp: theorem A2, the bound whose constants come from recursions instead of closed forms.
//!
//! # Statement
//! Assumptions as in [`LocalSteps`], but for those on the step size. With x = ηL, γ = ητL, and δ_K, ν_K as in the module
//! `drift` (of current iterates, iterates of any age within the round, or convex losses),
//! V' = Σ ρ_n² s_n² ν_{K_n}/K_n and D = δ_{max K}(Σ ρ_n s_n², β²G + ζ²), the mean G = (1/R) Σ E|∇F(θ_r)|² satisfies
//!
//! ```text
//! (1 − γ/2) G − |1−γ| √(G D) − (γ/2) D ≤ Δ/(ητR) + (γ/2) V'
//! ```
//!
//! Where only a sample of the clusters takes part, φ = 1/S (with replacement) or (N−S)/(S(N−1)) (without, equal
//! weights), ρ_n² + φρ_n(1−ρ_n) takes the place of ρ_n² in V', and (γφ/2)(√Z + √D)² with Z = ζ² + (β²−1)G is
//! subtracted on the left.
//!
//! The left side is convex in G. Its largest root is the bound; it exists where the slope at infinity is positive.
//! Newton's method from the right finds it: each of its steps is a tangent, share·G ≤ Δ/(ητR) + charge, which is a
//! valid bound by itself and the form in which the theorem is a linear constraint.
//!
//! # Source
//! Ours; proof in `docs/theory/convergence-sharp.md`.

use serde::{Deserialize, Serialize};

use super::drift::{StepModel, drift, noiseless, variance_growth};
use super::{BoundError, Condition, LocalSteps, Terms, check_step, finite};
use crate::ground::check::FieldError;

/// Most local steps of a round for which the recursions are run.
pub const MAX_SHARP_STEPS: u64 = 100_000;

/// Bound on (1/R) Σ E|∇F(θ_r)|², in loss²/par².
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SharpBound {
    /// The bound; the sum of its terms.
    pub bound: f64,
    /// Its terms, by the tangent at the bound.
    pub terms: Terms,
    /// Part of the noise and of ζ² due to sampled clusters; 0 where all take part.
    pub sampling: f64,
    /// Largest step size at which there is a bound, in par²/loss.
    pub largest_step_size: f64,
}

/// The theorem at given numbers, without its left-hand Δ.
#[derive(Clone, Debug)]
pub(super) struct Inequality {
    model: StepModel,
    /// max K.
    steps: u64,
    x: f64,
    gamma: f64,
    /// φ.
    sampling: f64,
    /// Σ ρ s².
    variance: f64,
    /// (γ/2) Σ ρ² s² ν/K.
    noise: f64,
    /// (γ/2) φ Σ ρ(1−ρ) s² ν/K.
    sampled_noise: f64,
    heterogeneity: f64,
    dissimilarity: f64,
}

/// share·G ≤ Δ/(ητR) + noise + drift + heterogeneity + sampling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tangent {
    pub share: f64,
    pub noise: f64,
    pub drift: f64,
    pub heterogeneity: f64,
    pub sampling: f64,
}

impl Tangent {
    pub fn charge(&self) -> f64 {
        self.noise + self.drift + self.heterogeneity + self.sampling
    }
}

impl Inequality {
    /// The tangent at `at` > 0: of all linear forms the one that says most there.
    pub fn tangent(&self, at: f64) -> Tangent {
        let beta = self.dissimilarity;
        let drift = drift(self.model, self.steps, self.x, self.variance, beta * at + self.heterogeneity);
        let slack = (1.0 - self.gamma).abs();
        let draw = 0.5 * self.gamma * self.sampling;
        let mut share = 1.0 - 0.5 * self.gamma;
        let mut weight = 0.5 * self.gamma + draw;
        // √(GD) ≤ tG/2 + D/(2t), equal at t = √(D/G).
        let ratio = (drift.value / at).sqrt();
        if ratio > 0.0 {
            share -= 0.5 * slack * ratio;
            weight += 0.5 * slack / ratio;
        }
        // (√Z + √D)² ≤ (1+u)Z + (1+1/u)D, equal at u = √(D/Z).
        let apart = (beta - 1.0) * at + self.heterogeneity;
        let ratio = if apart > 0.0 { (drift.value / apart).sqrt() } else { 0.0 };
        if ratio > 0.0 {
            weight += draw / ratio;
        }
        share -= draw * (1.0 + ratio) * (beta - 1.0) + weight * drift.by_gradient * beta;
        Tangent {
            share,
            noise: self.noise,
            drift: weight * drift.by_variance * self.variance,
            heterogeneity: weight * drift.by_gradient * self.heterogeneity,
            sampling: self.sampled_noise + draw * (1.0 + ratio) * self.heterogeneity,
        }
    }

    /// Tangent at `at`, or at the next larger point (in powers of 4) where its share is positive.
    pub fn rising_tangent(&self, at: f64) -> Result<(f64, Tangent), BoundError> {
        let mut at = at;
        while at.is_finite() {
            let tangent = self.tangent(at);
            if tangent.share > 0.0 && tangent.charge().is_finite() {
                return Ok((at, tangent));
            }
            at *= 4.0;
        }
        Err(BoundError::Overflow { quantity: "the bound" })
    }

    /// The largest G that satisfies the inequality with the right side `gap` = Δ/(ητR), and the tangent there.
    pub fn root(&self, gap: f64) -> Result<(f64, Tangent), BoundError> {
        let start = gap + self.noise + self.sampled_noise + self.heterogeneity + self.variance;
        if start == 0.0 {
            return Ok((0.0, self.rising_tangent(1.0)?.1));
        }
        let (_, mut tangent) = self.rising_tangent(start)?;
        let mut bound = (gap + tangent.charge()) / tangent.share;
        // From here on the root is approached from above; every iterate is a bound.
        for _ in 0..200 {
            if bound < f64::MIN_POSITIVE {
                break;
            }
            let next = self.tangent(bound);
            let lower = (gap + next.charge()) / next.share;
            if !(next.share > 0.0 && lower < bound) {
                break;
            }
            let settled = lower > bound * (1.0 - 1e-14);
            (bound, tangent) = (lower, next);
            if settled {
                break;
            }
        }
        Ok((finite("the bound", bound)?, tangent))
    }
}

/// 1 less the slope at infinity, which must stay below 1.
fn lost_share(model: StepModel, steps: u64, (x, gamma): (f64, f64), sampling: f64, dissimilarity: f64) -> f64 {
    let drift = dissimilarity.sqrt() * noiseless(model, steps, x);
    let apart = (dissimilarity - 1.0).sqrt() + drift;
    0.5 * gamma + (1.0 - gamma).abs() * drift + 0.5 * gamma * (drift * drift + sampling * apart * apart)
}

impl LocalSteps {
    /// Theorem A2: the sharp bound, of gradients at current iterates, at iterates of any age, or of convex losses.
    ///
    /// Asks for less than [`LocalSteps::bound`]: a step size that either form of that allows is allowed here.
    ///
    /// ```
    /// # use collapipe::bounds::{LocalSteps, StepModel};
    /// // One step, no noise: (1 − ηL/2) G ≤ Δ/(ηR), which gradient descent on L|θ|²/2 attains with ηL = 1, R = 1.
    /// let schedule = LocalSteps {
    ///     initial_gap: 0.5, step_size: 1.0, server_steps: 1.0, rounds: 1, smoothness: 1.0, weights: vec![1.0],
    ///     noise_variance: vec![0.0], local_steps: vec![1], heterogeneity: 0.0, dissimilarity: 1.0,
    /// };
    /// assert_eq!(schedule.sharp(StepModel::Current)?.bound, 1.0);
    /// # Ok::<(), collapipe::bounds::BoundError>(())
    /// ```
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range or more than [`MAX_SHARP_STEPS`] local steps;
    /// [`BoundError::StepSize`] where the step size is too large for any bound.
    pub fn sharp(&self, model: StepModel) -> Result<SharpBound, BoundError> {
        self.sharp_sampled(model, 0.0)
    }

    /// Largest step size at which [`LocalSteps::sharp`] has a bound, in par²/loss.
    ///
    /// # Errors
    /// As [`LocalSteps::sharp`], for the fields.
    pub fn largest_sharp_step_size(&self, model: StepModel) -> Result<f64, BoundError> {
        self.checked_for_sharp()?;
        finite("the largest step size", self.sharp_condition(model, 0.0).largest)
    }

    /// The bound with the sampling factor φ.
    pub(super) fn sharp_sampled(&self, model: StepModel, sampling: f64) -> Result<SharpBound, BoundError> {
        let (inequality, largest_step_size) = self.inequality(model, sampling)?;
        let gap = self.initial_gap / (self.step_size * self.server_steps * self.rounds as f64);
        let (bound, tangent) = inequality.root(gap)?;
        let terms = Terms {
            initial_gap: gap / tangent.share,
            noise: tangent.noise / tangent.share,
            drift: tangent.drift / tangent.share,
            heterogeneity: tangent.heterogeneity / tangent.share,
        };
        Ok(SharpBound { bound, terms, sampling: tangent.sampling / tangent.share, largest_step_size })
    }

    /// The theorem's inequality, with the largest step size.
    pub(super) fn inequality(&self, model: StepModel, sampling: f64) -> Result<(Inequality, f64), BoundError> {
        self.checked_for_sharp()?;
        let condition = self.sharp_condition(model, sampling);
        check_step(self.step_size, &[condition])?;
        Ok((self.inequality_at(model, sampling, self.step_size), condition.largest))
    }

    /// The inequality at a step size that the condition allows; fields are checked.
    pub(super) fn inequality_at(&self, model: StepModel, sampling: f64, step_size: f64) -> Inequality {
        let x = step_size * self.smoothness;
        let gamma = x * self.server_steps;
        let growth = variance_growth(model, &self.local_steps, x);
        let (mut variance, mut noise, mut sampled) = (0.0, 0.0, 0.0);
        let clusters = self.weights.iter().zip(&self.noise_variance).zip(self.local_steps.iter().zip(&growth));
        for ((&weight, &own), (&steps, growth)) in clusters {
            let mean = own * growth / steps as f64;
            variance += weight * own;
            noise += weight * weight * mean;
            sampled += weight * (1.0 - weight) * mean;
        }
        Inequality {
            model,
            steps: self.longest(),
            x,
            gamma,
            sampling,
            variance,
            noise: 0.5 * gamma * noise,
            sampled_noise: 0.5 * gamma * sampling * sampled,
            heterogeneity: self.heterogeneity,
            dissimilarity: self.dissimilarity,
        }
    }

    pub(super) fn longest(&self) -> u64 {
        self.local_steps.iter().copied().max().unwrap_or(1)
    }

    pub(super) fn checked_for_sharp(&self) -> Result<(), BoundError> {
        self.checked_sums()?;
        match self.local_steps.iter().position(|&steps| steps > MAX_SHARP_STEPS) {
            None => Ok(()),
            Some(n) => {
                let allowed = format!("at most {MAX_SHARP_STEPS} for the sharp form, which runs a recursion over them");
                Err(FieldError::new(format!("local_steps[{n}]"), self.local_steps[n], allowed).into())
            }
        }
    }

    pub(super) fn sharp_condition(&self, model: StepModel, sampling: f64) -> Condition {
        let (longest, tau, l) = (self.longest(), self.server_steps, self.smoothness);
        let lost = |eta: f64| lost_share(model, longest, (eta * l, eta * l * tau), sampling, self.dissimilarity);
        // The lost share increases with the step size from 0; γ < 2 whatever else.
        let (mut low, mut high) = (0.0, 2.0 / (l * tau));
        while high - low > 1e-15 * high {
            let middle = if low > 0.0 { 0.5 * (low + high) } else { 0.25 * high };
            if middle <= low || middle >= high {
                break;
            }
            if lost(middle) < 1.0 { low = middle } else { high = middle }
        }
        if model == StepModel::Convex && low * l > 2.0 {
            return Condition {
                text: "step_size * smoothness <= 2",
                value: self.step_size * l,
                limit: 2.0,
                largest: 2.0 / l,
            };
        }
        Condition {
            text: "g/2 + |1-g| sqrt(d) + g d/2 + g f (sqrt(dissimilarity - 1) + sqrt(d))^2/2 < 1 with g = step_size * \
                   server_steps * smoothness, f the sampling factor (0: all clusters) and sqrt(d) = sqrt(dissimilarity) \
                   times the noiseless drift (docs/theory/convergence-sharp.md)",
            value: lost(self.step_size),
            limit: 1.0,
            largest: low,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/scenarios/convergence.toml`, one update per micro-batch or per batch.
    fn schedule(micro_batches: u64, flushed: bool) -> LocalSteps {
        let m = micro_batches as f64;
        let (steps, size, variance) = if flushed { (2, 0.01 * m, 3.125) } else { (2 * micro_batches, 0.01, 3.125 * m) };
        LocalSteps {
            initial_gap: 1.0,
            step_size: size,
            server_steps: steps as f64,
            rounds: 500,
            smoothness: 1.0,
            weights: vec![0.5; 2],
            noise_variance: vec![variance; 2],
            local_steps: vec![steps; 2],
            heterogeneity: 0.5,
            dissimilarity: 1.0,
        }
    }

    /// The root of the inequality by bisection, from a plain transcription of the theorem.
    fn bisected(schedule: &LocalSteps) -> f64 {
        let (k, x) = (schedule.local_steps[0], schedule.step_size * schedule.smoothness);
        let gamma = x * schedule.server_steps;
        let spread = |h: u64| x * x * (0..h).map(|i| (1.0 + x).powi(2 * i as i32)).sum::<f64>();
        let left = |g: f64| {
            let b = (schedule.dissimilarity * g + schedule.heterogeneity).sqrt();
            let s2 = schedule.noise_variance[0];
            let (mut m, mut sum) = (0.0_f64, 0.0);
            for h in 0..k {
                let r = (m * m + s2 * spread(h)).sqrt();
                sum += r;
                m += x * b + x * r;
            }
            let d = (sum / k as f64).powi(2);
            (1.0 - gamma / 2.0) * g - (1.0 - gamma).abs() * (g * d).sqrt() - gamma / 2.0 * d
        };
        let nu = spread(k) / (x * x * k as f64);
        let right = schedule.initial_gap / (schedule.step_size * schedule.server_steps * schedule.rounds as f64)
            + gamma / 2.0 * schedule.noise_variance[0] / 2.0 * nu / k as f64;
        let (mut low, mut high) = (0.0, 100.0);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if left(middle) <= right { low = middle } else { high = middle }
        }
        high
    }

    #[test]
    fn newton_finds_the_root() {
        for (m, flushed) in [(1, false), (2, false), (8, false), (16, false), (2, true), (16, true)] {
            let schedule = schedule(m, flushed);
            let sharp = schedule.sharp(StepModel::Current).unwrap();
            let expected = bisected(&schedule);
            assert!((sharp.bound - expected).abs() < 1e-12 * expected, "{sharp:?} {expected}");
            assert!((sharp.terms.total() + sharp.sampling - sharp.bound).abs() < 1e-12 * expected);
        }
    }

    #[test]
    fn numbers_of_the_docs() {
        let row = |flushed, model| -> Vec<String> {
            let of = |m| schedule(m, flushed).sharp(model).unwrap().bound;
            [1, 2, 4, 8, 16].into_iter().map(|m| format!("{:.4}", of(m))).collect()
        };
        assert_eq!(row(false, StepModel::Current), ["0.1122", "0.0752", "0.0793", "0.1471", "0.4153"]);
        assert_eq!(row(false, StepModel::AnyAges), ["0.1122", "0.0754", "0.0804", "0.1529", "0.4497"]);
        assert_eq!(row(false, StepModel::Convex), ["0.1121", "0.0746", "0.0763", "0.1310", "0.3211"]);
        assert_eq!(row(true, StepModel::Current), ["0.1122", "0.0724", "0.0697", "0.1112", "0.2505"]);
    }

    #[test]
    fn the_largest_step_size_is_the_last_with_a_bound() {
        for model in [StepModel::Current, StepModel::AnyAges, StepModel::Convex] {
            let schedule = schedule(4, false);
            let largest = schedule.largest_sharp_step_size(model).unwrap();
            assert!(largest > schedule.largest_step_size().unwrap());
            let bound = LocalSteps { step_size: 0.999 * largest, ..schedule.clone() }.sharp(model).unwrap();
            assert!(bound.bound > 10.0);
            let error = LocalSteps { step_size: 1.001 * largest, ..schedule }.sharp(model).unwrap_err();
            assert!(matches!(error, BoundError::StepSize { largest: named, .. } if named == largest), "{error}");
        }
    }
}
