//! Lower bounds over all active sets at once, where they are too many to enumerate.
//!
//! At given prices of the bands and within a rectangle of paces [u_F, u_F′] × [u_B, u_B′] the hops of a path separate: the
//! path costs at least
//!
//! ```text
//! A_F u_F + A_B u_B − (λ_F + λ_B) W + Σ_links min (a t + z E + λ w : t ≤ u′ − ℓ) + Σ_devices (constant + c_k d_k)
//! ```
//!
//! with stage times within (u_F′, u_B′). A dynamic program over (last active device, blocks still to place) minimizes that
//! over all paths and sizes in O(K² L). Best-first refinement of the rectangles raises the bound, and the paths on the way
//! are candidates. What remains of the gap is due to one price per band for all paths.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use super::cluster::{Domain, PlannedCluster};
use super::links::{LinkCost, Links};
use super::segments::{Stage, blocks_within};

/// A rectangle of paces with its bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub bound: f64,
    pub forward: (f64, f64),
    pub backward: (f64, f64),
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Region {}
impl PartialOrd for Region {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Region {
    /// The heap's top has the least bound.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound)
    }
}

/// The best path of a region under the relaxation.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub bound: f64,
    pub active: Vec<usize>,
    /// Slowest stage or hop of the path, forward and backward [s].
    pub paces: (f64, f64),
}

/// The dynamic program with its tables.
pub(crate) struct Relaxation<'a> {
    cluster: &'a PlannedCluster<'a>,
    domain: &'a Domain,
    /// Link costs of both phases, from × to.
    costs: Vec<f64>,
    /// Least cost from a node with so many blocks left, and after entering a device.
    leave: Vec<f64>,
    enter: Vec<f64>,
}

impl<'a> Relaxation<'a> {
    pub fn new(cluster: &'a PlannedCluster<'a>, domain: &'a Domain) -> Self {
        Self { cluster, domain, costs: Vec::new(), leave: Vec::new(), enter: Vec::new() }
    }

    /// Bounds a region from below; `None` where no path fits into it.
    pub fn solve(&mut self, region: &Region, forward: &Links, backward: &Links, prices: (f64, f64)) -> Option<Path> {
        let nodes = self.domain.high.len() + 2;
        let blocks = self.cluster.at.spec.encoder.blocks as usize;
        let (f, b) = (forward.capped(prices.0, region.forward.1), backward.capped(prices.1, region.backward.1));
        self.costs.clear();
        self.costs.extend(f.iter().zip(&b).map(|(x, y)| x.cost + y.cost));
        let width = blocks + 1;
        self.leave.clear();
        self.leave.resize(nodes * width, f64::INFINITY);
        self.enter.clear();
        self.enter.resize(nodes * width, f64::INFINITY);
        let server = nodes - 1;
        self.enter[server * width] = 0.0;
        for from in (0..server).rev() {
            // A device that must take part cannot be skipped.
            let last = (from..server - 1).find(|&k| self.domain.low[k] > 0).map_or(server, |k| k + 1);
            for to in from + 1..=last {
                let cost = self.costs[from * nodes + to];
                if cost.is_finite() && (from, to) != (0, server) {
                    for left in 0..width {
                        let whole = cost + self.enter[to * width + left];
                        let at = &mut self.leave[from * width + left];
                        *at = at.min(whole);
                    }
                }
            }
            if from > 0 {
                self.place(from, width, region);
            }
        }
        let free = self.leave[blocks];
        if !free.is_finite() {
            return None;
        }
        let radio = self.cluster.radio();
        let paces = radio.pace_price * (region.forward.0 + region.backward.0);
        let bound = free + self.cluster.constant(&[]) + paces - (prices.0 + prices.1) * radio.band;
        let (active, paces) = self.trace(blocks, width, region, (&f, &b));
        Some(Path { bound, active, paces })
    }

    /// Cost of a device's own share that does not depend on its size: its overheads and one more hop.
    fn device_constant(&self, k: usize) -> f64 {
        self.cluster.constant(&[k]) - self.cluster.constant(&[])
    }

    /// Fewest and most blocks of a device within the region's paces.
    fn sizes(&self, k: usize, region: &Region) -> (usize, usize) {
        let stage: &Stage = &self.cluster.stages[k];
        let most = blocks_within(region.forward.1, stage.overhead, stage.forward, stage.high);
        let most = blocks_within(region.backward.1, stage.overhead, stage.backward, most);
        (stage.low as usize, most as usize)
    }

