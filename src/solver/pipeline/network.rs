//! Several clusters under a common plan: branch and bound on the dual over weights and the price of the uplink.
//!
//! A node is a plan and a region of choices per cluster. At weights π_n and a price λ each cluster is searched by itself,
//! exactly: the sum of what they cost at the least bounds the node. The weights are those that are best for the choices met
//! so far ([`super::joint`]); where no search brings a new one the dual is at its maximum, and what gap is left comes from
//! clusters that share their weight between choices: the region of one of them is cut in two.

use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use super::block::Upload;
use super::choice::Choice;
use super::curve::{Curve, Point};
use super::instance::Instance;
use super::joint::{Joint, Mover, Shared, maximize};
use super::radio::Target;
use super::search::{Asked, Found, Planned, Pools, Root, Search};
use super::split::halve;
use crate::solver::meter::Meter;

/// A cluster under all plans, with what is known of it.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// Penalties are left out: they are the network's.
    pub plans: Vec<Planned>,
    pub pools: Pools,
    /// Per plan the choices met.
    pub known: Vec<Vec<Curve>>,
    pub nodes: u64,
    pub iterations: u64,
    pub meter: Meter,
}

impl Cluster {
    pub fn new(plans: Vec<Planned>) -> Self {
        let known = plans.iter().map(|_| Vec::new()).collect();
        Self { plans, known, ..Self::default() }
    }

    /// The index of a choice among those known.
    pub(super) fn learn(&mut self, plan: usize, choice: &Choice) -> Option<usize> {
        if let Some(at) = self.known[plan].iter().position(|curve| curve.choice == *choice) {
            return Some(at);
        }
        let instance = &self.plans[plan].instance;
        let pool = self.pools.of(instance, choice.devices.len())?;
        self.known[plan].push(Curve::new(instance, &self.pools.pools[pool], choice.clone())?);
        Some(self.known[plan].len() - 1)
    }

    fn go(&mut self, plan: usize, curve: usize, price: f64) -> Point {
        let instance = &self.plans[plan].instance;
        let curve = &mut self.known[plan][curve];
        // A choice is known only with its pool.
        let Some(pool) = self.pools.of(instance, curve.choice.devices.len()) else { return curve.at };
        let steps = curve.go(instance, &mut self.pools.pools[pool], price);
        self.iterations += u64::from(steps);
        self.meter.spend(u64::from(steps) * 5_000);
        curve.at
    }

    /// The cheapest choice of a region at a latency price, and a bound of all; a known choice is where it starts.
    fn search(&mut self, region: &[Root], price: f64, hint: Option<usize>, tolerance: f64) -> (f64, Option<Choice>) {
        let target = Target { weight: price, deadline: None, upload: Upload::Elsewhere };
        let asked = Asked { target, tolerance, enough: f64::NEG_INFINITY, below: f64::INFINITY };
        let plan = region.first().map_or(0, |root| root.plan);
        let start = hint.and_then(|curve| {
            let objective = self.go(plan, curve, price).value;
            let known = &self.known[plan][curve];
            let (allocation, prices) = (known.best.clone()?, known.prices.clone()?);
            let objective = allocation.objective.max(objective);
            Some(Found { plan, choice: known.choice.clone(), allocation, prices, objective, quickest: false })
        });
        let searched = Search::new(&self.plans, asked, start, &mut self.pools, &mut self.meter).over(region);
        self.nodes += searched.nodes;
        self.iterations += searched.iterations;
        (searched.lower_bound, searched.best.map(|best| best.choice))
    }
}

/// Runs something for every cluster, at the same time where there are many.
pub(crate) fn each<T: Send>(clusters: &mut [Cluster], f: impl Fn(usize, &mut Cluster) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;
    if clusters.len() < 8 {
        return clusters.iter_mut().enumerate().map(|(n, cluster)| f(n, cluster)).collect();
    }
    clusters.par_iter_mut().enumerate().map(|(n, cluster)| f(n, cluster)).collect()
}

/// What is asked of a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub shared: Shared,
    /// Relative gap.
    pub gap: f64,
    /// Clusters searched after whole plans, at the most.
    pub most: u64,
    /// A decision this cheap is enough.
    pub enough: f64,
}

/// The best decision of a network.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub plan: usize,
    pub choices: Vec<Found>,
    pub joint: Joint,
    /// With the plan's penalty.
    pub objective: f64,
    pub latency: f64,
    pub uploads: Vec<Option<(f64, f64)>>,
}

/// What a search of a network brings.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub best: Option<Agreed>,
    pub lower_bound: f64,
    /// The same before it is compared with the best.
    #[cfg_attr(not(test), allow(dead_code, reason = "a bound that is too high hides behind the best decision"))]
    pub proved: f64,
}

