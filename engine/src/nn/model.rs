//! A whole model, as the core describes it: what each part computes, and fresh parameters for it.

use collapipe::model::{Family, Head as HeadSpec, ModelError as SpecError, Transformer, TransformerSpec};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::block::{Block, BlockKind};
use super::classifier::Classifier;
use super::decoder::{BEGIN, Decoder};
use super::embedding::Embedding;
use super::head::Head;
use super::language::LanguageModel;
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
    /// Sum of −ln of the right answers' probabilities.
    pub sum: f64,
    /// How many targets were met: where the right answer was the most probable one.
    pub right: usize,
    /// How many there are.
    pub counted: usize,
    /// Samples of which all targets were met. Of an encoder-decoder: those that it would write without a fault when it has nobody to
    /// tell it the tokens before.
    pub whole: usize,
    /// Samples with a target.
    pub samples: usize,
}

impl Loss {
    /// Mean over the targets; NaN without any.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.counted as f64
    }

    /// Share of targets that were met; NaN without any.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.counted as f64
    }
}

impl std::ops::AddAssign for Loss {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.right += other.right;
        self.counted += other.counted;
        self.whole += other.whole;
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

/// The parts of a model. Parameters are held apart, by whoever has a part.
#[derive(Clone, Debug)]
pub struct Model {
    /// Tokens to activations, on the control unit.
    pub embedding: Embedding,
    /// Every block of the pipeline, on a device.
    pub block: Block,
    /// L: how many of them.
    pub blocks: usize,
    /// What follows them, up to the loss, on the edge server.
    pub head: Head,
    /// Values that a target may have: classes, or tokens of the vocabulary.
    pub classes: usize,
    /// Tokens of a sample.
    pub tokens: usize,
    /// Numbers of a token's activations.
    pub width: usize,
}

impl Model {
    /// The model of a description: an encoder or a decoder with a classifier or a language model, or an encoder-decoder.
    ///
    /// # Errors
    /// [`ModelError`] for a description that is not a model, or of another family.
    pub fn new(spec: &TransformerSpec) -> Result<Self, ModelError> {
        let spec = Transformer::new(spec.clone())?.into_spec();
        let [width, feed_forward, heads, tokens] =
            [spec.width, spec.feed_forward, spec.heads, spec.sequence_length].map(|of| of as usize);
        let (embedding, kind, head, classes) = match (spec.family, spec.head) {
            (Family::Encoder { vocabulary, max_positions, token_types, pooler }, head) => {
                let [words, positions, types] = [vocabulary, max_positions, token_types].map(|of| of as usize);
                let embedding = Embedding::with_norm(width, words, positions, types);
                let (head, classes) = match head {
                    // Without a pooler of its own, as DistilBERT, the model gets one with its head.
                    HeadSpec::Classifier { classes } => {
                        (Head::Classifier(Classifier::pooled(width, classes as usize)), classes)
                    }
                    _ => (Head::LanguageModel(LanguageModel::masked(width, words, pooler)), vocabulary),
                };
                (embedding, BlockKind::Encoder, head, classes)
            }
            (Family::Decoder { vocabulary, max_positions }, head) => {
                let embedding = Embedding::with_positions(width, vocabulary as usize, max_positions as usize);
                let (head, classes) = match head {
                    HeadSpec::Classifier { classes } => {
                        (Head::Classifier(Classifier::of_last(width, classes as usize)), classes)
                    }
                    _ => (Head::LanguageModel(LanguageModel::next_token(width, vocabulary as usize)), vocabulary),
                };
                (embedding, BlockKind::Decoder, head, classes)
            }
            (Family::EncoderDecoder { vocabulary, decoder_layers, target_length }, _) => {
                if vocabulary <= BEGIN {
                    return Err(ModelError::Unsupported {
                        field: "family.vocabulary",
                        value: vocabulary.to_string(),
                        allowed: "at least 2: token 1 begins a target",
                    });
                }
                let [words, blocks, target] = [vocabulary, decoder_layers, target_length].map(|of| of as usize);
                let decoder = Decoder::new(width, feed_forward, heads, words, blocks, target);
                (Embedding::with_sines(width, words), BlockKind::FirstEncoder, Head::Decoder(decoder), vocabulary)
            }
            (family, _) => {
                return Err(ModelError::Unsupported {
                    field: "family",
                    value: format!("{family:?}"),
                    allowed: "of kind \"encoder\", \"decoder\" or \"encoder-decoder\"",
                });
            }
        };
        Ok(Self {
            embedding,
            block: Block::new(kind, width, feed_forward, heads),
            blocks: spec.layers as usize,
            head,
            classes: classes as usize,
            tokens,
            width,
        })
    }

    /// Targets of a sample: 1 class, or as many as the target has tokens.
    #[must_use]
    pub const fn targets(&self) -> usize {
        self.head.targets(self.tokens)
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

    /// Fresh parameters of the head. A copy of the token table is as in the embedding.
    #[must_use]
    pub fn draw_head<T: Real>(&self, seed: u64) -> Vec<T> {
        let mut parameters = self.head.draw(&mut random(seed, 1));
        if let Some(table) = self.head.table().map(super::table::Table::range) {
            let size = table.len();
            parameters[table].copy_from_slice(&self.draw_embedding(seed)[..size]);
        }
        parameters
    }
}

/// A stream of its own for each part, so that no part's numbers depend on where the others are.
fn random(seed: u64, part: u64) -> Pcg64Mcg {
    // SplitMix64's increment keeps the streams of neighbouring seeds and parts apart.
    Pcg64Mcg::seed_from_u64(seed ^ part.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
