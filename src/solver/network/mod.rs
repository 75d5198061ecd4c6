//! Several clusters: what they share, and the dual that prices it.
//!
//! With weights V_n ≥ 0, Σ V_n = V, and a price λ of the upload band,
//!
//! ```text
//! D(V_1..V_N, λ) = Σ_n [ R_n(V_n) + U_n(V_n, λ) ] − λ W_up + penalty
//! ```
//!
//! bounds the problem from below: R_n is what cluster n costs at latency price V_n without its upload, U_n its upload.
//! At given weights the clusters are independent problems, solved in parallel; their results are put together in the
//! clusters' order, so that they do not depend on the number of threads.

mod arc;
pub(crate) mod balance;
mod deadlines;
pub(crate) mod envelope;
mod explore;
mod few;
pub(crate) mod memory;
pub(crate) mod search;
pub(crate) mod upload;

use std::sync::Arc;

use rayon::prelude::*;

use crate::problem::program::ClusterProgram;
use crate::problem::{CandidatePlan, SlotProblem};
use crate::solver::cluster::active::{Found, Searched, Workspace};
use crate::solver::cluster::prepared::Start;
use crate::solver::cluster::rule::floor;
use crate::solver::cluster::segments::Threshold;
use crate::solver::cluster::select::Subsets;
use crate::solver::cluster::{Domain, PlannedCluster, PricedCluster, Segments};
use crate::solver::meter::Meter;
use crate::solver::network::balance::upload_price;
use crate::solver::network::envelope::{Known, Sample};
use crate::solver::network::upload::Upload;

/// The network problem with what never changes.
pub(crate) struct Network<'a> {
    pub problem: &'a SlotProblem,
    pub uploads: Vec<Upload>,
}

impl<'a> Network<'a> {
    pub fn new(problem: &'a SlotProblem) -> Self {
        Self {
            problem,
            uploads: problem
                .clusters
                .iter()
                .map(|cluster| Upload::new(&ClusterProgram::new(problem, cluster)))
                .collect(),
        }
    }

    /// What the plan of an index costs by itself.
    pub fn plan_cost(&self, plan: usize) -> f64 {
        self.problem.plan_cost(&self.problem.plans[plan])
    }

    /// V.
    pub fn price(&self) -> f64 {
        self.problem.latency_weight
    }

    /// W_up [Hz].
    pub fn band(&self) -> f64 {
        self.problem.uplink.bandwidth_hz.0
    }

    /// What the uploads cost at given weights at the least, their band shared: Σ U_n − λ W_up at its best λ.
    pub fn uploads_bound(&self, weights: &[f64]) -> f64 {
        let band_price = upload_price(self, weights, None);
        let uploads = self.uploads.iter().zip(weights).map(|(upload, &weight)| {
            let sent = upload.send(weight, band_price);
            sent.cost + band_price * sent.band
        });
        uploads.sum::<f64>() - band_price * self.band()
    }
}

/// Evaluates something cheap for every cluster, in the clusters' order.
pub(crate) fn in_parallel<T: Send>(clusters: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    /// Fewer are not worth a thread.
    const LEAST: usize = 512;
    if clusters < 2 * LEAST {
        return (0..clusters).map(f).collect();
    }
    (0..clusters).into_par_iter().with_min_len(LEAST).map(f).collect()
}

/// A plan and a domain per cluster: a part of the search space.
pub(crate) struct Part<'a> {
    pub network: &'a Network<'a>,
    pub plan: &'a CandidatePlan,
    pub domains: &'a [Arc<Domain>],
}

/// A cluster's best choice at a weight.
pub(crate) struct BestChoice {
    pub found: Found,
    pub sample: Sample,
    /// A sample of the choice that was hinted at, where it is not the best one.
    pub hint: Option<Sample>,
    /// No choice costs less.
    pub bound: f64,
}

