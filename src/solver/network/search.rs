//! Branch and bound over plans and the clusters' segments.
//!
//! For fixed devices and sizes the network problem is convex and its dual meets it ([`balance`](crate::solver::network::balance)); the
//! choice of devices and sizes opens a gap, which is closed by branching on the number of blocks of one device of one
//! cluster.

use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::problem::{Decision, ShadowPrices, SlotProblem};
use crate::solver::cluster::active::Workspace;
use crate::solver::cluster::assemble::cluster_decision;
use crate::solver::cluster::{Domain, PlannedCluster, Segments};
use crate::solver::network::balance::{Balanced, balance};
use crate::solver::network::envelope::{Deadline, Known, deadline};
use crate::solver::network::explore::{UPLOAD_ACCURACY, cheapest};
use crate::solver::network::memory::{Best, Cut, FEW_USED, Memory};
use crate::solver::network::{Network, Part};
use crate::solver::solution::gap_scale;
use crate::solver::{COARSE_GAP, Proposal, Settings};

/// A part of the search space that has not been closed yet.
#[derive(Clone)]
pub(crate) struct Node {
    /// No decision in this part costs less.
    pub bound: f64,
    pub plan: usize,
    pub domains: Vec<Arc<Domain>>,
    /// Whether it was there from the beginning, and has not been explored.
    pub first: bool,
    pub cuts: Vec<Cut>,
    /// V_n from which the dual starts.
    pub weights: Vec<f64>,
    /// Per cluster choices that are known in this part; may be empty.
    pub known: Vec<Vec<Known>>,
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

/// A decision with what it was found in.
struct Incumbent {
    plan: usize,
    balanced: Balanced,
    domains: Vec<Arc<Domain>>,
}

/// What is remembered of the last slot, evaluated in this one.
struct Recalled {
    plan: usize,
    /// Per cluster; may be empty.
    known: Vec<Vec<Known>>,
    weights: Vec<f64>,
}

/// Most clusters in the branch and bound, a node of N clusters counting N, where the work has no limit of its own.
const MOST_BRANCHED: u64 = 4000;
/// Most clusters in nodes that are within the gap already, where only decisions that cost nearly the same are left.
const MOST_FINE: u64 = 64;

pub(crate) struct NetworkSearch<'a> {
    pub network: &'a Network<'a>,
    domains: Vec<Arc<Domain>>,
    /// Relative gap that was asked for, and that the search aims at; relative tolerance of one cluster's search.
    pub gap: f64,
    pub aim: f64,
    pub tolerance: f64,
    incumbent: Option<Incumbent>,
    /// Operations of the whole search, where the settings have no limit.
    most_work: u64,
    pub work: &'a mut Workspace,
}

/// Operations of a network's search per cluster and one more, and of one cluster's search over active sets, which the
/// clusters share, where the settings have no limit.
const MOST_WORK: u64 = 2_000_000_000;
const MOST_SEARCH_WORK: u64 = 2 * MOST_WORK;
const LEAST_SEARCH_WORK: u64 = 100_000_000;

/// Minimizes a problem of several clusters over their domains.
pub(crate) fn solve(
    problem: &SlotProblem,
    domains: Vec<Domain>,
    settings: &Settings,
    memory: &mut Memory,
    work: &mut Workspace,
) -> Option<Proposal> {
    let network = Network::new(problem);
    let gap = settings.gap;
    // Decisions that cost the same to within a hundredth of the gap are told apart, as with one cluster.
    let aim = if gap <= COARSE_GAP { (0.02 * gap).max(1e-9).min(gap) } else { gap };
    let tolerance = if gap <= COARSE_GAP { 0.05 * aim } else { 0.01 * gap }.max(1e-11);
    let domains: Vec<Arc<Domain>> = domains.into_iter().map(Arc::new).collect();
    let clusters = domains.len() as u64;
    let limits = work.limits;
    work.limits.work = limits.work.min((MOST_SEARCH_WORK / clusters).max(LEAST_SEARCH_WORK));
    let most_work = MOST_WORK.saturating_mul(clusters + 1);
    let mut search =
        NetworkSearch { network: &network, domains, gap, aim, tolerance, incumbent: None, most_work, work: &mut *work };
    let (bound, parts) = search.run(memory);
    let proposal = search.settle(bound, parts, memory);
    work.limits = limits;
    proposal
}

