//! Spectral efficiency: the scalar equations whose roots are the cheapest transmissions.
//!
//! All that a hop needs of its efficiency s [nat/s/Hz] comes down to four equations in s alone, each with a right side
//! r in which all of the hop's data have been folded:
//!
//! ```text
//! s + ln m(s) − κ ln s = r            κ = 0 (a cap on the time) or ½ (no limit binds)
//! ln m(s) + 2 ln((eˢ − 1)/s) = r      the power limit binds
//! (eˢ − 1)/s = 1 + g                  the power limit binds under a cap
//! ```
//!
//! with m(s) = s − 1 + e⁻ˢ. Every left side is increasing and convex in log s (the last in s), so Newton's method
//! converges from every start. As the roots are functions of one number, they are tabulated once, and a table's cubic
//! is so close that one Newton step reaches double precision; outside the tables asymptotic starts take a few.

use std::f64::consts::LN_2;
use std::sync::LazyLock;

/// s with the functions of it that everything else is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Efficiency {
    /// s [nat/s/Hz].
    pub s: f64,
    /// m(s) = s − 1 + e⁻ˢ; (s−1)eˢ + 1 = eˢ m(s).
    pub m: f64,
    /// 1 − e⁻ˢ.
    pub gone: f64,
    /// e⁻ˢ.
    decay: f64,
}

impl Efficiency {
    /// Without cancellation for small s.
    #[inline]
    pub fn new(s: f64) -> Self {
        if s < 0.5 {
            // m(s)/s² = 1/2! − s/3! + s²/4! − …, even and odd terms apart; truncated below 1e-17 relative.
            let q = s * s;
            let even =
                const { [1.0 / 2.0, 1.0 / 24.0, 1.0 / 720.0, 1.0 / 40_320.0, 1.0 / 3_628_800.0, 1.0 / 479_001_600.0] };
            let odd = const {
                [1.0 / 6.0, 1.0 / 120.0, 1.0 / 5_040.0, 1.0 / 362_880.0, 1.0 / 39_916_800.0, 1.0 / 6_227_020_800.0]
            };
            let series = |c: [f64; 6]| c[0] + q * (c[1] + q * (c[2] + q * (c[3] + q * (c[4] + q * c[5]))));
            let m = q * (series(even) - s * series(odd));
            let gone = s - m;
            Self { s, m, gone, decay: 1.0 - gone }
        } else {
            let decay = (-s).exp();
            let gone = 1.0 - decay;
            Self { s, m: s - gone, gone, decay }
        }
    }

    /// The same at s(1 + step), for a step whose square is negligible.
    #[inline]
    fn moved(self, step: f64) -> Self {
        let ds = self.s * step;
        // e⁻ˢ falls by this much.
        let fall = self.decay * ds * (1.0 - 0.5 * ds);
        Self {
            s: self.s + ds,
            m: self.m + ds * (self.gone + 0.5 * self.decay * ds),
            gone: self.gone + fall,
            decay: self.decay - fall,
        }
    }

    /// eˢ − 1: the signal-to-noise ratio.
    #[inline]
    pub fn snr(&self) -> f64 {
        self.gone / self.decay
    }

    /// (eˢ − 1)/s − 1 ≥ 0: by how much sending at full power exceeds the shortest time, in units of it.
    #[inline]
    pub fn growth(&self) -> f64 {
        (self.s * self.gone - self.m) / (self.s * self.decay)
    }

    /// d ln((s−1)eˢ + 1)/d ln s, between 2 and s + 1.
    #[inline]
    pub fn interior_slope(&self) -> f64 {
        self.s * (1.0 + self.gone / self.m)
    }

    /// d [ln m(s) + 2 ln((eˢ − 1)/s)]/d ln s, between 2 and 2 s + 1.
    #[inline]
    pub fn limited_slope(&self) -> f64 {
        self.s * self.gone / self.m + 2.0 * (self.s / self.gone - 1.0)
    }
}

/// A function of r on a uniform grid, cubic between the nodes.
struct Table {
    first: f64,
    per_unit: f64,
    /// Value, and slope times the distance of the nodes.
    nodes: Vec<[f64; 2]>,
}

impl Table {
    /// `exact(r)` returns value and slope.
    fn new(first: f64, last: f64, per_unit: f64, exact: impl Fn(f64) -> (f64, f64)) -> Self {
        let count = ((last - first) * per_unit) as usize;
        let node = |i: usize| {
            let (value, slope) = exact(first + i as f64 / per_unit);
            [value, slope / per_unit]
        };
        Self { first, per_unit, nodes: (0..=count).map(node).collect() }
    }

    /// `None` outside the grid.
    #[inline]
    fn at(&self, r: f64) -> Option<f64> {
        let place = (r - self.first) * self.per_unit;
        let index = place as usize;
        let &[[a, da], [b, db]] = self.nodes.get(index..)?.first_chunk()?;
        let t = place - index as f64;
        let rise = b - a;
        let bend = da + db - 2.0 * rise;
        (place >= 0.0).then_some(a + t * (da + t * (rise - da - bend + t * bend)))
    }
}

