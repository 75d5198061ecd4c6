//! A copy of the token table where it is the matrix before the softmax, and the loss of every token.

use std::ops::Range;

use collapipe::nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};

use super::Activations;
use super::attention::softmax;
use super::model::Loss;
use super::real::Real;

/// In the place of a target that is not compared: padding, or what is not asked for.
pub const IGNORED: u32 = u32::MAX;

/// Where the numbers of a table stand: those of a token side by side.
#[derive(Clone, Debug)]
pub struct Table {
    at: usize,
    pub width: usize,
    pub vocabulary: usize,
}

impl Table {
    pub fn place(at: &mut usize, width: usize, vocabulary: usize) -> Self {
        let table = Self { at: *at, width, vocabulary };
        *at += width * vocabulary;
        table
    }

    pub fn range(&self) -> Range<usize> {
        self.at..self.at + self.width * self.vocabulary
    }

    /// Numbers of a token.
    pub fn row(&self, token: u32) -> Range<usize> {
        let from = self.at + token as usize * self.width;
        from..from + self.width
    }

    fn matrix<'a, T: Real>(&self, parameters: &'a [T]) -> DMatrixView<'a, T> {
        DMatrixView::from_slice(&parameters[self.range()], self.width, self.vocabulary)
    }

    /// How well each column suits every token.
    pub fn logits<T: Real>(&self, parameters: &[T], input: &Activations<T>) -> Activations<T> {
        self.matrix(parameters).transpose() * input
    }

    /// Adds to the table's gradient and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        of_logits: &Activations<T>,
        gradients: &mut [T],
    ) -> Activations<T> {
        let mut table = DMatrixViewMut::from_slice(&mut gradients[self.range()], self.width, self.vocabulary);
        table.gemm(T::one(), input, &of_logits.transpose(), T::one());
        self.matrix(parameters) * of_logits
    }
}

/// The loss of logits, a column per target and `per_sample` of them per sample; they become its gradient. Everything is divided by
/// `counted`, so that what micro-batches give adds up to the batch's mean.
pub fn cross_entropy<T: Real>(logits: &mut Activations<T>, targets: &[u32], per_sample: usize, counted: usize) -> Loss {
    let share = T::one() / T::of(counted.max(1) as f64);
    let mut loss = Loss::default();
    let per_sample = per_sample.max(1);
    for (sample, targets) in targets.chunks(per_sample).enumerate() {
        let before = loss;
        for (place, target) in targets.iter().enumerate() {
            let mut column = logits.column_mut(sample * per_sample + place);
            if *target == IGNORED {
                column.fill(T::zero());
                continue;
            }
            let target = *target as usize;
            loss.right += usize::from(column.imax() == target);
            loss.counted += 1;
            let values = column.as_mut_slice();
            softmax(values);
            // A probability that underflows costs as much as the smallest there is.
            loss.sum -= values[target].to_f64().max(f64::MIN_POSITIVE).ln();
            values[target] -= T::one();
            values.iter_mut().for_each(|value| *value *= share);
        }
        let asked = loss.counted - before.counted;
        loss.samples += usize::from(asked > 0);
        loss.whole += usize::from(asked > 0 && loss.right - before.right == asked);
    }
    loss
}

/// Sines and cosines of a place (Vaswani et al. 2017), for every place of a sample.
pub fn places<T: Real>(width: usize, tokens: usize) -> Activations<T> {
    DMatrix::from_fn(width, tokens, |row, place| {
        let angle = place as f64 / libm::pow(10_000.0, (row - row % 2) as f64 / width as f64);
        T::of(if row % 2 == 0 { libm::sin(angle) } else { libm::cos(angle) })
    })
}