    /// Enters a device with so many blocks left, keeps d of them there: a sliding minimum, as the cost is linear in d.
    fn place(&mut self, node: usize, width: usize, region: &Region) {
        let k = node - 1;
        let (fewest, most) = self.sizes(k, region);
        if self.domain.high[k] == 0 || most < fewest {
            return;
        }
        let (cost, constant) = (self.cluster.stages[k].cost, self.device_constant(k));
        let row = &self.leave[node * width..(node + 1) * width];
        // enter(n) = constant + min_d c d + leave(n − d) = constant + c n + min over m = n − d of leave(m) − c m.
        let mut window: VecDeque<usize> = VecDeque::new();
        for left in fewest..width {
            let value = |m: usize| row[m] - cost * m as f64;
            let newest = left - fewest;
            while window.back().is_some_and(|&m| value(m) >= value(newest)) {
                window.pop_back();
            }
            window.push_back(newest);
            while window.front().is_some_and(|&m| m + most < left) {
                window.pop_front();
            }
            if let Some(&m) = window.front() {
                self.enter[node * width + left] = constant + cost * left as f64 + value(m);
            }
        }
    }

    /// Reads the best path off the tables.
    fn trace(
        &self,
        blocks: usize,
        width: usize,
        region: &Region,
        links: (&[LinkCost], &[LinkCost]),
    ) -> (Vec<usize>, (f64, f64)) {
        let nodes = self.domain.high.len() + 2;
        let latency = self.cluster.at.cluster.hop_latency_s.0;
        let (mut node, mut left) = (0, blocks);
        let mut active = Vec::new();
        let mut paces = self.cluster.bases;
        loop {
            let target = self.leave[node * width + left];
            let whole = |to: usize| self.costs[node * nodes + to] + self.enter[to * width + left];
            let next = (node + 1..nodes).filter(|&to| (node, to) != (0, nodes - 1)).find(|&to| whole(to) <= target);
            let Some(to) = next else { break };
            paces.0 = paces.0.max(latency + links.0[node * nodes + to].time);
            paces.1 = paces.1.max(latency + links.1[node * nodes + to].time);
            if to == nodes - 1 {
                break;
            }
            let (k, stage) = (to - 1, &self.cluster.stages[to - 1]);
            let (fewest, most) = self.sizes(k, region);
            let cost = |d: usize| stage.cost * d as f64 + self.leave[to * width + left - d];
            let Some(size) = (fewest..=most.min(left)).min_by(|&x, &y| cost(x).total_cmp(&cost(y))) else { break };
            active.push(k);
            paces.0 = paces.0.max(stage.overhead + size as f64 * stage.forward);
            paces.1 = paces.1.max(stage.overhead + size as f64 * stage.backward);
            left -= size;
            node = to;
        }
        (active, paces)
    }
}

/// Regions still to be refined.
#[derive(Default)]
pub(crate) struct Frontier {
    heap: BinaryHeap<Region>,
    /// Least bound of the regions that cannot be refined any further.
    closed: Option<f64>,
}

impl Frontier {
    pub fn push(&mut self, region: Region) {
        self.heap.push(region);
    }

    pub fn pop(&mut self) -> Option<Region> {
        self.heap.pop()
    }

    /// Keeps a bound without refining it.
    pub fn close(&mut self, bound: f64) {
        self.closed = Some(self.closed.map_or(bound, |closed| closed.min(bound)));
    }

    /// No path costs less.
    pub fn bound(&self) -> f64 {
        let open = self.heap.peek().map_or(f64::INFINITY, |region| region.bound);
        self.closed.map_or(open, |closed| open.min(closed))
    }
}

impl Region {
    /// Splits the phase whose pace leaves more to gain, between its lower end and the path's pace; `None` where neither
    /// leaves more than `slack`.
    pub fn split(&self, path: &Path, pace_price: f64, slack: f64) -> Option<[Self; 2]> {
        let gains = (path.paces.0 - self.forward.0, path.paces.1 - self.backward.0);
        if pace_price * gains.0.max(gains.1) <= slack {
            return None;
        }
        let (mut fast, mut slow) = (Self { bound: path.bound, ..*self }, Self { bound: path.bound, ..*self });
        if gains.0 >= gains.1 {
            let middle = self.forward.0 + 0.5 * gains.0;
            (fast.forward.1, slow.forward.0) = (middle, middle);
        } else {
            let middle = self.backward.0 + 0.5 * gains.1;
            (fast.backward.1, slow.backward.0) = (middle, middle);
        }
        Some([fast, slow])
    }
}
