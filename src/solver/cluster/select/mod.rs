//! The search over active sets, where the solver chooses the devices.
//!
//! Regions of the search space (so many devices, a rectangle of paces) are bounded by `relaxation`, best first. Where
//! the paths of a region that may beat the best are few, `enumeration` lists them, and each is solved as an active set
//! of its own; where they are many, the region is split.

mod enumeration;
mod links;
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
use enumeration::Enumeration;
use relaxation::{Region, Relaxation, next_price};
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

/// Prices that are tried for a region.
const MOST_ROUNDS: usize = 3;

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
    brackets: PerPhase<(f64, f64)>,
    /// One region per number of devices.
    roots: Vec<Region>,
    /// Whether more devices are possible than regions are told apart by.
    more: bool,
    /// Least bound of what searches that had to end have left open.
    open: f64,
    /// Operations of the bounds that the meter knows of.
    charged: u64,
}

/// Scans of the whole space that follow the demand for bandwidth.
const MOST_SCANS: usize = 2;

impl<'a> Subsets<'a> {
    pub fn new(cluster: &'a PlannedCluster<'a>, domain: &'a Domain, work: &mut Workspace) -> Self {
        let meter = &work.buffers.meter;
        let limits = work.limits;
        let mut subsets = Self {
            cluster,
            domain,
            threshold: Threshold { cutoff: f64::INFINITY, tolerance: 0.0 },
            relaxation: Relaxation::new(cluster, domain, meter.clock.clone()),
            best: None,
            solved: HashSet::new(),
            limits: Limits { work: if meter.is_unlimited() { limits.work } else { u64::MAX }, ..limits },
            whole: Region {
                bound: f64::NEG_INFINITY,
                count: Count { devices: 0, or_more: false },
                low: cluster.bases,
                high: PerPhase::both(f64::INFINITY),
                prices: PerPhase::both(1.0),
            },
            brackets: PerPhase::both((0.0, f64::INFINITY)),
            roots: Vec::new(),
            more: false,
            open: f64::INFINITY,
            charged: 0,
        };
        subsets.whole.prices = subsets.guessed_prices(work);
        subsets
    }

