//! A lower bound over all active sets of a region: so many devices, and a rectangle of paces.
//!
//! At prices λ of the bands a path's cost separates over its hops and devices, but for the paces U_F and U_B. Over the
//! rectangle every hop's cost is convex in the pace of its phase and lies above a tangent, so that the path's cost lies
//! above a function that is affine in each pace: its least value is at one of the four corners. At a corner the
//! tangents add up link by link, and the tables minimize over paths and sizes exactly.

use std::cmp::Ordering;
use std::rc::Rc;

use super::fixing::Fixing;
use super::graph::Graph;
use super::links::{Links, Tangent, Within};
use super::tables::{Count, Place, Tables};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::DeviceId;
use crate::solver::cluster::{Domain, PlannedCluster, Segments};
use crate::solver::meter::Clock;

/// So many devices and a rectangle of paces, with its bound and the prices to begin with.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub bound: f64,
    pub count: Count,
    /// What its paths below the bar may use.
    pub graph: Rc<Graph>,
    /// Least and most paces [s].
    pub low: PerPhase<f64>,
    pub high: PerPhase<f64>,
    /// λ of the two bands.
    pub prices: PerPhase<f64>,
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
    fn within(&self, phase: Phase) -> Within {
        Within { band_price: self.prices[phase], low: self.low[phase], high: self.high[phase] }
    }

    /// Splits the phase in which the bound leaves more open; `None` where neither leaves more than `slack`.
    pub fn split(&self, path: &Path, slack: f64) -> Option<[Self; 2]> {
        let phase = if path.open.forward >= path.open.backward { Phase::Forward } else { Phase::Backward };
        let (open, low, high) = (path.open[phase], self.low[phase], self.high[phase]);
        let middle = if high.is_finite() { 0.5 * (low + high) } else { path.paces[phase] };
        if open <= slack || !(middle > low && middle < high) || middle - low <= 1e-9 * middle {
            return None;
        }
        let (mut fast, mut slow) = (self.clone(), self.clone());
        (fast.high[phase], slow.low[phase]) = (middle, middle);
        Some([fast, slow])
    }

    /// Splits by whether a device of the path takes part: the first that the region's paths may pass by.
    pub fn branch(&self, path: &Path) -> Option<[Self; 2]> {
        let free = |&k: &DeviceId| self.graph.passes(k.0 + 1);
        let node = path.active.iter().find(|&k| free(k))?.0 + 1;
        let (with, without) = self.graph.branch(node);
        Some([with, without].map(|graph| Self { graph: Rc::new(graph), ..self.clone() }))
    }
}

/// The best path of a region under the relaxation.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub active: Vec<DeviceId>,
    /// Slowest stage or hop [s].
    pub paces: PerPhase<f64>,
    /// How much the bound loses on this path by not knowing the pace.
    open: PerPhase<f64>,
    /// Bandwidth that it buys, in units of the bands.
    pub demand: PerPhase<f64>,
}

impl Path {
    /// How far the prices are from those at which it buys the bands, on a logarithmic scale.
    pub fn off(&self) -> f64 {
        self.demand.forward.ln().abs().max(self.demand.backward.ln().abs())
    }
}

/// Prices are moved where they may explain at least this share of what a region's bound is below the bar by.
const PRICE_SHARE: f64 = 0.02;

/// One corner of the rectangle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corner {
    /// Whether it is at the slower end.
    slow: PerPhase<bool>,
    /// Costs of the links, row by row.
    pub link: Vec<f64>,
    pub tables: Tables,
    /// Cost of what no path changes.
    pub offset: f64,
}

/// The corners of a region at some prices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corners {
    pub corners: Vec<Corner>,
    used: usize,
    pub bound: f64,
    least: usize,
}

impl Corners {
    /// The corners that the region has.
    pub fn corners(&self) -> &[Corner] {
        &self.corners[..self.used]
    }
}

