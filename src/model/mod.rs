//! Transformer models and what their parts cost.
//!
//! A [`TransformerSpec`] describes a model in the terms of its published configuration; a validated [`Transformer`]
//! turns it into [`ModelCosts`]: parameters, work, memory and traffic of the embedding (control unit), of one encoder
//! block (devices) and of the decoder (edge server). [`ModelPreset`] names published architectures.
//!
//! ```
//! use collapipe::model::{ModelPreset, Transformer};
//!
//! let bert = Transformer::new(ModelPreset::BertBase.spec(128))?;
//! let costs = bert.costs();
//! assert_eq!(costs.parameters.total(), 109_482_240);
//! assert_eq!(costs.parameters.per_block, 7_087_872);
//! // Every cut carries 128 tokens of 768 values in 32 bits.
//! assert_eq!(costs.block.boundary_bits_per_sample.value(), 128.0 * 768.0 * 32.0);
//! # Ok::<(), collapipe::model::ModelError>(())
//! ```

mod costs;
mod preset;
mod spec;
mod validation;

pub use costs::{BlockCosts, EndStageCosts, ModelCosts, ParameterCounts};
pub use preset::{ModelPreset, UnknownModel, preset_table};
pub use spec::{Checkpointing, Family, Head, Optimizer, Precision, Precisions, Transformer, TransformerSpec};
pub use validation::ModelError;
