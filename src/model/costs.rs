//! What the parts of a model cost: parameters, work, memory, traffic.

use serde::Serialize;

use super::spec::{Checkpointing, Family, Head, TransformerSpec};
use crate::units::{Bits, Bytes, Flops};

/// Parameter counts, part by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ParameterCounts {
    /// Embedding: tables, patch projection, class token, the norm right after them.
    pub embedding: u64,
    /// One encoder block.
    pub per_block: u64,
    /// All L encoder blocks.
    pub blocks: u64,
    /// All decoder blocks; 0 outside encoder-decoders.
    pub decoder_blocks: u64,
    /// The rest of the published model: pooler, final norms, relative position tables.
    pub other: u64,
    /// The head's own parameters, which published totals leave out.
    pub head: u64,
    /// Parameters the head shares with the embedding (tied output matrix): already counted there, but the edge server
    /// holds a copy.
    pub tied: u64,
}

impl ParameterCounts {
    /// The published model: everything but the head.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.embedding + self.blocks + self.decoder_blocks + self.other
    }
}

/// Costs of one encoder block, in the terms of the slot problem's encoder.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BlockCosts {
    /// c_F: forward work per sample.
    pub forward_flops_per_sample: Flops,
    /// c_B: backward work per sample, including what checkpointing computes again.
    pub backward_flops_per_sample: Flops,
    /// A: size per sample of the tensor that crosses every cut, s·h values.
    pub boundary_bits_per_sample: Bits,
    /// w_p: the block's parameters as they are sent.
    pub parameter_bits_per_block: Bits,
    /// Weights, gradients and optimizer state.
    pub resident_bytes_per_block: Bytes,
    /// Activations kept per sample between forward and backward.
    pub activation_bytes_per_sample: Bytes,
}

/// Costs of the first (embedding) or last (decoder) stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EndStageCosts {
    /// Forward work per sample.
    pub forward_flops_per_sample: Flops,
    /// Backward work per sample.
    pub backward_flops_per_sample: Flops,
    /// Parameters the stage's node holds, tied ones included.
    pub parameters: u64,
    /// These parameters as they are sent.
    pub parameter_bits: Bits,
}

/// What a model costs: computed by [`Transformer::costs`](super::Transformer::costs).
///
/// Work counts 2 FLOP per multiply-add of the matrix products; norms, activations, softmax and biases of the blocks are
/// left out, as is usual (Kaplan et al. 2020, Narayanan et al. 2021). With s tokens, width h, feed-forward width f:
///
/// * block, forward: `2 s (4h² + 2hf) + 4 s² h`, full attention also where a causal mask would halve it;
/// * block, backward: twice the forward (gradients of inputs and of weights), plus what checkpointing repeats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelCosts {
    /// L: number of encoder blocks.
    pub blocks: u32,
    /// Parameter counts.
    pub parameters: ParameterCounts,
    /// One encoder block.
    pub block: BlockCosts,
    /// The embedding, on the control unit.
    pub embedding: EndStageCosts,
    /// Everything after the last encoder block, on the edge server.
    pub decoder: EndStageCosts,
}

impl ModelCosts {
    /// The parameters of all encoder blocks as they are sent: L·w_p.
    #[must_use]
    pub fn encoder_parameter_bits(&self) -> Bits {
        self.block.parameter_bits_per_block * f64::from(self.blocks)
    }

    /// Memory of everything after the last encoder block, resident and per sample: a parameter takes as much there as in a
    /// block, and as activations count the tensor that enters.
    #[must_use]
    pub fn decoder_memory(&self) -> [Bytes; 2] {
        self.end_memory(&self.decoder)
    }

    /// The same of the embedding or the decoder.
    pub(crate) fn end_memory(&self, end: &EndStageCosts) -> [Bytes; 2] {
        let per_parameter = self.block.resident_bytes_per_block.0 / (self.parameters.per_block.max(1) as f64);
        [Bytes(per_parameter * end.parameters as f64), Bytes(self.block.boundary_bits_per_sample.0 / 8.0)]
    }

    pub(super) fn of(spec: &TransformerSpec) -> Self {
        let parameters = parameter_counts(spec);
        let wire_bits = |count: u64| Bits((count * spec.precision.wire_parameters.bits()) as f64);
        let (embedding_forward, embedding_backward) = embedding_flops(spec, spec.sequence_length);
        let (decoder_forward, decoder_backward) = decoder_flops(spec);
        let on_server = parameters.decoder_blocks + parameters.other + parameters.head + parameters.tied;
        Self {
            blocks: spec.layers,
            parameters,
            block: BlockCosts {
                forward_flops_per_sample: Flops(block_forward_flops(spec)),
                backward_flops_per_sample: Flops(block_backward_flops(spec)),
                boundary_bits_per_sample: Bits(
                    f64::from(spec.sequence_length)
                        * f64::from(spec.width)
                        * spec.precision.wire_activations.bits() as f64,
                ),
                parameter_bits_per_block: wire_bits(parameters.per_block),
                resident_bytes_per_block: Bytes((parameters.per_block * resident_bytes_per_parameter(spec)) as f64),
                activation_bytes_per_sample: Bytes(activation_bytes(spec)),
            },
            embedding: EndStageCosts {
                forward_flops_per_sample: Flops(embedding_forward),
                backward_flops_per_sample: Flops(embedding_backward),
                parameters: parameters.embedding,
                parameter_bits: wire_bits(parameters.embedding),
            },
            decoder: EndStageCosts {
                forward_flops_per_sample: Flops(decoder_forward),
                backward_flops_per_sample: Flops(decoder_backward),
                parameters: on_server,
                parameter_bits: wire_bits(on_server),
            },
        }
    }
}

