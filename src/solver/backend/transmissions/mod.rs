//! The radio problem of given integers, as a list of transmissions and what they share: for the backends that see it
//! whole.

mod point;

pub(super) use point::Point;

use std::f64::consts::LN_2;

use crate::problem::costs::{
    Phase, Transmitter, boundary_bits, compute_energy_per_block, hop_uses, micro_batch, path_node, position_time,
};
use crate::problem::{Cluster, Overlap, Plan, SlotSpec, Transfer};
use crate::solver::backend::{RadioFor, Segments};
use crate::units::Seconds;

/// The band a transmission uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Band {
    /// A part of the shared band with this index, to be decided.
    Shared(usize),
    /// A whole band of this width [Hz].
    Whole(f64),
}

/// Something that is sent, in one direction of one link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transmission {
    pub cluster: usize,
    pub transfer: Transfer,
    /// d: nats sent at a time.
    pub nats: f64,
    /// γ [Hz/W].
    pub gain: f64,
    /// P [W].
    pub max_power: f64,
    /// Times in the cluster's latency: T_n = … + latency_uses·t.
    pub latency_uses: f64,
    /// Price of a second on air without the latency: circuit power.
    pub time_price: f64,
    /// Price of a radiated joule of one use, all uses together.
    pub energy_price: f64,
    pub band: Band,
    /// Index of the pace that the transmission takes part in, and the time that is added to it there [s].
    pub pace: Option<(usize, f64)>,
}

/// A band that transmissions share [Hz].
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedBand {
    pub width: f64,
    /// How many transmissions share it.
    pub sharers: usize,
}

/// The slowest of a phase's stages and hops; present where there is more than one micro-batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub cluster: usize,
    /// The slowest that no radio decision changes [s].
    pub floor: f64,
    /// I (M−1): times in the cluster's latency.
    pub latency_uses: f64,
}

/// The convex problem: all transmissions of all clusters.
///
/// ```text
/// min V·T + Σ_j (a_j t_j + z_j p_j t_j) + constant    subject to  Σ w ≤ W of every shared band,  p_j ≤ P_j,
///     T ≥ constant_n + Σ_j m_j t_j + Σ_c I(M−1) u_c,  u_c ≥ floor_c,  u_c ≥ offset_j + t_j
/// ```
#[derive(Clone, Debug)]
pub(super) struct Radio {
    pub latency_price: f64,
    /// Objective of what the radio does not decide: computing and the plan's penalty.
    pub constant: f64,
    /// Per cluster: latency that the radio does not decide [s].
    pub latency: Vec<f64>,
    /// 2n forward, 2n+1 backward band of cluster n, then the uplink.
    pub bands: Vec<SharedBand>,
    pub paces: Vec<Pace>,
    pub transmissions: Vec<Transmission>,
}

impl Radio {
    /// The integers must fit the problem.
    pub fn new(problem: &SlotSpec, question: &RadioFor) -> Option<Self> {
        let plan = problem.plans.get(question.plan)?;
        let mut radio = Self {
            latency_price: problem.latency_weight,
            constant: plan.penalty,
            latency: Vec::new(),
            bands: Vec::new(),
            paces: Vec::new(),
            transmissions: Vec::new(),
        };
        for (index, (cluster, segments)) in problem.clusters.iter().zip(&question.clusters).enumerate() {
            Builder { problem, plan, cluster, segments, index, radio: &mut radio }.add();
        }
        let uplink = radio.bands.len();
        radio.bands.push(SharedBand { width: problem.uplink.bandwidth_hz.0, sharers: 0 });
        for (index, cluster) in problem.clusters.iter().enumerate() {
            let server = cluster.devices.len() + 1;
            let draft = Draft::once(index, Transfer::Upload, Band::Shared(uplink));
            radio.push(cluster, (0, server), cluster.upload_bits.0, draft);
        }
        Some(radio)
    }

    /// Index of the uplink among the bands.
    pub fn uplink(&self) -> usize {
        self.bands.len() - 1
    }

    /// Adds a transmission from a node of a cluster to another, unless there is nothing to send.
    fn push(&mut self, cluster: &Cluster, (from, to): (usize, usize), bits: f64, draft: Draft) {
        if bits == 0.0 {
            return;
        }
        let Draft { index, transfer, band, uses, latency_uses, pace } = draft;
        if let Band::Shared(index) = band
            && let Some(shared) = self.bands.get_mut(index)
        {
            shared.sharers += 1;
        }
        let node = Transmitter::of(cluster, from);
        self.transmissions.push(Transmission {
            cluster: index,
            transfer,
            nats: bits * LN_2,
            gain: cluster.gain_to_noise_hz_per_w.get(from, to),
            max_power: node.max_power.0,
            latency_uses,
            time_price: uses * node.energy_price * node.circuit_power.0,
            energy_price: uses * node.energy_price / node.amplifier_efficiency,
            band,
            pace,
        });
    }
}

