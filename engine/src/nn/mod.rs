//! The parts of a Transformer with hand-written backward passes.
//!
//! Activations are matrices of one column per token, the tokens of a sample side by side: width × (samples · tokens). Each
//! part keeps its parameters in one flat vector, so that sending, averaging and keeping them is copying. A part's forward
//! pass returns what its backward pass needs; gradients are added to, so that those of micro-batches sum to the batch's.
//! Products are nalgebra's on one thread: results are the same bits on any number of devices and threads.
//!
//! The architectures are those of BERT (Devlin et al. 2019), GPT-2 (Radford et al. 2019) and the first Transformer (Vaswani et al. 2017), with
//! exact GELU in all of them and without dropout.

mod attention;
mod block;
mod classifier;
mod cross;
mod decoder;
mod embedding;
mod feed_forward;
mod head;
mod language;
mod linear;
mod model;
mod norm;
mod optimizer;
mod real;
mod table;
mod whole;

pub use block::{Block, BlockKind, BlockSaved};
pub use classifier::{Classifier, ClassifierSaved};
pub use decoder::{BEGIN, Decoder, DecoderSaved};
pub use embedding::{Embedding, EmbeddingSaved};
pub use head::{Head, HeadSaved};
pub use language::{LanguageModel, LanguageModelSaved};
pub use model::{Loss, Model, ModelError, Shape};
pub use optimizer::{Optimizer, Rule, RuleError};
pub use real::Real;
pub use table::IGNORED;
pub(crate) use whole::counted;

use collapipe::nalgebra::DMatrix;

/// Activations or their gradients: one column per token.
pub type Activations<T> = DMatrix<T>;