/// Weight, gradient in the weight's precision, optimizer state.
fn resident_bytes_per_parameter(spec: &TransformerSpec) -> u64 {
    let weights = spec.precision.parameters;
    2 * weights.bytes() + spec.optimizer.state_bytes_per_parameter(weights)
}

fn parameter_counts(spec: &TransformerSpec) -> ParameterCounts {
    let [h, f, layers, heads] = [spec.width, spec.feed_forward, spec.layers, spec.heads].map(u64::from);
    let dense = h * h + h;
    let norm = 2 * h;
    // Blocks with biases: four projections, two feed-forward layers, two norms; a decoder block has four more
    // projections and one more norm. T5 has neither biases nor the norms' shifts.
    let feed_forward = 2 * h * f + f + h;
    let block = 4 * dense + feed_forward + 2 * norm;
    let t5_block = 4 * h * h + 2 * h * f + 2 * h;

    let (per_block, embedding, decoder_blocks, other, vocabulary) = match spec.family {
        Family::Encoder { vocabulary, max_positions, token_types, pooler } => {
            let tables = u64::from(vocabulary) + u64::from(max_positions) + u64::from(token_types);
            (block, tables * h + norm, 0, if pooler { dense } else { 0 }, vocabulary)
        }
        Family::Decoder { vocabulary, max_positions } => {
            (block, (u64::from(vocabulary) + u64::from(max_positions)) * h, 0, norm, vocabulary)
        }
        Family::Vision { pooler, .. } => {
            let class_token_and_positions = (1 + u64::from(spec.sequence_length)) * h;
            let embedding = patch_values(spec) * h + h + class_token_and_positions;
            (block, embedding, 0, norm + if pooler { dense } else { 0 }, 0)
        }
        Family::EncoderDecoder { vocabulary, decoder_layers, .. } => {
            let decoder_block = 8 * dense + feed_forward + 3 * norm;
            (block, u64::from(vocabulary) * h, u64::from(decoder_layers) * decoder_block, 0, vocabulary)
        }
        Family::T5 { vocabulary, decoder_layers, relative_buckets, .. } => {
            let decoder_block = 8 * h * h + 2 * h * f + 3 * h;
            // A final norm and a position table each for encoder and decoder.
            let other = 2 * h + 2 * u64::from(relative_buckets) * heads;
            (t5_block, u64::from(vocabulary) * h, u64::from(decoder_layers) * decoder_block, other, vocabulary)
        }
    };
    let vocabulary = u64::from(vocabulary);
    let (head, tied) = match (spec.family, spec.head) {
        // DistilBERT's classification head brings the dense layer that BERT has as its pooler.
        (Family::Encoder { pooler: false, .. }, Head::Classifier { classes }) => {
            (dense + (h + 1) * u64::from(classes), 0)
        }
        (_, Head::Classifier { classes }) => ((h + 1) * u64::from(classes), 0),
        (Family::Encoder { .. }, Head::LanguageModel {}) => (dense + norm + vocabulary, vocabulary * h),
        (_, Head::LanguageModel {}) => (0, vocabulary * h),
    };
    ParameterCounts { embedding, per_block, blocks: layers * per_block, decoder_blocks, other, head, tied }
}

/// Values in one patch of a vision model; 0 for text.
fn patch_values(spec: &TransformerSpec) -> u64 {
    match spec.family {
        Family::Vision { patch_size, channels, .. } => u64::from(patch_size).pow(2) * u64::from(channels),
        _ => 0,
    }
}

/// QKᵀ and the weighted sum of values over all heads: 2·2·s²·h, for `queries` attending to `keys`.
fn attention_flops(queries: f64, keys: f64, h: f64) -> f64 {
    4.0 * queries * keys * h
}

fn block_forward_flops(spec: &TransformerSpec) -> f64 {
    let [s, h, f] = [spec.sequence_length, spec.width, spec.feed_forward].map(f64::from);
    2.0 * s * (4.0 * h * h + 2.0 * h * f) + attention_flops(s, s, h)
}

fn block_backward_flops(spec: &TransformerSpec) -> f64 {
    let forward = block_forward_flops(spec);
    let [s, h] = [spec.sequence_length, spec.width].map(f64::from);
    let repeated = match spec.checkpointing {
        Checkpointing::None => 0.0,
        Checkpointing::Selective => attention_flops(s, s, h),
        Checkpointing::Full => forward,
    };
    2.0 * forward + repeated
}