/// The relaxation with its tables.
pub(crate) struct Relaxation<'a> {
    cluster: &'a PlannedCluster<'a>,
    pub links: PerPhase<Links>,
    /// All links.
    pub graph: Rc<Graph>,
    pub places: Vec<Place>,
    fixing: Fixing,
    tangents: PerPhase<Vec<Tangent>>,
    /// At the best prices so far, and at the last tried.
    pub best: Corners,
    tried: Corners,
    /// Floating-point operations so far, roughly.
    pub work: u64,
    /// What ends a filling of the tables midway.
    pub clock: Clock,
    /// Whether the last filling was ended: its tables are worth nothing.
    broken: bool,
}

impl<'a> Relaxation<'a> {
    pub fn new(cluster: &'a PlannedCluster<'a>, domain: &'a Domain, clock: Clock) -> Self {
        let graph = Graph::of_cluster(&cluster.at.program, domain);
        Self {
            cluster,
            links: PerPhase::from_fn(|phase| Links::new(cluster, phase, &graph)),
            graph: Rc::new(graph),
            places: Vec::new(),
            fixing: Fixing::default(),
            tangents: PerPhase::default(),
            best: Corners::default(),
            tried: Corners::default(),
            work: 0,
            clock,
            broken: false,
        }
    }

    /// Whether the last bounds were not finished, because the solve has to end.
    pub fn expired(&self) -> bool {
        self.broken
    }

    pub fn blocks(&self) -> usize {
        self.cluster.at.blocks() as usize
    }

    /// Every device's blocks within the paces.
    fn set_places(&mut self, paces: PerPhase<f64>) {
        let cluster = self.cluster;
        let empty = cluster.constant(&[]);
        self.places.clear();
        self.places.extend(cluster.stages.iter().enumerate().map(|(k, stage)| Place {
            constant: cluster.constant(&[DeviceId(k)]) - empty,
            cost: stage.cost,
            fewest: stage.low as usize,
            most: stage.blocks_within(paces, stage.high) as usize,
        }));
    }

    /// Fills `tried` for a region; its bound is worth nothing where the solve had to end.
    fn price(&mut self, region: &Region) {
        let radio = self.cluster.radio();
        self.set_places(region.high);
        for phase in Phase::BOTH {
            self.links[phase].tangents(&region.graph, &region.within(phase), &mut self.tangents[phase]);
        }
        let spent = region.prices.sum() * radio.band;
        // A phase without an upper pace, of one pace, or whose pace has no price, has one end only.
        let paced = |low: f64, high: f64| low < high && high.is_finite() && radio.pace_price > 0.0;
        let ends = |low: f64, high: f64| {
            if paced(low, high) { [false, true].as_slice() } else { &[false] }
        };
        let Corners { corners, used, bound, least } = &mut self.tried;
        (*used, *bound, *least) = (0, f64::INFINITY, 0);
        self.broken = false;
        for &backward in ends(region.low.backward, region.high.backward) {
            for &forward in ends(region.low.forward, region.high.forward) {
                if corners.len() == *used {
                    corners.push(Corner::default());
                }
                let corner = &mut corners[*used];
                corner.slow = PerPhase { forward, backward };
                let paces =
                    PerPhase::from_fn(|phase| if corner.slow[phase] { region.high[phase] } else { region.low[phase] });
                corner.link.clear();
                let end = |tangent: &Tangent, slow| if slow { tangent.high } else { tangent.low };
                let links = self.tangents.forward.iter().zip(&self.tangents.backward);
                corner.link.extend(links.map(|(f, b)| end(f, forward) + end(b, backward)));
                // The last term covers rounding where the bands' prices are large against the costs.
                corner.offset = self.cluster.constant(&[]) + radio.pace_price * paces.sum() - spent - 1e-14 * spent;
                let blocks = self.cluster.at.blocks() as usize;
                let (graph, tables) = (&region.graph, &mut corner.tables);
                // A table that was not filled says nothing, and may have no entries yet.
                if self.broken || !tables.fill(graph, &self.places, blocks, region.count, &corner.link, &self.clock) {
                    self.broken = true;
                } else {
                    let value = corner.offset + corner.tables.least(region.count.devices);
                    if value < *bound {
                        (*bound, *least) = (value, *used);
                    }
                }
                *used += 1;
            }
        }
        self.work += self.filling(region) * self.tried.used as u64 + 150 * region.graph.len() as u64;
    }

