//! y = W x + b, column by column.

use std::ops::Range;

use collapipe::nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVectorView};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::Activations;
use super::real::Real;

/// Where a linear layer's numbers stand among those of its part: W by columns, then b.
#[derive(Clone, Debug)]
pub struct Linear {
    at: usize,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Numbers of a layer.
    pub const fn count(inputs: usize, outputs: usize) -> usize {
        (inputs + 1) * outputs
    }

    /// A layer whose numbers begin at `at`, which moves behind them.
    pub fn place(at: &mut usize, inputs: usize, outputs: usize) -> Self {
        let layer = Self { at: *at, inputs, outputs };
        *at += Self::count(inputs, outputs);
        layer
    }

    fn weights(&self) -> Range<usize> {
        self.at..self.at + self.inputs * self.outputs
    }

    fn bias(&self) -> Range<usize> {
        self.weights().end..self.at + Self::count(self.inputs, self.outputs)
    }

    fn matrix<'a, T: Real>(&self, parameters: &'a [T]) -> DMatrixView<'a, T> {
        DMatrixView::from_slice(&parameters[self.weights()], self.outputs, self.inputs)
    }

    /// Fresh weights; biases 0.
    pub fn draw<T: Real>(&self, parameters: &mut [T], fresh: Fresh, random: &mut impl Rng) {
        let deviation = match fresh {
            Fresh::Bert => DEVIATION,
            Fresh::Glorot => (2.0 / (self.inputs + self.outputs) as f64).sqrt(),
        };
        draw(&mut parameters[self.weights()], deviation, random);
    }

    pub fn forward<T: Real>(&self, parameters: &[T], input: &Activations<T>) -> Activations<T> {
        let bias = DVectorView::from_slice(&parameters[self.bias()], self.outputs);
        let mut output = DMatrix::from_fn(self.outputs, input.ncols(), |row, _| bias[row]);
        output.gemm(T::one(), &self.matrix(parameters), input, T::one());
        output
    }

    /// Adds to the gradients of W and b, and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        output: &Activations<T>,
        gradients: &mut [T],
    ) -> Activations<T> {
        let mut weights = DMatrixViewMut::from_slice(&mut gradients[self.weights()], self.outputs, self.inputs);
        weights.gemm(T::one(), output, &input.transpose(), T::one());
        let bias = &mut gradients[self.bias()];
        for column in output.column_iter() {
            bias.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += *value);
        }
        self.matrix(parameters).transpose() * output
    }
}

/// Standard deviation of fresh weights of BERT and GPT-2.
pub const DEVIATION: f64 = 0.02;

/// How large fresh weights are.
#[derive(Clone, Copy, Debug)]
pub enum Fresh {
    /// Of standard deviation [`DEVIATION`].
    Bert,
    /// By the numbers of inputs and outputs (Glorot and Bengio 2010), as is usual for the first Transformer.
    Glorot,
}

/// Normal numbers.
pub fn draw<T: Real>(into: &mut [T], deviation: f64, random: &mut impl Rng) {
    for value in into {
        let standard: f64 = StandardNormal.sample(random);
        *value = T::of(deviation * standard);
    }
}
