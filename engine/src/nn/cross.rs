//! A decoder block of an encoder-decoder (Vaswani et al. 2017): a target's tokens look at themselves, then at the encoder's output.

use rand::Rng;

use super::Activations;
use super::attention::{Attention, AttentionSaved, Look};
use super::feed_forward::{FeedForward, FeedForwardSaved};
use super::linear::Fresh;
use super::norm::{Norm, NormSaved};
use super::real::Real;

/// Where the numbers of a decoder block stand.
#[derive(Clone, Debug)]
pub struct CrossBlock {
    own: Attention,
    own_norm: Norm,
    cross: Attention,
    cross_norm: Norm,
    feed_forward: FeedForward,
    feed_forward_norm: Norm,
}

/// What its backward pass needs, besides the encoder's output.
#[derive(Clone, Debug)]
pub struct CrossBlockSaved<T> {
    input: Activations<T>,
    own: AttentionSaved<T>,
    own_norm: NormSaved<T>,
    looking: Activations<T>,
    cross: AttentionSaved<T>,
    cross_norm: NormSaved<T>,
    between: Activations<T>,
    feed_forward: FeedForwardSaved<T>,
    feed_forward_norm: NormSaved<T>,
}

impl<T> CrossBlockSaved<T> {
    pub fn numbers(&self) -> usize {
        let own = self.input.len() + self.looking.len() + self.between.len();
        let attention = self.own.numbers() + self.cross.numbers() + self.feed_forward.numbers();
        own + attention + self.own_norm.numbers() + self.cross_norm.numbers() + self.feed_forward_norm.numbers()
    }
}

/// Samples, and lengths of target and source.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub samples: usize,
    pub target: usize,
    pub source: usize,
}

impl Pair {
    fn own(self) -> Look {
        Look { samples: self.samples, queries: self.target, keys: self.target, causal: true }
    }

    fn cross(self) -> Look {
        Look { samples: self.samples, queries: self.target, keys: self.source, causal: false }
    }
}

impl CrossBlock {
    pub fn place(at: &mut usize, width: usize, feed_forward: usize, heads: usize) -> Self {
        Self {
            own: Attention::place(at, width, heads),
            own_norm: Norm::place(at, width),
            cross: Attention::place(at, width, heads),
            cross_norm: Norm::place(at, width),
            feed_forward: FeedForward::place(at, width, feed_forward),
            feed_forward_norm: Norm::place(at, width),
        }
    }

    pub fn draw<T: Real>(&self, parameters: &mut [T], random: &mut impl Rng) {
        self.own.draw(parameters, Fresh::Glorot, random);
        self.cross.draw(parameters, Fresh::Glorot, random);
        self.feed_forward.draw(parameters, Fresh::Glorot, random);
        for norm in [&self.own_norm, &self.cross_norm, &self.feed_forward_norm] {
            norm.reset(parameters);
        }
    }

    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: Activations<T>,
        memory: &Activations<T>,
        pair: Pair,
    ) -> (Activations<T>, CrossBlockSaved<T>) {
        let (mut attended, own) = self.own.forward(parameters, &input, &input, pair.own());
        attended += &input;
        let (looking, own_norm) = self.own_norm.forward(parameters, attended);
        let (mut crossed, cross) = self.cross.forward(parameters, &looking, memory, pair.cross());
        crossed += &looking;
        let (between, cross_norm) = self.cross_norm.forward(parameters, crossed);
        let (mut fed, feed_forward) = self.feed_forward.forward(parameters, &between);
        fed += &between;
        let (output, feed_forward_norm) = self.feed_forward_norm.forward(parameters, fed);
        let saved = CrossBlockSaved {
            input,
            own,
            own_norm,
            looking,
            cross,
            cross_norm,
            between,
            feed_forward,
            feed_forward_norm,
        };
        (output, saved)
    }

    /// Adds to the gradients, also to that of the encoder's output, and returns that of the input.
    #[allow(clippy::too_many_arguments, reason = "what the forward pass had, and what came back")]
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &CrossBlockSaved<T>,
        memory: &Activations<T>,
        output: Activations<T>,
        pair: Pair,
        gradients: &mut [T],
        of_memory: &mut Activations<T>,
    ) -> Activations<T> {
        let of_fed = self.feed_forward_norm.backward(parameters, &saved.feed_forward_norm, output, gradients);
        let mut of_between =
            self.feed_forward.backward(parameters, &saved.between, &saved.feed_forward, &of_fed, gradients);
        of_between += of_fed;
        let of_crossed = self.cross_norm.backward(parameters, &saved.cross_norm, of_between, gradients);
        let [mut of_looking, of_seen] =
            self.cross.backward(parameters, &saved.looking, memory, &saved.cross, &of_crossed, pair.cross(), gradients);
        *of_memory += of_seen;
        of_looking += of_crossed;
        let of_attended = self.own_norm.backward(parameters, &saved.own_norm, of_looking, gradients);
        let [mut of_input, of_keys] =
            self.own.backward(parameters, &saved.input, &saved.input, &saved.own, &of_attended, pair.own(), gradients);
        of_input += of_keys;
        of_input += of_attended;
        of_input
    }
}
