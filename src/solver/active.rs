//! The best devices and sizes of a planned cluster.
//!
//! Where every device takes part the sizes are searched at once. Where the solver chooses, active sets are enumerated
//! depth first along the pipeline; prices of phases that were solved before price every possible hop, so that each path,
//! complete or not, gets lower bounds by adding up its hops. Only sets whose bound beats the best are solved.

use super::cluster::{Choice, Domain, PlannedCluster};
use std::collections::HashSet;

use super::links::Links;
use super::phase::{Radio, Solved};
use super::prepared::{Prepared, Start};
use super::relaxation::{Frontier, Path, Region, Relaxation};
use super::segments::{Buffers, Stage, Threshold, cheapest_fill};
use crate::problem::costs::Phase;

/// A choice with its cost and its solved phases.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub choice: Choice,
    /// Cost at the cluster's latency price, proved from below to the solver's tolerance.
    pub value: f64,
    /// Latency without the upload [s].
    pub latency: f64,
    pub forward: Solved,
    pub backward: Solved,
}

/// What a search has found, and what it has proved.
#[derive(Clone, Debug)]
pub(crate) struct Searched {
    /// The best choice, where one beats the threshold.
    pub found: Option<Found>,
    /// No choice costs less: the threshold's bar after the search where it was exhaustive, lower where it was cut short.
    pub bound: f64,
}

/// With more free devices than this the active sets are bounded together instead of one by one.
const MOST_ENUMERATED: usize = 16;

/// Regions that one search refines where it does not enumerate.
const MOST_REGIONS: u64 = 100;

/// Buffers of the searches, and what they may cost.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The active set under search.
    pub prepared: Prepared,
    /// Per plan, where every plan has the same active set.
    pub plans: Vec<Prepared>,
    pub buffers: Buffers,
}

impl Workspace {
    /// Evaluates a given choice; `start` are prices of a similar one.
    pub fn fixed(&mut self, cluster: &PlannedCluster, choice: &Choice, start: Option<&Start>) -> Found {
        self.prepared.set(cluster, &choice.active);
        self.prepared.fixed(cluster, choice, start, &mut self.buffers)
    }

    /// d latency/d ln V of a choice found [s].
    pub fn latency_by_weight(&mut self, cluster: &PlannedCluster, found: &Found) -> f64 {
        self.prepared.set(cluster, &found.choice.active);
        let phases = (&self.prepared.forward.0, &self.prepared.backward.0);
        cluster.latency_by_weight(found, phases, &mut self.buffers.scratch)
    }

    /// The best choice within the domain that beats the threshold, and a bound of all choices.
    pub fn best(
        &mut self,
        cluster: &PlannedCluster,
        domain: &Domain,
        threshold: Threshold,
        start: Option<&Start>,
    ) -> Searched {
        match domain.only_active() {
            Some(active) => {
                self.prepared.set(cluster, &active);
                self.prepared.estimate(cluster, start, &mut self.buffers);
                let found = self.prepared.best_sizes(cluster, threshold, &mut self.buffers);
                Searched::exhaustive(found, threshold)
            }
            None => Subsets::new(cluster, domain, threshold).run(self),
        }
    }
}

impl Searched {
    /// All choices have been considered.
    pub fn exhaustive(found: Option<Found>, threshold: Threshold) -> Self {
        let cutoff = found.as_ref().map_or(threshold.cutoff, |found| found.value);
        Self { bound: Threshold { cutoff, ..threshold }.bar(), found }
    }
}

/// The factor of the prices at which the bound is largest, roughly: the dual is concave in the prices.
fn best_scale(relaxed: &mut impl FnMut(f64) -> Option<Path>) -> f64 {
    let mut bound = |scale: f64| relaxed(scale).map_or(f64::INFINITY, |path| path.bound);
    let (mut scale, mut best, mut factor) = (1.0, bound(1.0), 0.5);
    for _ in 0..8 {
        let next = bound(scale * factor);
        if next > best {
            (scale, best) = (scale * factor, next);
        } else if factor < 1.0 && scale == 1.0 {
            factor = 1.5;
        } else {
            break;
        }
    }
    scale
}

/// The search over active sets.
struct Subsets<'a> {
    cluster: &'a PlannedCluster<'a>,
    domain: &'a Domain,
    threshold: Threshold,
    forward: Links,
    backward: Links,
    best: Option<Found>,
    active: Vec<usize>,
}