struct Node {
    plan: usize,
    bound: f64,
    regions: Vec<Arc<Vec<Root>>>,
    joint: Option<Joint>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.bound == other.bound
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.bound.total_cmp(&self.bound).then_with(|| other.plan.cmp(&self.plan))
    }
}

struct Moving<'a> {
    plan: usize,
    clusters: &'a mut [Cluster],
    meter: &'a mut Meter,
}

impl Mover for Moving<'_> {
    fn go(&mut self, prices: &[f64], curves: &[&[usize]]) -> Vec<Vec<Point>> {
        let plan = self.plan;
        each(self.clusters, |n, cluster| curves[n].iter().map(|&curve| cluster.go(plan, curve, prices[n])).collect())
    }
    fn curve(&self, cluster: usize, curve: usize) -> &Curve {
        &self.clusters[cluster].known[self.plan][curve]
    }
    fn ended(&mut self) -> bool {
        self.meter.ended()
    }
}

/// A network under search.
pub(crate) struct Network<'a> {
    pub clusters: &'a mut [Cluster],
    pub penalties: Vec<f64>,
    pub question: Question,
    pub best: Option<Agreed>,
    /// Choices that have been solved together, by plan.
    tried: HashSet<(usize, Vec<usize>)>,
    pub meter: &'a mut Meter,
}

const ROUNDS: usize = 14;

impl<'a> Network<'a> {
    pub fn new(
        clusters: &'a mut [Cluster],
        penalties: Vec<f64>,
        question: Question,
        best: Option<Agreed>,
        meter: &'a mut Meter,
    ) -> Self {
        Self { clusters, penalties, question, best, tried: HashSet::new(), meter }
    }

    fn bar(&self) -> f64 {
        let Some(best) = &self.best else { return f64::INFINITY };
        let penalty = self.penalties[best.plan];
        let scale = best.objective.abs().max(0.05 * ((best.objective - penalty).abs() + penalty.abs()));
        best.objective - 0.5 * self.question.gap * scale
    }

    /// Searches all plans.
    pub fn run(mut self) -> Outcome {
        let mut heap = BinaryHeap::new();
        for plan in 0..self.penalties.len() {
            let regions: Vec<Arc<Vec<Root>>> = (self.clusters.iter())
                .map(|c| Arc::new(Root::all(&c.plans).into_iter().filter(|root| root.plan == plan).collect::<Vec<_>>()))
                .collect();
            heap.push(Node { plan, bound: self.penalties[plan], regions, joint: None });
        }
        let mut closed = f64::INFINITY;
        let mut searched = 0;
        while let Some(node) = heap.pop() {
            let enough = self.best.as_ref().is_some_and(|best| best.objective <= self.question.enough);
            if node.bound >= self.bar() || enough || (self.best.is_some() && self.meter.ended()) {
                closed = closed.min(node.bound);
                break;
            }
            if node.joint.is_some() {
                searched += self.clusters.len() as u64;
                if searched > self.question.most {
                    self.meter.cut();
                    closed = closed.min(node.bound);
                    break;
                }
            }
            self.explore(node, &mut heap, &mut closed);
        }
        let lower_bound = closed.min(self.best.as_ref().map_or(f64::INFINITY, |best| best.objective));
        Outcome { best: self.best, lower_bound, proved: closed }
    }

    fn instances(&self, plan: usize) -> Vec<Instance> {
        self.clusters.iter().map(|c| c.plans[plan].instance.clone()).collect()
    }

    /// What the uploads cost at prices, less what their band costs.
    fn uploads(&self, instances: &[Instance], prices: &[f64], ln_band: Option<f64>) -> f64 {
        let each = instances.iter().zip(prices).map(|(instance, &price)| {
            let (sent, message) = instance.send_upload(price, ln_band);
            sent.value + price * message
        });
        let band = ln_band.map_or(0.0, |ln| ln.exp() * self.question.shared.uplink);
        each.sum::<f64>() - band
    }

