//! Named problems: feasible of several sizes, infeasible by each constraint, badly scaled, degenerate.

use super::InstanceSize;
use crate::problem::{
    CandidatePlan, Cluster, EndStage, EqualBlocks, Participation, ProblemError, SlotProblem, SlotSpec,
};
use crate::problem::{DeviceId, NodeId};
use crate::solver::Reason;
use crate::units::{Bits, Bytes, Hertz, Seconds, Watts};

/// What an exact solver must say about a problem.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expected {
    /// Some decision satisfies all constraints.
    Feasible,
    /// None does, for exactly these reasons.
    Infeasible(Vec<Reason>),
}

/// A named problem.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CatalogueEntry {
    /// Short and unique, in words joined by hyphens.
    pub name: &'static str,
    /// What is particular about it.
    pub what: &'static str,
    /// The problem.
    pub problem: SlotProblem,
    /// How solving it must end.
    pub expected: Expected,
}

impl CatalogueEntry {
    /// Whether a decision exists.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        self.expected == Expected::Feasible
    }
}

/// All named problems, the same on every machine. None has more than ten devices in a cluster.
///
/// ```
/// let entries = collapipe::instances::catalogue()?;
/// assert!(entries.iter().filter(|entry| entry.is_feasible()).count() >= 30);
/// assert!(entries.iter().filter(|entry| !entry.is_feasible()).count() >= 10);
/// # Ok::<(), collapipe::problem::ProblemError>(())
/// ```
///
/// # Errors
/// None in practice: every entry is a valid problem, as a test checks.
pub fn catalogue() -> Result<Vec<CatalogueEntry>, ProblemError> {
    let drafts = [plain(), degenerate(), badly_scaled(), networks(), infeasible()];
    drafts.into_iter().flatten().map(Draft::build).collect()
}

/// A draw and how it is changed.
struct Draft {
    name: &'static str,
    what: &'static str,
    size: InstanceSize,
    seed: u64,
    change: fn(&mut SlotSpec),
    expected: Expected,
}

impl Draft {
    fn build(self) -> Result<CatalogueEntry, ProblemError> {
        let mut spec = self.size.sample(self.seed)?.into_spec();
        (self.change)(&mut spec);
        let problem = SlotProblem::new(spec)?;
        Ok(CatalogueEntry { name: self.name, what: self.what, problem, expected: self.expected })
    }
}

/// Five devices that share ten blocks, four plans.
const SMALL: InstanceSize =
    InstanceSize { clusters: 1, devices: 5, blocks: 10, plans: 4, participation: Participation::All };
/// The same, with the devices to choose from.
const CHOICE: InstanceSize = InstanceSize { participation: Participation::Select, ..SMALL };
/// Three devices that share six blocks, two plans.
const TINY: InstanceSize =
    InstanceSize { clusters: 1, devices: 3, blocks: 6, plans: 2, participation: Participation::All };

fn feasible(name: &'static str, what: &'static str, size: InstanceSize, seed: u64, change: fn(&mut SlotSpec)) -> Draft {
    Draft { name, what, size, seed, change, expected: Expected::Feasible }
}

fn plain() -> Vec<Draft> {
    let one = InstanceSize { devices: 1, blocks: 4, ..TINY };
    let ten = InstanceSize::default();
    vec![
        feasible("one-device", "the least pipeline: two hops and one segment", one, 11, |_| ()),
        feasible("three-devices", "small enough to enumerate", TINY, 12, |_| ()),
        feasible(
            "three-devices-to-select",
            "small enough to enumerate, devices to choose",
            InstanceSize { participation: Participation::Select, ..TINY },
            13,
            |_| (),
        ),
        feasible("five-devices", "the size most entries start from", SMALL, 14, |_| ()),
        feasible("five-devices-to-select", "the same with devices to choose", CHOICE, 15, |_| ()),
        feasible("ten-devices", "ten devices, 24 blocks, eight plans", ten, 16, |_| ()),
        feasible(
            "ten-devices-to-select",
            "the same with devices to choose",
            InstanceSize { participation: Participation::Select, ..ten },
            17,
            |_| (),
        ),
    ]
}

