//! All hops that a path through a cluster's devices may use, and what they cost at given prices.

use super::cluster::PlannedCluster;
use super::hop::{Cap, Hop};
use super::phase::{Minorant, Prices, Radio};
use crate::problem::costs::Phase;

/// A hop's share in a minorant of its phase.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// cost + λ w + ν u.
    intercept: f64,
    /// ν.
    cap_price: f64,
    /// cost + λ w of the hop without a cap: what it adds at least while ν stays 0.
    free: f64,
}

/// What a link costs at a price of the band, within a pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkCost {
    /// a t + z p t + λ w.
    pub cost: f64,
    /// Time on air [s].
    pub time: f64,
}

/// The shares of all hops at one pair of prices.
#[derive(Clone, Debug)]
struct Priced {
    band_cost: f64,
    shares: Vec<Share>,
    /// Least sum of `free` from a node to the edge server.
    to_go: Vec<f64>,
}

/// The hops of one phase between any two nodes i < j of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    nodes: usize,
    hops: Vec<Option<Hop>>,
    /// The phase without hops.
    empty: Radio,
    priced: Vec<Priced>,
}

/// More price points than this cost more than they prune.
const MOST_PRICES: usize = 6;

impl Links {
    pub fn new(cluster: &PlannedCluster, phase: Phase) -> Self {
        let nodes = cluster.at.cluster.devices.len() + 2;
        let gains = &cluster.at.cluster.gain_to_noise_hz_per_w;
        let mut hops = vec![None; nodes * nodes];
        for from in 0..nodes - 1 {
            for to in from + 1..nodes {
                let direct = from == 0 && to == nodes - 1;
                // Every link is used both ways; one that works one way only is none.
                if !direct && gains.get(from, to) > 0.0 && gains.get(to, from) > 0.0 {
                    hops[from * nodes + to] = Some(cluster.hop(phase, from, to));
                }
            }
        }
        Self { nodes, hops, empty: cluster.radio(), priced: Vec::new() }
    }

    /// Whether the link works.
    pub fn open(&self, from: usize, to: usize) -> bool {
        self.hops[from * self.nodes + to].is_some()
    }

    /// The nodes of the path through the active devices, link by link.
    fn path<'a>(&self, active: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let last = self.nodes - 1;
        let heads = std::iter::once(0).chain(active.iter().map(|&k| k + 1));
        heads.zip(active.iter().map(|&k| k + 1).chain(std::iter::once(last)))
    }

    /// Fills in the hops of the path; false where one of the links does not work.
    pub fn set_path(&self, radio: &mut Radio, active: &[usize]) -> bool {
        radio.reset(self.empty.clone());
        for (from, to) in self.path(active) {
            let Some(hop) = self.hops[from * self.nodes + to] else { return false };
            radio.push(hop);
        }
        true
    }

    /// Whether there are prices to prove minorants with.
    pub fn is_priced(&self) -> bool {
        !self.priced.is_empty()
    }

    /// A phase of all working hops, for typical prices.
    pub fn set_all(&self, radio: &mut Radio) {
        radio.reset(self.empty.clone());
        self.hops.iter().flatten().for_each(|hop| radio.push(*hop));
    }

    /// Prices all hops at the prices of a solved phase, so that every path gets a minorant from them.
    pub fn add_prices(&mut self, prices: Prices) {
        if self.priced.len() >= MOST_PRICES {
            return;
        }
        let (ln_price, cap) = (prices.band.ln(), prices.cap());
        let share = |hop: &Option<Hop>| {
            let Some(hop) = hop else { return Share { intercept: f64::INFINITY, cap_price: 0.0, free: f64::INFINITY } };
            let free = hop.free(prices.band, ln_price);
            let free_cost = free.cost + prices.band * free.band;
            if free.time <= cap.time || cap.excess + (cap.origin - hop.shortest_time()) <= 0.0 {
                // Where the cap cannot be met the hop takes part without one: valid, and weaker.
                return Share { intercept: free_cost, cap_price: 0.0, free: free_cost };
            }
            let sent = hop.send(prices.band, ln_price, &cap, &mut true);
            let cap_price = sent.cap_price.max(0.0);
            Share {
                intercept: sent.cost + prices.band * sent.band + cap_price * prices.pace,
                cap_price,
                free: free_cost,
            }
        };
        let shares: Vec<Share> = self.hops.iter().map(share).collect();
        let mut to_go = vec![f64::INFINITY; self.nodes];
        to_go[self.nodes - 1] = 0.0;
        for from in (0..self.nodes - 1).rev() {
            to_go[from] = (from + 1..self.nodes)
                .map(|to| shares[from * self.nodes + to].free + to_go[to])
                .fold(f64::INFINITY, f64::min);
        }
        self.priced.push(Priced { band_cost: prices.band * self.empty.band, shares, to_go });
    }

    /// The cheapest sending over every link within a pace; infinite where there is none.
    pub fn capped(&self, band_price: f64, pace: f64) -> Vec<LinkCost> {
        let ln_price = band_price.ln();
        let none = LinkCost { cost: f64::INFINITY, time: f64::INFINITY };
        let price = |hop: &Option<Hop>| {
            let Some(hop) = hop else { return none };
            let shortest = hop.shortest_time();
            let cap = if pace.is_finite() && self.empty.pace_price > 0.0 {
                Cap::new(shortest, (pace - self.empty.latency) - shortest)
            } else {
                Cap::NONE
            };
            let sent = hop.send(band_price, ln_price, &cap, &mut cap.time.is_finite());
            if cap.excess > 0.0 { LinkCost { cost: sent.cost + band_price * sent.band, time: sent.time } } else { none }
        };
        self.hops.iter().map(price).collect()
    }

    /// The minorants that the price points prove for the path's Φ. Of a path that is not complete the last node is
    /// `end`: the minorants then hold for all of its completions.
    pub fn minorants<'a>(&'a self, active: &'a [usize], complete: bool) -> impl Iterator<Item = Minorant> + 'a {
        self.priced.iter().map(move |priced| {
            let (mut intercept, mut cap_price) = (0.0, 0.0);
            let links = active.len() + usize::from(complete);
            for (from, to) in self.path(active).take(links) {
                let share = &priced.shares[from * self.nodes + to];
                intercept += share.intercept;
                cap_price += share.cap_price;
            }
            if !complete {
                intercept += priced.to_go[active.last().map_or(0, |&k| k + 1)];
            }
            let scale = if cap_price > self.empty.pace_price { self.empty.pace_price / cap_price } else { 1.0 };
            // Scaled down to the pace price, the dual is at least the scaled value: it is concave, and not below −λW at 0.
            Minorant {
                intercept: scale * intercept - priced.band_cost,
                slope: (self.empty.pace_price - cap_price).max(0.0),
            }
        })
    }
}
