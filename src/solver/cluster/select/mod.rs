//! The search over active sets, where the solver chooses the devices.
//!
//! Regions of the search space (so many devices, a rectangle of paces) are bounded by `relaxation`, best first. Where
//! the paths of a region that may beat the best are few, `enumeration` lists them, and each is solved as an active set
//! of its own; where they are many, the region is split.

mod enumeration;
mod few;
mod fixing;
mod graph;
mod links;
mod primal;
mod relaxation;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::{BinaryHeap, HashSet};

use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::DeviceId;
use crate::solver::cluster::active::{Found, Searched, Workspace};
use crate::solver::cluster::prepared::KnownPhase;
use crate::solver::cluster::rule::floor;
use crate::solver::cluster::segments::{Stage, Threshold, blocks_within};
use crate::solver::cluster::{Domain, PlannedCluster};
use crate::solver::solution::SolveError;
use enumeration::{Candidate, Enumeration};
pub(crate) use few::FewSets;
pub(crate) use graph::Graph;
use links::Links;
use relaxation::{Bracket, Region, Relaxation};
use tables::Count;

/// What a search may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Floating-point operations that are spent on bounds, roughly.
    pub work: u64,
    /// Regions of up to so many devices are bounded apart, those of more together.
    pub layers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { work: 2_000_000_000, layers: 32 }
    }
}

/// A coarser search still takes choices that are better by so much: they are at hand.
const COARSEST: f64 = 1e-3;

/// Listing the paths of a region may take so many times the work of its bound, before the region is split.
const LISTING: u64 = 2;

/// Paces are split where not knowing them explains at least this share of what a region's bound is below the bar by.
const PACE_SHARE: f64 = 0.05;

/// Prices that are tried for a region.
const MOST_ROUNDS: usize = 6;

/// Cells of a table of completions. With the limits below that is some hundreds of megabytes at the worst.
const MOST_CELLS: usize = 2_000_000;

/// Devices of a cluster that chooses among them: every two are linked.
const MOST_DEVICES: usize = 1000;

/// Devices and the two ends, times blocks and one.
const MOST_DEVICE_BLOCKS: usize = 1_200_000;

/// Whether a cluster that chooses among its devices fits into memory.
pub(crate) fn check(cluster: usize, devices: usize, blocks: usize) -> Result<(), SolveError> {
    if devices > MOST_DEVICES {
        return Err(SolveError::TooLarge { cluster, field: "devices", value: devices, most: MOST_DEVICES });
    }
    let (value, most) = ((devices + 2).saturating_mul(blocks.saturating_add(1)), MOST_DEVICE_BLOCKS);
    if value > most {
        return Err(SolveError::TooLarge { cluster, field: "(devices + 2) (blocks + 1)", value, most });
    }
    Ok(())
}

/// The search over active sets of one planned cluster.
pub(crate) struct Subsets<'a> {
    cluster: &'a PlannedCluster<'a>,
    domain: &'a Domain,
    threshold: Threshold,
    relaxation: Relaxation<'a>,
    best: Option<Found>,
    solved: HashSet<Vec<DeviceId>>,
    limits: Limits,
    /// The whole search space, at prices that are raised or lowered from one scan to the next.
    whole: Region,
    brackets: PerPhase<Bracket>,
    /// One region per number of devices.
    roots: Vec<Region>,
    /// Least bound of what searches that had to end have left open.
    open: f64,
    /// Whether good choices have been looked for.
    started: bool,
    /// Operations of the bounds that the meter knows of.
    charged: u64,
}

/// Scans of the whole space for prices that are not far off, and what is far: at the prices, the best path buys so many
/// times the band or its inverse, on a logarithmic scale.
const MOST_GUESSES: usize = 8;
const FAR: f64 = 1.5;

/// A scan of the whole space takes at most this share of the work that there is.
const SCAN_SHARE: u64 = 16;

/// Scans of the whole space that follow the demand for bandwidth.
const MOST_SCANS: usize = 2;

