//! A lower bound over all active sets of a region: so many devices, and a rectangle of paces.
//!
//! At prices λ of the bands a path's cost separates over its hops and devices, but for the paces U_F and U_B. Over the
//! rectangle every hop's cost is convex in the pace of its phase and lies above a tangent, so that the path's cost lies
//! above a function that is affine in each pace: its least value is at one of the four corners. At a corner the
//! tangents add up link by link, and the tables minimize over paths and sizes exactly.

use std::cmp::Ordering;

use super::links::{Links, Tangent, Within};
use super::tables::{Count, Place, Tables};
use crate::problem::costs::Phase;
use crate::solver::cluster::segments::blocks_within;
use crate::solver::cluster::{Domain, PlannedCluster};

/// So many devices and a rectangle of paces, with its bound and the prices to begin with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub bound: f64,
    pub count: Count,
    /// Paces [s].
    pub forward: (f64, f64),
    pub backward: (f64, f64),
    /// λ of the two bands.
    pub prices: (f64, f64),
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Region {}
impl PartialOrd for Region {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Region {
    /// The heap's top has the least bound.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound)
    }
}

impl Region {
    fn within(&self) -> (Within, Within) {
        let within = |band_price, (low, high)| Within { band_price, low, high };
        (within(self.prices.0, self.forward), within(self.prices.1, self.backward))
    }

    /// Splits the phase in which the bound leaves more open; `None` where neither leaves more than `slack`.
    pub fn split(&self, path: &Path, slack: f64) -> Option<[Self; 2]> {
        let forward = path.open.0 >= path.open.1;
        let (open, (low, high), pace) = if forward {
            (path.open.0, self.forward, path.paces.0)
        } else {
            (path.open.1, self.backward, path.paces.1)
        };
        let middle = if high.is_finite() { 0.5 * (low + high) } else { pace };
        if open <= slack || !(middle > low && middle < high) || middle - low <= 1e-9 * middle {
            return None;
        }
        let (mut fast, mut slow) = (*self, *self);
        if forward {
            (fast.forward.1, slow.forward.0) = (middle, middle);
        } else {
            (fast.backward.1, slow.backward.0) = (middle, middle);
        }
        Some([fast, slow])
    }
}

/// The best path of a region under the relaxation.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub active: Vec<usize>,
    /// Slowest stage or hop, forward and backward [s].
    pub paces: (f64, f64),
    /// How much the bound loses on this path by not knowing the pace, per phase.
    open: (f64, f64),
    /// Bandwidth that it buys, in units of the bands.
    pub demand: (f64, f64),
}

/// One corner of the rectangle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corner {
    /// Whether it is at the slower end, forward and backward.
    slow: (bool, bool),
    /// Costs of the links, row by row.
    pub link: Vec<f64>,
    pub tables: Tables,
    /// Cost of what no path changes.
    pub offset: f64,
}

/// The corners of a region at some prices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Priced {
    pub corners: Vec<Corner>,
    used: usize,
    pub bound: f64,
    least: usize,
}

impl Priced {
    /// The corners that the region has.
    pub fn corners(&self) -> &[Corner] {
        &self.corners[..self.used]
    }
}

/// The relaxation with its tables.
pub(crate) struct Relaxation<'a> {
    cluster: &'a PlannedCluster<'a>,
    domain: &'a Domain,
    pub forward: Links,
    pub backward: Links,
    pub places: Vec<Place>,
    tangents: (Vec<Tangent>, Vec<Tangent>),
    /// At the best prices so far, and at the last tried.
    pub best: Priced,
    tried: Priced,
    /// Floating-point operations so far, roughly.
    pub work: u64,
}

