//! Bounds as the searches return them. A solution never shows a bound above its own objective, so that one that is a
//! little too high is not seen there whenever the decision is the best one.

use super::enumeration::compositions;
use super::*;
use crate::ground::route::DeviceId;
use crate::problem::Participation;
use crate::problem::program::block_cap;
use crate::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};
use crate::solver::cluster::active::{Found, Searched};
use crate::solver::cluster::segments::Threshold;
use crate::solver::cluster::select::Limits;
use crate::solver::cluster::{PlannedCluster, PricedCluster, Segments};
use crate::solver::meter::Meter;
use crate::solver::network::envelope::Known;
use crate::solver::network::{Network, Part};

/// Every choice of the only cluster, in no order.
fn choices(problem: &SlotProblem) -> Vec<Segments> {
    let (cluster, blocks) = (&problem.clusters[0], problem.encoder.blocks());
    let devices = cluster.devices.len();
    let caps: Vec<u32> = cluster.devices.iter().map(|device| block_cap(problem, cluster, device).min(blocks)).collect();
    let all = problem.participation == Participation::All;
    let masks = if all { (1 << devices) - 1..1_usize << devices } else { 1..1 << devices };
    let of_set = |mask: usize| {
        let active: Vec<DeviceId> = DeviceId::all(devices).filter(|k| mask >> k.0 & 1 == 1).collect();
        let caps: Vec<u32> = active.iter().map(|k| caps[k.0]).collect();
        let sizes = compositions(&caps, blocks);
        sizes.into_iter().map(move |sizes| Segments { active: active.clone(), sizes })
    };
    masks.flat_map(of_set).collect()
}

/// A cluster of a network at a price of its latency, with and without a hint, whether its sets of devices are none, few or
/// many, and where its search is cut short: what is said of all choices is below each of them.
#[test]
fn clusters_are_bounded_by_their_cheapest_choice() {
    let tolerance = 1e-9;
    let (mut compared, mut open) = (0, 0);
    for (participation, devices, blocks) in
        [(Participation::All, 3, 8), (Participation::Select, 3, 6), (Participation::Select, 6, 5)]
    {
        for seed in 0..10 {
            let size = InstanceSize { clusters: 1, devices, blocks, plans: 2, participation };
            let problem = size.sample(seed).unwrap();
            let domains: Vec<Arc<Domain>> = domains(&problem).unwrap().into_iter().map(Arc::new).collect();
            let network = Network::new(&problem);
            let all = choices(&problem);
            let mut work = Workspace::default();
            for (plan, factor) in problem.plans.iter().zip([0.2, 1.0]) {
                let part = Part { network: &network, plan, domains: &domains };
                let price = factor * problem.latency_weight;
                let priced = PricedCluster::new(&problem, &problem.clusters[0], price);
                let planned = PlannedCluster::new(&priced, plan, &domains[0]);
                let costs: Vec<f64> = all.iter().map(|choice| work.fixed(&planned, choice, None).value).collect();
                let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
                let best = costs.iter().position(|cost| *cost == least).unwrap();
                for hinted in [None, Some(best), Some(0), Some(all.len() - 1)] {
                    let hint = hinted.map(|at| {
                        let (found, sample) = part.fixed(0, &all[at], price, None, &mut work);
                        Known::new(found.choice, sample)
                    });
                    for limit in [None, Some(0), Some(2000), Some(20_000)] {
                        let settings = Settings { work_limit: limit, ..Settings::default() };
                        work.buffers.meter = Meter::start(&settings, None);
                        work.limits = Limits { work: limit.unwrap_or(2_000_000_000), ..Limits::default() };
                        let found = part.best(0, price, hint.as_ref(), tolerance, &mut work);
                        work.buffers.meter = Meter::default();
                        let what = format!("{participation:?}, seed {seed}, hint {hinted:?}, limit {limit:?}");
                        let Some(found) = found else { panic!("{what}: nothing found") };
                        assert!(found.bound <= least * (1.0 + 1e-12), "{what}: {} above {least}", found.bound);
                        assert!(
                            found.bound <= found.found.value,
                            "{what}: {} above {}",
                            found.bound,
                            found.found.value
                        );
                        let value = found.found.value;
                        assert!(value >= least * (1.0 - 3e-9), "{what}: {value}, but {least} is the least");
                        if limit.is_none() {
                            assert!(found.bound >= least * (1.0 - 2.1 * tolerance), "{what}: {}", found.bound);
                        }
                        open += usize::from(found.bound < least * (1.0 - 1e-6));
                        compared += 1;
                    }
                    let low = part.estimate(0, price, &mut work).min(least * 2.0);
                    assert!(low <= least * (1.0 + 1e-12), "an estimate of {low} above {least}");
                    assert!(part.floor(0, price) <= least, "a floor above {least}");
                }
            }
        }
    }
    println!("{open} of {compared} are left open");
    assert!(open >= 50, "the limits hardly strike: {open} of {compared}");
}

