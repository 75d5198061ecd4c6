//! Branch and bound over plans and the clusters' segments.
//!
//! For fixed devices and sizes the network problem is convex and its dual meets it ([`balance`](crate::solver::network::balance)); the
//! choice of devices and sizes opens a gap, which is closed by branching on the number of blocks of one device of one
//! cluster.

use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::ground::route::DeviceId;
use crate::problem::{Decision, ShadowPrices, SlotProblem};
use crate::solver::cluster::Domain;
use crate::solver::cluster::active::Workspace;
use crate::solver::cluster::assemble::cluster_decision;
use crate::solver::cluster::rule::floor;
use crate::solver::network::balance::{Balanced, balance};
use crate::solver::network::envelope::{Deadline, Known, deadline};
use crate::solver::network::{BestChoice, Network, Part};
use crate::solver::solution::gap_scale;
use crate::solver::{Proposal, Settings, search_tolerance};

/// A part of the search space that has not been closed yet.
#[derive(Clone)]
struct Node {
    /// No decision in this part costs less.
    bound: f64,
    plan: usize,
    domains: Vec<Arc<Domain>>,
    /// V_n from which the dual starts; none for a whole plan.
    weights: Option<Vec<f64>>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    /// The heap's top is the node with the least bound.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.bound.total_cmp(&self.bound).then(other.plan.cmp(&self.plan))
    }
}

/// A feasible decision in the terms of the dual.
struct Incumbent {
    plan: usize,
    balanced: Balanced,
    domains: Vec<Arc<Domain>>,
}

/// Where to branch: blocks of a device of a cluster, at most `most` or more.
struct Branch {
    cluster: usize,
    device: DeviceId,
    most: u32,
}

/// What is known of a node after its dual has been raised.
struct Explored {
    bound: f64,
    weights: Vec<f64>,
    branch: Option<Branch>,
}

/// The best choices of all clusters at given weights.
struct PricedChoices {
    bound: f64,
    best: Vec<BestChoice>,
}

/// Relative accuracy of the upload band's price at weights that are going to be priced anew.
const UPLOAD_ACCURACY: f64 = 1e-6;
/// Rounds of balancing and pricing in one node.
const MOST_ROUNDS: usize = 12;
/// Most clusters in the branch and bound, a node of N clusters counting N, where the work has no limit of its own.
const MOST_BRANCHED: u64 = 4000;

struct NetworkSearch<'a> {
    network: &'a Network<'a>,
    /// Relative tolerance of one cluster's search, and relative gap at which the whole search ends.
    tolerance: f64,
    gap: f64,
    incumbent: Option<Incumbent>,
    work: &'a mut Workspace,
}

/// Minimizes a problem of several clusters over their domains.
pub(crate) fn solve(
    problem: &SlotProblem,
    domains: Vec<Domain>,
    settings: &Settings,
    work: &mut Workspace,
) -> Option<Proposal> {
    let network = Network::new(problem);
    let (tolerance, gap) = (search_tolerance(settings), settings.gap);
    let mut search = NetworkSearch { network: &network, tolerance, gap, incumbent: None, work };
    let lower_bound = search.run(domains.into_iter().map(Arc::new).collect(), settings);
    search.propose(lower_bound)
}

