//! Strategies of [proptest](https://docs.rs/proptest) for slot problems and decisions (feature `proptest`).
//!
//! ```
//! use collapipe::problem::evaluate;
//! use collapipe::strategies::{ProblemParameters, problems_with_decisions};
//! use proptest::prelude::*;
//!
//! let parameters = ProblemParameters { clusters: 1..=2, ..ProblemParameters::default() };
//! proptest!(|((problem, decision) in problems_with_decisions(parameters))| {
//!     let evaluation = evaluate(&problem, &decision)?;
//!     prop_assert!(evaluation.feasibility.is_feasible(1e-12));
//! });
//! ```

use std::ops::RangeInclusive;

use nalgebra::DMatrix;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::ground::route::{DeviceId, Route};
use crate::problem::program::{Transmitter, block_cap, block_memory};
use crate::problem::{
    CandidatePlan, Cluster, ClusterDecision, ControlUnit, Decision, Device, EdgeServer, EndStage, EqualBlocks, Gains,
    Link, Overlap, Participation, Phase, Schema, SlotProblem, SlotSpec, Uplink,
};
use crate::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, JoulesPerFlop, Seconds, Watts};

/// Sizes and kinds of the problems of [`slot_problems`].
#[derive(Clone, Debug)]
pub struct ProblemParameters {
    /// N; default 1..=3.
    pub clusters: RangeInclusive<usize>,
    /// K of each cluster; default 1..=5.
    pub devices: RangeInclusive<usize>,
    /// L; default 1..=12. Raised to the largest K where every device must hold a block.
    pub blocks: RangeInclusive<u32>,
    /// Number of candidate plans; default 1..=4.
    pub plans: RangeInclusive<usize>,
    /// Which devices take part; default `None`: either.
    pub participation: Option<Participation>,
    /// Whether stages compute while they send; default `None`: either.
    pub overlap: Option<Overlap>,
}

impl Default for ProblemParameters {
    fn default() -> Self {
        Self { clusters: 1..=3, devices: 1..=5, blocks: 1..=12, plans: 1..=4, participation: None, overlap: None }
    }
}

/// 10^x with x uniform in the range.
fn decades(exponents: RangeInclusive<f64>) -> impl Strategy<Value = f64> {
    exponents.prop_map(|x| 10f64.powf(x))
}

/// Zero in one of six, else [`decades`].
fn decades_or_zero(exponents: RangeInclusive<f64>) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 5 => decades(exponents)]
}

fn end_stage() -> impl Strategy<Value = EndStage> {
    (decades_or_zero(-6.0..=-2.0), decades_or_zero(-6.0..=-2.0)).prop_map(|(forward, backward)| EndStage {
        forward_seconds_per_sample: Seconds(forward),
        backward_seconds_per_sample: Seconds(backward),
    })
}

/// Memory is filled in by [`cluster`], in blocks.
fn device() -> impl Strategy<Value = Device> {
    (
        decades(9.0..=12.0),
        0.1..=1.5,
        decades_or_zero(-12.0..=-9.0),
        decades_or_zero(-5.0..=-1.0),
        decades_or_zero(-5.0..=-1.0),
        decades(-2.0..=1.0),
        decades_or_zero(-3.0..=3.0),
        decades_or_zero(-3.0..=0.0),
        0.05..=1.0,
    )
        .prop_map(|(rate, ratio, joules, stage, block, power, price, circuit, efficiency)| Device {
            forward_flops_per_second: FlopsPerSecond(rate),
            backward_flops_per_second: FlopsPerSecond(rate * ratio),
            joules_per_flop: JoulesPerFlop(joules),
            memory_bytes: Bytes(0.0),
            stage_overhead_s: Seconds(stage),
            block_overhead_s: Seconds(block),
            max_power_w: Watts(power),
            energy_price: price,
            circuit_power_w: Watts(circuit),
            amplifier_efficiency: efficiency,
            ..Device::default()
        })
}

fn control_unit() -> impl Strategy<Value = ControlUnit> {
    (decades(-2.0..=1.0), decades_or_zero(-3.0..=3.0), decades_or_zero(-3.0..=0.0), 0.05..=1.0).prop_map(
        |(power, price, circuit, efficiency)| ControlUnit {
            max_power_w: Watts(power),
            energy_price: price,
            circuit_power_w: Watts(circuit),
            amplifier_efficiency: efficiency,
        },
    )
}

