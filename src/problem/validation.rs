//! Which slot problems are admitted, and how a bad field is reported.
//!
//! The magnitude of every nonzero number lies within [[`MIN_MAGNITUDE`](crate::problem::MIN_MAGNITUDE), [`MAX_MAGNITUDE`](crate::problem::MAX_MAGNITUDE)]. The
//! longest product of a cost has eight factors, so that no cost of an admitted problem overflows.

use std::fmt::Display;

use super::slot::{CandidatePlan, Cluster, Device, Encoder, EndStage, SlotSpec};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::{Checked, FieldError, Range, count, length, real};

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
    faults(spec, 1).into_iter().next().map_or(Ok(()), |error| Err(error.into()))
}

/// Bad fields, as many as are asked for at most, each group of fields in the order of the format.
pub(crate) fn faults(spec: &SlotSpec, most: usize) -> Vec<FieldError> {
    let mut found = Faults { errors: Vec::new(), most };
    found.add("", real("latency_weight", spec.latency_weight, Range::Positive));
    found.add("", length("plans", spec.plans.len(), MAX_PLANS));
    found.add("", length("clusters", spec.clusters.len(), MAX_CLUSTERS));
    for (i, plan) in spec.plans.iter().enumerate() {
        if found.are_enough() {
            return found.errors;
        }
        check_plan(plan, format_args!("plans[{i}]"), &mut found);
    }
    check_encoder(&spec.encoder, &mut found);
    found.add("uplink", real("bandwidth_hz", spec.uplink.bandwidth_hz.0, Range::Positive));
    for (n, cluster) in spec.clusters.iter().enumerate() {
        if found.are_enough() {
            return found.errors;
        }
        check_cluster(cluster, format_args!("clusters[{n}]"), &mut found);
    }
    if found.errors.is_empty() {
        found.add("", check_divisors(spec));
    }
    found.errors
}

/// Bad fields found so far.
struct Faults {
    errors: Vec<FieldError>,
    most: usize,
}

impl Faults {
    fn are_enough(&self) -> bool {
        self.errors.len() >= self.most
    }

    /// Takes the outcome of a check; `parent` is where the field's structure stands, empty at the top.
    fn add(&mut self, parent: impl Display, checked: Checked) {
        if let Err(error) = checked
            && !self.are_enough()
        {
            let parent = parent.to_string();
            self.errors.push(if parent.is_empty() { error } else { error.within(parent) });
        }
    }

    fn reals(&mut self, parent: impl Display + Copy, fields: &[(&str, f64, Range)]) {
        for &(path, value, range) in fields {
            self.add(parent, real(path, value, range));
        }
    }
}

fn check_plan(plan: &CandidatePlan, parent: impl Display + Copy, found: &mut Faults) {
    found.add(parent, count("local_iterations", plan.local_iterations, MAX_LOCAL_ITERATIONS));
    found.add(parent, count("micro_batches", plan.micro_batches, MAX_BATCH_SIZE));
    found.add(parent, real("penalty", plan.penalty, Range::Signed));
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

fn check_encoder(encoder: &Encoder, found: &mut Faults) {
    found.add("encoder", count("blocks", encoder.blocks, MAX_BLOCKS));
    found.reals(
        "encoder",
        &[
            ("forward_flops_per_sample", encoder.forward_flops_per_sample.0, Range::Positive),
            ("backward_flops_per_sample", encoder.backward_flops_per_sample.0, Range::Positive),
            ("boundary_bits_per_sample", encoder.boundary_bits_per_sample.0, Range::Positive),
            ("parameter_bits_per_block", encoder.parameter_bits_per_block.0, Range::NonNegative),
            ("resident_bytes_per_block", encoder.resident_bytes_per_block.0, Range::NonNegative),
            ("activation_bytes_per_sample", encoder.activation_bytes_per_sample.0, Range::NonNegative),
        ],
    );
}

fn check_cluster(cluster: &Cluster, parent: impl Display + Copy, found: &mut Faults) {
    found.add(parent, count("batch_size", cluster.batch_size, MAX_BATCH_SIZE));
    found.reals(
        parent,
        &[
            ("bandwidth_hz", cluster.bandwidth_hz.0, Range::Positive),
            ("fixed_seconds", cluster.fixed_seconds.0, Range::NonNegative),
            ("upload_bits", cluster.upload_bits.0, Range::NonNegative),
            ("hop_latency_s", cluster.hop_latency_s.0, Range::NonNegative),
        ],
    );
    for (name, stage) in [("embedding", &cluster.embedding), ("decoder", &cluster.decoder)] {
        check_end_stage(stage, format_args!("{parent}.{name}"), found);
    }
    let unit = &cluster.control_unit;
    found.reals(
        parent,
        &[
            ("control_unit.max_power_w", unit.max_power_w.0, Range::Positive),
            ("control_unit.energy_price", unit.energy_price, Range::NonNegative),
            ("control_unit.circuit_power_w", unit.circuit_power_w.0, Range::NonNegative),
            ("control_unit.amplifier_efficiency", unit.amplifier_efficiency, Range::Fraction),
            ("edge_server.max_power_w", cluster.edge_server.max_power_w.0, Range::Positive),
        ],
    );
    found.add(parent, length("devices", cluster.devices.len(), MAX_DEVICES));
    for (k, device) in cluster.devices.iter().enumerate() {
        if found.are_enough() {
            return;
        }
        check_device(device, format_args!("{parent}.devices[{k}]"), found);
    }
    check_gains(cluster, parent, found);
}

fn check_end_stage(stage: &EndStage, parent: impl Display + Copy, found: &mut Faults) {
    found.reals(
        parent,
        &[
            ("forward_seconds_per_sample", stage.forward_seconds_per_sample.0, Range::NonNegative),
            ("backward_seconds_per_sample", stage.backward_seconds_per_sample.0, Range::NonNegative),
        ],
    );
}

fn check_device(device: &Device, parent: impl Display + Copy, found: &mut Faults) {
    found.reals(
        parent,
        &[
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
        ],
    );
}

fn check_gains(cluster: &Cluster, parent: impl Display + Copy, found: &mut Faults) {
    const PATH: &str = "gain_to_noise_hz_per_w";
    let gains = &cluster.gain_to_noise_hz_per_w.0;
    let devices = cluster.devices.len();
    let nodes = devices + 2;
    if gains.shape() != (nodes, nodes) {
        let shape = format!("a {} x {} matrix", gains.nrows(), gains.ncols());
        let allowed = format!("a {nodes} x {nodes} matrix (control unit, {devices} devices, edge server)");
        return found.add(parent, Err(FieldError::new(PATH, shape, allowed)));
    }
    for rx in 0..nodes {
        for tx in 0..nodes {
            let gain = gains[(tx, rx)];
            if !Range::NonNegative.contains(gain) && !found.are_enough() {
                found.add(parent, real(&format!("{PATH}[{tx}][{rx}]"), gain, Range::NonNegative));
            }
        }
    }
}
