//! What is trained and where its ends run, from a scenario's model.

use super::chain::EndWork;
use super::spec::{Ends, ModelSpec};
use crate::model::{EndStageCosts, ModelCosts, ModelError, Transformer};
use crate::problem::{Block, Chain, Encoder, EqualBlocks, FieldError};
use crate::units::{Bits, Bytes};

/// A scenario's model, resolved.
#[derive(Debug)]
pub(super) struct Parts {
    /// What a Transformer costs; none for a chain.
    pub costs: Option<ModelCosts>,
    /// What is cut into segments.
    pub encoder: Encoder,
    /// On the control unit.
    pub embedding: Option<EndWork>,
    /// On the edge server.
    pub decoder: Option<EndWork>,
    /// Memory of the decoder on the edge server: resident, and per sample.
    pub decoder_memory: [Bytes; 2],
    /// What a control unit uploads, unless its cluster says otherwise.
    pub upload_bits: Bits,
    /// Parameters stay where they are.
    pub stay: bool,
}

/// The model's parts.
///
/// # Errors
/// The first bad field; paths begin with `model`.
pub(super) fn parts(spec: &ModelSpec) -> Result<Parts, FieldError> {
    let mut parts = match &spec.chain {
        Some(_) => chain(spec)?,
        None => transformer(spec)?,
    };
    parts.stay = spec.parameters_stay;
    if parts.stay {
        parts.upload_bits = Bits(0.0);
        match &mut parts.encoder {
            Encoder::Equal(equal) => equal.parameter_bits_per_block = Bits(0.0),
            Encoder::Chain(chain) => chain.blocks.iter_mut().for_each(|block| block.parameter_bits = Bits(0.0)),
        }
    }
    Ok(parts)
}

fn chain(spec: &ModelSpec) -> Result<Parts, FieldError> {
    let mut others = beside(spec).into_iter().chain([
        ("preset", spec.preset.is_some()),
        ("transformer", spec.transformer.is_some()),
        ("ends", spec.ends != Ends::Apart),
    ]);
    if let Some((name, _)) = others.find(|(_, given)| *given) {
        let allowed = "left out where model.chain is given";
        return Err(FieldError::new(format!("model.{name}"), "(given)", allowed));
    }
    let Some(chain) = &spec.chain else {
        return Err(FieldError::new("model.chain", "(missing)", "given"));
    };
    let encoder = chain.encoder().map_err(|error| error.within("model"))?;
    let upload_bits = Bits(chain.blocks.iter().map(|block| block.parameter_bits.0).sum());
    let (embedding, decoder) = (chain.embedding, chain.decoder);
    let decoder_memory = [Bytes(0.0); 2];
    Ok(Parts { costs: None, encoder, embedding, decoder, decoder_memory, upload_bits, stay: false })
}

fn transformer(spec: &ModelSpec) -> Result<Parts, FieldError> {
    let costs = model(spec)?.costs();
    let (upload_bits, block) = (costs.encoder_parameter_bits() + costs.embedding.parameter_bits, costs.block);
    let equal = EqualBlocks {
        blocks: costs.blocks,
        forward_flops_per_sample: block.forward_flops_per_sample,
        backward_flops_per_sample: block.backward_flops_per_sample,
        boundary_bits_per_sample: block.boundary_bits_per_sample,
        parameter_bits_per_block: block.parameter_bits_per_block,
        resident_bytes_per_block: block.resident_bytes_per_block,
        activation_bytes_per_sample: block.activation_bytes_per_sample,
    };
    Ok(match spec.ends {
        Ends::Apart => Parts {
            costs: Some(costs),
            encoder: equal.into(),
            embedding: Some(work(&costs.embedding)),
            decoder: Some(work(&costs.decoder)),
            decoder_memory: costs.decoder_memory(),
            upload_bits,
            stay: false,
        },
        Ends::OnDevices => Parts {
            costs: Some(costs),
            encoder: with_ends(&costs, &equal).into(),
            embedding: None,
            decoder: None,
            decoder_memory: [Bytes(0.0); 2],
            upload_bits: upload_bits + costs.decoder.parameter_bits,
            stay: false,
        },
    })
}

