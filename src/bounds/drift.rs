//! How far the gradients that a cluster uses in a round are from the one at the round's start: δ_K, ν_K.
//!
//! With x = ηL, variance s² per step and b² = |∇F_n(θ)|² at the start θ, `docs/theory/convergence-sharp.md` proves
//!
//! ```text
//! |∇F_n(θ) − mean of the K expected gradients|² ≤ δ_K(s², b²)        Var(mean of the K gradients) ≤ s² ν_K/K
//! ```
//!
//! δ_K is nondecreasing, concave and homogeneous of degree 1 in (s², b²), so that a supergradient (a, b) is also its
//! value: δ_K(s², v) = a s² + b v, and δ_K(s²', v') ≤ a s²' + b v' anywhere else.

use serde::{Deserialize, Serialize};

/// What is assumed of the points at which the gradients of a round's steps are taken, and of the losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepModel {
    /// Every gradient is taken at the current iterate.
    #[default]
    Current,
    /// Each block of coordinates of the point may be that of any older iterate of the same round, fixed in advance: a
    /// pipeline that updates per micro-batch and stashes weights.
    AnyAges,
    /// Current iterates, and every F_n is convex.
    Convex,
}

/// δ_K at a point, with its supergradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drift {
    /// δ_K(s², v).
    pub value: f64,
    /// a: by s².
    pub by_variance: f64,
    /// b: by v = b².
    pub by_gradient: f64,
}

/// A number with its derivatives by s² and by v.
#[derive(Clone, Copy, Default)]
struct Dual([f64; 3]);

impl Dual {
    fn plus(self, factor: f64, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + factor * other.0[i]))
    }

    /// √(self² + w s²).
    fn hypot(self, w: f64, variance: f64) -> Self {
        let value = (self.0[0] * self.0[0] + w * variance).sqrt();
        if value == 0.0 {
            return Self::default();
        }
        Self([value, (self.0[0] * self.0[1] + 0.5 * w) / value, self.0[0] * self.0[2] / value])
    }
}

/// δ_K(`variance`, `gradient`) at x = ηL.
pub(super) fn drift(model: StepModel, steps: u64, x: f64, variance: f64, gradient: f64) -> Drift {
    // The slope of √v is infinite at 0, where no supergradient exists.
    let gradient = gradient.max(f64::MIN_POSITIVE);
    let root = gradient.sqrt();
    let pull = Dual([root, 0.0, 0.5 / root]);
    let mut mean = Dual::default();
    let mut sum = Dual::default();
    // Current iterates: W_h = x² s² Σ (1+x)^{2i}. Any ages: w_h = x s (√h + Σ w_i/s).
    let (mut spread, mut power, mut stale) = (0.0, x * x, 0.0);
    let growth = if model == StepModel::Convex { 1.0 } else { (1.0 + x) * (1.0 + x) };
    for h in 0..steps {
        if model == StepModel::AnyAges {
            let deviation = x * ((h as f64).sqrt() + stale);
            stale += deviation;
            spread = deviation * deviation;
            mean = Dual::default().plus(x * h as f64, pull).plus(x, sum);
        }
        let length = mean.hypot(spread, variance);
        sum = sum.plus(1.0, length);
        if model != StepModel::AnyAges {
            let grown = mean.plus(x, length);
            // A gradient step of a convex function brings no two points further apart.
            let kept = if model == StepModel::Convex && length.0[0] < grown.0[0] { length } else { grown };
            mean = kept.plus(x, pull);
            spread += power;
            power *= growth;
        }
    }
    let Dual([total, by_variance, by_gradient]) = sum;
    let count = steps as f64 * steps as f64;
    Drift {
        value: total * total / count,
        by_variance: 2.0 * total * by_variance / count,
        by_gradient: 2.0 * total * by_gradient / count,
    }
}

/// √(δ_K(0, 1)): what the drift is of the gradient where there is no noise.
pub(super) fn noiseless(model: StepModel, steps: u64, x: f64) -> f64 {
    let count = steps as f64;
    match model {
        // Without noise the two recursions are the same: m_h = (1+x)^h − 1.
        StepModel::Current | StepModel::AnyAges => (count * x.ln_1p()).exp_m1() / (count * x) - 1.0,
        StepModel::Convex => 0.5 * x * (count - 1.0),
    }
}

