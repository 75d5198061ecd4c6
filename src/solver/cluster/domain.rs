//! What may be chosen for a cluster, and what has been.

use crate::ground::check::FieldError;
use crate::ground::route::{DeviceId, Route};
use crate::problem::ClusterDecision;
use crate::problem::program::ClusterProgram;

/// The devices of a cluster that take part, and their segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// The active devices, in the order of the pipeline.
    pub active: Vec<DeviceId>,
    /// d: encoder blocks on each of them.
    pub sizes: Vec<u32>,
}

impl From<&ClusterDecision> for Segments {
    fn from(decision: &ClusterDecision) -> Self {
        Self { active: decision.active.clone(), sizes: decision.sizes.clone() }
    }
}

impl Segments {
    /// The active devices with their blocks.
    pub(crate) fn each(&self) -> impl Iterator<Item = (DeviceId, u32)> + Clone + '_ {
        self.active.iter().copied().zip(self.sizes.iter().copied())
    }

    /// Blocks of a device; 0 where it stays out.
    pub(crate) fn blocks_on(&self, device: DeviceId) -> u32 {
        self.each().find(|&(active, _)| active == device).map_or(0, |(_, size)| size)
    }

    /// The domain of this choice alone among so many devices, which it must fit.
    pub(crate) fn domain(&self, devices: usize) -> Domain {
        let mut high = vec![0; devices];
        for (device, size) in self.each() {
            high[device.0] = size;
        }
        Domain { low: high.clone(), high }
    }

    /// Whether the choice fits a cluster with so many devices, all of which take part where `all` says so.
    ///
    /// # Errors
    /// [`FieldError`] names the list that does not.
    pub(crate) fn check(&self, devices: usize, blocks: u32, all: bool) -> Result<(), FieldError> {
        let active = &self.active;
        let listed = || format!("{:?}", active.iter().map(|device| device.0).collect::<Vec<_>>());
        if Route::new(active, devices).is_err() {
            let allowed = format!("a non-empty increasing list of indices below {devices}");
            return Err(FieldError::new("active", listed(), allowed));
        }
        if all && active.len() != devices {
            let allowed = format!("all {devices} devices under participation \"all\"");
            return Err(FieldError::new("active", listed(), allowed));
        }
        let sum: u64 = self.sizes.iter().map(|&size| u64::from(size)).sum();
        if self.sizes.len() != active.len() || self.sizes.contains(&0) || sum != u64::from(blocks) {
            let allowed = format!("one size of at least 1 per active device, {blocks} blocks in all");
            return Err(FieldError::new("sizes", format!("{:?}", self.sizes), allowed));
        }
        Ok(())
    }
}

/// Fewest and most blocks of every device; fewest 0 means that it may stay out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Domain {
    pub low: Vec<u32>,
    pub high: Vec<u32>,
}

impl Domain {
    /// The active set, where the domain leaves only one.
    pub fn only_active(&self) -> Option<Vec<DeviceId>> {
        let free = self.low.iter().zip(&self.high).any(|(&low, &high)| low == 0 && high > 0);
        (!free).then(|| DeviceId::all(self.low.len()).filter(|k| self.low[k.0] > 0).collect())
    }

    /// The devices that may take part.
    pub fn usable(&self) -> impl Iterator<Item = DeviceId> + '_ {
        DeviceId::all(self.high.len()).filter(|k| self.high[k.0] > 0)
    }

    /// Whether a choice made for another problem is one of this domain's, with a path of working links.
    pub fn holds(&self, choice: &Segments, program: &ClusterProgram) -> bool {
        let within = |(k, size): (DeviceId, u32)| {
            k.0 < self.high.len() && (self.low[k.0].max(1)..=self.high[k.0]).contains(&size)
        };
        let mandatory =
            (0..self.low.len()).filter(|&k| self.low[k] > 0).all(|k| choice.active.binary_search(&DeviceId(k)).is_ok());
        let blocks: u64 = choice.sizes.iter().map(|&size| u64::from(size)).sum();
        choice.each().all(within)
            && mandatory
            && blocks == u64::from(program.spec.encoder.blocks())
            && program.route(&choice.active).hops().all(|(near, far)| program.joined(near, far))
    }
}
