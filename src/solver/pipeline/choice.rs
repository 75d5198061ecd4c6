//! A discrete choice and everything about it that no price changes.

use super::instance::{Instance, Medium};
use super::paths::Layout;

/// Active devices in pipeline order, and the cut behind each: device `devices[s]` holds the blocks before `cuts[s]`
/// that nobody before it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Choice {
    pub devices: Vec<u16>,
    pub cuts: Vec<u16>,
}

impl Choice {
    /// (position, device, first, past) of every segment.
    pub fn segments(&self) -> impl Iterator<Item = (usize, usize, usize, usize)> + '_ {
        (0..self.devices.len()).map(|s| {
            let first = if s == 0 { 0 } else { usize::from(self.cuts[s - 1]) };
            (s, usize::from(self.devices[s]), first, usize::from(self.cuts[s]))
        })
    }

    /// (link, near node, far node, cut) of every link of the pipeline.
    pub fn links<'a>(&'a self, instance: &'a Instance) -> impl Iterator<Item = (usize, usize, usize, usize)> + 'a {
        let nodes = self.devices.len();
        let head = usize::from(instance.ends[0].is_some());
        let tail = usize::from(instance.ends[1].is_some());
        let node = move |at: isize| -> usize {
            if at < 0 {
                0
            } else if at as usize >= nodes {
                instance.edge_server()
            } else {
                usize::from(self.devices[at as usize]) + 1
            }
        };
        let cut = move |at: isize| if at < 0 { 0 } else { usize::from(self.cuts[at as usize]) };
        let links = nodes + head + tail - 1;
        (0..links).map(move |link| {
            let near = link as isize - head as isize;
            (link, node(near), node(near + 1), cut(near))
        })
    }
}

/// A transmission whose time the radio decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RadioHop {
    /// The place of its duration.
    pub place: usize,
    /// The band of which it has a share; none where it has the whole band for itself.
    pub band: Option<usize>,
    pub medium: Medium,
    pub bits: f64,
}

/// A choice with its durations, bits and energies.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Durations without the time on air of `hops`.
    pub fixed: Vec<f64>,
    pub hops: Vec<RadioHop>,
    /// Cost that no price of latency changes: computing, and bits over links of fixed rate.
    pub constant: f64,
    /// Device and bits of every segment with parameters.
    pub moved: Vec<(usize, f64)>,
}

impl Column {
    /// `None` where a link is missing that has bits to carry.
    pub fn new(instance: &Instance, layout: Layout, choice: &Choice) -> Option<Self> {
        let before = instance.before();
        let uses = instance.uses();
        let mut fixed = vec![0.0; layout.len()];
        let (mut hops, mut moved, mut constant) = (Vec::new(), Vec::new(), 0.0);
        for phase in 0..2 {
            for (end, stage) in [(0, 0), (1, layout.stages - 1)] {
                if let Some(times) = instance.ends[end] {
                    fixed[layout.stage(phase, stage)] = times[phase];
                }
            }
        }
        for (s, device, first, past) in choice.segments() {
            for phase in 0..2 {
                fixed[layout.stage(phase, s + before)] = instance.stage_time(phase, device, first, past);
            }
            let row = device * (instance.blocks + 1);
            constant += instance.energy_before[row + past] - instance.energy_before[row + first];
            let bits = instance.parameters_before[past] - instance.parameters_before[first];
            if bits > 0.0 {
                if instance.pair(0, device + 1).medium == Medium::Missing
                    || instance.pair(device + 1, 0).medium == Medium::Missing
                {
                    return None;
                }
                moved.push((device, bits));
            }
        }
        for (link, near, far, cut) in choice.links(instance) {
            for phase in 0..instance.phases() {
                let pair = if phase == 0 { instance.pair(near, far) } else { instance.pair(far, near) };
                let bits = instance.boundary[cut];
                let place = layout.link(phase, link);
                fixed[place] = pair.overhead;
                fixed[layout.latency(phase, link)] = pair.latency;
                // What keeps the sender busy is part of its stage.
                fixed[layout.stage(phase, link + phase)] += pair.staging * bits;
                if bits == 0.0 {
                    continue;
                }
                match instance.hop_medium(pair) {
                    Medium::Missing => return None,
                    Medium::Fixed { rate, energy } => {
                        fixed[place] += bits / rate;
                        constant += uses * energy * bits;
                    }
                    medium => hops.push(RadioHop { place, band: instance.band_of(phase), medium, bits }),
                }
            }
        }
        Some(Self { fixed, hops, constant, moved })
    }
}
