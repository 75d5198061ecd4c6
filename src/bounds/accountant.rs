//! Privacy of many noisy steps on random batches: amplification by subsampling, by a numerical accountant.
//!
//! # What is computed
//! A step adds N(0, (zΔ)²) to a sum or mean of sensitivity Δ over a batch that is drawn anew; T steps, each of which may
//! depend on the results before. q is the probability that a given sample is in a batch.
//!
//! * Poisson batches (every sample by itself with probability q), neighbours by adding or removing a sample: one step
//!   is dominated by the pair (1−q)N(0,z²) + qN(1,z²) against N(0,z²), and the reverse.
//! * Batches of B of n samples without replacement (q = B/n), neighbours by replacing a sample: by the larger of the two
//!   privacy profiles, that of the first pair above 1 and that of the reverse below.
//!
//! The privacy loss of one step is put on a grid such that its profile δ(ε) becomes the chord of the true one (it is
//! convex in e^ε): never below it. T steps are the T-fold convolution, by fast Fourier transform; what might lie beyond
//! the window is bounded by Chernoff's inequality and counted as a certain loss. So ε errs upwards, but for rounding,
//! which stays below 1e-10 in δ.
//!
//! # Source
//! Dominating pairs: Zhu, Dong and Wang 2022, *Optimal accounting of differential privacy via characteristic function*;
//! discretization: Doroshenko, Ghazi, Kamath, Kumar and Manurangsi 2022, *Connect the dots*; both as recalled.

use serde::{Deserialize, Serialize};

use super::BoundError;
use super::fourier::convolution_power;
use crate::ground::check::{FieldError, Range, count, real};

/// Most steps the accountant takes.
const MAX_ACCOUNTED_STEPS: u64 = 100_000_000;
/// Smallest δ: below it rounding would be felt.
const LEAST_DELTA: f64 = 1e-9;
/// Points of the grid.
const GRID: usize = 1 << 18;
/// Deviations of the noise beyond which a result counts as a certain loss.
const TAIL: f64 = 9.0;

/// How batches are drawn, and whom privacy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchSampling {
    /// Every sample by itself; neighbouring data have one sample more or less.
    Poisson,
    /// A fixed number of different samples; neighbouring data have one sample replaced.
    WithoutReplacement,
}

/// Noisy steps on random batches.
///
/// ```
/// use collapipe::bounds::{BatchSampling, SubsampledGaussian};
/// // 5000 steps on batches of 32 of 20 000 samples, noise as large as the sensitivity.
/// let training = SubsampledGaussian {
///     sampling: BatchSampling::Poisson, sampling_rate: 32.0 / 20_000.0, noise_multiplier: 1.0, steps: 5000,
/// };
/// let epsilon = training.epsilon(1e-5)?;
/// assert!((epsilon - 0.554).abs() < 1e-3, "{epsilon}");
/// # Ok::<(), collapipe::bounds::BoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubsampledGaussian {
    /// How batches are drawn.
    pub sampling: BatchSampling,
    /// q in (0, 1]: how likely a given sample is in a batch.
    pub sampling_rate: f64,
    /// z: the noise's standard deviation per coordinate over the sensitivity of what it is added to.
    pub noise_multiplier: f64,
    /// T.
    pub steps: u64,
}

/// Φ of an interval, without cancellation in either tail.
fn normal(from: f64, to: f64) -> f64 {
    let tail = |x: f64| 0.5 * libm::erfc(x * std::f64::consts::FRAC_1_SQRT_2);
    if from > 0.0 { tail(from) - tail(to) } else { tail(-to) - tail(-from) }
}

/// The loss of all T steps on a grid.
struct Losses {
    width: f64,
    /// Probability of loss i·width, for i from −`below`.
    masses: Vec<f64>,
    below: usize,
    /// Probability that is counted as a certain loss.
    certain: f64,
}

impl Losses {
    fn delta(&self, epsilon: f64) -> f64 {
        let mut delta = self.certain;
        for (i, mass) in self.masses.iter().enumerate() {
            let excess = (i as f64 - self.below as f64) * self.width - epsilon;
            if excess > 0.0 {
                delta += mass * -(-excess).exp_m1();
            }
        }
        delta.clamp(0.0, 1.0)
    }
}

