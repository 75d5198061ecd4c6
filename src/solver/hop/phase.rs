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

use crate::solver::hop::{Cap, Hop, Sending};

/// Relative accuracy to which the band is filled and the pace price is spent.
const TOLERANCE: f64 = 1e-12;
/// The same where only a bound is asked for: of the band, to which the dual reacts in second order, and of the pace
/// price, to which it reacts in first order.
const COARSE: (f64, f64) = (1e-7, 1e-10);
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
    /// u: pace, infinite where it has no price [s].
    pub pace: f64,
    /// u less the least pace that any bandwidth allows, not computed by subtraction [s].
    excess: f64,
    /// The longest of the hops' shortest times [s].
    origin: f64,
}

impl Prices {
    /// The same at another price of the band.
    pub fn scaled(self, factor: f64) -> Self {
        Self { band: self.band * factor, ..self }
    }

    /// The pace as a limit of a hop's time on air.
    pub fn cap(&self) -> Cap {
        Cap::new(self.origin, self.excess)
    }
}

/// The hops of one phase and what they share.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhaseRadio {
    hops: Vec<Hop>,
    /// W [Hz].
    pub band: f64,
    /// A: objective units per second of the pace; zero where there is one micro-batch only.
    pub pace_price: f64,
    /// ℓ [s].
    pub latency: f64,
    /// The longest of the hops' shortest times [s].
    origin: f64,
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
}

/// Scratch space of a phase: which hops run at their cap, and a count of evaluations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    capped: Vec<bool>,
    /// Whether bounds are all that is asked for.
    pub coarse: bool,
    pub evaluations: u64,
}

impl Scratch {
    /// Relative accuracy to which the band is filled, and to which the pace price is spent.
    fn accuracy(&self) -> (f64, f64) {
        if self.coarse { COARSE } else { (TOLERANCE, 10.0 * TOLERANCE) }
    }

    fn reset(&mut self, radio: &PhaseRadio) {
        self.capped.clear();
        // Where the pace has a price most hops run at their cap.
        self.capped.resize(radio.hops.len(), radio.pace_price > 0.0);
    }
}

impl PhaseRadio {
    /// A phase without hops.
    pub fn new(band: f64, pace_price: f64, latency: f64) -> Self {
        Self { hops: Vec::new(), band, pace_price, latency, origin: 0.0 }
    }

    /// Takes over another phase's bands and prices, and removes all hops.
    pub fn reset(&mut self, other: Self) {
        let mut hops = std::mem::take(&mut self.hops);
        hops.clear();
        *self = Self { hops, ..other };
    }

    /// Adds a hop.
    pub fn push(&mut self, hop: Hop) {
        self.origin = self.origin.max(hop.shortest_time());
        self.hops.push(hop);
    }

    /// Prices with the pace given by its excess over the least one.
    fn prices(&self, band: f64, excess: f64) -> Prices {
        Prices { band, pace: self.latency + self.origin + excess, excess, origin: self.origin }
    }

    /// Excess of the pace floor; not positive where the floor cannot bind.
    fn floor_excess(&self, floor: f64) -> f64 {
        (floor - self.latency) - self.origin
    }

