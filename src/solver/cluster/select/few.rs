//! Clusters of few devices: every active set is bounded, and solved where its bound does not rule it out.
//!
//! Tables, scans and regions pay where there are many sets; for a few of them they cost more than the sets do.

use super::graph::Graph;
use super::links::Links;
use super::solve_set;
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::DeviceId;
use crate::solver::cluster::active::{Found, Searched, Workspace};
use crate::solver::cluster::prepared::{Prepared, Start};
use crate::solver::cluster::segments::{Threshold, radio_work};
use crate::solver::cluster::{Domain, PlannedCluster};

/// Devices that may take part or not, up to which all sets of them are listed.
const MOST_FREE: usize = 4;

/// The active sets of one planned cluster, each with what it costs at the least.
pub(crate) struct FewSets<'a> {
    cluster: &'a PlannedCluster<'a>,
    links: PerPhase<Links>,
    sets: Vec<(f64, Vec<DeviceId>)>,
    /// Prices that all links were priced at last.
    pub prices: Start,
}

impl<'a> FewSets<'a> {
    /// Whether a domain has few enough active sets.
    pub fn are_all_of(domain: &Domain) -> bool {
        domain.usable().filter(|k| domain.low[k.0] == 0).count() <= MOST_FREE
    }

    /// Bounds every active set on the graph's links at prices of a similar search, or at guessed ones; `near` is a set that is
    /// probably good.
    pub fn new(
        cluster: &'a PlannedCluster<'a>,
        domain: &Domain,
        graph: &Graph,
        (start, near): (Option<&Start>, Option<&[DeviceId]>),
        work: &mut Workspace,
    ) -> Self {
        let mut links = PerPhase::from_fn(|phase| Links::new(cluster, phase, graph));
        let near = near.filter(|near| links.forward.joins(near));
        let prices = PerPhase::from_fn(|phase| {
            let radio = &mut work.prepared.phases[phase].radio;
            match near {
                Some(near) => links[phase].set_path(radio, near),
                None => links[phase].set_some(radio),
            }
            radio.start(cluster.bases[phase], start.map(|start| start[phase]))
        });
        for phase in Phase::BOTH {
            links[phase].add_prices(prices[phase], false);
        }
        // Every link of either phase at some prices.
        work.buffers.meter.spend(2 * radio_work(graph.len(), 1));
        let mut few = Self { cluster, links, sets: Vec::new(), prices };
        let free: Vec<DeviceId> = domain.usable().filter(|k| domain.low[k.0] == 0).collect();
        for chosen in 0..1_usize << free.len() {
            let takes_part =
                |k: &DeviceId| free.iter().position(|free| free == k).is_none_or(|at| chosen >> at & 1 == 1);
            let active: Vec<DeviceId> = domain.usable().filter(takes_part).collect();
            if active.is_empty() || !few.links.forward.joins(&active) {
                continue;
            }
            let bound = few.bound_of(&active, work);
            few.sets.push((bound, active));
        }
        few.sets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        few
    }

    /// What one set costs at the least, at the links' prices.
    fn bound_of(&self, active: &[DeviceId], work: &mut Workspace) -> f64 {
        let prepared = &mut work.prepared;
        prepared.set_stages(self.cluster, active);
        for phase in Phase::BOTH {
            let curve = &mut prepared.phases[phase].curve;
            self.links[phase].minorants(active).for_each(|minorant| curve.add(minorant));
        }
        work.buffers.meter.spend(30 * (active.len() as u64 + 1));
        prepared.bound(self.cluster, &mut work.buffers)
    }

    /// A bound of all sets.
    pub fn bound(&self) -> f64 {
        self.sets.first().map_or(f64::INFINITY, |(bound, _)| *bound)
    }

    /// The best set that beats the threshold, and a bound of all; `known` is one whose phases were solved before.
    pub fn run(&mut self, mut threshold: Threshold, known: Option<&mut Prepared>, work: &mut Workspace) -> Searched {
        let mut open = f64::INFINITY;
        let mut best: Option<Found> = None;
        let mut done: &[DeviceId] = &[];
        if let Some(prepared) = known {
            best = prepared.best_sizes(self.cluster, threshold, &mut work.buffers);
            open = work.buffers.open;
            done = &prepared.active;
        }
        for (bound, active) in &self.sets {
            threshold.cutoff = best.as_ref().map_or(threshold.cutoff, |found| found.value);
            if *bound >= threshold.bar() {
                break;
            }
            if active == done {
                continue;
            }
            // The first decision is found whatever has ended.
            if threshold.cutoff.is_finite() && work.buffers.meter.ended() {
                open = open.min(*bound);
                break;
            }
            work.buffers.nodes += 1;
            let found = solve_set(self.cluster, &mut self.links, threshold, active, work);
            open = open.min(work.buffers.open);
            if let Some(found) = found {
                self.prices = found.phases.map(|solved| solved.prices);
                work.buffers.meter.show_found(found.value);
                best = Some(found);
            }
        }
        Searched::of(best, threshold, open)
    }
}