impl<'a> Subsets<'a> {
    fn new(cluster: &'a PlannedCluster<'a>, domain: &'a Domain, threshold: Threshold) -> Self {
        Self {
            cluster,
            domain,
            threshold,
            forward: Links::new(cluster, Phase::Forward),
            backward: Links::new(cluster, Phase::Backward),
            best: None,
            active: Vec::new(),
        }
    }

    fn run(mut self, work: &mut Workspace) -> Searched {
        let free = self.domain.low.iter().zip(&self.domain.high).filter(|&(&low, &high)| low == 0 && high > 0);
        let bound = if free.count() <= MOST_ENUMERATED {
            self.descend(work);
            self.enumerate(work, 0);
            f64::INFINITY
        } else {
            // Downhill from anywhere: only the result has to beat the threshold.
            let cutoff = std::mem::replace(&mut self.threshold.cutoff, f64::INFINITY);
            self.descend(work);
            if self.threshold.cutoff >= cutoff {
                self.best = None;
                self.threshold.cutoff = cutoff;
            }
            self.refine(work)
        };
        Searched { bound: bound.min(self.threshold.bar()), found: self.best }
    }

    /// Bounds all active sets at once and solves those on the way, until the bound meets the threshold or the work limit is
    /// reached; returns the bound.
    fn refine(&mut self, work: &mut Workspace) -> f64 {
        let (mut relaxation, mut frontier) = (Relaxation::new(self.cluster, self.domain), Frontier::default());
        let (forward, backward) = (self.cluster.bases.0, self.cluster.bases.1);
        let whole = (f64::INFINITY, f64::INFINITY);
        frontier.push(Region { bound: 0.0, forward: (forward, whole.0), backward: (backward, whole.1) });
        let mut solved = HashSet::new();
        let (mut refined, mut scale) = (0, 1.0);
        while let Some(region) = frontier.pop() {
            if region.bound >= self.threshold.bar() || refined == MOST_REGIONS {
                frontier.close(region.bound);
                break;
            }
            work.buffers.nodes += 1;
            refined += 1;
            let prices = self.region_prices(&region, work);
            let mut relaxed = |scale: f64| {
                let prices = (scale * prices.0, scale * prices.1);
                relaxation.solve(&region, &self.forward, &self.backward, prices)
            };
            if refined == 1 {
                scale = best_scale(&mut relaxed);
            }
            let Some(path) = relaxed(scale) else { continue };
            let bound = path.bound.max(region.bound);
            if bound < self.threshold.bar() && solved.insert(path.active.clone()) {
                self.solve(work, &path.active);
            }
            let slack = 1e-4 * self.threshold.cutoff.abs();
            match region.split(&path, self.cluster.radio().pace_price, slack) {
                Some(parts) if bound < self.threshold.bar() => {
                    parts.into_iter().for_each(|part| frontier.push(Region { bound, ..part }));
                }
                _ => frontier.close(bound),
            }
        }
        frontier.bound()
    }

    /// Prices of the bands for a region: those of the best active set when it runs at the region's upper paces.
    fn region_prices(&self, region: &Region, work: &mut Workspace) -> (f64, f64) {
        let Some(best) = &self.best else { return self.guessed_prices(work) };
        let mut price = |radio: &mut Radio, links: &Links, solved: &Solved, pace: f64| {
            if !pace.is_finite() || !links.set_path(radio, &best.choice.active) {
                return solved.prices.band;
            }
            radio.solve(pace, Some(solved.prices), &mut work.buffers.scratch).prices.band
        };
        (
            price(&mut work.prepared.forward.0, &self.forward, &best.forward, region.forward.1),
            price(&mut work.prepared.backward.0, &self.backward, &best.backward, region.backward.1),
        )
    }

    /// Prices of the bands before any active set is solved: those at which an average hop buys its share.
    fn guessed_prices(&self, work: &mut Workspace) -> (f64, f64) {
        let price = |radio: &mut Radio, links: &Links, base: f64| {
            links.set_all(radio);
            radio.guess(base).band
        };
        let bases = self.cluster.bases;
        (
            price(&mut work.prepared.forward.0, &self.forward, bases.0),
            price(&mut work.prepared.backward.0, &self.backward, bases.1),
        )
    }

