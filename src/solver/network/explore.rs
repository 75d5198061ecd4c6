//! One part of the search space: its dual raised, decisions looked for, and where to cut it.

use std::sync::Arc;

use crate::ground::route::DeviceId;
use crate::solver::cluster::{Domain, Segments};
use crate::solver::network::balance::balance;
use crate::solver::network::deadlines::Line;
use crate::solver::network::envelope::{Deadline, Known, deadline};
use crate::solver::network::search::{NetworkSearch, Node};
use crate::solver::network::{BestChoice, Part};
use crate::solver::solution::gap_scale;

/// Where to branch: blocks of a device of a cluster, at most `most` or more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branch {
    pub cluster: usize,
    pub device: DeviceId,
    pub most: u32,
}

/// What is known of a node after its dual has been raised.
pub(crate) struct Explored {
    pub bound: f64,
    /// Where the dual is that bound.
    pub weights: Vec<f64>,
    pub branch: Option<Branch>,
    /// Per cluster the choices that are known.
    pub known: Vec<Vec<Known>>,
    /// Per cluster what has been proved of R: its bounds at the weights that were priced.
    pub lines: Vec<Vec<Line>>,
}

/// The best choices of all clusters at given weights.
struct PricedChoices {
    bound: f64,
    best: Vec<BestChoice>,
}

/// Relative accuracy of the upload band's price at weights that are going to be priced anew.
pub(crate) const UPLOAD_ACCURACY: f64 = 1e-6;
/// Most clusters of a network whose parts are cut before they are priced.
const MOST_CUT_EARLY: usize = 8;
/// Rounds of balancing and pricing in one node.
const MOST_ROUNDS: usize = 12;

