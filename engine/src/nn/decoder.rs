//! The last stage of an encoder-decoder: decoder blocks over the encoder's output, the next token of the target, cross-entropy.

use rand::Rng;

use super::Activations;
use super::cross::{CrossBlock, CrossBlockSaved, Pair};
use super::model::{Loss, Shape};
use super::real::Real;
use super::table::{IGNORED, Table, cross_entropy, places};

/// Token that a target is begun with: as in many translators, the one that ends a text.
pub const BEGIN: u32 = 1;

/// Where the numbers of a decoder stand. Its table is at once embedding of the target and matrix before the softmax; it is a copy of the
/// encoder's: equal at the start, and trained by its own gradient.
#[derive(Clone, Debug)]
pub struct Decoder {
    table: Table,
    blocks: Vec<CrossBlock>,
    target: usize,
    count: usize,
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
pub struct DecoderSaved<T> {
    memory: Activations<T>,
    given: Vec<u32>,
    blocks: Vec<CrossBlockSaved<T>>,
    output: Activations<T>,
    of_logits: Activations<T>,
}

impl<T> DecoderSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let blocks: usize = self.blocks.iter().map(CrossBlockSaved::numbers).sum();
        let numbers = self.memory.len() + blocks + self.output.len() + self.of_logits.len();
        (numbers * size_of::<T>() + self.given.len() * size_of::<u32>()) as u64
    }
}

impl Decoder {
    /// So many blocks for targets of `target` tokens.
    #[must_use]
    pub fn new(
        width: usize,
        feed_forward: usize,
        heads: usize,
        vocabulary: usize,
        blocks: usize,
        target: usize,
    ) -> Self {
        let mut at = 0;
        let table = Table::place(&mut at, width, vocabulary);
        let blocks = (0..blocks).map(|_| CrossBlock::place(&mut at, width, feed_forward, heads)).collect();
        Self { table, blocks, target, count: at }
    }

    /// Its parameters.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Tokens of a target.
    #[must_use]
    pub const fn target(&self) -> usize {
        self.target
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Fresh parameters; the table is left at 0 for the encoder's.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let mut parameters = vec![T::zero(); self.count];
        self.blocks.iter().for_each(|block| block.draw(&mut parameters, random));
        parameters
    }

    fn pair(&self, shape: Shape) -> Pair {
        Pair { samples: shape.samples, target: self.target, source: shape.tokens }
    }

    /// Loss of a micro-batch, divided by `counted`, the targets of the whole batch. Every token of a target is predicted from the ones
    /// before it as they should be (teacher forcing).
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        memory: &Activations<T>,
        targets: &[u32],
        counted: usize,
        shape: Shape,
    ) -> (Loss, DecoderSaved<T>) {
        let shifted = targets.chunks(self.target).flat_map(|target| {
            let before = target.iter().take(target.len().saturating_sub(1));
            std::iter::once(BEGIN).chain(before.map(|token| if *token == IGNORED { BEGIN } else { *token }))
        });
        let given: Vec<u32> = shifted.collect();
        let width = self.table.width;
        let (places, scale) = (places::<T>(width, self.target), T::of((width as f64).sqrt()));
        let mut at = Activations::<T>::zeros(width, given.len());
        for (place, (token, mut column)) in given.iter().zip(at.column_iter_mut()).enumerate() {
            let entry = &parameters[self.table.row(*token)];
            let of_place = places.column(place % self.target);
            for ((value, entry), place) in column.iter_mut().zip(entry).zip(of_place.iter()) {
                *value = *entry * scale + *place;
            }
        }
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let (next, saved) = block.forward(parameters, at, memory, self.pair(shape));
            blocks.push(saved);
            at = next;
        }
        let mut of_logits = self.table.logits(parameters, &at);
        let loss = cross_entropy(&mut of_logits, targets, self.target, counted);
        (loss, DecoderSaved { memory: memory.clone(), given, blocks, output: at, of_logits })
    }

    /// Adds to the gradients and returns that of the encoder's output.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &DecoderSaved<T>,
        shape: Shape,
        gradients: &mut [T],
    ) -> Activations<T> {
        let mut of_memory = Activations::<T>::zeros(saved.memory.nrows(), saved.memory.ncols());
        let mut back = self.table.backward(parameters, &saved.output, &saved.of_logits, gradients);
        for (block, of) in self.blocks.iter().zip(&saved.blocks).rev() {
            back = block.backward(parameters, of, &saved.memory, back, self.pair(shape), gradients, &mut of_memory);
        }
        let scale = T::of((self.table.width as f64).sqrt());
        for (token, column) in saved.given.iter().zip(back.column_iter()) {
            let entry = &mut gradients[self.table.row(*token)];
            entry.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += *value * scale);
        }
        of_memory
    }
}
