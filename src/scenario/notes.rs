//! Where a valid scenario may not say what its author meant: notes for the author.

use std::fmt;

use super::spec::{ClusterSpec, ScenarioSpec};
use crate::ground::usual::{MOST_NOTES, Unusual, check, check_gains, cut};
use crate::network::radio::ChannelConfig;
use crate::text::value;

/// Something about a scenario that its author should know; displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// The field, as `clusters[0].devices[1].absent_slots`.
    pub path: String,
    /// What it holds; empty where that does not matter.
    pub value: String,
    /// What there is to know.
    pub message: String,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteKind {
    /// How the rows of a trace file became slots.
    Traces,
    /// Slots that are not part of the run.
    Slots,
    /// A number whose magnitude suggests another unit.
    Unit,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.path, self.message)
        } else {
            write!(f, "{} = {}: {}", self.path, value(&self.value), self.message)
        }
    }
}

/// Says them to whoever listens to events.
pub(super) fn say(notes: &[Note], spec: &ScenarioSpec) {
    for note in notes {
        tracing::warn!(target: "collapipe::scenario", scenario = spec.name.as_str(), %note, "look at the scenario");
    }
}

/// The notes on a scenario's slots and units.
pub(super) fn notes(spec: &ScenarioSpec) -> Vec<Note> {
    let mut slots = absences(spec);
    let mut units = Vec::new();
    check(&mut units, "uplink", "bandwidth_hz", Some(spec.uplink.bandwidth_hz.0));
    if let Some(channel) = &spec.channel {
        check_channel(&mut units, "channel", channel);
    }
    for (n, cluster) in spec.clusters.iter().enumerate() {
        check_cluster(&mut units, &format!("clusters[{n}]"), cluster);
    }
    cut_slots(&mut slots);
    cut(&mut units);
    slots.extend(units.into_iter().map(|Unusual { path, value, message }| Note {
        kind: NoteKind::Unit,
        path,
        value,
        message,
    }));
    slots
}

/// Keeps the first notes, and says that there are more.
fn cut_slots(notes: &mut Vec<Note>) {
    let more = notes.len().saturating_sub(MOST_NOTES);
    notes.truncate(MOST_NOTES);
    if let Some(last) = notes.last_mut().filter(|_| more > 0) {
        last.message.push_str(&format!(" (and {more} more notes of this kind)"));
    }
}

fn absences(spec: &ScenarioSpec) -> Vec<Note> {
    let mut notes = Vec::new();
    for (n, cluster) in spec.clusters.iter().enumerate() {
        for (k, device) in cluster.devices.iter().enumerate() {
            let beyond: Vec<String> =
                device.absent_slots.iter().filter(|slot| **slot >= spec.slots).map(ToString::to_string).collect();
            if beyond.is_empty() {
                continue;
            }
            let are = if beyond.len() == 1 { "slot is" } else { "slots are" };
            notes.push(Note {
                kind: NoteKind::Slots,
                path: format!("clusters[{n}].devices[{k}].absent_slots"),
                value: format!("[{}]", beyond.join(", ")),
                message: format!(
                    "the {are} not part of the run, which has slots 0 to {} (counting starts at 0)",
                    spec.slots.saturating_sub(1)
                ),
            });
        }
    }
    notes
}

fn check_cluster(notes: &mut Vec<Unusual>, path: &str, cluster: &ClusterSpec) {
    check(notes, path, "bandwidth_hz", Some(cluster.bandwidth_hz.0));
    check(notes, path, "hop_latency_s", cluster.hop_latency_s.same().map(|time| time.0));
    check(notes, path, "hop_overhead_s", cluster.hop_overhead_s.same().map(|time| time.0));
    check(notes, path, "staging_s_per_byte", cluster.staging_s_per_byte.same().map(|time| time.0));
    for (i, link) in cluster.links.iter().enumerate() {
        let within = format!("{path}.links[{i}]");
        check(notes, &within, "bits_per_second", link.bits_per_second.map(|rate| rate.0));
        check(notes, &within, "latency_s", link.latency_s.map(|time| time.0));
        check(notes, &within, "overhead_s", link.overhead_s.map(|time| time.0));
        check(notes, &within, "staging_s_per_byte", link.staging_s_per_byte.map(|time| time.0));
    }
    check(notes, path, "upload_bits", cluster.upload_bits.map(|bits| bits.0));
    if let Some(channel) = &cluster.channel {
        check_channel(notes, &format!("{path}.channel"), channel);
    }
    let (unit, within) = (&cluster.control_unit, format!("{path}.control_unit"));
    check(notes, &within, "forward_flops_per_second", unit.forward_flops_per_second.map(|rate| rate.0));
    check(notes, &within, "backward_flops_per_second", unit.backward_flops_per_second.map(|rate| rate.0));
    check(notes, &within, "max_power_w", unit.max_power_w.map(|power| power.0));
    check(notes, &within, "circuit_power_w", unit.circuit_power_w.map(|power| power.0));
    check(notes, &within, "budget_j_per_round", unit.budget_j_per_round.map(|budget| budget.0));
    let (server, within) = (&cluster.edge_server, format!("{path}.edge_server"));
    check(notes, &within, "forward_flops_per_second", server.forward_flops_per_second.map(|rate| rate.0));
    check(notes, &within, "backward_flops_per_second", server.backward_flops_per_second.map(|rate| rate.0));
    check(notes, path, "edge_server.max_power_w", server.max_power_w.map(|power| power.0));
    for (k, device) in cluster.devices.iter().enumerate() {
        let within = format!("{path}.devices[{k}]");
        check(notes, &within, "forward_flops_per_second", device.forward_flops_per_second.map(|rate| rate.0));
        check(notes, &within, "backward_flops_per_second", device.backward_flops_per_second.map(|rate| rate.0));
        check(notes, &within, "joules_per_flop", device.joules_per_flop.map(|energy| energy.0));
        check(notes, &within, "memory_bytes", device.memory_bytes.map(|memory| memory.0));
        check(notes, &within, "stage_overhead_s", device.stage_overhead_s.map(|time| time.0));
        check(notes, &within, "block_overhead_s", device.block_overhead_s.map(|time| time.0));
        check(notes, &within, "max_power_w", device.max_power_w.map(|power| power.0));
        check(notes, &within, "circuit_power_w", device.circuit_power_w.map(|power| power.0));
        check(notes, &within, "budget_j_per_round", device.budget_j_per_round.map(|budget| budget.0));
    }
}

fn check_channel(notes: &mut Vec<Unusual>, path: &str, channel: &ChannelConfig) {
    match channel {
        ChannelConfig::Geometric(_) | ChannelConfig::Measured => {}
        ChannelConfig::Trace(trace) => {
            let within = format!("{path}.trace");
            check(notes, &within, "reference_band_hz", Some(trace.reference_band_hz.0));
            check(notes, &within, "reference_power_w", Some(trace.reference_power_w.0));
            check(notes, &within, "seconds_per_slot", Some(trace.seconds_per_slot.0));
        }
        ChannelConfig::Constant(constant) => {
            let gains = constant.gain_to_noise_hz_per_w.iter().flatten().copied();
            check_gains(notes, format!("{path}.constant.gain_to_noise_hz_per_w"), gains);
        }
    }
}