impl<'a> Subsets<'a> {
    pub fn new(cluster: &'a PlannedCluster<'a>, domain: &'a Domain, work: &mut Workspace) -> Self {
        let meter = &work.buffers.meter;
        let limits = work.limits;
        let relaxation = Relaxation::new(cluster, domain, meter.clock.clone());
        let graph = relaxation.graph.clone();
        let mut subsets = Self {
            cluster,
            domain,
            threshold: Threshold { cutoff: f64::INFINITY, tolerance: 0.0 },
            relaxation,
            best: None,
            solved: HashSet::new(),
            limits: Limits { work: if meter.is_unlimited() { limits.work } else { u64::MAX }, ..limits },
            whole: Region {
                bound: f64::NEG_INFINITY,
                count: Count { devices: 0, or_more: false },
                graph,
                low: cluster.bases,
                high: PerPhase::both(f64::INFINITY),
                prices: PerPhase::both(1.0),
            },
            brackets: PerPhase::both(Bracket::default()),
            roots: Vec::new(),
            open: f64::INFINITY,
            started: false,
            charged: 0,
        };
        subsets.whole.prices = subsets.guessed_prices(work);
        subsets
    }

    /// The same with prices to begin with that a similar search has come to.
    pub fn with_prices(mut self, prices: Option<PerPhase<f64>>) -> Self {
        self.whole.prices = prices.unwrap_or(self.whole.prices);
        self
    }

    /// The prices of the bands that the whole search space has come to.
    pub fn prices(&self) -> PerPhase<f64> {
        self.whole.prices
    }

    /// A bound of all active sets, from one scan.
    pub fn estimate(&mut self, work: &mut Workspace) -> f64 {
        self.set_roots();
        self.approach(work);
        self.charge(work);
        self.bound()
    }

    /// Scans until the prices are not far off.
    fn approach(&mut self, work: &mut Workspace) {
        for _ in 0..MOST_GUESSES {
            if self.follow().is_none_or(|off| off < FAR) || work.buffers.meter.ended() {
                break;
            }
            self.charge(work);
        }
    }

    /// Tells the meter of the operations of the bounds.
    fn charge(&mut self, work: &mut Workspace) {
        work.buffers.meter.spend(self.relaxation.work - self.charged);
        self.charged = self.relaxation.work;
    }

    /// The best active set that beats the threshold, and a bound of all.
    pub fn run(mut self, threshold: Threshold, work: &mut Workspace) -> Searched {
        self.threshold = threshold;
        if self.roots.is_empty() {
            self.estimate(work);
        }
        if self.bound() < self.threshold.bar() {
            if !self.started {
                self.start(work);
            }
            self.scan(work);
        }
        let mut frontier: BinaryHeap<Region> = std::mem::take(&mut self.roots).into();
        while let Some(region) = frontier.pop() {
            if region.bound >= self.threshold.bar() {
                break;
            }
            let ended = work.buffers.meter.ended();
            if ended || self.relaxation.work >= self.limits.work {
                self.open = self.open.min(region.bound);
                if !ended {
                    work.buffers.meter.cut();
                }
                break;
            }
            work.buffers.nodes += 1;
            self.explore(region, &mut frontier, work);
            self.charge(work);
        }
        if self.best.is_none() && self.threshold.cutoff == f64::INFINITY && self.open < f64::INFINITY {
            self.best = self.any(work);
        }
        if self.open < f64::INFINITY {
            self.open = self.open.max(floor(self.cluster, self.domain));
        }
        Searched::of(self.best, self.threshold, self.open)
    }

    /// Closes a region or splits it.
    fn explore(&mut self, mut region: Region, frontier: &mut BinaryHeap<Region>, work: &mut Workspace) {
        let before = self.relaxation.work;
        let path = self.relaxation.raise(&mut region, self.threshold.bar(), MOST_ROUNDS);
        if region.bound >= self.threshold.bar() {
            return;
        }
        if self.relaxation.expired() {
            frontier.push(region);
            return;
        }
        if let Some(path) = &path {
            self.consider(work, &path.active);
        }
        self.charge(work);
        let bar = self.threshold.bar();
        if region.bound >= bar {
            return;
        }
        let spent = self.relaxation.work - before;
        let most = LISTING * spent;
        if let Some(candidates) = self.list(&region, most, work) {
            self.solve_all(candidates, work);
            return;
        }
        let Some(path) = path else { return frontier.push(region) };
        self.relaxation.fix(&mut region, bar);
        let slack = (PACE_SHARE * (bar - region.bound)).max(1e-10 * bar.abs());
        let parts = region.split(&path, slack).or_else(|| region.branch(&path));
        self.charge(work);
        match parts {
            Some(parts) => frontier.extend(parts),
            None => {
                // One path is left, but for equal bounds: whatever it takes.
                let most = work.buffers.meter.left().unwrap_or(self.limits.work.saturating_sub(self.relaxation.work));
                match self.list(&region, most, work) {
                    Some(candidates) => self.solve_all(candidates, work),
                    None => frontier.push(region),
                }
            }
        }
    }

