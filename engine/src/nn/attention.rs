//! Attention of several heads (Vaswani et al. 2017): every token looks at all tokens of its sample, at those up to itself, or at those of
//! another sequence.

use collapipe::nalgebra::DMatrix;
use rand::Rng;

use super::Activations;
use super::linear::{Fresh, Linear};
use super::real::Real;

/// Where the numbers of an attention layer stand: query, key, value, output.
#[derive(Clone, Debug)]
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

/// How many tokens of each sample look at how many.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub samples: usize,
    /// Tokens that look.
    pub queries: usize,
    /// Tokens that are looked at.
    pub keys: usize,
    /// Whether a token looks at none behind its own place.
    pub causal: bool,
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
pub struct AttentionSaved<T> {
    query: Activations<T>,
    key: Activations<T>,
    value: Activations<T>,
    mixed: Activations<T>,
    /// Per sample and head: how much each token (column) looks at each (row).
    weights: Vec<DMatrix<T>>,
}

impl<T> AttentionSaved<T> {
    pub fn numbers(&self) -> usize {
        let weights: usize = self.weights.iter().map(DMatrix::len).sum();
        self.query.len() + self.key.len() + self.value.len() + self.mixed.len() + weights
    }
}

/// First row, first of the tokens that look, first of those that are looked at: one sample's and head's part.
type Place = (usize, usize, usize);

impl Attention {
    pub fn place(at: &mut usize, width: usize, heads: usize) -> Self {
        let mut layer = || Linear::place(at, width, width);
        Self { query: layer(), key: layer(), value: layer(), output: layer(), heads }
    }

    pub fn draw<T: Real>(&self, parameters: &mut [T], fresh: Fresh, random: &mut impl Rng) {
        for layer in [&self.query, &self.key, &self.value, &self.output] {
            layer.draw(parameters, fresh, random);
        }
    }

    fn places(&self, width: usize, look: Look) -> impl Iterator<Item = Place> + use<> {
        let heads = self.heads;
        let size = width / heads;
        (0..look.samples).flat_map(move |sample| {
            (0..heads).map(move |head| (head * size, sample * look.queries, sample * look.keys))
        })
    }

    /// `from` holds the tokens that look, `at` those that are looked at: the same twice where a sequence looks at itself.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        from: &Activations<T>,
        at: &Activations<T>,
        look: Look,
    ) -> (Activations<T>, AttentionSaved<T>) {
        let query = self.query.forward(parameters, from);
        let [key, value] = [&self.key, &self.value].map(|layer| layer.forward(parameters, at));
        let width = from.nrows();
        let size = width / self.heads;
        let scale = T::one() / T::of(size as f64).sqrt();
        let mut mixed = DMatrix::zeros(width, from.ncols());
        let mut weights = Vec::with_capacity(look.samples * self.heads);
        for (row, looks, seen) in self.places(width, look) {
            let keys = |of: &Activations<T>| of.view((row, seen), (size, look.keys)).into_owned();
            let query = query.view((row, looks), (size, look.queries)).into_owned();
            let mut scores = DMatrix::zeros(look.keys, look.queries);
            scores.gemm(scale, &keys(&key).transpose(), &query, T::zero());
            for (place, mut column) in scores.column_iter_mut().enumerate() {
                let sees = if look.causal { place + 1 } else { look.keys };
                let (seen, hidden) = column.as_mut_slice().split_at_mut(sees.min(look.keys));
                softmax(seen);
                hidden.fill(T::zero());
            }
            mixed.view_mut((row, looks), (size, look.queries)).gemm(T::one(), &keys(&value), &scores, T::zero());
            weights.push(scores);
        }
        let output = self.output.forward(parameters, &mixed);
        (output, AttentionSaved { query, key, value, mixed, weights })
    }

    /// Adds to the gradients and returns those of the tokens that look, and of those that are looked at.
    #[allow(clippy::too_many_arguments, reason = "what the forward pass had, and what came back")]
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        from: &Activations<T>,
        at: &Activations<T>,
        saved: &AttentionSaved<T>,
        output: &Activations<T>,
        look: Look,
        gradients: &mut [T],
    ) -> [Activations<T>; 2] {
        let of_mixed = self.output.backward(parameters, &saved.mixed, output, gradients);
        let width = from.nrows();
        let size = width / self.heads;
        let scale = T::one() / T::of(size as f64).sqrt();
        let mut of_query = DMatrix::zeros(width, from.ncols());
        let [mut of_key, mut of_value] = [(); 2].map(|()| DMatrix::zeros(width, at.ncols()));
        for ((row, looks, seen), weights) in self.places(width, look).zip(&saved.weights) {
            let (queries, keys) = (((row, looks), (size, look.queries)), ((row, seen), (size, look.keys)));
            let part = |of: &Activations<T>, (at, size)| of.view(at, size).into_owned();
            let of_part = part(&of_mixed, queries);
            of_value.view_mut(keys.0, keys.1).gemm(T::one(), &of_part, &weights.transpose(), T::zero());
            let mut of_scores = part(&saved.value, keys).transpose() * &of_part;
            for (mut column, weights) in of_scores.column_iter_mut().zip(weights.column_iter()) {
                let along = column.iter().zip(weights.iter()).fold(T::zero(), |sum, (a, b)| sum + *a * *b);
                column.iter_mut().zip(weights.iter()).for_each(|(value, weight)| *value = (*value - along) * *weight);
            }
            of_query.view_mut(queries.0, queries.1).gemm(scale, &part(&saved.key, keys), &of_scores, T::zero());
            let of_scores = of_scores.transpose();
            of_key.view_mut(keys.0, keys.1).gemm(scale, &part(&saved.query, queries), &of_scores, T::zero());
        }
        let of_from = self.query.backward(parameters, from, &of_query, gradients);
        let mut of_at = self.key.backward(parameters, at, &of_key, gradients);
        of_at += self.value.backward(parameters, at, &of_value, gradients);
        [of_from, of_at]
    }
}

/// In place, shifted by the largest so that no exponential overflows.
pub fn softmax<T: Real>(values: &mut [T]) {
    let largest = values.iter().fold(T::min_value().unwrap_or_else(T::zero), |largest, value| largest.max(*value));
    let mut sum = T::zero();
    for value in values.iter_mut() {
        *value = (*value - largest).exp();
        sum += *value;
    }
    values.iter_mut().for_each(|value| *value /= sum);
}
