//! All hops that a path through a cluster's devices may use, and what they cost at given prices.

use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::solver::cluster::PlannedCluster;
use crate::solver::hop::phase::{Minorant, PhaseRadio, Prices};
use crate::solver::hop::{Cap, Hop, Sending};

/// A hop's share in a minorant of its phase.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// cost + λ w + ν u.
    intercept: f64,
    /// ν.
    cap_price: f64,
}

/// The shares of all hops at one pair of prices.
#[derive(Clone, Debug)]
struct PricePoint {
    band_cost: f64,
    shares: Vec<Share>,
}

/// An interval of paces and a price of the band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    /// λ.
    pub band_price: f64,
    /// Paces from `low` to `high` [s].
    pub low: f64,
    pub high: f64,
}

/// An affine minorant, in the pace, of what a link costs at a price of the band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tangent {
    /// Values at the two ends of the interval.
    pub low: f64,
    pub high: f64,
}

/// The hops of one phase between any two nodes i < j of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    nodes: usize,
    /// Row by row, only j > i.
    hops: Vec<Option<Hop>>,
    /// Whether their caps are expected to bind.
    capped: Vec<bool>,
    /// The phase without hops.
    empty: PhaseRadio,
    priced: Vec<PricePoint>,
}

/// More price points than this cost more than they prune.
const MOST_PRICES: usize = 6;

/// Caps that leave less than this share of the pace beyond the shortest time are not used: rounding of the pace would
/// show in the bandwidth that they demand.
const RESOLVED: f64 = 1e-5;

/// Tangents touch where the excess over the shortest time is not below the upper end's divided by this.
const MOST_STRETCH: f64 = 1.4;

impl Links {
    /// The links, but for those that enter one of the equal devices (`follows`) past the one before it.
    pub fn new(cluster: &PlannedCluster, phase: Phase, follows: &[bool]) -> Self {
        let program = &cluster.at.program;
        let nodes = program.cluster.devices.len() + 2;
        let mut hops = Vec::with_capacity(nodes * (nodes - 1) / 2);
        for near in 0..nodes - 1 {
            for far in near + 1..nodes {
                let direct = near == 0 && far == nodes - 1;
                let skips = far < nodes - 1 && follows[far - 1] && near + 1 < far;
                let (near, far) = (NodeId(near), NodeId(far));
                // Every link is used both ways; one that works one way only is none.
                let works = !direct && !skips && program.joined(near, far);
                hops.push(works.then(|| cluster.hop(phase, near, far)));
            }
        }
        let capped = vec![true; hops.len()];
        Self { nodes, hops, capped, empty: cluster.radio(), priced: Vec::new() }
    }

    /// Where the link from i to j > i is kept.
    pub fn index(&self, near: NodeId, far: NodeId) -> usize {
        let (near, far) = (near.0, far.0);
        near * (2 * self.nodes - near - 1) / 2 + far - near - 1
    }

    /// The links of the path through the active devices.
    fn path<'a>(&'a self, active: &'a [DeviceId]) -> impl Iterator<Item = usize> + 'a {
        Route::through(active, self.nodes - 2).hops().map(|(near, far)| self.index(near, far))
    }

    /// Fills in the hops of the path; false where one of the links does not work.
    pub fn set_path(&self, radio: &mut PhaseRadio, active: &[DeviceId]) -> bool {
        radio.reset(self.empty.clone());
        for link in self.path(active) {
            let Some(hop) = self.hops[link] else { return false };
            radio.push(hop);
        }
        true
    }

    /// A phase of a few working hops, for a first price.
    pub fn set_some(&self, radio: &mut PhaseRadio) {
        radio.reset(self.empty.clone());
        let working = self.hops.iter().flatten();
        let every = working.clone().count().div_ceil(4).max(1);
        working.step_by(every).for_each(|hop| radio.push(*hop));
    }

    /// Whether there are prices to prove minorants with.
    pub fn is_priced(&self) -> bool {
        !self.priced.is_empty()
    }