    fn explore(&mut self, mut node: Node, heap: &mut BinaryHeap<Node>, closed: &mut f64) {
        let plan = node.plan;
        let penalty = self.penalties[plan];
        let shared = self.question.shared;
        let owned = self.instances(plan);
        let instances: Vec<&Instance> = owned.iter().collect();
        let count = self.clusters.len();
        // Known choices within the regions.
        let holds = |regions: &[Root], choice: &Choice| regions.iter().any(|root| root.windows.holds(choice));
        let mut in_play: Vec<Vec<usize>> = (0..count)
            .map(|n| {
                let known = &self.clusters[n].known[plan];
                (0..known.len()).filter(|&x| holds(&node.regions[n], &known[x].choice)).collect()
            })
            .collect();
        let mut joint = node.joint.clone();
        let tolerance = (0.05 * self.question.gap).max(1e-10);
        // Whether the prices are those of the choices in play.
        let mut settled = false;
        for _ in 0..ROUNDS {
            // Search every cluster at the prices.
            let prices =
                joint.as_ref().map_or_else(|| vec![shared.weight / count as f64; count], |joint| joint.prices.clone());
            let shares = joint.as_ref().map_or_else(|| prices.clone(), |joint| joint.shares.clone());
            let hints: Vec<Option<usize>> = in_play
                .iter()
                .enumerate()
                .map(|(n, curves)| {
                    let known = &self.clusters[n].known[plan];
                    let at = |x: &usize| if known[*x].at.price == prices[n] { known[*x].at.value } else { f64::MAX };
                    curves.iter().copied().min_by(|a, b| at(a).total_cmp(&at(b)))
                })
                .collect();
            let regions = &node.regions;
            let found = each(self.clusters, |n, cluster| cluster.search(&regions[n], prices[n], hints[n], tolerance));
            self.absorb();
            if found.iter().any(|(_, choice)| choice.is_none()) {
                // A region without a choice, or a search that was ended.
                if self.meter.ended() {
                    *closed = closed.min(node.bound);
                }
                return;
            }
            let due: f64 = prices.iter().zip(&shares).map(|(p, v)| p - v).sum::<f64>() * shared.deadline.unwrap_or(0.0);
            let ln_band = joint.as_ref().and_then(|joint| joint.ln_band);
            let known_band = joint.is_some();
            let mut news = false;
            for (n, (_, choice)) in found.iter().enumerate() {
                let Some(choice) = choice else { return };
                let Some(at) = self.clusters[n].learn(plan, choice) else { return };
                if !in_play[n].contains(&at) {
                    in_play[n].push(at);
                    news = true;
                }
            }
            if known_band {
                let bound = found.iter().map(|(bound, _)| bound).sum::<f64>() + self.uploads(&owned, &prices, ln_band)
                    - due
                    + penalty;
                node.bound = node.bound.max(bound);
                if node.bound >= self.bar() {
                    *closed = closed.min(node.bound);
                    return;
                }
                if settled && !news {
                    break;
                }
            }
            if self.meter.ended() && self.best.is_some() {
                break;
            }
            let single = in_play.iter().all(|curves| curves.len() == 1);
            let accuracy = if single { 1e-11 } else { (0.05 * self.question.gap).clamp(1e-10, 1e-6) };
            let mut moving = Moving { plan, clusters: self.clusters, meter: self.meter };
            let Some(next) = maximize(&instances, in_play.clone(), shared, joint.as_ref(), accuracy, &mut moving)
            else {
                break;
            };
            self.absorb();
            // Choices without weight leave, except the last ones.
            if next.decision.is_some() {
                self.offer(plan, &in_play, &next);
            }
            joint = Some(next);
            settled = true;
            self.round(plan, &in_play, joint.as_ref(), &instances);
        }
        let Some(joint) = joint.filter(|_| settled) else {
            *closed = closed.min(node.bound);
            return;
        };
        if node.bound >= self.bar() {
            *closed = closed.min(node.bound);
            return;
        }
        self.branch(node, &in_play, joint, heap, closed);
    }

    /// Takes over what the clusters' searches have spent.
    fn absorb(&mut self) {
        for cluster in self.clusters.iter_mut() {
            self.meter.absorb(&cluster.meter);
            cluster.meter = Meter::default();
        }
        let share = self.meter.share(self.clusters.len());
        self.clusters.iter_mut().for_each(|cluster| cluster.meter = share.clone());
    }

    /// Makes decisions of one choice per cluster: the one with most weight, and the quickest that has some.
    fn round(&mut self, plan: usize, in_play: &[Vec<usize>], joint: Option<&Joint>, instances: &[&Instance]) {
        let Some(joint) = joint else { return };
        let pick = |by: &dyn Fn(usize, usize) -> f64| -> Vec<usize> {
            (in_play.iter().enumerate())
                .filter_map(|(n, curves)| {
                    (0..curves.len().min(joint.alpha[n].len()))
                        .max_by(|&a, &b| by(n, a).total_cmp(&by(n, b)))
                        .map(|x| curves[x])
                })
                .collect()
        };
        let most = pick(&|n, x| joint.alpha[n][x]);
        let quickest = pick(&|n, x| {
            if joint.alpha[n][x] < 1e-4 {
                return f64::NEG_INFINITY;
            }
            -self.clusters[n].known[plan][in_play[n][x]].at.latency
        });
        for chosen in [most, quickest] {
            self.together(plan, &chosen, joint, instances);
        }
    }

