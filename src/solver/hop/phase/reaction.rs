//! How the duration of a solved phase reacts to the price of latency.

use super::{PhaseRadio, Scratch, Solved};
use crate::solver::hop::Regime;

impl PhaseRadio {
    /// d(Σ t + (M−1) u)/d ln V at a solution [s]: `weight` is V's part in every hop's time price, `repeats` is M−1.
    ///
    /// By the implicit function theorem on Σ w = W and Σ ν = A (or u = v), with A and the hops' time prices linear in
    /// V.
    pub fn time_by_weight(&self, solved: &Solved, weight: f64, repeats: f64, scratch: &mut Scratch) -> f64 {
        scratch.reset(self);
        let prices = solved.prices;
        let (ln_price, cap) = (prices.band.ln(), prices.cap());
        // Derivatives of Σ w and Σ ν by ln λ, ln τ and ln V; those of Σ t over the hops that no cap binds.
        let (mut band, mut cap_price) = ([0.0; 3], [0.0; 3]);
        let (mut free, mut capped) = ([0.0; 2], 0.0);
        for (hop, expected) in self.hops.iter().zip(&mut scratch.capped) {
            let sent = hop.send(prices.band, ln_price, &cap, expected);
            if matches!(sent.regime, Regime::Capped | Regime::CappedLimited) {
                band[0] += sent.band * sent.band_by_price;
                band[1] += sent.band * sent.band_by_cap;
                cap_price[0] += sent.cap_price_by_price;
                cap_price[1] += sent.cap_price_by_cap;
                cap_price[2] -= weight;
                capped += 1.0;
            } else {
                let reaction = hop.reaction(&sent, weight);
                band[0] += reaction.band_by_price;
                band[2] += reaction.band_by_weight;
                free[0] += reaction.time_by_price;
                free[1] += reaction.time_by_weight;
            }
        }
        let floor_binds = prices.excess <= self.floor_excess(solved.floor);
        let (by_price, by_cap) = if self.pace_price <= 0.0 || floor_binds {
            (-band[2] / band[0], 0.0)
        } else {
            let (r, q) = (-band[2], self.pace_price - cap_price[2]);
            let determinant = band[0] * cap_price[1] - band[1] * cap_price[0];
            ((r * cap_price[1] - band[1] * q) / determinant, (band[0] * q - cap_price[0] * r) / determinant)
        };
        let slope = free[0] * by_price + free[1];
        // Without a cap, or with one that the floor holds, nothing moves with it.
        let slope = if by_cap == 0.0 { slope } else { slope + (capped + repeats) * cap.time * by_cap };
        if slope.is_finite() { slope } else { 0.0 }
    }
}
