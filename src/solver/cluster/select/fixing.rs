//! What the paths of a region that are below a bar have in common: the links that they may use, and how many blocks
//! may be left where.
//!
//! The cheapest path through a link or a state of the tables is a cheapest beginning, from forward tables, and a
//! cheapest completion, from the backward ones. Where even that does not stay below the bar at any corner, no path that
//! is worth finding goes there: neither in the region nor in any part of it, at whatever prices these are bounded.

use super::graph::Graph;
use super::relaxation::Corner;
use super::tables::{Place, Window, pass};

/// Forward tables of one corner, and what has been found alive at any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixing {
    /// Least costs of entering a node, by layer and blocks left.
    enter: Vec<f64>,
    /// Least costs of having passed a node.
    passed: Vec<f64>,
    live: Vec<bool>,
    windows: Vec<(u32, u32)>,
    window: Window,
}

impl Fixing {
    /// What is left of a region's graph, and which of its links are kept. Paths start with so many devices to come, at
    /// so much more than a corner's offset.
    pub fn run(
        &mut self,
        graph: &Graph,
        corners: &[Corner],
        places: &[Place],
        (blocks, starts): (usize, &[(usize, f64)]),
        bar: f64,
    ) -> (Graph, Vec<usize>) {
        let most = starts.iter().map(|&(devices, _)| devices).max().unwrap_or(0);
        let (width, layers) = (blocks + 1, most + 1);
        self.live.clear();
        self.live.resize(graph.len(), false);
        self.windows.clear();
        self.windows.resize(graph.nodes() * layers, (u32::MAX, 0));
        for corner in corners {
            self.mark(graph, corner, places, (width, layers, starts), bar);
        }
        let windows = self.windows.iter().map(|&(low, high)| if low < high { (low, high) } else { (0, 0) }).collect();
        let kept = (0..graph.len()).filter(|&at| self.live[at]).collect();
        (graph.restricted(&self.live, windows, layers), kept)
    }

    /// Marks what is alive at a corner.
    fn mark(
        &mut self,
        graph: &Graph,
        corner: &Corner,
        places: &[Place],
        (width, layers, starts): (usize, usize, &[(usize, f64)]),
        bar: f64,
    ) {
        let tables = &corner.tables;
        let (server, block) = (graph.nodes() - 1, width * layers);
        self.enter.clear();
        self.enter.resize(graph.nodes() * block, f64::INFINITY);
        self.passed.clear();
        self.passed.resize(block, f64::INFINITY);
        for from in 0..server {
            if graph.links(from).is_empty() {
                continue;
            }
            if from == 0 {
                self.passed.fill(f64::INFINITY);
                for &(devices, more) in starts {
                    self.passed[devices * width + width - 1] = corner.offset + more;
                }
            } else {
                let place = &places[from - 1];
                if place.most < place.fewest {
                    continue;
                }
                for layer in 0..layers {
                    let row = layer * width..(layer + 1) * width;
                    let entered = &self.enter[from * block..][row.clone()];
                    let completed = tables.entering(from, layer);
                    let alive = |&n: &usize| entered[n] + completed[n] < bar;
                    let window = graph.window(from, layer, width);
                    let range = &mut self.windows[from * layers + layer];
                    if let (Some(low), Some(high)) = (window.clone().find(alive), window.rev().find(alive)) {
                        *range = (range.0.min(low as u32), range.1.max(high as u32 + 1));
                        pass(place, entered, &mut self.passed[row], &mut self.window);
                    } else {
                        self.passed[row].fill(f64::INFINITY);
                    }
                }
            }
            for at in graph.links(from) {
                let (to, cost) = (graph.to(at), corner.link[at]);
                if to == server {
                    self.live[at] |= self.passed[0] + cost < bar;
                    continue;
                }
                if cost.is_infinite() || places[to - 1].most < places[to - 1].fewest {
                    continue;
                }
                for layer in 0..layers {
                    let Some(next) = tables.next_layer(layer) else { continue };
                    let window = graph.window(to, next, width);
                    let passed = &self.passed[layer * width..][window.clone()];
                    let enter = &mut self.enter[to * block + next * width..][window.clone()];
                    let mut least = f64::INFINITY;
                    for ((passed, enter), rest) in passed.iter().zip(enter).zip(&tables.entering(to, next)[window]) {
                        let begun = passed + cost;
                        *enter = enter.min(begun);
                        least = least.min(begun + rest);
                    }
                    self.live[at] |= least < bar;
                }
            }
        }
    }
}