/// How a transmission is used.
#[derive(Clone, Copy)]
struct Draft {
    /// The cluster.
    index: usize,
    transfer: Transfer,
    band: Band,
    /// Times that its energy is spent.
    uses: f64,
    latency_uses: f64,
    pace: Option<(usize, f64)>,
}

impl Draft {
    /// Sent once, without a pace.
    fn once(index: usize, transfer: Transfer, band: Band) -> Self {
        Self { index, transfer, band, uses: 1.0, latency_uses: 1.0, pace: None }
    }
}

/// Adds one cluster.
struct Builder<'a> {
    problem: &'a SlotSpec,
    plan: &'a Plan,
    cluster: &'a Cluster,
    segments: &'a Segments,
    index: usize,
    radio: &'a mut Radio,
}

impl Builder<'_> {
    fn add(mut self) {
        let (cluster, encoder) = (self.cluster, &self.problem.encoder);
        self.radio.latency.push(cluster.fixed_seconds.0);
        self.phase(Phase::Forward);
        self.phase(Phase::Backward);
        for (position, (&k, &size)) in self.segments.active.iter().zip(&self.segments.sizes).enumerate() {
            let Some(device) = cluster.devices.get(k) else { continue };
            let compute = compute_energy_per_block(encoder, cluster, self.plan, device);
            self.radio.constant += device.energy_price * (compute * f64::from(size)).0;
            let bits = (encoder.parameter_bits_per_block * f64::from(size)).0;
            let band = Band::Whole(cluster.bandwidth_hz.0);
            let draft = |transfer| Draft::once(self.index, transfer, band);
            self.radio.push(cluster, (k + 1, 0), bits, draft(Transfer::Collection { position }));
            self.radio.push(cluster, (0, k + 1), bits, draft(Transfer::Distribution { position }));
        }
    }

    fn phase(&mut self, phase: Phase) {
        let (problem, plan, cluster) = (self.problem, self.plan, self.cluster);
        let samples = micro_batch(cluster, plan);
        let iterations = f64::from(plan.local_iterations);
        let segments = (self.segments.active.as_slice(), self.segments.sizes.as_slice());
        let hops = self.segments.active.len() + 1;
        let compute: Vec<Seconds> = (0..=hops)
            .map(|position| position_time(&problem.encoder, cluster, segments, phase, samples, position))
            .collect();
        let hop_latency = cluster.hop_latency_s.0;
        let once: f64 = compute.iter().map(|time| time.0).sum::<f64>() + hops as f64 * hop_latency;
        if let Some(latency) = self.radio.latency.last_mut() {
            *latency += iterations * once;
        }
        // Where sending blocks the stage, only the one stage that sends nothing has a pace of its own.
        let silent = match phase {
            Phase::Forward => compute[hops],
            Phase::Backward => compute[0],
        };
        let overlapped = problem.overlap == Overlap::Full;
        let floor =
            if overlapped { compute.iter().fold(0.0, |slowest: f64, time| slowest.max(time.0)) } else { silent.0 };
        let pace = (plan.micro_batches > 1).then(|| {
            let latency_uses = iterations * f64::from(plan.micro_batches - 1);
            self.radio.paces.push(Pace { cluster: self.index, floor, latency_uses });
            self.radio.paces.len() - 1
        });
        let band = Band::Shared(self.radio.bands.len());
        self.radio.bands.push(SharedBand { width: cluster.bandwidth_hz.0, sharers: 0 });
        let bits = boundary_bits(&problem.encoder, samples).0;
        for hop in 0..hops {
            let node = |position| path_node(cluster, segments.0, position);
            let link = (node(phase.sender(hop)), node(phase.receiver(hop)));
            let blocked = if overlapped { 0.0 } else { compute[phase.sender(hop)].0 };
            let draft = Draft {
                index: self.index,
                transfer: Transfer::Hop { phase, hop },
                band,
                uses: hop_uses(plan),
                latency_uses: iterations,
                pace: pace.map(|pace| (pace, blocked + hop_latency)),
            };
            self.radio.push(cluster, link, bits, draft);
        }
    }
}
