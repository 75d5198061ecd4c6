//! One cluster: plans in the order of their bounds, each searched against the best so far.

use crate::ground::phase::PerPhase;
use crate::problem::{Cluster, SlotSpec};
use crate::solver::cluster::active::{Found, Searched, Workspace};
use crate::solver::cluster::prepared::{Prepared, Start};
use crate::solver::cluster::rule::floor;
use crate::solver::cluster::segments::Threshold;
use crate::solver::cluster::select::{FewSets, Graph, Subsets};
use crate::solver::cluster::{Domain, PlannedCluster, PricedCluster, Segments};
use crate::solver::solution::proved_gap;

/// What is remembered from one solve to the next, to start from. Only the time of a solve depends on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Per plan the prices that its phases were estimated or solved at last.
    starts: Vec<Option<Start>>,
    /// Per plan the prices of the bands that its active sets were bounded at, where the solver chooses them.
    bands: Vec<Option<PerPhase<f64>>>,
    /// The best plan and choice.
    best: Option<(usize, Segments)>,
}

/// A plan with what it costs at the least.
struct Candidate<'a> {
    index: usize,
    bound: f64,
    /// The search over active sets that the bound is from, where the solver chooses.
    sets: Option<Sets<'a>>,
}

/// A search over active sets.
#[allow(clippy::large_enum_variant, reason = "a few of them live for one solve: an allocation each would cost more")]
enum Sets<'a> {
    Few(FewSets<'a>),
    Many(Box<Subsets<'a>>),
}

/// A plan is bounded anew where what its search proves is further from the best than so many times the tolerance of the
/// objective itself.
const DWARFED: f64 = 10.0;

/// The best plan and choice of one cluster.
pub(crate) struct BestPlan {
    pub plan: usize,
    pub found: Found,
    /// Cost, penalty and `extra` included.
    pub objective: f64,
    /// No plan and choice costs less, penalties and `extra` included.
    pub lower_bound: f64,
}

impl BestPlan {
    /// The gap of the decision, as it is going to be reported; `penalty` is the plan's.
    pub fn gap(&self, penalty: f64) -> f64 {
        proved_gap(self.objective, self.lower_bound, penalty)
    }
}

/// The best plan and choice at a latency price; `extra` is added to every cost (the upload).
///
/// Exact up to `tolerance`, relative to the cost without penalties. `None` where no choice is feasible. The best choice
/// is solved once more from a start of its own, so that the result does not depend on the way to it.
pub(crate) fn best_plan(
    spec: &SlotSpec,
    cluster: &Cluster,
    domain: &Domain,
    (price, extra, tolerance): (f64, f64, f64),
    memory: &mut Memory,
    work: &mut Workspace,
) -> Option<BestPlan> {
    let priced = PricedCluster::new(spec, cluster, price);
    let only_active = domain.only_active();
    let mut plans = std::mem::take(&mut work.plans);
    plans.resize_with(spec.plans.len(), Prepared::default);
    memory.starts.resize_with(spec.plans.len(), || None);
    memory.bands.resize_with(spec.plans.len(), || None);
    let remembered =
        memory.best.take().filter(|(plan, choice)| *plan < plans.len() && domain.holds(choice, &priced.program));
    let mut best: Option<(usize, Found)> = None;
    let mut cutoff = f64::INFINITY;
    let all_planned: Vec<PlannedCluster> =
        spec.plans.iter().map(|plan| PlannedCluster::new(&priced, plan, domain)).collect();
    if let Some((index, choice)) = &remembered {
        let (planned, prepared) = (&all_planned[*index], &mut plans[*index]);
        prepared.set(planned, &choice.active);
        let found = prepared.fixed(planned, choice, memory.starts[*index].as_ref(), &mut work.buffers);
        cutoff = found.value + planned.penalty();
        work.buffers.meter.show_best(cutoff + extra);
        best = Some((*index, found));
    }
    // Where the devices are few all sets of them are listed.
    let few =
        (only_active.is_none() && FewSets::are_all_of(domain)).then(|| Graph::of_cluster(&priced.program, domain));
    let mut candidates: Vec<Candidate> = (all_planned.iter().zip(&mut plans).enumerate())
        .map(|(index, (planned, prepared))| {
            let penalty = planned.penalty();
            let start = &mut memory.starts[index];
            if work.buffers.meter.ended() {
                return Candidate { index, bound: floor(planned, domain) + penalty, sets: None };
            }
            if let Some(graph) = &few {
                let known = best.as_ref().filter(|(best, _)| *best == index).map(|(_, found)| found);
                let solved = known.map(|found| found.phases.map(|solved| solved.prices));
                let near = remembered.as_ref().map(|(_, choice)| choice.active.as_slice());
                let sets = FewSets::new(planned, domain, graph, (solved.as_ref().or(start.as_ref()), near), work);
                *start = Some(sets.prices);
                return Candidate { index, bound: sets.bound() + penalty, sets: Some(Sets::Few(sets)) };
            }
            let Some(active) = &only_active else {
                let mut subsets = Subsets::new(planned, domain, work).with_prices(memory.bands[index]);
                let bound = subsets.estimate(work) + penalty;
                memory.bands[index] = Some(subsets.prices());
                return Candidate { index, bound, sets: Some(Sets::Many(Box::new(subsets))) };
            };
            if remembered.as_ref().is_none_or(|(best, _)| *best != index) {
                prepared.set(planned, active);
                let bar = Threshold { cutoff: cutoff - penalty, tolerance: 0.9 * tolerance }.bar();
                *start = prepared.estimate(planned, start.as_ref(), bar, &mut work.buffers).or(*start);
            }
            Candidate { index, bound: prepared.bound(planned, &mut work.buffers) + penalty, sets: None }
        })
        .collect();
    candidates.sort_unstable_by(|a, b| a.bound.total_cmp(&b.bound).then(a.index.cmp(&b.index)));
    // Good choices of every plan before one of them is searched: even where the work is spent already.
    for Candidate { index, bound, sets } in candidates.iter_mut().filter(|_| only_active.is_none()) {
        let (planned, penalty) = (&all_planned[*index], all_planned[*index].penalty());
        let threshold = Threshold { cutoff: cutoff - penalty, tolerance: 0.9 * tolerance };
        if *bound - penalty >= threshold.bar() || work.buffers.meter.expired() {
            continue;
        }
        let many = || Sets::Many(Box::new(Subsets::new(planned, domain, work)));
        // Few sets need no good choice to begin with.
        let Sets::Many(subsets) = sets.get_or_insert_with(many) else { continue };
        let others = best.as_ref().map(|(_, found)| found.choice.active.as_slice());
        if let Some(found) = subsets.begin(threshold, others, work) {
            cutoff = found.value + penalty;
            best = Some((*index, found));
        }
    }
    let mut searched_bound = f64::INFINITY;
    for Candidate { index, bound, sets } in candidates {
        let penalty = all_planned[index].penalty();
        // Finer than what is reported, so that the difference to the settled value below does not matter.
        let threshold = Threshold { cutoff: cutoff - penalty, tolerance: 0.9 * tolerance };
        let least = bound.min(searched_bound).min(threshold.bar() + penalty);
        work.buffers.meter.show_bound(least + extra);
        if bound - penalty >= threshold.bar() {
            continue;
        }
        work.buffers.meter.shift = Some(penalty + extra);
        // Once ended, the plans keep their bounds; the first one gives a decision all the same.
        let ended = work.buffers.meter.ended();
        if ended && best.is_some() {
            searched_bound = searched_bound.min(bound.max(floor(&all_planned[index], domain) + penalty));
            continue;
        }
        let searched = match (sets, &only_active) {
            (Some(Sets::Many(subsets)), _) => subsets.run(threshold, work),
            (Some(Sets::Few(mut sets)), _) => {
                let known = remembered.as_ref().is_some_and(|(known, _)| *known == index);
                let searched = sets.run(threshold, known.then_some(&mut plans[index]), work);
                memory.starts[index] = Some(sets.prices);
                searched
            }
            (None, Some(_)) if !ended => {
                let found = plans[index].best_sizes(&all_planned[index], threshold, &mut work.buffers);
                Searched::of(found, threshold, work.buffers.open)
            }
            _ => work.best(&all_planned[index], domain, threshold),
        };
        if searched.bound < threshold.bar() {
            // Cut short: the search has proved less than that nothing beats the best.
            searched_bound = searched_bound.min(penalty + searched.bound);
        }
        if let Some(found) = searched.found {
            work.buffers.meter.show_found(found.value);
            cutoff = found.value + penalty;
            best = Some((index, found));
        }
    }
    work.buffers.meter.shift = None;
    if let (Some((index, found)), true) = (&mut best, work.buffers.meter.ended()) {
        let even = work.even(&all_planned[*index], &found.choice.active).filter(|even| even.value < found.value);
        if let Some(even) = even {
            cutoff = even.value + all_planned[*index].penalty();
            *found = even;
        }
    }
    if only_active.is_some() {
        for (start, prepared) in memory.starts.iter_mut().zip(&plans) {
            *start = prepared.last_prices().or(*start);
        }
    }
    let (plan, found) = best?;
    let planned = all_planned.get(plan)?;
    let prepared = &mut plans[plan];
    prepared.set(planned, &found.choice.active);
    let settled = prepared.fixed(planned, &found.choice, None, &mut work.buffers);
    let settled = work.evened(planned, settled);
    let value = settled.value + planned.penalty();
    memory.starts[plan] = Some(settled.phases.map(|solved| solved.prices));
    memory.best = Some((plan, settled.choice.clone()));
    let mut lower_bound = searched_bound;
    for planned in &all_planned {
        let penalty = planned.penalty();
        let mut proved = proved_beside(penalty, (cutoff, value), tolerance);
        if proved < value - DWARFED * tolerance * value.abs() {
            // Relative to a cost without a penalty so far from the best plan's the tolerance says little. A bound of
            // the plan's own says more, and one that does not depend on where the searches started.
            let own = match &only_active {
                _ if work.buffers.meter.ended() => floor(planned, domain),
                Some(active) => plans[plan].trivial_bound(planned, active, &mut work.buffers),
                None => Subsets::new(planned, domain, work).estimate(work),
            };
            proved = proved.max(own.max(0.0) + penalty);
        }
        lower_bound = lower_bound.min(proved);
    }
    work.plans = plans;
    Some(BestPlan { plan, found: settled, objective: value + extra, lower_bound: lower_bound + extra })
}

/// What the search of a plan has proved, where it found nothing below the `searched` value of the best choice to within
/// nine tenths of the tolerance. That choice was then solved once more, and is `settled`: where the two differ by no more
/// than the tenth that is left the bound is told from the settled one, so that it does not depend on the way.
fn proved_beside(penalty: f64, (searched, settled): (f64, f64), tolerance: f64) -> f64 {
    let room = 0.1 * tolerance * (searched - penalty).abs();
    let reached = if settled - searched <= room { settled } else { searched };
    Threshold { cutoff: reached - penalty, tolerance }.bar() + penalty
}

#[cfg(test)]
mod tests;
