//! A cluster that has to be done by a deadline.
//!
//! Without the deadline first: where the best decision keeps it, it is the best with it. Otherwise the least latency that
//! any decision has (energy at no price) says whether the deadline can be kept, and gives a decision to start from; then
//! the search prices the deadline in every node, as one more multiplier.

use super::instance::Instance;
use super::joint::Shared;
use super::network::{Agreed, Cluster, Network, Outcome, Question};
use super::radio::Target;
use super::search::{Asked, Found, Planned, Pools, Root, Search, Searched};
use crate::solver::meter::Meter;

/// What became of a deadline.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one lives for one solve: an allocation would buy nothing")]
pub(crate) enum Timed {
    Searched(Searched),
    /// No decision keeps it: every latency is at least this [s].
    TooLate {
        least: f64,
    },
}

/// The same instance where energy costs nothing.
pub(super) fn free_of_charge(instance: &Instance) -> Instance {
    let mut out = instance.clone();
    out.pairs.iter_mut().for_each(|pair| pair.medium = pair.medium.free());
    out.energy_before.fill(0.0);
    out
}

/// The same plans where energy costs nothing: what they cost is their latency.
pub(crate) fn latency_alone(plans: &[Planned]) -> Vec<Planned> {
    plans.iter().map(|plan| Planned { instance: free_of_charge(&plan.instance), penalty: 0.0 }).collect()
}

/// How far below the deadline a first decision may be found enough.
const CLEAR: f64 = 1e-3;
/// By how much a decision may miss it, relative.
const ROUNDING: f64 = 1e-10;

/// Searches with an optional deadline.
pub(crate) fn search_timed(
    plans: &[Planned],
    asked: Asked,
    roots: &[Root],
    pools: &mut Pools,
    meter: &mut Meter,
) -> Timed {
    let Target { weight, deadline, upload } = asked.target;
    let untimed = Asked { target: Target { weight, deadline: None, upload }, ..asked };
    let free = Search::new(plans, untimed, None, pools, meter).over(roots);
    let Some(deadline) =
        deadline.filter(|deadline| free.best.as_ref().is_some_and(|best| best.allocation.latency > *deadline))
    else {
        return Timed::Searched(free);
    };
    let mut spent = (free.nodes, free.iterations);
    let bare = latency_alone(plans);
    let quickest = Asked {
        target: Target { weight: 1.0, deadline: None, upload },
        tolerance: 1e-10,
        enough: deadline * (1.0 - CLEAR),
        below: f64::INFINITY,
    };
    let quick = Search::new(&bare, quickest, None, pools, meter).over(roots);
    spent = (spent.0 + quick.nodes, spent.1 + quick.iterations);
    let none = |(nodes, iterations)| Searched { best: None, nodes, iterations, ..free.clone() };
    let Some(fast) = &quick.best else { return Timed::Searched(none(spent)) };
    // A latency that misses the deadline by rounding keeps it.
    if fast.objective > deadline * (1.0 + ROUNDING) {
        return if quick.lower_bound > deadline {
            Timed::TooLate { least: quick.lower_bound }
        } else {
            // Neither proved nor found.
            Timed::Searched(none(spent))
        };
    }
    let start = Search::new(plans, asked, None, pools, meter).timed(fast, &bare);
    let mut searched = Search::new(plans, asked, start, pools, meter).over(roots);
    searched.lower_bound = searched.lower_bound.max(free.lower_bound);
    searched.proved = searched.proved.max(free.proved);
    searched.nodes += spent.0;
    searched.iterations += spent.1;
    Timed::Searched(searched)
}

impl Search<'_> {
    /// A decision that keeps the deadline, from one that is as fast as can be: its radio at the deadline, or itself where
    /// nothing is left to save.
    fn timed(&mut self, fast: &Found, bare: &[Planned]) -> Option<Found> {
        self.best = None;
        self.radio_of(fast).or_else(|| self.full_power(fast, bare))
    }
}

/// Several clusters with an optional deadline; the least round latency where the deadline is below it.
pub(crate) fn agree_timed(
    clusters: &mut [Cluster],
    penalties: &[f64],
    question: Question,
    meter: &mut Meter,
) -> Result<Outcome, f64> {
    let Shared { deadline, .. } = question.shared;
    let untimed = Question { shared: Shared { deadline: None, ..question.shared }, ..question };
    let free = Network::new(clusters, penalties.to_vec(), untimed, None, meter).run();
    let Some(deadline) = deadline.filter(|deadline| free.best.as_ref().is_some_and(|best| best.latency > *deadline))
    else {
        return Ok(free);
    };
    let mut bare: Vec<Cluster> = clusters.iter().map(|cluster| Cluster::new(latency_alone(&cluster.plans))).collect();
    let quickest = Question {
        shared: Shared { weight: 1.0, deadline: None, ..question.shared },
        gap: 1e-9,
        enough: deadline * (1.0 - CLEAR),
        ..question
    };
    let quick = Network::new(&mut bare, vec![0.0; penalties.len()], quickest, None, meter).run();
    let Some(fast) = &quick.best else { return Ok(Outcome { best: None, ..free }) };
    if fast.latency > deadline * (1.0 + ROUNDING) {
        return if quick.lower_bound > deadline {
            Err(quick.lower_bound)
        } else {
            // Neither proved nor found.
            Ok(Outcome { best: None, ..free })
        };
    }
    let mut network = Network::new(clusters, penalties.to_vec(), question, None, meter);
    network.begin(fast);
    let mut found = network.run();
    found.lower_bound = found.lower_bound.max(free.lower_bound);
    found.proved = found.proved.max(free.proved);
    if found.best.is_none() {
        found.best = Some(as_fast_as_can_be(fast, question.shared.weight));
    }
    Ok(found)
}

/// A decision that was found without prices of energy, as one of the problem with them: it keeps the deadline.
fn as_fast_as_can_be(fast: &Agreed, weight: f64) -> Agreed {
    let mut kept = fast.clone();
    kept.choices.iter_mut().for_each(|found| found.quickest = true);
    // Prices were those of a second at the price 1.
    kept.joint.shares.iter_mut().for_each(|share| *share *= weight);
    kept.joint.ln_band = kept.joint.ln_band.map(|ln| ln + weight.ln());
    // What it costs, evaluation says.
    kept.objective = f64::INFINITY;
    kept
}

impl Network<'_> {
    /// Begins with the choices of a decision that is as fast as can be, their radio solved at the deadline.
    fn begin(&mut self, fast: &Agreed) {
        let chosen: Option<Vec<usize>> = (fast.choices.iter().zip(self.clusters.iter_mut()))
            .map(|(found, cluster)| cluster.learn(fast.plan, &found.choice))
            .collect();
        if let Some(chosen) = chosen {
            self.alone(fast.plan, &chosen);
        }
    }
}
