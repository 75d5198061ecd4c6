//! One transmission: the cheapest bandwidth, power and duration at given prices.
//!
//! A hop sends d nats in time t on bandwidth w. With s = d/(t w) the power that does it is
//! p = (w/γ)(eˢ − 1), and s is the spectral efficiency in nat/s/Hz. Given a price λ of bandwidth and
//! a cap on t, the hop minimizes a·t + z·p·t + λ·w subject to p ≤ P: a convex problem in (t, w) whose
//! stationary points are roots of scalar equations in s (formulation, section 3): [`efficiency`](crate::solver::hop::efficiency).

pub(crate) mod curve;
pub(crate) mod efficiency;
pub(crate) mod phase;

use crate::solver::hop::efficiency::Efficiency;

/// Spectral efficiency s that minimizes (a + z p)/R(W, p) on a band W of one's own, clipped to the power limit:
/// (s−1)eˢ + 1 = aγ/(zW). The second number is d ln s/d ln a.
#[must_use]
pub(crate) fn whole_band_efficiency(a: f64, z: f64, gain: f64, band: f64, max_power: f64) -> (f64, f64) {
    let limit = (max_power * gain / band).ln_1p();
    if z <= 0.0 {
        return (limit, 0.0);
    }
    let at = Efficiency::capped((a * gain).ln() - (z * band).ln());
    if at.s < limit { (at.s, 1.0 / at.interior_slope()) } else { (limit, 0.0) }
}

/// Price per unit of bandwidth at which a hop on the whole band W with efficiency s would buy exactly W.
#[must_use]
pub(crate) fn whole_band_price(a: f64, z: f64, gain: f64, band: f64, max_power: f64, nats: f64, s: f64) -> f64 {
    let time = nats / (band * s);
    if s >= (max_power * gain / band).ln_1p() * (1.0 - 1e-15) {
        (a + z * max_power) * time * Efficiency::new(s).m / (band * s)
    } else {
        a * time / band
    }
}

/// A transmission with the prices of its time and energy folded in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    /// d: nats to send.
    nats: f64,
    /// γ [Hz/W].
    gain: f64,
    /// P [W].
    max_power: f64,
    /// a: objective units per second on air (latency and circuit power).
    time_price: f64,
    /// z: objective units per joule radiated.
    energy_price: f64,
    /// ln(γ/z): a constant of the scalar equations.
    ln_gain_over_price: f64,
    /// d/(Pγ): no bandwidth sends faster [s].
    shortest_time: f64,
}

/// An upper limit of the time on air, placed relative to the least time that any bandwidth allows: at low
/// signal-to-noise ratios the two agree in all their leading digits, and only their difference says what the limit
/// costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cap {
    /// τ [s]; infinite for none.
    pub time: f64,
    pub ln_time: f64,
    /// τ less `origin`, not computed by subtraction [s].
    pub excess: f64,
    /// The longest of the hops' shortest times [s].
    pub origin: f64,
}

impl Cap {
    pub const NONE: Self = Self { time: f64::INFINITY, ln_time: f64::INFINITY, excess: f64::INFINITY, origin: 0.0 };

    pub fn new(origin: f64, excess: f64) -> Self {
        let time = origin + excess;
        Self { time, ln_time: time.ln(), excess, origin }
    }
}

/// Which of the hop's limits bind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Regime {
    #[default]
    Free,
    Limited,
    Capped,
    CappedLimited,
}

/// The cheapest way to send at given prices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sending {
    /// t [s].
    pub time: f64,
    /// w [Hz].
    pub band: f64,
    /// p [W].
    pub power: f64,
    /// a·t + z·p·t.
    pub cost: f64,
    /// ν ≥ 0: what one more second of the cap would save.
    pub cap_price: f64,
    /// d ln w / d ln λ, d ln w / d ln τ.
    pub band_by_price: f64,
    pub band_by_cap: f64,
    /// dν / d ln λ, dν / d ln τ.
    pub cap_price_by_price: f64,
    pub cap_price_by_cap: f64,
    pub at: Efficiency,
    pub regime: Regime,
}

/// How a sending without a cap reacts: derivatives by the logarithms of λ and of a latency price V.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reaction {
    /// dt/d ln λ, dt/d ln V [s].
    pub time_by_price: f64,
    pub time_by_weight: f64,
    /// dw/d ln λ, dw/d ln V [Hz].
    pub band_by_price: f64,
    pub band_by_weight: f64,
}

