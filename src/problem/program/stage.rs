//! Stages: times, energies and memory of what a node computes.

use std::ops::Range;

use super::super::cluster::{Cluster, Device, EndStage};
use super::super::encoder::{Encoder, EqualBlocks};
use super::super::slot::{CandidatePlan, SlotSpec};
use crate::ground::phase::Phase;
use crate::ground::units::{Flops, FlopsPerSecond, Joules, Seconds};

/// Stage time b·e (or b·g) of the embedding or decoder per micro-batch of `micro_batch` samples.
pub(crate) fn end_stage_time(stage: &EndStage, phase: Phase, micro_batch: f64) -> Seconds {
    match phase {
        Phase::Forward => stage.forward_seconds_per_sample * micro_batch,
        Phase::Backward => stage.backward_seconds_per_sample * micro_batch,
    }
}

/// q + b·c/f: time a device takes for one block of one micro-batch.
pub(crate) fn block_time(encoder: &EqualBlocks, device: &Device, phase: Phase, micro_batch: f64) -> Seconds {
    device.block_overhead_s + encoder.flops(phase) * micro_batch / rate(device, phase)
}

/// f: achieved rate of a phase.
fn rate(device: &Device, phase: Phase) -> FlopsPerSecond {
    match phase {
        Phase::Forward => device.forward_flops_per_second,
        Phase::Backward => device.backward_flops_per_second,
    }
}

/// o + Σ (q + b·seconds): stage time of a device that holds a segment, by its table or its rate.
pub(crate) fn segment_time(
    encoder: &Encoder,
    device: &Device,
    phase: Phase,
    micro_batch: f64,
    segment: &Range<u32>,
) -> Seconds {
    let size = segment.end.saturating_sub(segment.start);
    match (&device.block_seconds_per_sample, encoder) {
        (None, Encoder::Equal(equal)) => stage_time(device, block_time(equal, device, phase, micro_batch), size),
        _ => {
            let computed = segment_seconds(encoder, device, phase, segment) * micro_batch;
            device.stage_overhead_s + device.block_overhead_s * f64::from(size) + computed
        }
    }
}

/// Σ of a segment's seconds per sample on a device, by its table or its rate, overheads left out.
pub(crate) fn segment_seconds(encoder: &Encoder, device: &Device, phase: Phase, segment: &Range<u32>) -> Seconds {
    match (&device.block_seconds_per_sample, encoder) {
        (None, Encoder::Equal(equal)) => {
            equal.flops(phase) / rate(device, phase) * f64::from(segment.end.saturating_sub(segment.start))
        }
        (None, Encoder::Chain(chain)) => Flops(chain.sum(segment, |block| block.flops(phase).0)) / rate(device, phase),
        (Some(table), _) => {
            let table = match phase {
                Phase::Forward => &table.forward,
                Phase::Backward => &table.backward,
            };
            let end = (segment.end as usize).min(table.len());
            table.get(segment.start as usize..end).map_or(Seconds(0.0), |blocks| blocks.iter().copied().sum())
        }
    }
}

/// Bytes of a segment whose stage holds the activations of so many samples.
pub(crate) fn segment_memory(encoder: &Encoder, segment: &Range<u32>, samples: f64) -> f64 {
    match encoder {
        Encoder::Equal(equal) => {
            let size = f64::from(segment.end.saturating_sub(segment.start));
            size * (equal.resident_bytes_per_block.0 + equal.activation_bytes_per_sample.0 * samples)
        }
        Encoder::Chain(chain) => {
            chain.sum(segment, |block| block.resident_bytes.0 + block.activation_bytes_per_sample.0 * samples)
        }
    }
}

/// c_F/f_F + c_B/f_B: time a device computes for one block of one sample, forward and backward, overheads left out.
pub(crate) fn compute_time_per_sample(encoder: &EqualBlocks, device: &Device) -> Seconds {
    encoder.forward_flops_per_sample / device.forward_flops_per_second
        + encoder.backward_flops_per_sample / device.backward_flops_per_second
}

/// o + d·(q + b·c/f): stage time of a device with `size` blocks that take `block_time` each.
pub(crate) fn stage_time(device: &Device, block_time: Seconds, size: u32) -> Seconds {
    device.stage_overhead_s + block_time * f64::from(size)
}

/// I·B·(c_F + c_B)·ε: computing energy of a round per block that the device holds.
pub(crate) fn compute_energy_per_block(
    encoder: &EqualBlocks,
    cluster: &Cluster,
    plan: &CandidatePlan,
    device: &Device,
) -> Joules {
    let samples = f64::from(plan.local_iterations) * f64::from(cluster.batch_size);
    device.joules_per_flop * (encoder.forward_flops_per_sample + encoder.backward_flops_per_sample) * samples
}

/// Most equal encoder blocks that a device of a cluster can hold in fill-drain order, by its memory: d (resident +
/// activation·B) ≤ memory; `u32::MAX` where blocks need none. The problem may have fewer, or a limit of its own
/// ([`Device::max_blocks`]). Blocks that differ count as their mean here; what a segment of them needs, evaluation says.
///
/// A quotient within 1e-12 below an integer counts as that integer, so that memory given as a multiple of a
/// block's need holds that multiple.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::problem::block_cap;
/// let problem = InstanceSize::default().sample(1)?;
/// let cluster = &problem.clusters[0];
/// let room: u64 = cluster.devices.iter().map(|device| u64::from(block_cap(&problem, cluster, device))).sum();
/// assert!(room >= u64::from(problem.encoder.blocks()));
/// # Ok::<(), collapipe::problem::ProblemError>(())
/// ```
#[must_use]
pub fn block_cap(problem: &SlotSpec, cluster: &Cluster, device: &Device) -> u32 {
    let per_block = block_memory(&problem.encoder.mean_block(), cluster);
    if per_block == 0.0 {
        return u32::MAX;
    }
    // `as` saturates.
    (device.memory_bytes.0 / per_block + 1e-12).floor() as u32
}

/// resident + activation·B: bytes that a block needs.
pub(crate) fn block_memory(encoder: &EqualBlocks, cluster: &Cluster) -> f64 {
    encoder.resident_bytes_per_block.0 + encoder.activation_bytes_per_sample.0 * f64::from(cluster.batch_size)
}
