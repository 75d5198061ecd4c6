//! Clusters: nodes, times, and what joins them.

use std::collections::HashMap;
use std::fmt::Display;

use nalgebra::{DMatrix, Scalar};

use super::super::cluster::{Cluster, Device, EndStage, FixedLink};
use super::super::pair::PerPair;
use super::{Faults, MAX_BATCH_SIZE, MAX_BLOCKS, MAX_DEVICES, check_names};
use crate::ground::check::{FieldError, Range, count, length, real, same_length};
use crate::ground::units::Seconds;

/// Checks a cluster for an encoder of so many blocks.
pub(super) fn check_cluster(cluster: &Cluster, blocks: u32, parent: impl Display + Copy, found: &mut Faults) {
    found.add(parent, count("batch_size", cluster.batch_size, MAX_BATCH_SIZE));
    found.reals(
        parent,
        &[
            ("bandwidth_hz", cluster.bandwidth_hz.0, Range::Positive),
            ("fixed_seconds", cluster.fixed_seconds.0, Range::NonNegative),
            ("upload_bits", cluster.upload_bits.0, Range::NonNegative),
        ],
    );
    check_pairs("hop_latency_s", &cluster.hop_latency_s, cluster, parent, found);
    check_pairs("hop_overhead_s", &cluster.hop_overhead_s, cluster, parent, found);
    check_pairs("staging_s_per_byte", &cluster.staging_s_per_byte, cluster, parent, found);
    for (name, stage) in [("embedding", &cluster.embedding), ("decoder", &cluster.decoder)] {
        if let Some(stage) = stage {
            check_end_stage(stage, format_args!("{parent}.{name}"), found);
        }
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
            ("edge_server.compute_power_w", cluster.edge_server.compute_power_w.0, Range::NonNegative),
            ("edge_server.energy_price", cluster.edge_server.energy_price, Range::NonNegative),
            ("edge_server.decoder_bytes", cluster.edge_server.decoder_bytes.0, Range::NonNegative),
        ],
    );
    if let Some(memory) = cluster.edge_server.memory_bytes {
        found.add(parent, real("edge_server.memory_bytes", memory.0, Range::NonNegative));
    }
    found.add(parent, length("devices", cluster.devices.len(), MAX_DEVICES));
    let names = cluster.devices.iter().map(|device| device.name.as_deref());
    check_names("devices", names, "another device", parent, found);
    for (k, device) in cluster.devices.iter().enumerate() {
        if found.are_enough() {
            return;
        }
        let parent = format_args!("{parent}.devices[{k}]");
        check_device(device, parent, found);
        check_limits(device, parent, found);
        if let Some(table) = &device.block_seconds_per_sample {
            let parent = format_args!("{parent}.block_seconds_per_sample");
            check_table("forward", &table.forward, blocks, parent, found);
            check_table("backward", &table.backward, blocks, parent, found);
        }
    }
    check_gains(cluster, parent, found);
    check_links(cluster, parent, found);
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

/// Least and most blocks of a segment.
fn check_limits(device: &Device, parent: impl Display + Copy, found: &mut Faults) {
    for (name, limit) in [("min_blocks", device.min_blocks), ("max_blocks", device.max_blocks)] {
        if let Some(limit) = limit.filter(|limit| *limit > MAX_BLOCKS) {
            let allowed = format!("an integer in [0, {MAX_BLOCKS}]");
            found.add(parent, Err(FieldError::new(name, limit, allowed)));
        }
    }
    if let (Some(least), Some(most)) = (device.min_blocks, device.max_blocks)
        && least > most
    {
        found.add(parent, Err(FieldError::new("min_blocks", least, format!("at most max_blocks = {most}"))));
    }
}

fn check_table(name: &str, table: &[Seconds], blocks: u32, parent: impl Display + Copy, found: &mut Faults) {
    found.add(parent, same_length(name, table.len(), blocks as usize, "one entry per block"));
    for (i, seconds) in table.iter().enumerate() {
        if !Range::NonNegative.contains(seconds.0) && !found.are_enough() {
            found.add(parent, real(&format!("{name}[{i}]"), seconds.0, Range::NonNegative));
        }
    }
}

