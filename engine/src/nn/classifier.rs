//! The last stage of a classifier: one token of each sample, a linear layer, cross-entropy.

use collapipe::nalgebra::DMatrix;
use rand::Rng;

use super::Activations;
use super::linear::{Fresh, Linear};
use super::model::{Loss, Shape};
use super::norm::{Norm, NormSaved};
use super::real::Real;
use super::table::cross_entropy;

/// Where the numbers of a classification head stand.
#[derive(Clone, Debug)]
pub struct Classifier {
    way: Way,
    output: Linear,
    count: usize,
}

/// What comes before the linear layer.
#[derive(Clone, Debug)]
enum Way {
    /// BERT's: dense layer and tanh on the first token.
    Pooler(Linear),
    /// GPT-2's: the final normalization, of the last token, which alone has seen all others.
    Last(Norm),
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
pub struct ClassifierSaved<T> {
    token: Activations<T>,
    norm: Option<NormSaved<T>>,
    pooled: Activations<T>,
    /// Gradient of the loss by the output layer's values.
    of_logits: Activations<T>,
    columns: usize,
}

impl<T> ClassifierSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let norm = self.norm.as_ref().map_or(0, NormSaved::numbers);
        ((self.token.len() + norm + self.pooled.len() + self.of_logits.len()) * size_of::<T>()) as u64
    }
}

impl Classifier {
    /// Over so many classes, behind an encoder.
    #[must_use]
    pub fn pooled(width: usize, classes: usize) -> Self {
        let mut at = 0;
        let way = Way::Pooler(Linear::place(&mut at, width, width));
        let output = Linear::place(&mut at, width, classes);
        Self { way, output, count: at }
    }

    /// The same behind blocks whose tokens look at none behind themselves.
    #[must_use]
    pub fn of_last(width: usize, classes: usize) -> Self {
        let mut at = 0;
        let way = Way::Last(Norm::place(&mut at, width));
        let output = Linear::place(&mut at, width, classes);
        Self { way, output, count: at }
    }

    /// Its parameters.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Fresh parameters.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let mut parameters = vec![T::zero(); self.count];
        match &self.way {
            Way::Pooler(pooler) => pooler.draw(&mut parameters, Fresh::Bert, random),
            Way::Last(norm) => norm.reset(&mut parameters),
        }
        self.output.draw(&mut parameters, Fresh::Bert, random);
        parameters
    }

    /// The token that a sample is judged by.
    fn place(&self, sample: usize, shape: Shape) -> usize {
        match self.way {
            Way::Pooler(_) => sample * shape.tokens,
            Way::Last(_) => (sample + 1) * shape.tokens - 1,
        }
    }

    /// Loss of a micro-batch: the sum over its samples divided by `counted`, the samples of the whole batch, so that losses
    /// and gradients of micro-batches add up to the batch's means. `classes` has one entry per sample, below the number
    /// of classes: checked where data are read.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        classes: &[u32],
        counted: usize,
        shape: Shape,
    ) -> (Loss, ClassifierSaved<T>) {
        let of_sample = |row, sample| input[(row, self.place(sample, shape))];
        let token = DMatrix::from_fn(input.nrows(), shape.samples, of_sample);
        let (pooled, norm) = match &self.way {
            Way::Pooler(pooler) => (pooler.forward(parameters, &token).map(|value| value.tanh()), None),
            Way::Last(norm) => {
                let (normal, saved) = norm.forward(parameters, token.clone());
                (normal, Some(saved))
            }
        };
        let mut of_logits = self.output.forward(parameters, &pooled);
        let loss = cross_entropy(&mut of_logits, classes, 1, counted);
        (loss, ClassifierSaved { token, norm, pooled, of_logits, columns: input.ncols() })
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
        let of_token = match (&self.way, &saved.norm) {
            (Way::Pooler(pooler), _) => {
                of_pooled.zip_apply(&saved.pooled, |value, pooled| *value *= T::one() - pooled * pooled);
                pooler.backward(parameters, &saved.token, &of_pooled, gradients)
            }
            (Way::Last(norm), Some(saved)) => norm.backward(parameters, saved, of_pooled, gradients),
            (Way::Last(_), None) => of_pooled,
        };
        let mut of_input = DMatrix::zeros(of_token.nrows(), saved.columns);
        for (sample, column) in of_token.column_iter().enumerate() {
            of_input.set_column(self.place(sample, shape), &column);
        }
        of_input
    }
}
