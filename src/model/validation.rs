//! Which descriptions are accepted.

use thiserror::Error;

use super::spec::{Family, Head, TransformerSpec};
use crate::ground::blame::{Blame, Blamed};

/// Why a [`TransformerSpec`] is not a model.
///
/// Ranges are wide (no known model comes near their upper ends) and keep every count below 2⁶³.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A size is zero or absurd.
    #[error("`{field}` is {value}; allowed: {min} to {max}")]
    OutOfRange {
        /// Path of the field.
        field: &'static str,
        /// Its value.
        value: u32,
        /// Smallest allowed value.
        min: u32,
        /// Largest allowed value.
        max: u32,
    },
    /// A size is not a multiple of another.
    #[error("`{field}` is {value}; allowed: multiples of `{divisor_field}` = {divisor}")]
    NotDivisible {
        /// Path of the field.
        field: &'static str,
        /// Its value.
        value: u32,
        /// Path of the field that must divide it.
        divisor_field: &'static str,
        /// Value of that field.
        divisor: u32,
    },
    /// A vision model's sequence is not its patches and the class token.
    #[error("`sequence_length` is {value}; allowed: {expected}, (image_size/patch_size)^2 + 1")]
    SequenceLength {
        /// The length given.
        value: u32,
        /// The only length allowed.
        expected: u32,
    },
    /// The family has no such head.
    #[error("`head.kind` is \"{head}\"; allowed for `family.kind` = \"{family}\": \"{allowed}\"")]
    Head {
        /// The head given.
        head: &'static str,
        /// The family.
        family: &'static str,
        /// The head the family allows.
        allowed: &'static str,
    },
}

impl Blamed for ModelError {
    fn blame(&self) -> Blame {
        match self {
            Self::OutOfRange { .. } | Self::NotDivisible { .. } | Self::SequenceLength { .. } | Self::Head { .. } => {
                Blame::Input
            }
        }
    }
}

const MAX_LAYERS: u32 = 4096;
const MAX_WIDTH: u32 = 65_536;
const MAX_FEED_FORWARD: u32 = 1 << 20;
const MAX_SEQUENCE: u32 = 1 << 20;
const MAX_TABLE: u32 = 1 << 24;
const MAX_IMAGE: u32 = 16_384;
const MAX_CHANNELS: u32 = 1024;

fn range(field: &'static str, value: u32, min: u32, max: u32) -> Result<(), ModelError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(ModelError::OutOfRange { field, value, min, max }) }
}

pub(super) fn validate(spec: &TransformerSpec) -> Result<(), ModelError> {
    range("layers", spec.layers, 1, MAX_LAYERS)?;
    range("width", spec.width, 1, MAX_WIDTH)?;
    range("feed_forward", spec.feed_forward, 1, MAX_FEED_FORWARD)?;
    range("heads", spec.heads, 1, spec.width)?;
    if !spec.width.is_multiple_of(spec.heads) {
        return Err(ModelError::NotDivisible {
            field: "width",
            value: spec.width,
            divisor_field: "heads",
            divisor: spec.heads,
        });
    }
    range("sequence_length", spec.sequence_length, 1, MAX_SEQUENCE)?;
    validate_family(spec)?;
    validate_head(spec)
}

fn validate_family(spec: &TransformerSpec) -> Result<(), ModelError> {
    match spec.family {
        Family::Encoder { vocabulary, max_positions, token_types, pooler: _ } => {
            range("family.vocabulary", vocabulary, 1, MAX_TABLE)?;
            range("family.max_positions", max_positions, 1, MAX_SEQUENCE)?;
            range("family.token_types", token_types, 0, MAX_TABLE)?;
            range("sequence_length", spec.sequence_length, 1, max_positions)
        }
        Family::Decoder { vocabulary, max_positions } => {
            range("family.vocabulary", vocabulary, 1, MAX_TABLE)?;
            range("family.max_positions", max_positions, 1, MAX_SEQUENCE)?;
            range("sequence_length", spec.sequence_length, 1, max_positions)
        }
        Family::Vision { image_size, patch_size, channels, pooler: _ } => {
            range("family.image_size", image_size, 1, MAX_IMAGE)?;
            range("family.patch_size", patch_size, 1, image_size)?;
            range("family.channels", channels, 1, MAX_CHANNELS)?;
            if !image_size.is_multiple_of(patch_size) {
                return Err(ModelError::NotDivisible {
                    field: "family.image_size",
                    value: image_size,
                    divisor_field: "family.patch_size",
                    divisor: patch_size,
                });
            }
            let expected = (image_size / patch_size).pow(2) + 1;
            if spec.sequence_length == expected {
                Ok(())
            } else {
                Err(ModelError::SequenceLength { value: spec.sequence_length, expected })
            }
        }
        Family::EncoderDecoder { vocabulary, decoder_layers, target_length } => {
            range("family.vocabulary", vocabulary, 1, MAX_TABLE)?;
            range("family.decoder_layers", decoder_layers, 1, MAX_LAYERS)?;
            range("family.target_length", target_length, 1, MAX_SEQUENCE)
        }
        Family::T5 { vocabulary, decoder_layers, target_length, relative_buckets } => {
            range("family.vocabulary", vocabulary, 1, MAX_TABLE)?;
            range("family.decoder_layers", decoder_layers, 1, MAX_LAYERS)?;
            range("family.target_length", target_length, 1, MAX_SEQUENCE)?;
            range("family.relative_buckets", relative_buckets, 1, MAX_SEQUENCE)
        }
    }
}

fn validate_head(spec: &TransformerSpec) -> Result<(), ModelError> {
    if let Head::Classifier { classes } = spec.head {
        range("head.classes", classes, 1, MAX_TABLE)?;
    }
    let only = |family, allowed, head| Err(ModelError::Head { head, family, allowed });
    match (spec.family, spec.head) {
        (Family::Vision { .. }, Head::LanguageModel {}) => only("vision", "classifier", "language-model"),
        (Family::EncoderDecoder { .. }, Head::Classifier { .. }) => {
            only("encoder-decoder", "language-model", "classifier")
        }
        (Family::T5 { .. }, Head::Classifier { .. }) => only("t5", "language-model", "classifier"),
        _ => Ok(()),
    }
}
