//! One phase of the pipeline: hops that share a band and a pace.
//!
//! For a pace floor v (the slowest compute stage) the phase costs
//!
//! ```text
//! Φ(v) = min Σ_j (a_j t_j + z_j p_j t_j) + A·u   over t, w, p, u
//!        subject to  Σ_j w_j ≤ W,   u ≥ v,   u ≥ ℓ + t_j,   p_j ≤ P_j
//! ```
//!
//! with A the price of the pace. Φ is convex and non-decreasing. The hops couple only through the price λ
//! of the band and the pace u: at given (λ, u) they separate, and the two conditions Σ w = W and Σ ν = A (or u = v)
//! are solved by Newton's method in (log λ, log u) with analytic slopes. Every (λ, u) on the way yields a valid
//! affine minorant of Φ, by Lagrangian duality.

use super::hop::{Hop, Memory, Sending};

/// Relative accuracy to which the band is filled and the pace price is spent.
const TOLERANCE: f64 = 1e-12;
/// Relative step of the pace at which double precision ends: near the least pace that any band allows, Σ ν changes by
/// more than its tolerance from one floating-point number to the next.
const RESOLUTION: f64 = 8.0 * f64::EPSILON;

/// An affine function of the pace floor that nowhere exceeds Φ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minorant {
    pub intercept: f64,
    pub slope: f64,
}

impl Minorant {
    #[inline]
    pub fn at(&self, floor: f64) -> f64 {
        self.intercept + self.slope * floor
    }
}

/// Prices at which the hops of a phase separate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prices {
    /// λ > 0: price of bandwidth.
    pub band: f64,
    /// u: pace, infinite where it has no price.
    pub pace: f64,
}

/// The hops of one phase and what they share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Radio {
    pub hops: Vec<Hop>,
    /// W [Hz].
    pub band: f64,
    /// A: objective units per second of the pace; zero where there is one micro-batch only.
    pub pace_price: f64,
    /// ℓ [s].
    pub latency: f64,
}

/// Sums over the hops at given prices.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    band: f64,
    band_by_price: f64,
    band_by_pace: f64,
    cap_price: f64,
    cap_price_by_price: f64,
    cap_price_by_pace: f64,
    /// Σ (cost + λ w).
    dual: f64,
    time: f64,
    longest: f64,
}

/// Scratch space of a phase: one memory per hop, and a count of evaluations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    memory: Vec<Memory>,
    pub evaluations: u64,
}

impl Scratch {
    fn reset(&mut self, hops: usize) {
        self.memory.clear();
        self.memory.resize(hops, Memory::default());
    }
}

impl Radio {
    fn totals(&self, prices: Prices, scratch: &mut Scratch) -> Totals {
        scratch.evaluations += 1;
        let ln_price = prices.band.ln();
        let cap = prices.pace - self.latency;
        let ln_cap = cap.ln();
        let mut sums = Totals::default();
        for (hop, memory) in self.hops.iter().zip(&mut scratch.memory) {
            let sent = hop.send(prices.band, ln_price, cap, ln_cap, memory);
            sums.band += sent.band;
            sums.band_by_price += sent.band * sent.band_by_price;
            sums.band_by_pace += sent.band * sent.band_by_cap;
            sums.cap_price += sent.cap_price;
            sums.cap_price_by_price += sent.cap_price_by_price;
            sums.cap_price_by_pace += sent.cap_price_by_cap;
            sums.dual += sent.cost + prices.band * sent.band;
            sums.time += sent.time;
            sums.longest = sums.longest.max(sent.time);
        }
        // d ln τ / d ln u = u / (u − ℓ)
        if prices.pace.is_finite() {
            let stretch = prices.pace / cap;
            sums.band_by_pace *= stretch;
            sums.cap_price_by_pace *= stretch;
        }
        sums
    }

    /// The minorant that the duals at these prices prove: ν_j from the caps, the rest of A on the floor.
    fn minorant(&self, prices: Prices, sums: &Totals) -> Minorant {
        let paced = if sums.cap_price > 0.0 { sums.cap_price * prices.pace } else { 0.0 };
        if sums.cap_price <= self.pace_price {
            Minorant { intercept: sums.dual + paced - prices.band * self.band, slope: self.pace_price - sums.cap_price }
        } else {
            // Scaled back to Σ ν = A: the dual is concave in ν and at least −λW at ν = 0.
            let share = self.pace_price / sums.cap_price;
            let scaled = if share > 0.0 { share * (sums.dual + paced) } else { 0.0 };
            Minorant { intercept: scaled - prices.band * self.band, slope: 0.0 }
        }
    }