impl NetworkSearch<'_> {
    /// BestChoice first over plans and domains; returns the proved lower bound.
    fn run(&mut self, domains: Vec<Arc<Domain>>, settings: &Settings) -> f64 {
        let network = self.network;
        let weights = vec![network.price() / domains.len() as f64; domains.len()];
        let uploads = network.uploads_bound(&weights);
        let mut heap = BinaryHeap::new();
        for (plan, chosen) in network.problem.plans.iter().enumerate() {
            let part = Part { network, plan: chosen, domains: &domains };
            let bounds = part.each(self.work, |n, work| part.estimate(n, weights[n], work));
            let bound = bounds.iter().sum::<f64>() + uploads + chosen.penalty;
            heap.push(Node { bound, plan, domains: domains.clone(), weights: None });
        }
        // Least bound among the parts that have been given up as not worth more work.
        let mut pruned = f64::INFINITY;
        let mut branched = 0;
        let most_branched = if self.work.buffers.meter.is_unlimited() { MOST_BRANCHED } else { u64::MAX };
        while let Some(node) = heap.pop() {
            let bar = self.bar(settings.gap);
            if node.bound >= bar {
                pruned = pruned.min(node.bound);
                break;
            }
            if self.incumbent.is_some() && self.work.buffers.meter.ended() {
                heap.push(node);
                break;
            }
            if node.weights.is_some() {
                // Whole plans are always explored: without their dual there is hardly a bound.
                if branched >= most_branched {
                    self.work.buffers.meter.cut();
                    pruned = pruned.min(node.bound);
                    continue;
                }
                branched += node.domains.len() as u64;
            }
            let Some(result) = self.explore(&node) else { continue };
            let bound = result.bound.max(node.bound);
            match result.branch {
                Some(branch) if bound < self.bar(settings.gap) => {
                    for domain in branch.split(&node.domains[branch.cluster]) {
                        let mut domains = node.domains.clone();
                        domains[branch.cluster] = Arc::new(domain);
                        heap.push(Node { bound, plan: node.plan, domains, weights: Some(result.weights.clone()) });
                    }
                }
                _ => pruned = pruned.min(bound),
            }
        }
        for node in &heap {
            // Whole plans that have not been explored may have no bound but the one that takes no search.
            let bound = if node.bound > f64::NEG_INFINITY { node.bound } else { self.floor(node, &weights) + uploads };
            pruned = pruned.min(bound);
        }
        pruned
    }

    /// What a part costs at given weights at the least, without the uploads and without a search.
    fn floor(&self, node: &Node, weights: &[f64]) -> f64 {
        let plan = &self.network.problem.plans[node.plan];
        let part = Part { network: self.network, plan, domains: &node.domains };
        let clusters = weights.iter().enumerate().map(|(n, &weight)| part.with_cluster(n, weight, floor));
        clusters.sum::<f64>() + plan.penalty
    }

    /// Bounds at or above this are good enough.
    fn bar(&self, gap: f64) -> f64 {
        self.incumbent.as_ref().map_or(f64::INFINITY, |best| {
            let objective = best.balanced.objective;
            objective - 0.5 * gap * gap_scale(objective, self.network.problem.plans[best.plan].penalty)
        })
    }

    /// D at given weights, each cluster minimized over its domain; `None` where a cluster has no feasible choice.
    fn priced(&mut self, part: &Part, weights: &[f64], hints: Option<&[&Known]>) -> Option<PricedChoices> {
        let tolerance = self.tolerance;
        let best = part.each(self.work, |n, work| part.best(n, weights[n], hints.map(|h| h[n]), tolerance, work));
        let best: Vec<BestChoice> = best.into_iter().collect::<Option<_>>()?;
        let clusters: f64 = best.iter().map(|best| best.bound).sum();
        Some(PricedChoices { bound: clusters + part.network.uploads_bound(weights) + part.plan.penalty, best })
    }

    /// Raises the dual of a node and looks for decisions; `None` where a cluster has no feasible choice.
    ///
    /// The known choices are balanced over their common deadline, which maximizes the dual as far as it is known;
    /// pricing all choices at those weights gives a bound, and new choices where a cluster prefers another one. Where
    /// none does, the choices that meet the deadline make a decision.
    fn explore(&mut self, node: &Node) -> Option<Explored> {
        let network = self.network;
        let part = Part { network, plan: &network.problem.plans[node.plan], domains: &node.domains };
        let weights = match (&node.weights, &self.incumbent) {
            (Some(weights), _) => weights.clone(),
            // The dual of a plan starts from the best known weights instead of equal ones.
            (None, Some(best)) => best.balanced.weights.clone(),
            (None, None) => vec![network.price() / node.domains.len() as f64; node.domains.len()],
        };
        let priced = self.priced(&part, &weights, None)?;
        let mut best = Explored { bound: priced.bound, weights, branch: None };
        let mut known: Vec<Vec<Known>> = vec![Vec::new(); node.domains.len()];
        let unhinted = vec![0; known.len()];
        learn(&mut known, &unhinted, priced);
        // Choices with weights that belong together: what there is when the solve has to end.
        let first = (unhinted, best.weights.clone());
        let mut last: Option<(Vec<usize>, Vec<f64>)> = None;
        let mut balanced_before: Vec<Vec<usize>> = Vec::new();
        for round in 1..=MOST_ROUNDS {
            if best.bound >= self.bar(self.gap) {
                break;
            }
            if self.work.buffers.meter.ended() {
                if self.incumbent.is_none() {
                    // Any choices at any weights are a decision.
                    let (chosen, weights) = last.as_ref().unwrap_or(&first);
                    let balanced = balance(&part, &mut known, chosen, weights, 1.0, self.work);
                    self.offer(node, balanced);
                }
                break;
            }
            let choices: Vec<&[Known]> = known.iter().map(Vec::as_slice).collect();
            let Deadline { value, weights, chosen, losses } =
                deadline(network, &choices, &best.weights, UPLOAD_ACCURACY);
            best.branch = branch(&known, &chosen, &losses).or(best.branch);
            last = Some((chosen.clone(), weights.clone()));
            let predicted = value + part.plan.penalty;
            let priced = self.priced(&part, &weights, Some(&hints(&known, &chosen)))?;
            let missing = predicted - priced.bound;
            best.raise(priced.bound, &weights);
            let news = learn(&mut known, &chosen, priced);
            let maximal = !news && missing <= 0.1 * self.gap * gap_scale(predicted, part.plan.penalty);
            if best.bound >= self.bar(self.gap) || (!maximal && round < MOST_ROUNDS) {
                continue;
            }
            if balanced_before.contains(&chosen) {
                break;
            }
            let tolerance = (0.01 * self.gap).clamp(1e-12, 1e-6);
            let balanced = balance(&part, &mut known, &chosen, &weights, tolerance, self.work);
            let weights = balanced.weights.clone();
            // What the choices were expected to cost; where they cost more, extrapolation has erred and their samples
            // now know.
            let expected = predicted + losses.iter().map(|(loss, _)| loss).sum::<f64>();
            let expected = balanced.objective <= expected + 0.1 * self.gap * gap_scale(expected, part.plan.penalty);
            self.offer(node, balanced);
            if best.bound >= self.bar(self.gap) {
                break;
            }
            let priced = self.priced(&part, &weights, Some(&hints(&known, &chosen)))?;
            best.raise(priced.bound, &weights);
            if !learn(&mut known, &chosen, priced) && maximal && expected {
                break;
            }
            balanced_before.push(chosen);
        }
        // A gap without a kink: extrapolation has misled. The part is not given up while it holds several choices.
        best.branch = best.branch.or_else(|| Branch::widest(&node.domains));
        Some(best)
    }

    /// Keeps a decision that is better than the best.
    fn offer(&mut self, node: &Node, balanced: Balanced) {
        if self.incumbent.as_ref().is_none_or(|best| balanced.objective < best.balanced.objective) {
            self.incumbent = Some(Incumbent { plan: node.plan, balanced, domains: node.domains.clone() });
        }
    }

    /// The incumbent as a decision.
    fn propose(self, lower_bound: f64) -> Option<Proposal> {
        let Incumbent { plan, balanced, domains } = self.incumbent?;
        let network = self.network;
        let part = Part { network, plan: network.problem.plans.get(plan)?, domains: &domains };
        let sent: Vec<_> = (network.uploads.iter().zip(&balanced.weights))
            .map(|(upload, &weight)| upload.send(weight, balanced.band_price))
            .collect();
        let scale = network.band() / sent.iter().map(|s| s.band).sum::<f64>();
        let spare = network.band() / sent.len() as f64;
        let clusters = part.each(self.work, |n, work| {
            let (upload, weight) = (&network.uploads[n], balanced.weights[n]);
            // Where no cluster uploads anything the band is shared out equally.
            let band = if scale.is_finite() { sent[n].band * scale } else { spare };
            let link = upload.link(weight, &sent[n], band);
            part.with_cluster(n, weight, |cluster, _| cluster_decision(cluster, &balanced.found[n], link, work))
        });
        let price = network.price();
        Some(Proposal {
            decision: Decision { plan, clusters },
            lower_bound,
            shadow_prices: ShadowPrices {
                forward_band_per_hz: balanced.found.iter().map(|f| f.phases.forward.prices.band).collect(),
                backward_band_per_hz: balanced.found.iter().map(|f| f.phases.backward.prices.band).collect(),
                uplink_per_hz: if scale.is_finite() { balanced.band_price } else { 0.0 },
                latency_share: balanced.weights.iter().map(|w| w / price).collect(),
            },
        })
    }
}

