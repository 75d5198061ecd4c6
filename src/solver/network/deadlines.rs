//! Large networks: branch and bound on the round's deadline.
//!
//! ```text
//! min over T of  V T + Σ_n e_n(T) − λ W_up + penalty,     e_n(T) the least of R and U without V_n T within latency T
//! ```
//!
//! bounds a plan for any price λ of the upload band. For a fixed deadline the clusters are independent, and so is the
//! branching that closes the gap between each e_n and its dual: what the kinks of all clusters leave open adds up instead
//! of multiplying. Every part of a cluster's search space that has been priced at a weight μ proves a line,
//! e_n(T) ≥ R(μ) + U(μ) − μ T, for every T; the least of V T + Σ_n (least over parts of the highest line) is found by
//! bisection over T, and there the clusters are looked at more closely until the least reaches the bar.

use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::solver::cluster::Domain;
use crate::solver::cluster::active::Workspace;
use crate::solver::meter::Meter;
use crate::solver::network::Part;
use crate::solver::network::balance::{LEAST_SHARE, balance, upload_price};
use crate::solver::network::envelope::{Known, meet};
use crate::solver::network::explore::{Branch, Explored};
use crate::solver::network::memory::Cut;
use crate::solver::network::search::{NetworkSearch, Node, fits};
use crate::solver::solution::gap_scale;

/// What a part of one cluster's search space costs at the least, whatever the deadline T: `value − weight T`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub weight: f64,
    pub value: f64,
}

impl Line {
    fn at(&self, deadline: f64) -> f64 {
        self.value - self.weight * deadline
    }
}

/// A part of one cluster's search space.
#[derive(Clone, Debug)]
struct Piece {
    domain: Arc<Domain>,
    lines: Vec<Line>,
    known: Vec<Known>,
}

impl Piece {
    /// The line that is highest at a deadline.
    fn highest(&self, deadline: f64) -> Line {
        let lowest = Line { weight: 0.0, value: f64::NEG_INFINITY };
        self.lines.iter().fold(lowest, |best, line| if line.at(deadline) > best.at(deadline) { *line } else { best })
    }

    /// The same part in two; `None` where nothing tells choices apart any more.
    fn split(&self, branch: Branch) -> Vec<Self> {
        let half = |more| {
            let cut = Cut { cluster: branch.cluster, device: branch.device, most: branch.most, more };
            let domain = cut.apply(&self.domain)?;
            let known = self.known.iter().filter(|known| fits(&domain, &known.choice)).cloned().collect();
            Some(Self { domain: Arc::new(domain), lines: self.lines.clone(), known })
        };
        [false, true].into_iter().filter_map(half).collect()
    }
}

/// One cluster: its parts, and the best that is known at the deadline looked at last.
#[derive(Clone, Debug)]
struct Cluster {
    pieces: Vec<Piece>,
    weight: f64,
    best: Option<Best>,
}

/// The known choice that meets a deadline at the least cost.
#[derive(Clone, Copy, Debug)]
struct Best {
    /// Extrapolated: energies and the upload's band.
    cost: f64,
    weight: f64,
    piece: usize,
    choice: usize,
}

/// What is fixed while one cluster is looked at.
struct Look<'a> {
    part: &'a Part<'a>,
    cluster: usize,
    band_price: f64,
    deadline: f64,
    /// How far bound and cost may be apart.
    room: f64,
    tolerance: f64,
}

/// Logarithm of a weight within which a sample stands for the choice there.
const NEARBY: f64 = 0.01;
/// Steps for one cluster at one deadline.
const MOST_STEPS: usize = 24;
/// Deadlines that are looked at.
const MOST_DEADLINES: usize = 60;
/// Deadlines in a row without any progress.
const MOST_STALLED: usize = 12;
/// Weights beyond V, in units of it: for deadlines that are out of reach of a cluster.
const HEAVIEST: f64 = 1e3;
/// Intervals of deadlines in one search for the least bound.
const MOST_INTERVALS: usize = 20_000;

