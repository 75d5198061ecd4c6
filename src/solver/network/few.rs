//! Clusters that choose among so few devices that every active set is looked at.

use crate::ground::route::DeviceId;
use crate::solver::cluster::active::{Found, Searched, Workspace};
use crate::solver::cluster::prepared::Start;
use crate::solver::cluster::rule::floor;
use crate::solver::cluster::segments::Threshold;
use crate::solver::cluster::{Domain, PlannedCluster};

/// Most devices of which every set is looked at: up to 31 sets take less work than the tables of one region.
const MOST: usize = 5;

/// Whether so few devices may take part.
pub(crate) fn are_few(domain: &Domain) -> bool {
    domain.usable().count() <= MOST
}

/// The active sets of a domain whose path works.
fn sets(cluster: &PlannedCluster, domain: &Domain) -> Vec<Vec<DeviceId>> {
    let usable: Vec<DeviceId> = domain.usable().collect();
    let program = &cluster.at.program;
    let chosen = |bits: u32| {
        let within = usable.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1).map(|(_, &k)| k);
        let active: Vec<DeviceId> = within.collect();
        let mandatory = usable.iter().filter(|k| domain.low[k.0] > 0).all(|k| active.contains(k));
        let works = mandatory && program.route(&active).hops().all(|(near, far)| program.joined(near, far));
        works.then_some(active)
    };
    (1..1u32 << usable.len()).filter_map(chosen).collect()
}

/// The best choice that beats the threshold, and a bound of all: every set is bounded at given prices of the bands, or
/// guessed ones, and those that may beat the best are solved in the order of their bounds.
pub(crate) fn best(
    cluster: &PlannedCluster,
    domain: &Domain,
    threshold: Threshold,
    start: Option<&Start>,
    work: &mut Workspace,
) -> Searched {
    let mut bounded = Vec::new();
    for active in sets(cluster, domain) {
        if work.buffers.meter.ended() {
            break;
        }
        work.prepared.set(cluster, &active);
        work.prepared.estimate(cluster, start, threshold.bar(), &mut work.buffers);
        let bound = work.prepared.bound(cluster, &mut work.buffers);
        if bound < threshold.bar() {
            bounded.push((bound, active));
        }
    }
    if work.buffers.meter.ended() {
        // A decision and a bound, whatever has been looked at.
        if threshold.cutoff == f64::INFINITY {
            return work.best(cluster, domain, threshold);
        }
        return Searched::of(None, threshold, floor(cluster, domain));
    }
    bounded.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut best, mut open): (Option<Found>, f64) = (None, f64::INFINITY);
    let mut at = threshold;
    let mut start = start.copied();
    for (bound, active) in bounded {
        if bound >= at.bar() {
            break;
        }
        if best.is_some() && work.buffers.meter.ended() {
            open = open.min(bound);
            break;
        }
        work.prepared.set(cluster, &active);
        work.prepared.estimate(cluster, start.as_ref(), at.bar(), &mut work.buffers);
        if let Some(found) = work.prepared.best_sizes(cluster, at, &mut work.buffers) {
            at.cutoff = found.value;
            best = Some(found);
        }
        open = open.min(work.buffers.open);
        start = work.prepared.last_prices().or(start);
    }
    Searched::of(best, threshold, open)
}
