//! The best devices and sizes of a planned cluster.
//!
//! Where every device takes part the sizes are searched at once; where the solver chooses, `select` searches the active
//! sets.

use crate::ground::phase::PerPhase;
use crate::solver::cluster::prepared::{Prepared, Start};
use crate::solver::cluster::segments::{Buffers, Threshold};
use crate::solver::cluster::select::{Limits, Subsets};
use crate::solver::cluster::{Domain, PlannedCluster, Segments};
use crate::solver::hop::phase::Solved;

/// A choice with its cost and its solved phases.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub choice: Segments,
    /// Cost at the cluster's latency price, proved from below to the solver's tolerance.
    pub value: f64,
    /// Latency without the upload [s].
    pub latency: f64,
    pub phases: PerPhase<Solved>,
}

/// What a search has found, and what it has proved.
#[derive(Clone, Debug)]
pub(crate) struct Searched {
    /// The best choice, where one beats the threshold.
    pub found: Option<Found>,
    /// No choice costs less: the threshold's bar after the search where it was exhaustive, lower where it was cut
    /// short.
    pub bound: f64,
}

/// Buffers of the searches, and what these may cost.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The active set under search.
    pub prepared: Prepared,
    /// Per plan, where every plan has the same active set.
    pub plans: Vec<Prepared>,
    pub buffers: Buffers,
    /// What one search over active sets may cost.
    pub limits: Limits,
}

impl Workspace {
    /// Evaluates a given choice; `start` are prices of a similar one.
    pub fn fixed(&mut self, cluster: &PlannedCluster, choice: &Segments, start: Option<&Start>) -> Found {
        self.prepared.set(cluster, &choice.active);
        self.prepared.fixed(cluster, choice, start, &mut self.buffers)
    }

    /// d latency/d ln V of a choice found [s].
    pub fn latency_by_weight(&mut self, cluster: &PlannedCluster, found: &Found) -> f64 {
        self.prepared.set(cluster, &found.choice.active);
        let radios = self.prepared.phases.as_ref().map(|known| &known.radio);
        cluster.latency_by_weight(found, radios, &mut self.buffers.scratch)
    }

    /// The best choice within the domain that beats the threshold, and a bound of all choices.
    pub fn best(&mut self, cluster: &PlannedCluster, domain: &Domain, threshold: Threshold) -> Searched {
        match domain.only_active() {
            Some(active) => {
                self.prepared.set(cluster, &active);
                self.prepared.estimate(cluster, None, f64::INFINITY, &mut self.buffers);
                let found = self.prepared.best_sizes(cluster, threshold, &mut self.buffers);
                let mut searched = Searched::of(found, threshold, &self.buffers);
                if self.buffers.meter.ended() {
                    let even = self.even(cluster, &active);
                    searched.offer(even, threshold);
                }
                searched
            }
            None => Subsets::new(cluster, domain, self).run(threshold, self),
        }
    }
}

impl Searched {
    /// All choices have been considered, but for what the buffers' last search left open.
    pub fn of(found: Option<Found>, threshold: Threshold, buffers: &Buffers) -> Self {
        let cutoff = found.as_ref().map_or(threshold.cutoff, |found| found.value);
        Self { bound: Threshold { cutoff, ..threshold }.bar().min(buffers.open), found }
    }

    /// Takes a choice that was not searched for, where it is better.
    pub fn offer(&mut self, other: Option<Found>, threshold: Threshold) {
        let best = self.found.as_ref().map_or(threshold.cutoff, |found| found.value);
        if let Some(other) = other.filter(|other| other.value < best) {
            self.bound = self.bound.min(other.value);
            self.found = Some(other);
        }
    }
}
