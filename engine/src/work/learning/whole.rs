//! A model on one machine, from what a run's nodes hold.

use crate::nn::{Model, Shape};
use crate::wire::Address;

use super::part::{Kept, Part, Saved};
use super::{LearningSpec, model_error};
use crate::roles::Parts;
use crate::work::WorkError;

/// The parameters of all parts of a cluster's model, from what its control unit and its edge server gave: as
/// [`Model::draw`] gives fresh ones.
///
/// # Errors
/// [`WorkError`] for a model that cannot be built, and for numbers that are not those of the model.
pub fn parameters(spec: &LearningSpec, parts: &Parts, cluster: usize) -> Result<Vec<Vec<f32>>, WorkError> {
    let model = Model::new(&spec.model).map_err(model_error)?;
    let missing = WorkError::Misplaced("no parts of the cluster's model");
    let unit = parts.get(&Address { cluster, node: 0 }).ok_or_else(|| missing.clone())?;
    let mut rest = unit.as_slice();
    let next = |rest: &mut &[f32], count: usize| -> Result<Vec<f32>, WorkError> {
        let mut part = Part::new(vec![0.0; count], spec.rule);
        part.read(rest, spec.rule)?;
        Ok(part.parameters.to_vec())
    };
    let mut all = vec![next(&mut rest, model.embedding.count())?];
    for _ in 0..model.blocks {
        all.push(next(&mut rest, model.block.count())?);
    }
    // Where devices train whole models the control unit has the head as well.
    if rest.len() <= 1 {
        let server = parts.iter().find(|(node, _)| node.cluster == cluster && node.node > 0);
        rest = server.ok_or(missing)?.1.as_slice();
    }
    all.push(next(&mut rest, model.head.count())?);
    let expected = 1;
    if rest.len() != expected {
        return Err(WorkError::Length { what: "what follows the model's parts", found: rest.len(), expected });
    }
    Ok(all)
}

/// Bytes that one device would need for all encoder blocks: parameters, gradients, optimizer, and the activations of the
/// whole batch.
///
/// # Errors
/// [`WorkError::Model`] for a model that cannot be built.
pub fn encoder_bytes(spec: &LearningSpec) -> Result<u64, WorkError> {
    let model = Model::new(&spec.model).map_err(model_error)?;
    let part = Part::new(model.draw_block(spec.seed, 0), spec.rule);
    let shape = Shape { samples: spec.batch, tokens: model.tokens };
    let input = collapipe::nalgebra::DMatrix::zeros(model.width, shape.samples * shape.tokens);
    let (_, saved) = model.block.forward(&part.parameters, input, shape);
    let bytes = part.bytes();
    let saved = Saved { part: 1, parameters: part.parameters, kept: Kept::Block(Box::new(saved)) };
    Ok(model.blocks as u64 * (bytes + saved.bytes()))
}
