//! The encoder that is cut into segments: equal blocks, or a chain of blocks that differ.

use std::fmt;
use std::ops::Range;

use serde::de::{Error, IgnoredAny, MapAccess, Unexpected, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ground::check;
use crate::ground::phase::Phase;
use crate::ground::units::{Bits, Bytes, Flops};

/// L identical encoder blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EqualBlocks {
    /// L: number of encoder blocks.
    pub blocks: u32,
    /// c_F: forward work per sample and block.
    pub forward_flops_per_sample: Flops,
    /// c_B: backward work per sample and block.
    pub backward_flops_per_sample: Flops,
    /// A: size per sample of the tensor that crosses every cut.
    pub boundary_bits_per_sample: Bits,
    /// w_p: size of a block's parameters as they are sent.
    pub parameter_bits_per_block: Bits,
    /// Memory a block keeps: weights, gradients, optimizer state.
    pub resident_bytes_per_block: Bytes,
    /// Memory of a block's activations per sample.
    pub activation_bytes_per_sample: Bytes,
}

/// One block of a [`Chain`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// c_F: forward work per sample.
    pub forward_flops_per_sample: Flops,
    /// c_B: backward work per sample.
    pub backward_flops_per_sample: Flops,
    /// Size per sample of the tensor that leaves the block.
    pub boundary_bits_per_sample: Bits,
    /// w_p: size of the parameters as they are sent.
    pub parameter_bits: Bits,
    /// Memory the block keeps: weights, gradients, optimizer state.
    pub resident_bytes: Bytes,
    /// Memory of the activations per sample.
    pub activation_bytes_per_sample: Bytes,
}

/// Blocks that differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Size per sample of the tensor that enters the first block.
    pub input_bits_per_sample: Bits,
    /// The blocks in their order.
    pub blocks: Vec<Block>,
}

/// The encoder that is cut into segments of consecutive blocks.
///
/// [`SlotProblem::new`](super::SlotProblem::new) turns a chain whose blocks and tensors are all alike into equal blocks:
/// the two mean the same.
///
/// ```
/// use collapipe::problem::{Block, Chain, Encoder, EqualBlocks};
/// use collapipe::units::{Bits, Flops};
/// let alike = EqualBlocks { blocks: 2, forward_flops_per_sample: Flops(1e9), ..EqualBlocks::default() };
/// let differ = Chain {
///     input_bits_per_sample: Bits(1e6),
///     blocks: vec![Block::default(), Block { forward_flops_per_sample: Flops(2e9), ..Block::default() }],
/// };
/// let (alike, differ) = (Encoder::from(alike), Encoder::from(differ));
/// assert_eq!((alike.blocks(), differ.blocks()), (2, 2));
/// assert_eq!(differ.mean_block().forward_flops_per_sample, alike.mean_block().forward_flops_per_sample);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Encoder {
    /// Identical blocks.
    Equal(EqualBlocks),
    /// Blocks that differ (schema 2).
    Chain(Chain),
}

impl Default for Encoder {
    /// No blocks, which is no valid encoder.
    fn default() -> Self {
        Self::Equal(EqualBlocks::default())
    }
}

impl From<EqualBlocks> for Encoder {
    fn from(blocks: EqualBlocks) -> Self {
        Self::Equal(blocks)
    }
}

impl From<Chain> for Encoder {
    fn from(chain: Chain) -> Self {
        Self::Chain(chain)
    }
}

impl EqualBlocks {
    /// A block, as one of a chain.
    #[must_use]
    pub fn block(&self) -> Block {
        Block {
            forward_flops_per_sample: self.forward_flops_per_sample,
            backward_flops_per_sample: self.backward_flops_per_sample,
            boundary_bits_per_sample: self.boundary_bits_per_sample,
            parameter_bits: self.parameter_bits_per_block,
            resident_bytes: self.resident_bytes_per_block,
            activation_bytes_per_sample: self.activation_bytes_per_sample,
        }
    }

    /// c of a phase.
    pub(crate) fn flops(&self, phase: Phase) -> Flops {
        match phase {
            Phase::Forward => self.forward_flops_per_sample,
            Phase::Backward => self.backward_flops_per_sample,
        }
    }
}

impl Block {
    /// c of a phase.
    pub(crate) fn flops(&self, phase: Phase) -> Flops {
        match phase {
            Phase::Forward => self.forward_flops_per_sample,
            Phase::Backward => self.backward_flops_per_sample,
        }
    }
}