/// What a matrix over the nodes of a cluster must look like, if this one does not.
fn wrong_shape(shape: (usize, usize), devices: usize) -> Option<(String, String)> {
    let nodes = devices + 2;
    let (rows, columns) = shape;
    (shape != (nodes, nodes)).then(|| {
        let allowed = format!("a {nodes} x {nodes} matrix (control unit, {devices} devices, edge server)");
        (format!("a {rows} x {columns} matrix"), allowed)
    })
}

fn check_pairs<T: Scalar + Copy + Into<f64>>(
    name: &str,
    pairs: &PerPair<T>,
    cluster: &Cluster,
    parent: impl Display + Copy,
    found: &mut Faults,
) {
    match pairs {
        PerPair::Same(value) => found.add(parent, real(name, (*value).into(), Range::NonNegative)),
        PerPair::Pairs(matrix) => {
            if let Some((shape, allowed)) = wrong_shape(matrix.shape(), cluster.devices.len()) {
                return found.add(parent, Err(FieldError::new(name, shape, format!("a number or {allowed}"))));
            }
            check_entries(name, &matrix.map(Into::into), parent, found);
        }
    }
}

fn check_gains(cluster: &Cluster, parent: impl Display + Copy, found: &mut Faults) {
    const NAME: &str = "gain_to_noise_hz_per_w";
    let gains = &cluster.gain_to_noise_hz_per_w.0;
    if let Some((shape, allowed)) = wrong_shape(gains.shape(), cluster.devices.len()) {
        return found.add(parent, Err(FieldError::new(NAME, shape, allowed)));
    }
    check_entries(NAME, gains, parent, found);
}

fn check_entries(name: &str, matrix: &DMatrix<f64>, parent: impl Display + Copy, found: &mut Faults) {
    for rx in 0..matrix.ncols() {
        for tx in 0..matrix.nrows() {
            let value = matrix[(tx, rx)];
            if !Range::NonNegative.contains(value) && !found.are_enough() {
                found.add(parent, real(&format!("{name}[{tx}][{rx}]"), value, Range::NonNegative));
            }
        }
    }
}

/// Whether a pipeline may go over a link: both ends are stages of some pipeline, and not both of them its ends.
fn may_be_a_hop(cluster: &Cluster, link: &FixedLink) -> bool {
    let last = cluster.devices.len() + 1;
    let is_end = |node: usize| node == 0 || node == last;
    let is_stage = |node: usize| match node {
        0 => cluster.embedding.is_some(),
        node if node == last => cluster.decoder.is_some(),
        _ => true,
    };
    is_stage(link.from.0) && is_stage(link.to.0) && !(is_end(link.from.0) && is_end(link.to.0))
}

/// Links between nodes of the cluster, each at most once.
fn check_links(cluster: &Cluster, parent: impl Display + Copy, found: &mut Faults) {
    let nodes = cluster.devices.len() + 2;
    let mut seen = HashMap::new();
    for (i, link) in cluster.fixed_links.iter().enumerate() {
        if found.are_enough() {
            return;
        }
        let parent = format_args!("{parent}.fixed_links[{i}]");
        for (name, node) in [("from", link.from), ("to", link.to)] {
            if node.0 >= nodes {
                let allowed = format!("a node in [0, {}] (control unit, devices, edge server)", nodes - 1);
                found.add(parent, Err(FieldError::new(name, node, allowed)));
            }
        }
        if link.from == link.to {
            found.add(parent, Err(FieldError::new("to", link.to, "another node than from")));
        }
        found.reals(
            parent,
            &[
                ("bits_per_second", link.bits_per_second.0, Range::Positive),
                ("joules_per_bit", link.joules_per_bit.0, Range::NonNegative),
            ],
        );
        if !cluster.medium.is_bands() && !link.shares_band && may_be_a_hop(cluster, link) {
            let medium = cluster.medium.name();
            let allowed =
                format!("true where medium is \"{medium}\": a cable has no place in the order of its messages");
            found.add(parent, Err(FieldError::new("shares_band", "false", allowed)));
        }
        if let Some(first) = seen.insert((link.from, link.to), i) {
            let allowed = format!("another node: fixed_links[{first}] joins {} and {} already", link.from, link.to);
            found.add(parent, Err(FieldError::new("to", link.to, allowed)));
        }
    }
}