impl NetworkSearch<'_> {
    /// D at given weights, each cluster minimized over its domain; `None` where a cluster has no feasible choice.
    fn priced(&mut self, part: &Part, weights: &[f64], hints: &[Option<&Known>]) -> Option<PricedChoices> {
        let tolerance = self.tolerance;
        let best = part.each(self.work, |n, work| part.best(n, weights[n], hints[n], tolerance, work));
        let best: Vec<BestChoice> = best.into_iter().collect::<Option<_>>()?;
        let clusters: f64 = best.iter().map(|best| best.bound).sum();
        Some(PricedChoices { bound: clusters + part.network.uploads_bound(weights) + part.plan_cost(), best })
    }

    /// Whether no weights can close a part: its dual is nowhere above what it is over a few known choices. Then it is cut
    /// without asking for more; not in networks so large that the search may end before the parts of the part are closed.
    fn is_hopeless(&self, node: &Node, predicted: f64) -> bool {
        // A whole plan is cut so where choices were known beforehand.
        let small =
            node.domains.len() <= MOST_CUT_EARLY && (!node.first || node.known.iter().all(|known| !known.is_empty()));
        small && predicted < self.bar(self.aim)
    }

    /// Raises the dual of a node and looks for decisions; `None` where a cluster has no feasible choice.
    ///
    /// The known choices are balanced over their common deadline, which maximizes the dual as far as it is known;
    /// pricing all choices at those weights gives a bound, and new choices where a cluster prefers another one. Where
    /// none does, the choices that meet the deadline make a decision. What a search that was cut short returns is worth
    /// its bound alone: so a longer limit never leads to a worse decision.
    pub(super) fn explore(&mut self, node: &Node) -> Option<Explored> {
        let network = self.network;
        let part = Part { network, plan: &network.problem.plans[node.plan], domains: &node.domains };
        let mut known = node.known.clone();
        known.resize_with(node.domains.len(), Vec::new);
        let weights = node.weights.clone();
        let lines = vec![Vec::new(); known.len()];
        let mut best = Explored { bound: node.bound, weights, branch: None, known: Vec::new(), lines };
        if node.first || known.iter().any(Vec::is_empty) {
            let least = least(&known, &best.weights);
            let weights = best.weights.clone();
            let priced = self.priced(&part, &weights, &hints(&known, &least))?;
            best.raise(&priced, &weights);
            learn(&mut known, &least, priced);
        }
        let mut tried: Vec<Vec<usize>> = Vec::new();
        for round in 1..=MOST_ROUNDS {
            if best.bound >= self.bar(self.aim) {
                break;
            }
            if self.ended() {
                if self.objective().is_none() {
                    // No rule has led to finite numbers: any choices at any weights are a decision.
                    let first = vec![0; known.len()];
                    let balanced = balance(&part, &mut known, &first, &best.weights, 1.0, self.work);
                    self.offer(node.plan, &node.domains, balanced);
                }
                break;
            }
            let choices: Vec<&[Known]> = known.iter().map(Vec::as_slice).collect();
            let Deadline { value, weights, chosen, losses } =
                deadline(network, &choices, &best.weights, UPLOAD_ACCURACY);
            best.branch = branch(&known, &chosen, &losses).or(best.branch);
            let predicted = value + part.plan_cost();
            let expected = predicted + losses.iter().map(|(loss, _)| loss).sum::<f64>();
            if self.is_hopeless(node, predicted) && best.branch.is_some() {
                if expected < self.bar(self.aim) && !tried.contains(&chosen) {
                    // A decision is at hand, and with it the part may not be hopeless.
                    let balanced = balance(&part, &mut known, &chosen, &weights, self.balance_tolerance(), self.work);
                    self.offer(node.plan, &node.domains, balanced);
                    tried.push(chosen);
                    continue;
                }
                break;
            }
            let least: Vec<Option<usize>> = chosen.iter().copied().map(Some).collect();
            let priced = self.priced(&part, &weights, &hints(&known, &least))?;
            let missing = predicted - priced.bound;
            best.raise(&priced, &weights);
            let news = learn(&mut known, &least, priced);
            let maximal = !news && missing <= 0.1 * self.aim * gap_scale(predicted, part.plan_cost());
            if best.bound >= self.bar(self.aim) || (!maximal && round < MOST_ROUNDS) {
                continue;
            }
            if tried.contains(&chosen) || self.ended() {
                break;
            }
            let tolerance = self.balance_tolerance();
            let balanced = balance(&part, &mut known, &chosen, &weights, tolerance, self.work);
            let weights = balanced.weights.clone();
            // What the choices were expected to cost; where they cost more, extrapolation has erred and their samples
            // now know.
            let expected = balanced.objective <= expected + 0.1 * self.aim * gap_scale(expected, part.plan_cost());
            self.offer(node.plan, &node.domains, balanced);
            if best.bound >= self.bar(self.aim) {
                break;
            }
            let priced = self.priced(&part, &weights, &hints(&known, &least))?;
            best.raise(&priced, &weights);
            if !learn(&mut known, &least, priced) && maximal && expected {
                break;
            }
            tried.push(chosen);
        }
        // A gap without a kink: extrapolation has misled. The part is not given up while it holds several choices.
        best.branch = best.branch.or_else(|| Branch::widest(&node.domains));
        best.known = known;
        let whole = node.cuts.is_empty() && node.domains.len() > MOST_CUT_EARLY;
        if whole && best.bound < self.bar(self.gap) && !self.ended() {
            self.by_deadline(node, &mut best);
        }
        Some(best)
    }
}

/// Per cluster the known choice that costs least at its weight.
fn least(known: &[Vec<Known>], weights: &[f64]) -> Vec<Option<usize>> {
    let each = known.iter().zip(weights);
    each.map(|(known, &weight)| {
        let value = |&at: &usize| known[at].at(weight).0;
        (0..known.len()).min_by(|a, b| value(a).total_cmp(&value(b)))
    })
    .collect()
}

/// Per cluster the known choice that costs least at its weight.
pub(crate) fn cheapest(known: &[Vec<Known>], weights: &[f64]) -> Vec<Vec<Known>> {
    let each = known.iter().zip(least(known, weights));
    each.map(|(known, at)| at.map(|at| known[at].clone()).into_iter().collect()).collect()
}

