//! A whole model, as the core describes it: what each part computes, and fresh parameters for it.

use collapipe::model::{Family, Head, ModelError as SpecError, Transformer, TransformerSpec};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::block::Block;
use super::embedding::Embedding;
use super::head::Classifier;
use super::real::Real;

/// How many samples of how many tokens stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// b: samples of a micro-batch.
    pub samples: usize,
    /// s: tokens of a sample.
    pub tokens: usize,
}

/// Loss of some samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Sum of −ln of the right classes' probabilities.
    pub sum: f64,
    /// How many were classified rightly.
    pub right: usize,
    /// How many there are.
    pub samples: usize,
}

impl Loss {
    /// Mean over the samples; NaN without any.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.samples as f64
    }

    /// Share that was classified rightly; NaN without samples.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.samples as f64
    }
}

impl std::ops::AddAssign for Loss {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.right += other.right;
        self.samples += other.samples;
    }
}

/// A model that cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not a model.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A model that is planned for but not trained here.
    #[error("model.{field} = {value}: not trained by the engine; must be {allowed}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        allowed: &'static str,
    },
}

/// The parts of an encoder with a classifier on it. Parameters are held apart, by whoever has a part.
#[derive(Clone, Debug)]
pub struct Model {
    /// Tokens to activations, on the control unit.
    pub embedding: Embedding,
    /// Every encoder block, on a device.
    pub block: Block,
    /// L: how many of them.
    pub blocks: usize,
    /// Pooler, classifier and loss, on the edge server.
    pub head: Classifier,
    /// Classes there are.
    pub classes: usize,
    /// Tokens of a sample.
    pub tokens: usize,
    /// Numbers of a token's activations.
    pub width: usize,
}

impl Model {
    /// The model of a description: BERT's family with a classifier.
    ///
    /// # Errors
    /// [`ModelError`] for a description that is not a model, or of another family.
    pub fn new(spec: &TransformerSpec) -> Result<Self, ModelError> {
        let spec = Transformer::new(spec.clone())?.into_spec();
        let Family::Encoder { vocabulary, max_positions, token_types, pooler } = spec.family else {
            return Err(ModelError::Unsupported {
                field: "family",
                value: format!("{:?}", spec.family),
                allowed: "of kind \"encoder\"",
            });
        };
        let Head::Classifier { classes } = spec.head else {
            return Err(ModelError::Unsupported {
                field: "head",
                value: format!("{:?}", spec.head),
                allowed: "of kind \"classifier\"",
            });
        };
        let [width, feed_forward, heads, tokens] =
            [spec.width, spec.feed_forward, spec.heads, spec.sequence_length].map(|of| of as usize);
        Ok(Self {
            embedding: Embedding::new(width, vocabulary as usize, max_positions as usize, token_types as usize),
            block: Block::new(width, feed_forward, heads),
            blocks: spec.layers as usize,
            head: Classifier::new(width, classes as usize, pooler),
            classes: classes as usize,
            tokens,
            width,
        })
    }

    /// Parameters of all parts.
    #[must_use]
    pub fn count(&self) -> usize {
        self.embedding.count() + self.blocks * self.block.count() + self.head.count()
    }

    /// Fresh parameters of the embedding.
    #[must_use]
    pub fn draw_embedding<T: Real>(&self, seed: u64) -> Vec<T> {
        self.embedding.draw(&mut random(seed, 0))
    }

    /// Fresh parameters of a block: the same whoever holds it.
    #[must_use]
    pub fn draw_block<T: Real>(&self, seed: u64, block: usize) -> Vec<T> {
        self.block.draw(&mut random(seed, 2 + block as u64))
    }

    /// Fresh parameters of the head.
    #[must_use]
    pub fn draw_head<T: Real>(&self, seed: u64) -> Vec<T> {
        self.head.draw(&mut random(seed, 1))
    }
}

/// A stream of its own for each part, so that no part's numbers depend on where the others are.
fn random(seed: u64, part: u64) -> Pcg64Mcg {
    // SplitMix64's increment keeps the streams of neighbouring seeds and parts apart.
    Pcg64Mcg::seed_from_u64(seed ^ part.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
