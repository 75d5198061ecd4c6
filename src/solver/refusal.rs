//! Why no decision satisfies the constraints, in the problem's names.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::cluster::Segments;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::problem::program::{ClusterProgram, block_cap};
use crate::problem::{Cluster, Device, Names, Participation, SlotSpec};

/// A constraint that makes a problem infeasible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reason {
    /// Participation `all` asks for at least one block on each device, and there are fewer blocks.
    TooManyDevices {
        /// The cluster.
        cluster: usize,
        /// K.
        devices: usize,
        /// L.
        blocks: u32,
    },
    /// Participation `all`, and the device's memory does not hold one block.
    DeviceMemory {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: DeviceId,
    },
    /// A given segment does not fit into its device's memory.
    SegmentMemory {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: DeviceId,
        /// d: blocks of the segment.
        size: u32,
        /// How many blocks fit.
        fit: u32,
    },
    /// The devices' memories do not hold L blocks together.
    Memory {
        /// The cluster.
        cluster: usize,
        /// How many blocks fit on the devices that can take part.
        fit: u64,
        /// L.
        blocks: u32,
    },
    /// The edge server's memory does not hold the decoder stage, which every decision needs.
    ServerMemory {
        /// The cluster.
        cluster: usize,
        /// What the stage needs.
        needed_bytes: f64,
        /// What the server has for the cluster.
        limit_bytes: f64,
    },
    /// A link that every decision needs has gain zero.
    NoLink {
        /// The cluster.
        cluster: usize,
        /// Transmitter: 0 control unit, k+1 device k, K+1 edge server.
        from: NodeId,
        /// Receiver.
        to: NodeId,
    },
    /// No path of working links leads from the control unit to the edge server through devices that hold L blocks.
    NoPath {
        /// The cluster.
        cluster: usize,
    },
    /// No cut of the chain into segments fits the devices under any plan's schedule.
    Segments {
        /// The cluster.
        cluster: usize,
    },
    /// Each cluster has choices, but no plan is feasible in all of them.
    NoCommonPlan,
    /// No decision keeps the deadline.
    Deadline {
        /// The deadline in s.
        deadline_s: f64,
        /// No decision has a shorter round latency, in s.
        least_s: f64,
    },
    /// No path that holds L blocks can do with the given bandwidths and powers.
    GivenRadio {
        /// The cluster.
        cluster: usize,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyDevices { cluster, devices, blocks } => write!(
                f,
                "clusters[{cluster}].devices: {devices} devices must each hold a block under participation \"all\", but \
                 encoder.blocks = {blocks}; remove devices or use participation \"select\""
            ),
            Self::DeviceMemory { cluster, device } => write!(
                f,
                "clusters[{cluster}].devices[{device}].memory_bytes holds no encoder block, but participation \"all\" asks \
                 for at least one; give it memory, a smaller batch_size, or use participation \"select\""
            ),
            Self::SegmentMemory { cluster, device, size, fit } => write!(
                f,
                "clusters[{cluster}].devices[{device}].memory_bytes holds {fit} encoder blocks, but its segment has {size}"
            ),
            Self::Memory { cluster, fit, blocks } => write!(
                f,
                "clusters[{cluster}].devices[..].memory_bytes: the devices hold {fit} blocks together, but \
                 encoder.blocks = {blocks}"
            ),
            Self::ServerMemory { cluster, needed_bytes, limit_bytes } => write!(
                f,
                "clusters[{cluster}].edge_server.memory_bytes = {limit_bytes:e}: the decoder needs {needed_bytes:e} bytes of the edge \
                 server's memory; give the server more of it, let fewer clusters share it, or use a smaller batch_size"
            ),
            Self::NoLink { cluster, from, to } => {
                write!(f, "clusters[{cluster}].gain_to_noise_hz_per_w[{from}][{to}] = 0: no link, but one is needed")
            }
            Self::NoPath { cluster } => write!(
                f,
                "clusters[{cluster}].gain_to_noise_hz_per_w: no path of working links from the control unit to the edge \
                 server through devices that hold all encoder blocks"
            ),
            Self::Segments { cluster } => write!(
                f,
                "clusters[{cluster}].devices[..]: no cut of the encoder's blocks into segments keeps memory_bytes, min_blocks and \
                 max_blocks under any plan's schedule; give more memory, wider limits, or a schedule that holds fewer \
                 micro-batches"
            ),
            Self::NoCommonPlan => write!(
                f,
                "plans[..]: every cluster can do with some of the plans, but no plan suits all clusters; offer more plans"
            ),
            Self::Deadline { deadline_s, least_s } => write!(
                f,
                "deadline_s = {deadline_s}: no decision takes less than {least_s} s, even at full power; allow more time"
            ),
            Self::GivenRadio { cluster } => write!(
                f,
                "clusters[{cluster}].bandwidth_hz: no path through devices that hold all encoder blocks can do with the given \
                 bandwidths and powers; give more links, or less bandwidth to each"
            ),
        }
    }
}