fn degenerate() -> Vec<Draft> {
    vec![
        feasible("no-energy-price", "energy is free: full power everywhere", SMALL, 21, |spec| {
            each_cluster(spec, |cluster| set_energy_prices(cluster, 0.0));
        }),
        feasible("one-free-device", "one device's energy is free, the others' dear", SMALL, 22, |spec| {
            each_cluster(spec, |cluster| {
                set_energy_prices(cluster, 5.0);
                cluster.devices[1].energy_price = 0.0;
            });
        }),
        feasible("equal-devices", "equal devices and gains: many optima", SMALL, 23, make_equal),
        feasible("equal-devices-to-select", "the same with devices to choose", CHOICE, 23, make_equal),
        feasible(
            "one-block",
            "one block: a single device takes part",
            InstanceSize { blocks: 1, ..CHOICE },
            24,
            |_| (),
        ),
        feasible(
            "as-many-blocks-as-devices",
            "no choice of sizes is left",
            InstanceSize { blocks: 5, ..SMALL },
            25,
            |_| (),
        ),
        feasible("one-micro-batch", "M = 1: nothing is paced", SMALL, 26, |spec| spec.plans.truncate(1)),
        feasible("no-parameters", "segments without bits: nothing to collect or distribute", SMALL, 27, |spec| {
            blocks(spec, |equal| equal.parameter_bits_per_block = Bits(0.0));
        }),
        feasible("no-upload", "nothing to upload", SMALL, 28, |spec| {
            each_cluster(spec, |cluster| cluster.upload_bits = Bits(0.0));
        }),
        feasible(
            "no-constant-times",
            "no overheads, end stages, constant latencies or circuit power",
            SMALL,
            29,
            |spec| {
                each_cluster(spec, remove_constants);
            },
        ),
        feasible("penalties-decide", "plans whose penalties dwarf the rest, some negative", SMALL, 30, |spec| {
            for (index, plan) in spec.plans.iter_mut().enumerate() {
                plan.penalty = if index == 2 { -1e4 } else { 1e4 };
            }
        }),
        feasible("many-iterations", "I = 1000 local iterations", SMALL, 31, |spec| {
            spec.plans = vec![CandidatePlan { local_iterations: 1000, micro_batches: 8, ..CandidatePlan::default() }];
        }),
    ]
}

fn badly_scaled() -> Vec<Draft> {
    vec![
        feasible("gains-over-ten-decades", "neighbouring links differ by ten decades", SMALL, 41, |spec| {
            scale_gains(spec, |from, to| 10f64.powi((3 * from + 5 * to) as i32 % 11 - 5));
        }),
        feasible("gains-differ-by-direction", "forward a thousand times the backward gain", SMALL, 42, |spec| {
            scale_gains(spec, |from, to| if from < to { 30.0 } else { 0.03 });
        }),
        feasible("tiny-signal-to-noise-ratio", "ratios near 1e-5: bandwidth hardly helps", SMALL, 43, |spec| {
            scale_gains(spec, |_, _| 1e-6);
        }),
        feasible("low-signal-to-noise-ratio", "ratios near 1e-2", SMALL, 44, |spec| scale_gains(spec, |_, _| 1e-3)),
        feasible("huge-signal-to-noise-ratio", "ratios near 1e13: power hardly helps", SMALL, 45, |spec| {
            scale_gains(spec, |_, _| 1e12);
        }),
        feasible("one-starved-link", "one link a million times worse than the others", SMALL, 46, |spec| {
            scale_gains(spec, |from, to| if from.min(to) == 2 && from.max(to) == 3 { 1e-6 } else { 1.0 });
        }),
        feasible("prices-over-ten-decades", "energy prices from 1e-5 to 1e5", SMALL, 47, |spec| {
            each_cluster(spec, |cluster| {
                for (device, price) in cluster.devices.iter_mut().zip([1e-5, 1e5, 1e-2, 1e2, 1.0]) {
                    device.energy_price = price;
                }
            });
        }),
        feasible("latency-is-nearly-free", "V = 1e-6: slow and frugal", SMALL, 48, |spec| spec.latency_weight = 1e-6),
        feasible("latency-is-all", "V = 1e8: energy does not matter", SMALL, 49, |spec| spec.latency_weight = 1e8),
        feasible("tiny-messages", "a thousandth of a bit per boundary", SMALL, 50, |spec| {
            blocks(spec, |equal| equal.boundary_bits_per_sample = Bits(1e-3));
        }),
        feasible("huge-messages", "a terabit per boundary and sample", SMALL, 51, |spec| {
            blocks(spec, |equal| equal.boundary_bits_per_sample = Bits(1e12));
        }),
        feasible("slow-messages", "constant latencies of 100 s dwarf the transmissions", SMALL, 52, |spec| {
            each_cluster(spec, |cluster| cluster.hop_latency_s = Seconds(100.0).into());
        }),
        feasible("powers-over-eight-decades", "largest powers from 1e-6 to 100 W", SMALL, 53, |spec| {
            each_cluster(spec, |cluster| {
                for (device, power) in cluster.devices.iter_mut().zip([1e-6, 1e2, 1e-3, 1.0, 1e-1]) {
                    device.max_power_w = Watts(power);
                }
            });
        }),
    ]
}

