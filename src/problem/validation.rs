//! Which slot problems are admitted, and how a bad field is reported.
//!
//! The magnitude of every nonzero number lies within [[`MIN_MAGNITUDE`](crate::problem::MIN_MAGNITUDE), [`MAX_MAGNITUDE`](crate::problem::MAX_MAGNITUDE)]. The
//! longest product of a cost has eight factors, so that no cost of an admitted problem overflows.

use super::slot::{Cluster, Device, Encoder, EndStage, Plan, SlotSpec};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::{Checked, FieldError, Range, count, length, real, reals};

/// Most encoder blocks.
pub const MAX_BLOCKS: u32 = 65_536;
/// Most samples per batch.
pub const MAX_BATCH_SIZE: u32 = 1_000_000_000;
/// Most local iterations in a round.
pub const MAX_LOCAL_ITERATIONS: u32 = 1_000_000;
/// Most candidate plans.
pub const MAX_PLANS: usize = 1_000_000;
/// Most clusters.
pub const MAX_CLUSTERS: usize = 10_000_000;
/// Most devices of a cluster.
pub const MAX_DEVICES: usize = 65_536;

/// Why data are not a slot problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// A field is out of range, or does not fit the other fields.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Blamed for ProblemError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
        }
    }
}

/// Checks every field; the first bad one is reported.
pub(super) fn validate(spec: &SlotSpec) -> Result<(), ProblemError> {
    real("latency_weight", spec.latency_weight, Range::Positive)?;
    length("plans", spec.plans.len(), MAX_PLANS)?;
    length("clusters", spec.clusters.len(), MAX_CLUSTERS)?;
    for (i, plan) in spec.plans.iter().enumerate() {
        check_plan(plan).map_err(|e| e.within(format_args!("plans[{i}]")))?;
    }
    check_encoder(&spec.encoder).map_err(|e| e.within("encoder"))?;
    real("bandwidth_hz", spec.uplink.bandwidth_hz.0, Range::Positive).map_err(|e| e.within("uplink"))?;
    for (n, cluster) in spec.clusters.iter().enumerate() {
        check_cluster(cluster).map_err(|e| e.within(format_args!("clusters[{n}]")))?;
    }
    check_divisors(spec)?;
    Ok(())
}

fn check_plan(plan: &Plan) -> Checked {
    count("local_iterations", plan.local_iterations, MAX_LOCAL_ITERATIONS)?;
    count("micro_batches", plan.micro_batches, MAX_BATCH_SIZE)?;
    real("penalty", plan.penalty, Range::Signed)
}

