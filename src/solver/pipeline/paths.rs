//! Critical paths: how often each duration stands on one, and the weights that a mixture of paths gives to durations.
//!
//! The makespan is the maximum of n·t over the paths of the schedule (formulation, section 7). A [`Pool`] keeps the
//! paths found so far for one schedule, sending mode, number of stages and number of micro-batches: they hold for every
//! device, cut and radio. Its first path is one micro-batch alone, on which every operation stands once.

use super::ScheduleKind;
use super::timeline::Timeline;
use crate::schedule::Sending;

/// Where the durations of each kind begin in the flat list of one iteration's durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub stages: usize,
}

impl Layout {
    pub fn len(self) -> usize {
        2 * self.stages + 4 * self.links()
    }
    pub fn links(self) -> usize {
        self.stages - 1
    }
    /// Computation of a phase (0 forward, 1 backward) on a stage.
    pub fn stage(self, phase: usize, stage: usize) -> usize {
        phase * self.stages + stage
    }
    /// Transmission of a phase over a link.
    pub fn link(self, phase: usize, link: usize) -> usize {
        2 * self.stages + phase * self.links() + link
    }
    /// Its latency.
    pub fn latency(self, phase: usize, link: usize) -> usize {
        2 * self.stages + (2 + phase) * self.links() + link
    }
}

/// Paths of one pipeline shape.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub layout: Layout,
    timeline: Timeline,
    counts: Vec<f64>,
    found: Vec<f64>,
}

impl Pool {
    /// `None` for a schedule with more events than can be played.
    pub fn new(kind: ScheduleKind, sending: Sending, stages: usize, micro_batches: u32) -> Option<Self> {
        let layout = Layout { stages };
        let mut alone = vec![1.0; layout.len()];
        if !kind.has_backward() {
            for stage in 0..stages {
                alone[layout.stage(1, stage)] = 0.0;
            }
            for link in 0..layout.links() {
                alone[layout.link(1, link)] = 0.0;
                alone[layout.latency(1, link)] = 0.0;
            }
        }
        let timeline = Timeline::new(kind, sending, stages, micro_batches)?;
        Some(Self { layout, timeline, found: vec![0.0; layout.len()], counts: alone })
    }

    pub fn len(&self) -> usize {
        self.counts.len() / self.layout.len()
    }

    /// Counts of a path.
    #[inline]
    pub fn path(&self, index: usize) -> &[f64] {
        let n = self.layout.len();
        &self.counts[index * n..(index + 1) * n]
    }

    /// Makespan of one iteration.
    pub fn makespan(&mut self, durations: &[f64]) -> f64 {
        self.timeline.run(durations)
    }

    /// The index of the critical path of the last run, which is added if it is new.
    pub fn critical(&mut self) -> usize {
        self.timeline.counts(&mut self.found);
        let n = self.layout.len();
        if let Some(index) = self.counts.chunks_exact(n).position(|path| path == self.found) {
            return index;
        }
        self.counts.extend_from_slice(&self.found);
        self.len() - 1
    }
}

/// Σ over positions of count times duration.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
