//! The parts of a Transformer with hand-written backward passes.
//!
//! Activations are matrices of one column per token, the tokens of a sample side by side: width × (samples · tokens). Each
//! part keeps its parameters in one flat vector, so that sending, averaging and keeping them is copying. A part's forward
//! pass returns what its backward pass needs; gradients are added to, so that those of micro-batches sum to the batch's.
//! Products are nalgebra's on one thread: results are the same bits on any number of devices and threads.
//!
//! The architecture is that of BERT (Devlin et al. 2019): normalization after each residual, exact GELU.

mod attention;
mod block;
mod embedding;
mod head;
mod linear;
mod model;
mod norm;
mod optimizer;
mod real;
mod whole;

pub use block::{Block, BlockSaved};
pub use embedding::{Embedding, EmbeddingSaved};
pub use head::{Classifier, ClassifierSaved};
pub use model::{Loss, Model, ModelError, Shape};
pub use optimizer::{Optimizer, Rule, RuleError};
pub use real::Real;

use collapipe::nalgebra::DMatrix;

/// Activations or their gradients: one column per token.
pub type Activations<T> = DMatrix<T>;