fn work(end: &EndStageCosts) -> EndWork {
    EndWork {
        forward_flops_per_sample: end.forward_flops_per_sample,
        backward_flops_per_sample: end.backward_flops_per_sample,
    }
}

/// The blocks between embedding and decoder, which become blocks of their own.
fn with_ends(costs: &ModelCosts, equal: &EqualBlocks) -> Chain {
    let memory = |end: &EndStageCosts| costs.end_memory(end);
    let end = |end: &EndStageCosts| Block {
        forward_flops_per_sample: end.forward_flops_per_sample,
        backward_flops_per_sample: end.backward_flops_per_sample,
        boundary_bits_per_sample: equal.boundary_bits_per_sample,
        parameter_bits: end.parameter_bits,
        resident_bytes: memory(end)[0],
        activation_bytes_per_sample: memory(end)[1],
    };
    let mut blocks = vec![equal.block(); equal.blocks as usize];
    blocks.insert(0, end(&costs.embedding));
    blocks.push(end(&costs.decoder));
    Chain { input_bits_per_sample: equal.boundary_bits_per_sample, blocks }
}

/// Fields that change a preset.
fn beside(spec: &ModelSpec) -> [(&'static str, bool); 5] {
    [
        ("sequence_length", spec.sequence_length.is_some()),
        ("precision", spec.precision.is_some()),
        ("optimizer", spec.optimizer.is_some()),
        ("checkpointing", spec.checkpointing.is_some()),
        ("head", spec.head.is_some()),
    ]
}

fn model(spec: &ModelSpec) -> Result<Transformer, FieldError> {
    let given = beside(spec);
    let (transformer, path) = match (spec.preset, &spec.transformer) {
        (Some(preset), None) => {
            let mut model = preset.spec(spec.sequence_length.unwrap_or(preset.default_sequence_length()));
            model.precision = spec.precision.unwrap_or(model.precision);
            model.optimizer = spec.optimizer.unwrap_or(model.optimizer);
            model.checkpointing = spec.checkpointing.unwrap_or(model.checkpointing);
            model.head = spec.head.unwrap_or(model.head);
            (model, "model")
        }
        (None, Some(transformer)) => match given.iter().find(|(_, given)| *given) {
            None => (transformer.clone(), "model.transformer"),
            Some((name, _)) => {
                let allowed = format!("left out, beside model.transformer, or given as model.transformer.{name}");
                return Err(FieldError::new(format!("model.{name}"), "(given)", allowed));
            }
        },
        (Some(preset), Some(_)) => {
            return Err(FieldError::new("model.preset", preset, "left out where model.transformer is given"));
        }
        (None, None) => {
            return Err(FieldError::new("model.preset", "(missing)", "given, or model.transformer, or model.chain"));
        }
    };
    Transformer::new(transformer).map_err(|error| model_field(error).within(path))
}

fn model_field(error: ModelError) -> FieldError {
    match error {
        ModelError::OutOfRange { field: name, value, min, max } => {
            FieldError::new(name, value, format!("an integer in [{min}, {max}]"))
        }
        ModelError::NotDivisible { field: name, value, divisor_field, divisor } => {
            FieldError::new(name, value, format!("a multiple of {divisor_field} = {divisor}"))
        }
        ModelError::SequenceLength { value, expected } => {
            FieldError::new("sequence_length", value, format!("{expected}, (image_size/patch_size)^2 + 1"))
        }
        ModelError::Head { head, family, allowed } => {
            FieldError::new("head.kind", format!("{head:?}"), format!("{allowed:?} for family.kind = {family:?}"))
        }
    }
}