    /// A bound of all active sets, from one scan.
    pub fn estimate(&mut self, work: &mut Workspace) -> f64 {
        self.set_roots();
        self.follow();
        self.charge(work);
        self.bound()
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
        self.scan(work);
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

    /// A choice on the cheapest path of any number of devices, without a search.
    fn any(&mut self, work: &mut Workspace) -> Option<Found> {
        let whole = Region { count: Count { devices: 0, or_more: true }, ..self.whole };
        let choice = self.relaxation.cheapest(&whole)?;
        let found = work.fixed(self.cluster, &choice, None);
        let even = work.even(self.cluster, &choice.active);
        let finite = [Some(found), even].into_iter().flatten().filter(|found| found.value.is_finite());
        finite.min_by(|a, b| a.value.total_cmp(&b.value))
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
        let parts = path.and_then(|path| region.split(&path, 1e-4 * self.threshold.cutoff.abs()));
        self.charge(work);
        let spent = self.relaxation.work - before;
        let most = if parts.is_some() { 16 * spent } else { self.limits.work.saturating_sub(self.relaxation.work) };
        let most = work.buffers.meter.left().map_or(most, |left| most.min(left));
        let blocks = self.relaxation.blocks();
        let Relaxation { places, best, clock, work: spent_on_bounds, .. } = &mut self.relaxation;
        let listed = Enumeration::new(places, best.corners(), self.threshold.bar(), clock).run(
            region.count.devices,
            blocks,
            most,
            spent_on_bounds,
        );
        match (listed, parts) {
            (Some(mut candidates), _) => {
                candidates.sort_by(|a, b| a.bound.total_cmp(&b.bound));
                for candidate in candidates {
                    if candidate.bound < self.threshold.bar() && work.buffers.meter.ended() {
                        self.open = self.open.min(candidate.bound);
                        break;
                    }
                    if candidate.bound < self.threshold.bar() && self.solved.insert(candidate.active.clone()) {
                        self.solve(work, &candidate.active);
                    }
                }
            }
            (None, Some(parts)) => {
                frontier.extend(parts.into_iter().map(|part| Region { bound: region.bound, ..part }));
            }
            (None, None) => frontier.push(region),
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

    /// One region per number of devices, with no bounds yet.
    fn set_roots(&mut self) {
        let (fewest, most) = self.counts();
        let cells = (self.domain.high.len() + 2) * (self.relaxation.blocks() + 1);
        let top = most.min(self.limits.layers).min((MOST_CELLS / cells).saturating_sub(2));
        self.whole.count.devices = top;
        self.more = most > top;
        self.roots = (fewest..=top)
            .map(|devices| {
                let mut root = Region { count: Count { devices, or_more: false }, ..self.whole };
                root.low = PerPhase::from_fn(|phase| self.least_pace(devices, phase));
                root
            })
            .collect();
    }

    /// The least bound of the regions.
    fn bound(&self) -> f64 {
        let least = self.roots.iter().fold(f64::INFINITY, |least, root| least.min(root.bound));
        if self.more { f64::NEG_INFINITY } else { least }
    }

    /// Scans at the whole's prices, and moves them to where the best path buys as much bandwidth as there is; false
    /// where there is no path.
    fn follow(&mut self) -> bool {
        let Some(path) = self.relaxation.scan(&self.whole, &mut self.roots) else { return false };
        let (prices, brackets) = (&mut self.whole.prices, &mut self.brackets);
        for phase in Phase::BOTH {
            prices[phase] = next_price(prices[phase], path.demand[phase], &mut brackets[phase]);
        }
        true
    }

    /// Raises the bounds of the regions by further scans, as long as there is something to raise.
    fn scan(&mut self, work: &mut Workspace) {
        for _ in 1..MOST_SCANS {
            if self.bound() >= self.threshold.bar() || work.buffers.meter.ended() || !self.follow() {
                break;
            }
        }
        self.charge(work);
        if self.more {
            let count = Count { devices: self.whole.count.devices + 1, or_more: true };
            self.roots.push(Region { count, ..self.whole });
        }
    }

    /// Prices of the bands before any active set is solved: those at which a few hops share them.
    fn guessed_prices(&self, work: &mut Workspace) -> PerPhase<f64> {
        PerPhase::from_fn(|phase| {
            let radio = &mut work.prepared.phases[phase].radio;
            self.relaxation.links[phase].set_some(radio);
            radio.guess(self.cluster.bases[phase]).band
        })
    }

    /// Solves a path and, where it is the new best, looks around it.
    fn consider(&mut self, work: &mut Workspace, active: &[DeviceId]) {
        if self.solved.insert(active.to_vec()) && self.solve(work, active) {
            self.descend(work);
        }
    }

    /// Local search from the best: a device in, out, or in another's place.
    fn descend(&mut self, work: &mut Workspace) {
        let usable: Vec<DeviceId> = self.domain.usable().collect();
        while let Some(set) = self.best.as_ref().map(|best| best.choice.active.clone()) {
            let mut improved = false;
            for &k in usable.iter().filter(|k| self.domain.low[k.0] == 0) {
                let mut next = set.clone();
                match next.binary_search(&k) {
                    Ok(at) => drop(next.remove(at)),
                    Err(at) => next.insert(at, k),
                }
                improved |= self.try_set(work, &next);
                if set.contains(&k) {
                    for &other in usable.iter().filter(|other| !set.contains(other)) {
                        let mut swapped = next.clone();
                        swapped.insert(swapped.binary_search(&other).unwrap_or_else(|at| at), other);
                        improved |= self.try_set(work, &swapped);
                    }
                }
            }
            if !improved {
                break;
            }
        }
    }

    fn try_set(&mut self, work: &mut Workspace, active: &[DeviceId]) -> bool {
        !work.buffers.meter.ended()
            && !active.is_empty()
            && self.solved.insert(active.to_vec())
            && self.solve(work, active)
    }

    /// Solves one active set if its bound beats the threshold; true if it is the new best.
    fn solve(&mut self, work: &mut Workspace, active: &[DeviceId]) -> bool {
        let prepared = &mut work.prepared;
        prepared.set_stages(self.cluster, active);
        let links = &mut self.relaxation.links;
        for phase in Phase::BOTH {
            let curve = &mut prepared.phases[phase].curve;
            links[phase].minorants(active).for_each(|minorant| curve.add(minorant));
        }
        let threshold = Threshold { tolerance: self.threshold.tolerance.min(COARSEST), ..self.threshold };
        if prepared.bound(self.cluster, &mut work.buffers) >= threshold.bar() {
            return false;
        }
        for phase in Phase::BOTH {
            if !links[phase].set_path(&mut prepared.phases[phase].radio, active) {
                return false;
            }
        }
        for phase in Phase::BOTH {
            let (links, KnownPhase { radio, curve }) = (&mut links[phase], &mut prepared.phases[phase]);
            if !links.is_priced() {
                links.add_prices(radio.guess(self.cluster.bases[phase]));
                links.minorants(active).for_each(|minorant| curve.add(minorant));
            }
        }
        let found = prepared.best_sizes(self.cluster, threshold, &mut work.buffers);
        self.open = self.open.min(work.buffers.open);
        // All links are priced at the prices at which a phase was solved last.
        for phase in Phase::BOTH {
            if let Some(solved) = prepared.phases[phase].curve.last_solved() {
                links[phase].add_prices(solved.prices);
            }
        }
        let Some(found) = found else { return false };
        work.buffers.meter.show_found(found.value);
        self.threshold.cutoff = found.value;
        self.best = Some(found);
        true
    }
}
