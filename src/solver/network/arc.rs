//! A choice's cost as a function of its weight, from the points at which it has been evaluated.
//!
//! Costs are not evaluated anew here but extrapolated, with the latency as their derivative and the slope of that: the
//! weights that come out are where the next samples are taken, as in Newton's method. Nothing is proved from them.

/// A concave function of a weight V near one of its points: its derivative is the latency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    pub weight: f64,
    pub value: f64,
    pub latency: f64,
    /// d latency/d ln V, at most 0.
    pub slope: f64,
}

impl Arc {
    /// Value, latency and its slope at another weight, as if the latency were α + β/√V: what times on air do that are
    /// free to react. A latency that falls faster than that is extrapolated as a power of V, so that it stays positive.
    #[inline]
    pub fn at(&self, weight: f64) -> (f64, f64, f64) {
        let (latency, slope, ratio) = (self.latency, self.slope, weight / self.weight);
        if latency + 2.0 * slope >= 0.0 {
            let root = ratio.sqrt();
            let least = latency + 2.0 * slope;
            let value = self.value + least * (weight - self.weight) - 4.0 * slope * self.weight * (root - 1.0);
            return (value, least - 2.0 * slope / root, slope / root);
        }
        let rest = 1.0 + slope / latency;
        let log = ratio.ln();
        // ∫ V^(rest − 1) dV, which is a logarithm where the rest is zero.
        let gained = if (rest * log).abs() < 1e-9 { log } else { (rest * log).exp_m1() / rest };
        let there = latency * ((rest - 1.0) * log).exp();
        (self.value + latency * self.weight * gained, there, (rest - 1.0) * there)
    }
}

impl Arc {
    /// Value, latency and about its slope between two points: extrapolated from both, kept within what concavity proves, and mixed by
    /// how near they are.
    ///
    /// The value lies above the chord and below both tangents. The latency decreases, and its mean from either end to
    /// here has to lead to a value below the other end's tangent. Over many decades of weights extrapolation knows less
    /// than that.
    pub fn between(below: &Self, above: &Self, weight: f64) -> (f64, f64, f64) {
        if weight <= below.weight {
            return (below.value, below.latency, below.slope);
        }
        let (left, right) = (weight - below.weight, above.weight - weight);
        let (width, rise) = (above.weight - below.weight, above.value - below.value);
        let tangents = (below.value + left * below.latency, above.value - right * above.latency);
        let chord = below.value + rise * (left / width);
        // What rounding may make of the differences of values.
        let noise = 4.0 * f64::EPSILON * (below.value.abs() + above.value.abs());
        let most = above.latency + (rise - width * above.latency + noise).max(0.0) / left;
        let least = below.latency - (width * below.latency - rise + noise).max(0.0) / right;
        let (most, least) = (most.min(below.latency), least.max(above.latency));
        let highest = tangents.0.min(tangents.1).max(chord);
        let within = |(value, latency, slope): (f64, f64, f64)| {
            (value.max(chord).min(highest), latency.max(least).min(most), slope)
        };
        let way = (weight / below.weight).ln() / (above.weight / below.weight).ln();
        let (low, high) = (within(below.at(weight)), within(above.at(weight)));
        // Latencies may differ by decades.
        let latency = low.1 * (high.1 / low.1).powf(way);
        (low.0 + way * (high.0 - low.0), latency, low.2 + way * (high.2 - low.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster whose latency is α + β V^−p, and a constant c that no weight changes.
    fn sampled(weight: f64, (alpha, beta, power, constant): (f64, f64, f64, f64)) -> Arc {
        let reacting = beta * weight.powf(-power);
        let value = constant + alpha * weight + reacting * weight / (1.0 - power);
        Arc { weight, value, latency: alpha + reacting, slope: -power * reacting }
    }

    /// However far apart the samples are, what lies between them keeps the bounds of concavity, and the truth is within
    /// two decades of it.
    #[test]
    fn between_far_samples_the_truth_is_near() {
        let mut worst = 1.0f64;
        for power in [0.2, 0.45, 0.5, 2.0 / 3.0, 0.9] {
            for alpha in [0.0, 1e-3, 1.0, 1e3] {
                for decades in [0.5, 3.0, 9.0, 15.0] {
                    let shape = (alpha, 1.0, power, 1.0);
                    let (below, above) = (sampled(10f64.powf(-decades), shape), sampled(1.0, shape));
                    for step in 1..200 {
                        let weight = 10f64.powf(-decades * f64::from(step) / 200.0);
                        let (value, latency, _) = Arc::between(&below, &above, weight);
                        let truth = sampled(weight, shape);
                        assert!(latency <= below.latency && latency >= above.latency, "{latency} at {weight}");
                        let tangent = |arc: &Arc| arc.value + (weight - arc.weight) * arc.latency;
                        let rounding = 1e-15 * (above.value + below.value);
                        assert!(value <= tangent(&below).min(tangent(&above)) + rounding, "{value} at {weight}");
                        let ratio = latency / truth.latency;
                        worst = worst.max(ratio.max(1.0 / ratio));
                    }
                }
            }
        }
        // Extrapolation alone errs by many decades here.
        assert!(worst < 50.0, "{worst}");
    }

    /// Differences of values that rounding dominates say nothing about the latency.
    #[test]
    fn samples_that_nearly_agree_keep_their_latency() {
        for exponent in 1..=16 {
            let apart = 10f64.powi(-exponent);
            let below = Arc { weight: 1e-10, value: 4e10, latency: 3e7, slope: 0.0 };
            let above = Arc { weight: 1e-10 * (1.0 + apart), value: 4e10, latency: 3e7 * (1.0 - 1e-15), slope: 0.0 };
            let (value, latency, _) = Arc::between(&below, &above, 1e-10 * (1.0 + 0.5 * apart));
            assert!((latency / 3e7 - 1.0).abs() < 1e-14, "{latency}");
            assert!((value / 4e10 - 1.0).abs() < 1e-14, "{value}");
        }
    }
}
