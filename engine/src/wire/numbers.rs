//! Numbers as bytes.

use serde::{Deserialize, Serialize};

use super::frame::WireError;

/// How the numbers of tensors are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbers {
    /// 32 bits: as they are.
    #[default]
    F32,
    /// IEEE half precision: 11 significant bits, magnitudes up to 65504.
    F16,
    /// bfloat16: 8 significant bits, magnitudes as of `f32`.
    Bf16,
}

impl Numbers {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// Bytes of a number.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// The bytes of numbers, little-endian.
#[must_use]
pub fn encode(values: &[f32], numbers: Numbers) -> Vec<u8> {
    match numbers {
        Numbers::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Numbers::F16 => values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes()).collect(),
        Numbers::Bf16 => values.iter().flat_map(|value| half::bf16::from_f32(*value).to_le_bytes()).collect(),
    }
}

/// The numbers of bytes.
///
/// # Errors
/// [`WireError::Payload`] for bytes that are not a whole number of numbers.
pub fn decode(bytes: &[u8], numbers: Numbers) -> Result<Vec<f32>, WireError> {
    let width = numbers.width();
    if !bytes.len().is_multiple_of(width) {
        return Err(WireError::Payload { bytes: bytes.len(), width });
    }
    Ok(match numbers {
        Numbers::F32 => bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Numbers::F16 => bytes.as_chunks::<2>().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        Numbers::Bf16 => bytes.as_chunks::<2>().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
    })
}
