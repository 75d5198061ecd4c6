//! An encoder block: attention and feed-forward, each with a residual and a normalization behind it.

use rand::Rng;

use super::Activations;
use super::attention::{Attention, AttentionSaved};
use super::linear::Linear;
use super::model::Shape;
use super::norm::{Norm, NormSaved};
use super::real::{Real, gelu, gelu_slope};

/// Where the numbers of an encoder block stand. The numbers themselves are held by whoever has the block.
#[derive(Clone, Debug)]
pub struct Block {
    attention: Attention,
    attention_norm: Norm,
    widen: Linear,
    narrow: Linear,
    feed_forward_norm: Norm,
    count: usize,
}

/// What a block's backward pass needs.
#[derive(Clone, Debug)]
pub struct BlockSaved<T> {
    input: Activations<T>,
    attention: AttentionSaved<T>,
    attention_norm: NormSaved<T>,
    between: Activations<T>,
    wide: Activations<T>,
    active: Activations<T>,
    feed_forward_norm: NormSaved<T>,
}

impl<T> BlockSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let own = self.input.len() + self.between.len() + self.wide.len() + self.active.len();
        let numbers = own + self.attention.numbers() + self.attention_norm.numbers() + self.feed_forward_norm.numbers();
        (numbers * size_of::<T>()) as u64
    }
}

impl Block {
    /// A block of this width, width of the feed-forward layer, and number of heads (which divides the width).
    #[must_use]
    pub fn new(width: usize, feed_forward: usize, heads: usize) -> Self {
        let mut at = 0;
        let attention = Attention::place(&mut at, width, heads);
        let attention_norm = Norm::place(&mut at, width);
        let widen = Linear::place(&mut at, width, feed_forward);
        let narrow = Linear::place(&mut at, feed_forward, width);
        let feed_forward_norm = Norm::place(&mut at, width);
        Self { attention, attention_norm, widen, narrow, feed_forward_norm, count: at }
    }

    /// Parameters of a block.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Fresh parameters.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let mut parameters = vec![T::zero(); self.count];
        self.attention.draw(&mut parameters, random);
        self.attention_norm.reset(&mut parameters);
        self.widen.draw(&mut parameters, random);
        self.narrow.draw(&mut parameters, random);
        self.feed_forward_norm.reset(&mut parameters);
        parameters
    }

    /// What the block makes of activations, and what its backward pass needs.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: Activations<T>,
        shape: Shape,
    ) -> (Activations<T>, BlockSaved<T>) {
        let (mut attended, attention) = self.attention.forward(parameters, &input, shape);
        attended += &input;
        let (between, attention_norm) = self.attention_norm.forward(parameters, attended);
        let wide = self.widen.forward(parameters, &between);
        let active = wide.map(gelu);
        let mut fed = self.narrow.forward(parameters, &active);
        fed += &between;
        let (output, feed_forward_norm) = self.feed_forward_norm.forward(parameters, fed);
        (output, BlockSaved { input, attention, attention_norm, between, wide, active, feed_forward_norm })
    }

    /// Adds to the gradients and returns that of the input. `parameters` are those of the forward pass: where updates come
    /// between the two (1F1B, an update per micro-batch), the stashed ones.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &BlockSaved<T>,
        output: Activations<T>,
        shape: Shape,
        gradients: &mut [T],
    ) -> Activations<T> {
        let of_fed = self.feed_forward_norm.backward(parameters, &saved.feed_forward_norm, output, gradients);
        let mut of_wide = self.narrow.backward(parameters, &saved.active, &of_fed, gradients);
        of_wide.zip_apply(&saved.wide, |value, wide| *value *= gelu_slope(wide));
        let mut of_between = self.widen.backward(parameters, &saved.between, &of_wide, gradients);
        of_between += of_fed;
        let of_attended = self.attention_norm.backward(parameters, &saved.attention_norm, of_between, gradients);
        let mut of_input =
            self.attention.backward(parameters, &saved.input, &saved.attention, &of_attended, shape, gradients);
        of_input += of_attended;
        of_input
    }
}