    /// The paths of a region that was just bounded, as far as they are below the bar; `None` where finding them takes
    /// more work than there is.
    fn list(&mut self, region: &Region, most: u64, work: &mut Workspace) -> Option<Vec<Candidate>> {
        let most = work.buffers.meter.left().map_or(most, |left| most.min(left));
        let (bar, blocks) = (self.threshold.bar(), self.relaxation.blocks());
        let Relaxation { places, best, clock, work: spent, .. } = &mut self.relaxation;
        let listing = Enumeration::new(&region.graph, places, best.corners(), bar, clock);
        let listed = listing.run(region.count.devices, blocks, most, spent);
        self.charge(work);
        listed
    }

    /// Solves what was listed, in the order of the bounds.
    fn solve_all(&mut self, mut candidates: Vec<Candidate>, work: &mut Workspace) {
        candidates.sort_by(|a, b| a.bound.total_cmp(&b.bound));
        for candidate in candidates {
            if candidate.bound >= self.threshold.bar() {
                break;
            }
            if work.buffers.meter.ended() {
                self.open = self.open.min(candidate.bound);
                break;
            }
            if self.solved.insert(candidate.active.clone()) {
                self.solve(work, &candidate.active);
            }
        }
    }

    /// Devices that may take part, fewest and most.
    fn counts(&self) -> (usize, usize) {
        let usable = self.domain.high.iter().filter(|&&high| high > 0).count();
        let mandatory = self.domain.low.iter().filter(|&&low| low > 0).count();
        (mandatory.max(1), usable.min(self.relaxation.blocks()))
    }

