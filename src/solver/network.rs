//! Several clusters: a dual over their shares in the round latency and the price of the upload band, closed by branch
//! and bound over their segments.
//!
//! With weights V_n ≥ 0, Σ V_n = V, and a price λ of the upload band,
//!
//! ```text
//! D(V_1..V_N, λ) = Σ_n [ R_n(V_n) + U_n(V_n, λ) ] − λ W_up + penalty
//! ```
//!
//! bounds the problem from below: R_n is what cluster n costs at latency price V_n without its upload, U_n its upload.
//! For fixed devices and sizes the problem is convex and D meets it ([`balance`](super::balance)); the choice of devices
//! and sizes opens a gap, which is closed by branching on the number of blocks of one device of one cluster.

use std::collections::BinaryHeap;
use std::rc::Rc;

use super::active::{Found, Workspace};
use super::assemble::cluster_decision;
use super::balance::{Balanced, balance, upload_price};
use super::cluster::{Choice, Domain, PlannedCluster, PricedCluster};
use super::envelope::{Deadline, deadline};
use super::segments::Threshold;
use super::upload::Upload;
use super::{Proposal, Settings, search_tolerance};
use crate::problem::{Decision, Plan, ShadowPrices, SlotProblem};

/// The network problem with what never changes.
#[derive(Clone)]
pub(crate) struct Network<'a> {
    pub problem: &'a SlotProblem,
    pub uploads: Vec<Upload>,
}

impl Network<'_> {
    /// V.
    pub fn price(&self) -> f64 {
        self.problem.latency_weight
    }

    /// W_up [Hz].
    pub fn band(&self) -> f64 {
        self.problem.uplink.bandwidth_hz.0
    }
}

/// A plan and a domain per cluster: a part of the search space.
pub(crate) struct Part<'a> {
    pub network: &'a Network<'a>,
    pub plan: &'a Plan,
    domains: &'a [Rc<Domain>],
}

impl Part<'_> {
    /// Runs `f` on a cluster at a latency price.
    fn with_cluster<T>(&self, cluster: usize, price: f64, f: impl FnOnce(&PlannedCluster, &Domain) -> T) -> T {
        let (problem, domain) = (self.network.problem, &self.domains[cluster]);
        let priced = PricedCluster::new(problem, &problem.clusters[cluster], price);
        f(&PlannedCluster::new(&priced, self.plan, domain), domain)
    }

    /// A cluster's choice at a latency price.
    pub fn fixed(&self, cluster: usize, choice: &Choice, price: f64, work: &mut Workspace) -> Found {
        self.with_cluster(cluster, price, |planned, _| work.fixed(planned, choice, None))
    }

    /// A cluster's best choice at a latency price, and a bound of all its choices; `hint` is one known to be feasible.
    fn best(
        &self,
        cluster: usize,
        price: f64,
        hint: Option<&Choice>,
        tolerance: f64,
        work: &mut Workspace,
    ) -> Option<(Found, f64)> {
        self.with_cluster(cluster, price, |planned, domain| {
            let hint = hint.map(|choice| work.fixed(planned, choice, None));
            let cutoff = hint.as_ref().map_or(f64::INFINITY, |found| found.value);
            let searched = work.best(planned, domain, Threshold { cutoff, tolerance }, None);
            Some((searched.found.or(hint)?, searched.bound))
        })
    }
}

/// A part of the search space that has not been closed yet.
#[derive(Clone)]
struct Node {
    /// No decision in this part costs less.
    bound: f64,
    plan: usize,
    domains: Vec<Rc<Domain>>,
    /// V_n from which the dual starts.
    weights: Vec<f64>,
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
    objective: f64,
    plan: usize,
    balanced: Balanced,
    domains: Vec<Rc<Domain>>,
}

/// Where to branch: blocks of a device of a cluster, at most `most` or more.
struct Branch {
    cluster: usize,
    device: usize,
    most: u32,
}

/// What is known of a node after its dual has been raised.
struct Explored {
    bound: f64,
    weights: Vec<f64>,
    branch: Option<Branch>,
}

/// The best choices of all clusters at given weights.
struct Priced {
    bound: f64,
    found: Vec<Found>,
}

/// Rounds of balancing and pricing in one node.
const MOST_ROUNDS: usize = 12;

struct Search<'a> {
    network: Network<'a>,
    /// Relative tolerance of one cluster's search, and relative gap at which the whole search ends.
    tolerance: f64,
    gap: f64,
    incumbent: Option<Incumbent>,
    work: &'a mut Workspace,
}