impl Hop {
    /// The reaction of a sending without a cap, where the time price is V plus something.
    pub fn reaction(&self, sent: &Sending, weight: f64) -> Reaction {
        // The sending depends on λ/price and, inside the power limit, on λ·a as well.
        let (price, by_price, time_by_price) = if sent.regime == Regime::Free {
            let root = 0.5 / (sent.at.interior_slope() - 0.5);
            let weight = weight / self.time_price;
            return Reaction {
                time_by_price: sent.time * (0.5 - 0.5 * root),
                time_by_weight: -sent.time * weight * (0.5 + 0.5 * root),
                band_by_price: -sent.band * (0.5 + 0.5 * root),
                band_by_weight: sent.band * weight * (0.5 - 0.5 * root),
            };
        } else {
            let root = 1.0 / sent.at.limited_slope();
            let by_price = -(sent.at.s / sent.at.gone) * root;
            (self.time_price + self.energy_price * self.max_power, by_price, -by_price - root)
        };
        let weight = weight / price;
        Reaction {
            time_by_price: sent.time * time_by_price,
            time_by_weight: -sent.time * weight * time_by_price,
            band_by_price: sent.band * by_price,
            band_by_weight: -sent.band * weight * by_price,
        }
    }

    pub fn new(nats: f64, gain: f64, max_power: f64, time_price: f64, energy_price: f64) -> Self {
        // Magnitudes within 1e±30 each: no product of few leaves the range of double precision.
        let ln_gain_over_price = if energy_price > 0.0 { (gain / energy_price).ln() } else { f64::INFINITY };
        let shortest_time = nats / (max_power * gain);
        Self { nats, gain, max_power, time_price, energy_price, ln_gain_over_price, shortest_time }
    }

    /// The same hop at another price of time.
    pub fn with_time_price(&self, time_price: f64) -> Self {
        Self::new(self.nats, self.gain, self.max_power, time_price, self.energy_price)
    }

    pub fn time_price(&self) -> f64 {
        self.time_price
    }

    /// Cost of a sending's time and energy, without its bandwidth.
    pub fn cost_of(&self, sending: &Sending) -> f64 {
        (self.time_price + self.energy_price * sending.power) * sending.time
    }

    /// No band however wide sends faster than this [s].
    pub fn shortest_time(&self) -> f64 {
        self.shortest_time
    }

    /// No band however wide makes sending cheaper: time at full power, energy at the least.
    pub fn least_cost(&self) -> f64 {
        self.time_price * self.shortest_time + self.energy_price * (self.nats / self.gain)
    }

    /// Whether the power limit binds.
    pub fn at_full_power(&self, sending: &Sending) -> bool {
        sending.power >= self.max_power
    }

    /// The price at which the hop would buy the band w if it sent at full power and its time cost `more` per second
    /// more.
    pub fn limited_price(&self, band: f64, more: f64) -> f64 {
        let at = Efficiency::new((self.max_power * self.gain / band).ln_1p());
        (self.time_price + more + self.energy_price * self.max_power) * self.nats * at.m / (band * at.s).powi(2)
    }

    /// Time on air at full power on a band w, less the shortest time [s].
    pub fn excess_on(&self, band: f64) -> f64 {
        self.shortest_time * Efficiency::new((self.max_power * self.gain / band).ln_1p()).growth()
    }

    /// Efficiency at which a hop's own marginal values balance if time had the price `a` and the band W were its own:
    /// the start of the phase's Newton iteration.
    pub fn guess_efficiency(&self, a: f64, band: f64, sharers: f64) -> f64 {
        let limit = (self.max_power * self.gain * sharers / band).ln_1p();
        if self.energy_price <= 0.0 {
            return limit;
        }
        Efficiency::capped(self.ln_gain_over_price + a.ln() - band.ln()).s.min(limit)
    }

    /// d/s.
    pub fn nats(&self) -> f64 {
        self.nats
    }

    /// The same duration on a bandwidth that differs by rounding, with the power that this takes.
    pub fn resend(&self, sending: Sending, band: f64) -> Sending {
        let power = band / self.gain * (self.nats / (sending.time * band)).exp_m1();
        if power < self.max_power {
            return Sending { band, power, ..sending };
        }
        let time = self.nats / (band * (self.max_power * self.gain / band).ln_1p());
        Sending { band, power: self.max_power, time, ..sending }
    }

    /// The cheapest sending at bandwidth price λ (given with its logarithm) within a cap. `capped` says whether the cap
    /// is expected to bind, and afterwards whether it does: only the effort depends on it.
    #[inline]
    pub fn send(&self, price: f64, ln_price: f64, cap: &Cap, capped: &mut bool) -> Sending {
        if *capped {
            let sending = self.within(price, ln_price, cap);
            if sending.cap_price >= 0.0 {
                return sending;
            }
            *capped = false;
            return self.free(price, ln_price);
        }
        let sending = self.free(price, ln_price);
        if self.fits(&sending, cap) {
            return sending;
        }
        *capped = true;
        self.within(price, ln_price, cap)
    }