    /// Solves one choice per cluster together, from no prices.
    pub(super) fn alone(&mut self, plan: usize, chosen: &[usize]) {
        let owned = self.instances(plan);
        let instances: Vec<&Instance> = owned.iter().collect();
        let in_play: Vec<Vec<usize>> = chosen.iter().map(|&x| vec![x]).collect();
        let mut moving = Moving { plan, clusters: self.clusters, meter: self.meter };
        if let Some(joint) = maximize(&instances, in_play.clone(), self.question.shared, None, 1e-10, &mut moving) {
            self.offer(plan, &in_play, &joint);
        }
        self.absorb();
    }

    /// Solves one choice per cluster together, unless that has been done.
    fn together(&mut self, plan: usize, chosen: &[usize], start: &Joint, instances: &[&Instance]) {
        if self.best.is_some() && self.meter.ended() {
            return;
        }
        if chosen.len() < self.clusters.len() || !self.tried.insert((plan, chosen.to_vec())) {
            return;
        }
        let in_play: Vec<Vec<usize>> = chosen.iter().map(|&x| vec![x]).collect();
        let shared = self.question.shared;
        let mut moving = Moving { plan, clusters: self.clusters, meter: self.meter };
        if let Some(joint) = maximize(instances, in_play.clone(), shared, Some(start), 1e-11, &mut moving) {
            self.offer(plan, &in_play, &joint);
        }
        self.absorb();
    }

    /// Keeps a decision that is better than the best.
    fn offer(&mut self, plan: usize, in_play: &[Vec<usize>], joint: &Joint) {
        let Some(decided) = &joint.decision else { return };
        let objective = decided.objective + self.penalties[plan];
        if self.best.as_ref().is_some_and(|best| best.objective <= objective) {
            return;
        }
        let mut choices = Vec::with_capacity(in_play.len());
        for (n, curves) in in_play.iter().enumerate() {
            let cluster = &mut self.clusters[n];
            let at = cluster.go(plan, curves[0], decided.prices[n]);
            let curve = &cluster.known[plan][curves[0]];
            let (Some(allocation), Some(prices)) = (curve.best.clone(), curve.prices.clone()) else { return };
            let choice = curve.choice.clone();
            choices.push(Found { plan, choice, allocation, prices, objective: at.value, quickest: false });
        }
        let (latency, uploads) = (decided.latency, decided.uploads.clone());
        self.best = Some(Agreed { plan, choices, joint: joint.clone(), objective, latency, uploads });
    }

    /// Cuts the region of the cluster whose choices differ most in what they would cost the dual.
    fn branch(
        &mut self,
        node: Node,
        in_play: &[Vec<usize>],
        joint: Joint,
        heap: &mut BinaryHeap<Node>,
        closed: &mut f64,
    ) {
        let plan = node.plan;
        let mut worst: Option<(f64, usize, usize, usize)> = None;
        for (n, curves) in in_play.iter().enumerate() {
            let alpha = &joint.alpha[n];
            let mut order: Vec<usize> = (0..curves.len().min(alpha.len())).collect();
            order.sort_by(|&a, &b| alpha[b].total_cmp(&alpha[a]));
            if let &[one, other, ..] = order.as_slice() {
                let at = |x: usize| self.clusters[n].known[plan][curves[x]].at.latency;
                // Latencies on both sides of the round's, weighted by what a second of them is worth.
                let spread = (at(one) - at(other)).abs() * joint.prices[n] * alpha[other].sqrt();
                if worst.is_none_or(|(most, ..)| spread > most) {
                    worst = Some((spread, n, curves[one], curves[other]));
                }
            }
        }
        let (cluster, halves) = match worst {
            Some((_, n, one, other)) => {
                let known = &self.clusters[n].known[plan];
                let instance = &self.clusters[n].plans[plan].instance;
                (n, halve(instance, &node.regions[n], Some((&known[one].choice, &known[other].choice))))
            }
            None => {
                let widest = (0..self.clusters.len()).find_map(|n| {
                    let instance = &self.clusters[n].plans[plan].instance;
                    halve(instance, &node.regions[n], None).map(|halves| (n, halves))
                });
                widest.map_or((0, None), |(n, halves)| (n, Some(halves)))
            }
        };
        let Some(halves) = halves else {
            *closed = closed.min(node.bound);
            return;
        };
        for half in halves {
            let mut regions = node.regions.clone();
            regions[cluster] = Arc::new(half);
            // Shares of choices that are gone are forgotten; prices stay.
            heap.push(Node { plan, bound: node.bound, regions, joint: Some(joint.clone()) });
        }
    }
}

#[cfg(test)]
mod tests;
