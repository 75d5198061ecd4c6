//! The last stage of a language model: a distribution over the vocabulary for every token, cross-entropy of those that are asked for.

use rand::Rng;

use super::Activations;
use super::linear::{Fresh, Linear};
use super::model::{Loss, Shape};
use super::norm::{Norm, NormSaved};
use super::real::{Real, gelu, gelu_slope};
use super::table::{Table, cross_entropy};

/// Where the numbers of a language-model head stand. The table is a copy of the embedding's: equal at the start, and trained by its own
/// gradient.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    /// BERT's pooler belongs to the model and has no part in this loss.
    pooler: Option<Linear>,
    /// BERT's dense layer, with GELU behind it.
    dense: Option<Linear>,
    norm: Norm,
    table: Table,
    /// First of the numbers that are added to the logits.
    bias: Option<usize>,
    count: usize,
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
pub struct LanguageModelSaved<T> {
    /// What entered the dense layer, and what left it; nothing without one.
    dense: Option<(Activations<T>, Activations<T>)>,
    norm: NormSaved<T>,
    normal: Activations<T>,
    of_logits: Activations<T>,
}

impl<T> LanguageModelSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let dense = self.dense.as_ref().map_or(0, |(input, wide)| input.len() + wide.len());
        ((dense + self.norm.numbers() + self.normal.len() + self.of_logits.len()) * size_of::<T>()) as u64
    }
}

impl LanguageModel {
    /// BERT's head for masked tokens: dense layer, GELU, normalization, table, bias.
    #[must_use]
    pub fn masked(width: usize, vocabulary: usize, pooler: bool) -> Self {
        let mut at = 0;
        let pooler = pooler.then(|| Linear::place(&mut at, width, width));
        let dense = Some(Linear::place(&mut at, width, width));
        let norm = Norm::place(&mut at, width);
        let table = Table::place(&mut at, width, vocabulary);
        Self { pooler, dense, norm, table, bias: Some(at), count: at + vocabulary }
    }

    /// GPT-2's for the next token: the final normalization, and the table.
    #[must_use]
    pub fn next_token(width: usize, vocabulary: usize) -> Self {
        let mut at = 0;
        let norm = Norm::place(&mut at, width);
        let table = Table::place(&mut at, width, vocabulary);
        Self { pooler: None, dense: None, norm, table, bias: None, count: at }
    }

    /// Its parameters.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    /// Fresh parameters; the table is left at 0 for the embedding's.
    pub fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        let mut parameters = vec![T::zero(); self.count];
        self.pooler.iter().chain(&self.dense).for_each(|layer| layer.draw(&mut parameters, Fresh::Bert, random));
        self.norm.reset(&mut parameters);
        parameters
    }

    /// Loss of a micro-batch, divided by `counted`, the targets of the whole batch. `targets` has one entry per token.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        targets: &[u32],
        counted: usize,
        shape: Shape,
    ) -> (Loss, LanguageModelSaved<T>) {
        let (active, dense) = match &self.dense {
            Some(layer) => {
                let wide = layer.forward(parameters, input);
                (wide.map(gelu), Some((input.clone(), wide)))
            }
            None => (input.clone(), None),
        };
        let (normal, norm) = self.norm.forward(parameters, active);
        let mut of_logits = self.table.logits(parameters, &normal);
        if let Some(bias) = self.bias {
            let bias = &parameters[bias..bias + self.table.vocabulary];
            for mut column in of_logits.column_iter_mut() {
                column.iter_mut().zip(bias).for_each(|(value, bias)| *value += *bias);
            }
        }
        let loss = cross_entropy(&mut of_logits, targets, shape.tokens, counted);
        (loss, LanguageModelSaved { dense, norm, normal, of_logits })
    }

    /// Adds to the gradients and returns that of the input.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &LanguageModelSaved<T>,
        gradients: &mut [T],
    ) -> Activations<T> {
        if let Some(bias) = self.bias {
            let bias = &mut gradients[bias..bias + self.table.vocabulary];
            for column in saved.of_logits.column_iter() {
                bias.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += *value);
            }
        }
        let of_normal = self.table.backward(parameters, &saved.normal, &saved.of_logits, gradients);
        let mut of_active = self.norm.backward(parameters, &saved.norm, of_normal, gradients);
        match (&self.dense, &saved.dense) {
            (Some(layer), Some((input, wide))) => {
                of_active.zip_apply(wide, |value, wide| *value *= gelu_slope(wide));
                layer.backward(parameters, input, &of_active, gradients)
            }
            _ => of_active,
        }
    }
}
