//! Stages: times, energies and memory of what a node computes.

use super::super::slot::{CandidatePlan, Cluster, Device, Encoder, EndStage, SlotSpec};
use crate::ground::phase::Phase;
use crate::ground::units::{Joules, Seconds};

/// Stage time b·e (or b·g) of the embedding or decoder per micro-batch of `micro_batch` samples.
pub(crate) fn end_stage_time(stage: &EndStage, phase: Phase, micro_batch: f64) -> Seconds {
    match phase {
        Phase::Forward => stage.forward_seconds_per_sample * micro_batch,
        Phase::Backward => stage.backward_seconds_per_sample * micro_batch,
    }
}

/// q + b·c/f: time a device takes for one block of one micro-batch.
pub(crate) fn block_time(encoder: &Encoder, device: &Device, phase: Phase, micro_batch: f64) -> Seconds {
    device.block_overhead_s
        + match phase {
            Phase::Forward => encoder.forward_flops_per_sample * micro_batch / device.forward_flops_per_second,
            Phase::Backward => encoder.backward_flops_per_sample * micro_batch / device.backward_flops_per_second,
        }
}

/// c_F/f_F + c_B/f_B: time a device computes for one block of one sample, forward and backward, overheads left out.
pub(crate) fn compute_time_per_sample(encoder: &Encoder, device: &Device) -> Seconds {
    encoder.forward_flops_per_sample / device.forward_flops_per_second
        + encoder.backward_flops_per_sample / device.backward_flops_per_second
}

/// o + d·(q + b·c/f): stage time of a device with `size` blocks that take `block_time` each.
pub(crate) fn stage_time(device: &Device, block_time: Seconds, size: u32) -> Seconds {
    device.stage_overhead_s + block_time * f64::from(size)
}

/// I·B·(c_F + c_B)·ε: computing energy of a round per block that the device holds.
pub(crate) fn compute_energy_per_block(
    encoder: &Encoder,
    cluster: &Cluster,
    plan: &CandidatePlan,
    device: &Device,
) -> Joules {
    let samples = f64::from(plan.local_iterations) * f64::from(cluster.batch_size);
    device.joules_per_flop * (encoder.forward_flops_per_sample + encoder.backward_flops_per_sample) * samples
}

/// Most blocks the device's memory holds: d (resident + activation·B) ≤ memory; `u32::MAX` where blocks need none.
///
/// A quotient within 1e-12 below an integer counts as that integer, so that memory given as a multiple of a
/// block's need holds that multiple.
pub(crate) fn block_cap(problem: &SlotSpec, cluster: &Cluster, device: &Device) -> u32 {
    let per_block = block_memory(&problem.encoder, cluster);
    if per_block == 0.0 {
        return u32::MAX;
    }
    // `as` saturates.
    (device.memory_bytes.0 / per_block + 1e-12).floor() as u32
}

/// resident + activation·B: bytes that a block needs.
pub(crate) fn block_memory(encoder: &Encoder, cluster: &Cluster) -> f64 {
    encoder.resident_bytes_per_block.0 + encoder.activation_bytes_per_sample.0 * f64::from(cluster.batch_size)
}