/// The chosen ones of the known choices.
fn hints<'a>(known: &'a [Vec<Known>], chosen: &[Option<usize>]) -> Vec<Option<&'a Known>> {
    known.iter().zip(chosen).map(|(known, at)| at.map(|at| &known[at])).collect()
}

/// Adds what has been found to what is known, `hints` being the known choices that were hinted at; true if a choice is
/// new.
fn learn(known: &mut [Vec<Known>], hints: &[Option<usize>], priced: PricedChoices) -> bool {
    let mut news = false;
    for ((known, hint), best) in known.iter_mut().zip(hints).zip(priced.best) {
        if let (Some(sample), Some(known)) = (best.hint, hint.and_then(|hint| known.get_mut(hint))) {
            known.learn(sample);
        }
        match known.iter_mut().find(|known| known.choice == best.found.choice) {
            Some(known) => known.learn(best.sample),
            None => {
                known.push(Known::new(best.found.choice, best.sample));
                news = true;
            }
        }
    }
    news
}

/// Where to branch: the cluster whose choice at the deadline loses most against the dual, and of its devices the one
/// whose blocks differ most between the choices on both sides of the kink.
fn branch(known: &[Vec<Known>], chosen: &[usize], losses: &[(f64, usize)]) -> Option<Branch> {
    let differing = (0..known.len()).filter(|&n| chosen[n] != losses[n].1);
    let cluster = differing.max_by(|&i, &j| losses[i].0.total_cmp(&losses[j].0).then(j.cmp(&i)))?;
    Branch::between(cluster, &known[cluster][chosen[cluster]].choice, &known[cluster][losses[cluster].1].choice)
}

impl Explored {
    fn raise(&mut self, priced: &PricedChoices, weights: &[f64]) {
        for ((lines, best), &weight) in self.lines.iter_mut().zip(&priced.best).zip(weights) {
            lines.push(Line { weight, value: best.bound });
        }
        if priced.bound > self.bound {
            self.bound = priced.bound;
            self.weights.copy_from_slice(weights);
        }
    }
}

impl Branch {
    /// Tells two choices of a cluster apart, at the device whose blocks differ most.
    pub fn between(cluster: usize, a: &Segments, b: &Segments) -> Option<Self> {
        let devices = a.active.iter().chain(&b.active);
        let device = *devices.max_by_key(|&&k| (a.blocks_on(k).abs_diff(b.blocks_on(k)), std::cmp::Reverse(k)))?;
        let (x, y) = (a.blocks_on(device), b.blocks_on(device));
        Some(Self { cluster, device, most: x.min(y) + x.abs_diff(y).checked_sub(1)? / 2 })
    }

    /// Halves the numbers of blocks of the device that has most of them to choose from; `None` where nothing is left to
    /// choose.
    fn widest(domains: &[Arc<Domain>]) -> Option<Self> {
        Self::of_widest(domains.iter().enumerate().map(|(cluster, domain)| (cluster, &**domain)))
    }

    /// The same within one cluster.
    pub fn widest_of(cluster: usize, domain: &Domain) -> Option<Self> {
        Self::of_widest(std::iter::once((cluster, domain)))
    }

    fn of_widest<'a>(domains: impl Iterator<Item = (usize, &'a Domain)>) -> Option<Self> {
        let ranges = domains.flat_map(|(cluster, domain)| {
            let ranges = domain.low.iter().zip(&domain.high).enumerate();
            ranges.map(move |(k, (&low, &high))| (high.saturating_sub(low), low, cluster, DeviceId(k)))
        });
        let (width, low, cluster, device) = ranges.max_by_key(|&(width, _, cluster, device)| {
            (width, std::cmp::Reverse(cluster), std::cmp::Reverse(device))
        })?;
        (width > 0).then(|| Self { cluster, device, most: low + (width - 1) / 2 })
    }
}
