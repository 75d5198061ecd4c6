//! What is learned, and how.

use collapipe::bounds::UpdateRule;
use collapipe::model::TransformerSpec;
use collapipe::scenario::ModelSpec;
use serde::{Deserialize, Serialize};

use crate::data::Samples;
use crate::nn::Rule;
use crate::work::WorkError;

/// The Transformer that a scenario plans for.
///
/// # Errors
/// [`WorkError::Model`] for a scenario whose model is a chain, or a preset and a specification at once.
pub fn model_of(model: &ModelSpec) -> Result<TransformerSpec, WorkError> {
    match (model.preset, &model.transformer) {
        (None, Some(transformer)) => Ok(transformer.clone()),
        (Some(preset), None) => {
            let mut spec = preset.spec(model.sequence_length.unwrap_or(preset.default_sequence_length()));
            spec.precision = model.precision.unwrap_or(spec.precision);
            spec.optimizer = model.optimizer.unwrap_or(spec.optimizer);
            spec.checkpointing = model.checkpointing.unwrap_or(spec.checkpointing);
            spec.head = model.head.unwrap_or(spec.head);
            Ok(spec)
        }
        _ => Err(WorkError::Model("model: must be a preset or a transformer to be trained".into())),
    }
}

/// A model and how it learns: the same for all nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningSpec {
    /// The model.
    pub model: TransformerSpec,
    /// Fresh parameters follow from it.
    pub seed: u64,
    /// How parameters follow their gradients.
    pub rule: Rule,
    /// When: once per batch, or once per micro-batch. In the latter case the backward pass of a micro-batch uses the parameters
    /// of its forward pass (weight stashing), and its gradient is the mean over its own samples.
    pub update: UpdateRule,
    /// B: samples of a batch.
    pub batch: usize,
    /// Tokens and targets of the cluster's data, which its control unit alone is given; empty for the others. Where devices
    /// train the whole model each has its share.
    pub samples: Option<(Vec<u32>, Vec<u32>)>,
}

impl LearningSpec {
    /// The same with one cluster's part of the data, of so many clusters.
    #[must_use]
    pub fn part(&self, cluster: usize, clusters: usize) -> Self {
        let tokens = self.model.sequence_length as usize;
        let part = self.samples.clone().map(|(numbers, targets)| {
            let part = Samples { tokens, numbers, targets }.part(cluster, clusters);
            (part.numbers, part.targets)
        });
        Self { samples: part, ..self.clone() }
    }

    /// The same with one device's share of data and batch, of so many devices.
    #[must_use]
    pub fn share(&self, device: usize, devices: usize) -> Self {
        Self { batch: self.batch / devices.max(1), ..self.part(device, devices) }
    }

    /// The same for nodes that are not to see the data.
    #[must_use]
    pub fn without_data(&self) -> Self {
        Self { samples: None, ..self.clone() }
    }
}