    /// Prices all hops at the prices of a solved phase, so that every path gets a minorant from them.
    pub fn add_prices(&mut self, prices: Prices) {
        if self.priced.len() >= MOST_PRICES {
            return;
        }
        let (ln_price, cap) = (prices.band.ln(), prices.cap());
        let share = |hop: &Option<Hop>| {
            let Some(hop) = hop else { return Share { intercept: f64::INFINITY, cap_price: 0.0 } };
            let free = hop.free(prices.band, ln_price);
            if free.time <= cap.time || cap.excess + (cap.origin - hop.shortest_time()) <= 0.0 {
                // Where the cap cannot be met the hop takes part without one: valid, and weaker.
                return Share { intercept: free.cost + prices.band * free.band, cap_price: 0.0 };
            }
            let sent = hop.send(prices.band, ln_price, &cap, &mut true);
            let cap_price = sent.cap_price.max(0.0);
            Share { intercept: sent.cost + prices.band * sent.band + cap_price * prices.pace, cap_price }
        };
        let shares = self.hops.iter().map(share).collect();
        self.priced.push(PricePoint { band_cost: prices.band * self.empty.band, shares });
    }

    /// The minorants that the price points prove for the path's Φ.
    pub fn minorants<'a>(&'a self, active: &'a [DeviceId]) -> impl Iterator<Item = Minorant> + 'a {
        self.priced.iter().map(move |priced| {
            let (mut intercept, mut cap_price) = (0.0, 0.0);
            for link in self.path(active) {
                let share = &priced.shares[link];
                intercept += share.intercept;
                cap_price += share.cap_price;
            }
            let scale = if cap_price > self.empty.pace_price { self.empty.pace_price / cap_price } else { 1.0 };
            // Scaled down to the pace price, the dual is at least the scaled value: it is concave, and not below −λW at
            // 0.
            Minorant {
                intercept: scale * intercept - priced.band_cost,
                slope: (self.empty.pace_price - cap_price).max(0.0),
            }
        })
    }

    /// A hop's time on air within a pace; `None` where no bandwidth suffices.
    fn cap(&self, hop: &Hop, pace: f64) -> Option<Cap> {
        if pace.is_infinite() || self.empty.pace_price <= 0.0 {
            return Some(Cap::NONE);
        }
        let shortest = hop.shortest_time();
        let excess = (pace - self.empty.latency) - shortest;
        (excess > RESOLVED * pace).then(|| Cap::new(shortest, excess))
    }

    /// Affine minorants of every link's cost a t + z p t + λ w over an interval of paces: tangents of a convex
    /// function. Infinite where the link does not exist or is too slow for the whole interval.
    pub fn tangents(&mut self, within: &Within, tangents: &mut Vec<Tangent>) {
        let ln_price = within.band_price.ln();
        let mut expected = std::mem::take(&mut self.capped);
        tangents.clear();
        tangents.extend(self.hops.iter().zip(&mut expected).map(|(hop, capped)| {
            hop.as_ref().map_or(Tangent { low: f64::INFINITY, high: f64::INFINITY }, |hop| {
                self.tangent(hop, within, ln_price, capped).0
            })
        }));
        self.capped = expected;
    }

    /// Where the tangent of a hop touches: midway between the ends on a logarithmic scale of what they leave beyond the
    /// shortest time, and not so near the lower one that little is left of the tangent at the upper one (the cost goes
    /// with the inverse of that excess).
    fn touching(&self, hop: &Hop, within: &Within) -> f64 {
        let least = hop.shortest_time() + self.empty.latency;
        let (low, high) = (within.low - least, within.high - least);
        if high.is_infinite() { high } else { least + (low.max(high / MOST_STRETCH.powi(2)) * high).max(0.0).sqrt() }
    }