    /// A local search, for a good threshold and good prices before the enumeration.
    fn descend(&mut self, work: &mut Workspace) {
        let usable: Vec<usize> = (0..self.domain.high.len()).filter(|&k| self.domain.high[k] > 0).collect();
        let mut order = usable.clone();
        order.sort_by(|&i, &j| self.cluster.stages[i].cost.total_cmp(&self.cluster.stages[j].cost));
        order.truncate(self.cluster.at.spec.encoder.blocks as usize);
        let mut set: Vec<usize> =
            usable.iter().copied().filter(|k| order.contains(k) || self.domain.low[*k] > 0).collect();
        self.solve(work, &set);
        loop {
            let mut improved = false;
            for &k in &usable {
                if self.domain.low[k] > 0 {
                    continue;
                }
                let mut next = set.clone();
                match next.binary_search(&k) {
                    Ok(at) => drop(next.remove(at)),
                    Err(at) => next.insert(at, k),
                }
                if !next.is_empty() && self.solve(work, &next) {
                    set = next;
                    improved = true;
                }
            }
            if !improved {
                break;
            }
        }
    }

    /// Solves one active set if its bound beats the threshold; true if it is the new best.
    fn solve(&mut self, work: &mut Workspace, active: &[usize]) -> bool {
        work.prepared.active.clear();
        work.prepared.active.extend_from_slice(active);
        work.prepared.stages.clear();
        work.prepared.stages.extend(active.iter().map(|&k| self.cluster.stages[k]));
        work.prepared.forward.1.clear();
        work.prepared.backward.1.clear();
        if !self.forward.set_path(&mut work.prepared.forward.0, active)
            || !self.backward.set_path(&mut work.prepared.backward.0, active)
        {
            return false;
        }
        for (links, (radio, curve), base) in [
            (&mut self.forward, &mut work.prepared.forward, self.cluster.bases.0),
            (&mut self.backward, &mut work.prepared.backward, self.cluster.bases.1),
        ] {
            if !links.is_priced() {
                links.add_prices(radio.guess(base));
            }
            links.minorants(active, true).for_each(|minorant| curve.add(minorant));
        }
        let Some(found) = work.prepared.best_sizes(self.cluster, self.threshold, &mut work.buffers) else {
            self.learn(work);
            return false;
        };
        self.threshold.cutoff = found.value;
        self.best = Some(found);
        self.learn(work);
        true
    }

    /// Prices all links at the prices at which a phase was solved last.
    fn learn(&mut self, work: &Workspace) {
        for (links, (_, curve)) in
            [(&mut self.forward, &work.prepared.forward), (&mut self.backward, &work.prepared.backward)]
        {
            if let Some(solved) = curve.last_solved() {
                links.add_prices(solved.prices);
            }
        }
    }

    /// Enumerates the active sets that begin with `self.active`, whose last node is `from`.
    fn enumerate(&mut self, work: &mut Workspace, from: usize) {
        work.buffers.nodes += 1;
        let devices = self.domain.high.len();
        if self.bound(work) >= self.threshold.bar() {
            return;
        }
        let next_mandatory = (from..devices).find(|&k| self.domain.low[k] > 0);
        if next_mandatory.is_none() && !self.active.is_empty() && self.forward.open(from, devices + 1) {
            let active = std::mem::take(&mut self.active);
            self.solve(work, &active);
            self.active = active;
        }
        if self.active.len() >= self.cluster.at.spec.encoder.blocks as usize {
            return;
        }
        for k in from..=next_mandatory.unwrap_or(devices.saturating_sub(1)) {
            if k < devices && self.domain.high[k] > 0 && self.forward.open(from, k + 1) {
                self.active.push(k);
                self.enumerate(work, k + 1);
                self.active.pop();
            }
        }
    }

    /// A lower bound over all completions of `self.active`.
    fn bound(&mut self, work: &mut Workspace) -> f64 {
        let from = self.active.last().map_or(0, |&k| k + 1);
        work.prepared.stages.clear();
        work.prepared.stages.extend(self.active.iter().map(|&k| self.cluster.stages[k]));
        let later = self.cluster.stages[from..].iter().filter(|stage| stage.high > 0);
        work.prepared.stages.extend(later.map(|stage| Stage { low: 0, ..*stage }));
        let Some(cost) = cheapest_fill(&work.prepared.stages, self.cluster.at.spec.encoder.blocks, &mut work.buffers)
        else {
            return f64::INFINITY;
        };
        let phase =
            |links: &Links, base: f64| links.minorants(&self.active, false).map(|m| m.at(base)).fold(0.0, f64::max);
        let bases = self.cluster.bases;
        self.cluster.constant(&self.active) + cost + phase(&self.forward, bases.0) + phase(&self.backward, bases.1)
    }
}