/// The four roots s as functions of r; the last as s/g as a function of g, or as a function of ln(1 + g) where g is
/// large.
struct Tables {
    capped: Table,
    free: Table,
    limited: Table,
    capped_limited: Table,
    capped_limited_far: Table,
}

/// Right sides of the logarithmic equations that the tables cover: efficiencies from 1e-3 or less to 20 or more.
const RANGE: (f64, f64) = (-16.0, 32.0);
/// The largest g up to which s/g is tabulated.
const NEAR: f64 = 8.0;
/// The values of ln(1 + g) beyond, up to which s is tabulated.
const FAR: (f64, f64) = (2.0, 34.0);
/// Below this right side the roots are powers of eʳ to within double precision.
const ASYMPTOTIC: f64 = -80.0;

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let interior = |kappa: f64| {
        Table::new(RANGE.0, RANGE.1, 12.0, move |r| {
            let root = newton(interior_start(r, kappa), |at| {
                (at.s + at.m.ln() - kappa * at.s.ln() - r, at.interior_slope() - kappa)
            });
            (root.s, root.s / (root.interior_slope() - kappa))
        })
    };
    Tables {
        capped: interior(0.0),
        free: interior(0.5),
        limited: Table::new(RANGE.0, RANGE.1, 12.0, |r| {
            let root = limited_root(r, limited_start(r));
            (root.s, root.s / root.limited_slope())
        }),
        capped_limited: Table::new(0.0, NEAR, 32.0, |g| {
            if g == 0.0 {
                return (2.0, -4.0 / 3.0);
            }
            let root = capped_limited_root(g, capped_limited_start(g));
            let (ratio, slope) = (root.s / g, root.s * root.gone / root.m / (1.0 + g));
            (ratio, (slope - ratio) / g)
        }),
        capped_limited_far: Table::new(FAR.0, FAR.1, 8.0, |r| {
            let g = r.exp_m1();
            let root = capped_limited_root(g, capped_limited_start(g));
            (root.s, root.s * root.gone / root.m)
        }),
    }
});

/// Newton's method in ln s on an increasing convex function; `eval` returns its value and its slope in ln s.
#[inline]
fn newton(start: f64, eval: impl Fn(&Efficiency) -> (f64, f64)) -> Efficiency {
    let mut at = Efficiency::new(start);
    for _ in 0..80 {
        let (value, slope) = eval(&at);
        let step = (-value / slope).clamp(-4.0, 4.0);
        // After a step below 1e-7 the remaining error is of the order of its square.
        if step.abs() < 1e-7 {
            return at.moved(step);
        }
        at = Efficiency::new(at.s * step.exp());
    }
    at
}

#[inline]
fn limited_root(r: f64, start: f64) -> Efficiency {
    newton(start, |at| {
        let share = at.gone / at.s;
        ((at.m * share * share).ln() + 2.0 * at.s - r, at.limited_slope())
    })
}

fn interior_start(r: f64, kappa: f64) -> f64 {
    if r < 1.0 { ((r + LN_2) / (2.0 - kappa)).exp().min(1.5) } else { r + 0.5 - 0.9 * (1.0 - kappa) * r.ln() }
}

fn limited_start(r: f64) -> f64 {
    if r < 1.0 { (0.5 * (r + LN_2)).exp().min(1.5) } else { 0.5 * r + 0.5 * (1.0 + r).ln() }
}

fn capped_limited_start(g: f64) -> f64 {
    let r = g.ln_1p();
    if r < 1.0 { 2.0 * r } else { r + (1.0 + r).ln() }
}

/// Root of (eˢ − 1)/s = 1 + g by Newton's method in s on the logarithms.
#[inline]
fn capped_limited_root(g: f64, start: f64) -> Efficiency {
    let mut at = Efficiency::new(start);
    for _ in 0..80 {
        let off = (at.growth() - g) / (1.0 + g);
        // Slope 1/(1 − e⁻ˢ) − 1/s = m/(s (1 − e⁻ˢ)), between 1/2 and 1.
        let step = |value: f64| (-value * at.gone / at.m).max(-0.5);
        if off.abs() <= 1e-7 {
            return at.moved(step(off));
        }
        at = Efficiency::new(at.s * (1.0 + step(off.ln_1p())));
    }
    at
}

impl Efficiency {
    /// Root of s + ln m(s) − ½ ln s = r: no limit binds.
    #[inline]
    pub fn free(r: f64) -> Self {
        if r < ASYMPTOTIC {
            return Self::new(((r + LN_2) / 1.5).exp());
        }
        newton(TABLES.free.at(r).unwrap_or_else(|| interior_start(r, 0.5)), |at| {
            (at.s + 0.5 * (at.m * (at.m / at.s)).ln() - r, at.interior_slope() - 0.5)
        })
    }

