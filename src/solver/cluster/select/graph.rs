//! The links that the paths of a region may use, and how many blocks may be left where.

use std::ops::Range;

use crate::ground::route::NodeId;
use crate::problem::program::ClusterProgram;
use crate::solver::cluster::Domain;
use crate::solver::cluster::equal::twins;

/// Links between the nodes of a cluster, in the order of the pipeline: 0 (control unit), 1..=K, K + 1 (edge server).
///
/// A region's graph holds what its paths below the bar may use; the parts of a region start from the graph of the whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// Where every node's links begin.
    first: Vec<u32>,
    /// The node that every link leads to, and what `Links` calls it.
    to: Vec<u32>,
    link: Vec<u32>,
    /// Blocks that may be left on entering a node, by node and layer; empty where all may.
    windows: Vec<(u32, u32)>,
    /// Devices to come, plus one, that windows are told apart by.
    layers: usize,
}

impl Graph {
    /// The links that some path through a cluster's devices may need.
    pub fn of_cluster(program: &ClusterProgram, domain: &Domain) -> Self {
        let (nodes, twins) = (program.cluster.devices.len() + 2, twins(program, domain));
        // The first device from each node on that no path may pass by.
        let mut last = vec![nodes - 1; nodes];
        for node in (0..nodes - 1).rev() {
            let mandatory = domain.low.get(node).is_some_and(|&low| low > 0);
            last[node] = if mandatory { node + 1 } else { last[node + 1] };
        }
        Self::new(nodes, |near, far| {
            let direct = near.0 == 0 && far.0 == nodes - 1;
            // An equal device that would be passed by takes the other's place.
            let skips = twins.get(far.0 - 1).is_some_and(|twin| twin.is_some_and(|twin| twin.node() > near));
            let unusable = domain.high.get(far.0 - 1) == Some(&0);
            // Every link is used both ways; one that works one way only is none.
            !direct && !skips && !unusable && far.0 <= last[near.0] && program.joined(near, far)
        })
    }

    /// All links for which `works` says so.
    pub fn new(nodes: usize, works: impl Fn(NodeId, NodeId) -> bool) -> Self {
        let mut graph = Self { first: vec![0], ..Self::default() };
        for near in 0..nodes {
            for far in near + 1..nodes {
                if works(NodeId(near), NodeId(far)) {
                    graph.link.push(graph.to.len() as u32);
                    graph.to.push(far as u32);
                }
            }
            graph.first.push(graph.to.len() as u32);
        }
        graph
    }

    /// What is left of the graph: the links that are `live`, and the windows that are given.
    pub fn restricted(&self, live: &[bool], windows: Vec<(u32, u32)>, layers: usize) -> Self {
        let mut graph = Self { first: vec![0], windows, layers, ..Self::default() };
        for node in 0..self.nodes() {
            for at in self.links(node).filter(|&at| live[at]) {
                graph.link.push(self.link[at]);
                graph.to.push(self.to[at]);
            }
            graph.first.push(graph.to.len() as u32);
        }
        graph
    }

    /// Whether a link passes by a node.
    pub fn passes(&self, node: usize) -> bool {
        (0..node).any(|near| self.links(near).any(|at| self.to(at) > node))
    }

    /// The graph of the paths through a node, and that of those that pass by it.
    pub fn branch(&self, node: usize) -> (Self, Self) {
        let mut by = vec![false; self.len()];
        let mut through = vec![true; self.len()];
        for near in 0..self.nodes() {
            for at in self.links(near) {
                through[at] = near >= node || self.to(at) <= node;
                by[at] = near != node && self.to(at) != node;
            }
        }
        let part = |live: &[bool]| self.restricted(live, self.windows.clone(), self.layers);
        (part(&through), part(&by))
    }

    /// Whether it is what is left of another graph.
    pub fn is_restricted(&self) -> bool {
        self.layers > 0
    }

    /// Number of nodes, the two ends included.
    pub fn nodes(&self) -> usize {
        self.first.len() - 1
    }

    /// Number of links.
    pub fn len(&self) -> usize {
        self.to.len()
    }

    /// The links that leave a node.
    #[inline]
    pub fn links(&self, node: usize) -> Range<usize> {
        self.first[node] as usize..self.first[node + 1] as usize
    }

    /// The node that a link leads to.
    #[inline]
    pub fn to(&self, at: usize) -> usize {
        self.to[at] as usize
    }

    /// The links by the names that `Links` has for them.
    pub fn names(&self) -> impl Iterator<Item = usize> + '_ {
        self.link.iter().map(|&link| link as usize)
    }

    /// Blocks that may be left on entering a node with so many devices to come after it.
    #[inline]
    pub fn window(&self, node: usize, layer: usize, width: usize) -> Range<usize> {
        match self.windows.get(node * self.layers + layer) {
            Some(&(low, high)) => low as usize..high as usize,
            None => 0..width,
        }
    }

    /// Cells of a table that links of the graph lead to: what filling it takes.
    pub fn cells(&self, width: usize, layers: usize, or_more: bool) -> u64 {
        // Setting out on a row costs about as much as a few of its cells.
        const ROW: usize = 4;
        if self.windows.is_empty() {
            return (self.len() * layers * width) as u64;
        }
        let per_node = |node: usize| -> usize {
            let rows = (0..layers - 1).map(|layer| self.window(node, layer, width).len() + ROW).sum::<usize>();
            rows + if or_more { self.window(node, 0, width).len() + ROW } else { 0 }
        };
        let per_node: Vec<usize> = (0..self.nodes()).map(per_node).collect();
        self.to.iter().map(|&to| per_node[to as usize] as u64).sum()
    }
}
