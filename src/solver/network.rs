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
use super::segments::Threshold;
use super::upload::Upload;
use super::{Proposal, Settings, search_tolerance};
use crate::problem::{Decision, Plan, ShadowPrices, SlotProblem};

/// The network problem with what never changes.
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

    /// Runs `f` on cluster `n` under a plan at a latency price.
    pub fn with_cluster<T>(
        &self,
        n: usize,
        plan: &Plan,
        price: f64,
        domain: &Domain,
        f: impl FnOnce(&PlannedCluster) -> T,
    ) -> T {
        let priced = PricedCluster::new(self.problem, &self.problem.clusters[n], price);
        f(&PlannedCluster::new(&priced, plan, domain))
    }
}

/// A part of the search space: a plan and a domain per cluster.
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

struct Search<'a> {
    network: Network<'a>,
    tolerance: f64,
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
    let mut search = Search { network, tolerance: search_tolerance(settings), incumbent: None, work };
    let lower_bound = search.run(domains.into_iter().map(Rc::new).collect(), settings);
    search.propose(lower_bound)
}

impl Search<'_> {
    /// Best first over plans and domains; returns the proved lower bound.
    fn run(&mut self, domains: Vec<Rc<Domain>>, settings: &Settings) -> f64 {
        let clusters = domains.len();
        let weights = vec![self.network.price() / clusters as f64; clusters];
        let mut heap = BinaryHeap::new();
        for plan in 0..self.network.problem.plans.len() {
            if let Some(priced) = self.priced(plan, &domains, &weights, None) {
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

    /// D at given weights, each cluster minimized over its domain; `hints` are choices known to be feasible.
    fn priced(
        &mut self,
        plan: usize,
        domains: &[Rc<Domain>],
        weights: &[f64],
        hints: Option<&Balanced>,
    ) -> Option<Priced> {
        let problem = self.network.problem;
        let chosen = problem.plans.get(plan)?;
        let mut found = Vec::with_capacity(domains.len());
        for (n, domain) in domains.iter().enumerate() {
            let (tolerance, work) = (self.tolerance, &mut *self.work);
            let best = self.network.with_cluster(n, chosen, weights[n], domain, |cluster| {
                let hint = hints.map(|h| &h.found[n]);
                let threshold = hint.map_or(Threshold::none(tolerance), |h| Threshold { cutoff: h.value, tolerance });
                work.best(cluster, domain, threshold).or_else(|| hint.cloned())
            })?;
            found.push(best);
        }
        let band_price = match hints {
            Some(balanced) => balanced.band_price,
            None => upload_price(&self.network, weights, None),
        };
        let uploads: f64 = (self.network.uploads.iter().zip(weights))
            .map(|(upload, &weight)| {
                let sent = upload.send(weight, band_price);
                sent.cost + band_price * sent.band
            })
            .sum();
        let clusters: f64 = found.iter().map(|f| f.value * (1.0 - self.tolerance)).sum();
        let bound = clusters + uploads - band_price * self.network.band() + chosen.penalty;
        Some(Priced { bound, found })
    }

    /// Raises the dual of a node and looks for decisions on the way; `None` where a cluster has no feasible choice.
    fn explore(&mut self, node: &Node) -> Option<Explored> {
        let weights = match &self.incumbent {
            // The dual of a root starts from the best known weights instead of equal ones.
            Some(best) if node.weights.windows(2).all(|w| w[0] == w[1]) => best.balanced.weights.clone(),
            _ => node.weights.clone(),
        };
        let mut priced = self.priced(node.plan, &node.domains, &weights, None)?;
        let mut best = Explored { bound: priced.bound, weights, branch: None };
        let mut seen: Vec<Vec<Choice>> = Vec::new();
        loop {
            if best.bound >= self.bar(2.0 * self.tolerance) {
                return Some(best);
            }
            let choices: Vec<Choice> = priced.found.iter().map(|f| f.choice.clone()).collect();
            if seen.contains(&choices) || seen.len() >= 12 {
                return Some(best);
            }
            let plan = &self.network.problem.plans[node.plan];
            let balanced = balance(&self.network, plan, &choices, &best.weights, &node.domains, self.work);
            seen.push(choices);
            priced = self.priced(node.plan, &node.domains, &balanced.weights, Some(&balanced))?;
            if priced.bound > best.bound || best.branch.is_none() {
                best.bound = best.bound.max(priced.bound);
                best.weights.clone_from(&balanced.weights);
                best.branch = branch(&balanced, &priced);
            }
            if self.incumbent.as_ref().is_none_or(|incumbent| balanced.objective < incumbent.objective) {
                let domains = node.domains.clone();
                self.incumbent = Some(Incumbent { objective: balanced.objective, plan: node.plan, balanced, domains });
            }
        }
    }

    /// The incumbent as a decision.
    fn propose(self, lower_bound: f64) -> Option<Proposal> {
        let Incumbent { plan, balanced, domains, .. } = self.incumbent?;
        let chosen = self.network.problem.plans.get(plan)?;
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
            clusters.push(
                self.network.with_cluster(n, chosen, weight, &domains[n], |cluster| {
                    cluster_decision(cluster, found, link, work)
                }),
            );
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

/// The cluster whose choice in the balanced decision loses most against the best choice at the same weights, and the
/// device whose blocks differ most between the two.
fn branch(balanced: &Balanced, priced: &Priced) -> Option<Branch> {
    let pairs = balanced.found.iter().zip(&priced.found).enumerate();
    let (cluster, (a, b)) = pairs
        .filter(|(_, (a, b))| a.choice != b.choice)
        .max_by(|(_, (a, b)), (_, (c, d))| (a.value - b.value).total_cmp(&(c.value - d.value)))?;
    let blocks = |choice: &Choice, device: usize| {
        choice.active.binary_search(&device).ok().and_then(|at| choice.sizes.get(at)).copied().unwrap_or(0)
    };
    let devices = a.choice.active.iter().chain(&b.choice.active);
    let device =
        *devices.max_by_key(|&&k| (blocks(&a.choice, k).abs_diff(blocks(&b.choice, k)), std::cmp::Reverse(k)))?;
    let (x, y) = (blocks(&a.choice, device), blocks(&b.choice, device));
    Some(Branch { cluster, device, most: x.min(y) + (x.abs_diff(y) - 1) / 2 })
}

impl Branch {
    fn split(&self, domain: &Domain) -> [Domain; 2] {
        let (mut few, mut many) = (domain.clone(), domain.clone());
        few.high[self.device] = self.most;
        many.low[self.device] = self.most + 1;
        [few, many]
    }
}
