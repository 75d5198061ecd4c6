//! What every stage and every link takes, computed once: all algorithms compare the same numbers, those of `evaluate`.

use super::error::PartitionError;
use super::plan::{Stage, StageNeed, stage_need};
use super::problem::{DeviceOrder, PartitionProblem};

/// Most entries of the tables of seconds, 8 bytes each.
pub(super) const MOST_ENTRIES: usize = 1 << 25;

/// The busy time of a link and what it delays besides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hop {
    pub busy: f64,
    pub delay: f64,
}

impl Hop {
    const NONE: Self = Self { busy: 0.0, delay: 0.0 };
}

/// A stage on some device of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub kind: usize,
    pub first: usize,
    pub past: usize,
}

/// Seconds by type of device. In free order devices that nothing tells apart are one type; in given order each is its
/// own.
pub(super) struct Tables {
    pub layers: usize,
    /// Devices of each type.
    pub kinds: Vec<Vec<usize>>,
    /// Which of the tables of seconds a type has.
    profile: Vec<usize>,
    /// By profile, first layer, past: infinite where the stage does not fit.
    seconds: Vec<f64>,
    /// By type, type and cut: infinite where there is no link.
    busy: Vec<f64>,
    delay: Vec<f64>,
    entry: Vec<Hop>,
    exit: Vec<Hop>,
    /// Share of the chain before each cut, by the layers' mean seconds: from 0 to 1.
    shares: Vec<f64>,
}

/// Shares that differ by less are not told apart.
const ROUNDING: f64 = 1e-9;

impl Tables {
    pub fn new(problem: &PartitionProblem) -> Result<Self, PartitionError> {
        let layers = problem.layers.len();
        let kinds = match problem.order {
            DeviceOrder::Given => (0..problem.devices.len()).map(|device| vec![device]).collect(),
            DeviceOrder::Free => alike(problem),
        };
        let leaders: Vec<usize> = kinds.iter().map(|members| members[0]).collect();
        // Types may differ by their links alone.
        let mut profiles: Vec<usize> = Vec::new();
        let mut profile = Vec::new();
        for leader in &leaders {
            let known = profiles.iter().position(|other| same_stages(problem, *leader, *other));
            profile.push(known.unwrap_or(profiles.len()));
            if known.is_none() {
                profiles.push(*leader);
            }
        }
        let entries = profiles.len() * layers * (layers + 1);
        if entries > MOST_ENTRIES {
            return Err(PartitionError::TooLarge {
                what: "tables of stage seconds (different devices × layers²)",
                needed: entries as f64,
                limit: MOST_ENTRIES as f64,
            });
        }
        let mut seconds = vec![f64::INFINITY; entries];
        for (table, device) in seconds.chunks_exact_mut(layers * (layers + 1)).zip(&profiles) {
            fill(problem, *device, table);
        }
        let (mut busy, mut delay) = (Vec::new(), Vec::new());
        for from in &kinds {
            for to in &kinds {
                // Between two devices of one type; a type of one device never follows itself.
                let pair = (from[0], if from[0] == to[0] { to.get(1).copied() } else { Some(to[0]) });
                let hop =
                    |cut| pair.1.map_or(Hop { busy: f64::INFINITY, delay: 0.0 }, |to| hop(problem, pair.0, to, cut));
                busy.extend((0..=layers).map(|cut| hop(cut).busy));
                delay.push(hop(layers).delay);
            }
        }
        let ends = |enters: bool| {
            let end = |device: &usize| match problem.data_host {
                Some(host) if host != *device && enters => hop(problem, host, *device, 0),
                Some(host) if host != *device => hop(problem, *device, host, layers),
                _ => Hop::NONE,
            };
            leaders.iter().map(end).collect()
        };
        let (entry, exit) = (ends(true), ends(false));
        let shares = shares(problem, &leaders);
        Ok(Self { layers, kinds, profile, seconds, busy, delay, entry, exit, shares })
    }

