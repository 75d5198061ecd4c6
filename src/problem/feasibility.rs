//! Which constraints a decision breaks, and by how much.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::Names;
use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId};

/// One transmission of a cluster's round, named by its place in [`ClusterDecision`](super::ClusterDecision).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transfer {
    /// Hop `hop` (from 0) of a phase.
    Hop {
        /// The phase.
        phase: Phase,
        /// Index in the phase's list of links.
        hop: usize,
    },
    /// Collection of the segment of the active device at `position` (from 0).
    Collection {
        /// Index in `active`.
        position: usize,
    },
    /// Distribution of the segment of the active device at `position` (from 0).
    Distribution {
        /// Index in `active`.
        position: usize,
    },
    /// The control unit's upload.
    Upload,
}

impl Transfer {
    /// Writes the path of the transmission's power.
    fn write_power_path(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hop { .. } | Self::Upload => write!(f, "{self}.power_w"),
            Self::Collection { .. } | Self::Distribution { .. } => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Transfer {
    /// The path within the cluster's decision.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hop { phase, hop } => write!(f, "{}[{hop}]", phase.name()),
            Self::Collection { position } => write!(f, "collection_power_w[{position}]"),
            Self::Distribution { position } => write!(f, "distribution_power_w[{position}]"),
            Self::Upload => f.write_str("upload"),
        }
    }
}

/// A constraint of the slot problem. Clusters, devices and nodes are indices from 0 in the problem's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// Σ w ≤ W over the hops of a phase.
    Band {
        /// The cluster.
        cluster: usize,
        /// The phase.
        phase: Phase,
    },
    /// Σ w ≤ W over the hops of both phases together, where forward and backward work take turns.
    SharedBand {
        /// The cluster.
        cluster: usize,
    },
    /// w ≤ W of a hop, where messages take turns on the medium.
    WholeBand {
        /// The cluster.
        cluster: usize,
        /// The hop.
        transfer: Transfer,
    },
    /// Σ w ≤ W_up over the clusters' uploads.
    UplinkBand,
    /// p ≤ largest power of the sending node.
    Power {
        /// The cluster.
        cluster: usize,
        /// The sender: 0 control unit, k+1 device k, K+1 edge server.
        node: NodeId,
        /// What it sends.
        transfer: Transfer,
    },
    /// Something must be sent, but bandwidth, power or gain is so small (or 0) that it takes infinite time.
    NoRate {
        /// The cluster.
        cluster: usize,
        /// What is sent.
        transfer: Transfer,
    },
    /// What a segment needs ≤ memory: d (resident + activation·B) for equal blocks in fill-drain order, and otherwise for
    /// the micro-batches that the schedule keeps at a time.
    Memory {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: DeviceId,
    },
    /// What the decoder stage needs ≤ memory of the edge server.
    ServerMemory {
        /// The cluster.
        cluster: usize,
    },
    /// Σ d = L.
    SizeSum {
        /// The cluster.
        cluster: usize,
    },
    /// d ≥ 1 on an active device.
    SizeAtLeastOne {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: DeviceId,
    },
    /// With participation `all`, every device is active.
    Participation {
        /// The cluster.
        cluster: usize,
        /// The device that is left out.
        device: DeviceId,
    },
    /// With the order given, the active devices stand in that of the problem.
    Order {
        /// The cluster.
        cluster: usize,
        /// The first device that stands behind a later one.
        device: DeviceId,
    },
    /// d ≥ the device's least blocks.
    MinBlocks {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: DeviceId,
    },
    /// d ≤ the device's most blocks.
    MaxBlocks {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: DeviceId,
    },
    /// A cluster's latency ≤ the deadline.
    Deadline {
        /// The cluster.
        cluster: usize,
    },
}

