//! Devices that are equal: choices that differ in nothing but names, of which one is enough.

use crate::ground::route::{DeviceId, NodeId};
use crate::problem::program::ClusterProgram;
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::cluster::{Domain, PlannedCluster, Segments};

/// For every device the last one before it that it may be swapped for: the two have the same data, the same domain, and
/// the same gains to and from every other node.
///
/// A path that goes from a node past that device to its twin costs what the path through the device itself costs, which
/// is a path as well: the order of the pipeline stays, and no hop has another gain. So links that pass by an equal device
/// on the way to its twin need not be searched. Among equal devices in a row that leaves the choices of the first ones,
/// and among kinds of devices with others in between one choice for every sequence of kinds. Devices that differ in one
/// gain to a third node are different devices: their hops differ.
pub(crate) fn twins(program: &ClusterProgram, domain: &Domain) -> Vec<Option<DeviceId>> {
    let devices = &program.cluster.devices;
    let swaps = |one: DeviceId, other: DeviceId| {
        let same_domain = (domain.low[one.0], domain.high[one.0]) == (domain.low[other.0], domain.high[other.0]);
        let (a, b) = (one.node(), other.node());
        let same = |x: NodeId| program.gain(a, x) == program.gain(b, x) && program.gain(x, a) == program.gain(x, b);
        let mut others = (0..devices.len() + 2).map(NodeId).filter(|&x| x != a && x != b);
        same_domain && devices[one.0].is_like(&devices[other.0]) && others.all(same)
    };
    DeviceId::all(devices.len()).map(|k| (0..k.0).rev().map(DeviceId).find(|&before| swaps(before, k))).collect()
}

/// The same choice with the blocks of devices that compute, hold and transfer alike spread evenly over them: it costs the
/// same but for the paces, which do not become slower. `None` where nothing changes.
fn spread(cluster: &PlannedCluster, choice: &Segments) -> Option<Segments> {
    let alike = |one: DeviceId, other: DeviceId| {
        let (a, b) = (&cluster.stages[one.0], &cluster.stages[other.0]);
        let transfers = |k: DeviceId| {
            let (up, down) = (&cluster.at.collection[k.0], &cluster.at.distribution[k.0]);
            [up.time, up.power, up.cost, down.time, down.power, down.cost]
        };
        (a.overhead, a.per_block, a.cost, a.low, a.high) == (b.overhead, b.per_block, b.cost, b.low, b.high)
            && transfers(one) == transfers(other)
    };
    let mut sizes = choice.sizes.clone();
    let mut done = vec![false; sizes.len()];
    for first in 0..sizes.len() {
        if done[first] {
            continue;
        }
        let members: Vec<usize> =
            (first..sizes.len()).filter(|&at| !done[at] && alike(choice.active[first], choice.active[at])).collect();
        let total: u32 = members.iter().map(|&at| sizes[at]).sum();
        let (each, rest) = (total / members.len() as u32, total as usize % members.len());
        let held = || members.iter().map(|&at| choice.sizes[at]);
        // Sizes that are as even already stay where they are.
        let uneven = held().max() > held().min().map(|least| least + 1);
        for (place, &at) in members.iter().enumerate() {
            done[at] = true;
            if uneven {
                sizes[at] = each + u32::from(place < rest);
            }
        }
    }
    (sizes != choice.sizes).then(|| Segments { active: choice.active.clone(), sizes })
}

/// Costs that differ by so much, relative, are the same.
const ROUNDING: f64 = 1e-13;

impl Workspace {
    /// The choice itself, or the one with even sizes on equal devices where that costs the same or less.
    pub fn evened(&mut self, cluster: &PlannedCluster, found: Found) -> Found {
        let Some(choice) = spread(cluster, &found.choice) else { return found };
        let even = self.fixed(cluster, &choice, None);
        if even.value <= found.value + ROUNDING * found.value.abs() { even } else { found }
    }
}
