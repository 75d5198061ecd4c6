//! One transmission at given prices, by one-dimensional search: independent of the exact solver's hop.
//!
//! A message of d nats at s = d/(t w) nats per second and hertz costs a t + z (d/γ) φ(s) + λ d/(s t), φ(s) = (e^s −
//! 1)/s, under t ≥ (d/(Pγ)) φ(s). In (log s, log t) every term and the constraint's log are convex: a geometric
//! program. For given s the best t is a closed form, and what remains is convex in log s.

use argmin::core::{CostFunction, Error, Executor};
use argmin::solver::brent::BrentOpt;

/// ConePrices and data of one transmission.
#[derive(Clone, Copy, Debug)]
pub(super) struct PricedMessage {
    /// d.
    pub nats: f64,
    /// γ [Hz/W].
    pub gain: f64,
    /// P [W].
    pub max_power: f64,
    /// a ≥ 0: price of a second on air.
    pub time: f64,
    /// z ≥ 0: price of a radiated joule.
    pub energy: f64,
}

/// A minimum.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheapestMessage {
    pub cost: f64,
    pub time: f64,
    pub band: f64,
}

/// φ(s) = (e^s − 1)/s.
fn phi(s: f64) -> f64 {
    if s < 1e-8 { 1.0 + 0.5 * s } else { s.exp_m1() / s }
}

/// Smallest and largest s considered. Below, φ is 1 to the last digit; above, e^s overflows, and a signal-to-noise
/// ratio of 1e300 is beyond what the ranges of admitted gains, powers and bands multiply to.
const RANGE: (f64, f64) = (1e-40, 700.0);

impl PricedMessage {
    fn energy_cost(&self, s: f64) -> f64 {
        if self.energy == 0.0 { 0.0 } else { self.energy * (self.nats / self.gain) * phi(s) }
    }

    /// Least time at s within the power limit.
    fn shortest(&self, s: f64) -> f64 {
        self.nats / (self.max_power * self.gain) * phi(s)
    }

    /// min over t and w of a t + z p t + λ w; the infimum where it is not attained (a = 0).
    pub fn on_shared_band(&self, band_price: f64) -> Option<CheapestMessage> {
        if self.time == 0.0 {
            // Ever slower on ever less bandwidth.
            return Some(CheapestMessage { cost: self.energy_cost(0.0), time: f64::INFINITY, band: 0.0 });
        }
        let time = |s: f64| {
            let free = (band_price * (self.nats / s) / self.time).sqrt();
            free.max(self.shortest(s))
        };
        let cost = |s: f64| {
            let t = time(s);
            self.time * t + self.energy_cost(s) + band_price * (self.nats / s) / t
        };
        let s = minimize(cost, RANGE)?;
        Some(CheapestMessage { cost: cost(s), time: time(s), band: self.nats / s / time(s) })
    }

    /// min over t of a t + z p t on bandwidth w.
    pub fn on_band(&self, bandwidth: f64) -> Option<CheapestMessage> {
        let most = (self.max_power * self.gain / bandwidth).ln_1p();
        let time = |s: f64| self.nats / (bandwidth * s);
        let cost = |s: f64| self.time * time(s) + self.energy_cost(s);
        if self.time == 0.0 {
            return Some(CheapestMessage { cost: self.energy_cost(0.0), time: f64::INFINITY, band: bandwidth });
        }
        let found = minimize(cost, (RANGE.0.min(0.5 * most), most.min(RANGE.1)))?;
        // The search does not evaluate the end of the range, which full power is.
        let s = if cost(most) <= cost(found) { most } else { found };
        Some(CheapestMessage { cost: cost(s), time: time(s), band: bandwidth })
    }
}

/// ln f(e^x), finite so that the search never compares infinities.
struct Log<F>(F);

impl<F: Fn(f64) -> f64> CostFunction for Log<F> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, x: &f64) -> Result<f64, Error> {
        let value = (self.0)(x.exp()).ln();
        Ok(if value.is_nan() { f64::MAX.ln() } else { value.clamp(f64::MIN_POSITIVE.ln(), f64::MAX.ln()) })
    }
}

/// The s > 0 that minimizes a positive function which is unimodal in log s; `None` where the search fails.
pub(super) fn minimize(f: impl Fn(f64) -> f64, (low, high): (f64, f64)) -> Option<f64> {
    let search = BrentOpt::new(low.ln(), high.ln()).set_tolerance(f64::EPSILON.sqrt(), 1e-8);
    let result = Executor::new(Log(f), search).configure(|state| state.max_iters(200)).timer(false).run().ok()?;
    let best = result.state.best_param?;
    (result.state.best_cost.is_finite() && best.is_finite()).then(|| best.exp())
}
