//! The last stage of any model: what follows the blocks, up to the loss.

use rand::Rng;

use super::Activations;
use super::classifier::{Classifier, ClassifierSaved};
use super::decoder::{Decoder, DecoderSaved};
use super::language::{LanguageModel, LanguageModelSaved};
use super::model::{Loss, Shape};
use super::real::Real;
use super::table::Table;

/// What the edge server computes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Head {
    /// A class per sample.
    Classifier(Classifier),
    /// A token in the place of each.
    LanguageModel(LanguageModel),
    /// Another sequence, token by token.
    Decoder(Decoder),
}

/// What its backward pass needs.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "one for each head")]
#[non_exhaustive]
pub enum HeadSaved<T> {
    Classifier(ClassifierSaved<T>),
    LanguageModel(LanguageModelSaved<T>),
    Decoder(DecoderSaved<T>),
}

impl<T> HeadSaved<T> {
    /// Memory of it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Classifier(saved) => saved.bytes(),
            Self::LanguageModel(saved) => saved.bytes(),
            Self::Decoder(saved) => saved.bytes(),
        }
    }
}

impl Head {
    /// Its parameters.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::Classifier(head) => head.count(),
            Self::LanguageModel(head) => head.count(),
            Self::Decoder(head) => head.count(),
        }
    }

    /// Targets of a sample of so many tokens.
    #[must_use]
    pub const fn targets(&self, tokens: usize) -> usize {
        match self {
            Self::Classifier(_) => 1,
            Self::LanguageModel(_) => tokens,
            Self::Decoder(decoder) => decoder.target(),
        }
    }

    /// The copy of the embedding's table, where there is one.
    pub(super) const fn table(&self) -> Option<&Table> {
        match self {
            Self::Classifier(_) => None,
            Self::LanguageModel(head) => Some(head.table()),
            Self::Decoder(head) => Some(head.table()),
        }
    }

    /// Fresh parameters, but for a copy of the embedding's table.
    pub(super) fn draw<T: Real>(&self, random: &mut impl Rng) -> Vec<T> {
        match self {
            Self::Classifier(head) => head.draw(random),
            Self::LanguageModel(head) => head.draw(random),
            Self::Decoder(head) => head.draw(random),
        }
    }

    /// Loss of a micro-batch: the sum over its targets divided by `counted`, the targets of the whole batch (those that are not
    /// [`IGNORED`](super::IGNORED)), so that losses and gradients of micro-batches add up to the batch's means. `targets` has
    /// [`targets`](Self::targets) entries per sample, each of them ignored or one that the model knows: checked where data are read.
    pub fn forward<T: Real>(
        &self,
        parameters: &[T],
        input: &Activations<T>,
        targets: &[u32],
        counted: usize,
        shape: Shape,
    ) -> (Loss, HeadSaved<T>) {
        match self {
            Self::Classifier(head) => {
                let (loss, saved) = head.forward(parameters, input, targets, counted, shape);
                (loss, HeadSaved::Classifier(saved))
            }
            Self::LanguageModel(head) => {
                let (loss, saved) = head.forward(parameters, input, targets, counted, shape);
                (loss, HeadSaved::LanguageModel(saved))
            }
            Self::Decoder(head) => {
                let (loss, saved) = head.forward(parameters, input, targets, counted, shape);
                (loss, HeadSaved::Decoder(saved))
            }
        }
    }

    /// Adds to the gradients and returns that of the input; nothing of numbers where another head saved.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        saved: &HeadSaved<T>,
        shape: Shape,
        gradients: &mut [T],
    ) -> Activations<T> {
        match (self, saved) {
            (Self::Classifier(head), HeadSaved::Classifier(saved)) => {
                head.backward(parameters, saved, shape, gradients)
            }
            (Self::LanguageModel(head), HeadSaved::LanguageModel(saved)) => head.backward(parameters, saved, gradients),
            (Self::Decoder(head), HeadSaved::Decoder(saved)) => head.backward(parameters, saved, shape, gradients),
            _ => Activations::<T>::zeros(0, 0),
        }
    }
}