pub(super) fn solve(
    problem: &SlotProblem,
    domains: Vec<Domain>,
    settings: &Settings,
    work: &mut Workspace,
) -> Option<Proposal> {
    let network = Network { problem, uploads: problem.clusters.iter().map(Upload::new).collect() };
    let mut search =
        Search { network, tolerance: search_tolerance(settings), gap: settings.gap, incumbent: None, work };
    let lower_bound = search.run(domains.into_iter().map(Rc::new).collect(), settings);
    search.propose(lower_bound)
}

impl Search<'_> {
    /// Best first over plans and domains; returns the proved lower bound.
    fn run(&mut self, domains: Vec<Rc<Domain>>, settings: &Settings) -> f64 {
        let clusters = domains.len();
        let weights = vec![self.network.price() / clusters as f64; clusters];
        let mut heap = BinaryHeap::new();
        let network = self.network.clone();
        for (plan, chosen) in network.problem.plans.iter().enumerate() {
            let part = Part { network: &network, plan: chosen, domains: &domains };
            if let Some(priced) = self.priced(&part, &weights, None) {
                heap.push(Node { bound: priced.bound, plan, domains: domains.clone(), weights: weights.clone() });
            }
        }
        // Least bound among the parts that have been given up as not worth more work.
        let mut pruned = f64::INFINITY;
        let mut explored = 0;
        while let Some(node) = heap.pop() {
            let bar = self.bar(settings.gap);
            if node.bound >= bar || explored >= settings.nodes {
                pruned = pruned.min(node.bound);
                break;
            }
            explored += 1;
            let Some(result) = self.explore(&node) else { continue };
            let bound = result.bound.max(node.bound);
            match result.branch {
                Some(branch) if bound < self.bar(settings.gap) => {
                    for domain in branch.split(&node.domains[branch.cluster]) {
                        let mut domains = node.domains.clone();
                        domains[branch.cluster] = Rc::new(domain);
                        heap.push(Node { bound, plan: node.plan, domains, weights: result.weights.clone() });
                    }
                }
                _ => pruned = pruned.min(bound),
            }
        }
        heap.iter().fold(pruned, |bound, node| bound.min(node.bound))
    }

    /// Bounds at or above this are good enough.
    fn bar(&self, gap: f64) -> f64 {
        self.incumbent.as_ref().map_or(f64::INFINITY, |best| best.objective - 0.5 * gap * best.objective.abs())
    }

    /// D at given weights, each cluster minimized over its domain; `None` where a cluster has no feasible choice.
    fn priced(&mut self, part: &Part, weights: &[f64], hints: Option<&[Choice]>) -> Option<Priced> {
        let mut found = Vec::with_capacity(weights.len());
        let mut clusters = 0.0;
        for (n, &weight) in weights.iter().enumerate() {
            let (best, bound) = part.best(n, weight, hints.map(|h| &h[n]), self.tolerance, self.work)?;
            found.push(best);
            clusters += bound;
        }
        let network = part.network;
        let band_price = upload_price(network, weights, None);
        let uploads = network.uploads.iter().zip(weights).map(|(upload, &weight)| {
            let sent = upload.send(weight, band_price);
            sent.cost + band_price * sent.band
        });
        let bound = clusters + uploads.sum::<f64>() - band_price * network.band() + part.plan.penalty;
        Some(Priced { bound, found })
    }

    /// Raises the dual of a node and looks for decisions on the way; `None` where a cluster has no feasible choice.
    ///
    /// Alternates between balancing one choice per cluster, which gives a decision, and pricing all choices at the
    /// balance's weights, which gives a bound. Where a cluster then prefers another choice, the known choices are balanced
    /// together over their common deadline.
    fn explore(&mut self, node: &Node) -> Option<Explored> {
        let network = self.network.clone();
        let part = Part { network: &network, plan: &network.problem.plans[node.plan], domains: &node.domains };
        let weights = match &self.incumbent {
            // The dual of a root starts from the best known weights instead of equal ones.
            Some(best) if node.weights.windows(2).all(|w| w[0] == w[1]) => best.balanced.weights.clone(),
            _ => node.weights.clone(),
        };
        let priced = self.priced(&part, &weights, None)?;
        let mut best = Explored { bound: priced.bound, weights, branch: None };
        let mut choices: Vec<Choice> = priced.found.into_iter().map(|f| f.choice).collect();
        let mut known: Vec<Vec<Choice>> = choices.iter().map(|choice| vec![choice.clone()]).collect();
        let mut balanced_before: Vec<Vec<Choice>> = Vec::new();
        for _ in 0..MOST_ROUNDS {
            if best.bound >= self.bar(self.gap) {
                break;
            }
            let balanced = balance(&part, &choices, &best.weights, self.work);
            let priced = self.priced(&part, &balanced.weights, Some(&choices))?;
            let settled = priced.found.iter().zip(&choices).all(|(found, choice)| found.choice == *choice);
            let mut news = learn(&mut known, &priced);
            best.raise(priced.bound, &balanced.weights);
            let band_price = balanced.band_price;
            self.offer(node, balanced);
            if settled || best.bound >= self.bar(self.gap) {
                break;
            }
            let Deadline { weights, chosen, losses } = deadline(&part, &known, &best.weights, band_price, self.work);
            let next: Vec<Choice> = known.iter().zip(&chosen).map(|(known, &at)| known[at].clone()).collect();
            best.branch = branch(&known, &chosen, &losses);
            let priced = self.priced(&part, &weights, Some(&next))?;
            news |= learn(&mut known, &priced);
            best.raise(priced.bound, &weights);
            balanced_before.push(std::mem::replace(&mut choices, next));
            if !news && balanced_before.contains(&choices) {
                break;
            }
        }
        Some(best)
    }

    /// Keeps a decision that is better than the best.
    fn offer(&mut self, node: &Node, balanced: Balanced) {
        if self.incumbent.as_ref().is_none_or(|best| balanced.objective < best.objective) {
            let domains = node.domains.clone();
            self.incumbent = Some(Incumbent { objective: balanced.objective, plan: node.plan, balanced, domains });
        }
    }

    /// The incumbent as a decision.
    fn propose(self, lower_bound: f64) -> Option<Proposal> {
        let Incumbent { plan, balanced, domains, .. } = self.incumbent?;
        let part = Part { network: &self.network, plan: self.network.problem.plans.get(plan)?, domains: &domains };
        let sent: Vec<_> = (self.network.uploads.iter().zip(&balanced.weights))
            .map(|(upload, &weight)| upload.send(weight, balanced.band_price))
            .collect();
        let scale = self.network.band() / sent.iter().map(|s| s.band).sum::<f64>();
        let spare = self.network.band() / sent.len() as f64;
        let mut clusters = Vec::with_capacity(sent.len());
        for (n, found) in balanced.found.iter().enumerate() {
            let (upload, weight) = (&self.network.uploads[n], balanced.weights[n]);
            // Where no cluster uploads anything the band is shared out equally.
            let band = if scale.is_finite() { sent[n].band * scale } else { spare };
            let link = upload.link(weight, &sent[n], band);
            let work = &mut *self.work;
            clusters.push(part.with_cluster(n, weight, |cluster, _| cluster_decision(cluster, found, link, work)));
        }
        let price = self.network.price();
        Some(Proposal {
            decision: Decision { plan, clusters },
            lower_bound,
            shadow_prices: ShadowPrices {
                forward_band_per_hz: balanced.found.iter().map(|f| f.forward.prices.band).collect(),
                backward_band_per_hz: balanced.found.iter().map(|f| f.backward.prices.band).collect(),
                uplink_per_hz: if scale.is_finite() { balanced.band_price } else { 0.0 },
                latency_share: balanced.weights.iter().map(|w| w / price).collect(),
            },
        })
    }
}

