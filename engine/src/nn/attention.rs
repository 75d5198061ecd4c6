//! Self-attention of several heads (Vaswani et al. 2017), every token looking at all tokens of its sample.

use collapipe::nalgebra::DMatrix;
use rand::Rng;

use super::Activations;
use super::linear::Linear;
use super::model::Shape;
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

impl Attention {
    pub fn place(at: &mut usize, width: usize, heads: usize) -> Self {
        let mut layer = || Linear::place(at, width, width);
        Self { query: layer(), key: layer(), value: layer(), output: layer(), heads }
    }

    pub fn draw<T: Real>(&self, parameters: &mut [T], random: &mut impl Rng) {
        for layer in [&self.query, &self.key, &self.value, &self.output] {
            layer.draw(parameters, random);
        }
    }

    /// Offsets of each sample's and head's part: (first row, first column).
    fn parts(&self, width: usize, shape: Shape) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (heads, tokens) = (self.heads, shape.tokens);
        let size = width / heads;
        (0..shape.samples).flat_map(move |sample| (0..heads).map(move |head| (head * size, sample * tokens)))
    }

    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        shape: Shape,
    ) -> (Activations<T>, AttentionSaved<T>) {
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|layer| layer.forward(parameters, input));
        let (width, tokens) = (input.nrows(), shape.tokens);
        let size = width / self.heads;
        let scale = T::one() / T::of(size as f64).sqrt();
        let mut mixed = DMatrix::zeros(width, input.ncols());
        let mut weights = Vec::with_capacity(shape.samples * self.heads);
        for (row, column) in self.parts(width, shape) {
            let part = |of: &Activations<T>| of.view((row, column), (size, tokens)).into_owned();
            let mut scores = DMatrix::zeros(tokens, tokens);
            scores.gemm(scale, &part(&key).transpose(), &part(&query), T::zero());
            scores.column_iter_mut().for_each(|mut column| softmax(column.as_mut_slice()));
            mixed.view_mut((row, column), (size, tokens)).gemm(T::one(), &part(&value), &scores, T::zero());
            weights.push(scores);
        }
        let output = self.output.forward(parameters, &mixed);
        (output, AttentionSaved { query, key, value, mixed, weights })
    }

    /// Adds to the gradients and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        saved: &AttentionSaved<T>,
        output: &Activations<T>,
        shape: Shape,
        gradients: &mut [T],
    ) -> Activations<T> {
        let of_mixed = self.output.backward(parameters, &saved.mixed, output, gradients);
        let (width, tokens) = (input.nrows(), shape.tokens);
        let size = width / self.heads;
        let scale = T::one() / T::of(size as f64).sqrt();
        let [mut of_query, mut of_key, mut of_value] = [(); 3].map(|()| DMatrix::zeros(width, input.ncols()));
        for ((row, column), weights) in self.parts(width, shape).zip(&saved.weights) {
            let at = ((row, column), (size, tokens));
            let part = |of: &Activations<T>| of.view(at.0, at.1).into_owned();
            let of_part = part(&of_mixed);
            of_value.view_mut(at.0, at.1).gemm(T::one(), &of_part, &weights.transpose(), T::zero());
            let mut of_scores = part(&saved.value).transpose() * &of_part;
            for (mut column, weights) in of_scores.column_iter_mut().zip(weights.column_iter()) {
                let along = column.iter().zip(weights.iter()).fold(T::zero(), |sum, (a, b)| sum + *a * *b);
                column.iter_mut().zip(weights.iter()).for_each(|(value, weight)| *value = (*value - along) * *weight);
            }
            of_query.view_mut(at.0, at.1).gemm(scale, &part(&saved.key), &of_scores, T::zero());
            of_key.view_mut(at.0, at.1).gemm(scale, &part(&saved.query), &of_scores.transpose(), T::zero());
        }
        let mut of_input = self.query.backward(parameters, input, &of_query, gradients);
        of_input += self.key.backward(parameters, input, &of_key, gradients);
        of_input += self.value.backward(parameters, input, &of_value, gradients);
        of_input
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
