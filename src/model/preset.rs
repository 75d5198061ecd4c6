//! Published architectures by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::spec::{Checkpointing, Family, Head, Optimizer, Precisions, Transformer, TransformerSpec};

/// A published architecture.
///
/// Sizes are those of the published configurations (default configurations of the `transformers` library, 4.57.6;
/// Vaswani et al. 2017, with the vocabulary of 37,000 they name). Text encoders get a two-class classifier on top,
/// vision models their 1,000 classes, the others a language-model head; change `head` in the specification for another
/// task.
///
/// ```
/// use collapipe::model::ModelPreset;
/// let preset: ModelPreset = "bert-base".parse()?;
/// assert_eq!(preset, ModelPreset::BertBase);
/// assert_eq!(preset.spec(preset.default_sequence_length()).layers, 12);
/// # Ok::<(), collapipe::model::UnknownModel>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ModelPreset {
    /// BERT, 2 blocks of width 128 (Turc et al. 2019).
    BertTiny,
    /// BERT, 4 blocks of width 256 (Turc et al. 2019).
    BertMini,
    /// BERT, 4 blocks of width 512 (Turc et al. 2019).
    BertSmall,
    /// BERT, 8 blocks of width 512 (Turc et al. 2019).
    BertMedium,
    /// BERT base (Devlin et al. 2019).
    BertBase,
    /// BERT large (Devlin et al. 2019).
    BertLarge,
    /// DistilBERT (Sanh et al. 2019).
    Distilbert,
    /// The base model of Vaswani et al. 2017.
    TransformerBase,
    /// The big model of Vaswani et al. 2017.
    TransformerBig,
    /// T5 small (Raffel et al. 2020).
    T5Small,
    /// T5 base (Raffel et al. 2020).
    T5Base,
    /// T5 large (Raffel et al. 2020).
    T5Large,
    /// ViT base, patches of 16 pixels, images of 224 (Dosovitskiy et al. 2021).
    VitBase,
    /// ViT large, patches of 16 pixels, images of 224 (Dosovitskiy et al. 2021).
    VitLarge,
    /// GPT-2, the smallest (Radford et al. 2019).
    Gpt2,
    /// GPT-2 medium (Radford et al. 2019).
    Gpt2Medium,
    /// GPT-2 large (Radford et al. 2019).
    Gpt2Large,
    /// GPT-2 XL (Radford et al. 2019).
    Gpt2Xl,
}

/// No preset has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown model \"{name}\"; allowed: {}", allowed_names())]
#[non_exhaustive]
pub struct UnknownModel {
    /// The name given.
    pub name: String,
}

fn allowed_names() -> String {
    ModelPreset::ALL.map(ModelPreset::name).join(", ")
}

impl ModelPreset {
    /// Every preset, small to large within a family.
    pub const ALL: [Self; 18] = [
        Self::BertTiny,
        Self::BertMini,
        Self::BertSmall,
        Self::BertMedium,
        Self::BertBase,
        Self::BertLarge,
        Self::Distilbert,
        Self::TransformerBase,
        Self::TransformerBig,
        Self::T5Small,
        Self::T5Base,
        Self::T5Large,
        Self::VitBase,
        Self::VitLarge,
        Self::Gpt2,
        Self::Gpt2Medium,
        Self::Gpt2Large,
        Self::Gpt2Xl,
    ];