/// A broken constraint.
///
/// Reads `clusters[0].forward: bandwidths sum to 2.1e7 Hz, limit 2e7 Hz`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Violation {
    /// The constraint.
    pub constraint: Constraint,
    /// Relative violation, > 0: found/limit − 1 for bands, powers, memory, deadline and most blocks, 1 − found/limit for
    /// least blocks, |Σd − L|/L for the sum of sizes, 1 for an empty segment and a device left out or out of order, infinite
    /// where there is no rate or the limit is 0.
    pub amount: f64,
    /// What the decision does: Hz, W, byte, blocks, devices, s or (for a transmission without a rate) bit/s.
    pub found: f64,
    /// What the constraint allows or asks for, in the same unit; for a transmission without a rate the bits to be sent.
    pub limit: f64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, limit) = (Number(self.found), Number(self.limit));
        match self.constraint {
            Constraint::Band { cluster, phase } => {
                write!(f, "clusters[{cluster}].{}: bandwidths sum to {found} Hz, limit {limit} Hz", phase.name())
            }
            Constraint::SharedBand { cluster } => write!(
                f,
                "clusters[{cluster}]: bandwidths of forward and backward together sum to {found} Hz, limit {limit} Hz"
            ),
            Constraint::WholeBand { cluster, transfer } => {
                write!(f, "clusters[{cluster}].{transfer}.bandwidth_hz: {found} Hz, limit {limit} Hz (bandwidth_hz)")
            }
            Constraint::UplinkBand => write!(f, "clusters[..].upload: bandwidths sum to {found} Hz, limit {limit} Hz"),
            Constraint::Power { cluster, node, transfer } => {
                write!(f, "clusters[{cluster}].")?;
                transfer.write_power_path(f)?;
                write!(f, ": node {node} sends with {found} W, limit {limit} W")
            }
            Constraint::NoRate { cluster, transfer } => {
                write!(f, "clusters[{cluster}].{transfer}: {limit} bit to send at {found} bit/s take infinite time")
            }
            Constraint::Memory { cluster, device } => {
                write!(f, "clusters[{cluster}].devices[{device}]: segment needs {found} bytes, limit {limit} bytes")
            }
            Constraint::ServerMemory { cluster } => {
                write!(f, "clusters[{cluster}].edge_server: decoder needs {found} bytes, limit {limit} bytes")
            }
            Constraint::SizeSum { cluster } => {
                write!(f, "clusters[{cluster}].sizes: sum to {found} blocks, must be {limit} blocks")
            }
            Constraint::SizeAtLeastOne { cluster, device } => {
                write!(f, "clusters[{cluster}].devices[{device}]: active with {found} blocks, must be at least {limit}")
            }
            Constraint::Participation { cluster, device } => {
                write!(f, "clusters[{cluster}].devices[{device}]: left out, but participation is \"all\"")
            }
            Constraint::Order { cluster, device } => {
                write!(
                    f,
                    "clusters[{cluster}].active: device {device} stands behind a later one, but order is \"given\""
                )
            }
            Constraint::MinBlocks { cluster, device } => {
                write!(f, "clusters[{cluster}].devices[{device}]: {found} blocks, but min_blocks is {limit}")
            }
            Constraint::MaxBlocks { cluster, device } => {
                write!(f, "clusters[{cluster}].devices[{device}]: {found} blocks, but max_blocks is {limit}")
            }
            Constraint::Deadline { cluster } => {
                write!(f, "clusters[{cluster}]: takes {found} s, but deadline_s is {limit} s")
            }
        }
    }
}

/// Shortest decimal that reads back the same, with an exponent where that is shorter to read.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0.0 || !self.0.is_finite() || (1e-3..1e6).contains(&self.0.abs()) {
            fmt::Display::fmt(&self.0, f)
        } else {
            fmt::LowerExp::fmt(&self.0, f)
        }
    }
}

/// Every constraint that a decision breaks, however slightly; empty for a feasible decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FeasibilityReport {
    /// The broken constraints: by cluster, the upload band last.
    pub violations: Vec<Violation>,
    /// The names of those who are meant; empty without violations.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
}

impl FeasibilityReport {
    /// Largest relative violation; 0 without violations.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.violations.iter().fold(0.0, |worst, v| worst.max(v.amount))
    }

    /// Whether no constraint is violated by more than `tolerance` (relative, 1e-9 allows for rounding).
    #[must_use]
    pub fn is_feasible(&self, tolerance: f64) -> bool {
        self.worst() <= tolerance
    }

    /// The violations in words.
    pub fn described(&self) -> impl Iterator<Item = String> {
        self.violations.iter().map(|violation| self.names.explain(&violation.to_string()))
    }

    /// Notes `constraint` if `found` exceeds `limit`.
    pub(super) fn at_most(&mut self, constraint: Constraint, found: f64, limit: f64) {
        if found > limit {
            self.exceeded(constraint, found, limit);
        }
    }

    /// Notes that `found` exceeds `limit`; never with amount 0, even if the quotient rounds to 1.
    pub(super) fn exceeded(&mut self, constraint: Constraint, found: f64, limit: f64) {
        self.broken(constraint, (found / limit - 1.0).max(f64::EPSILON), found, limit);
    }

    pub(super) fn broken(&mut self, constraint: Constraint, amount: f64, found: f64, limit: f64) {
        self.violations.push(Violation { constraint, amount, found, limit });
    }
}

impl fmt::Display for FeasibilityReport {
    /// One violation per line; `feasible` without violations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.violations.is_empty() {
            return f.write_str("feasible");
        }
        for (i, violation) in self.described().enumerate() {
            write!(f, "{}{violation}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
