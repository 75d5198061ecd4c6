//! All hops that a path through a cluster's devices may use, and what they cost at given prices.

use super::graph::Graph;
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

/// The hops of one phase on the links of a graph.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    nodes: usize,
    /// What each pair of nodes i < j is called, row by row.
    names: Vec<Option<u32>>,
    hops: Vec<Hop>,
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
    /// The hops of a cluster's links, named as in the graph.
    pub fn new(cluster: &PlannedCluster, phase: Phase, graph: &Graph) -> Self {
        let nodes = graph.nodes();
        let mut names = vec![None; nodes * (nodes - 1) / 2];
        let mut hops = Vec::with_capacity(graph.len());
        for near in 0..nodes {
            for at in graph.links(near) {
                let far = graph.to(at);
                names[pair(nodes, near, far)] = Some(hops.len() as u32);
                hops.push(cluster.hop(phase, NodeId(near), NodeId(far)));
            }
        }
        let capped = vec![true; hops.len()];
        Self { nodes, names, hops, capped, empty: cluster.radio(), priced: Vec::new() }
    }

    /// The links of the path through the active devices; `None` for each that does not exist.
    fn path<'a>(&'a self, active: &'a [DeviceId]) -> impl Iterator<Item = Option<usize>> + 'a {
        let name = |(near, far): (NodeId, NodeId)| self.names[pair(self.nodes, near.0, far.0)];
        Route::through(active, self.nodes - 2).hops().map(move |ends| name(ends).map(|link| link as usize))
    }

    /// The hops of a path whose links exist.
    fn hops_of<'a>(&'a self, active: &'a [DeviceId]) -> impl Iterator<Item = &'a Hop> + 'a {
        self.path(active).flatten().map(|link| &self.hops[link])
    }

    /// Whether all links of the path exist.
    pub fn joins(&self, active: &[DeviceId]) -> bool {
        self.path(active).all(|link| link.is_some())
    }

    /// Fills in the hops of the path.
    pub fn set_path(&self, radio: &mut PhaseRadio, active: &[DeviceId]) {
        radio.reset(self.empty.clone());
        self.hops_of(active).for_each(|hop| radio.push(*hop));
    }

    /// A phase of a few hops, for a first price.
    pub fn set_some(&self, radio: &mut PhaseRadio) {
        radio.reset(self.empty.clone());
        let every = self.hops.len().div_ceil(4).max(1);
        self.hops.iter().step_by(every).for_each(|hop| radio.push(*hop));
    }

    /// Whether there are prices to prove minorants with.
    pub fn is_priced(&self) -> bool {
        !self.priced.is_empty()
    }

    /// Prices all hops at the prices of a solved phase, so that every path gets a minorant from them. Where there are as
    /// many as pay, those of a new best take the place of the oldest.
    pub fn add_prices(&mut self, prices: Prices, best: bool) {
        if self.priced.len() >= MOST_PRICES {
            if !best {
                return;
            }
            self.priced.remove(0);
        }
        let (ln_price, cap) = (prices.band.ln(), prices.cap());
        let share = |hop: &Hop| {
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
            for link in self.path(active).flatten() {
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

    /// Affine minorants of the cost a t + z p t + λ w of every link of a region's graph over an interval of paces:
    /// tangents of a convex function. Infinite where the link is too slow for the whole interval.
    pub fn tangents(&mut self, graph: &Graph, within: &Within, tangents: &mut Vec<Tangent>) {
        let ln_price = within.band_price.ln();
        let mut expected = std::mem::take(&mut self.capped);
        tangents.clear();
        tangents
            .extend(graph.names().map(|link| self.tangent(&self.hops[link], within, ln_price, &mut expected[link]).0));
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
        let bought = |hop: &Hop| {
            let bought = self.tangent(hop, within, ln_price, &mut true).1;
            if high { bought.1 } else { bought.0 }
        };
        self.hops_of(active).map(bought).sum::<f64>() / self.empty.band
    }

    /// By how much the tangents of a path's links are below their costs at one end of the interval.
    pub fn missing(&self, within: &Within, high: bool, active: &[DeviceId]) -> f64 {
        let ln_price = within.band_price.ln();
        let pace = if high { within.high } else { within.low };
        let missing = |hop: &Hop| {
            let tangent = self.tangent(hop, within, ln_price, &mut true).0;
            let below = if high { tangent.high } else { tangent.low };
            // A link that cannot be so fast leaves open how slow it is.
            let Some(cap) = self.cap(hop, pace) else { return self.empty.pace_price * (within.high - within.low) };
            let sent = send(hop, within.band_price, ln_price, &cap, &mut true);
            sent.cost + within.band_price * sent.band - below
        };
        self.hops_of(active).map(missing).sum()
    }

    /// The slowest link of a path at a price, within a pace, its constant latency included [s].
    pub fn slowest(&self, band_price: f64, pace: f64, active: &[DeviceId]) -> f64 {
        let ln_price = band_price.ln();
        let time = |hop: &Hop| {
            let cap = self.cap(hop, pace).unwrap_or(Cap::NONE);
            send(hop, band_price, ln_price, &cap, &mut true).time
        };
        self.empty.latency + self.hops_of(active).map(time).fold(0.0, f64::max)
    }
}

/// Where the pair of nodes near < far is kept among all, row by row.
fn pair(nodes: usize, near: usize, far: usize) -> usize {
    near * (2 * nodes - near - 1) / 2 + far - near - 1
}

/// The cheapest sending within a cap that may be none.
fn send(hop: &Hop, band_price: f64, ln_price: f64, cap: &Cap, capped: &mut bool) -> Sending {
    if cap.time.is_finite() { hop.send(band_price, ln_price, cap, capped) } else { hop.free(band_price, ln_price) }
}

#[cfg(test)]
mod tests;