    /// Root of s + ln m(s) = r: the time is capped.
    #[inline]
    pub fn capped(r: f64) -> Self {
        if r < ASYMPTOTIC {
            return Self::new((0.5 * (r + LN_2)).exp());
        }
        let start = TABLES.capped.at(r).unwrap_or_else(|| interior_start(r, 0.0));
        newton(start, |at| (at.s + at.m.ln() - r, at.interior_slope()))
    }

    /// Root of ln m(s) + 2 ln((eˢ − 1)/s) = r: full power.
    #[inline]
    pub fn limited(r: f64) -> Self {
        if r < ASYMPTOTIC {
            return Self::new((0.5 * (r + LN_2)).exp());
        }
        limited_root(r, TABLES.limited.at(r).unwrap_or_else(|| limited_start(r)))
    }

    /// Root of (eˢ − 1)/s = 1 + g, g > 0: full power, and the time is capped.
    #[inline]
    pub fn capped_limited(g: f64) -> Self {
        let tables = &*TABLES;
        let near = tables.capped_limited.at(g).map(|ratio| ratio * g);
        let start = near.or_else(|| tables.capped_limited_far.at(g.ln_1p()));
        capped_limited_root(g, start.unwrap_or_else(|| capped_limited_start(g)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bisection on the definition, in logarithms so that nothing overflows.
    fn bisected(value: impl Fn(f64) -> f64) -> f64 {
        let (mut low, mut high) = (-120.0f64, 8.0f64);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if value(middle.exp()) > 0.0 { high = middle } else { low = middle }
        }
        low.exp()
    }

    fn ln_m(s: f64) -> f64 {
        if s < 1e-2 {
            (s * s / 2.0).ln() + (-s / 3.0 * (1.0 - s / 4.0 * (1.0 - s / 5.0 * (1.0 - s / 6.0)))).ln_1p()
        } else {
            (s + (-s).exp_m1()).ln()
        }
    }

    fn ln_snr_per_s(s: f64) -> f64 {
        if s < 1e-2 {
            (s / 2.0 * (1.0 + s / 3.0 * (1.0 + s / 4.0 * (1.0 + s / 5.0 * (1.0 + s / 6.0))))).ln_1p()
        } else {
            s + (-(-s).exp_m1() / s).ln()
        }
    }

    #[test]
    fn roots_solve_their_equations() {
        for i in -2400..=3000 {
            let r = 0.0437 * f64::from(i);
            let close = |found: Efficiency, expected: f64, what: &str| {
                assert!((found.s / expected - 1.0).abs() < 1e-11, "{what} at {r}: {} for {expected}", found.s);
                let fresh = Efficiency::new(found.s);
                for (moved, fresh) in [(found.m, fresh.m), (found.gone, fresh.gone), (found.snr(), fresh.snr())] {
                    assert!((moved / fresh - 1.0).abs() < 1e-12, "{what} at {r}: {moved} for {fresh}");
                }
            };
            close(Efficiency::free(r), bisected(|s| s + ln_m(s) - 0.5 * s.ln() - r), "free");
            close(Efficiency::capped(r), bisected(|s| s + ln_m(s) - r), "capped");
            close(Efficiency::limited(r), bisected(|s| ln_m(s) + 2.0 * ln_snr_per_s(s) - r), "limited");
            let g = (0.5 * r).exp();
            if g < 1e200 {
                close(Efficiency::capped_limited(g), bisected(|s| ln_snr_per_s(s) - g.ln_1p()), "capped and limited");
            }
        }
    }

    /// Inside the tables one step suffices: that is what they are for.
    #[test]
    fn tables_are_close() {
        let mut worst = [0.0f64; 5];
        for i in 0..40_000 {
            let r = RANGE.0 + (RANGE.1 - RANGE.0) * (f64::from(i) + 0.5) / 40_000.0;
            let mut see = |at: usize, found: Option<f64>, exact: f64| {
                worst[at] = worst[at].max((found.unwrap() / exact - 1.0).abs());
            };
            see(0, TABLES.free.at(r), Efficiency::free(r).s);
            see(1, TABLES.capped.at(r), Efficiency::capped(r).s);
            see(2, TABLES.limited.at(r), Efficiency::limited(r).s);
            let g = NEAR * (f64::from(i) + 0.5) / 40_000.0;
            see(3, TABLES.capped_limited.at(g).map(|ratio| ratio * g), Efficiency::capped_limited(g).s);
            let r = FAR.0 + (FAR.1 - FAR.0) * (f64::from(i) + 0.5) / 40_000.0;
            see(4, TABLES.capped_limited_far.at(r), Efficiency::capped_limited(r.exp_m1()).s);
        }
        println!("worst start: {worst:?}");
        assert!(worst.iter().all(|&error| error < 1e-7), "{worst:?}");
    }
}