    /// The tangent of a hop, and by how much its two ends rise per unit of the price: the bandwidth bought there.
    fn tangent(&self, hop: &Hop, within: &Within, ln_price: f64, capped: &mut bool) -> (Tangent, (f64, f64)) {
        if hop.shortest_time() + self.empty.latency > within.high * (1.0 + RESOLVED) {
            return (Tangent { low: f64::INFINITY, high: f64::INFINITY }, (0.0, 0.0));
        }
        let middle = self.touching(hop, within);
        let at = self.cap(hop, middle).map(|cap| (middle, cap));
        let Some((at, cap)) = at.or_else(|| self.cap(hop, within.high).map(|cap| (within.high, cap))) else {
            // A pace that a link can hardly keep is left to it without any cap: valid, and only weaker.
            let sent = hop.free(within.band_price, ln_price);
            let value = sent.cost + within.band_price * sent.band;
            return (Tangent { low: value, high: value }, (sent.band, sent.band));
        };
        let sent = send(hop, within.band_price, ln_price, &cap, capped);
        let (value, slope) = (sent.cost + within.band_price * sent.band, sent.cap_price);
        if !(value.is_finite() && slope.is_finite()) {
            // Beyond double precision: no cost is negative.
            return (Tangent { low: 0.0, high: 0.0 }, (0.0, 0.0));
        }
        if slope <= 0.0 {
            return (Tangent { low: value, high: value }, (sent.band, sent.band));
        }
        let rise = sent.cap_price_by_price / within.band_price;
        let ways = (at - within.low, at - within.high);
        (
            Tangent { low: value + slope * ways.0, high: value + slope * ways.1 },
            (sent.band + rise * ways.0, sent.band + rise * ways.1),
        )
    }

    /// Bandwidth that a path buys at one end of an interval, in units of the band: how the bound changes with the
    /// price.
    pub fn demand(&self, within: &Within, high: bool, active: &[DeviceId]) -> f64 {
        let ln_price = within.band_price.ln();
        let bought = |link| {
            let hop: &Option<Hop> = &self.hops[link];
            hop.as_ref().map_or(0.0, |hop| {
                let bought = self.tangent(hop, within, ln_price, &mut true).1;
                if high { bought.1 } else { bought.0 }
            })
        };
        self.path(active).map(bought).sum::<f64>() / self.empty.band
    }

    /// By how much the tangents of a path's links are below their costs at one end of the interval.
    pub fn missing(&self, within: &Within, high: bool, active: &[DeviceId]) -> f64 {
        let ln_price = within.band_price.ln();
        let pace = if high { within.high } else { within.low };
        let missing = |link| {
            let hop: &Option<Hop> = &self.hops[link];
            hop.as_ref().map_or(0.0, |hop| {
                let tangent = self.tangent(hop, within, ln_price, &mut true).0;
                let below = if high { tangent.high } else { tangent.low };
                // A link that cannot be so fast leaves open how slow it is.
                let Some(cap) = self.cap(hop, pace) else { return self.empty.pace_price * (within.high - within.low) };
                let sent = send(hop, within.band_price, ln_price, &cap, &mut true);
                sent.cost + within.band_price * sent.band - below
            })
        };
        self.path(active).map(missing).sum()
    }

    /// Number of links, working or not.
    pub fn len(&self) -> usize {
        self.hops.len()
    }

    /// The slowest link of a path at a price, within a pace, its constant latency included [s].
    pub fn slowest(&self, band_price: f64, pace: f64, active: &[DeviceId]) -> f64 {
        let ln_price = band_price.ln();
        let time = |link| {
            let hop: &Option<Hop> = &self.hops[link];
            hop.as_ref().map_or(f64::INFINITY, |hop| {
                let cap = self.cap(hop, pace).unwrap_or(Cap::NONE);
                send(hop, band_price, ln_price, &cap, &mut true).time
            })
        };
        self.empty.latency + self.path(active).map(time).fold(0.0, f64::max)
    }
}

/// The cheapest sending within a cap that may be none.
fn send(hop: &Hop, band_price: f64, ln_price: f64, cap: &Cap, capped: &mut bool) -> Sending {
    if cap.time.is_finite() { hop.send(band_price, ln_price, cap, capped) } else { hop.free(band_price, ln_price) }
}
