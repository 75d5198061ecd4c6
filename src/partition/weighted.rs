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
    /// The average, over all stages, of what no schedule can do without: each stage's work for all micro-batches, and
    /// one micro-batch's way to that stage and back.
    pub fn pace(stages: usize, micro_batches: f64) -> Self {
        let mean = |counted: usize| counted as f64 / stages as f64;
        let of_stages = (0..stages).map(|stage| micro_batches * mean(1) + mean(stages - 1 - stage));
        let of_links = (1..stages).map(|after| mean(stages - after));
        let mut flat: Vec<f64> = of_stages.clone().chain(of_stages).collect();
        (0..4).for_each(|_| flat.extend(of_links.clone()));
        Self { flat, stages }
    }

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

/// What every stage and every link costs at given weights, where many states ask for the same ones.
struct Priced {
    /// By position, type, first layer, past; infinite where not allowed.
    stages: Vec<f64>,
    /// By link, type, type and cut.
    links: Vec<f64>,
}

/// Most entries of the tables of prices.
const MOST_PRICES: usize = 1 << 23;

impl Priced {
    /// `None` where the tables would be too large, or be used too seldom.
    fn new(durations: &Durations<'_>, space: &Space, weights: &Weights, most: f64, work: &mut u64) -> Option<Self> {
        let (layers, kinds, stages) = (durations.tables.layers, durations.tables.kinds.len(), weights.stages);
        let entries = stages * kinds * (layers + 1) * layers.max(kinds);
        if space.len() <= 4 * stages * kinds || entries > MOST_PRICES {
            return None;
        }
        let mut priced = Self { stages: Vec::with_capacity(entries), links: Vec::new() };
        for stage in 0..stages {
            let of_stage = weights.stage(stage);
            for kind in 0..kinds {
                for first in 0..layers {
                    priced.stages.extend((0..=layers).map(|past| {
                        match past > first && durations.allowed(kind, first, past, most) {
                            true => dot(of_stage, durations.stage(kind, first, past)),
                            false => f64::INFINITY,
                        }
                    }));
                }
            }
        }
        for link in 0..stages - 1 {
            for from in 0..kinds {
                for to in 0..kinds {
                    let cost = |cut| link_cost(durations, weights, link, from, to, cut);
                    priced.links.extend((0..=layers).map(cost));
                }
            }
        }
        *work += 4 * (priced.stages.len() + priced.links.len()) as u64;
        Some(priced)
    }
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
        let priced = Priced::new(durations, space, &weights, most, work);
        let mut costs = Self { weights, sums: vec![f64::INFINITY; space.len() * width], width };
        let mut incoming = vec![f64::INFINITY; width];
        space.walk::<()>(|state| {
            costs.enter(durations, priced.as_ref(), &state, &mut incoming);
            let of_stage = costs.weights.stage(state.stage);
            let sums = &mut costs.sums[state.index * width..][..width];
            for first in (0..layers).filter(|first| incoming[*first].is_finite()) {
                let before = incoming[first];
                if let Some(priced) = &priced {
                    let start = ((state.stage * kinds + state.kind) * layers + first) * width;
                    let costs = &priced.stages[start + first + 1..start + width];
                    sums[first + 1..].iter_mut().zip(costs).for_each(|(sum, cost)| *sum = sum.min(before + cost));
                    *work += (layers - first) as u64;
                    continue;
                }
                for (past, sum) in sums.iter_mut().enumerate().skip(first + 1) {
                    if durations.allowed(state.kind, first, past, most) {
                        *sum = sum.min(before + dot(of_stage, durations.stage(state.kind, first, past)));
                    }
                }
                *work += 4 * (layers - first) as u64;
            }
            *work += (state.before.len() * width) as u64;
            ControlFlow::Continue(())
        });
        costs
    }

    fn enter(&self, durations: &Durations<'_>, priced: Option<&Priced>, state: &State, incoming: &mut [f64]) {
        let (width, kinds) = (self.width, durations.tables.kinds.len());
        incoming.fill(f64::INFINITY);
        if state.begins {
            incoming[0] = 0.0;
            return;
        }
        // A state that neither begins a pipeline nor follows another has no link.
        let link = state.stage.saturating_sub(1);
        for before in state.before.clone() {
            let from = before % kinds;
            let sums = &self.sums[before * width..][..width];
            if let Some(priced) = priced {
                let links = &priced.links[((link * kinds + from) * kinds + state.kind) * width..][..width];
                let sums = sums.iter().zip(links).map(|(sum, link)| sum + link);
                incoming.iter_mut().zip(sums).for_each(|(least, sum)| *least = least.min(sum));
                continue;
            }
            for (cut, sum) in sums.iter().enumerate().filter(|(_, sum)| sum.is_finite()) {
                let cost = link_cost(durations, &self.weights, link, from, state.kind, cut);
                incoming[cut] = incoming[cut].min(sum + cost);
            }
        }
        // The first layer is the first stage's, and the last cut no stage's beginning.
        (incoming[0], incoming[width - 1]) = (f64::INFINITY, f64::INFINITY);
    }

    /// The least cost of stages up to a cut that end in a state.
    pub fn at(&self, state: usize, cut: usize) -> f64 {
        self.sums[state * self.width + cut]
    }
}
