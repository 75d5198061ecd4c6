//! The best devices and sizes of a planned cluster.
//!
//! Where every device takes part the sizes are searched at once. Where the solver chooses, active sets are enumerated
//! depth first along the pipeline; prices of phases that were solved before price every possible hop, so that each path,
//! complete or not, gets lower bounds by adding up its hops. Only sets whose bound beats the best are solved.

use super::cluster::{Choice, Domain, PlannedCluster};
use super::curve::Curve;
use super::links::Links;
use super::phase::{Radio, Solved};
use super::segments::{Best, Buffers, PhaseSearch, Stage, Threshold, cheapest_fill, search};
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

/// Buffers of the searches.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    stages: Vec<Stage>,
    forward: (Radio, Curve),
    backward: (Radio, Curve),
    pub buffers: Buffers,
}

impl Workspace {
    /// Evaluates a given choice.
    pub fn fixed(&mut self, cluster: &PlannedCluster, choice: &Choice) -> Found {
        let Self { forward, backward, buffers, .. } = self;
        let (mut cost, mut paces) = (cluster.constant(&choice.active), cluster.bases);
        for (&k, &size) in choice.active.iter().zip(&choice.sizes) {
            let (stage, size) = (&cluster.stages[k], f64::from(size));
            cost += size * stage.cost;
            paces.0 = paces.0.max(stage.overhead + size * stage.forward);
            paces.1 = paces.1.max(stage.overhead + size * stage.backward);
        }
        let mut solve = |(radio, _): &mut (Radio, Curve), phase, floor| {
            cluster.set_radio(radio, phase, &choice.active);
            radio.solve(floor, None, &mut buffers.scratch)
        };
        let (forward, backward) = (solve(forward, Phase::Forward, paces.0), solve(backward, Phase::Backward, paces.1));
        Found {
            value: cost + forward.value + backward.value,
            latency: cluster.latency(choice, &forward, &backward),
            choice: choice.clone(),
            forward,
            backward,
        }
    }

    /// A lower bound that solves no phase; −∞ where the solver chooses the devices.
    pub fn quick_bound(&mut self, cluster: &PlannedCluster, domain: &Domain) -> f64 {
        let Some(active) = domain.only_active() else { return f64::NEG_INFINITY };
        self.set_active(cluster, &active);
        let constant = cluster.constant(&active);
        let Self { stages, forward, backward, buffers } = self;
        match cheapest_fill(stages, cluster.at.spec.encoder.blocks, buffers) {
            Some(cost) => constant + cost + forward.1.low(cluster.bases.0) + backward.1.low(cluster.bases.1),
            None => f64::INFINITY,
        }
    }

    /// The best choice within the domain that beats the threshold; `None` proves that there is none.
    pub fn best(&mut self, cluster: &PlannedCluster, domain: &Domain, threshold: Threshold) -> Option<Found> {
        match domain.only_active() {
            Some(active) => {
                self.set_active(cluster, &active);
                self.best_sizes(cluster, &active, threshold)
            }
            None => Subsets::new(cluster, domain, threshold).run(self),
        }
    }

    /// Prepares the phases for an active set, each with a cheap minorant.
    fn set_active(&mut self, cluster: &PlannedCluster, active: &[usize]) {
        self.stages.clear();
        self.stages.extend(active.iter().map(|&k| cluster.stages[k]));
        for ((radio, curve), phase, base) in [
            (&mut self.forward, Phase::Forward, cluster.bases.0),
            (&mut self.backward, Phase::Backward, cluster.bases.1),
        ] {
            cluster.set_radio(radio, phase, active);
            curve.clear();
            curve.add(radio.quick_minorant(base, &mut self.buffers.scratch));
        }
    }

    /// The best sizes of the active set that the workspace has been prepared for.
    fn best_sizes(&mut self, cluster: &PlannedCluster, active: &[usize], threshold: Threshold) -> Option<Found> {
        let constant = cluster.constant(active);
        let blocks = cluster.at.spec.encoder.blocks;
        let Self { stages, forward, backward, buffers } = self;
        let mut forward = PhaseSearch { radio: &forward.0, curve: &mut forward.1, base: cluster.bases.0 };
        let mut backward = PhaseSearch { radio: &backward.0, curve: &mut backward.1, base: cluster.bases.1 };
        let best = search(stages, blocks, constant, &mut forward, &mut backward, threshold, buffers)?;
        let Best { sizes, forward_pace, backward_pace, value } = best;
        let choice = Choice { active: active.to_vec(), sizes };
        let forward = forward.curve.exact(forward.radio, forward_pace, &mut buffers.scratch);
        let backward = backward.curve.exact(backward.radio, backward_pace, &mut buffers.scratch);
        let latency = cluster.latency(&choice, &forward, &backward);
        Some(Found { latency, choice, value, forward, backward })
    }
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

    fn run(mut self, work: &mut Workspace) -> Option<Found> {
        self.descend(work);
        self.enumerate(work, 0);
        self.best
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
        work.stages.clear();
        work.stages.extend(active.iter().map(|&k| self.cluster.stages[k]));
        work.forward.1.clear();
        work.backward.1.clear();
        if !self.forward.set_path(&mut work.forward.0, active) || !self.backward.set_path(&mut work.backward.0, active)
        {
            return false;
        }
        for (links, (radio, curve), base) in [
            (&self.forward, &mut work.forward, self.cluster.bases.0),
            (&self.backward, &mut work.backward, self.cluster.bases.1),
        ] {
            links.minorants(active, true).for_each(|minorant| curve.add(minorant));
            if curve.is_empty() {
                curve.add(radio.quick_minorant(base, &mut work.buffers.scratch));
            }
        }
        let Some(found) = work.best_sizes(self.cluster, active, self.threshold) else {
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
        for (links, (_, curve)) in [(&mut self.forward, &work.forward), (&mut self.backward, &work.backward)] {
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
        work.stages.clear();
        work.stages.extend(self.active.iter().map(|&k| self.cluster.stages[k]));
        let later = self.cluster.stages[from..].iter().filter(|stage| stage.high > 0);
        work.stages.extend(later.map(|stage| Stage { low: 0, ..*stage }));
        let Some(cost) = cheapest_fill(&work.stages, self.cluster.at.spec.encoder.blocks, &mut work.buffers) else {
            return f64::INFINITY;
        };
        let phase =
            |links: &Links, base: f64| links.minorants(&self.active, false).map(|m| m.at(base)).fold(0.0, f64::max);
        let bases = self.cluster.bases;
        self.cluster.constant(&self.active) + cost + phase(&self.forward, bases.0) + phase(&self.backward, bases.1)
    }
}
