//! Parts of a model with what belongs to them: part 0 is the embedding, 1 to L the blocks, L + 1 the head.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::nn::{BlockSaved, EmbeddingSaved, HeadSaved, Optimizer, Rule};
use crate::work::WorkError;

/// The parts that a node holds.
pub(super) type Held = BTreeMap<usize, Part>;

/// A part of the model.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Shared with the micro-batches under way whose forward pass used them: an update leaves those as they were.
    pub parameters: Arc<Vec<f32>>,
    pub gradients: Vec<f32>,
    optimizer: Optimizer<f32>,
}

impl Part {
    pub fn new(parameters: Vec<f32>, rule: Rule) -> Self {
        let optimizer = Optimizer::new(rule, parameters.len());
        Self { gradients: vec![0.0; parameters.len()], parameters: Arc::new(parameters), optimizer }
    }

    fn parameters_mut(&mut self) -> &mut [f32] {
        let parameters: &mut Vec<f32> = Arc::make_mut(&mut self.parameters);
        parameters
    }

    pub fn write(&self, numbers: &mut Vec<f32>) {
        numbers.extend(self.parameters.iter());
        numbers.extend(self.optimizer.state());
    }

    /// Takes parameters and state from the front of the numbers.
    pub fn read(&mut self, numbers: &mut &[f32], rule: Rule) -> Result<(), WorkError> {
        let (own, state) = (self.parameters.len(), Optimizer::<f32>::state_len(rule, self.parameters.len()));
        let short = WorkError::Length { what: "a part of the model", found: numbers.len(), expected: own + state };
        let Some((parameters, rest)) = numbers.split_at_checked(own) else { return Err(short) };
        let Some((state, rest)) = rest.split_at_checked(state) else { return Err(short) };
        self.parameters_mut().copy_from_slice(parameters);
        if !self.optimizer.restore(state) {
            return Err(WorkError::Misplaced("the state of another optimizer"));
        }
        *numbers = rest;
        Ok(())
    }

    /// Becomes the mean of `count` parts, of which this is that of all but the last one.
    pub fn average_in(&mut self, last: &Self, count: u32) {
        let share = 1.0 / count as f32;
        let mean = |own: &mut [f32], last: &[f32]| {
            own.iter_mut().zip(last).for_each(|(own, last)| *own += (last - *own) * share);
        };
        mean(self.parameters_mut(), &last.parameters);
        let (mut own, last) = (self.optimizer.state(), last.optimizer.state());
        mean(&mut own, &last);
        // As many numbers as it gave.
        let _ = self.optimizer.restore(&own);
    }

    /// One update.
    pub fn step(&mut self) {
        let parameters: &mut Vec<f32> = Arc::make_mut(&mut self.parameters);
        self.optimizer.step(parameters, &self.gradients);
        self.gradients.fill(0.0);
    }

    pub fn bytes(&self) -> u64 {
        4 * (self.parameters.len() + self.gradients.len()) as u64 + self.optimizer.bytes()
    }
}

/// What a backward pass through a part needs.
pub(super) enum Kept {
    Embedding(EmbeddingSaved<f32>),
    Block(Box<BlockSaved<f32>>),
    Head(HeadSaved<f32>),
}

/// The same with the part's place and the parameters of the forward pass.
pub(super) struct Saved {
    pub part: usize,
    pub parameters: Arc<Vec<f32>>,
    pub kept: Kept,
}

impl Saved {
    pub fn bytes(&self) -> u64 {
        match &self.kept {
            Kept::Embedding(saved) => saved.bytes(),
            Kept::Block(saved) => saved.bytes(),
            Kept::Head(saved) => saved.bytes(),
        }
    }
}

/// Bytes of parameters that only micro-batches under way still hold.
pub(super) fn stashed_bytes<'a>(held: &Held, saved: impl Iterator<Item = &'a Saved>) -> u64 {
    let mut old: BTreeMap<*const Vec<f32>, u64> = BTreeMap::new();
    for Saved { part, parameters, .. } in saved {
        if held.get(part).is_none_or(|now| !Arc::ptr_eq(&now.parameters, parameters)) {
            old.insert(Arc::as_ptr(parameters), 4 * parameters.len() as u64);
        }
    }
    old.values().sum()
}
