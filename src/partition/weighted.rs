//! Plans that are cheap for given weights of the durations: a path through the timeline is a sum of weights times
//! durations, so that the least of it over all plans with so many stages is a shortest path over (state, cut), and a
//! bound on their makespans.

use std::ops::ControlFlow;

use super::plan::link_seconds;
use super::problem::PartitionProblem;
use super::space::{Space, State};
use super::tables::Tables;

/// The durations of stages and links by type, forward and backward apart.
pub(super) struct Durations<'a> {
    pub tables: &'a Tables,
    /// By type and cut: seconds of the layers before it, forward and backward.
    before: Vec<[f64; 2]>,
    /// By type, type and cut: seconds of the link, forward and backward; infinite where there is none.
    links: Vec<[f64; 2]>,
    /// By type and type: latency, forward and backward.
    latency: Vec<[f64; 2]>,
    /// By cut: no device needs less for the layers before it, forward and backward together.
    least_before: Vec<f64>,
    pub micro_batches: f64,
}

impl<'a> Durations<'a> {
    pub fn new(problem: &PartitionProblem, tables: &'a Tables, micro_batches: u32) -> Self {
        let layers = tables.layers;
        let mut before = Vec::new();
        let mut least_before = vec![0.0; layers + 1];
        let mut least = vec![f64::INFINITY; layers];
        for members in &tables.kinds {
            let device = &problem.devices[members[0]];
            let mut sum = [0.0, 0.0];
            before.push(sum);
            for (layer, least) in least.iter_mut().enumerate() {
                let backward = device.backward_seconds.get(layer).copied().unwrap_or_default();
                sum = [sum[0] + device.forward_seconds[layer], sum[1] + backward];
                before.push(sum);
                *least = least.min(device.forward_seconds[layer] + backward);
            }
        }
        for layer in 0..layers {
            least_before[layer + 1] = least_before[layer] + least[layer];
        }
        let (mut links, mut latency) = (Vec::new(), Vec::new());
        for from in &tables.kinds {
            for to in &tables.kinds {
                let pair = if from[0] == to[0] { to.get(1).map(|to| (from[0], *to)) } else { Some((from[0], to[0])) };
                let seconds =
                    |cut| pair.map_or([f64::INFINITY; 2], |(from, to)| link_seconds(problem, from, to, cut).into());
                links.extend((0..=layers).map(seconds));
                let both = |(from, to)| [problem.links.latency(from, to), problem.links.latency(to, from)];
                latency.push(pair.map_or([0.0; 2], both));
            }
        }
        Self { tables, before, links, latency, least_before, micro_batches: f64::from(micro_batches) }
    }

    /// Seconds of the layers between two cuts on a type, forward and backward.
    pub fn stage(&self, kind: usize, first: usize, past: usize) -> [f64; 2] {
        let of = |cut: usize| self.before[kind * (self.tables.layers + 1) + cut];
        let (a, b) = (of(first), of(past));
        [b[0] - a[0], b[1] - a[1]]
    }

    /// Seconds of a link and its latency, forward and backward.
    pub fn link(&self, from: usize, to: usize, cut: usize) -> ([f64; 2], [f64; 2]) {
        let pair = from * self.tables.kinds.len() + to;
        (self.links[pair * (self.tables.layers + 1) + cut], self.latency[pair])
    }

    /// Whether a stage fits, and a plan with it can be better than `most` in any schedule: all its micro-batches come
    /// after the first one has gone through the layers before, and before the last one has come back through them.
    pub fn allowed(&self, kind: usize, first: usize, past: usize, most: f64) -> bool {
        let seconds = self.tables.stages_from(kind, first)[past];
        seconds.is_finite() && self.micro_batches * seconds + self.least_before[first] <= most
    }
}

/// How often each duration counts, in the order of the timeline's layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    pub flat: Vec<f64>,
    pub stages: usize,
}

impl Weights {
    pub fn stage(&self, stage: usize) -> [f64; 2] {
        [self.flat[stage], self.flat[self.stages + stage]]
    }

    /// Of a link and of its latency, forward and backward.
    fn link(&self, link: usize) -> ([f64; 2], [f64; 2]) {
        let links = self.stages - 1;
        let of = |list: usize| self.flat[2 * self.stages + list * links + link];
        ([of(0), of(1)], [of(2), of(3)])
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    // A weight of 0 makes nothing of an infinite duration, which is not allowed anyway.
    a[0] * b[0] + a[1] * b[1]
}

/// What a link costs at weights; infinite where there is none.
pub(super) fn link_cost(
    durations: &Durations<'_>,
    weights: &Weights,
    link: usize,
    from: usize,
    to: usize,
    cut: usize,
) -> f64 {
    let (seconds, latency) = durations.link(from, to, cut);
    if !(seconds[0] + seconds[1]).is_finite() {
        return f64::INFINITY;
    }
    let (of_seconds, of_latency) = weights.link(link);
    dot(of_seconds, seconds) + dot(of_latency, latency)
}

/// The least cost from the beginning to every (state, cut) at given weights.
pub(super) struct Costs {
    pub weights: Weights,
    sums: Vec<f64>,
    width: usize,
}

impl Costs {
    /// For plans that may be better than `most`. Adds to `work`.
    pub fn new(durations: &Durations<'_>, space: &Space, weights: Weights, most: f64, work: &mut u64) -> Self {
        let (layers, kinds) = (durations.tables.layers, durations.tables.kinds.len());
        let width = layers + 1;
        let mut costs = Self { weights, sums: vec![f64::INFINITY; space.len() * width], width };
        let mut incoming = vec![f64::INFINITY; width];
        space.walk::<()>(|state| {
            costs.enter(durations, &state, kinds, &mut incoming);
            let of_stage = costs.weights.stage(state.stage);
            let sums = &mut costs.sums[state.index * width..][..width];
            for first in (0..layers).filter(|first| incoming[*first].is_finite()) {
                for (past, sum) in sums.iter_mut().enumerate().skip(first + 1) {
                    if durations.allowed(state.kind, first, past, most) {
                        let cost = incoming[first] + dot(of_stage, durations.stage(state.kind, first, past));
                        *sum = sum.min(cost);
                    }
                }
                *work += 4 * (layers - first) as u64;
            }
            *work += (4 * state.before.len() * width) as u64;
            ControlFlow::Continue(())
        });
        costs
    }

    fn enter(&self, durations: &Durations<'_>, state: &State, kinds: usize, incoming: &mut [f64]) {
        incoming.fill(f64::INFINITY);
        if state.begins {
            incoming[0] = 0.0;
            return;
        }
        for before in state.before.clone() {
            for (cut, least) in incoming.iter_mut().enumerate().take(self.width - 1).skip(1) {
                let sum = self.at(before, cut);
                if sum.is_finite() {
                    let link = link_cost(durations, &self.weights, state.stage - 1, before % kinds, state.kind, cut);
                    *least = least.min(sum + link);
                }
            }
        }
    }

    /// The least cost of stages up to a cut that end in a state.
    pub fn at(&self, state: usize, cut: usize) -> f64 {
        self.sums[state * self.width + cut]
    }
}