    fn totals(&self, prices: Prices, scratch: &mut Scratch) -> Totals {
        scratch.evaluations += 1;
        let (ln_price, cap) = (prices.band.ln(), prices.cap());
        let mut sums = Totals::default();
        for (hop, capped) in self.hops.iter().zip(&mut scratch.capped) {
            let sent = hop.send(prices.band, ln_price, &cap, capped);
            sums.band += sent.band;
            sums.band_by_price += sent.band * sent.band_by_price;
            sums.band_by_pace += sent.band * sent.band_by_cap;
            sums.cap_price += sent.cap_price;
            sums.cap_price_by_price += sent.cap_price_by_price;
            sums.cap_price_by_pace += sent.cap_price_by_cap;
            sums.dual += sent.cost + prices.band * sent.band;
            sums.time += sent.time;
        }
        // By the logarithm of the excess instead of that of the cap.
        if cap.time.is_finite() {
            let stretch = cap.excess / cap.time;
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

    /// The minorant of slope 0 that cap prices with Σ ν = A prove; each hop is minimized anew with its cap price as a
    /// price of time.
    fn relaxed_minorant(&self, prices: Prices, cap_price: impl Fn(usize) -> f64) -> Minorant {
        let ln_price = prices.band.ln();
        let mut intercept = -prices.band * self.band;
        for (index, hop) in self.hops.iter().enumerate() {
            let cap_price = cap_price(index);
            let relaxed = hop.with_time_price(hop.time_price() + cap_price);
            let sent = relaxed.free(prices.band, ln_price);
            intercept += sent.cost + prices.band * sent.band + cap_price * self.latency;
        }
        Minorant { intercept, slope: 0.0 }
    }

    /// The best minorant where double precision cannot place the pace so that Σ ν = A: the cap prices scaled to that
    /// sum, or all of A on the hop that cannot be fast.
    fn rescued_minorant(&self, prices: Prices, sums: &Totals, scratch: &mut Scratch) -> Minorant {
        let (ln_price, cap) = (prices.band.ln(), prices.cap());
        let scale = self.pace_price / sums.cap_price;
        let cap_prices: Vec<f64> = (self.hops.iter().zip(&mut scratch.capped))
            .map(|(hop, capped)| scale * hop.send(prices.band, ln_price, &cap, capped).cap_price)
            .collect();
        let slowest = |index: usize| self.hops[index].shortest_time() >= self.origin;
        let slowest = (0..self.hops.len()).find(|&index| slowest(index));
        let scaled = self.relaxed_minorant(prices, |index| cap_prices[index]);
        let alone = self.relaxed_minorant(prices, |index| if Some(index) == slowest { self.pace_price } else { 0.0 });
        if scaled.intercept > alone.intercept { scaled } else { alone }
    }

    /// Prices from a closed form that assumes every hop to take equally long.
    pub fn guess(&self, floor: f64) -> Prices {
        let sharers = self.hops.len() as f64;
        let times: f64 = self.hops.iter().map(Hop::time_price).sum();
        let balanced = |a: f64| {
            let product = |hop: &Hop| hop.nats() / hop.guess_efficiency(a, self.band, sharers);
            self.hops.iter().map(product).sum::<f64>() / self.band
        };
        if self.pace_price <= 0.0 {
            return self.prices(balanced(times) * times / self.band, f64::INFINITY);
        }
        let all = times + self.pace_price;
        let paced = balanced(all);
        let mut band = paced * all / self.band;
        // At full power on an equal share of the band the slowest hop takes this much longer than its least.
        let spread = self.hops.iter().map(|hop| hop.excess_on(self.band / sharers)).fold(0.0, f64::max);
        let mut excess = (paced - self.origin).max(spread);
        // At low signal-to-noise ratios bandwidth is worth less than balanced times suggest.
        let share = self.band / sharers;
        let limited = |hop: &Hop| {
            hop.limited_price(share, if hop.shortest_time() >= self.origin { self.pace_price } else { 0.0 })
        };
        band = band.min(self.hops.iter().map(limited).fold(0.0, f64::max));
        let floor = self.floor_excess(floor);
        if floor > excess {
            // Between the paced balance and the free one, on a logarithmic scale of the time there is.
            let (room, free) = (floor + self.origin, balanced(times));
            let (high, low) = (band, free * times / self.band);
            let way = ((room / paced).ln() / (free / paced).ln().max(1e-9)).clamp(0.0, 1.0);
            band = (high.ln() * (1.0 - way) + low.ln() * way).exp();
            excess = floor;
        }
        self.prices(band, excess)
    }

    /// A minorant from no evaluation at all: every hop as if all bandwidth in the world were its own.
    pub fn trivial_minorant(&self) -> Minorant {
        Minorant { intercept: self.hops.iter().map(Hop::least_cost).sum(), slope: self.pace_price }
    }

    /// A cheap minorant, from one evaluation at given or guessed prices.
    pub fn quick_minorant(&self, floor: f64, start: Option<Prices>, scratch: &mut Scratch) -> (Prices, Minorant) {
        scratch.reset(self);
        let prices = self.start(floor, start);
        let sums = self.totals(prices, scratch);
        (prices, self.minorant(prices, &sums))
    }

    /// The minorant that a given price of the band proves, at a guessed pace.
    pub fn minorant_at(&self, band_price: f64, floor: f64, scratch: &mut Scratch) -> Minorant {
        scratch.reset(self);
        let prices = Prices { band: band_price, ..self.guess(floor) };
        let sums = self.totals(prices, scratch);
        self.minorant(prices, &sums)
    }

    /// Minimizes the phase at a pace floor; `start` are prices of a similar solve.
    pub fn solve(&self, floor: f64, start: Option<Prices>, scratch: &mut Scratch) -> Solved {
        scratch.reset(self);
        let start = self.start(floor, start);
        let (mut prices, sums) = self.newton(floor, start, scratch).unwrap_or_else(|| self.bisect(floor, scratch));
        let on_floor = prices.excess <= self.floor_excess(floor);
        if on_floor {
            prices.pace = floor;
        }
        let missed = (self.pace_price - sums.cap_price).abs() > scratch.accuracy().1 * self.pace_price;
        let binding = !on_floor || sums.cap_price > self.pace_price;
        let minorant = if missed && binding {
            self.rescued_minorant(prices, &sums, scratch)
        } else {
            self.minorant(prices, &sums)
        };
        Solved { floor, prices, minorant, value: minorant.at(floor), time: sums.time }
    }

    /// Where to start: at the prices of a similar phase, or at guessed ones.
    pub fn start(&self, floor: f64, start: Option<Prices>) -> Prices {
        match start {
            Some(prices) if self.pace_price <= 0.0 => self.prices(prices.band, f64::INFINITY),
            Some(prices) if prices.excess.is_finite() => {
                self.prices(prices.band, prices.excess.max(self.floor_excess(floor)))
            }
            _ => self.guess(floor),
        }
    }

    /// Newton's method on both conditions at once; `None` where it does not settle.
    fn newton(&self, floor: f64, start: Prices, scratch: &mut Scratch) -> Option<(Prices, Totals)> {
        let floor = self.floor_excess(floor);
        let paced = self.pace_price > 0.0;
        let (band_accuracy, pace_accuracy) = scratch.accuracy();
        let mut prices = start;
        for _ in 0..40 {
            let sums = self.totals(prices, scratch);
            let fill = (sums.band / self.band).ln();
            if !paced {
                if fill.abs() <= band_accuracy {
                    return Some((prices, sums));
                }
                let step = -fill * sums.band / sums.band_by_price;
                if !step.is_finite() {
                    return None;
                }
                prices.band *= step.clamp(-3.0, 3.0).exp();
                continue;
            }
            let spare = self.pace_price - sums.cap_price;
            let on_floor = prices.excess <= floor && spare >= 0.0;
            if fill.abs() <= band_accuracy && (on_floor || spare.abs() <= pace_accuracy * self.pace_price) {
                return Some((prices, sums));
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
                let target = (0.8 * self.free_excess(prices.band)).max(floor);
                (band_step, pace_step) = (0.0, (target / prices.excess).ln());
            } else {
                let (a, b) = (sums.band_by_price, sums.band_by_pace);
                let (c, d) = (sums.cap_price_by_price, sums.cap_price_by_pace);
                let (r, q) = (-fill * sums.band, spare);
                let determinant = a * d - b * c;
                let mut steps = ((r * d - b * q) / determinant, (a * q - c * r) / determinant);
                if prices.excess * steps.1.clamp(-2.0, 2.0).exp() < floor {
                    // The floor binds on the way: move to it, and the band price along the band condition.
                    steps.1 = (floor / prices.excess).ln();
                    steps.0 = (r - b * steps.1) / a;
                }
                (band_step, pace_step) = steps;
            }
            if !band_step.is_finite() || !pace_step.is_finite() {
                return None;
            }
            if !on_floor && fill.abs() <= 1e-8 && band_step.abs() <= 1e-9 && pace_step.abs() <= RESOLUTION {
                return Some((prices, sums));
            }
            let excess = prices.excess * pace_step.clamp(-2.0, 2.0).exp();
            // A step onto the floor misses it by rounding.
            let excess = if excess <= floor * (1.0 + RESOLUTION) { floor } else { excess };
            prices = self.prices(prices.band * band_step.clamp(-3.0, 3.0).exp(), excess);
        }
        None
    }

    /// By how much the slowest hop exceeds the least pace if no cap binds [s]. At full power that difference can be
    /// smaller than the resolution of the times themselves.
    fn free_excess(&self, band_price: f64) -> f64 {
        let ln_price = band_price.ln();
        let excess = |hop: &Hop| {
            let sent = hop.free(band_price, ln_price);
            let beyond =
                if hop.at_full_power(&sent) { hop.excess_on(sent.band) } else { sent.time - hop.shortest_time() };
            beyond + (hop.shortest_time() - self.origin)
        };
        self.hops.iter().map(excess).fold(0.0, f64::max)
    }

    /// The pace that minimizes the Lagrangian at a band price: Σ ν(u) = A, or the floor. Σ ν decreases in u.
    fn pace_at(&self, band: f64, floor: f64, scratch: &mut Scratch) -> (Prices, Totals) {
        let at = |excess: f64, scratch: &mut Scratch| {
            let prices = self.prices(band, excess);
            let sums = self.totals(prices, scratch);
            (prices, sums)
        };
        let free = at(f64::INFINITY, scratch);
        if self.pace_price <= 0.0 {
            return free;
        }
        let floor = self.floor_excess(floor);
        let mut low = (1e-30 * self.origin).max(f64::MIN_POSITIVE);
        if floor > 0.0 {
            let best = at(floor, scratch);
            if best.1.cap_price <= self.pace_price {
                return best;
            }
            low = floor;
        }
        let high = self.free_excess(band).max(low);
        let mut best = at(high, scratch);
        // Σ ν/A falls with the excess, nearly as a power of it.
        falling_root(low, (high, best.1.cap_price / self.pace_price), |excess| {
            let point = at(excess, scratch);
            let ratio = point.1.cap_price / self.pace_price;
            if ratio <= 1.0 {
                best = point;
            }
            ratio
        });
        best
    }

    /// One root inside the other: slow, and converges from anywhere (the dual in λ alone is concave).
    fn bisect(&self, floor: f64, scratch: &mut Scratch) -> (Prices, Totals) {
        let start = self.guess(floor).band;
        let fill = |band: f64, scratch: &mut Scratch| self.pace_at(band, floor, scratch).1.band / self.band;
        let (mut low, mut high) = (start, start);
        for _ in 0..60 {
            if fill(low, scratch) >= 1.0 || low < 1e-280 {
                break;
            }
            low *= 1e-4;
        }
        let mut filled = fill(high, scratch);
        for _ in 0..60 {
            if filled <= 1.0 || high > 1e280 {
                break;
            }
            high *= 1e4;
            filled = fill(high, scratch);
        }
        let band = falling_root(low, (high, filled), |band| fill(band, scratch));
        self.pace_at(band, floor, scratch)
    }

    /// The pace that sendings keep at a floor, and what they cost, from the definition.
    pub fn spent(&self, floor: f64, sent: &[Sending]) -> (f64, f64) {
        let pace = sent.iter().fold(floor, |pace, s| pace.max(self.latency + s.time));
        let hops: f64 = self.hops.iter().zip(sent).map(|(hop, s)| hop.cost_of(s)).sum();
        (pace, hops + self.pace_price * pace)
    }

    /// Durations, bandwidths and powers of the hops at a solution, the band filled exactly.
    pub fn sendings(&self, solved: &Solved, scratch: &mut Scratch) -> Vec<Sending> {
        scratch.reset(self);
        let (band, cap) = (solved.prices.band, solved.prices.cap());
        let ln_price = band.ln();
        let sent: Vec<Sending> = (self.hops.iter().zip(&mut scratch.capped))
            .map(|(hop, capped)| hop.send(band, ln_price, &cap, capped))
            .collect();
        let scale = self.band / sent.iter().map(|s| s.band).sum::<f64>();
        self.hops.iter().zip(sent).map(|(hop, s)| hop.resend(s, s.band * scale)).collect()
    }
}

/// Where a decreasing positive function falls to 1, from above, to the resolution of the floating-point numbers:
/// secants on logarithmic scales, kept off the ends, and bisection in turn. `high` comes with its value, which is at
/// most 1.
pub(crate) fn falling_root(low: f64, high: (f64, f64), value: impl FnMut(f64) -> f64) -> f64 {
    falling_root_between((low, f64::INFINITY), high, value)
}

/// The same where the value at `low` is known as well, which is more than 1.
pub(crate) fn falling_root_between(low: (f64, f64), high: (f64, f64), mut value: impl FnMut(f64) -> f64) -> f64 {
    let ((mut low, mut above), (mut high, mut below)) = (low, high);
    for round in 0..200 {
        let (a, b) = (low.ln(), high.ln());
        let (x, y) = (above.ln(), below.ln());
        let way = if round % 3 != 2 && x.is_finite() && y.is_finite() { (x / (x - y)).clamp(0.01, 0.99) } else { 0.5 };
        let middle = (a + way * (b - a)).exp();
        let middle = if middle > low && middle < high { middle } else { low + 0.5 * (high - low) };
        if middle <= low || middle >= high || y.abs() <= 1e-15 {
            break;
        }
        let found = value(middle);
        if found > 1.0 {
            (low, above) = (middle, found);
        } else {
            (high, below) = (middle, found);
        }
    }
    high
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

mod reaction;
#[cfg(test)]
mod tests;
