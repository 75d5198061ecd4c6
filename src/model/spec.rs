//! The description of a model, in the terms of its published configuration.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::costs::ModelCosts;
use super::validation::{ModelError, validate};

/// Number format of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Precision {
    /// IEEE 754 binary32.
    #[default]
    Fp32,
    /// IEEE 754 binary16.
    Fp16,
    /// bfloat16: the range of `fp32` in 16 bits.
    Bf16,
}

impl Precision {
    /// Bytes per value.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Fp32 => 4,
            Self::Fp16 | Self::Bf16 => 2,
        }
    }

    /// Bits per value.
    #[must_use]
    pub const fn bits(self) -> u64 {
        8 * self.bytes()
    }
}

/// Number formats of a training run, in memory and on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Precisions {
    /// Weights and their gradients in memory.
    pub parameters: Precision,
    /// Activations kept in memory for the backward pass.
    pub activations: Precision,
    /// Parameters when a segment is distributed, collected or uploaded.
    pub wire_parameters: Precision,
    /// The tensor that crosses a cut: activations forward, their gradients backward.
    pub wire_activations: Precision,
}

impl Precisions {
    /// The same format everywhere.
    #[must_use]
    pub const fn uniform(precision: Precision) -> Self {
        Self { parameters: precision, activations: precision, wire_parameters: precision, wire_activations: precision }
    }
}

/// The optimizer, as far as it costs memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent without momentum: no state.
    Sgd,
    /// Stochastic gradient descent with momentum: one 32-bit value per parameter.
    Momentum,
    /// Adam: two 32-bit moments per parameter.
    Adam,
    /// Adam with decoupled weight decay: as Adam.
    #[default]
    #[serde(rename = "adamw")]
    AdamW,
}

impl Optimizer {
    /// Bytes of state per parameter, in addition to the weight and its gradient.
    ///
    /// Moments are kept in 32 bits. With 16-bit weights a 32-bit master copy is part of the state, so that mixed
    /// precision with Adam takes 2 + 2 + 12 = 16 bytes per parameter in all (Rajbhandari et al. 2020, ZeRO, section
    /// 3.1).
    ///
    /// ```
    /// use collapipe::model::{Optimizer, Precision};
    /// assert_eq!(Optimizer::Adam.state_bytes_per_parameter(Precision::Fp32), 8);
    /// assert_eq!(Optimizer::Adam.state_bytes_per_parameter(Precision::Fp16), 12);
    /// ```
    #[must_use]
    pub const fn state_bytes_per_parameter(self, weights: Precision) -> u64 {
        let moments = match self {
            Self::Sgd => 0,
            Self::Momentum => 1,
            Self::Adam | Self::AdamW => 2,
        };
        let master = match weights {
            Precision::Fp32 => 0,
            Precision::Fp16 | Precision::Bf16 => 4,
        };
        4 * moments + master
    }
}

/// What a block keeps of its forward pass, and what it computes again backward (Korthikanti et al. 2022).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Checkpointing {
    /// Keep every activation.
    #[default]
    None,
    /// Drop the attention matrices (scores, softmax, dropout) and compute them again.
    Selective,
    /// Keep a block's input alone and run its forward pass again.
    Full,
}

/// What follows the last encoder block, besides the decoder blocks of an encoder-decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Head {
    /// A linear classifier on one token.
    Classifier {
        /// Number of classes.
        classes: u32,
    },
    /// A distribution over the vocabulary for every token: next token (decoder-only, encoder-decoder) or masked token
    /// (encoder; with BERT's dense layer and layer norm before it). The output matrix is tied to the embedding.
    // Braces, because serde ignores unknown fields beside the tag of a unit variant.
    LanguageModel {},
}

