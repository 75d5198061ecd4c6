//! A region of choices: where the segment of each device at each position may end, for every cut at which it begins.

use super::choice::Choice;
use super::instance::{Instance, Medium};

/// Windows of a pipeline of a given number of devices. Indexed by (position, device, first).
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    pub positions: usize,
    devices: usize,
    blocks: usize,
    /// Least and most `past`; empty where the former is larger.
    low: Vec<u16>,
    high: Vec<u16>,
}

/// How a region is cut in two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    /// By what a position's segment costs in time: a weight of forward and of backward seconds, and the threshold.
    Work { position: usize, weights: [f64; 2], threshold: f64 },
    /// By the device at a position.
    Device { position: usize, device: usize },
    /// By the cut behind a position.
    Past { position: usize, cut: usize },
}

impl Windows {
    /// All choices of `positions` devices that memory, limits and links of the transfers leave.
    pub fn all(instance: &Instance, positions: usize) -> Self {
        let (devices, blocks) = (instance.devices, instance.blocks);
        let mut out = Self {
            positions,
            devices,
            blocks,
            low: vec![1; positions * devices * blocks],
            high: vec![0; positions * devices * blocks],
        };
        let stages = instance.stages(positions);
        for s in 0..positions {
            let held = instance.kind.in_flight(s + instance.before(), stages, instance.micro_batches);
            for k in 0..devices {
                if instance.given && (k < s || devices - k < positions - s) {
                    continue;
                }
                let moves = instance.pair(0, k + 1).medium != Medium::Missing
                    && instance.pair(k + 1, 0).medium != Medium::Missing;
                for first in s..blocks {
                    if (s == 0) != (first == 0) {
                        continue;
                    }
                    let mut high =
                        (first + instance.largest(k, f64::from(held), first)).min(blocks + s + 1 - positions);
                    if !moves {
                        let bits = |past: usize| instance.parameters_before[past] > instance.parameters_before[first];
                        while high > first && bits(high) {
                            high -= 1;
                        }
                    }
                    let mut low = first + instance.min_blocks[k].max(1);
                    if s + 1 == positions {
                        low = low.max(blocks);
                    }
                    out.set(s, k, first, low, high);
                }
            }
        }
        out
    }

    #[inline]
    fn at(&self, position: usize, device: usize, first: usize) -> usize {
        (position * self.devices + device) * self.blocks + first
    }

    /// (least, most) past; empty where the least is larger.
    #[inline]
    pub fn get(&self, position: usize, device: usize, first: usize) -> (usize, usize) {
        let at = self.at(position, device, first);
        (usize::from(self.low[at]), usize::from(self.high[at]))
    }

    pub fn set(&mut self, position: usize, device: usize, first: usize, low: usize, high: usize) {
        let at = self.at(position, device, first);
        (self.low[at], self.high[at]) = if low > high { (1, 0) } else { (low as u16, high as u16) };
    }

    /// Whether a device may stand at a position at all.
    pub fn open(&self, position: usize, device: usize) -> bool {
        let from = self.at(position, device, 0);
        (from..from + self.blocks).any(|at| self.low[at] <= self.high[at])
    }

    /// Whether the region holds a choice.
    pub fn holds(&self, choice: &Choice) -> bool {
        choice.devices.len() == self.positions
            && choice.segments().all(|(s, k, first, past)| {
                let (low, high) = self.get(s, k, first);
                low <= past && past <= high
            })
    }

    /// One side of a split: the lower, or equal, side if `lower`.
    pub fn side(&self, instance: &Instance, split: Split, lower: bool) -> Self {
        let mut out = self.clone();
        let position = match split {
            Split::Work { position, .. } | Split::Device { position, .. } | Split::Past { position, .. } => position,
        };
        for k in 0..self.devices {
            for first in 0..self.blocks {
                let (mut low, mut high) = self.get(position, k, first);
                if low > high {
                    continue;
                }
                match split {
                    Split::Device { device, .. } => {
                        if (device == k) != lower {
                            (low, high) = (1, 0);
                        }
                    }
                    Split::Past { cut, .. } => {
                        if lower {
                            high = high.min(cut);
                        } else {
                            low = low.max(cut + 1);
                        }
                    }
                    Split::Work { weights, threshold, .. } => {
                        let work = |past| work(instance, weights, k, first, past);
                        if lower {
                            while low <= high && work(high) > threshold {
                                high -= 1;
                            }
                        } else {
                            while low <= high && work(low) <= threshold {
                                low += 1;
                            }
                        }
                    }
                }
                out.set(position, k, first, low, high);
            }
        }
        if !instance.given {
            out.settle();
        }
        out
    }

    /// Closes a device that has a position for itself at all others.
    fn settle(&mut self) {
        let mut settled = vec![false; self.positions];
        loop {
            let alone = |s: usize| -> Option<usize> {
                let mut usable = (0..self.devices).filter(|&k| self.open(s, k));
                usable.next().filter(|_| usable.next().is_none())
            };
            let found = (0..self.positions).filter(|&s| !settled[s]).find_map(|s| Some((s, alone(s)?)));
            let Some((position, device)) = found else { return };
            settled[position] = true;
            for s in (0..self.positions).filter(|&s| s != position) {
                (0..self.blocks).for_each(|first| self.set(s, device, first, 1, 0));
            }
        }
    }
}

/// A segment's computing time, forward and backward weighted.
pub(crate) fn work(instance: &Instance, weights: [f64; 2], device: usize, first: usize, past: usize) -> f64 {
    weights[0] * instance.stage_time(0, device, first, past) + weights[1] * instance.stage_time(1, device, first, past)
}