/// M divides every B exactly when it divides their greatest common divisor: linear in plans + clusters.
fn check_divisors(spec: &SlotSpec) -> Checked {
    let common = spec.clusters.iter().fold(0, |divisor, cluster| gcd(divisor, cluster.batch_size));
    for (i, plan) in spec.plans.iter().enumerate() {
        if common.is_multiple_of(plan.micro_batches) {
            continue;
        }
        let undivided = |c: &(usize, &Cluster)| !c.1.batch_size.is_multiple_of(plan.micro_batches);
        if let Some((n, cluster)) = spec.clusters.iter().enumerate().find(undivided) {
            let allowed = format!("a divisor of clusters[{n}].batch_size = {}", cluster.batch_size);
            return Err(FieldError::new(format!("plans[{i}].micro_batches"), plan.micro_batches, allowed));
        }
    }
    Ok(())
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn check_encoder(encoder: &Encoder) -> Checked {
    count("blocks", encoder.blocks, MAX_BLOCKS)?;
    reals(&[
        ("forward_flops_per_sample", encoder.forward_flops_per_sample.0, Range::Positive),
        ("backward_flops_per_sample", encoder.backward_flops_per_sample.0, Range::Positive),
        ("boundary_bits_per_sample", encoder.boundary_bits_per_sample.0, Range::Positive),
        ("parameter_bits_per_block", encoder.parameter_bits_per_block.0, Range::NonNegative),
        ("resident_bytes_per_block", encoder.resident_bytes_per_block.0, Range::NonNegative),
        ("activation_bytes_per_sample", encoder.activation_bytes_per_sample.0, Range::NonNegative),
    ])
}

fn check_cluster(cluster: &Cluster) -> Checked {
    count("batch_size", cluster.batch_size, MAX_BATCH_SIZE)?;
    reals(&[
        ("bandwidth_hz", cluster.bandwidth_hz.0, Range::Positive),
        ("fixed_seconds", cluster.fixed_seconds.0, Range::NonNegative),
        ("upload_bits", cluster.upload_bits.0, Range::NonNegative),
        ("hop_latency_s", cluster.hop_latency_s.0, Range::NonNegative),
    ])?;
    check_end_stage(&cluster.embedding).map_err(|e| e.within("embedding"))?;
    check_end_stage(&cluster.decoder).map_err(|e| e.within("decoder"))?;
    let unit = &cluster.control_unit;
    reals(&[
        ("control_unit.max_power_w", unit.max_power_w.0, Range::Positive),
        ("control_unit.energy_price", unit.energy_price, Range::NonNegative),
        ("control_unit.circuit_power_w", unit.circuit_power_w.0, Range::NonNegative),
        ("control_unit.amplifier_efficiency", unit.amplifier_efficiency, Range::Fraction),
        ("edge_server.max_power_w", cluster.edge_server.max_power_w.0, Range::Positive),
    ])?;
    length("devices", cluster.devices.len(), MAX_DEVICES)?;
    for (k, device) in cluster.devices.iter().enumerate() {
        check_device(device).map_err(|e| e.within(format_args!("devices[{k}]")))?;
    }
    check_gains(cluster)
}

fn check_end_stage(stage: &EndStage) -> Checked {
    reals(&[
        ("forward_seconds_per_sample", stage.forward_seconds_per_sample.0, Range::NonNegative),
        ("backward_seconds_per_sample", stage.backward_seconds_per_sample.0, Range::NonNegative),
    ])
}

fn check_device(device: &Device) -> Checked {
    reals(&[
        ("forward_flops_per_second", device.forward_flops_per_second.0, Range::Positive),
        ("backward_flops_per_second", device.backward_flops_per_second.0, Range::Positive),
        ("joules_per_flop", device.joules_per_flop.0, Range::NonNegative),
        ("memory_bytes", device.memory_bytes.0, Range::NonNegative),
        ("stage_overhead_s", device.stage_overhead_s.0, Range::NonNegative),
        ("block_overhead_s", device.block_overhead_s.0, Range::NonNegative),
        ("max_power_w", device.max_power_w.0, Range::Positive),
        ("energy_price", device.energy_price, Range::NonNegative),
        ("circuit_power_w", device.circuit_power_w.0, Range::NonNegative),
        ("amplifier_efficiency", device.amplifier_efficiency, Range::Fraction),
    ])
}

fn check_gains(cluster: &Cluster) -> Checked {
    const PATH: &str = "gain_to_noise_hz_per_w";
    let gains = &cluster.gain_to_noise_hz_per_w.0;
    let devices = cluster.devices.len();
    let nodes = devices + 2;
    if gains.shape() != (nodes, nodes) {
        let found = format!("a {} x {} matrix", gains.nrows(), gains.ncols());
        let allowed = format!("a {nodes} x {nodes} matrix (control unit, {devices} devices, edge server)");
        return Err(FieldError::new(PATH, found, allowed));
    }
    for rx in 0..nodes {
        for tx in 0..nodes {
            let gain = gains[(tx, rx)];
            if !Range::NonNegative.contains(gain) {
                return real(&format!("{PATH}[{tx}][{rx}]"), gain, Range::NonNegative);
            }
        }
    }
    Ok(())
}