    /// The greatest share of the chain that a stage of each type can hold within a limit.
    pub fn covers(&self, limit: f64) -> Vec<f64> {
        let cover = |kind: usize| {
            let stage = |first: usize| {
                let stages = self.stages_from(kind, first);
                let past = (first + 1..=self.layers).rev().find(|past| stages[*past] <= limit.min(f64::MAX))?;
                Some(self.shares[past] - self.shares[first])
            };
            (0..self.layers).filter_map(stage).fold(0.0, f64::max)
        };
        (0..self.kinds.len()).map(cover).collect()
    }

    /// Whether all devices together could hold the chain within a limit if each held the best stage for it: a test that
    /// no plan within the limit fails.
    pub fn could_hold(&self, limit: f64) -> bool {
        let covers = self.covers(limit).into_iter().zip(&self.kinds);
        covers.map(|(cover, members)| cover * members.len() as f64).sum::<f64>() >= 1.0 - ROUNDING
    }

    /// The first cut from which devices that cover such a share together may hold the rest.
    pub fn first_cut(&self, rest: f64) -> usize {
        self.shares.partition_point(|share| share + rest < 1.0 - ROUNDING)
    }

    /// Seconds of the stages that begin with layer `first`, by the layer after their last: 0 to all layers.
    pub fn stages_from(&self, kind: usize, first: usize) -> &[f64] {
        let width = self.layers + 1;
        let start = (self.profile[kind] * self.layers + first) * width;
        &self.seconds[start..start + width]
    }

    pub fn stage(&self, placed: &Placed) -> f64 {
        self.stages_from(placed.kind, placed.first)[placed.past]
    }

    /// Busy seconds of the link over each cut, from one type to another.
    pub fn links(&self, from: usize, to: usize) -> &[f64] {
        let start = (from * self.kinds.len() + to) * (self.layers + 1);
        &self.busy[start..start + self.layers + 1]
    }

    pub fn delay(&self, from: usize, to: usize) -> f64 {
        self.delay[from * self.kinds.len() + to]
    }

    /// From the data host, and back to it.
    pub fn entry(&self, kind: usize) -> Hop {
        self.entry[kind]
    }

    pub fn exit(&self, kind: usize) -> Hop {
        self.exit[kind]
    }

    /// All numbers that the busiest step can be.
    pub fn steps(&self) -> impl Iterator<Item = f64> + '_ {
        let ends = self.entry.iter().chain(&self.exit).map(|hop| hop.busy);
        self.seconds.iter().chain(&self.busy).copied().chain(ends)
    }

    /// No plan's busiest step is below this: every layer runs somewhere, in a stage that is no shorter.
    pub fn least_step(&self) -> f64 {
        let mut least_of_layer = vec![f64::INFINITY; self.layers];
        for kind in 0..self.kinds.len() {
            for first in 0..self.layers {
                let stages = self.stages_from(kind, first);
                // The shortest stage that reaches at least so far, from the far end.
                let mut least = f64::INFINITY;
                for past in (first + 1..=self.layers).rev() {
                    least = least.min(stages[past]);
                    least_of_layer[past - 1] = least_of_layer[past - 1].min(least);
                }
            }
        }
        least_of_layer.into_iter().fold(0.0, f64::max)
    }

    pub fn busiest(&self, plan: &[Placed]) -> f64 {
        let stages = plan.iter().map(|placed| self.stage(placed));
        let links = plan.windows(2).map(|pair| self.links(pair[0].kind, pair[1].kind)[pair[0].past]);
        let first = plan.first().map(|placed| self.entry(placed.kind).busy);
        let last = plan.last().map(|placed| self.exit(placed.kind).busy);
        stages.chain(links).chain(first).chain(last).fold(0.0, f64::max)
    }

    /// The plan with devices in the place of types: those of a type in turn.
    pub fn devices(&self, plan: &[Placed]) -> Vec<Stage> {
        let mut used = vec![0; self.kinds.len()];
        let mut device = |kind: usize| {
            used[kind] += 1;
            self.kinds[kind][used[kind] - 1]
        };
        plan.iter()
            .map(|placed| Stage { device: device(placed.kind), first: placed.first, past: placed.past })
            .collect()
    }
}