/// All that makes a problem infeasible; never empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Infeasibility {
    /// The constraints, cluster by cluster.
    pub reasons: Vec<Reason>,
    /// The names of those who are meant.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
}

impl Infeasibility {
    pub(super) fn new(problem: &SlotSpec, reasons: Vec<Reason>) -> Self {
        Self { reasons, names: Names::of(problem) }
    }
}

impl fmt::Display for Infeasibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.reasons.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&self.names.explain(&reason.to_string()))?;
        }
        Ok(())
    }
}

/// Whether collection from and distribution to a device work, or there is nothing to send.
fn transfers(program: &ClusterProgram, device: DeviceId) -> bool {
    program.segment_bits(&(0..1)).0 == 0.0 || program.joined(NodeId::CONTROL_UNIT, device.node())
}

/// Most blocks per device; 0 for a device that cannot take part.
pub(crate) fn block_caps(spec: &SlotSpec, cluster: &Cluster) -> Vec<u32> {
    let program = ClusterProgram::new(spec, cluster);
    let usable = |device| spec.participation == Participation::All || transfers(&program, device);
    let limit = |device: &Device| device.max_blocks.unwrap_or(u32::MAX).min(spec.encoder.blocks());
    let cap = |device| block_cap(spec, cluster, device).min(limit(device));
    let devices = DeviceId::all(cluster.devices.len()).zip(&cluster.devices);
    devices.map(|(id, device)| if usable(id) { cap(device) } else { 0 }).collect()
}

/// The links in one direction that given devices need: those of the pipeline, both ways, those of the segments, and that
/// of the upload.
fn needed(program: &ClusterProgram, route: &Route) -> Vec<(NodeId, NodeId)> {
    let unit = NodeId::CONTROL_UNIT;
    let both = |(near, far)| [(near, far), (far, near)];
    let mut needed: Vec<_> = route.hops().flat_map(both).collect();
    if program.segment_bits(&(0..1)).0 > 0.0 {
        needed.extend(route.active().iter().flat_map(|device| both((unit, device.node()))));
    }
    if program.cluster.upload_bits.0 > 0.0 {
        needed.push((unit, program.edge_server()));
    }
    needed
}