    /// The minorant of slope 0 that the cap prices prove once they are scaled to sum to A; each hop is minimized anew with
    /// its cap price as a price of time. For paces that double precision cannot place well enough.
    fn rescaled_minorant(&self, prices: Prices, cap_price: f64, scratch: &mut Scratch) -> Minorant {
        let scale = self.pace_price / cap_price;
        let (ln_price, cap) = (prices.band.ln(), prices.pace - self.latency);
        let ln_cap = cap.ln();
        let mut intercept = -prices.band * self.band;
        for (hop, memory) in self.hops.iter().zip(&mut scratch.memory) {
            let cap_price = scale * hop.send(prices.band, ln_price, cap, ln_cap, memory).cap_price;
            let relaxed = hop.with_time_price(hop.time_price() + cap_price);
            let sent = relaxed.send(prices.band, ln_price, f64::INFINITY, f64::INFINITY, &mut Memory::default());
            intercept += sent.cost + prices.band * sent.band + cap_price * self.latency;
        }
        Minorant { intercept, slope: 0.0 }
    }

    /// Prices from a closed form that assumes every hop to take equally long.
    fn guess(&self, floor: f64) -> Prices {
        let sharers = self.hops.len() as f64;
        let times: f64 = self.hops.iter().map(Hop::time_price).sum();
        let balanced = |a: f64| {
            let product: f64 =
                self.hops.iter().map(|hop| hop.nats() / hop.guess_efficiency(a, self.band, sharers)).sum();
            product / self.band
        };
        if self.pace_price <= 0.0 {
            return Prices { band: balanced(times) * times / self.band, pace: f64::INFINITY };
        }
        let all = times + self.pace_price;
        let paced = balanced(all);
        let mut pace = paced + self.latency;
        let mut band = paced * all / self.band;
        if floor > pace {
            // Between the paced balance and the free one, on a logarithmic scale of the time there is.
            let room = floor - self.latency;
            let free = balanced(times);
            let (high, low) = (band, free * times / self.band);
            let way = ((room / paced).ln() / (free / paced).ln().max(1e-9)).clamp(0.0, 1.0);
            band = (high.ln() * (1.0 - way) + low.ln() * way).exp();
            pace = floor;
        }
        Prices { band, pace: pace.max(self.lowest_pace() * (1.0 + 1e-3)) }
    }

    /// Paces at or below this cannot be met on any bandwidth.
    fn lowest_pace(&self) -> f64 {
        self.latency + self.hops.iter().map(Hop::shortest_time).fold(0.0, f64::max)
    }

    /// A cheap minorant, from one evaluation.
    pub fn quick_minorant(&self, floor: f64, scratch: &mut Scratch) -> Minorant {
        scratch.reset(self.hops.len());
        let prices = self.guess(floor);
        let sums = self.totals(prices, scratch);
        self.minorant(prices, &sums)
    }

    /// Minimizes the phase at a pace floor; `start` are prices of a similar solve.
    pub fn solve(&self, floor: f64, start: Option<Prices>, scratch: &mut Scratch) -> Solved {
        scratch.reset(self.hops.len());
        let start = match start {
            Some(prices) => {
                Prices { pace: if self.pace_price > 0.0 { prices.pace.max(floor) } else { f64::INFINITY }, ..prices }
            }
            None => self.guess(floor),
        };
        let prices = self.newton(floor, start, scratch).unwrap_or_else(|| self.bisect(floor, scratch));
        let sums = self.totals(prices, scratch);
        let missed = (self.pace_price - sums.cap_price).abs() > 100.0 * TOLERANCE * self.pace_price;
        let binding = prices.pace > floor || sums.cap_price > self.pace_price;
        let minorant = if missed && binding && sums.cap_price > 0.0 && sums.cap_price.is_finite() {
            self.rescaled_minorant(prices, sums.cap_price, scratch)
        } else {
            self.minorant(prices, &sums)
        };
        Solved { floor, prices, minorant, value: minorant.at(floor), time: sums.time }
    }

    /// Newton's method on both conditions at once; `None` where it does not settle.
    fn newton(&self, floor: f64, start: Prices, scratch: &mut Scratch) -> Option<Prices> {
        let lowest = self.lowest_pace();
        let paced = self.pace_price > 0.0;
        let mut prices = start;
        for _ in 0..40 {
            let sums = self.totals(prices, scratch);
            let fill = (sums.band / self.band).ln();
            if !paced {
                if fill.abs() <= TOLERANCE {
                    return Some(prices);
                }
                let step = -fill * sums.band / sums.band_by_price;
                if !step.is_finite() {
                    return None;
                }
                prices.band *= step.clamp(-3.0, 3.0).exp();
                continue;
            }
            let spare = self.pace_price - sums.cap_price;
            let on_floor = prices.pace <= floor && spare >= 0.0;
            if fill.abs() <= TOLERANCE && (on_floor || spare.abs() <= 10.0 * TOLERANCE * self.pace_price) {
                return Some(prices);
            }
            let (band_step, pace_step);
            if on_floor {
                // Capped hops at full power do not react to the price: then go on to where the floor stops binding
                // (Σ ν is linear in the price there), or to where a hop is no longer capped.
                let step = (fill * sums.band / sums.band_by_price.abs()).max(-3.0);
                band_step = if fill > 0.0 { step.min(1.001 * spare / sums.cap_price_by_price) } else { step };
                pace_step = 0.0;
            } else if sums.cap_price <= 0.0 {
                // No hop is capped: the pace must come down to where some are.
                let target = (self.latency + 0.8 * sums.longest).max(floor);
                (band_step, pace_step) = (0.0, (target / prices.pace).ln());
            } else {
                let (a, b) = (sums.band_by_price, sums.band_by_pace);
                let (c, d) = (sums.cap_price_by_price, sums.cap_price_by_pace);
                let (r, q) = (-fill * sums.band, spare);
                let determinant = a * d - b * c;
                let mut steps = ((r * d - b * q) / determinant, (a * q - c * r) / determinant);
                if prices.pace * steps.1.clamp(-1.0, 1.0).exp() < floor {
                    // The floor binds on the way: move to it, and the band price along the band condition.
                    steps.1 = (floor / prices.pace).ln();
                    steps.0 = (r - b * steps.1) / a;
                }
                (band_step, pace_step) = steps;
            }
            if !band_step.is_finite() || !pace_step.is_finite() {
                return None;
            }
            if !on_floor && fill.abs() <= 1e-8 && band_step.abs() <= 1e-9 && pace_step.abs() <= RESOLUTION {
                return Some(prices);
            }
            prices.band *= band_step.clamp(-3.0, 3.0).exp();
            let mut pace = (prices.pace * pace_step.clamp(-1.0, 1.0).exp()).max(floor);
            if pace <= lowest {
                pace = lowest + 0.1 * (prices.pace - lowest);
            }
            prices.pace = pace;
        }
        None
    }

