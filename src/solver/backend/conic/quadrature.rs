//! Gauss-Legendre quadrature of φ(s) = ∫₀¹ e^{θ s} dθ = (e^s − 1)/s, with a proved error.
//!
//! The error of n nodes on [0, 1] is f^{(2n)}(ξ) (n!)⁴/((2n+1) ((2n)!)³) for an integrand f. Here f^{(2n)} = s^{2n}
//! e^{ξ s} is positive and at most s^{2n} e^s, so that the sum never exceeds φ, and misses it by at most the share
//!
//! ```text
//! s^{2n+1} (n!)⁴ / ((2n+1) ((2n)!)³ (1 − e^{−s}))
//! ```
//!
//! For large s the integrand lives next to θ = 1: [0, 1] is cut at 1 − 25/s. The upper panel is φ with s replaced by
//! 25; all of the lower one is less than e^{−25} = 1.4e-11 of φ, and gets [`LOWER_NODES`] nodes, so that the sum still
//! grows with s where s turns out smaller than expected.

/// Relative error of the rules.
const ACCURACY: f64 = 1e-10;
/// Widest exponent on one panel.
const PANEL: f64 = 25.0;
/// Nodes below the cut.
const LOWER_NODES: usize = 6;

/// Nodes θ and weights c with Σ c e^{θ s} ≈ φ(s) for all s up to the one it was made for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// (θ, c).
    pub nodes: Vec<(f64, f64)>,
}

impl Rule {
    /// A rule whose relative error is below 1e-10 for s in [0, `largest`] where `largest` ≤ 25; beyond, at `largest`.
    pub fn up_to(largest: f64) -> Self {
        if largest <= PANEL {
            return Self { nodes: legendre(node_count(largest), 0.0, 1.0) };
        }
        let cut = 1.0 - PANEL / largest;
        let mut nodes = legendre(LOWER_NODES, 0.0, cut);
        nodes.extend(legendre(node_count(PANEL), cut, 1.0));
        Self { nodes }
    }

    /// Σ c e^{θ s}.
    #[cfg(test)]
    pub fn sum(&self, s: f64) -> f64 {
        self.nodes.iter().map(|&(node, weight)| weight * (node * s).exp()).sum()
    }
}

/// Upper bound of the rule's relative error at s with n nodes on one panel.
fn relative_error(s: f64, n: usize) -> f64 {
    let count = n as f64;
    let ln = |k: f64| libm::lgamma(k + 1.0);
    let ln_error = (2.0 * count + 1.0) * s.ln() + 4.0 * ln(count) - (2.0 * count + 1.0).ln() - 3.0 * ln(2.0 * count);
    ln_error.exp() / -(-s).exp_m1()
}

fn node_count(s: f64) -> usize {
    // At s = 25 nineteen nodes do.
    (1..=24).find(|&n| relative_error(s, n) <= ACCURACY).unwrap_or(24)
}

/// Nodes and weights of the n-point rule on [low, high], by Newton's method on the Legendre polynomial.
fn legendre(n: usize, low: f64, high: f64) -> Vec<(f64, f64)> {
    let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
    (0..n)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..20 {
                let (mut before, mut value) = (1.0, x);
                for k in 2..=n {
                    let k = k as f64;
                    (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
                }
                slope = n as f64 * (x * value - before) / (x * x - 1.0);
                let step = value / slope;
                x -= step;
                if step.abs() <= 1e-16 {
                    break;
                }
            }
            (middle + half * x, half * 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phi(s: f64) -> f64 {
        s.exp_m1() / s
    }

    #[test]
    fn error_is_within_its_bound() {
        for largest in [1e-6, 1e-3, 0.1, 1.0, 3.0, 10.0, 25.0] {
            let rule = Rule::up_to(largest);
            for share in [0.01, 0.3, 0.8, 1.0] {
                let s = share * largest;
                let error = 1.0 - rule.sum(s) / phi(s);
                assert!((-1e-13..=1.1 * ACCURACY).contains(&error), "{largest} at {s}: {error:e}");
            }
        }
    }

    #[test]
    fn large_exponents_are_cut() {
        for largest in [30.0, 100.0, 300.0] {
            let rule = Rule::up_to(largest);
            let error = 1.0 - rule.sum(largest) / phi(largest);
            assert!((-1e-12..=2.0 * ACCURACY).contains(&error), "{largest}: {error:e}");
            // Far below the largest the sum is still of the right size, and increasing.
            assert!(rule.sum(0.1 * largest) < rule.sum(0.2 * largest));
            assert!(rule.nodes.len() <= 30);
        }
    }

    #[test]
    fn bound_is_not_idle() {
        // Three nodes at s = 3: the bound exceeds the true error, and by less than a hundredfold.
        let rule = Rule { nodes: legendre(3, 0.0, 1.0) };
        let error = 1.0 - rule.sum(3.0) / phi(3.0);
        let bound = relative_error(3.0, 3);
        assert!(error > 0.0 && error <= bound && bound <= 100.0 * error, "{error:e} {bound:e}");
    }
}
