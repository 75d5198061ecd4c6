//! Cheapest completions of a path, by dynamic programming backward along the pipeline.
//!
//! ```text
//! leave(i, q, n) = min over j > i of link(i, j) + enter(j, q − 1, n)        link(i, server) if q = n = 0
//! enter(j, q, n) = device(j) + min over d of c_j d + leave(j, q, n − d)
//! ```
//!
//! with n blocks still to place and q devices still to come. O(K² L S) for paths of up to S devices.

use super::graph::Graph;
use crate::ground::route::DeviceId;
use crate::solver::cluster::Segments;
use crate::solver::meter::Clock;

/// A device as far as the tables are concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Cost of taking part at all.
    pub constant: f64,
    /// Cost per block.
    pub cost: f64,
    /// Fewest and most blocks; it cannot take part where the most are fewer than the fewest.
    pub fewest: usize,
    pub most: usize,
}

/// How many devices paths have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub devices: usize,
    /// Or more.
    pub or_more: bool,
}

/// The tables; nodes are 0 (control unit), 1..=K, K + 1 (edge server).
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Blocks to place, plus one.
    width: usize,
    /// Most devices to come, plus one.
    layers: usize,
    or_more: bool,
    /// Node by node, layer by layer, by blocks left.
    leave: Vec<f64>,
    enter: Vec<f64>,
    window: Window,
}

impl Tables {
    /// Fills the tables for paths of up to so many devices (at least so many, where more are allowed); `link` are the
    /// costs of the graph's links. False where the solve has to end before they are full.
    pub fn fill(
        &mut self,
        graph: &Graph,
        places: &[Place],
        blocks: usize,
        count: Count,
        link: &[f64],
        clock: &Clock,
    ) -> bool {
        (self.width, self.layers) = (blocks + 1, count.devices + 1);
        self.or_more = count.or_more;
        let (nodes, width, block) = (graph.nodes(), self.width, self.width * self.layers);
        let server = nodes - 1;
        for table in [&mut self.leave, &mut self.enter] {
            table.resize(nodes * block, f64::INFINITY);
        }
        for from in (0..server).rev() {
            if clock.expired().is_some() {
                return false;
            }
            // No link of a restricted graph leads to where none goes on.
            if graph.links(from).is_empty() && graph.is_restricted() {
                continue;
            }
            self.leave[from * block..(from + 1) * block].fill(f64::INFINITY);
            self.enter[from * block..(from + 1) * block].fill(f64::INFINITY);
            let (leave, enter) = (&mut self.leave[from * block..(from + 1) * block], &self.enter);
            for at in graph.links(from) {
                let (to, cost) = (graph.to(at), link[at]);
                if to == server {
                    leave[0] = leave[0].min(cost);
                    continue;
                }
                if cost.is_infinite() || places[to - 1].most < places[to - 1].fewest {
                    continue;
                }
                let enter = &enter[to * block..(to + 1) * block];
                let mut pass = |layer: usize, next: usize| {
                    let window = graph.window(to, next, width);
                    let leave = &mut leave[layer * width..][window.clone()];
                    for (leave, enter) in leave.iter_mut().zip(&enter[next * width..][window]) {
                        *leave = leave.min(cost + enter);
                    }
                };
                (1..count.devices + 1).for_each(|layer| pass(layer, layer - 1));
                if count.or_more {
                    pass(0, 0);
                }
            }
            if from > 0 {
                for layer in 0..self.layers {
                    self.place(&places[from - 1], from, layer);
                }
            }
        }
        true
    }

    fn row(&self, node: usize, layer: usize) -> std::ops::Range<usize> {
        let start = (node * self.layers + layer) * self.width;
        start..start + self.width
    }

    fn place(&mut self, place: &Place, node: usize, layer: usize) {
        let row = self.row(node, layer);
        enter_by_leave(place, &self.leave[row.clone()], &mut self.enter[row], &mut self.window);
    }