impl Cluster {
    /// The piece that costs least at a deadline, as far as is proved, and what it costs.
    fn least(&self, deadline: f64) -> (usize, f64) {
        let each = self.pieces.iter().map(|piece| piece.highest(deadline).at(deadline)).enumerate();
        each.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY))
    }

    /// Proves more at a deadline, piece by piece, until what is proved and what is known are close together.
    fn look(&mut self, look: &Look, work: &mut Workspace) {
        let Look { part, cluster, band_price, deadline, .. } = *look;
        let total = part.network.price();
        let limits = (LEAST_SHARE * total, HEAVIEST * total);
        let upload = (&part.network.uploads[cluster], band_price);
        for _ in 0..MOST_STEPS {
            self.best = self.known_best(look, limits);
            let (at, proved) = self.least(deadline);
            let reachable = self.best.map_or(f64::INFINITY, |best| best.cost);
            if at >= self.pieces.len() || work.buffers.meter.ended() {
                break;
            }
            if proved >= reachable - look.room {
                // Close together, if it costs what extrapolation says.
                if self.sample(look, work) {
                    continue;
                }
                break;
            }
            let piece = &self.pieces[at];
            let start = self.weight.clamp(limits.0, limits.1);
            let mut weight = start;
            let mut hinted = None;
            if !piece.known.is_empty() {
                let (slow, fast) = meet((&piece.known, None), upload, deadline, start, limits);
                (weight, hinted) = (fast.weight, Some(fast.choice));
                let hopeless = fast.value - fast.weight * deadline < reachable - look.room;
                if hopeless && slow.choice != fast.choice {
                    let pair = (&piece.known[slow.choice].choice, &piece.known[fast.choice].choice);
                    if let Some(branch) = Branch::between(cluster, pair.0, pair.1) {
                        let halves = piece.split(branch);
                        self.pieces.swap_remove(at);
                        self.pieces.extend(halves);
                        continue;
                    }
                }
            }
            self.weight = weight;
            let hint = hinted.map(|choice| &piece.known[choice]);
            let found = part.best_of(cluster, &piece.domain, weight, hint, look.tolerance, work);
            let piece = &mut self.pieces[at];
            let Some(found) = found else {
                // Nothing fits in here.
                self.pieces.swap_remove(at);
                continue;
            };
            let sent = upload.0.send(weight, band_price);
            let line = Line { weight, value: found.bound + sent.cost + band_price * sent.band };
            let raised = line.at(deadline) > proved + 0.1 * look.room;
            piece.lines.push(line);
            let mut news = false;
            if let (Some(sample), Some(choice)) = (found.hint, hinted) {
                piece.known[choice].learn(sample);
            }
            match piece.known.iter_mut().find(|known| known.choice == found.found.choice) {
                Some(known) => known.learn(found.sample),
                None => {
                    piece.known.push(Known::new(found.found.choice, found.sample));
                    news = true;
                }
            }
            if weight >= limits.1 {
                // Out of reach of every choice.
                break;
            }
            if !raised && !news {
                // Neither weights nor choices lead any further: halves of the piece may.
                let Some(branch) = Branch::widest_of(cluster, &piece.domain) else { break };
                let halves = self.pieces[at].split(branch);
                self.pieces.swap_remove(at);
                self.pieces.extend(halves);
            }
        }
        self.best = self.known_best(look, limits);
    }

    /// Evaluates the best choice where it meets the deadline; false where that has been done nearby.
    fn sample(&mut self, look: &Look, work: &mut Workspace) -> bool {
        let Some(best) = self.best else { return false };
        let known = &mut self.pieces[best.piece].known[best.choice];
        let start = known.nearest(best.weight);
        if start.is_some_and(|sample| (sample.weight() / best.weight).ln().abs() <= NEARBY) {
            return false;
        }
        let start = start.map(|sample| sample.start(best.weight));
        let (_, sample) = look.part.fixed(look.cluster, &known.choice, best.weight, start.as_ref(), work);
        known.learn(sample);
        true
    }

    /// The known choice that meets a deadline at the least cost, extrapolated.
    fn known_best(&self, look: &Look, limits: (f64, f64)) -> Option<Best> {
        let upload = (&look.part.network.uploads[look.cluster], look.band_price);
        let start = self.weight.clamp(limits.0, limits.1);
        let mut best: Option<Best> = None;
        for (at, piece) in self.pieces.iter().enumerate() {
            for choice in 0..piece.known.len() {
                let (_, met) = meet((&piece.known, Some(choice)), upload, look.deadline, start, limits);
                let cost = met.value - met.weight * look.deadline.max(met.latency);
                let meets = met.latency <= look.deadline * (1.0 + 1e-6);
                if meets && best.is_none_or(|best| cost < best.cost) {
                    best = Some(Best { cost, weight: met.weight, piece: at, choice });
                }
            }
        }
        best
    }
}

/// An interval of deadlines with what every decision within it costs at the least.
#[derive(Clone, Copy, Debug)]
struct Interval {
    bound: f64,
    from: f64,
    to: f64,
}

impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Interval {}
impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Interval {
    /// The heap's top has the least bound.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.bound.total_cmp(&self.bound).then(other.from.total_cmp(&self.from))
    }
}

/// The clusters with what no deadline changes: −λ W_up and the penalty.
struct Timed<'a> {
    clusters: &'a [Cluster],
    price: f64,
    constant: f64,
}

