//! What to do in a slot.

use serde::{Deserialize, Serialize};

use super::cluster::nullable;
use super::slot::SlotSpec;
use crate::ground::phase::Phase;
use crate::ground::route::DeviceId;
use crate::ground::units::{Hertz, Watts};

/// Bandwidth and transmit power of one hop. Both are 0 or more; a hop that carries bits needs both above 0. On a shared
/// medium the bandwidth is the share of the band, and the power is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// w: this hop's share of its band.
    pub bandwidth_hz: Hertz,
    /// p: radiated power; the amplifier draws p/η.
    pub power_w: Watts,
}

/// One cluster's part of a decision, for S active devices.
///
/// Entries are absent (`null`) where no radio is used: on a cable, or where nothing is sent. Hop i of `forward` and of
/// `backward` is the same link. In a pipeline with both ends hop 0 joins control unit and first active device, hop S the
/// last active device and the edge server; where an end is absent its hop is too. Distribution, collection and upload
/// follow one another, so that the former two have the cluster's whole band.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClusterDecision {
    /// What the problem calls the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the problem calls the active devices, in the order of `active`; empty where they have no names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_names: Vec<Option<String>>,
    /// Indices (from 0) of the S devices that take part, in the order of the pipeline; increasing unless the problem's
    /// order is free.
    pub active: Vec<DeviceId>,
    /// d: encoder blocks on each active device; sum to L.
    pub sizes: Vec<u32>,
    /// The hops of the pipeline, S+1 with both ends, as they send forward.
    pub forward: Vec<Option<Link>>,
    /// The same links in the same order, as they send backward (the forward receiver transmits). Empty where there is no
    /// backward work.
    pub backward: Vec<Option<Link>>,
    /// Transmit power of each active device when its segment is collected.
    pub collection_power_w: Vec<Option<Watts>>,
    /// Transmit power of the control unit when it distributes each active device's segment.
    pub distribution_power_w: Vec<Option<Watts>>,
    /// The control unit's upload to the edge server.
    #[serde(deserialize_with = "nullable")]
    pub upload: Option<Link>,
}

impl ClusterDecision {
    /// The hops of a phase.
    #[must_use]
    pub fn links(&self, phase: Phase) -> &[Option<Link>] {
        match phase {
            Phase::Forward => &self.forward,
            Phase::Backward => &self.backward,
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn links_mut(&mut self, phase: Phase) -> &mut [Option<Link>] {
        match phase {
            Phase::Forward => &mut self.forward,
            Phase::Backward => &mut self.backward,
        }
    }
}

impl Decision {
    /// Writes the problem's names into the decision. It must fit the problem.
    pub(crate) fn take_names(&mut self, problem: &SlotSpec) {
        for (cluster, choice) in problem.clusters.iter().zip(&mut self.clusters) {
            choice.name.clone_from(&cluster.name);
            let names = choice.active.iter().map(|k| cluster.devices.get(k.0)?.name.clone());
            choice.device_names =
                if cluster.devices.iter().any(|device| device.name.is_some()) { names.collect() } else { Vec::new() };
        }
    }

    /// The decision with other numbers for the active devices: `number(n, k)` for device k of cluster n. The names stay.
    /// `None` where a device has no number.
    pub(crate) fn renumbered(mut self, number: impl Fn(usize, DeviceId) -> Option<DeviceId>) -> Option<Self> {
        for (n, choice) in self.clusters.iter_mut().enumerate() {
            for device in &mut choice.active {
                *device = number(n, *device)?;
            }
        }
        Some(self)
    }
}

/// A decision for every cluster under a common plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Index (from 0) of the chosen plan.
    pub plan: usize,
    /// One entry per cluster, in the problem's order.
    pub clusters: Vec<ClusterDecision>,
}