/// Shares of the chain before each cut. Every device counts alike, however slow it is; where no layer takes time, all
/// layers do.
fn shares(problem: &PartitionProblem, leaders: &[usize]) -> Vec<f64> {
    let layers = problem.layers.len();
    let mut weights = vec![0.0; layers];
    for leader in leaders {
        let device = &problem.devices[*leader];
        let backward = |layer: usize| device.backward_seconds.get(layer).copied().unwrap_or_default();
        let seconds: Vec<f64> = (0..layers).map(|layer| device.forward_seconds[layer] + backward(layer)).collect();
        let total: f64 = seconds.iter().sum();
        if total > 0.0 {
            weights.iter_mut().zip(seconds).for_each(|(weight, second)| *weight += second / total);
        }
    }
    let total: f64 = weights.iter().sum();
    let mut shares = vec![0.0; layers + 1];
    for (layer, weight) in weights.iter().enumerate() {
        shares[layer + 1] = shares[layer] + if total > 0.0 { weight / total } else { 1.0 / layers as f64 };
    }
    shares
}

/// Link over a cut, by the devices at its ends.
fn hop(problem: &PartitionProblem, from: usize, to: usize, cut: usize) -> Hop {
    let (forward, backward) = super::plan::link_seconds(problem, from, to, cut);
    let back = if cut > 0 && problem.has_backward() { problem.links.latency(to, from) } else { 0.0 };
    Hop { busy: forward + backward, delay: problem.links.latency(from, to) + back }
}

/// The stages of one device.
fn fill(problem: &PartitionProblem, device: usize, table: &mut [f64]) {
    let spec = &problem.devices[device];
    let layers = problem.layers.len();
    let most = spec.max_layers.unwrap_or(layers);
    for first in 0..layers {
        let row = &mut table[first * (layers + 1)..(first + 1) * (layers + 1)];
        let (mut need, mut resident) = (StageNeed::default(), 0.0);
        for (past, seconds) in row.iter_mut().enumerate().skip(first + 1).take(most) {
            need.add(spec, past - 1);
            resident += problem.layers[past - 1].resident_bytes;
            let fits = past - first >= spec.min_layers.unwrap_or(1)
                && spec.memory_bytes.is_none_or(|limit| {
                    let needed = stage_need(problem, resident, first, past);
                    if problem.memory.strict { needed < limit } else { needed <= limit }
                });
            if fits {
                *seconds = need.forward + need.backward;
            }
        }
    }
}

fn same_stages(problem: &PartitionProblem, a: usize, b: usize) -> bool {
    let (a, b) = (&problem.devices[a], &problem.devices[b]);
    let backward =
        |device: &super::problem::PartitionDevice| device.backward_seconds.iter().all(|second| *second == 0.0);
    a.forward_seconds == b.forward_seconds
        && (a.backward_seconds == b.backward_seconds || (backward(a) && backward(b)))
        && a.memory_bytes == b.memory_bytes
        && a.min_layers.unwrap_or(1).max(1) == b.min_layers.unwrap_or(1).max(1)
        && a.max_layers == b.max_layers
}

/// Devices in groups that nothing tells apart: exchanging two of one group changes no stage and no link.
fn alike(problem: &PartitionProblem) -> Vec<Vec<usize>> {
    let devices = problem.devices.len();
    let links = &problem.links;
    let twins = |a: usize, b: usize| {
        same_stages(problem, a, b)
            && problem.data_host != Some(a)
            && problem.data_host != Some(b)
            && links.alike((a, b), (b, a))
            && (0..devices)
                .filter(|other| *other != a && *other != b)
                .all(|other| links.alike((a, other), (b, other)) && links.alike((other, a), (other, b)))
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for device in 0..devices {
        match groups.iter_mut().find(|group| group.iter().all(|member| twins(*member, device))) {
            Some(group) => group.push(device),
            None => groups.push(vec![device]),
        }
    }
    groups
}