impl Timed<'_> {
    /// Operations of one interval.
    fn lines(&self) -> u64 {
        let pieces = self.clusters.iter().flat_map(|cluster| &cluster.pieces);
        pieces.map(|piece| 4 * (piece.lines.len() as u64 + 1)).sum()
    }

    /// What all decisions with deadlines from `from` to `to` cost at the least. The line that is highest in the middle is
    /// one of each piece's; the least of a cluster's lines is concave in between, so that their sum is least at one of
    /// the ends.
    fn interval(&self, from: f64, to: f64) -> Interval {
        let middle = 0.5 * (from + to);
        let (mut first, mut last) = (self.price * from, self.price * to);
        for cluster in self.clusters {
            let (mut low, mut high) = (f64::INFINITY, f64::INFINITY);
            for piece in &cluster.pieces {
                let line = piece.highest(middle);
                (low, high) = (low.min(line.at(from)), high.min(line.at(to)));
            }
            (first, last) = (first + low, last + high);
        }
        Interval { bound: first.min(last) + self.constant, from, to }
    }

    /// What all decisions cost at the least, and a deadline that may be as cheap; within `slack`, and no more exactly than
    /// that all reach the bar.
    fn least(&self, latest: f64, bar: f64, slack: f64, meter: &mut Meter) -> (f64, f64) {
        let mut heap = BinaryHeap::from([self.interval(0.0, latest)]);
        for _ in 0..MOST_INTERVALS {
            let Some(Interval { bound, from, to }) = heap.pop() else { return (f64::INFINITY, latest) };
            let middle = 0.5 * (from + to);
            let there = self.interval(middle, middle).bound;
            meter.spend(3 * self.lines());
            if bound >= bar || there - bound <= slack || to - from <= 1e-12 * to || meter.ended() {
                return (bound, middle);
            }
            heap.push(self.interval(from, middle));
            heap.push(self.interval(middle, to));
        }
        heap.pop().map_or((f64::NEG_INFINITY, latest), |interval| (interval.bound, 0.5 * (interval.from + interval.to)))
    }
}

/// No decision of a plan that is better than the best has a later deadline: nothing else costs less than nothing.
fn latest(best: f64, plan_cost: f64, price: f64) -> f64 {
    (best - plan_cost) / price
}

impl NetworkSearch<'_> {
    /// Raises the bound of a whole plan beyond its dual, and looks for better decisions on the way.
    pub(super) fn by_deadline(&mut self, node: &Node, explored: &mut Explored) {
        let network = self.network;
        let part = Part { network, plan: &network.problem.plans[node.plan], domains: &node.domains };
        let band_price = upload_price(network, &explored.weights, None);
        let cluster = |n: usize| {
            let upload = |line: &Line| {
                let sent = network.uploads[n].send(line.weight, band_price);
                Line { value: line.value + sent.cost + band_price * sent.band, ..*line }
            };
            let lines = explored.lines[n].iter().map(upload).collect();
            let piece = Piece { domain: node.domains[n].clone(), lines, known: explored.known[n].clone() };
            Cluster { pieces: vec![piece], weight: explored.weights[n], best: None }
        };
        let mut clusters: Vec<Cluster> = (0..node.domains.len()).map(cluster).collect();
        let (price, constant) = (network.price(), part.plan_cost() - band_price * network.band());
        let (mut last, mut stalled) = (f64::NEG_INFINITY, 0);
        for _ in 0..MOST_DEADLINES {
            let Some(best) = self.objective() else { return };
            let (bar, scale) = (self.bar(self.gap), gap_scale(best, part.plan_cost()));
            let latest = latest(best, part.plan_cost(), price);
            let meter = &mut self.work.buffers.meter;
            let timed = Timed { clusters: &clusters, price, constant };
            let (bound, deadline) = timed.least(latest, bar, 0.05 * self.gap * scale, meter);
            explored.bound = explored.bound.max(bound.min(best));
            if bound >= bar || self.ended() {
                return;
            }
            let room = 0.2 * self.gap * scale / clusters.len() as f64;
            let tolerance = self.tolerance;
            let looked = part.each(self.work, |n, work| {
                let mut cluster = clusters[n].clone();
                cluster.look(&Look { part: &part, cluster: n, band_price, deadline, room, tolerance }, work);
                cluster
            });
            clusters = looked;
            let costs: Option<Vec<f64>> = clusters.iter().map(|cluster| cluster.best.map(|best| best.cost)).collect();
            let expected = costs.map(|costs| costs.iter().sum::<f64>() + price * deadline + constant);
            if expected.is_some_and(|cost| cost < best - 0.1 * self.gap * scale) && !self.ended() {
                let chosen = clusters.iter().filter_map(|cluster| {
                    let best = cluster.best?;
                    Some(vec![cluster.pieces[best.piece].known[best.choice].clone()])
                });
                let mut known: Vec<Vec<Known>> = chosen.collect();
                let total: f64 = clusters.iter().map(|cluster| cluster.weight).sum();
                let weights: Vec<f64> = clusters.iter().map(|cluster| cluster.weight * (price / total)).collect();
                let first = vec![0; known.len()];
                let balanced = balance(&part, &mut known, &first, &weights, self.balance_tolerance(), self.work);
                self.offer(node.plan, &node.domains, balanced);
                // What balancing has seen of the choices is known of them from now on.
                for (cluster, mut known) in clusters.iter_mut().zip(known) {
                    if let (Some(best), Some(known)) = (cluster.best, known.pop()) {
                        cluster.pieces[best.piece].known[best.choice] = known;
                    }
                }
            }
            // Where neither the bound nor the best has moved for a while, this is all that there is to find.
            let moved = bound > last + 1e-3 * self.gap * scale || self.objective().is_some_and(|now| now < best);
            stalled = if moved { 0 } else { stalled + 1 };
            if stalled == MOST_STALLED {
                return;
            }
            last = last.max(bound);
        }
    }
}

#[cfg(test)]
mod tests;