    /// Operations that filling one table of a region takes.
    fn filling(&self, region: &Region) -> u64 {
        region.graph.cells(self.blocks() + 1, region.count.devices + 1, region.count.or_more)
    }

    /// Leaves of a region's graph what its paths below the bar may use, as the tables in `best` tell.
    pub fn fix(&mut self, region: &mut Region, bar: f64) {
        let start = [(region.count.devices, 0.0)];
        let kind = (self.blocks(), start.as_slice());
        let (graph, kept) = self.fixing.run(&region.graph, self.best.corners(), &self.places, kind, bar);
        // Through every link and state, and forward tables as well.
        self.work += 2 * self.filling(region) * self.best.used as u64;
        for corner in &mut self.best.corners[..self.best.used] {
            for (at, &before) in kept.iter().enumerate() {
                corner.link[at] = corner.link[before];
            }
            corner.link.truncate(kept.len());
        }
        region.graph = Rc::new(graph);
    }

    /// The best path of `tried`.
    fn path(&self, region: &Region, devices: usize) -> Option<Path> {
        let corner = self.tried.corners().get(self.tried.least)?;
        let choice = corner.tables.trace(&region.graph, &self.places, devices, &corner.link)?;
        let price = self.cluster.radio().pace_price;
        let slowest_stage = |phase: Phase| {
            let times = choice.each().map(|(k, size)| self.cluster.stages[k.0].time(phase, size));
            times.fold(self.cluster.bases[phase], f64::max)
        };
        let each = PerPhase::from_fn(|phase| {
            let (links, within, slow) = (&self.links[phase], region.within(phase), corner.slow[phase]);
            let stage = slowest_stage(phase);
            let hop = links.slowest(within.band_price, within.high, &choice.active);
            let demand = links.demand(&within, slow, &choice.active);
            let open = if price <= 0.0 {
                0.0
            } else if within.high.is_infinite() {
                price * (stage.max(hop) - within.low).max(0.0)
            } else {
                let pace = if slow { within.high } else { within.low };
                price * (stage - pace).max(0.0) + links.missing(&within, slow, &choice.active)
            };
            (stage.max(hop), open, demand)
        });
        Some(Path {
            active: choice.active,
            paces: each.map(|(pace, ..)| pace),
            open: each.map(|(_, open, _)| open),
            demand: each.map(|(.., demand)| demand),
        })
    }

    /// Bounds a region at its prices and at better ones, until the bound meets the bar; leaves the best prices in the
    /// region and their tables in `best`. The bound is infinite where no path fits. Returns the best path there.
    pub fn raise(&mut self, region: &mut Region, bar: f64, rounds: usize) -> Option<Path> {
        let mut brackets = PerPhase::both(Bracket::default());
        let mut at = region.clone();
        let mut best = None;
        for round in 0..rounds {
            self.price(&at);
            if self.broken {
                break;
            }
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
            // A price that is off by so much costs the bound about what is paid for the band times its square.
            let lost = self.cluster.radio().band * at.prices.sum() * path.off().powi(2);
            if self.best.bound >= bar || path.off() < 1e-6 || lost < PRICE_SHARE * (bar - self.best.bound) {
                break;
            }
            for phase in Phase::BOTH {
                at.prices[phase] = brackets[phase].next(at.prices[phase], path.demand[phase]);
            }
        }
        if !self.broken || best.is_some() {
            region.bound = region.bound.max(self.best.bound);
        }
        best
    }

