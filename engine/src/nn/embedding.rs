//! Tokens to activations: tables of tokens, positions and token types, then a normalization.

use collapipe::nalgebra::DMatrix;
use rand::Rng;

use super::Activations;
use super::linear::draw;
use super::model::Shape;
use super::norm::{Norm, NormSaved};
use super::real::Real;

/// Where the numbers of an embedding stand.
#[derive(Clone, Debug)]
pub struct Embedding {
    width: usize,
    vocabulary: usize,
    positions: usize,
    norm: Norm,
    count: usize,
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
pub struct EmbeddingSaved<T> {
    tokens: Vec<u32>,
    norm: NormSaved<T>,
}

impl<T> EmbeddingSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (self.norm.numbers() * size_of::<T>() + self.tokens.len() * size_of::<u32>()) as u64
    }
}

impl Embedding {
    /// Tables of these sizes. Tokens are of type 0 all; where the model has types, their table is counted and the first
    /// row used.
    #[must_use]
    pub fn new(width: usize, vocabulary: usize, positions: usize, types: usize) -> Self {
        let mut at = width * (vocabulary + positions + types);
        let norm = Norm::place(&mut at, width);
        Self { width, vocabulary, positions, norm, count: at }
    }

    /// Its parameters.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Tokens it knows.
    #[must_use]
    pub const fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Fresh parameters.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let mut parameters = vec![T::zero(); self.count];
        let tables = self.count - Norm::count(self.width);
        draw(&mut parameters[..tables], random);
        self.norm.reset(&mut parameters);
        parameters
    }

    /// First number of each table's row that a token uses.
    fn rows(&self, token: usize, position: usize) -> impl Iterator<Item = usize> + use<> {
        let (width, positions) = (self.width, self.vocabulary);
        let types = (self.count > width * (self.vocabulary + self.positions) + Norm::count(width))
            .then_some(self.vocabulary + self.positions);
        [Some(token), Some(positions + position), types].into_iter().flatten().map(move |row| row * width)
    }

    /// `tokens` holds those of a sample side by side, each below the vocabulary: checked where data are read.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        tokens: Vec<u32>,
        shape: Shape,
    ) -> (Activations<T>, EmbeddingSaved<T>) {
        let mut sum = DMatrix::zeros(self.width, tokens.len());
        for (place, (token, mut column)) in tokens.iter().zip(sum.column_iter_mut()).enumerate() {
            for row in self.rows(*token as usize, place % shape.tokens) {
                let entry = &parameters[row..row + self.width];
                column.iter_mut().zip(entry).for_each(|(value, entry)| *value += *entry);
            }
        }
        let (output, norm) = self.norm.forward(parameters, sum);
        (output, EmbeddingSaved { tokens, norm })
    }

    /// Adds to the gradients.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &EmbeddingSaved<T>,
        output: Activations<T>,
        shape: Shape,
        gradients: &mut [T],
    ) {
        let of_sum = self.norm.backward(parameters, &saved.norm, output, gradients);
        for (place, (token, column)) in saved.tokens.iter().zip(of_sum.column_iter()).enumerate() {
            for row in self.rows(*token as usize, place % shape.tokens) {
                let entry = &mut gradients[row..row + self.width];
                entry.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += *value);
            }
        }
    }
}