impl SubsampledGaussian {
    /// ε at this δ, rounded up.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, δ outside [1e-9, 1), or an ε above 1e4.
    pub fn epsilon(&self, delta: f64) -> Result<f64, BoundError> {
        if !(LEAST_DELTA..1.0).contains(&delta) {
            let allowed = format!("a number in [{LEAST_DELTA:e}, 1): the accountant's rounding is felt below");
            return Err(FieldError::new("delta", format!("{delta:?}"), allowed).into());
        }
        let mut largest = 0.0_f64;
        for losses in self.losses()? {
            let (mut low, mut high) = (0.0, losses.width * (losses.masses.len() - losses.below) as f64);
            if losses.delta(high) > delta {
                let (z, needed) = (self.noise_multiplier, "larger: what is left of privacy is beyond the accountant");
                return Err(FieldError::new("noise_multiplier", format!("{z:?}"), needed).into());
            }
            if losses.delta(0.0) <= delta {
                continue;
            }
            while high - low > 1e-9 * high {
                let middle = 0.5 * (low + high);
                if losses.delta(middle) <= delta { high = middle } else { low = middle }
            }
            largest = largest.max(high);
        }
        Ok(largest)
    }

    /// δ at this ε, rounded up.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range.
    pub fn delta(&self, epsilon: f64) -> Result<f64, BoundError> {
        real("epsilon", epsilon, Range::NonNegative)?;
        Ok(self.losses()?.iter().map(|losses| losses.delta(epsilon)).fold(0.0, f64::max))
    }

    /// The least noise multiplier with which these steps are (ε, δ)-private, within a thousandth upwards;
    /// `noise_multiplier` is not used.
    ///
    /// # Errors
    /// [`BoundError::Field`] for a field out of range, or where a multiplier of 1e6 is not enough.
    pub fn noise_for(&self, epsilon: f64, delta: f64) -> Result<f64, BoundError> {
        real("epsilon", epsilon, Range::Positive)?;
        let private = |noise_multiplier: f64| match (Self { noise_multiplier, ..*self }).epsilon(delta) {
            Ok(found) => Ok(found <= epsilon),
            Err(BoundError::Field(field)) if field.path == "noise_multiplier" => Ok(false),
            Err(error) => Err(error),
        };
        let (mut low, mut high) = (0.3, 0.6);
        while !private(high)? {
            (low, high) = (high, 2.0 * high);
            if high > 1e6 {
                return Err(FieldError::new("epsilon", format!("{epsilon:?}"), "larger for so many steps").into());
            }
        }
        while high > 1.001 * low {
            let middle = (low * high).sqrt();
            if private(middle)? { high = middle } else { low = middle }
        }
        Ok(high)
    }

    fn losses(&self) -> Result<Vec<Losses>, BoundError> {
        real("sampling_rate", self.sampling_rate, Range::Fraction)?;
        count("steps", self.steps, MAX_ACCOUNTED_STEPS)?;
        let z = self.noise_multiplier;
        if !(0.2..=1e6).contains(&z) {
            let allowed = "a number in [0.2, 1e6]: with less noise nothing is private";
            return Err(FieldError::new("noise_multiplier", format!("{z:?}"), allowed).into());
        }
        let sides: &[Side] = match self.sampling {
            BatchSampling::Poisson => &[Side::Removed, Side::Added],
            BatchSampling::WithoutReplacement => &[Side::Both],
        };
        Ok(sides.iter().map(|side| self.composed(*side)).collect())
    }

    /// Loss of a result x of one step: ln(1 − q + q e^{(2x−1)/(2z²)}).
    fn loss(&self, x: f64) -> f64 {
        let (q, z) = (self.sampling_rate, self.noise_multiplier);
        (q * ((2.0 * x - 1.0) / (2.0 * z * z)).exp_m1()).ln_1p()
    }

    /// The result of that loss; −∞ where every result has a larger one.
    fn result(&self, loss: f64) -> f64 {
        let (q, z) = (self.sampling_rate, self.noise_multiplier);
        let ratio = loss.exp_m1() / q;
        if ratio <= -1.0 { f64::NEG_INFINITY } else { 0.5 + z * z * ratio.ln_1p() }
    }

    /// Probabilities of results in an interval: of N(0, z²), and of the mixture.
    fn probabilities(&self, from: f64, to: f64) -> (f64, f64) {
        let (q, z) = (self.sampling_rate, self.noise_multiplier);
        let plain = normal(from / z, to / z);
        (plain, (1.0 - q) * plain + q * normal((from - 1.0) / z, (to - 1.0) / z))
    }