/// Korthikanti et al. 2022, eq. 1, s·h·(34 + 5·a·s/h) bytes in 16 bits and with f = 4h, taken apart: with e bytes per
/// value, 8 tensors of s·h values (input of the query/key/value projections, query, key, value, input of the output
/// projection, input of the feed-forward layer, two norm inputs), 2 of s·f (input of the activation function and of the
/// second feed-forward layer), 2 dropout masks of s·h bytes; per head 2 matrices of s² values (softmax, its dropout's
/// output) and a mask of s² bytes. Masks do not grow with the precision.
fn activation_bytes(spec: &TransformerSpec) -> f64 {
    let [s, h, f, a] = [spec.sequence_length, spec.width, spec.feed_forward, spec.heads].map(f64::from);
    let e = spec.precision.activations.bytes() as f64;
    let linear = s * ((8.0 * h + 2.0 * f) * e + 2.0 * h);
    let attention = a * s * s * (2.0 * e + 1.0);
    match spec.checkpointing {
        Checkpointing::None => linear + attention,
        Checkpointing::Selective => linear,
        Checkpointing::Full => s * h * e,
    }
}

/// Elementwise operations per value: a layer norm takes mean (1), centring (1), variance (2), scaling (1), and its
/// own scale and shift (2).
const NORM_FLOPS: f64 = 7.0;

/// Forward and backward work of an embedding of `tokens` tokens. There is little else in it, so elementwise operations
/// count here: adding the tables, scaling, the norm, dropout. Backward, the tables' gradients are sums, and the patch
/// projection needs its weights' gradient alone (images need none).
fn embedding_flops(spec: &TransformerSpec, tokens: u32) -> (f64, f64) {
    let [tokens, h] = [tokens, spec.width].map(f64::from);
    let dropout = 1.0;
    let (forward_per_value, backward_per_value) = match spec.family {
        Family::Encoder { token_types, .. } => {
            let tables = if token_types > 0 { 3.0 } else { 2.0 };
            (tables - 1.0 + NORM_FLOPS + dropout, tables + 2.0 * NORM_FLOPS + dropout)
        }
        Family::Decoder { .. } => (1.0 + dropout, 2.0 + dropout),
        // Bias and positions added; their gradients summed.
        Family::Vision { .. } => (2.0 + dropout, 2.0 + dropout),
        // Scaled by √h, sinusoids added; only the table has a gradient.
        Family::EncoderDecoder { .. } => (2.0 + dropout, 2.0 + dropout),
        Family::T5 { .. } => (dropout, 1.0 + dropout),
    };
    let projection = match spec.family {
        Family::Vision { .. } => 2.0 * (tokens - 1.0) * patch_values(spec) as f64 * h,
        _ => 0.0,
    };
    (tokens * h * forward_per_value + projection, tokens * h * backward_per_value + projection)
}

/// Forward and backward work of everything after the last encoder block; backward twice the forward, as in the blocks.
fn decoder_flops(spec: &TransformerSpec) -> (f64, f64) {
    let [s, h, f] = [spec.sequence_length, spec.width, spec.feed_forward].map(f64::from);
    let dense = 2.0 * h * h;
    let classifier = |classes: u32| 2.0 * h * f64::from(classes);
    let logits = |tokens: f64, vocabulary: u32| 2.0 * tokens * h * f64::from(vocabulary);
    match (spec.family, spec.head) {
        (Family::Encoder { .. }, Head::Classifier { classes }) => {
            // The dense layer is the pooler or, without one, the head's own.
            twice(dense + classifier(classes))
        }
        (Family::Encoder { vocabulary, pooler, .. }, Head::LanguageModel {}) => {
            let pooled = if pooler { dense } else { 0.0 };
            twice(pooled + s * dense + logits(s, vocabulary))
        }
        (Family::Decoder { .. }, Head::Classifier { classes }) => twice(classifier(classes)),
        (Family::Decoder { vocabulary, .. }, Head::LanguageModel {}) => twice(logits(s, vocabulary)),
        (Family::Vision { pooler, .. }, head) => {
            let pooled = if pooler { dense } else { 0.0 };
            let classes = match head {
                Head::Classifier { classes } => classes,
                Head::LanguageModel {} => 0,
            };
            twice(pooled + classifier(classes))
        }
        (
            Family::EncoderDecoder { vocabulary, decoder_layers, target_length }
            | Family::T5 { vocabulary, decoder_layers, target_length, .. },
            _,
        ) => {
            let t = f64::from(target_length);
            let self_attention = 2.0 * t * 4.0 * h * h + attention_flops(t, t, h);
            // Queries and output on the target's tokens, keys and values on the encoder's.
            let cross_attention = 2.0 * (t + s) * 2.0 * h * h + attention_flops(t, s, h);
            let block = self_attention + cross_attention + 2.0 * t * 2.0 * h * f;
            let (forward, backward) = twice(f64::from(decoder_layers) * block + logits(t, vocabulary));
            let (embed_forward, embed_backward) = embedding_flops(spec, target_length);
            (forward + embed_forward, backward + embed_backward)
        }
    }
}

/// Forward work and, with twice as much, the backward work that follows from it.
fn twice(forward: f64) -> (f64, f64) {
    (forward, 2.0 * forward)
}