impl<'a> Relaxation<'a> {
    pub fn new(cluster: &'a PlannedCluster<'a>, domain: &'a Domain) -> Self {
        Self {
            cluster,
            domain,
            forward: Links::new(cluster, Phase::Forward),
            backward: Links::new(cluster, Phase::Backward),
            places: Vec::new(),
            tangents: (Vec::new(), Vec::new()),
            best: Priced::default(),
            tried: Priced::default(),
            work: 0,
        }
    }

    pub fn blocks(&self) -> usize {
        self.cluster.at.spec.encoder.blocks as usize
    }

    /// Every device's blocks within the paces.
    fn set_places(&mut self, paces: (f64, f64)) {
        let (cluster, domain) = (self.cluster, self.domain);
        let empty = cluster.constant(&[]);
        self.places.clear();
        self.places.extend(cluster.stages.iter().enumerate().map(|(k, stage)| {
            let most = blocks_within(paces.0, stage.overhead, stage.forward, stage.high);
            let most = blocks_within(paces.1, stage.overhead, stage.backward, most);
            Place {
                constant: cluster.constant(&[k]) - empty,
                cost: stage.cost,
                fewest: stage.low as usize,
                most: most as usize,
                mandatory: domain.low[k] > 0,
            }
        }));
    }

    /// Fills `tried` for a region.
    fn price(&mut self, region: &Region) {
        let (radio, within) = (self.cluster.radio(), region.within());
        self.set_places((region.forward.1, region.backward.1));
        self.forward.tangents(&within.0, &mut self.tangents.0);
        self.backward.tangents(&within.1, &mut self.tangents.1);
        let spent = (region.prices.0 + region.prices.1) * radio.band;
        // A phase without an upper pace, or whose pace has no price, has one end only.
        let ends = |(_, high): (f64, f64)| {
            if high.is_finite() && radio.pace_price > 0.0 { [false, true].as_slice() } else { &[false] }
        };
        let Priced { corners, used, bound, least } = &mut self.tried;
        (*used, *bound, *least) = (0, f64::INFINITY, 0);
        for &slow_backward in ends(region.backward) {
            for &slow_forward in ends(region.forward) {
                if corners.len() == *used {
                    corners.push(Corner::default());
                }
                let corner = &mut corners[*used];
                corner.slow = (slow_forward, slow_backward);
                let at = |slow, (low, high)| if slow { high } else { low };
                let paces = at(slow_forward, region.forward) + at(slow_backward, region.backward);
                corner.link.clear();
                let end = |tangent: &Tangent, slow| if slow { tangent.high } else { tangent.low };
                let links = self.tangents.0.iter().zip(&self.tangents.1);
                corner.link.extend(links.map(|(f, b)| end(f, slow_forward) + end(b, slow_backward)));
                // The last term covers rounding where the bands' prices are large against the costs.
                corner.offset = self.cluster.constant(&[]) + radio.pace_price * paces - spent - 1e-14 * spent;
                corner.tables.fill(
                    &self.places,
                    self.cluster.at.spec.encoder.blocks as usize,
                    region.count,
                    &corner.link,
                );
                let value = corner.offset + corner.tables.least(region.count.devices);
                if value < *bound {
                    (*bound, *least) = (value, *used);
                }
                *used += 1;
            }
        }
        let filling = Tables::work(self.places.len() + 2, self.blocks(), region.count.devices);
        self.work += filling * self.tried.used as u64 + 150 * self.forward.len() as u64;
    }