    fn composed(&self, side: Side) -> Losses {
        let (z, steps) = (self.noise_multiplier, self.steps as f64);
        // One step's loss has about this second moment; capped, for large ones are rare and z is at least 0.2.
        let spread = self.sampling_rate * (1.0 / (z * z)).min(30.0).exp_m1().sqrt();
        let top = self.loss(1.0 + TAIL * z).max(-self.loss(-TAIL * z));
        let reach = (0.5 * steps * spread * spread + 14.0 * steps.sqrt() * spread).min(steps * top).min(1e4);
        let width = 4.0 * (reach + top) / GRID as f64;
        let (masses, offset, certain) = self.one_step(side, width);
        // From here a quarter of the window is for negative sums, whose wrapping round only adds to δ.
        let below = GRID / 4;
        let end = (GRID - below) as f64 * width;
        let beyond = chernoff(&masses, offset, width, steps, end);
        let mut grid = vec![0.0; GRID];
        for (i, mass) in masses.iter().enumerate() {
            let index = (i + GRID - offset % GRID) % GRID;
            grid[index] += mass;
        }
        convolution_power(&mut grid, self.steps);
        grid.rotate_right(below);
        let certain = -(steps * (-certain).ln_1p()).exp_m1() + beyond;
        Losses { width, masses: grid, below, certain }
    }

    /// One step's loss on the grid: masses from −offset·width on, and what is counted as a certain loss.
    fn one_step(&self, side: Side, width: f64) -> (Vec<f64>, usize, f64) {
        let z = self.noise_multiplier;
        let (low, high) = (-TAIL * z, 1.0 + TAIL * z);
        // Removed: results rise with the loss. Added: the loss is the negative of that.
        let ends = |side: Side| match side {
            Side::Removed => (self.loss(low), self.loss(high)),
            Side::Added | Side::Both => (-self.loss(high), self.loss(high)),
        };
        let (least, most) = ends(side);
        let offset = (-least / width).ceil().max(0.0) as usize + 1;
        let count = offset + (most / width).ceil() as usize + 2;
        let at = |i: usize| (i as f64 - offset as f64) * width;
        let mut masses = vec![0.0; count];
        for i in 0..count - 1 {
            let (from, to) = (at(i), at(i + 1));
            let removed = match side {
                Side::Both => i >= offset,
                other => other == Side::Removed,
            };
            // Probability under the data at hand, and under the neighbouring data.
            let (own, other) = if removed {
                let (plain, mixed) = self.probabilities(self.result(from).max(low), self.result(to).max(low));
                (mixed, plain)
            } else {
                self.probabilities(self.result(-to).max(low), self.result(-from).max(low))
            };
            // The chord of the profile: both probabilities are kept, on the two ends.
            let (a, b) = (from.exp(), to.exp());
            let right = ((own - a * other) / (b - a)).clamp(0.0, other);
            masses[i + 1] += right * b;
            masses[i] += (other - right) * a;
        }
        if side == Side::Both {
            // Where the two profiles meet, at ratio 1.
            masses[offset] += (1.0 - self.sampling_rate) * normal(-0.5 / z, 0.5 / z);
        }
        let sum: f64 = masses.iter().sum();
        // Whatever was cut off counts as a certain loss.
        (masses, offset, (1.0 - sum).clamp(0.0, 1.0))
    }
}

/// Which pair of neighbouring data.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Removed,
    Added,
    Both,
}