    /// Whether a sending without a cap keeps it; where the times agree to many digits, by their differences from the
    /// shortest.
    #[inline]
    fn fits(&self, sending: &Sending, cap: &Cap) -> bool {
        if cap.time.is_infinite() || (sending.time - cap.time).abs() > 1e-6 * cap.time || !self.at_full_power(sending) {
            return sending.time <= cap.time;
        }
        self.excess_on(sending.band) <= cap.excess + (cap.origin - self.shortest_time)
    }

    /// The cheapest sending without a cap.
    #[inline]
    pub fn free(&self, price: f64, ln_price: f64) -> Sending {
        let interior = self.ln_gain_over_price + 0.5 * (self.time_price / self.nats).ln();
        if self.energy_price > 0.0 && interior < 500.0 {
            let at = Efficiency::free(interior + 0.5 * ln_price);
            let time = (self.nats / self.time_price * price / at.s).sqrt();
            let band = self.time_price / price * time;
            let power = band / self.gain * at.snr();
            if power <= self.max_power {
                let by_price = 0.5 / (at.interior_slope() - 0.5);
                return Sending {
                    time,
                    band,
                    power,
                    cost: (self.time_price + self.energy_price * power) * time,
                    band_by_price: -0.5 - 0.5 * by_price,
                    at,
                    regime: Regime::Free,
                    ..Sending::default()
                };
            }
        }
        let most = self.max_power * self.gain;
        let spent = self.time_price + self.energy_price * self.max_power;
        let at = Efficiency::limited((most / spent * (most / self.nats)).ln() + ln_price);
        let band = most / at.snr();
        let time = self.nats / (band * at.s);
        Sending {
            time,
            band,
            power: self.max_power,
            cost: spent * time,
            band_by_price: -(at.s / at.gone) / at.limited_slope(),
            at,
            regime: Regime::Limited,
            ..Sending::default()
        }
    }

    /// The cheapest sending that takes exactly the cap's time.
    #[inline]
    fn within(&self, price: f64, ln_price: f64, cap: &Cap) -> Sending {
        // By how much the cap exceeds the shortest time, in units of it.
        let slack = (cap.excess + (cap.origin - self.shortest_time)) / self.shortest_time;
        if self.energy_price > 0.0 {
            let at = Efficiency::capped(self.ln_gain_over_price + ln_price - cap.ln_time);
            // p ≤ P, that is (eˢ − 1)/s ≤ τ Pγ/d: compared where both are close to 1.
            if at.growth() <= slack {
                let band = self.nats / (at.s * cap.time);
                let power = band / self.gain * at.snr();
                let by_price = 1.0 / at.interior_slope();
                let worth = price * band / cap.time;
                return Sending {
                    time: cap.time,
                    band,
                    power,
                    cost: (self.time_price + self.energy_price * power) * cap.time,
                    cap_price: worth - self.time_price,
                    band_by_price: -by_price,
                    band_by_cap: by_price - 1.0,
                    cap_price_by_price: worth * (1.0 - by_price),
                    cap_price_by_cap: worth * (by_price - 2.0),
                    at,
                    regime: Regime::Capped,
                };
            }
        }
        // The sign of the slack says whether the cap can be met.
        if slack <= 0.0 {
            // No band suffices: an infinite price of the cap tells the phase to raise the pace.
            return Sending {
                time: cap.time,
                band: f64::INFINITY,
                power: self.max_power,
                cost: f64::INFINITY,
                cap_price: f64::INFINITY,
                ..Sending::default()
            };
        }
        let at = Efficiency::capped_limited(slack);
        let by_cap = at.s * at.gone / at.m; // ds / d ln τ
        let worth = price * self.nats / (cap.time * cap.time * at.m);
        let spent = self.time_price + self.energy_price * self.max_power;
        Sending {
            time: cap.time,
            band: self.nats / (at.s * cap.time),
            power: self.max_power,
            cost: spent * cap.time,
            cap_price: worth - spent,
            band_by_price: 0.0,
            band_by_cap: -1.0 - by_cap / at.s,
            cap_price_by_price: worth,
            cap_price_by_cap: -worth * (2.0 + at.gone / at.m * by_cap),
            at,
            regime: Regime::CappedLimited,
        }
    }
}
