//! A block of the pipeline: attention and feed-forward, each with a residual and a normalization.

use rand::Rng;

use super::Activations;
use super::attention::{Attention, AttentionSaved, Look};
use super::feed_forward::{FeedForward, FeedForwardSaved};
use super::linear::Fresh;
use super::model::Shape;
use super::norm::{Norm, NormSaved};
use super::real::Real;

/// What kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockKind {
    /// BERT's: every token looks at all, normalization behind each residual.
    Encoder,
    /// That of Vaswani et al. 2017: the same, with larger fresh weights.
    FirstEncoder,
    /// GPT-2's: a token looks at none behind itself, normalization before attention and feed-forward, nothing behind the residual.
    Decoder,
}

/// Where the numbers of a block stand. The numbers themselves are held by whoever has the block.
#[derive(Clone, Debug)]
pub struct Block {
    kind: BlockKind,
    attention: Attention,
    attention_norm: Norm,
    feed_forward: FeedForward,
    feed_forward_norm: Norm,
    count: usize,
}

/// What a block's backward pass needs.
#[derive(Clone, Debug)]
pub struct BlockSaved<T> {
    /// What the attention saw.
    seen: Activations<T>,
    attention: AttentionSaved<T>,
    attention_norm: NormSaved<T>,
    /// What the feed-forward layers saw.
    between: Activations<T>,
    feed_forward: FeedForwardSaved<T>,
    feed_forward_norm: NormSaved<T>,
}

impl<T> BlockSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let own = self.seen.len() + self.between.len() + self.attention.numbers() + self.feed_forward.numbers();
        let numbers = own + self.attention_norm.numbers() + self.feed_forward_norm.numbers();
        (numbers * size_of::<T>()) as u64
    }
}

impl Block {
    /// A block of this width, width of the feed-forward layer, and number of heads (which divides the width).
    #[must_use]
    pub fn new(kind: BlockKind, width: usize, feed_forward: usize, heads: usize) -> Self {
        let mut at = 0;
        let attention = Attention::place(&mut at, width, heads);
        let attention_norm = Norm::place(&mut at, width);
        let feed_forward = FeedForward::place(&mut at, width, feed_forward);
        let feed_forward_norm = Norm::place(&mut at, width);
        Self { kind, attention, attention_norm, feed_forward, feed_forward_norm, count: at }
    }

    /// Parameters of a block.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Fresh parameters.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let fresh = if self.kind == BlockKind::FirstEncoder { Fresh::Glorot } else { Fresh::Bert };
        let mut parameters = vec![T::zero(); self.count];
        self.attention.draw(&mut parameters, fresh, random);
        self.attention_norm.reset(&mut parameters);
        self.feed_forward.draw(&mut parameters, fresh, random);
        self.feed_forward_norm.reset(&mut parameters);
        parameters
    }

    fn look(&self, shape: Shape) -> Look {
        let causal = self.kind == BlockKind::Decoder;
        Look { samples: shape.samples, queries: shape.tokens, keys: shape.tokens, causal }
    }

    /// What the block makes of activations, and what its backward pass needs.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: Activations<T>,
        shape: Shape,
    ) -> (Activations<T>, BlockSaved<T>) {
        let look = self.look(shape);
        let (attention_norm, feed_forward_norm);
        match self.kind {
            BlockKind::Encoder | BlockKind::FirstEncoder => {
                let (mut attended, attention) = self.attention.forward(parameters, &input, &input, look);
                attended += &input;
                let between;
                (between, attention_norm) = self.attention_norm.forward(parameters, attended);
                let (mut fed, feed_forward) = self.feed_forward.forward(parameters, &between);
                fed += &between;
                let output;
                (output, feed_forward_norm) = self.feed_forward_norm.forward(parameters, fed);
                let saved =
                    BlockSaved { seen: input, attention, attention_norm, between, feed_forward, feed_forward_norm };
                (output, saved)
            }
            BlockKind::Decoder => {
                let seen;
                (seen, attention_norm) = self.attention_norm.forward(parameters, input.clone());
                let (mut attended, attention) = self.attention.forward(parameters, &seen, &seen, look);
                attended += input;
                let between;
                (between, feed_forward_norm) = self.feed_forward_norm.forward(parameters, attended.clone());
                let (mut output, feed_forward) = self.feed_forward.forward(parameters, &between);
                output += attended;
                (output, BlockSaved { seen, attention, attention_norm, between, feed_forward, feed_forward_norm })
            }
        }
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
        let BlockSaved { seen, attention, attention_norm, between, feed_forward, feed_forward_norm } = saved;
        let fed = |of: &Activations<T>, gradients: &mut [T]| {
            self.feed_forward.backward(parameters, between, feed_forward, of, gradients)
        };
        let attended = |of: &Activations<T>, gradients: &mut [T]| {
            let look = self.look(shape);
            let [mut of_seen, of_keys] =
                self.attention.backward(parameters, seen, seen, attention, of, look, gradients);
            of_seen += of_keys;
            of_seen
        };
        match self.kind {
            BlockKind::Encoder | BlockKind::FirstEncoder => {
                let of_fed = self.feed_forward_norm.backward(parameters, feed_forward_norm, output, gradients);
                let mut of_between = fed(&of_fed, gradients);
                of_between += of_fed;
                let of_attended = self.attention_norm.backward(parameters, attention_norm, of_between, gradients);
                let mut of_input = attended(&of_attended, gradients);
                of_input += of_attended;
                of_input
            }
            BlockKind::Decoder => {
                let of_between = fed(&output, gradients);
                let mut of_attended =
                    self.feed_forward_norm.backward(parameters, feed_forward_norm, of_between, gradients);
                of_attended += output;
                let of_seen = attended(&of_attended, gradients);
                let mut of_input = self.attention_norm.backward(parameters, attention_norm, of_seen, gradients);
                of_input += of_attended;
                of_input
            }
        }
    }
}