impl Chain {
    /// The same as equal blocks, where all blocks and tensors are alike, and equal blocks may be like that. (What is out
    /// of range stays as it stands in the file, so that errors name it.)
    fn equal(&self) -> Option<EqualBlocks> {
        let first = *self.blocks.first()?;
        let positive =
            [first.forward_flops_per_sample.0, first.backward_flops_per_sample.0, first.boundary_bits_per_sample.0];
        let others = [first.parameter_bits.0, first.resident_bytes.0, first.activation_bytes_per_sample.0];
        let in_range = positive.iter().all(|value| check::Range::Positive.contains(*value))
            && others.iter().all(|value| check::Range::NonNegative.contains(*value));
        let alike = self.input_bits_per_sample == first.boundary_bits_per_sample
            && self.blocks.iter().all(|block| *block == first);
        (in_range && alike).then(|| EqualBlocks {
            blocks: u32::try_from(self.blocks.len()).unwrap_or(u32::MAX),
            forward_flops_per_sample: first.forward_flops_per_sample,
            backward_flops_per_sample: first.backward_flops_per_sample,
            boundary_bits_per_sample: first.boundary_bits_per_sample,
            parameter_bits_per_block: first.parameter_bits,
            resident_bytes_per_block: first.resident_bytes,
            activation_bytes_per_sample: first.activation_bytes_per_sample,
        })
    }

    /// Sum over a segment; blocks that the chain does not have count nothing.
    pub(crate) fn sum(&self, segment: &Range<u32>, of: impl Fn(&Block) -> f64) -> f64 {
        let end = (segment.end as usize).min(self.blocks.len());
        self.blocks.get(segment.start as usize..end).map_or(0.0, |blocks| blocks.iter().map(of).sum())
    }
}

impl Encoder {
    /// L: number of blocks.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        match self {
            Self::Equal(equal) => equal.blocks,
            Self::Chain(chain) => u32::try_from(chain.blocks.len()).unwrap_or(u32::MAX),
        }
    }

    /// The blocks, where they are known to be equal.
    #[must_use]
    pub fn equal(&self) -> Option<&EqualBlocks> {
        match self {
            Self::Equal(equal) => Some(equal),
            Self::Chain(_) => None,
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn equal_mut(&mut self) -> Option<&mut EqualBlocks> {
        match self {
            Self::Equal(equal) => Some(equal),
            Self::Chain(_) => None,
        }
    }

    /// The block at a place from 0; none beyond the last.
    #[must_use]
    pub fn block(&self, index: u32) -> Option<Block> {
        match self {
            Self::Equal(equal) => (index < equal.blocks).then(|| equal.block()),
            Self::Chain(chain) => chain.blocks.get(index as usize).copied(),
        }
    }

    /// As many equal blocks with the same sums of work, parameters and memory, and the mean tensor. Of equal blocks
    /// these are the blocks themselves.
    #[must_use]
    pub fn mean_block(&self) -> EqualBlocks {
        let chain = match self {
            Self::Equal(equal) => return *equal,
            Self::Chain(chain) => chain,
        };
        let blocks = self.blocks();
        let mean = |of: fn(&Block) -> f64| chain.sum(&(0..blocks), of) / f64::from(blocks.max(1));
        EqualBlocks {
            blocks,
            forward_flops_per_sample: Flops(mean(|b| b.forward_flops_per_sample.0)),
            backward_flops_per_sample: Flops(mean(|b| b.backward_flops_per_sample.0)),
            boundary_bits_per_sample: Bits(mean(|b| b.boundary_bits_per_sample.0)),
            parameter_bits_per_block: Bits(mean(|b| b.parameter_bits.0)),
            resident_bytes_per_block: Bytes(mean(|b| b.resident_bytes.0)),
            activation_bytes_per_sample: Bytes(mean(|b| b.activation_bytes_per_sample.0)),
        }
    }

    /// Size per sample of the tensor at a cut: before the first block (cut 0), or behind the first `cut` blocks. Beyond
    /// the last block: what leaves the last one.
    #[must_use]
    pub fn boundary_bits_per_sample(&self, cut: u32) -> Bits {
        match (self, cut) {
            (Self::Equal(equal), _) => equal.boundary_bits_per_sample,
            (Self::Chain(chain), 0) => chain.input_bits_per_sample,
            (Self::Chain(chain), cut) => {
                let block = chain.blocks.get(cut as usize - 1).or(chain.blocks.last());
                block.map_or(Bits(0.0), |block| block.boundary_bits_per_sample)
            }
        }
    }

    /// Equal blocks instead of a chain of blocks that are all alike.
    pub(super) fn normalised(self) -> Self {
        match &self {
            Self::Chain(chain) => chain.equal().map_or(self, Self::Equal),
            Self::Equal(_) => self,
        }
    }
}

impl Serialize for Encoder {
    /// Equal blocks in the form of schema 1, chains in that of schema 2.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Equal(equal) => equal.serialize(serializer),
            Self::Chain(chain) => chain.serialize(serializer),
        }
    }
}