    /// The layer that remains when one more device has been passed.
    pub fn next_layer(&self, layer: usize) -> Option<usize> {
        if layer == 0 { self.or_more.then_some(0) } else { Some(layer - 1) }
    }

    /// Whether paths may have more devices than they are told apart by.
    pub fn or_more(&self) -> bool {
        self.or_more
    }

    /// Least costs of entering a device, by blocks left.
    pub fn entering(&self, node: usize, layer: usize) -> &[f64] {
        &self.enter[self.row(node, layer)]
    }

    /// The least cost of all paths with so many devices.
    pub fn least(&self, devices: usize) -> f64 {
        self.leave[self.row(0, devices).end - 1]
    }

    /// The best path with so many devices: its devices and sizes.
    pub fn trace(&self, graph: &Graph, places: &[Place], devices: usize, link: &[f64]) -> Option<Segments> {
        let server = graph.nodes() - 1;
        let (mut node, mut left, mut layer) = (0, self.width - 1, devices);
        let (mut active, mut sizes) = (Vec::new(), Vec::new());
        loop {
            let target = self.leave[self.row(node, layer)][left];
            let ends = |at: usize| graph.to(at) == server && link[at] <= target;
            if layer == 0 && left == 0 && graph.links(node).any(ends) {
                return Some(Segments { active, sizes });
            }
            let next = self.next_layer(layer)?;
            let reaches = |&at: &usize| {
                let to = graph.to(at);
                to < server
                    && places[to - 1].fewest <= places[to - 1].most
                    && link[at] + self.entering(to, next)[left] <= target
            };
            let to = graph.to(graph.links(node).find(reaches)?);
            let place = &places[to - 1];
            let leave = &self.leave[self.row(to, next)];
            let cost = |d: usize| place.cost * d as f64 + leave[left - d];
            let size = (place.fewest..=place.most.min(left)).min_by(|&x, &y| cost(x).total_cmp(&cost(y)))?;
            if cost(size).is_infinite() {
                return None;
            }
            active.push(DeviceId(to - 1));
            sizes.push(size as u32);
            (node, left, layer) = (to, left - size, next);
        }
    }
}

/// Least values over a window that only moves on: candidates with increasing values, the least in front.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    values: Vec<(f64, usize)>,
    front: usize,
}

impl Window {
    fn clear(&mut self) {
        self.values.clear();
        self.front = 0;
    }

    fn push(&mut self, value: f64, at: usize) {
        while self.values.len() > self.front && self.values[self.values.len() - 1].0 >= value {
            self.values.pop();
        }
        self.values.push((value, at));
    }

    /// The least value among those that are not `gone`.
    fn least(&mut self, gone: impl Fn(usize) -> bool) -> f64 {
        while self.front + 1 < self.values.len() && gone(self.values[self.front].1) {
            self.front += 1;
        }
        self.values[self.front].0
    }
}

/// enter(n) = constant + min over d of c d + leave(n − d): a sliding minimum, as the cost is linear in d.
fn enter_by_leave(place: &Place, leave: &[f64], enter: &mut [f64], window: &mut Window) {
    window.clear();
    // With m = n − d: constant + c n + min over m of leave(m) − c m.
    for (left, enter) in enter.iter_mut().enumerate().skip(place.fewest) {
        let newest = left - place.fewest;
        window.push(leave[newest] - place.cost * newest as f64, newest);
        let least = window.least(|m| m + place.most < left);
        *enter = place.constant + place.cost * left as f64 + least;
    }
}

/// Costs so far by blocks left, after one more device: after(n) = constant + min over d of before(n + d) + c d.
pub(crate) fn pass(place: &Place, before: &[f64], after: &mut [f64], window: &mut Window) {
    after.fill(f64::INFINITY);
    window.clear();
    // With m = n + d, from the most blocks left to the fewest.
    for left in (0..before.len().saturating_sub(place.fewest)).rev() {
        let newest = left + place.fewest;
        window.push(before[newest] + place.cost * newest as f64, newest);
        let least = window.least(|m| m - left > place.most);
        after[left] = place.constant - place.cost * left as f64 + least;
    }
}