    /// The name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BertTiny => "bert-tiny",
            Self::BertMini => "bert-mini",
            Self::BertSmall => "bert-small",
            Self::BertMedium => "bert-medium",
            Self::BertBase => "bert-base",
            Self::BertLarge => "bert-large",
            Self::Distilbert => "distilbert",
            Self::TransformerBase => "transformer-base",
            Self::TransformerBig => "transformer-big",
            Self::T5Small => "t5-small",
            Self::T5Base => "t5-base",
            Self::T5Large => "t5-large",
            Self::VitBase => "vit-base",
            Self::VitLarge => "vit-large",
            Self::Gpt2 => "gpt2",
            Self::Gpt2Medium => "gpt2-medium",
            Self::Gpt2Large => "gpt2-large",
            Self::Gpt2Xl => "gpt2-xl",
        }
    }

    /// 128 tokens for text; for images the only length there is.
    #[must_use]
    pub const fn default_sequence_length(self) -> u32 {
        match self {
            Self::VitBase | Self::VitLarge => 197,
            _ => 128,
        }
    }

    /// The description of the model for samples of `sequence_length` tokens (encoder-decoders: on both sides).
    ///
    /// Not yet validated: [`Transformer::new`] rejects lengths the model cannot take, and for vision models any other
    /// than [`ModelPreset::default_sequence_length`].
    #[must_use]
    pub fn spec(self, sequence_length: u32) -> TransformerSpec {
        let (layers, width, heads) = match self {
            Self::BertTiny => (2, 128, 2),
            Self::BertMini => (4, 256, 4),
            Self::BertSmall => (4, 512, 8),
            Self::BertMedium => (8, 512, 8),
            Self::Distilbert => (6, 768, 12),
            Self::BertBase | Self::VitBase | Self::Gpt2 | Self::T5Base => (12, 768, 12),
            Self::BertLarge | Self::VitLarge | Self::Gpt2Medium | Self::T5Large => (24, 1024, 16),
            Self::TransformerBase | Self::T5Small => (6, 512, 8),
            Self::TransformerBig => (6, 1024, 16),
            Self::Gpt2Large => (36, 1280, 20),
            Self::Gpt2Xl => (48, 1600, 25),
        };
        let (family, head) = self.surroundings(layers, sequence_length);
        TransformerSpec {
            layers,
            width,
            feed_forward: 4 * width,
            heads,
            sequence_length,
            family,
            head,
            precision: Precisions::default(),
            optimizer: Optimizer::default(),
            checkpointing: Checkpointing::default(),
        }
    }

    fn surroundings(self, decoder_layers: u32, target_length: u32) -> (Family, Head) {
        let bert =
            |token_types, pooler| Family::Encoder { vocabulary: 30_522, max_positions: 512, token_types, pooler };
        match self {
            Self::BertTiny | Self::BertMini | Self::BertSmall | Self::BertMedium | Self::BertBase | Self::BertLarge => {
                (bert(2, true), Head::Classifier { classes: 2 })
            }
            Self::Distilbert => (bert(0, false), Head::Classifier { classes: 2 }),
            Self::TransformerBase | Self::TransformerBig => {
                (Family::EncoderDecoder { vocabulary: 37_000, decoder_layers, target_length }, Head::LanguageModel {})
            }
            Self::T5Small | Self::T5Base | Self::T5Large => (
                Family::T5 { vocabulary: 32_128, decoder_layers, target_length, relative_buckets: 32 },
                Head::LanguageModel {},
            ),
            Self::VitBase | Self::VitLarge => (
                Family::Vision { image_size: 224, patch_size: 16, channels: 3, pooler: true },
                Head::Classifier { classes: 1000 },
            ),
            Self::Gpt2 | Self::Gpt2Medium | Self::Gpt2Large | Self::Gpt2Xl => {
                (Family::Decoder { vocabulary: 50_257, max_positions: 1024 }, Head::LanguageModel {})
            }
        }
    }
}

impl fmt::Display for ModelPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ModelPreset {
    type Err = UnknownModel;
    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

/// The presets and their costs as a Markdown table, at each model's default sequence length, in 32 bits, with AdamW.
///
/// # Errors
/// [`ModelError`](super::ModelError) if a preset were not a valid model; a test checks that all are.
pub fn preset_table() -> Result<String, super::ModelError> {
    use fmt::Write as _;
    let mut table = String::from(
        "| model | L | width | tokens | parameters | per block | embedding | other | head | forward MFLOP/block | \
         activations MB/block | resident MB/block | cut kbit | embedding MFLOP | decoder MFLOP |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for preset in ModelPreset::ALL {
        let model = Transformer::new(preset.spec(preset.default_sequence_length()))?;
        let c = model.costs();
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| {preset} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {:.2} | {:.1} | {:.0} | {:.3} | {:.3} |",
            model.layers,
            model.width,
            model.sequence_length,
            c.parameters.total(),
            c.parameters.per_block,
            c.parameters.embedding,
            c.parameters.other + c.parameters.decoder_blocks,
            c.parameters.head,
            c.block.forward_flops_per_sample.value() / 1e6,
            c.block.activation_bytes_per_sample.value() / 1e6,
            c.block.resident_bytes_per_block.value() / 1e6,
            c.block.boundary_bits_per_sample.value() / 1e3,
            c.embedding.forward_flops_per_sample.value() / 1e6,
            c.decoder.forward_flops_per_sample.value() / 1e6,
        );
    }
    Ok(table)
}