/// Adds the choices found to the known ones; true if any is new.
fn learn(known: &mut [Vec<Choice>], priced: &Priced) -> bool {
    let mut news = false;
    for (known, found) in known.iter_mut().zip(&priced.found) {
        if !known.contains(&found.choice) {
            known.push(found.choice.clone());
            news = true;
        }
    }
    news
}

/// Where to branch: the cluster whose choice at the deadline loses most against the dual, and of its devices the one whose
/// blocks differ most between the choices on both sides of the kink.
fn branch(known: &[Vec<Choice>], chosen: &[usize], losses: &[(f64, usize)]) -> Option<Branch> {
    let differing = (0..known.len()).filter(|&n| chosen[n] != losses[n].1);
    let cluster = differing.max_by(|&i, &j| losses[i].0.total_cmp(&losses[j].0).then(j.cmp(&i)))?;
    let (a, b) = (&known[cluster][chosen[cluster]], &known[cluster][losses[cluster].1]);
    let blocks = |choice: &Choice, device: usize| {
        choice.active.binary_search(&device).ok().and_then(|at| choice.sizes.get(at)).copied().unwrap_or(0)
    };
    let devices = a.active.iter().chain(&b.active);
    let device = *devices.max_by_key(|&&k| (blocks(a, k).abs_diff(blocks(b, k)), std::cmp::Reverse(k)))?;
    let (x, y) = (blocks(a, device), blocks(b, device));
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
    fn split(&self, domain: &Domain) -> [Domain; 2] {
        let (mut few, mut many) = (domain.clone(), domain.clone());
        few.high[self.device] = self.most;
        many.low[self.device] = self.most + 1;
        [few, many]
    }
}
