//! All paths of a region whose bound is below a bar, depth first, pruned by the exact completions in the tables.

use super::graph::Graph;
use super::relaxation::Corner;
use super::tables::{Place, Window, pass};
use crate::ground::route::DeviceId;
use crate::solver::meter::Clock;

/// A path with its bound.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub bound: f64,
    pub active: Vec<DeviceId>,
}

/// The search with its buffers.
pub(crate) struct Enumeration<'a> {
    graph: &'a Graph,
    places: &'a [Place],
    corners: &'a [Corner],
    bar: f64,
    /// Floating-point operations left to spend.
    left: u64,
    active: Vec<DeviceId>,
    /// Costs so far by blocks left: depth by depth, corner by corner.
    costs: Vec<Vec<f64>>,
    found: Vec<Candidate>,
    window: Window,
    clock: &'a Clock,
    /// Where the work left is when the clock is looked at again.
    next_look: u64,
}

/// Operations between two looks at the clock: a fraction of a millisecond.
const PER_LOOK: u64 = 100_000;

impl<'a> Enumeration<'a> {
    pub fn new(graph: &'a Graph, places: &'a [Place], corners: &'a [Corner], bar: f64, clock: &'a Clock) -> Self {
        Self {
            graph,
            places,
            corners,
            bar,
            left: 0,
            active: Vec::new(),
            costs: Vec::new(),
            found: Vec::new(),
            window: Window::default(),
            clock,
            next_look: 0,
        }
    }

    /// The paths of up to so many devices, or `None` where finding them takes more work than there is; counts the work.
    pub fn run(mut self, devices: usize, blocks: usize, most_work: u64, work: &mut u64) -> Option<Vec<Candidate>> {
        self.left = most_work;
        self.next_look = most_work.saturating_sub(PER_LOOK);
        for corner in self.corners {
            let mut start = vec![f64::INFINITY; blocks + 1];
            start[blocks] = corner.offset;
            self.costs.push(start);
        }
        let complete = self.extend(0, devices);
        *work += most_work - self.left;
        complete.then_some(self.found)
    }

    /// Whether the solve has to end, as far as the clock is looked at.
    fn expired(&mut self) -> bool {
        if self.left > self.next_look {
            return false;
        }
        self.next_look = self.left.saturating_sub(PER_LOOK);
        self.clock.expired().is_some()
    }

    /// Extends the path that ends at `node`; false where the work is spent or the solve has to end.
    fn extend(&mut self, node: usize, layer: usize) -> bool {
        let (corners, count) = (self.corners, self.corners.len());
        let depth = self.active.len();
        let Some(tables) = corners.first().map(|corner| &corner.tables) else { return true };
        let (graph, server) = (self.graph, self.places.len() + 1);
        for at in graph.links(node) {
            let to = graph.to(at);
            if to == server {
                if layer > 0 {
                    continue;
                }
                let whole = |(corner, costs): (&Corner, &Vec<f64>)| costs[0] + corner.link[at];
                let bound = corners.iter().zip(&self.costs[depth * count..]).map(whole).fold(f64::INFINITY, f64::min);
                if bound < self.bar {
                    self.found.push(Candidate { bound, active: self.active.clone() });
                    self.left = self.left.saturating_sub(1000);
                }
                continue;
            }
            let Some(next) = tables.next_layer(layer) else { continue };
            let place = self.places[to - 1];
            if place.most < place.fewest {
                continue;
            }
            let costs = &self.costs[depth * count..(depth + 1) * count];
            let width = costs[0].len();
            let window = graph.window(to, next, width);
            self.left = self.left.saturating_sub((count * (window.len() + 4)) as u64);
            let hopeful = corners.iter().zip(costs).any(|(corner, costs)| {
                let link = corner.link[at];
                link.is_finite()
                    && least_sum(&costs[window.clone()], &corner.tables.entering(to, next)[window.clone()]) + link
                        < self.bar
            });
            if !hopeful {
                continue;
            }
            if self.left == 0 || self.expired() {
                return false;
            }
            self.costs.resize((depth + 2) * count, Vec::new());
            for (index, corner) in corners.iter().enumerate() {
                let (before, after) = self.costs.split_at_mut((depth + 1) * count);
                let after = &mut after[index];
                after.resize(width, f64::INFINITY);
                pass(&place, &before[depth * count + index], after, &mut self.window);
                after.iter_mut().for_each(|cost| *cost += corner.link[at]);
            }
            self.left = self.left.saturating_sub((4 * count * width) as u64);
            self.active.push(DeviceId(to - 1));
            let complete = self.extend(to, next);
            self.active.pop();
            self.costs.truncate((depth + 2) * count);
            if !complete {
                return false;
            }
        }
        true
    }
}

/// min over n of a(n) + b(n).
fn least_sum(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(f64::INFINITY, |least, (x, y)| least.min(x + y))
}
