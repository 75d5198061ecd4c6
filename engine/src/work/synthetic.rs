//! Messages without meaning.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Work, WorkError};
use crate::wire::{Learned, Plan};

/// Most numbers of a synthetic message: the emulated time is what counts, not the bytes of this machine's loopback.
pub const MOST_NUMBERS: usize = 1 << 14;

/// Messages of these sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticSpec {
    /// Numbers of an activation or its gradient.
    pub activation: usize,
    /// Numbers of a block's parameters.
    pub block: usize,
    /// Most numbers of a message: what is longer is shortened.
    pub most: usize,
}

#[derive(Debug)]
pub(super) struct Synthetic {
    spec: SyntheticSpec,
    segments: BTreeMap<usize, Range<u32>>,
    held: u64,
    most: u64,
}

impl SyntheticSpec {
    /// Numbers of the message with a segment of so many blocks.
    #[must_use]
    pub fn segment(&self, blocks: usize) -> usize {
        self.block.saturating_mul(blocks).min(self.most)
    }

    pub(super) fn work(self) -> Synthetic {
        Synthetic { spec: self, segments: BTreeMap::new(), held: 0, most: 0 }
    }
}

impl Synthetic {
    fn numbers(&self, of: usize) -> Vec<f32> {
        vec![0.5; of.min(self.spec.most)]
    }

    fn segment_numbers(&self, node: usize) -> usize {
        let blocks = self.segments.get(&node).map_or(0, |segment| segment.len());
        self.spec.segment(blocks)
    }

    fn fits(&self, what: &'static str, found: usize, expected: usize) -> Result<(), WorkError> {
        if found == expected { Ok(()) } else { Err(WorkError::Length { what, found, expected }) }
    }

    fn activation(&self) -> usize {
        self.spec.activation.min(self.spec.most)
    }
}

impl Work for Synthetic {
    fn begin(&mut self, plan: &Plan, _node: usize) -> Result<(), WorkError> {
        self.segments = plan.segments.iter().cloned().collect();
        (self.held, self.most) = (0, 0);
        Ok(())
    }

    fn forward(&mut self, _iteration: u32, _micro_batch: u32, input: Vec<f32>) -> Result<Vec<f32>, WorkError> {
        if !input.is_empty() {
            self.fits("an activation", input.len(), self.activation())?;
        }
        self.held += 4 * self.activation() as u64;
        self.most = self.most.max(self.held);
        Ok(self.numbers(self.spec.activation))
    }

    fn backward(&mut self, _iteration: u32, _micro_batch: u32, gradient: Vec<f32>) -> Result<Vec<f32>, WorkError> {
        if !gradient.is_empty() {
            self.fits("a gradient", gradient.len(), self.activation())?;
        }
        self.held = self.held.saturating_sub(4 * self.activation() as u64);
        Ok(self.numbers(self.spec.activation))
    }

    fn targets(&mut self, _iteration: u32, _micro_batch: u32) -> Result<Option<Vec<f32>>, WorkError> {
        Ok(None)
    }

    fn wants_targets(&self) -> bool {
        false
    }

    fn take_targets(&mut self, _micro_batch: u32, _targets: Vec<f32>) -> Result<(), WorkError> {
        Err(WorkError::Misplaced("synthetic work has no targets"))
    }

    fn step(&mut self) -> Result<Option<Learned>, WorkError> {
        self.held = 0;
        Ok(None)
    }

    fn segment(&mut self, node: usize) -> Result<Vec<f32>, WorkError> {
        Ok(self.numbers(self.segment_numbers(node)))
    }

    fn take_segment(&mut self, node: usize, numbers: Vec<f32>) -> Result<(), WorkError> {
        self.fits("a segment", numbers.len(), self.segment_numbers(node))
    }

    fn upload(&mut self) -> Result<Vec<f32>, WorkError> {
        Ok(self.numbers(self.spec.block))
    }

    fn take_upload(&mut self, _numbers: Vec<f32>) -> Result<(), WorkError> {
        Ok(())
    }

    fn model(&mut self) -> Result<Vec<f32>, WorkError> {
        Ok(Vec::new())
    }

    fn take_model(&mut self, _numbers: Vec<f32>) -> Result<(), WorkError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WorkError> {
        Ok(())
    }

    fn roll_back(&mut self) {}

    fn memory_bytes(&self) -> u64 {
        self.most
    }
}
