//! Problems that differ in one thing.

use crate::problem::{NodeId, Participation, PerPair, Schema, SlotSpec};
use crate::units::Seconds;
use nalgebra::DMatrix;

/// The problem without a device.
pub(super) fn without(spec: &SlotSpec, cluster: usize, device: usize) -> SlotSpec {
    let mut spec = spec.clone();
    if let Some(of) = spec.clusters.get_mut(cluster) {
        let node = device + 1;
        if device < of.devices.len() {
            of.devices.remove(device);
            remove_pair(&mut of.gain_to_noise_hz_per_w.0, node);
            for pairs in [&mut of.hop_latency_s, &mut of.hop_overhead_s] {
                if let PerPair::Pairs(matrix) = pairs {
                    remove_pair(matrix, node);
                }
            }
            if let PerPair::Pairs(matrix) = &mut of.staging_s_per_byte {
                remove_pair(matrix, node);
            }
            of.fixed_links.retain(|link| link.from.0 != node && link.to.0 != node);
            let behind = |at: NodeId| if at.0 > node { NodeId(at.0 - 1) } else { at };
            for link in &mut of.fixed_links {
                (link.from, link.to) = (behind(link.from), behind(link.to));
            }
        }
    }
    spec
}

fn remove_pair<T: nalgebra::Scalar>(matrix: &mut DMatrix<T>, node: usize) {
    if node < matrix.nrows() && node < matrix.ncols() {
        *matrix = matrix.clone().remove_row(node).remove_column(node);
    }
}

/// The problem over these devices of a cluster, all of which take part, the others gone; other clusters as they are.
pub(super) fn with_exactly(spec: &SlotSpec, cluster: usize, devices: &[usize]) -> SlotSpec {
    let count = spec.clusters.get(cluster).map_or(0, |of| of.devices.len());
    let mut spec = (0..count)
        .rev()
        .filter(|device| !devices.contains(device))
        .fold(spec.clone(), |spec, device| without(&spec, cluster, device));
    spec.participation = Participation::All;
    spec
}

/// The problem in the version that knows limits of blocks. What schema 1 calls a latency is an overhead of hops, and stays
/// one; schema 2 counts it for collection, distribution and upload too, so that optima are to be compared with that of the
/// problem in the same version.
pub(super) fn second_version(spec: &SlotSpec) -> SlotSpec {
    let mut spec = spec.clone();
    if spec.schema == Schema::V1 {
        spec.schema = Schema::V2;
        for cluster in &mut spec.clusters {
            cluster.hop_overhead_s = std::mem::replace(&mut cluster.hop_latency_s, PerPair::Same(Seconds(0.0)));
        }
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instances::InstanceSize;

    #[test]
    fn without_a_device_the_others_keep_their_links() {
        let problem = InstanceSize { devices: 4, blocks: 8, ..InstanceSize::default() }.sample(3).unwrap();
        let left = without(&problem, 0, 1);
        let (before, after) = (&problem.clusters[0], &left.clusters[0]);
        assert_eq!(after.devices.len(), 3);
        let old = [0, 1, 3, 4, 5];
        for (i, from) in old.iter().enumerate() {
            for (j, to) in old.iter().enumerate() {
                assert_eq!(after.gain_to_noise_hz_per_w.0[(i, j)], before.gain_to_noise_hz_per_w.0[(*from, *to)]);
            }
        }
        assert_eq!(with_exactly(&problem, 0, &[0, 2]).clusters[0].devices.len(), 2);
    }
}