/// A choice that was not searched for replaces one that costs more, and no bound stays above it.
#[test]
fn what_is_offered_is_above_the_bound() {
    let size = InstanceSize { devices: 3, blocks: 6, plans: 1, ..InstanceSize::default() };
    let problem = size.sample(1).unwrap();
    let domain = domains(&problem).unwrap().remove(0);
    let priced = PricedCluster::new(&problem, &problem.clusters[0], problem.latency_weight);
    let planned = PlannedCluster::new(&priced, &problem.plans[0], &domain);
    let mut work = Workspace::default();
    let mut found: Vec<Found> = choices(&problem).iter().map(|choice| work.fixed(&planned, choice, None)).collect();
    found.sort_by(|a, b| a.value.total_cmp(&b.value));
    let any = Threshold { cutoff: f64::INFINITY, tolerance: 1e-9 };
    let (best, worst) = (&found[0], &found[found.len() - 1]);
    let offered = |of: Option<&Found>, bound: f64, other: &Found, threshold: Threshold| {
        let mut searched = Searched { found: of.cloned(), bound };
        searched.offer(Some(other.clone()), threshold);
        (searched.found.map(|found| found.value), searched.bound)
    };
    assert_eq!(offered(None, f64::INFINITY, best, any), (Some(best.value), best.value));
    assert_eq!(offered(Some(worst), worst.value, best, any), (Some(best.value), best.value));
    assert_eq!(offered(Some(best), 0.5 * best.value, worst, any), (Some(best.value), 0.5 * best.value));
    assert_eq!(offered(Some(worst), 0.5 * best.value, best, any), (Some(best.value), 0.5 * best.value));
    let cutoff = Threshold { cutoff: best.value, ..any };
    assert_eq!(offered(None, 0.5 * best.value, worst, cutoff), (None, 0.5 * best.value));
}

/// Networks against every choice tried one by one, at the bounds that the search itself ends with.
#[test]
fn networks_are_bounded_by_their_cheapest_decision() {
    let mut open = 0;
    for (participation, devices, blocks) in [(Participation::All, 2, 8), (Participation::Select, 2, 4)] {
        for seed in 20..32 {
            let size = InstanceSize { clusters: 2, devices, blocks, plans: 2, participation };
            let problem = size.sample(seed).unwrap();
            let tried = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot).unwrap();
            let least = tried.certified().unwrap().objective();
            for gap in [1e-9, 1e-7, 1e-4, 1e-2, 0.3] {
                for work_limit in [None, Some(3000), Some(100_000)] {
                    let settings = Settings { gap, work_limit, ..Settings::default() };
                    let (mut memory, mut work) = (NetworkMemory::default(), Workspace::default());
                    // Anew, and from what the first solve left.
                    for again in [false, true] {
                        work.buffers.meter = Meter::start(&settings, None);
                        let all = domains(&problem).unwrap();
                        let found = search::solve(&problem, all, &settings, &mut memory, &mut work).unwrap();
                        let (bound, what) =
                            (found.lower_bound, format!("{participation:?} {seed}, {settings:?}, {again}"));
                        assert!(bound <= least * (1.0 + 1e-10), "{what}: bound {bound} above {least}");
                        open += usize::from(bound < least * (1.0 - 1e-6));
                    }
                }
            }
        }
    }
    assert!(open >= 50, "{open}");
}
