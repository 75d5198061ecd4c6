//! What to do in a slot.

use serde::{Deserialize, Serialize};

use crate::ground::route::DeviceId;
use crate::ground::units::{Hertz, Watts};

/// Bandwidth and transmit power of one hop. Both are 0 or more; a hop that carries bits needs both above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// w: this hop's share of its band.
    pub bandwidth_hz: Hertz,
    /// p: radiated power; the amplifier draws p/η.
    pub power_w: Watts,
}

/// One cluster's part of a decision, for S active devices.
///
/// Hop i of `forward` and of `backward` is the same link: hop 0 joins control unit and first active device, hop S the
/// last active device and the edge server. Distribution, collection and upload follow one another, so that the former
/// two have the cluster's whole band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterDecision {
    /// Indices (from 0) of the S devices that take part, increasing.
    pub active: Vec<DeviceId>,
    /// d: encoder blocks on each active device; sum to L.
    pub sizes: Vec<u32>,
    /// The S+1 hops control unit → first device → … → edge server, as they send forward.
    pub forward: Vec<Link>,
    /// The same links in the same order, as they send backward (the forward receiver transmits).
    pub backward: Vec<Link>,
    /// Transmit power of each active device when its segment is collected.
    pub collection_power_w: Vec<Watts>,
    /// Transmit power of the control unit when it distributes each active device's segment.
    pub distribution_power_w: Vec<Watts>,
    /// The control unit's upload to the edge server.
    pub upload: Link,
}

/// A decision for every cluster under a common plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Index (from 0) of the chosen plan.
    pub plan: usize,
    /// One entry per cluster, in the problem's order.
    pub clusters: Vec<ClusterDecision>,
}
