//! Why no decision satisfies the constraints, in the problem's names.

use std::fmt;

use crate::problem::costs::block_cap;
use crate::problem::{Cluster, Participation, SlotSpec};

/// A constraint that makes a problem infeasible.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        device: usize,
    },
    /// A given segment does not fit into its device's memory.
    SegmentMemory {
        /// The cluster.
        cluster: usize,
        /// The device.
        device: usize,
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
    /// A link that every decision needs has gain zero.
    NoLink {
        /// The cluster.
        cluster: usize,
        /// Transmitter: 0 control unit, k+1 device k, K+1 edge server.
        from: usize,
        /// Receiver.
        to: usize,
    },
    /// No path of working links leads from the control unit to the edge server through devices that hold L blocks.
    NoPath {
        /// The cluster.
        cluster: usize,
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
            Self::NoLink { cluster, from, to } => {
                write!(f, "clusters[{cluster}].gain_to_noise_hz_per_w[{from}][{to}] = 0: no link, but one is needed")
            }
            Self::NoPath { cluster } => write!(
                f,
                "clusters[{cluster}].gain_to_noise_hz_per_w: no path of working links from the control unit to the edge \
                 server through devices that hold all encoder blocks"
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infeasibility {
    /// The constraints, cluster by cluster.
    pub reasons: Vec<Reason>,
}

impl fmt::Display for Infeasibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, reason) in self.reasons.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{reason}")?;
        }
        Ok(())
    }
}

/// Which links of a cluster work, where data must flow.
struct Links<'a> {
    spec: &'a SlotSpec,
    cluster: &'a Cluster,
}

impl Links<'_> {
    fn open(&self, from: usize, to: usize) -> bool {
        self.cluster.gain_to_noise_hz_per_w.get(from, to) > 0.0
    }

    /// A hop is used in both directions.
    fn hop(&self, from: usize, to: usize) -> bool {
        self.open(from, to) && self.open(to, from)
    }

    /// Collection and distribution work, or there is nothing to send.
    fn transfers(&self, node: usize) -> bool {
        self.spec.encoder.parameter_bits_per_block.0 == 0.0 || self.hop(0, node)
    }
}

/// Most blocks per device; 0 for a device that cannot take part.
pub(crate) fn block_caps(spec: &SlotSpec, cluster: &Cluster) -> Vec<u32> {
    let links = Links { spec, cluster };
    let usable = |k: usize| spec.participation == Participation::All || links.transfers(k + 1);
    let blocks = spec.encoder.blocks;
    let cap = |device| block_cap(spec, cluster, device).min(blocks);
    cluster.devices.iter().enumerate().map(|(k, device)| if usable(k) { cap(device) } else { 0 }).collect()
}

/// What makes one cluster infeasible; empty where some choice of devices, sizes and links is feasible.
pub(crate) fn reasons(spec: &SlotSpec, index: usize, caps: &[u32]) -> Vec<Reason> {
    let cluster = &spec.clusters[index];
    let links = Links { spec, cluster };
    let blocks = spec.encoder.blocks;
    let server = cluster.devices.len() + 1;
    let mut reasons = Vec::new();
    if cluster.upload_bits.0 > 0.0 && !links.open(0, server) {
        reasons.push(Reason::NoLink { cluster: index, from: 0, to: server });
    }
    let fit: u64 = caps.iter().map(|&cap| u64::from(cap)).sum();
    match spec.participation {
        Participation::All => {
            if caps.len() as u64 > u64::from(blocks) {
                reasons.push(Reason::TooManyDevices { cluster: index, devices: caps.len(), blocks });
            }
            let starved = caps.iter().enumerate().filter(|&(_, &cap)| cap == 0);
            reasons.extend(starved.map(|(device, _)| Reason::DeviceMemory { cluster: index, device }));
            if fit < u64::from(blocks) {
                reasons.push(Reason::Memory { cluster: index, fit, blocks });
            }
            let mut needed: Vec<(usize, usize)> = (0..server).map(|node| (node, node + 1)).collect();
            if spec.encoder.parameter_bits_per_block.0 > 0.0 {
                needed.extend((2..server).map(|node| (0, node)));
            }
            for (from, to) in needed {
                // The edge to the server is listed above already where the upload needs it.
                for (from, to) in [(from, to), (to, from)] {
                    let reason = Reason::NoLink { cluster: index, from, to };
                    if !links.open(from, to) && !reasons.contains(&reason) {
                        reasons.push(reason);
                    }
                }
            }
        }
        Participation::Select => {
            if fit < u64::from(blocks) {
                reasons.push(Reason::Memory { cluster: index, fit, blocks });
            } else if most_blocks_on_a_path(&links, caps, blocks) < u64::from(blocks) {
                reasons.push(Reason::NoPath { cluster: index });
            }
        }
    }
    reasons
}

/// What makes given segments of one cluster infeasible; empty where some radio decision is feasible.
pub(crate) fn segment_reasons(spec: &SlotSpec, index: usize, active: &[usize], sizes: &[u32]) -> Vec<Reason> {
    let cluster = &spec.clusters[index];
    let links = Links { spec, cluster };
    let server = cluster.devices.len() + 1;
    let mut reasons = Vec::new();
    for (&device, &size) in active.iter().zip(sizes) {
        let fit = block_cap(spec, cluster, &cluster.devices[device]).min(spec.encoder.blocks);
        if size > fit {
            reasons.push(Reason::SegmentMemory { cluster: index, device, size, fit });
        }
    }
    let tails = std::iter::once(0).chain(active.iter().map(|&k| k + 1));
    let heads = active.iter().map(|&k| k + 1).chain(std::iter::once(server));
    let mut needed: Vec<(usize, usize)> = tails.zip(heads).flat_map(|(i, j)| [(i, j), (j, i)]).collect();
    if spec.encoder.parameter_bits_per_block.0 > 0.0 {
        needed.extend(active.iter().flat_map(|&k| [(0, k + 1), (k + 1, 0)]));
    }
    if cluster.upload_bits.0 > 0.0 {
        needed.push((0, server));
    }
    for (from, to) in needed {
        let reason = Reason::NoLink { cluster: index, from, to };
        if !links.open(from, to) && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

/// Most blocks that fit on the devices of a path of working links with at most L devices.
///
/// A longest path over (last device, devices used); the number of devices matters only where it exceeds L.
fn most_blocks_on_a_path(links: &Links, caps: &[u32], blocks: u32) -> u64 {
    let devices = caps.len();
    // A path that is too long can drop devices only if the links around them work: where L blocks fit on at most L
    // devices, sizes of one and more exist. With more devices than blocks the count is kept.
    let levels = devices.min(blocks as usize);
    let mut best = vec![vec![None::<u64>; devices]; levels + 1];
    let mut most = 0;
    for count in 1..=levels {
        for k in (0..devices).filter(|&k| caps[k] > 0) {
            let before = if count == 1 {
                links.hop(0, k + 1).then_some(0)
            } else {
                (0..k).filter(|&j| links.hop(j + 1, k + 1)).filter_map(|j| best[count - 1][j]).max()
            };
            best[count][k] = before.map(|sum| sum + u64::from(caps[k]));
            if let Some(sum) = best[count][k].filter(|_| links.hop(k + 1, devices + 1)) {
                most = most.max(sum);
            }
        }
    }
    most
}
