//! What version 1 of the exchange format cannot hold.

use super::super::encoder::Encoder;
use super::super::format::later;
use super::super::pair::PerPair;
use super::super::slot::{Order, Schema, SlotSpec};
use super::Faults;
use crate::ground::check::FieldError;
use crate::ground::units::{Seconds, SecondsPerByte};
use crate::schedule::ScheduleKind;

/// Notes what the problem holds beyond version 1.
pub(super) fn check_first_version(spec: &SlotSpec, found: &mut Faults) {
    let mut beyond = |path: String| found.add("", Err(later(&path)));
    if spec.order != Order::Given {
        beyond("order".into());
    }
    if spec.deadline_s.is_some() {
        beyond("deadline_s".into());
    }
    for (i, plan) in spec.plans.iter().enumerate() {
        if plan.schedule != ScheduleKind::FillDrain {
            beyond(format!("plans[{i}].schedule"));
        }
    }
    for (n, cluster) in spec.clusters.iter().enumerate() {
        if cluster.hop_overhead_s != PerPair::Same(Seconds(0.0)) {
            beyond(format!("clusters[{n}].hop_overhead_s"));
        }
        let fields = [
            ("staging_s_per_byte", cluster.staging_s_per_byte != PerPair::Same(SecondsPerByte(0.0))),
            ("medium", !cluster.medium.is_bands()),
            ("fixed_links", !cluster.fixed_links.is_empty()),
        ];
        for (name, _) in fields.iter().filter(|(_, given)| *given) {
            beyond(format!("clusters[{n}].{name}"));
        }
        for name in cluster.edge_server.later_fields() {
            beyond(format!("clusters[{n}].edge_server.{name}"));
        }
        for (k, device) in cluster.devices.iter().enumerate() {
            let fields = [
                ("min_blocks", device.min_blocks.is_some()),
                ("max_blocks", device.max_blocks.is_some()),
                ("block_seconds_per_sample", device.block_seconds_per_sample.is_some()),
            ];
            for (name, _) in fields.iter().filter(|(_, given)| *given) {
                beyond(format!("clusters[{n}].devices[{k}].{name}"));
            }
        }
    }
    check_forms(spec, found);
}

/// Fields that both versions have, in the form of the later one.
fn check_forms(spec: &SlotSpec, found: &mut Faults) {
    let mut instead = |path: String, value: String, allowed: &str| {
        let allowed = format!("{allowed} in {}; {} allows this", Schema::V1.name(), Schema::V2.name());
        found.add("", Err(FieldError::new(path, value, allowed)));
    };
    if let Encoder::Chain(chain) = &spec.encoder {
        instead("encoder.blocks".into(), format!("a list of {}", chain.blocks.len()), "the number of equal blocks");
    }
    for (n, cluster) in spec.clusters.iter().enumerate() {
        for (name, stage) in [("embedding", &cluster.embedding), ("decoder", &cluster.decoder)] {
            if stage.is_none() {
                instead(format!("clusters[{n}].{name}"), "null".into(), "an object with named fields");
            }
        }
        if let PerPair::Pairs(matrix) = &cluster.hop_latency_s {
            let shape = format!("a {} x {} matrix", matrix.nrows(), matrix.ncols());
            instead(format!("clusters[{n}].hop_latency_s"), shape, "a number");
        }
    }
}