impl Part<'_> {
    /// What the plan costs by itself.
    pub fn plan_cost(&self) -> f64 {
        self.network.problem.plan_cost(self.plan)
    }

    /// Runs `f` on a cluster at a latency price.
    pub fn with_cluster<T>(&self, cluster: usize, price: f64, f: impl FnOnce(&PlannedCluster, &Domain) -> T) -> T {
        let domain = &*self.domains[cluster];
        self.within(cluster, domain, price, |planned| f(planned, domain))
    }

    /// Runs `f` on a cluster at a latency price, with blocks within a domain.
    fn within<T>(&self, cluster: usize, domain: &Domain, price: f64, f: impl FnOnce(&PlannedCluster) -> T) -> T {
        let problem = self.network.problem;
        let priced = PricedCluster::new(problem, &problem.clusters[cluster], price);
        f(&PlannedCluster::new(&priced, self.plan, domain))
    }

    /// Runs `f` for every cluster, in parallel, and adds up the work.
    pub fn each<T: Send>(&self, work: &mut Workspace, f: impl Fn(usize, &mut Workspace) -> T + Sync) -> Vec<T> {
        let clusters = 0..self.domains.len();
        let meter = work.buffers.meter.share(clusters.len());
        let run = |local: &mut Workspace, cluster: usize| {
            (local.buffers.nodes, local.buffers.scratch.evaluations) = (0, 0);
            local.buffers.meter = meter.clone();
            let result = f(cluster, local);
            (result, local.buffers.nodes, local.buffers.scratch.evaluations, std::mem::take(&mut local.buffers.meter))
        };
        let limits = work.limits;
        let local = || Workspace { limits, ..Workspace::default() };
        let results: Vec<_> = if self.is_light() {
            let mut local = local();
            clusters.map(|cluster| run(&mut local, cluster)).collect()
        } else {
            clusters.into_par_iter().map_init(local, run).collect()
        };
        let mut all = Vec::with_capacity(results.len());
        for (result, nodes, evaluations, spent) in results {
            work.buffers.nodes += nodes;
            work.buffers.scratch.evaluations += evaluations;
            work.buffers.meter.absorb(&spent);
            all.push(result);
        }
        all
    }

    /// Whether all clusters together are less than what is worth waking a thread for.
    fn is_light(&self) -> bool {
        let usable = |domain: &Arc<Domain>| domain.usable().count();
        self.domains.len() < 2 || self.domains.iter().map(|domain| usable(domain).pow(2)).sum::<usize>() <= 64
    }

    /// Whether a cluster's domain holds a choice made for another problem.
    pub fn holds(&self, cluster: usize, choice: &Segments) -> bool {
        let problem = self.network.problem;
        self.domains[cluster].holds(choice, &ClusterProgram::new(problem, &problem.clusters[cluster]))
    }

    /// A cluster's choice at a latency price, from prices of a similar solve.
    pub fn fixed(
        &self,
        cluster: usize,
        choice: &Segments,
        price: f64,
        start: Option<&Start>,
        work: &mut Workspace,
    ) -> (Found, Sample) {
        self.with_cluster(cluster, price, |planned, _| {
            let found = work.fixed(planned, choice, start);
            let sample = sample(planned, &found, work);
            (found, sample)
        })
    }

    /// A cluster's best choice at a latency price, and a bound of all its choices; `hint` is one known to be feasible.
    pub fn best(
        &self,
        cluster: usize,
        price: f64,
        hint: Option<&Known>,
        tolerance: f64,
        work: &mut Workspace,
    ) -> Option<BestChoice> {
        self.best_of(cluster, &self.domains[cluster], price, hint, tolerance, work)
    }

    /// The same within another domain.
    pub fn best_of(
        &self,
        cluster: usize,
        domain: &Domain,
        price: f64,
        hint: Option<&Known>,
        tolerance: f64,
        work: &mut Workspace,
    ) -> Option<BestChoice> {
        self.within(cluster, domain, price, |planned| {
            let start = hint.and_then(|known| known.nearest(price)).map(|sample| sample.start(price));
            let hint = hint.map(|known| work.fixed(planned, &known.choice, start.as_ref()));
            let cutoff = hint.as_ref().map_or(f64::INFINITY, |found| found.value);
            let threshold = Threshold { cutoff, tolerance };
            let searched = match (domain.only_active(), &hint) {
                (None, _) if few::are_few(domain) => few::best(planned, domain, threshold, start.as_ref(), work),
                // The phases of the hint are those of every choice: what is known of them stays.
                (Some(_), Some(_)) => {
                    let found = work.prepared.best_sizes(planned, threshold, &mut work.buffers);
                    Searched::of(found, threshold, work.buffers.open)
                }
                _ => work.best(planned, domain, threshold),
            };
            let bound = searched.bound;
            Some(match (searched.found, hint) {
                (Some(found), hint) => {
                    let found = work.evened(planned, found);
                    let hint = hint.map(|hint| sample(planned, &hint, work));
                    BestChoice { sample: sample(planned, &found, work), found, hint, bound }
                }
                (None, hint) => {
                    let found = hint?;
                    BestChoice { sample: sample(planned, &found, work), found, hint: None, bound }
                }
            })
        })
    }

    /// A choice without a search, whatever has ended.
    pub fn rule(&self, cluster: usize, price: f64, work: &mut Workspace) -> Option<(Found, Sample)> {
        let unlimited = std::mem::replace(&mut work.buffers.meter, Meter::over());
        let found = self.with_cluster(cluster, price, |planned, domain| {
            let threshold = Threshold { cutoff: f64::INFINITY, tolerance: 0.0 };
            let found = work.best(planned, domain, threshold).found?;
            let sample = sample(planned, &found, work);
            Some((found, sample))
        });
        let spent = std::mem::replace(&mut work.buffers.meter, unlimited);
        work.buffers.meter.charge(&spent);
        found
    }

    /// What a cluster's choices cost at a latency price at the least, without a search.
    pub fn floor(&self, cluster: usize, price: f64) -> f64 {
        self.with_cluster(cluster, price, floor)
    }

    /// A cheap bound of a cluster's choices at a latency price.
    pub fn estimate(&self, cluster: usize, price: f64, work: &mut Workspace) -> f64 {
        self.with_cluster(cluster, price, |planned, domain| match domain.only_active() {
            _ if work.buffers.meter.ended() => floor(planned, domain),
            Some(active) => {
                work.prepared.set(planned, &active);
                work.prepared.estimate(planned, None, f64::INFINITY, &mut work.buffers);
                work.prepared.bound(planned, &mut work.buffers)
            }
            None => Subsets::new(planned, domain, work).estimate(work),
        })
    }
}

/// What a choice costs at its price, as a sample.
fn sample(planned: &PlannedCluster, found: &Found, work: &mut Workspace) -> Sample {
    let slope = work.latency_by_weight(planned, found);
    Sample::new(planned.at.price, found.value, found.latency, slope, found.phases.map(|solved| solved.prices))
}