fn encoder(blocks: u32) -> impl Strategy<Value = EqualBlocks> {
    (
        decades(6.0..=11.0),
        0.5..=4.0,
        decades(3.0..=7.0),
        decades_or_zero(4.0..=9.0),
        decades_or_zero(4.0..=9.0),
        decades_or_zero(3.0..=7.0),
    )
        .prop_map(move |(flops, ratio, boundary, parameters, resident, activation)| EqualBlocks {
            blocks,
            forward_flops_per_sample: Flops(flops),
            backward_flops_per_sample: Flops(flops * ratio),
            boundary_bits_per_sample: Bits(boundary),
            parameter_bits_per_block: Bits(parameters),
            resident_bytes_per_block: Bytes(resident),
            activation_bytes_per_sample: Bytes(activation),
        })
}

/// A cluster of `devices` devices whose memories together hold the encoder.
fn cluster(
    devices: usize,
    encoder: EqualBlocks,
    common_batch: u32,
    participation: Participation,
) -> impl Strategy<Value = Cluster> {
    let nodes = devices + 2;
    let blocks = encoder.blocks;
    // Only where devices may be left out may one have no memory for any block.
    let least = u32::from(participation == Participation::All);
    let times = (decades_or_zero(-3.0..=1.0), decades_or_zero(3.0..=10.0), decades_or_zero(-5.0..=-1.0));
    let nodes_data = (control_unit(), decades(-1.0..=2.0), vec(device(), devices));
    let memory = vec((least..=blocks.max(least), 0.01..=0.99), devices);
    let gains = vec(decades(4.0..=11.0), nodes * nodes);
    (1..=4u32, decades(5.0..=8.0), times, end_stage(), end_stage(), nodes_data, memory, gains).prop_map(
        move |(multiple, band, (fixed, upload, hop), embedding, decoder, (unit, server, devices), memory, gains)| {
            let mut cluster = Cluster {
                batch_size: common_batch * multiple,
                bandwidth_hz: Hertz(band),
                fixed_seconds: Seconds(fixed),
                upload_bits: Bits(upload),
                embedding: Some(embedding),
                decoder: Some(decoder),
                hop_latency_s: Seconds(hop).into(),
                control_unit: unit,
                edge_server: EdgeServer { max_power_w: Watts(server), ..EdgeServer::default() },
                devices,
                gain_to_noise_hz_per_w: Gains(DMatrix::from_vec(nodes, nodes, gains)),
                ..Cluster::default()
            };
            let per_block = block_memory(&encoder, &cluster);
            let held: u32 = memory.iter().map(|&(cap, _)| cap).sum();
            let missing = blocks.saturating_sub(held).div_ceil(memory.len() as u32);
            for (device, (cap, rest)) in cluster.devices.iter_mut().zip(memory) {
                device.memory_bytes = Bytes(per_block * (f64::from(cap + missing) + rest));
            }
            cluster
        },
    )
}

fn plan(common_batch: u32) -> impl Strategy<Value = CandidatePlan> {
    let divisors: Vec<u32> = (1..=common_batch).filter(|m| common_batch.is_multiple_of(*m)).collect();
    (1..=4u32, prop::sample::select(divisors), prop_oneof![Just(0.0), -10.0..=10.0]).prop_map(
        |(local_iterations, micro_batches, penalty)| CandidatePlan {
            local_iterations,
            micro_batches,
            penalty,
            ..CandidatePlan::default()
        },
    )
}

fn participation(fixed: Option<Participation>) -> impl Strategy<Value = Participation> {
    let choices = fixed.map_or(vec![Participation::All, Participation::Select], |choice| vec![choice]);
    prop::sample::select(choices)
}

fn overlap(fixed: Option<Overlap>) -> impl Strategy<Value = Overlap> {
    prop::sample::select(fixed.map_or(vec![Overlap::Full, Overlap::None], |choice| vec![choice]))
}