fn networks() -> Vec<Draft> {
    let two = InstanceSize { clusters: 2, ..TINY };
    vec![
        feasible("two-clusters", "both latencies matter", two, 61, |_| ()),
        feasible(
            "two-clusters-to-select",
            "the same with devices to choose",
            InstanceSize { participation: Participation::Select, ..two },
            62,
            |_| (),
        ),
        feasible(
            "three-clusters",
            "three clusters of four devices",
            InstanceSize { clusters: 3, devices: 4, blocks: 8, ..TINY },
            63,
            |_| (),
        ),
        feasible("four-clusters", "four clusters of three devices", InstanceSize { clusters: 4, ..TINY }, 64, |_| ()),
        feasible("two-equal-clusters", "equal clusters: half the weight each", two, 65, |spec| {
            let first = spec.clusters[0].clone();
            spec.clusters.fill(first);
        }),
        feasible("one-slow-cluster", "the other cluster has time and saves energy", two, 66, |spec| {
            spec.clusters[0].fixed_seconds = Seconds(300.0);
        }),
        feasible("one-of-two-uploads", "the uplink serves one cluster only", two, 67, |spec| {
            spec.clusters[1].upload_bits = Bits(0.0);
        }),
        feasible("narrow-uplink", "uploads take most of the round", two, 68, |spec| {
            spec.uplink.bandwidth_hz = Hertz(1e5)
        }),
    ]
}

fn infeasible() -> Vec<Draft> {
    let draft = |name, what, size, seed, change, reasons| Draft {
        name,
        what,
        size,
        seed,
        change,
        expected: Expected::Infeasible(reasons),
    };
    let no_link = |cluster, from, to| Reason::NoLink { cluster, from: NodeId(from), to: NodeId(to) };
    vec![
        draft(
            "memory-of-all",
            "the devices hold five of ten blocks",
            SMALL,
            71,
            |spec| set_memory(spec, |_| 1.5),
            vec![Reason::Memory { cluster: 0, fit: 5, blocks: 10 }],
        ),
        draft(
            "memory-of-all-to-select",
            "the same with devices to choose",
            CHOICE,
            71,
            |spec| set_memory(spec, |_| 1.5),
            vec![Reason::Memory { cluster: 0, fit: 5, blocks: 10 }],
        ),
        draft(
            "one-device-without-memory",
            "participation all, and one device holds no block",
            SMALL,
            72,
            |spec| set_memory(spec, |device| if device == 3 { 0.5 } else { 10.5 }),
            vec![Reason::DeviceMemory { cluster: 0, device: DeviceId(3) }],
        ),
        draft(
            "more-devices-than-blocks",
            "participation all, five devices, four blocks",
            SMALL,
            73,
            |spec| blocks(spec, |equal| equal.blocks = 4),
            vec![Reason::TooManyDevices { cluster: 0, devices: 5, blocks: 4 }],
        ),
        draft(
            "no-hop-forward",
            "the second device does not reach the third",
            SMALL,
            74,
            |spec| cut(spec, 2, 3),
            vec![no_link(0, 2, 3)],
        ),
        draft(
            "no-hop-backward",
            "the third device does not reach the second",
            SMALL,
            75,
            |spec| cut(spec, 3, 2),
            vec![no_link(0, 3, 2)],
        ),
        draft(
            "no-collection",
            "the fourth device does not reach the control unit",
            SMALL,
            76,
            |spec| cut(spec, 4, 0),
            vec![no_link(0, 4, 0)],
        ),
        draft(
            "no-upload-link",
            "the control unit does not reach the edge server",
            CHOICE,
            77,
            |spec| cut(spec, 0, 6),
            vec![no_link(0, 0, 6)],
        ),
        draft(
            "no-path",
            "no device reaches the edge server",
            CHOICE,
            78,
            |spec| (1..=5).for_each(|node| cut(spec, node, 6)),
            vec![Reason::NoPath { cluster: 0 }],
        ),
        draft(
            "no-path-that-holds-all-blocks",
            "every path to the edge server is too small",
            CHOICE,
            79,
            |spec| {
                set_memory(spec, |_| 2.5);
                (1..=4).for_each(|node| cut(spec, node, 5));
            },
            vec![Reason::NoPath { cluster: 0 }],
        ),
        draft(
            "two-reasons-in-a-network",
            "one cluster lacks memory, the other a link",
            InstanceSize { clusters: 2, ..TINY },
            80,
            |spec| {
                set_memory(spec, |_| 1.5);
                cut(spec, 1, 2);
                spec.clusters.reverse();
                let need = block_bytes(spec);
                spec.clusters[0].devices.iter_mut().for_each(|device| device.memory_bytes = Bytes(6.5 * need));
            },
            vec![Reason::Memory { cluster: 1, fit: 3, blocks: 6 }, no_link(1, 1, 2)],
        ),
    ]
}