/// ν_K for each of `steps`.
pub(super) fn variance_growth(model: StepModel, steps: &[u64], x: f64) -> Vec<f64> {
    match model {
        StepModel::Convex => vec![1.0; steps.len()],
        StepModel::Current => {
            // (1/K) ((1+x)^{2K} − 1)/((1+x)² − 1).
            let ratio = |count: f64| (2.0 * count * x.ln_1p()).exp_m1() / (count * x * (2.0 + x));
            steps.iter().map(|&count| if count == 1 { 1.0 } else { ratio(count as f64) }).collect()
        }
        StepModel::AnyAges => {
            let longest = steps.iter().copied().max().unwrap_or_default();
            let mut wanted: Vec<(u64, usize)> = steps.iter().copied().zip(0..).collect();
            wanted.sort_unstable();
            let mut wanted = wanted.into_iter().peekable();
            let mut growth = vec![1.0; steps.len()];
            let mut stale = 0.0;
            for h in 0..=longest {
                let count = h as f64;
                let unit = count.sqrt() + stale;
                while let Some((_, n)) = wanted.next_if(|(steps, _)| *steps == h) {
                    if let (true, Some(own)) = (h > 0, growth.get_mut(n)) {
                        *own = unit * unit / count;
                    }
                }
                stale += x * unit;
            }
            growth
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1e-300), "{found} instead of {expected}");
    }

    /// x = 1/2, s² = 4, b = 1. m_1 = 1/2, W_1 = 1: √(5/4). m_2 = 1 + √5/4, W_2 = 1 + 9/4.
    #[test]
    fn by_hand() {
        let r1 = 1.25_f64.sqrt();
        close(drift(StepModel::Current, 1, 0.5, 4.0, 1.0).value, 0.0);
        close(drift(StepModel::Current, 2, 0.5, 4.0, 1.0).value, r1 * r1 / 4.0);
        let m2 = 1.0 + 0.5 * r1;
        let r2 = (m2 * m2 + 3.25).sqrt();
        close(drift(StepModel::Current, 3, 0.5, 4.0, 1.0).value, ((r1 + r2) / 3.0).powi(2));
        // Convex: m_2 = min(1/2 + r1/2, r1) + 1/2 is the first, W_2 = 2.
        let r2 = (m2 * m2 + 2.0).sqrt();
        close(drift(StepModel::Convex, 3, 0.5, 4.0, 1.0).value, ((r1 + r2) / 3.0).powi(2));
        // Any ages: w_1 = 1, w_2 = √2 + 1/2, m_2 = 1 + √5/4.
        let r2 = (m2 * m2 + (2.0_f64.sqrt() + 0.5).powi(2)).sqrt();
        close(drift(StepModel::AnyAges, 3, 0.5, 4.0, 1.0).value, ((r1 + r2) / 3.0).powi(2));
        // ν_2 = (1 + 9/4)/2; any ages w_2²/(x² s² K) = (√2 + 1/2)²/2.
        close(variance_growth(StepModel::Current, &[1, 2], 0.5)[1], 1.625);
        assert_eq!(variance_growth(StepModel::Current, &[1, 2], 0.5)[0], 1.0);
        let stale = variance_growth(StepModel::AnyAges, &[2, 1, 2], 0.5);
        close(stale[0], (2.0_f64.sqrt() + 0.5).powi(2) / 2.0);
        assert_eq!((stale[1], stale[2]), (1.0, stale[0]));
    }

    #[test]
    fn supergradients() {
        for model in [StepModel::Current, StepModel::AnyAges, StepModel::Convex] {
            for (steps, x, s, v) in [(2, 0.3, 1.0, 2.0), (7, 0.05, 3.0, 0.1), (20, 0.02, 1e-3, 5.0), (5, 0.2, 0.0, 1.0)]
            {
                let at = drift(model, steps, x, s, v);
                close(at.by_variance * s + at.by_gradient * v, at.value);
                for (s, v) in [(2.0 * s, v), (s, 3.0 * v), (0.1 * s + 0.2, 0.5 * v)] {
                    let there = drift(model, steps, x, s, v).value;
                    assert!(there <= (at.by_variance * s + at.by_gradient * v) * (1.0 + 1e-14), "{model:?} {steps}");
                }
                let quiet = drift(model, steps, x, 0.0, 1.0).value.sqrt();
                assert!((quiet - noiseless(model, steps, x)).abs() < 1e-12 * quiet);
            }
        }
    }
}