/// Slot problems for which a feasible decision exists, every parameter varied.
///
/// Gains, prices, rates, sizes and overheads range over decades (prices, overheads, hop latencies, memory needs, model
/// and upload sizes may be 0); gains differ by direction and every link exists.
pub fn slot_problems(parameters: ProblemParameters) -> impl Strategy<Value = SlotProblem> {
    let devices = vec(parameters.devices, parameters.clusters);
    let kind = (participation(parameters.participation), overlap(parameters.overlap));
    (devices, parameters.blocks, kind, 1..=32u32)
        .prop_flat_map(move |(devices, blocks, (participation, overlap), common_batch)| {
            let most = devices.iter().max().map_or(1, |&k| k as u32);
            let blocks = if participation == Participation::All { blocks.max(most) } else { blocks };
            let plans = vec(plan(common_batch), parameters.plans.clone());
            (decades(-2.0..=3.0), decades(5.0..=8.0), plans, encoder(blocks)).prop_flat_map(
                move |(latency_weight, uplink, plans, encoder)| {
                    let clusters: Vec<_> =
                        devices.iter().map(|&k| cluster(k, encoder, common_batch, participation)).collect();
                    clusters.prop_map(move |clusters| SlotSpec {
                        schema: Schema::V1,
                        participation,
                        overlap,
                        latency_weight,
                        plans: plans.clone(),
                        encoder: encoder.into(),
                        uplink: Uplink { bandwidth_hz: Hertz(uplink) },
                        clusters,
                        ..SlotSpec::default()
                    })
                },
            )
        })
        .prop_filter_map("problem out of range", |spec| SlotProblem::new(spec).ok())
}

/// The ingredients of a cluster's decision: numbers in [0, 1] for each device, hop and power.
#[derive(Clone, Debug, Default)]
struct Draws {
    /// Fraction of the devices that take part.
    participants: f64,
    /// Per device: rank among the participants, appetite for blocks, power of collection and of distribution.
    devices: Vec<(f64, f64, f64, f64)>,
    /// Per hop, forward and backward: share of the band and power.
    hops: Vec<((f64, f64), (f64, f64))>,
    /// Fractions of the band that are used: forward, backward.
    used: (f64, f64),
    /// Share of the upload band, and power.
    upload: (f64, f64),
}

/// Fraction of a limit; the limit itself in one of six.
fn fraction() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(1.0), 5 => 0.01..=1.0]
}

fn draws(devices: usize) -> impl Strategy<Value = Draws> {
    let unit = || 0.0..=1.0;
    let hop = || (0.01..=1.0, fraction());
    (
        unit(),
        vec((unit(), unit(), fraction(), fraction()), devices),
        vec((hop(), hop()), devices + 1),
        (fraction(), fraction()),
        hop(),
    )
        .prop_map(|(participants, devices, hops, used, upload)| Draws {
            participants,
            devices,
            hops,
            used,
            upload,
        })
}

/// Active devices and their sizes, or `None` if the memories cannot hold the encoder.
fn segments(problem: &SlotProblem, cluster: &Cluster, draws: &Draws) -> Option<(Vec<DeviceId>, Vec<u32>)> {
    let blocks = problem.encoder.blocks();
    // In order of the random rank: (device, cap, appetite).
    let mut ranked: Vec<_> = cluster
        .devices
        .iter()
        .zip(&draws.devices)
        .enumerate()
        .map(|(k, (device, &(rank, appetite, ..)))| {
            (rank, k, block_cap(problem, cluster, device).min(blocks), appetite)
        })
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = match problem.participation {
        Participation::All => ranked.len(),
        Participation::Select => {
            ranked.retain(|&(_, _, cap, _)| cap > 0);
            let most = ranked.len().min(blocks as usize);
            (draws.participants * most as f64).ceil().max(1.0) as usize
        }
    };
    let mut chosen = Vec::new();
    let mut held = 0u64;
    for (_, k, cap, appetite) in ranked {
        let enough = chosen.len() >= wanted
            || (problem.participation == Participation::Select && chosen.len() >= blocks as usize);
        if enough && held >= u64::from(blocks) {
            break;
        }
        held += u64::from(cap);
        chosen.push((k, cap, appetite));
    }
    if held < u64::from(blocks) || chosen.len() > blocks as usize || chosen.iter().any(|&(_, cap, _)| cap == 0) {
        return None;
    }
    let mut left = blocks - chosen.len() as u32;
    let mut sized: Vec<(usize, u32, u32)> = chosen
        .into_iter()
        .map(|(k, cap, appetite)| {
            let more = (appetite * f64::from(left.min(cap - 1))).round() as u32;
            left -= more;
            (k, 1 + more, cap)
        })
        .collect();
    for (_, size, cap) in &mut sized {
        let more = left.min(*cap - *size);
        *size += more;
        left -= more;
    }
    sized.sort_unstable();
    Some(sized.into_iter().map(|(k, size, _)| (DeviceId(k), size)).unzip())
}