fn each_cluster(spec: &mut SlotSpec, change: impl Fn(&mut Cluster)) {
    spec.clusters.iter_mut().for_each(change);
}

fn set_energy_prices(cluster: &mut Cluster, price: f64) {
    cluster.control_unit.energy_price = price;
    cluster.devices.iter_mut().for_each(|device| device.energy_price = price);
}

fn make_equal(spec: &mut SlotSpec) {
    each_cluster(spec, |cluster| {
        let first = cluster.devices[0].clone();
        cluster.devices.fill(first);
        cluster.gain_to_noise_hz_per_w.0.fill(1e9);
    });
}

/// Changes the blocks, which are equal in all these problems.
fn blocks(spec: &mut SlotSpec, change: impl FnOnce(&mut EqualBlocks)) {
    if let Some(equal) = spec.encoder.equal_mut() {
        change(equal);
    }
}

fn remove_constants(cluster: &mut Cluster) {
    let nothing = Some(EndStage::default());
    (cluster.embedding, cluster.decoder) = (nothing, nothing);
    cluster.fixed_seconds = Seconds(0.0);
    cluster.hop_latency_s = Seconds(0.0).into();
    cluster.control_unit.circuit_power_w = Watts(0.0);
    for device in &mut cluster.devices {
        device.stage_overhead_s = Seconds(0.0);
        device.block_overhead_s = Seconds(0.0);
        device.circuit_power_w = Watts(0.0);
    }
}

/// Multiplies every gain by a factor of (from, to).
fn scale_gains(spec: &mut SlotSpec, factor: impl Fn(usize, usize) -> f64) {
    for cluster in &mut spec.clusters {
        let gains = &mut cluster.gain_to_noise_hz_per_w.0;
        for to in 0..gains.ncols() {
            for from in 0..gains.nrows() {
                gains[(from, to)] *= factor(from, to);
            }
        }
    }
}

/// Removes a link of the first cluster, one way.
fn cut(spec: &mut SlotSpec, from: usize, to: usize) {
    spec.clusters[0].gain_to_noise_hz_per_w.0[(from, to)] = 0.0;
}

/// Memory a block needs in the first cluster.
fn block_bytes(spec: &SlotSpec) -> f64 {
    crate::problem::program::block_memory(&spec.encoder.mean_block(), &spec.clusters[0])
}

/// Memory of the first cluster's devices, in blocks.
fn set_memory(spec: &mut SlotSpec, blocks: impl Fn(usize) -> f64) {
    let need = block_bytes(spec);
    for (index, device) in spec.clusters[0].devices.iter_mut().enumerate() {
        device.memory_bytes = Bytes(blocks(index) * need);
    }
}