    /// The pace that minimizes the Lagrangian at a band price: Σ ν(u) = A, or the floor. Σ ν decreases in u.
    fn pace_at(&self, band: f64, floor: f64, scratch: &mut Scratch) -> (Prices, Totals) {
        let at = |pace: f64, scratch: &mut Scratch| {
            let prices = Prices { band, pace };
            let sums = self.totals(prices, scratch);
            (prices, sums)
        };
        if self.pace_price <= 0.0 {
            return at(f64::INFINITY, scratch);
        }
        let lowest = self.lowest_pace();
        let mut low = floor.max(lowest);
        if floor > lowest {
            let (prices, sums) = at(floor, scratch);
            if sums.cap_price <= self.pace_price {
                return (prices, sums);
            }
        }
        let (_, free) = at(f64::INFINITY, scratch);
        let mut high = (self.latency + free.longest).max(low);
        let mut best = at(high, scratch);
        // Bisection in log(u − lowest), down to the resolution of the floating-point numbers.
        for _ in 0..200 {
            let middle = lowest + ((low - lowest).max(1e-17 * high) * (high - lowest)).sqrt();
            let middle = if middle > low && middle < high { middle } else { 0.5 * (low + high) };
            if middle <= low || middle >= high {
                break;
            }
            let (prices, sums) = at(middle, scratch);
            if sums.cap_price > self.pace_price {
                low = middle;
            } else {
                high = middle;
                best = (prices, sums);
            }
        }
        best
    }

    /// Nested bisection: slow, and converges from anywhere (the dual in λ alone is concave).
    fn bisect(&self, floor: f64, scratch: &mut Scratch) -> Prices {
        let start = self.guess(floor).band;
        let surplus = |band: f64, scratch: &mut Scratch| {
            let (prices, sums) = self.pace_at(band, floor, scratch);
            (sums.band - self.band, prices)
        };
        let (mut low, mut high) = (start, start);
        for _ in 0..400 {
            if surplus(low, scratch).0 >= 0.0 || low < 1e-280 {
                break;
            }
            low *= 0.1;
        }
        for _ in 0..400 {
            if surplus(high, scratch).0 <= 0.0 || high > 1e280 {
                break;
            }
            high *= 10.0;
        }
        for _ in 0..200 {
            let middle = low.sqrt() * high.sqrt();
            if middle <= low || middle >= high {
                break;
            }
            if surplus(middle, scratch).0 > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.pace_at(high, floor, scratch).0
    }

    /// Durations, bandwidths and powers of the hops at a solution, the band filled exactly.
    pub fn sendings(&self, solved: &Solved, scratch: &mut Scratch) -> Vec<Sending> {
        scratch.reset(self.hops.len());
        let Prices { band, pace } = solved.prices;
        let cap = pace - self.latency;
        let (ln_price, ln_cap) = (band.ln(), cap.ln());
        let sent: Vec<Sending> = self
            .hops
            .iter()
            .zip(&mut scratch.memory)
            .map(|(hop, memory)| hop.send(band, ln_price, cap, ln_cap, memory))
            .collect();
        let scale = self.band / sent.iter().map(|s| s.band).sum::<f64>();
        self.hops.iter().zip(sent).map(|(hop, s)| hop.resend(s, s.band * scale)).collect()
    }
}

/// A phase solved at one pace floor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Solved {
    /// v.
    pub floor: f64,
    /// λ and u.
    pub prices: Prices,
    /// Touches Φ at the floor.
    pub minorant: Minorant,
    /// Φ(v), proved from below; the primal value differs by the solve's relative tolerance.
    pub value: f64,
    /// Σ t [s].
    pub time: f64,
}

#[cfg(test)]
mod tests;
