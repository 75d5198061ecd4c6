//! What the stages compute.

mod learning;
mod synthetic;

use serde::{Deserialize, Serialize};

use crate::wire::{Learned, Plan};

pub use collapipe::bounds::UpdateRule;
pub use learning::{LearningSpec, encoder_bytes, model_of, parameters};
pub use synthetic::{MOST_NUMBERS, SyntheticSpec};

/// What is computed in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkSpec {
    /// Nothing: messages of the right order and of limited size.
    Synthetic(SyntheticSpec),
    /// A model learns.
    Learning(Box<LearningSpec>),
}

/// Why a stage could not do its work.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// Numbers that do not fit.
    #[error("{what} of {found} numbers: must have {expected}")]
    Length {
        /// What they are.
        what: &'static str,
        /// How many came.
        found: usize,
        /// How many belong there.
        expected: usize,
    },
    /// Something was asked of a node that it does not do.
    #[error("{0}")]
    Misplaced(&'static str),
    /// The model refused.
    #[error("{0}")]
    Model(String),
}

/// The work of a node. Tensors are flat; every message is answered by the next one.
pub trait Work: Send {
    /// A new round begins.
    fn begin(&mut self, plan: &Plan, node: usize) -> Result<(), WorkError>;

    /// F: activations of a micro-batch; nothing enters the first stage, and nothing leaves the last one.
    fn forward(&mut self, iteration: u32, micro_batch: u32, input: Vec<f32>) -> Result<Vec<f32>, WorkError>;

    /// B: the gradient of what entered.
    fn backward(&mut self, iteration: u32, micro_batch: u32, gradient: Vec<f32>) -> Result<Vec<f32>, WorkError>;

    /// What the last stage is to be told of a micro-batch by the first one; none: nothing.
    fn targets(&mut self, iteration: u32, micro_batch: u32) -> Result<Option<Vec<f32>>, WorkError>;

    /// Whether the node waits for targets.
    fn wants_targets(&self) -> bool;

    /// Takes the targets of a micro-batch, before its forward.
    fn take_targets(&mut self, micro_batch: u32, targets: Vec<f32>) -> Result<(), WorkError>;

    /// The iteration's update.
    fn step(&mut self) -> Result<Option<Learned>, WorkError>;

    /// The segment of a node, with the state of its optimizer: a control unit's copy, or a device's own.
    fn segment(&mut self, node: usize) -> Result<Vec<f32>, WorkError>;

    /// Takes the segment of a node: a device's own, or what a control unit collects. A control unit keeps its copy as it
    /// was until [`commit`](Self::commit).
    fn take_segment(&mut self, node: usize, numbers: Vec<f32>) -> Result<(), WorkError>;

    /// The cluster's model as it is uploaded: what was collected.
    fn upload(&mut self) -> Result<Vec<f32>, WorkError>;

    /// Takes it, on the edge server.
    fn take_upload(&mut self, numbers: Vec<f32>) -> Result<(), WorkError>;

    /// The part of the model that the coordinator averages or keeps.
    fn model(&mut self) -> Result<Vec<f32>, WorkError>;

    /// Takes a model's part.
    fn take_model(&mut self, numbers: Vec<f32>) -> Result<(), WorkError>;

    /// The round counts: what was collected takes the place of the copy.
    fn commit(&mut self) -> Result<(), WorkError>;

    /// The round does not count: everything is as it was before it.
    fn roll_back(&mut self);

    /// Bytes of memory of parameters, optimizer and activations, at most so far in this round.
    fn memory_bytes(&self) -> u64;
}

impl WorkSpec {
    /// Messages of one number.
    pub const NOTHING: Self = Self::Synthetic(SyntheticSpec { activation: 1, block: 1, most: 1 });

    /// The work of a node.
    ///
    /// # Errors
    /// [`WorkError::Model`] for a model that cannot be built.
    pub fn build(&self) -> Result<Box<dyn Work>, WorkError> {
        match self {
            Self::Synthetic(spec) => Ok(Box::new(spec.work())),
            Self::Learning(spec) => Ok(Box::new(learning::Learning::new(spec)?)),
        }
    }
}
