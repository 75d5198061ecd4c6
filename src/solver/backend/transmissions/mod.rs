//! The radio problem of given integers, as a list of transmissions and what they share: for the backends that see it
//! whole.

mod point;

pub(super) use point::RadioPoint;

use crate::ground::phase::Phase;
use crate::ground::route::Route;
use crate::ground::units::Seconds;
use crate::problem::program::{ClusterProgram, PlanProgram, Transmission};
use crate::problem::{SlotSpec, Transfer};
use crate::solver::backend::{RadioFor, Segments};

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
pub(super) struct RadioUse {
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
pub(super) struct RadioProgram {
    pub latency_price: f64,
    /// Objective of what the radio does not decide: computing and the plan's penalty.
    pub constant: f64,
    /// Per cluster: latency that the radio does not decide [s].
    pub latency: Vec<f64>,
    /// 2n forward, 2n+1 backward band of cluster n, then the uplink.
    pub bands: Vec<SharedBand>,
    pub paces: Vec<Pace>,
    pub transmissions: Vec<RadioUse>,
}

impl RadioProgram {
    /// The integers must fit the problem.
    pub fn new(problem: &SlotSpec, question: &RadioFor) -> Option<Self> {
        let plan = problem.plans.get(question.plan)?;
        let mut radio = Self {
            latency_price: problem.latency_weight,
            constant: problem.plan_cost(plan),
            latency: Vec::new(),
            bands: Vec::new(),
            paces: Vec::new(),
            transmissions: Vec::new(),
        };
        let programs = problem.clusters.iter().map(|cluster| ClusterProgram::new(problem, cluster));
        for (index, (program, segments)) in programs.clone().zip(&question.clusters).enumerate() {
            let (program, route) = (program.under(plan), program.route(&segments.active));
            Builder { program, route, segments, index, radio: &mut radio }.add();
        }
        let uplink = radio.bands.len();
        radio.bands.push(SharedBand { width: problem.uplink.bandwidth_hz.0, sharers: 0 });
        for (index, program) in programs.enumerate() {
            radio.push(index, Transfer::Upload, &program.upload(), Band::Shared(uplink), None);
        }
        Some(radio)
    }

    /// Index of the uplink among the bands.
    pub fn uplink(&self) -> usize {
        self.bands.len() - 1
    }

    /// Adds a transmission of a cluster, unless there is nothing to send.
    fn push(
        &mut self,
        cluster: usize,
        transfer: Transfer,
        sent: &Transmission,
        band: Band,
        pace: Option<(usize, f64)>,
    ) {
        if sent.bits.0 == 0.0 {
            return;
        }
        if let Band::Shared(index) = band
            && let Some(shared) = self.bands.get_mut(index)
        {
            shared.sharers += 1;
        }
        self.transmissions.push(RadioUse {
            cluster,
            transfer,
            nats: sent.nats(),
            gain: sent.gain,
            max_power: sent.transmitter.max_power.0,
            latency_uses: sent.latency_uses,
            time_price: sent.circuit_price(),
            energy_price: sent.energy_price(),
            band,
            pace,
        });
    }
}

/// Adds one cluster.
struct Builder<'a> {
    program: PlanProgram<'a>,
    route: Route<'a>,
    segments: &'a Segments,
    index: usize,
    radio: &'a mut RadioProgram,
}

impl Builder<'_> {
    fn add(mut self) {
        let program = self.program;
        let cluster = program.at.cluster;
        self.radio.latency.push(cluster.fixed_seconds.0);
        self.phase(Phase::Forward);
        self.phase(Phase::Backward);
        for (position, (k, size)) in self.segments.each().enumerate() {
            let Some(device) = cluster.devices.get(k.0) else { continue };
            let compute = program.compute_energy_per_block(device);
            self.radio.constant += device.energy_price * (compute * f64::from(size)).0;
            let band = Band::Whole(cluster.bandwidth_hz.0);
            let (collection, distribution) = (program.at.collection(k, size), program.at.distribution(k, size));
            self.radio.push(self.index, Transfer::Collection { position }, &collection, band, None);
            self.radio.push(self.index, Transfer::Distribution { position }, &distribution, band, None);
        }
    }

    fn phase(&mut self, phase: Phase) {
        let (program, pacing) = (self.program, self.program.pacing);
        let compute: Vec<f64> =
            program.stage_times(phase, self.route, &self.segments.sizes).map(|time| time.0).collect();
        let hop_latency = program.hop_latency().0;
        let once: f64 = compute.iter().sum::<f64>() + self.route.hop_count() as f64 * hop_latency;
        if let Some(latency) = self.radio.latency.last_mut() {
            *latency += pacing.sum_uses() * once;
        }
        // Where sending blocks the stage, only the one stage that sends nothing has a pace of its own.
        let floor = if pacing.is_blocking() {
            program.silent_time(phase, self.route, &self.segments.sizes).0
        } else {
            compute.iter().fold(0.0, |slowest: f64, &time| slowest.max(time))
        };
        let pace = pacing.is_paced().then(|| {
            self.radio.paces.push(Pace { cluster: self.index, floor, latency_uses: pacing.pace_uses() });
            self.radio.paces.len() - 1
        });
        let band = Band::Shared(self.radio.bands.len());
        self.radio.bands.push(SharedBand { width: program.at.cluster.bandwidth_hz.0, sharers: 0 });
        for (hop, (near, far)) in self.route.hops().enumerate() {
            let sender = phase.directed(hop, hop + 1).0;
            let blocked = pacing.blocked(Seconds(compute[sender])).0;
            let pace = pace.map(|pace| (pace, blocked + hop_latency));
            self.radio.push(self.index, Transfer::Hop { phase, hop }, &program.hop(phase, near, far), band, pace);
        }
    }
}