    /// The best path of `tried`.
    fn path(&self, region: &Region, devices: usize) -> Option<Path> {
        let corner = self.tried.corners().get(self.tried.least)?;
        let (active, sizes) = corner.tables.trace(&self.places, devices, &corner.link)?;
        let (mut stages, mut radio) = (self.cluster.bases, (0.0, 0.0));
        for (&k, &size) in active.iter().zip(&sizes) {
            let (stage, size) = (&self.cluster.stages[k], f64::from(size));
            stages.0 = stages.0.max(stage.overhead + size * stage.forward);
            stages.1 = stages.1.max(stage.overhead + size * stage.backward);
        }
        radio.0 = self.forward.slowest(region.prices.0, region.forward.1, &active);
        radio.1 = self.backward.slowest(region.prices.1, region.backward.1, &active);
        let within = region.within();
        let demand = (
            self.forward.demand(&within.0, corner.slow.0, &active),
            self.backward.demand(&within.1, corner.slow.1, &active),
        );
        let price = self.cluster.radio().pace_price;
        let open = |links: &Links, within: &Within, slow: bool, stage: f64, radio: f64| {
            if price <= 0.0 {
                return 0.0;
            }
            if within.high.is_infinite() {
                return price * (stage.max(radio) - within.low).max(0.0);
            }
            let pace = if slow { within.high } else { within.low };
            let late = price * (stage - pace).max(0.0);
            late + links.missing(within, slow, &active)
        };
        let open = (
            open(&self.forward, &within.0, corner.slow.0, stages.0, radio.0),
            open(&self.backward, &within.1, corner.slow.1, stages.1, radio.1),
        );
        Some(Path { active, paces: (stages.0.max(radio.0), stages.1.max(radio.1)), open, demand })
    }

    /// Bounds a region at its prices and at better ones, until the bound meets the bar; leaves the best prices in the
    /// region and their tables in `best`. The bound is infinite where no path fits. Returns the best path there.
    pub fn raise(&mut self, region: &mut Region, bar: f64, rounds: usize) -> Option<Path> {
        let mut brackets = ((0.0, f64::INFINITY), (0.0, f64::INFINITY));
        let mut at = *region;
        let mut best = None;
        for round in 0..rounds {
            self.price(&at);
            if self.tried.bound == f64::INFINITY {
                region.bound = f64::INFINITY;
                return None;
            }
            let path = self.path(&at, at.count.devices);
            if round == 0 || self.tried.bound > self.best.bound {
                std::mem::swap(&mut self.best, &mut self.tried);
                region.prices = at.prices;
                best.clone_from(&path);
            }
            let Some(path) = path else { break };
            if self.best.bound >= bar || (path.demand.0.ln().abs().max(path.demand.1.ln().abs()) < 0.1) {
                break;
            }
            at.prices.0 = next_price(at.prices.0, path.demand.0, &mut brackets.0);
            at.prices.1 = next_price(at.prices.1, path.demand.1, &mut brackets.1);
        }
        region.bound = region.bound.max(self.best.bound);
        best
    }

    /// Bounds for paths of every number of devices up to the region's, at its prices: the bounds that are higher
    /// replace those known. `least_paces` are paces that no path of so many devices beats. Returns the path of the
    /// least bound.
    pub fn scan(&mut self, region: &Region, roots: &mut [Region]) -> Option<Path> {
        self.price(region);
        let corner = self.tried.corners().first()?;
        let price = self.cluster.radio().pace_price;
        let mut least = (f64::INFINITY, 0);
        for root in roots.iter_mut() {
            let late = root.forward.0 - region.forward.0 + (root.backward.0 - region.backward.0);
            let devices = root.count.devices;
            let value = corner.offset + corner.tables.least(devices) + price * late;
            if value > root.bound {
                (root.bound, root.prices) = (value, region.prices);
            }
            if root.bound < least.0 {
                least = (root.bound, devices);
            }
        }
        self.path(region, least.1)
    }
}

/// A price at which the best path buys about as much as there is.
pub(crate) fn next_price(price: f64, demand: f64, bracket: &mut (f64, f64)) -> f64 {
    if demand > 1.0 {
        bracket.0 = price;
    } else {
        bracket.1 = price;
    }
    let next = price * (1.4 * demand.max(1e-9).ln()).clamp(-1.5, 1.5).exp();
    if next > bracket.0 && next < bracket.1 {
        next
    } else {
        (bracket.0.max(1e-3 * price) * bracket.1.min(1e3 * price)).sqrt()
    }
}
