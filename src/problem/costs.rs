//! The formulas of a slot's costs, one copy each: evaluation and solvers share them.
//!
//! The system is that of formulation section 1; the formulas are our own reconstruction.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::slot::{Cluster, Device, Encoder, EndStage, Plan, SlotSpec};
use crate::units::{Bits, Hertz, Joules, Seconds, Watts};

/// A phase of a local iteration: the pipeline runs forward, then backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Activations travel from the control unit to the edge server.
    Forward,
    /// Their gradients travel back over the same links.
    Backward,
}

impl Phase {
    /// The field of the exchange format that holds the phase's links.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }

    /// Position on the path (0 control unit, 1..=S active devices, S+1 edge server) of the sender of hop `hop`.
    pub(crate) const fn sender(self, hop: usize) -> usize {
        match self {
            Self::Forward => hop,
            Self::Backward => hop + 1,
        }
    }

    /// Position on the path of the receiver of hop `hop`.
    pub(crate) const fn receiver(self, hop: usize) -> usize {
        match self {
            Self::Forward => hop + 1,
            Self::Backward => hop,
        }
    }
}

/// Shannon rate R = w log₂(1 + p γ / w) in bit/s, on `bandwidth` w with `power` p and gain-to-noise ratio
/// `gain_hz_per_w` γ; 0 where any of them is 0.
///
/// Exact to rounding also for tiny and huge signal-to-noise ratios. Arguments must not be negative.
///
/// ```
/// use collapipe::problem::shannon_rate;
/// use collapipe::units::{Hertz, Watts};
/// assert_eq!(shannon_rate(Hertz(1e6), Watts(3.0), 1e6), 2e6); // signal-to-noise ratio 3: 2 bit per Hz
/// ```
#[must_use]
pub fn shannon_rate(bandwidth: Hertz, power: Watts, gain_hz_per_w: f64) -> f64 {
    let (w, p) = (bandwidth.0, power.0);
    if !(w > 0.0 && p > 0.0 && gain_hz_per_w > 0.0) {
        return 0.0;
    }
    let snr = p * gain_hz_per_w / w;
    // A ratio beyond the range of floats still has a logarithm.
    let nats_per_hz = if snr.is_finite() { snr.ln_1p() } else { p.ln() + gain_hz_per_w.ln() - w.ln() };
    w * (nats_per_hz / LN_2)
}

/// Time on air of `bits`: 0 for no bits at any rate, infinite for some bits without a rate.
pub(crate) fn transfer_time(bits: Bits, rate_bits_per_second: f64) -> Seconds {
    if bits.0 > 0.0 { Seconds(bits.0 / rate_bits_per_second) } else { Seconds(0.0) }
}

/// b = B/M: samples per micro-batch.
pub(crate) fn micro_batch(cluster: &Cluster, plan: &Plan) -> f64 {
    f64::from(cluster.batch_size) / f64::from(plan.micro_batches)
}

/// Size b·A of the message of a hop.
pub(crate) fn boundary_bits(encoder: &Encoder, micro_batch: f64) -> Bits {
    encoder.boundary_bits_per_sample * micro_batch
}

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

/// Stage time per micro-batch of `samples` at a position of the path: 0 the embedding, 1..=S the active devices, S+1
/// the decoder.
pub(crate) fn position_time(
    encoder: &Encoder,
    cluster: &Cluster,
    (active, sizes): (&[usize], &[u32]),
    phase: Phase,
    samples: f64,
    position: usize,
) -> Seconds {
    let Some(rank) = position.checked_sub(1) else { return end_stage_time(&cluster.embedding, phase, samples) };
    match (active.get(rank).and_then(|&k| cluster.devices.get(k)), sizes.get(rank)) {
        (Some(device), Some(&size)) => stage_time(device, block_time(encoder, device, phase, samples), size),
        _ => end_stage_time(&cluster.decoder, phase, samples),
    }
}

/// Σ t + (M−1) max t: time of M micro-batches through stages and hops whose times sum to `sum` and of which the
/// slowest takes `pace`.
pub(crate) fn makespan(plan: &Plan, sum: Seconds, pace: Seconds) -> Seconds {
    // Without the case of one micro-batch an infinite pace would give 0·∞.
    if plan.micro_batches == 1 { sum } else { sum + pace * f64::from(plan.micro_batches - 1) }
}

/// I·B·(c_F + c_B)·ε: computing energy of a round per block that the device holds.
pub(crate) fn compute_energy_per_block(encoder: &Encoder, cluster: &Cluster, plan: &Plan, device: &Device) -> Joules {
    let samples = f64::from(plan.local_iterations) * f64::from(cluster.batch_size);
    device.joules_per_flop * (encoder.forward_flops_per_sample + encoder.backward_flops_per_sample) * samples
}

/// How often every hop is used in a round: I·M.
pub(crate) fn hop_uses(plan: &Plan) -> f64 {
    f64::from(plan.local_iterations) * f64::from(plan.micro_batches)
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

/// Node on `position` of the path through the active devices: 0 control unit, k+1 device k, K+1 edge server.
pub(crate) fn path_node(cluster: &Cluster, active: &[usize], position: usize) -> usize {
    match position.checked_sub(1) {
        None => 0,
        Some(rank) => active.get(rank).map_or(cluster.devices.len(), |&k| k) + 1,
    }
}

/// The sending side of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmitter {
    /// Z: objective units per joule.
    pub energy_price: f64,
    /// Largest transmit power.
    pub max_power: Watts,
    /// p_c.
    pub circuit_power: Watts,
    /// η.
    pub amplifier_efficiency: f64,
}

impl Transmitter {
    /// The transmitter of node 0 (control unit), 1..=K (devices) or beyond (edge server).
    pub(crate) fn of(cluster: &Cluster, node: usize) -> Self {
        let unit = &cluster.control_unit;
        match node.checked_sub(1).map(|k| cluster.devices.get(k)) {
            None => Self {
                energy_price: unit.energy_price,
                max_power: unit.max_power_w,
                circuit_power: unit.circuit_power_w,
                amplifier_efficiency: unit.amplifier_efficiency,
            },
            Some(Some(device)) => Self {
                energy_price: device.energy_price,
                max_power: device.max_power_w,
                circuit_power: device.circuit_power_w,
                amplifier_efficiency: device.amplifier_efficiency,
            },
            // Mains-powered: its energy is neither priced nor counted.
            Some(None) => Self {
                energy_price: 0.0,
                max_power: cluster.edge_server.max_power_w,
                circuit_power: Watts(0.0),
                amplifier_efficiency: 1.0,
            },
        }
    }

    /// p/η + p_c: power drawn while sending with transmit power p.
    pub(crate) fn drawn(&self, power: Watts) -> Watts {
        power / self.amplifier_efficiency + self.circuit_power
    }
}