/// An encoder that writes itself as a chain, as schema 2 asks for.
pub(super) struct AsChain<'a>(pub &'a Encoder);

impl Serialize for AsChain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Encoder::Chain(chain) => chain.serialize(serializer),
            Encoder::Equal(equal) => Chain {
                input_bits_per_sample: equal.boundary_bits_per_sample,
                blocks: vec![equal.block(); equal.blocks as usize],
            }
            .serialize(serializer),
        }
    }
}

/// What `blocks` holds: a number (schema 1) or a list (schema 2).
enum Blocks {
    Number(u32),
    List(Vec<Block>),
}

impl<'de> Deserialize<'de> for Blocks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Blocks;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a list of blocks")
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Blocks, E> {
                let number = u32::try_from(value);
                number.map(Blocks::Number).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &"u32"))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Blocks, E> {
                let number = u64::try_from(value);
                self.visit_u64(number.map_err(|_| E::invalid_value(Unexpected::Signed(value), &"u32"))?)
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Blocks, E> {
                Err(E::invalid_type(Unexpected::Float(value), &"u32"))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Blocks, E> {
                // A quoted number is meant as a number.
                Err(E::invalid_type(Unexpected::Str(text), &"u32"))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Blocks, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Blocks::List)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Encoder {
    /// Reads either form; what `blocks` holds says which it is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const FIELDS: [&str; 8] = [
            "blocks",
            "input_bits_per_sample",
            "forward_flops_per_sample",
            "backward_flops_per_sample",
            "boundary_bits_per_sample",
            "parameter_bits_per_block",
            "resident_bytes_per_block",
            "activation_bytes_per_sample",
        ];
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Encoder;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("struct Encoder")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Encoder, A::Error> {
                let mut blocks = None;
                // In the order of the names, without the first.
                let mut numbers = [None::<f64>; FIELDS.len() - 1];
                while let Some(key) = map.next_key::<String>()? {
                    let Some(index) = FIELDS.iter().position(|name| *name == key) else {
                        map.next_value::<IgnoredAny>()?;
                        return Err(A::Error::unknown_field(&key, &FIELDS));
                    };
                    match index.checked_sub(1).and_then(|number| numbers.get_mut(number)) {
                        None if blocks.is_some() => return Err(A::Error::duplicate_field(FIELDS[0])),
                        None => blocks = Some(map.next_value()?),
                        Some(Some(_)) => return Err(A::Error::duplicate_field(FIELDS[index])),
                        Some(number) => *number = Some(map.next_value()?),
                    }
                }
                let number = |index: usize| numbers[index - 1].ok_or_else(|| A::Error::missing_field(FIELDS[index]));
                match blocks {
                    None => Err(A::Error::missing_field(FIELDS[0])),
                    Some(Blocks::List(blocks)) => match (2..FIELDS.len()).find(|&index| numbers[index - 1].is_some()) {
                        Some(index) => Err(A::Error::custom(format_args!(
                            "field `{}` goes with a number of equal blocks; in a list each block has its own",
                            FIELDS[index]
                        ))),
                        None => Ok(Encoder::Chain(Chain { input_bits_per_sample: Bits(number(1)?), blocks })),
                    },
                    Some(Blocks::Number(_)) if numbers[0].is_some() => Err(A::Error::custom(format_args!(
                        "field `{}` goes with a list of blocks, not with a number of equal ones",
                        FIELDS[1]
                    ))),
                    Some(Blocks::Number(blocks)) => Ok(Encoder::Equal(EqualBlocks {
                        blocks,
                        forward_flops_per_sample: Flops(number(2)?),
                        backward_flops_per_sample: Flops(number(3)?),
                        boundary_bits_per_sample: Bits(number(4)?),
                        parameter_bits_per_block: Bits(number(5)?),
                        resident_bytes_per_block: Bytes(number(6)?),
                        activation_bytes_per_sample: Bytes(number(7)?),
                    })),
                }
            }
        }
        deserializer.deserialize_struct("Encoder", &FIELDS, Fields)
    }
}

/// Equal blocks in version 1, a chain in version 2.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Encoder {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Encoder".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (equal, chain) = (generator.subschema_for::<EqualBlocks>(), generator.subschema_for::<Chain>());
        schemars::json_schema!({ "anyOf": [equal, chain] })
    }
}
