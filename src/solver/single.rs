//! One cluster: plans in the order of their bounds, each searched against the best so far.

use super::active::{Found, Workspace};
use super::cluster::{Domain, PlannedCluster, PricedCluster};
use super::segments::Threshold;
use crate::problem::{Cluster, SlotSpec};

/// A plan with what it costs at the least.
struct Candidate<'a> {
    index: usize,
    planned: PlannedCluster<'a>,
    bound: f64,
}

/// The best plan and choice of one cluster.
pub(crate) struct BestPlan {
    pub plan: usize,
    pub found: Found,
    /// No plan and choice costs less, penalties and `extra` included.
    pub lower_bound: f64,
}

/// The best plan and choice at a latency price; `extra` is added to every cost (the upload).
///
/// Exact up to `tolerance`, relative to the cost without penalties. `None` where no choice is feasible.
pub(crate) fn best_plan(
    spec: &SlotSpec,
    cluster: &Cluster,
    domain: &Domain,
    (price, extra, tolerance): (f64, f64, f64),
    work: &mut Workspace,
) -> Option<BestPlan> {
    let priced = PricedCluster::new(spec, cluster, price);
    let mut candidates: Vec<Candidate> = (spec.plans.iter().enumerate())
        .map(|(index, plan)| {
            let planned = PlannedCluster::new(&priced, plan, domain);
            let bound = work.quick_bound(&planned, domain) + plan.penalty;
            Candidate { index, planned, bound }
        })
        .collect();
    candidates.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    let mut best: Option<(usize, Found)> = None;
    let (mut cutoff, mut lower_bound) = (f64::INFINITY, f64::INFINITY);
    for candidate in &candidates {
        let penalty = candidate.planned.plan.penalty;
        let threshold = Threshold { cutoff: cutoff - penalty, tolerance };
        if candidate.bound - penalty >= threshold.bar() {
            lower_bound = lower_bound.min(candidate.bound);
            continue;
        }
        let searched = work.best(&candidate.planned, domain, threshold);
        lower_bound = lower_bound.min(penalty + searched.bound);
        if let Some(found) = searched.found {
            cutoff = found.value + penalty;
            best = Some((candidate.index, found));
        }
    }
    best.map(|(plan, found)| BestPlan { plan, found, lower_bound: lower_bound.min(cutoff) + extra })
}