    /// A pace that no path of up to so many devices beats.
    fn least_pace(&self, devices: usize, phase: Phase) -> f64 {
        let base = self.cluster.bases[phase];
        let blocks = self.relaxation.blocks() as u64;
        let mut most: Vec<u64> = Vec::new();
        let mut fits = |pace: f64| {
            most.clear();
            let held = |stage: &Stage| blocks_within(pace, stage.overhead, stage.per_block[phase], stage.high);
            most.extend(self.cluster.stages.iter().map(|stage| u64::from(held(stage))));
            most.sort_unstable_by(|a, b| b.cmp(a));
            most.iter().take(devices).sum::<u64>() >= blocks
        };
        if fits(base) || !fits(f64::MAX) {
            return base;
        }
        let (mut low, mut high) = (base, base.max(1e-12));
        while !fits(high) {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..12 {
            let middle = 0.5 * (low + high);
            if fits(middle) { high = middle } else { low = middle }
        }
        low
    }

    /// One region per number of devices, and one for all that are more, with no bounds yet.
    fn set_roots(&mut self) {
        let (fewest, most) = self.counts();
        let width = self.relaxation.blocks() + 1;
        let cells = (self.domain.high.len() + 2) * width;
        // As many layers as fit into memory, and as leave work for more than the first scan.
        let affordable = self.limits.work.min(Limits::default().work) / SCAN_SHARE;
        let layers = affordable / (self.whole.graph.len() * width).max(1) as u64;
        let top = most.min(self.limits.layers).min((MOST_CELLS / cells).saturating_sub(2));
        let top = top.min(usize::try_from(layers).unwrap_or(usize::MAX).saturating_sub(1));
        self.whole.count.devices = top;
        let mut counts: Vec<Count> = (fewest..=top).map(|devices| Count { devices, or_more: false }).collect();
        if most > top {
            counts.push(Count { devices: fewest.max(top + 1), or_more: true });
        }
        let root = |count: Count| {
            let devices = if count.or_more { most } else { count.devices };
            let low = PerPhase::from_fn(|phase| self.least_pace(devices, phase));
            Region { count, low, ..self.whole.clone() }
        };
        self.roots = counts.into_iter().map(root).collect();
    }

    /// The least bound of the regions.
    fn bound(&self) -> f64 {
        self.roots.iter().fold(f64::INFINITY, |least, root| least.min(root.bound))
    }

    /// Scans at the whole's prices, and moves them to where the best path buys as much bandwidth as there is; tells how
    /// far off they were, on a logarithmic scale. `None` where there is no path.
    fn follow(&mut self) -> Option<f64> {
        let path = self.relaxation.scan(&self.whole, &mut self.roots)?;
        let (prices, brackets) = (&mut self.whole.prices, &mut self.brackets);
        for phase in Phase::BOTH {
            prices[phase] = brackets[phase].next(prices[phase], path.demand[phase]);
        }
        Some(path.off())
    }

    /// Raises the bounds of the regions by further scans, as long as there is something to raise.
    fn scan(&mut self, work: &mut Workspace) {
        for _ in 1..MOST_SCANS {
            if self.bound() >= self.threshold.bar() || work.buffers.meter.ended() || self.follow().is_none() {
                break;
            }
        }
        if self.threshold.cutoff < f64::INFINITY && !work.buffers.meter.ended() {
            self.relaxation.fix_roots(&self.whole, &mut self.roots, self.threshold.bar());
        }
        self.charge(work);
    }

    /// Prices of the bands before any active set is solved: those at which a few hops share them.
    fn guessed_prices(&self, work: &mut Workspace) -> PerPhase<f64> {
        PerPhase::from_fn(|phase| {
            let radio = &mut work.prepared.phases[phase].radio;
            self.relaxation.links[phase].set_some(radio);
            radio.guess(self.cluster.bases[phase]).band
        })
    }

    /// Solves one active set if its bound beats the threshold; true if it is the new best.
    fn solve(&mut self, work: &mut Workspace, active: &[DeviceId]) -> bool {
        if !self.relaxation.links.forward.joins(active) {
            return false;
        }
        let found = solve_set(self.cluster, &mut self.relaxation.links, self.threshold, active, work);
        self.open = self.open.min(work.buffers.open);
        let Some(found) = found else { return false };
        work.buffers.meter.show_found(found.value);
        self.threshold.cutoff = found.value;
        self.best = Some(found);
        true
    }
}

/// The best sizes on one active set, whose links must exist, if its bound beats the threshold and they do; what is left open is in the
/// buffers.
fn solve_set(
    cluster: &PlannedCluster,
    links: &mut PerPhase<Links>,
    threshold: Threshold,
    active: &[DeviceId],
    work: &mut Workspace,
) -> Option<Found> {
    let prepared = &mut work.prepared;
    work.buffers.open = f64::INFINITY;
    prepared.set_stages(cluster, active);
    for phase in Phase::BOTH {
        let curve = &mut prepared.phases[phase].curve;
        links[phase].minorants(active).for_each(|minorant| curve.add(minorant));
    }
    let threshold = Threshold { tolerance: threshold.tolerance.min(COARSEST), ..threshold };
    if prepared.bound(cluster, &mut work.buffers) >= threshold.bar() {
        return None;
    }
    for phase in Phase::BOTH {
        links[phase].set_path(&mut prepared.phases[phase].radio, active);
    }
    for phase in Phase::BOTH {
        let (links, KnownPhase { radio, curve }) = (&mut links[phase], &mut prepared.phases[phase]);
        if !links.is_priced() {
            links.add_prices(radio.guess(cluster.bases[phase]), false);
            links.minorants(active).for_each(|minorant| curve.add(minorant));
        }
    }
    let found = prepared.best_sizes(cluster, threshold, &mut work.buffers);
    // All links are priced at the prices at which a phase was solved last.
    for phase in Phase::BOTH {
        if let Some(solved) = prepared.phases[phase].curve.last_solved() {
            links[phase].add_prices(solved.prices, found.is_some());
        }
    }
    found
}
