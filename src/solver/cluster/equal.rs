//! Devices that are equal: choices that differ in nothing but names, of which one is enough.

use crate::ground::route::{DeviceId, NodeId};
use crate::problem::program::ClusterProgram;
use crate::solver::cluster::active::{Found, Workspace};
use crate::solver::cluster::{Domain, PlannedCluster, Segments};

/// For every device whether it may be swapped with the one before it: the two have the same data, the same domain, and
/// the same gains to and from every other node and each other.
///
/// Devices that follow one another like that are a run. Any of its members that take part may be renamed to its first
/// ones, in their order, without any change of the costs: paths that enter a run, or go on in it, by anything but its
/// next member need not be searched. Devices of a run have no others in between, so that the order of the pipeline
/// stays.
pub(crate) fn follows(program: &ClusterProgram, domain: &Domain) -> Vec<bool> {
    let devices = &program.cluster.devices;
    let swaps = |k: usize| {
        let (one, other) = (DeviceId(k - 1), DeviceId(k));
        let same_domain = (domain.low[one.0], domain.high[one.0]) == (domain.low[other.0], domain.high[other.0]);
        let (a, b) = (one.node(), other.node());
        let same = |x: NodeId| program.gain(a, x) == program.gain(b, x) && program.gain(x, a) == program.gain(x, b);
        let mut others = (0..devices.len() + 2).map(NodeId).filter(|&x| x != a && x != b);
        devices[one.0] == devices[other.0]
            && same_domain
            && program.gain(a, b) == program.gain(b, a)
            && others.all(same)
    };
    (0..devices.len()).map(|k| k > 0 && swaps(k)).collect()
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
