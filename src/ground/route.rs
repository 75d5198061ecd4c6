//! The nodes of a cluster and the way of a pipeline through them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::check::FieldError;

/// A device of a cluster: its place, from 0, in the list of the cluster's devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct DeviceId(pub usize);

/// A node of a cluster with K devices: 0 the control unit, k+1 device k, K+1 the edge server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct NodeId(pub usize);

impl DeviceId {
    /// The device as a node.
    #[must_use]
    pub const fn node(self) -> NodeId {
        NodeId(self.0 + 1)
    }

    /// All devices of a cluster with this many.
    pub(crate) fn all(devices: usize) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + Clone {
        (0..devices).map(Self)
    }
}

impl NodeId {
    /// The node with the data and the embedding.
    pub const CONTROL_UNIT: Self = Self(0);

    /// The node with the decoder, in a cluster with this many devices.
    #[must_use]
    pub const fn edge_server(devices: usize) -> Self {
        Self(devices + 1)
    }

    /// The device that the node is; none for the control unit, and a device that does not exist for the edge server.
    pub(crate) fn device(self) -> Option<DeviceId> {
        self.0.checked_sub(1).map(DeviceId)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The way of a pipeline through a cluster: control unit, the devices that take part, edge server.
///
/// *Positions* count the nodes on the way: 0 the control unit, 1..=S the active devices, S+1 the edge server. *Hop* h of
/// the S+1 hops joins positions h and h+1; it sends from the nearer node to the farther one in the forward phase and the
/// other way round in the backward phase.
///
/// ```
/// use collapipe::problem::{DeviceId, NodeId, Route};
/// let active = [DeviceId(0), DeviceId(2)];
/// let route = Route::new(&active, 3)?;
/// let hops: Vec<_> = route.hops().collect();
/// assert_eq!(hops, [(NodeId(0), NodeId(1)), (NodeId(1), NodeId(3)), (NodeId(3), NodeId(4))]);
/// assert!(Route::new(&[DeviceId(2), DeviceId(0)], 3).is_err());
/// # Ok::<(), collapipe::problem::FieldError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    active: &'a [DeviceId],
    devices: usize,
}

impl<'a> Route<'a> {
    /// The way through the active devices of a cluster with `devices` devices, in the order of the cluster's list.
    ///
    /// # Errors
    /// [`FieldError`] for an empty list, for a device that the cluster does not have, and for devices out of order.
    pub fn new(active: &'a [DeviceId], devices: usize) -> Result<Self, FieldError> {
        Self::check_range(active, devices)?;
        for (i, pair) in active.windows(2).enumerate() {
            if let [before, device] = pair
                && before >= device
            {
                let allowed = format!("above {before}, the entry before it");
                return Err(FieldError::new(format!("active[{}]", i + 1), device, allowed));
            }
        }
        Ok(Self { active, devices })
    }

    /// The way through the active devices of a cluster with `devices` devices, in any order.
    ///
    /// # Errors
    /// [`FieldError`] for an empty list, for a device that the cluster does not have, and for one that is there twice.
    pub fn in_any_order(active: &'a [DeviceId], devices: usize) -> Result<Self, FieldError> {
        Self::check_range(active, devices)?;
        let mut place = vec![None; devices];
        for (i, device) in active.iter().enumerate() {
            if let Some(first) = place.get_mut(device.0).and_then(|place| place.replace(i)) {
                let allowed = format!("another device than active[{first}]");
                return Err(FieldError::new(format!("active[{i}]"), device, allowed));
            }
        }
        Ok(Self { active, devices })
    }

    fn check_range(active: &[DeviceId], devices: usize) -> Result<(), FieldError> {
        if active.is_empty() {
            return Err(FieldError::new("active", "[]", "a list of at least one device"));
        }
        match active.iter().position(|device| device.0 >= devices) {
            Some(i) => Err(FieldError::new(format!("active[{i}]"), active[i], format!("below {devices}"))),
            None => Ok(()),
        }
    }

    /// The way through devices that are known to be the cluster's.
    pub(crate) fn through(active: &'a [DeviceId], devices: usize) -> Self {
        debug_assert!(active.iter().all(|device| device.0 < devices));
        Self { active, devices }
    }

    /// The devices that take part, in their order on the way.
    #[must_use]
    pub fn active(&self) -> &'a [DeviceId] {
        self.active
    }

    /// S+1.
    #[must_use]
    pub fn hop_count(&self) -> usize {
        self.active.len() + 1
    }

    /// The nodes at all positions.
    pub fn nodes(self) -> impl Iterator<Item = NodeId> + 'a {
        let devices = self.active.iter().map(|device| device.node());
        std::iter::once(NodeId::CONTROL_UNIT).chain(devices).chain([NodeId::edge_server(self.devices)])
    }

    /// The two ends of every hop, the one nearer to the control unit first.
    pub fn hops(self) -> impl Iterator<Item = (NodeId, NodeId)> + 'a {
        let mut near = NodeId::CONTROL_UNIT;
        self.nodes().skip(1).map(move |far| (std::mem::replace(&mut near, far), far))
    }
}
