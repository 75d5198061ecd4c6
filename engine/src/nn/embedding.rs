//! Tokens to activations: a table of tokens, and what tells their places.

use collapipe::nalgebra::DMatrix;
use rand::Rng;

use super::Activations;
use super::linear::{DEVIATION, draw};
use super::model::Shape;
use super::norm::{Norm, NormSaved};
use super::real::Real;
use super::table::places;

/// Where the numbers of an embedding stand: the token table first.
#[derive(Clone, Debug)]
pub struct Embedding {
    width: usize,
    vocabulary: usize,
    /// Rows of tables behind that of the tokens: of places, and of token types.
    positions: usize,
    types: usize,
    norm: Option<Norm>,
    /// Whether tokens are scaled by √h and places told by sines and cosines.
    sines: bool,
    count: usize,
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
pub struct EmbeddingSaved<T> {
    tokens: Vec<u32>,
    norm: Option<NormSaved<T>>,
}

impl<T> EmbeddingSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let norm = self.norm.as_ref().map_or(0, NormSaved::numbers);
        (norm * size_of::<T>() + self.tokens.len() * size_of::<u32>()) as u64
    }
}

impl Embedding {
    /// BERT's: tables of these sizes, then a normalization. Tokens are of type 0 all; where the model has types, their table is
    /// counted and the first row used.
    #[must_use]
    pub fn with_norm(width: usize, vocabulary: usize, positions: usize, types: usize) -> Self {
        let mut at = width * (vocabulary + positions + types);
        let norm = Some(Norm::place(&mut at, width));
        Self { width, vocabulary, positions, types, norm, sines: false, count: at }
    }

    /// GPT-2's: tables of tokens and places.
    #[must_use]
    pub const fn with_positions(width: usize, vocabulary: usize, positions: usize) -> Self {
        let count = width * (vocabulary + positions);
        Self { width, vocabulary, positions, types: 0, norm: None, sines: false, count }
    }

    /// That of Vaswani et al. 2017: a table of tokens, scaled by √h, and sines and cosines of the places.
    #[must_use]
    pub const fn with_sines(width: usize, vocabulary: usize) -> Self {
        Self { width, vocabulary, positions: 0, types: 0, norm: None, sines: true, count: width * vocabulary }
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
        let tables = self.width * (self.vocabulary + self.positions + self.types);
        // Scaled entries are to be as large as the sines.
        let deviation = if self.sines { 1.0 / (self.width as f64).sqrt() } else { DEVIATION };
        draw(&mut parameters[..tables], deviation, random);
        self.norm.iter().for_each(|norm| norm.reset(&mut parameters));
        parameters
    }

    /// First number of each table's row that a token uses.
    fn rows(&self, token: usize, position: usize) -> impl Iterator<Item = usize> + use<> {
        let (width, places) = (self.width, self.vocabulary);
        let place = (self.positions > 0).then_some(places + position);
        let first_type = (self.types > 0).then_some(self.vocabulary + self.positions);
        [Some(token), place, first_type].into_iter().flatten().map(move |row| row * width)
    }

    fn scale<T: Real>(&self) -> T {
        if self.sines { T::of((self.width as f64).sqrt()) } else { T::one() }
    }

    /// `tokens` holds those of a sample side by side, each below the vocabulary: checked where data are read.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        tokens: Vec<u32>,
        shape: Shape,
    ) -> (Activations<T>, EmbeddingSaved<T>) {
        let scale: T = self.scale();
        let mut sum = DMatrix::zeros(self.width, tokens.len());
        for (place, (token, mut column)) in tokens.iter().zip(sum.column_iter_mut()).enumerate() {
            for row in self.rows(*token as usize, place % shape.tokens) {
                let entry = &parameters[row..row + self.width];
                column.iter_mut().zip(entry).for_each(|(value, entry)| *value += *entry * scale);
            }
        }
        if self.sines {
            let places = places::<T>(self.width, shape.tokens);
            for (place, mut column) in sum.column_iter_mut().enumerate() {
                column += places.column(place % shape.tokens);
            }
        }
        let (output, norm) = match &self.norm {
            Some(norm) => {
                let (output, saved) = norm.forward(parameters, sum);
                (output, Some(saved))
            }
            None => (sum, None),
        };
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
        let scale: T = self.scale();
        let of_sum = match (&self.norm, &saved.norm) {
            (Some(norm), Some(saved)) => norm.backward(parameters, saved, output, gradients),
            _ => output,
        };
        for (place, (token, column)) in saved.tokens.iter().zip(of_sum.column_iter()).enumerate() {
            for row in self.rows(*token as usize, place % shape.tokens) {
                let entry = &mut gradients[row..row + self.width];
                entry.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += *value * scale);
            }
        }
    }
}