impl NetworkSearch<'_> {
    /// Equal weights.
    fn equal(&self) -> Vec<f64> {
        vec![self.network.price() / self.domains.len() as f64; self.domains.len()]
    }

    fn part<'b>(&'b self, plan: usize, domains: &'b [Arc<Domain>]) -> Part<'b> {
        Part { network: self.network, plan: &self.network.problem.plans[plan], domains }
    }

    /// Best first over plans and domains; returns the proved lower bound, and the parts with what was known of them.
    fn run(&mut self, memory: &Memory) -> (f64, Vec<Node>) {
        let mut heap = self.begin(memory);
        // Parts that have been given up as not worth more work.
        let mut closed: Vec<Node> = Vec::new();
        let (mut branched, mut fine) = (0u64, 0u64);
        let most_branched = if self.work.buffers.meter.is_unlimited() { MOST_BRANCHED } else { u64::MAX };
        let mut pruned = f64::INFINITY;
        while let Some(mut node) = heap.pop() {
            self.work.buffers.meter.show_bound(pruned.min(node.bound));
            if node.bound >= self.bar(self.aim) {
                heap.push(node);
                break;
            }
            if self.incumbent.is_some() && self.ended() {
                heap.push(node);
                break;
            }
            // Whole plans are always explored: without their dual there is hardly a bound.
            if !node.first {
                let (spent, most) = match node.bound >= self.bar(self.gap) {
                    true => (&mut fine, MOST_FINE),
                    false => (&mut branched, most_branched),
                };
                if *spent + node.domains.len() as u64 > most {
                    if node.bound < self.bar(self.gap) {
                        self.work.buffers.meter.cut();
                    }
                    pruned = pruned.min(node.bound);
                    closed.push(node);
                    continue;
                }
                *spent += node.domains.len() as u64;
            }
            let Some(result) = self.explore(&node) else { continue };
            node.bound = result.bound.max(node.bound);
            node.weights = result.weights;
            match result.branch {
                Some(branch) if node.bound < self.bar(self.aim) && !self.ended() => {
                    for more in [false, true] {
                        let cut = Cut { cluster: branch.cluster, device: branch.device, most: branch.most, more };
                        let Some(domain) = cut.apply(&node.domains[branch.cluster]) else { continue };
                        let mut child = Node { first: false, known: result.known.clone(), ..node.clone() };
                        child.known[branch.cluster].retain(|known| fits(&domain, &known.choice));
                        child.domains[branch.cluster] = Arc::new(domain);
                        child.cuts.push(cut);
                        heap.push(child);
                    }
                }
                _ => {
                    pruned = pruned.min(node.bound);
                    node.known = result.known;
                    closed.push(node);
                }
            }
        }
        let pruned = heap.iter().fold(pruned, |least, node| least.min(node.bound));
        closed.extend(heap);
        (pruned, closed)
    }

    /// A decision by rule, or the remembered one, and the parts to begin with.
    fn begin(&mut self, memory: &Memory) -> BinaryHeap<Node> {
        let (network, weights, domains) = (self.network, self.equal(), self.domains.clone());
        let plans = network.problem.plans.len();
        let uploads = network.uploads_bound(&weights);
        // No plan costs less than that, without a search.
        let floors = (0..plans).map(|plan| {
            let part = self.part(plan, &domains);
            let clusters: f64 = weights.iter().enumerate().map(|(n, &weight)| part.floor(n, weight)).sum();
            clusters + uploads + part.plan_cost()
        });
        let mut bounds: Vec<f64> = floors.collect();
        let least = |bounds: &[f64]| (0..plans).min_by(|&a, &b| bounds[a].total_cmp(&bounds[b])).unwrap_or(0);
        self.work.buffers.meter.show_bound(bounds[least(&bounds)]);
        let mut recalled = self.recall(memory);
        if self.incumbent.is_none() {
            self.rule(least(&bounds));
        }
        for (plan, bound) in bounds.iter_mut().enumerate() {
            // What is remembered is worth more.
            if recalled.is_some() || self.ended() {
                break;
            }
            let part = Part { network, plan: &network.problem.plans[plan], domains: &domains };
            let estimates = part.each(self.work, |n, work| part.estimate(n, weights[n], work));
            *bound = bound.max(estimates.iter().sum::<f64>() + uploads + part.plan_cost());
        }
        let weights = recalled.as_ref().map_or(weights, |recalled| recalled.weights.clone());
        let mut heap = BinaryHeap::new();
        for (plan, bound) in bounds.into_iter().enumerate() {
            let known = match &mut recalled {
                Some(Recalled { plan: best, known, .. }) if *best == plan => std::mem::take(known),
                Some(_) => self.recalled(plan, &memory.pools[plan], FEW_USED, &weights),
                None => vec![Vec::new(); domains.len()],
            };
            let (domains, weights) = (domains.clone(), weights.clone());
            heap.push(Node { bound, plan, domains, first: true, cuts: Vec::new(), weights, known });
        }
        heap
    }

    /// Any choices, at equal weights: a decision before any search.
    fn rule(&mut self, plan: usize) {
        let (network, weights, domains) = (self.network, self.equal(), self.domains.clone());
        let part = Part { network, plan: &network.problem.plans[plan], domains: &domains };
        let found = part.each(self.work, |n, work| part.rule(n, weights[n], work));
        let Some(found) = found.into_iter().collect::<Option<Vec<_>>>() else { return };
        let mut known =
            found.into_iter().map(|(found, sample)| vec![Known::new(found.choice, sample)]).collect::<Vec<_>>();
        let balanced = balance(&part, &mut known, &vec![0; domains.len()], &weights, 1e-3, self.work);
        self.offer(plan, &domains, balanced);
    }

    /// The best decision that the remembered choices of the last slot's plan make, and what is known of these choices;
    /// `None` where they make none.
    fn recall(&mut self, memory: &Memory) -> Option<Recalled> {
        let best = memory.best.as_ref()?;
        let (network, domains) = (self.network, self.domains.clone());
        let (plan, pools) = (network.problem.plans.get(best.plan)?, memory.pools.get(best.plan)?);
        if pools.len() != domains.len() || best.shares.len() != domains.len() {
            return None;
        }
        let part = Part { network, plan, domains: &domains };
        let weights: Vec<f64> = best.shares.iter().map(|share| share * network.price()).collect();
        let mut known = self.recalled(best.plan, pools, usize::MAX, &weights);
        if known.iter().any(Vec::is_empty) {
            // Devices have come or gone: no decision, but some choices all the same.
            let some = known.iter().any(|known| !known.is_empty());
            return some.then_some(Recalled { plan: best.plan, known, weights });
        }
        let choices: Vec<&[Known]> = known.iter().map(Vec::as_slice).collect();
        let Deadline { weights, chosen, .. } = deadline(network, &choices, &weights, UPLOAD_ACCURACY);
        let balanced = balance(&part, &mut known, &chosen, &weights, self.balance_tolerance(), self.work);
        let weights = balanced.weights.clone();
        self.offer(best.plan, &domains, balanced);
        Some(Recalled { plan: best.plan, known, weights })
    }

    /// Remembered choices of a plan, evaluated anew.
    fn recalled(&mut self, plan: usize, pools: &[Vec<Known>], most: usize, weights: &[f64]) -> Vec<Vec<Known>> {
        let (network, domains) = (self.network, self.domains.clone());
        let part = Part { network, plan: &network.problem.plans[plan], domains: &domains };
        part.each(self.work, |n, work| {
            let held = pools[n].iter().filter(|known| part.holds(n, &known.choice));
            held.take(most)
                .map(|known| {
                    let start = known.nearest(weights[n]).map(|sample| sample.start(weights[n]));
                    let (found, sample) = part.fixed(n, &known.choice, weights[n], start.as_ref(), work);
                    Known::new(found.choice, sample)
                })
                .collect()
        })
    }

    /// Whether the search has to end, for whatever reason.
    pub(super) fn ended(&mut self) -> bool {
        let meter = &mut self.work.buffers.meter;
        if meter.is_unlimited() && meter.spent() >= self.most_work {
            meter.cut();
            return true;
        }
        meter.ended()
    }

    /// Bounds at or above this are good enough for a gap.
    pub(super) fn bar(&self, gap: f64) -> f64 {
        self.incumbent.as_ref().map_or(f64::INFINITY, |best| {
            let objective = best.balanced.objective;
            objective - 0.5 * gap * gap_scale(objective, self.network.plan_cost(best.plan))
        })
    }

    /// Relative gap to which fixed choices are balanced.
    pub(super) fn balance_tolerance(&self) -> f64 {
        (0.01 * self.aim).clamp(1e-12, 1e-6)
    }

    /// What the best decision costs.
    pub(super) fn objective(&self) -> Option<f64> {
        self.incumbent.as_ref().map(|best| best.balanced.objective)
    }

    /// Keeps a decision that is better than the best.
    pub(super) fn offer(&mut self, plan: usize, domains: &[Arc<Domain>], balanced: Balanced) {
        let best = self.incumbent.as_ref().map_or(f64::INFINITY, |best| best.balanced.objective);
        if balanced.objective < best {
            self.work.buffers.meter.show_best(balanced.objective);
            self.incumbent = Some(Incumbent { plan, balanced, domains: domains.to_vec() });
        }
    }

    /// The incumbent as a decision, remembered for the next slot. Where the search has come to its end the choices are
    /// balanced once more, from equal weights: the answer does not depend on the way to it.
    fn settle(mut self, mut lower_bound: f64, mut parts: Vec<Node>, memory: &mut Memory) -> Option<Proposal> {
        let ended = self.ended();
        let found = self.incumbent.as_ref()?;
        let (network, plan, domains) = (self.network, found.plan, self.domains.clone());
        if self.gap <= COARSE_GAP && lower_bound >= self.bar(self.aim) && !ended {
            let (before, weights) = (found.balanced.objective, self.equal());
            let scale = gap_scale(before, network.plan_cost(plan));
            let part = Part { network, plan: network.problem.plans.get(plan)?, domains: &domains };
            let balanced = &found.balanced;
            let choices: Vec<Segments> = part.each(self.work, |n, work| {
                let even =
                    |planned: &PlannedCluster, _: &Domain| work.evened(planned, balanced.found[n].clone()).choice;
                part.with_cluster(n, balanced.weights[n], even)
            });
            let mut known = part.each(self.work, |n, work| {
                let (found, sample) = part.fixed(n, &choices[n], weights[n], None, work);
                vec![Known::new(found.choice, sample)]
            });
            let tolerance = self.balance_tolerance();
            let balanced = balance(&part, &mut known, &vec![0; domains.len()], &weights, tolerance, self.work);
            if balanced.objective <= before + 0.05 * self.aim * scale {
                lower_bound = lower_bound.min(balanced.objective - 0.55 * self.aim * scale);
                self.incumbent = Some(Incumbent { plan, balanced, domains });
            }
        }
        let best = self.incumbent.as_ref()?;
        let shares = best.balanced.weights.iter().map(|weight| weight / network.price()).collect();
        memory.fit(network.problem.plans.len(), self.domains.len());
        memory.best = Some(Best { plan: best.plan, shares });
        // The parts of the least bounds come first in the end.
        parts.sort_by(|a, b| b.bound.total_cmp(&a.bound));
        parts.iter().for_each(|part| memory.keep(part.plan, cheapest(&part.known, &part.weights)));
        self.propose(lower_bound)
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
                ..ShadowPrices::default()
            },
        })
    }
}

/// Whether a known choice is one of a smaller domain's.
pub(crate) fn fits(domain: &Domain, choice: &Segments) -> bool {
    let each = domain.low.iter().zip(&domain.high).enumerate();
    let mut sizes = vec![0; domain.low.len()];
    choice.each().for_each(|(k, size)| sizes[k.0] = size);
    each.zip(sizes).all(|((_, (&low, &high)), size)| (low..=high).contains(&size))
}