/// The chosen ones of the known choices.
fn hints<'a>(known: &'a [Vec<Known>], chosen: &[usize]) -> Vec<&'a Known> {
    known.iter().zip(chosen).map(|(known, &at)| &known[at]).collect()
}

/// Adds what has been found to what is known, `hints` being the known choices that were hinted at; true if a choice is
/// new.
fn learn(known: &mut [Vec<Known>], hints: &[usize], priced: PricedChoices) -> bool {
    let mut news = false;
    for ((known, &hint), best) in known.iter_mut().zip(hints).zip(priced.best) {
        if let (Some(sample), Some(known)) = (best.hint, known.get_mut(hint)) {
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
    let (a, b) = (&known[cluster][chosen[cluster]].choice, &known[cluster][losses[cluster].1].choice);
    let devices = a.active.iter().chain(&b.active);
    let device = *devices.max_by_key(|&&k| (a.blocks_on(k).abs_diff(b.blocks_on(k)), std::cmp::Reverse(k)))?;
    let (x, y) = (a.blocks_on(device), b.blocks_on(device));
    Some(Branch { cluster, device, most: x.min(y) + x.abs_diff(y).checked_sub(1)? / 2 })
}

impl Explored {
    fn raise(&mut self, bound: f64, weights: &[f64]) {
        if bound > self.bound {
            self.bound = bound;
            self.weights.copy_from_slice(weights);
        }
    }
}

impl Branch {
    /// Halves the numbers of blocks of the device that has most of them to choose from; `None` where nothing is left to
    /// choose.
    fn widest(domains: &[Arc<Domain>]) -> Option<Self> {
        let ranges = domains.iter().enumerate().flat_map(|(cluster, domain)| {
            let ranges = domain.low.iter().zip(&domain.high).enumerate();
            ranges.map(move |(k, (&low, &high))| (high.saturating_sub(low), low, cluster, DeviceId(k)))
        });
        let (width, low, cluster, device) = ranges.max_by_key(|&(width, _, cluster, device)| {
            (width, std::cmp::Reverse(cluster), std::cmp::Reverse(device))
        })?;
        (width > 0).then(|| Self { cluster, device, most: low + (width - 1) / 2 })
    }

    fn split(&self, domain: &Domain) -> [Domain; 2] {
        let (mut few, mut many) = (domain.clone(), domain.clone());
        few.high[self.device.0] = self.most;
        many.low[self.device.0] = self.most + 1;
        [few, many]
    }
}