    /// The cheapest path of a region with its sizes.
    pub fn cheapest(&mut self, region: &Region) -> Option<Segments> {
        self.price(region);
        let corner = self.tried.corners().get(self.tried.least).filter(|_| !self.broken)?;
        corner.tables.trace(&region.graph, &self.places, region.count.devices, &corner.link)
    }

    /// What a root costs more than the whole by the paces that so many devices cannot beat.
    fn late(&self, whole: &Region, root: &Region) -> f64 {
        let late = root.low.forward - whole.low.forward + (root.low.backward - whole.low.backward);
        self.cluster.radio().pace_price * late
    }

    /// Bounds for paths of every number of devices up to the region's, and for those of any number, at its prices: the
    /// bounds that are higher replace those known. The least paces of the roots are paces that no path of so many
    /// devices beats. Returns the path of the least bound.
    pub fn scan(&mut self, region: &Region, roots: &mut [Region]) -> Option<Path> {
        let mut path = None;
        let raise = |root: &mut Region, value: f64| {
            if value > root.bound {
                (root.bound, root.prices) = (value, region.prices);
            }
        };
        if roots.iter().any(|root| root.count.or_more) {
            let any = Region { count: Count { devices: 0, or_more: true }, ..region.clone() };
            self.price(&any);
            if self.broken {
                return None;
            }
            for root in roots.iter_mut().filter(|root| root.count.or_more) {
                raise(root, self.tried.bound + self.late(region, root));
            }
            path = self.path(&any, 0);
        }
        if roots.iter().all(|root| root.count.or_more) {
            return path;
        }
        self.price(region);
        if self.broken {
            return None;
        }
        let mut least = (f64::INFINITY, 0);
        for root in roots.iter_mut().filter(|root| !root.count.or_more) {
            let (corner, devices) = (self.tried.corners().first()?, root.count.devices);
            raise(root, corner.offset + corner.tables.least(devices) + self.late(region, root));
            if root.bound < least.0 {
                least = (root.bound, devices);
            }
        }
        self.path(region, least.1).or(path)
    }

    /// Leaves of the roots' graphs what paths below the bar may use, as the tables of the last scan tell.
    pub fn fix_roots(&mut self, whole: &Region, roots: &mut [Region], bar: f64) {
        let live = |root: &&Region| !root.count.or_more && root.bound < bar;
        let starts: Vec<(usize, f64)> =
            roots.iter().filter(live).map(|root| (root.count.devices, self.late(whole, root))).collect();
        // The tables of one that was ended are worth nothing, and there may have been none.
        let scanned = !self.broken && self.tried.used == 1 && !self.tried.corners[0].tables.or_more();
        if starts.is_empty() || !scanned {
            return;
        }
        let kind = (self.blocks(), starts.as_slice());
        let (graph, _) = self.fixing.run(&whole.graph, self.tried.corners(), &self.places, kind, bar);
        self.work += 2 * self.filling(whole);
        let graph = Rc::new(graph);
        roots.iter_mut().filter(|root| !root.count.or_more).for_each(|root| root.graph = graph.clone());
    }
}

/// Prices between which the best path buys as much bandwidth as there is, with the logarithm of what it buys, in units of
/// the band, at each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bracket {
    cheap: Option<(f64, f64)>,
    dear: Option<(f64, f64)>,
}

impl Bracket {
    /// A price at which the best path buys about as much as there is, after what it buys at this one.
    pub fn next(&mut self, price: f64, demand: f64) -> f64 {
        let off = demand.max(1e-9).ln();
        *(if off > 0.0 { &mut self.cheap } else { &mut self.dear }) = Some((price, off));
        if let (Some((low, much)), Some((high, little))) = (self.cheap, self.dear) {
            // Where the best path changes, what it buys jumps: kept from the ends.
            let way = (much / (much - little)).clamp(0.1, 0.9);
            return (low.ln() * (1.0 - way) + high.ln() * way).exp();
        }
        // Far off, bandwidth goes with a power of the price that is not known.
        price * if off.abs() > 2.0 { off } else { 1.4 * off }.exp()
    }
}
