//! The last stage of a classifier: dense layer and tanh on the first token (the pooler), a linear layer, cross-entropy.

use collapipe::nalgebra::DMatrix;
use rand::Rng;

use super::Activations;
use super::attention::softmax;
use super::linear::Linear;
use super::model::{Loss, Shape};
use super::real::Real;

/// Where the numbers of a classification head stand.
#[derive(Clone, Debug)]
pub struct Classifier {
    pooler: Option<Linear>,
    output: Linear,
    count: usize,
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
pub struct ClassifierSaved<T> {
    first: Activations<T>,
    pooled: Activations<T>,
    /// Gradient of the loss by the output layer's values.
    of_logits: Activations<T>,
    columns: usize,
}

impl<T> ClassifierSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        ((self.first.len() + self.pooled.len() + self.of_logits.len()) * size_of::<T>()) as u64
    }
}

impl Classifier {
    /// A head over so many classes, with or without BERT's pooler.
    #[must_use]
    pub fn new(width: usize, classes: usize, pooler: bool) -> Self {
        let mut at = 0;
        let pooler = pooler.then(|| Linear::place(&mut at, width, width));
        let output = Linear::place(&mut at, width, classes);
        Self { pooler, output, count: at }
    }

    /// Its parameters.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Fresh parameters.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let mut parameters = vec![T::zero(); self.count];
        self.pooler.iter().chain([&self.output]).for_each(|layer| layer.draw(&mut parameters, random));
        parameters
    }

    /// Loss of a micro-batch: the sum over its samples divided by `batch`, the samples of the whole batch, so that losses
    /// and gradients of micro-batches add up to the batch's means. `classes` has one entry per sample, below the number
    /// of classes: checked where data are read.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        classes: &[u32],
        batch: usize,
        shape: Shape,
    ) -> (Loss, ClassifierSaved<T>) {
        let first = DMatrix::from_fn(input.nrows(), shape.samples, |row, sample| input[(row, sample * shape.tokens)]);
        let pooled = match &self.pooler {
            Some(pooler) => pooler.forward(parameters, &first).map(|value| value.tanh()),
            None => first.clone(),
        };
        let mut of_logits = self.output.forward(parameters, &pooled);
        let share = T::one() / T::of(batch as f64);
        let mut loss = Loss { sum: 0.0, right: 0, samples: classes.len() };
        for (mut column, class) in of_logits.column_iter_mut().zip(classes) {
            let class = *class as usize;
            loss.right += usize::from(column.imax() == class);
            let values = column.as_mut_slice();
            softmax(values);
            // A probability that underflows costs as much as the smallest there is.
            let probability = values[class].to_f64().max(f64::MIN_POSITIVE);
            loss.sum -= probability.ln();
            values[class] -= T::one();
            values.iter_mut().for_each(|value| *value *= share);
        }
        (loss, ClassifierSaved { first, pooled, of_logits, columns: input.ncols() })
    }

    /// Adds to the gradients and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &ClassifierSaved<T>,
        shape: Shape,
        gradients: &mut [T],
    ) -> Activations<T> {
        let mut of_pooled = self.output.backward(parameters, &saved.pooled, &saved.of_logits, gradients);
        let of_first = match &self.pooler {
            Some(pooler) => {
                of_pooled.zip_apply(&saved.pooled, |value, pooled| *value *= T::one() - pooled * pooled);
                pooler.backward(parameters, &saved.first, &of_pooled, gradients)
            }
            None => of_pooled,
        };
        let mut of_input = DMatrix::zeros(of_first.nrows(), saved.columns);
        for (sample, column) in of_first.column_iter().enumerate() {
            of_input.set_column(sample * shape.tokens, &column);
        }
        of_input
    }
}