/// Notes the links that do not work, each once.
fn push_missing(
    program: &ClusterProgram,
    cluster: usize,
    needed: impl IntoIterator<Item = (NodeId, NodeId)>,
    reasons: &mut Vec<Reason>,
) {
    for (from, to) in needed {
        let reason = Reason::NoLink { cluster, from, to };
        if program.gain(from, to) == 0.0 && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
}

/// What makes one cluster infeasible; empty where some choice of devices, sizes and links is feasible.
pub(crate) fn reasons(spec: &SlotSpec, index: usize, caps: &[u32]) -> Vec<Reason> {
    let cluster = &spec.clusters[index];
    let program = ClusterProgram::new(spec, cluster);
    let blocks = spec.encoder.blocks();
    let mut reasons = Vec::new();
    if cluster.upload_bits.0 > 0.0 {
        push_missing(&program, index, [(NodeId::CONTROL_UNIT, program.edge_server())], &mut reasons);
    }
    let fit: u64 = caps.iter().map(|&cap| u64::from(cap)).sum();
    match spec.participation {
        Participation::All => {
            if caps.len() as u64 > u64::from(blocks) {
                reasons.push(Reason::TooManyDevices { cluster: index, devices: caps.len(), blocks });
            }
            let starved = DeviceId::all(caps.len()).zip(caps).filter(|&(_, &cap)| cap == 0);
            reasons.extend(starved.map(|(device, _)| Reason::DeviceMemory { cluster: index, device }));
            if fit < u64::from(blocks) {
                reasons.push(Reason::Memory { cluster: index, fit, blocks });
            }
            let active: Vec<DeviceId> = DeviceId::all(caps.len()).collect();
            push_missing(&program, index, needed(&program, &program.route(&active)), &mut reasons);
        }
        Participation::Select => {
            if fit < u64::from(blocks) {
                reasons.push(Reason::Memory { cluster: index, fit, blocks });
            } else if most_blocks_on_a_path(&program, caps, blocks) < u64::from(blocks) {
                reasons.push(Reason::NoPath { cluster: index });
            }
        }
    }
    reasons
}

/// The edge servers whose memory does not hold what every decision leaves with them.
pub(crate) fn server_reasons(spec: &SlotSpec) -> Vec<Reason> {
    let short = spec.clusters.iter().enumerate().filter_map(|(cluster, of)| {
        let (needed, limit) = (of.edge_server.decoder_bytes, of.edge_server.memory_bytes?);
        let reason = Reason::ServerMemory { cluster, needed_bytes: needed.0, limit_bytes: limit.0 };
        (needed > limit).then_some(reason)
    });
    short.collect()
}

/// What makes given segments of one cluster infeasible; empty where some radio decision is feasible.
pub(crate) fn segment_reasons(spec: &SlotSpec, index: usize, segments: &Segments) -> Vec<Reason> {
    let cluster = &spec.clusters[index];
    let program = ClusterProgram::new(spec, cluster);
    let of_cluster = |reason: &Reason| matches!(reason, Reason::ServerMemory { cluster, .. } if *cluster == index);
    let mut reasons: Vec<Reason> = server_reasons(spec).into_iter().filter(of_cluster).collect();
    for (device, size) in segments.each() {
        let fit = block_cap(spec, cluster, &cluster.devices[device.0]).min(spec.encoder.blocks());
        if size > fit {
            reasons.push(Reason::SegmentMemory { cluster: index, device, size, fit });
        }
    }
    push_missing(&program, index, needed(&program, &program.route(&segments.active)), &mut reasons);
    reasons
}

/// Most blocks that fit on the devices of a path of working links with at most L devices.
///
/// A longest path over (last device, devices used); the number of devices matters only where it exceeds L.
fn most_blocks_on_a_path(program: &ClusterProgram, caps: &[u32], blocks: u32) -> u64 {
    let devices = caps.len();
    let node = |k: usize| DeviceId(k).node();
    // A path that is too long can drop devices only if the links around them work: where L blocks fit on at most L
    // devices, sizes of one and more exist. With more devices than blocks the count is kept.
    let levels = devices.min(blocks as usize);
    let mut best = vec![vec![None::<u64>; devices]; levels + 1];
    let mut most = 0;
    for count in 1..=levels {
        for k in (0..devices).filter(|&k| caps[k] > 0) {
            let before = if count == 1 {
                program.joined(NodeId::CONTROL_UNIT, node(k)).then_some(0)
            } else {
                (0..k).filter(|&j| program.joined(node(j), node(k))).filter_map(|j| best[count - 1][j]).max()
            };
            best[count][k] = before.map(|sum| sum + u64::from(caps[k]));
            if let Some(sum) = best[count][k].filter(|_| program.joined(node(k), program.edge_server())) {
                most = most.max(sum);
            }
        }
    }
    most
}