/// Shares of `band` proportional to `weights`.
fn links(
    cluster: &Cluster,
    active: &[DeviceId],
    phase: Phase,
    band: Hertz,
    draws: impl Iterator<Item = (f64, f64)> + Clone,
) -> Vec<Option<Link>> {
    let total: f64 = draws.clone().map(|(weight, _)| weight).sum();
    let hops = Route::through(active, cluster.devices.len()).hops();
    hops.zip(draws)
        .map(|((near, far), (weight, power))| {
            let sender = Transmitter::of(cluster, phase.directed(near, far).0);
            Some(Link { bandwidth_hz: band * (weight / total), power_w: sender.max_power * power })
        })
        .collect()
}

fn cluster_decision(
    cluster: &Cluster,
    active: Vec<DeviceId>,
    sizes: Vec<u32>,
    draws: &Draws,
    uplink: Hertz,
) -> ClusterDecision {
    let hops = draws.hops.iter().take(active.len() + 1);
    let (forward, backward) = (cluster.bandwidth_hz * draws.used.0, cluster.bandwidth_hz * draws.used.1);
    let powers = draws.devices.iter().map(|&(_, _, up, down)| (up, down));
    let unit = cluster.control_unit.max_power_w;
    ClusterDecision {
        forward: links(cluster, &active, Phase::Forward, forward, hops.clone().map(|hop| hop.0)),
        backward: links(cluster, &active, Phase::Backward, backward, hops.map(|hop| hop.1)),
        collection_power_w: active
            .iter()
            .zip(powers.clone())
            .map(|(&k, (up, _))| Some(Transmitter::of(cluster, k.node()).max_power * up))
            .collect(),
        distribution_power_w: active.iter().zip(powers).map(|(_, (_, down))| Some(unit * down)).collect(),
        upload: Some(Link { bandwidth_hz: uplink, power_w: unit * draws.upload.1 }),
        active,
        sizes,
        ..ClusterDecision::default()
    }
}

/// Feasible decisions (within rounding, 1e-12) for `problem`, or `None` if participation and memory allow none.
///
/// Plans, active sets, sizes, bandwidths and powers are all random; bands are used in full or in part. Every link that
/// the problem's decisions may need should exist, as in those of [`slot_problems`].
pub fn decisions(problem: &SlotProblem) -> Option<impl Strategy<Value = Decision> + use<>> {
    // Whether segments fit does not depend on the draws.
    for cluster in &problem.clusters {
        let devices = vec![(0.0, 0.0, 0.0, 0.0); cluster.devices.len()];
        segments(problem, cluster, &Draws { devices, ..Draws::default() })?;
    }
    let per_cluster: Vec<_> = problem.clusters.iter().map(|cluster| draws(cluster.devices.len())).collect();
    let problem = problem.clone();
    let strategy = (0..problem.plans.len(), per_cluster, fraction()).prop_filter_map(
        "no segments fit",
        move |(plan, per_cluster, used)| {
            let total: f64 = per_cluster.iter().map(|draws| draws.upload.0).sum();
            let clusters = problem
                .clusters
                .iter()
                .zip(&per_cluster)
                .map(|(cluster, draws)| {
                    let (active, sizes) = segments(&problem, cluster, draws)?;
                    let uplink = problem.uplink.bandwidth_hz * (used * draws.upload.0 / total);
                    Some(cluster_decision(cluster, active, sizes, draws, uplink))
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Decision { plan, clusters })
        },
    );
    Some(strategy)
}

/// A problem of [`slot_problems`] with a feasible decision of [`decisions`].
pub fn problems_with_decisions(parameters: ProblemParameters) -> impl Strategy<Value = (SlotProblem, Decision)> {
    slot_problems(parameters)
        .prop_filter_map("no decision fits", |problem| decisions(&problem).map(|strategy| (problem, strategy)))
        .prop_flat_map(|(problem, strategy)| (Just(problem), strategy))
}
