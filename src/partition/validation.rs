//! What a partition problem's fields may hold.

use super::problem::{PartitionDevice, PartitionObjective, PartitionSpec, StageCount};
use crate::ground::check::{Checked, FieldError, Range, count, length, real, same_length};

/// Most layers of a chain.
pub const MAX_LAYERS: usize = 1023;
/// Most devices; in free order the number of states sets a lower limit, see
/// [`PartitionError::TooLarge`](super::PartitionError::TooLarge).
pub const MAX_PARTITION_DEVICES: usize = 64;
/// Most micro-batches.
pub const MAX_MICRO_BATCHES: u32 = 1_000_000;
/// Most micro-batches where every one is played: with the objective `schedule`.
pub const MAX_SCHEDULED_MICRO_BATCHES: u32 = 4096;

pub(super) fn validate(spec: &PartitionSpec) -> Checked {
    length("layers", spec.layers.len(), MAX_LAYERS)?;
    length("devices", spec.devices.len(), MAX_PARTITION_DEVICES)?;
    real("input_bytes", spec.input_bytes, Range::NonNegative)?;
    for (index, layer) in spec.layers.iter().enumerate() {
        for (field, value) in [
            ("output_bytes", layer.output_bytes),
            ("gradient_bytes", layer.gradient_bytes),
            ("resident_bytes", layer.resident_bytes),
        ] {
            real(&format!("layers[{index}].{field}"), value, Range::NonNegative)?;
        }
    }
    for (index, device) in spec.devices.iter().enumerate() {
        check_device(device, spec.layers.len()).map_err(|error| error.within(format!("devices[{index}]")))?;
    }
    spec.links.check(spec.devices.len())?;
    if let Some(host) = spec.data_host.filter(|host| *host >= spec.devices.len()) {
        let allowed = format!("null or the index of a device, in [0, {}]", spec.devices.len() - 1);
        return Err(FieldError::new("data_host", host, allowed));
    }
    match spec.stages {
        StageCount::Any => {}
        StageCount::AtMost(stages) => count("stages.at-most", stages as u64, MAX_PARTITION_DEVICES as u64)?,
        StageCount::Exactly(stages) => count("stages.exactly", stages as u64, MAX_PARTITION_DEVICES as u64)?,
    }
    for (field, copies) in [
        ("memory.input_copies", Some(spec.memory.input_copies)),
        ("memory.output_copies", Some(spec.memory.output_copies)),
        ("memory.first_input_copies", spec.memory.first_input_copies),
        ("memory.last_output_copies", spec.memory.last_output_copies),
    ] {
        real(field, copies.unwrap_or_default(), Range::NonNegative)?;
    }
    match spec.objective {
        PartitionObjective::Bottleneck | PartitionObjective::Latency => Ok(()),
        PartitionObjective::SumPlusMax { micro_batches } => {
            count("objective.micro_batches", micro_batches, MAX_MICRO_BATCHES)
        }
        PartitionObjective::Schedule { schedule, micro_batches, .. } => {
            count("objective.micro_batches", micro_batches, MAX_SCHEDULED_MICRO_BATCHES)?;
            if let Some(host) = spec.data_host {
                let allowed = "null with the objective `schedule`: its timeline begins and ends with the stages";
                return Err(FieldError::new("data_host", host, allowed));
            }
            if !schedule.has_backward() && spec.has_backward() {
                let allowed = "a schedule with backward work, as layers have some; for inference, leave out \
                               backward_seconds and gradient_bytes";
                return Err(FieldError::new("objective.schedule", schedule, allowed));
            }
            Ok(())
        }
    }
}

fn check_device(device: &PartitionDevice, layers: usize) -> Checked {
    same_length("forward_seconds", device.forward_seconds.len(), layers, "one per layer")?;
    if !device.backward_seconds.is_empty() {
        same_length("backward_seconds", device.backward_seconds.len(), layers, "one per layer, or none")?;
    }
    for (field, list) in [("forward_seconds", &device.forward_seconds), ("backward_seconds", &device.backward_seconds)]
    {
        for (layer, seconds) in list.iter().enumerate() {
            real(&format!("{field}[{layer}]"), *seconds, Range::NonNegative)?;
        }
    }
    real("memory_bytes", device.memory_bytes.unwrap_or_default(), Range::NonNegative)?;
    if device.max_layers == Some(0) {
        return Err(FieldError::new("max_layers", 0, "null or at least 1"));
    }
    match (device.min_layers, device.max_layers) {
        (Some(min), Some(max)) if min > max => {
            Err(FieldError::new("min_layers", min, format!("null or at most max_layers, {max}")))
        }
        _ => Ok(()),
    }
}