/// P(sum of `steps` losses ≥ `end`) ≤ min over λ of e^{−λ end} (E e^{λ loss})^steps.
fn chernoff(masses: &[f64], offset: usize, width: f64, steps: f64, end: f64) -> f64 {
    let mut least = 0.0_f64;
    for exponent in 0..24 {
        let lambda = 0.25 / width / GRID as f64 * f64::from(1 << exponent);
        let moment = |(i, mass): (usize, &f64)| mass * (lambda * (i as f64 - offset as f64) * width).exp();
        let sum: f64 = masses.iter().enumerate().map(moment).sum();
        let exponent = steps * sum.ln() - lambda * end;
        if exponent.is_finite() {
            least = least.min(exponent);
        }
    }
    least.exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{privacy_delta, privacy_epsilon};

    fn training(noise_multiplier: f64, sampling: BatchSampling) -> SubsampledGaussian {
        SubsampledGaussian { sampling, sampling_rate: 0.0016, noise_multiplier, steps: 5000 }
    }

    /// n = 20 000, B = 32, T = 5000, δ = 1e-5; eight uses of a sample without amplification.
    #[test]
    fn known_values() {
        for (z, amplified, plain) in [(0.6, 2.90, 30.5), (1.0, 0.554, 15.5), (2.0, 0.199, 6.57)] {
            let epsilon = training(z, BatchSampling::Poisson).epsilon(1e-5).unwrap();
            assert!((epsilon / amplified - 1.0).abs() < 3e-3, "{z}: {epsilon}");
            let without = privacy_epsilon(8.0_f64.sqrt() / z, 1e-5).unwrap();
            assert!((without / plain - 1.0).abs() < 3e-3, "{z}: {without}");
            // The larger profile is at least each of the two.
            let replaced = training(z, BatchSampling::WithoutReplacement).epsilon(1e-5).unwrap();
            assert!(replaced >= epsilon && replaced < 1.5 * epsilon, "{z}: {replaced} {epsilon}");
        }
    }

    /// Every sample in every batch: the Gaussian mechanism itself, never below.
    #[test]
    fn without_sampling_it_is_the_gaussian_mechanism() {
        for sampling in [BatchSampling::Poisson, BatchSampling::WithoutReplacement] {
            for (z, steps) in [(1.0, 1), (3.0, 4), (10.0, 100)] {
                let all = SubsampledGaussian { sampling, sampling_rate: 1.0, noise_multiplier: z, steps };
                let exact = privacy_epsilon((steps as f64).sqrt() / z, 1e-6).unwrap();
                let found = all.epsilon(1e-6).unwrap();
                assert!(found >= exact * (1.0 - 1e-6) && found < 1.001 * exact, "{z} {steps}: {found} {exact}");
                let exact = privacy_delta((steps as f64).sqrt() / z, 0.5).unwrap();
                let found = all.delta(0.5).unwrap();
                assert!(found >= exact * (1.0 - 1e-6) && found < 1.001 * exact + 1e-12, "{z} {steps}: {found} {exact}");
            }
        }
    }

    /// One step: δ(ε) = q δ_0(ln(1 + (e^ε − 1)/q)) (Balle, Barthe and Gaboardi 2018).
    #[test]
    fn one_step_in_closed_form() {
        let (q, z, epsilon) = (0.05, 0.8, 0.3_f64);
        let one = SubsampledGaussian {
            sampling: BatchSampling::WithoutReplacement,
            sampling_rate: q,
            noise_multiplier: z,
            steps: 1,
        };
        let exact = q * privacy_delta(1.0 / z, epsilon.exp_m1().mul_add(1.0 / q, 1.0).ln()).unwrap();
        let found = one.delta(epsilon).unwrap();
        assert!(found >= exact * (1.0 - 1e-9) && found < 1.0001 * exact, "{found} {exact}");
    }

    #[test]
    fn noise_for_a_target() {
        let wanted = training(1.0, BatchSampling::Poisson);
        let z = wanted.noise_for(0.554, 1e-5).unwrap();
        assert!((z - 1.0).abs() < 3e-3, "{z}");
        assert!(training(z, BatchSampling::Poisson).epsilon(1e-5).unwrap() <= 0.554);
    }

    #[test]
    fn bad_input() {
        let named = |result: Result<f64, BoundError>, path: &str| {
            let error = result.unwrap_err();
            assert!(matches!(&error, BoundError::Field(field) if field.path == path), "{error}");
        };
        let good = training(1.0, BatchSampling::Poisson);
        named(good.epsilon(0.0), "delta");
        named(good.epsilon(1e-12), "delta");
        named(good.epsilon(f64::NAN), "delta");
        named(good.delta(-1.0), "epsilon");
        named(SubsampledGaussian { sampling_rate: 0.0, ..good }.epsilon(1e-5), "sampling_rate");
        named(SubsampledGaussian { sampling_rate: 1.5, ..good }.epsilon(1e-5), "sampling_rate");
        named(SubsampledGaussian { noise_multiplier: 0.0, ..good }.epsilon(1e-5), "noise_multiplier");
        named(SubsampledGaussian { steps: 0, ..good }.epsilon(1e-5), "steps");
    }
}