/// Architecture family: what surrounds the blocks, and which biases and norms they have.
///
/// Published models of every family are in [`ModelPreset`](super::ModelPreset).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Family {
    /// BERT (Devlin et al. 2019) and DistilBERT (no token types, no pooler): token, position and type tables, then a
    /// layer norm.
    Encoder {
        /// Entries of the token table.
        vocabulary: u32,
        /// Entries of the position table; the longest sequence.
        max_positions: u32,
        /// Entries of the token-type (segment) table; 0 where there is none.
        token_types: u32,
        /// Whether a dense layer on the first token belongs to the model.
        pooler: bool,
    },
    /// GPT-2 (Radford et al. 2019): token and position tables; a final layer norm. Its blocks are the encoder blocks
    /// of the pipeline.
    Decoder {
        /// Entries of the token table.
        vocabulary: u32,
        /// Entries of the position table; the longest sequence.
        max_positions: u32,
    },
    /// Vision Transformer (Dosovitskiy et al. 2021): linear projection of square patches, a class token, a position
    /// table; a final layer norm.
    Vision {
        /// Pixels along an edge of the square image.
        image_size: u32,
        /// Pixels along an edge of a patch; divides `image_size`.
        patch_size: u32,
        /// Values per pixel.
        channels: u32,
        /// Whether a dense layer on the class token belongs to the model.
        pooler: bool,
    },
    /// The Transformer of Vaswani et al. 2017: one token table shared by encoder, decoder and output; sinusoidal
    /// positions; biases in all projections.
    EncoderDecoder {
        /// Entries of the shared token table.
        vocabulary: u32,
        /// Decoder blocks, on the edge server.
        decoder_layers: u32,
        /// Tokens per sample on the decoder's side.
        target_length: u32,
    },
    /// T5 (Raffel et al. 2020), version 1.0: as the encoder-decoder, but without biases, with scale-only norms and
    /// relative position tables.
    T5 {
        /// Entries of the shared token table.
        vocabulary: u32,
        /// Decoder blocks, on the edge server.
        decoder_layers: u32,
        /// Tokens per sample on the decoder's side.
        target_length: u32,
        /// Relative-position buckets per head; one table in the encoder, one in the decoder.
        relative_buckets: u32,
    },
}

/// A Transformer as plain data, not yet validated: fill the fields, then [`Transformer::new`].
///
/// In a scenario file (`precision`, `optimizer` and `checkpointing` may be left out):
///
/// ```toml
/// layers = 12
/// width = 768
/// feed_forward = 3072
/// heads = 12
/// sequence_length = 128
/// family = { kind = "encoder", vocabulary = 30522, max_positions = 512, token_types = 2, pooler = true }
/// head = { kind = "classifier", classes = 2 }
/// precision = { wire_activations = "fp16" }
/// optimizer = "adamw"
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TransformerSpec {
    /// L: encoder blocks, the ones that are cut into segments.
    pub layers: u32,
    /// h: width of the hidden state; a multiple of `heads`.
    pub width: u32,
    /// Width of the feed-forward layer (not gated).
    pub feed_forward: u32,
    /// a: attention heads.
    pub heads: u32,
    /// s: tokens per sample. For vision (image_size/patch_size)² + 1.
    pub sequence_length: u32,
    /// What surrounds the blocks.
    pub family: Family,
    /// What is trained on top.
    pub head: Head,
    /// Number formats; 32 bits everywhere unless given.
    #[serde(default)]
    pub precision: Precisions,
    /// Optimizer; AdamW unless given.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// What a block keeps for its backward pass; everything unless given.
    #[serde(default)]
    pub checkpointing: Checkpointing,
}

/// A valid [`TransformerSpec`]: sizes in range and consistent.
///
/// Reads through to the specification; [`Transformer::costs`] computes what the model's parts cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TransformerSpec", into = "TransformerSpec")]
pub struct Transformer(TransformerSpec);

impl Transformer {
    /// Validates the description.
    ///
    /// # Errors
    /// [`ModelError`] names the first bad field, its value and the allowed range.
    ///
    /// ```
    /// use collapipe::model::{ModelError, ModelPreset, Transformer};
    /// let mut spec = ModelPreset::BertTiny.spec(128);
    /// spec.heads = 3; // does not divide the width of 128
    /// assert!(matches!(Transformer::new(spec), Err(ModelError::NotDivisible { field: "width", .. })));
    /// ```
    pub fn new(spec: TransformerSpec) -> Result<Self, ModelError> {
        validate(&spec)?;
        Ok(Self(spec))
    }

    /// Parameters, work, memory and traffic of the model's parts.
    #[must_use]
    pub fn costs(&self) -> ModelCosts {
        ModelCosts::of(&self.0)
    }

    /// The description, to be changed and validated again.
    #[must_use]
    pub fn into_spec(self) -> TransformerSpec {
        self.0
    }
}

impl Deref for Transformer {
    type Target = TransformerSpec;
    fn deref(&self) -> &TransformerSpec {
        &self.0
    }
}

impl TryFrom<TransformerSpec> for Transformer {
    type Error = ModelError;
    fn try_from(spec: TransformerSpec) -> Result<Self, ModelError> {
        Self::new(spec)
    }
}

impl From<Transformer> for TransformerSpec {
    fn from(model: Transformer) -> Self {
        model.0
    }
}
