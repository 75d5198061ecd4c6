//! One cluster under one plan at a price V of its latency: what every choice of devices and sizes costs.
//!
//! The cost is V·T + Σ Z·E without the upload (which couples the clusters) and without the plan's penalty.

pub(crate) mod active;
pub(crate) mod assemble;
pub(crate) mod domain;
pub(crate) mod equal;
pub(crate) mod prepared;
pub(crate) mod rule;
pub(crate) mod segments;
pub(crate) mod select;
pub(crate) mod single;

pub(crate) use domain::Domain;
pub use domain::Segments;

use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::{DeviceId, NodeId};
use crate::ground::units::Seconds;
use crate::problem::program::{ClusterProgram, PlanProgram, Transmission};
use crate::problem::{CandidatePlan, Cluster, SlotSpec};
use crate::solver::cluster::active::Found;
use crate::solver::cluster::segments::Stage;
use crate::solver::hop::phase::{PhaseRadio, Scratch, Solved};
use crate::solver::hop::{Hop, whole_band_efficiency};

/// Moving one block between a device and the control unit, on the whole band.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockTransfer {
    /// Transmit power [W].
    pub power: f64,
    /// Time on air per block [s].
    pub time: f64,
    /// Objective units per block, latency included.
    pub cost: f64,
    /// d time/d ln V [s].
    pub time_by_weight: f64,
    /// What a segment takes besides its bits, however many blocks it has [s].
    pub message: f64,
}

impl BlockTransfer {
    /// The cheapest way to send a block's parameters at a latency price V.
    fn new(sent: &Transmission, band: f64, price: f64) -> Self {
        let (nats, max_power) = (sent.nats(), sent.transmitter.max_power.0);
        if nats == 0.0 {
            return Self { power: max_power, ..Self::default() };
        }
        let (time_price, energy_price) = (sent.time_price(price), sent.energy_price());
        let (s, by_price) = whole_band_efficiency(time_price, energy_price, sent.gain, band, max_power);
        let power = (band / sent.gain * s.exp_m1()).min(max_power);
        let time = nats / (band * s);
        Self {
            power,
            time,
            cost: (time_price + energy_price * power) * time,
            time_by_weight: -time * by_price * (price / time_price),
            message: (sent.overhead + sent.latency).0,
        }
    }
}

/// A cluster at a latency price: what does not depend on the plan.
#[derive(Clone, Debug)]
pub(crate) struct PricedCluster<'a> {
    pub program: ClusterProgram<'a>,
    /// V [objective units per second].
    pub price: f64,
    /// Per device.
    pub collection: Vec<BlockTransfer>,
    pub distribution: Vec<BlockTransfer>,
}

impl<'a> PricedCluster<'a> {
    pub fn new(spec: &'a SlotSpec, cluster: &'a Cluster, price: f64) -> Self {
        let program = ClusterProgram::new(spec, cluster);
        let each = |sent: fn(&ClusterProgram<'a>, DeviceId, u32) -> Transmission| {
            DeviceId::all(cluster.devices.len())
                .map(|device| BlockTransfer::new(&sent(&program, device, 1), cluster.bandwidth_hz.0, price))
                .collect()
        };
        Self {
            program,
            price,
            collection: each(ClusterProgram::collection),
            distribution: each(ClusterProgram::distribution),
        }
    }

    /// L.
    pub fn blocks(&self) -> u32 {
        self.program.spec.encoder.blocks()
    }
}

/// A priced cluster under one of the plans.
#[derive(Clone, Debug)]
pub(crate) struct PlannedCluster<'a> {
    pub at: &'a PricedCluster<'a>,
    pub program: PlanProgram<'a>,
    /// Stage data of every device, with the most blocks it may hold.
    pub stages: Vec<Stage>,
    /// The slower end stage [s].
    pub bases: PerPhase<f64>,
    /// Cost of what no choice changes.
    constant: f64,
}

impl<'a> PlannedCluster<'a> {
    pub fn new(at: &'a PricedCluster<'a>, plan: &'a CandidatePlan, domain: &Domain) -> Self {
        let program = at.program.under(plan);
        let cluster = at.program.cluster;
        let iterations = program.pacing.sum_uses();
        let ends = PerPhase::from_fn(|phase| (program.embedding_time(phase).0, program.decoder_time(phase).0));
        let stages = cluster.devices.iter().enumerate().map(|(k, device)| {
            let per_block = PerPhase::from_fn(|phase| program.block_time(phase, device).0);
            let compute = program.compute_energy_per_block(device).0 * device.energy_price;
            Stage {
                overhead: device.stage_overhead_s.0,
                per_block,
                cost: at.price * iterations * per_block.sum()
                    + compute
                    + at.collection[k].cost
                    + at.distribution[k].cost,
                low: domain.low[k].max(1),
                high: domain.high[k],
            }
        });
        let upload = at.program.upload();
        let message = (upload.overhead + upload.latency).0;
        let ends_sum = ends.forward.0 + ends.forward.1 + ends.backward.0 + ends.backward.1;
        Self {
            at,
            program,
            stages: stages.collect(),
            bases: ends.map(|(embedding, decoder)| embedding.max(decoder)),
            constant: at.price * (cluster.fixed_seconds.0 + message + iterations * ends_sum),
        }
    }

    /// What the plan costs by itself.
    pub fn penalty(&self) -> f64 {
        self.program.at.spec.plan_cost(self.program.plan)
    }

    /// What a micro-batch waits on a hop besides its time on air [s].
    fn hop_seconds(&self) -> f64 {
        (self.program.hop_latency() + self.program.hop_delay()).0
    }

    /// What segments of these devices take to be sent besides their bits [s].
    fn messages(&self, active: &[DeviceId]) -> f64 {
        active.iter().map(|&k| self.at.collection[k.0].message + self.at.distribution[k.0].message).sum()
    }

    /// Cost of what the active devices alone decide: overheads of their stages, constant latencies of the hops.
    pub fn constant(&self, active: &[DeviceId]) -> f64 {
        let overheads: f64 = active.iter().map(|&k| self.stages[k.0].overhead).sum();
        let hops = (active.len() + 1) as f64 * self.hop_seconds();
        let repeated = self.program.pacing.sum_uses() * 2.0 * (overheads + hops);
        self.constant + self.at.price * (repeated + self.messages(active))
    }

    /// The transmission between two nodes in one of the phases (`near` is nearer to the control unit).
    pub fn hop(&self, phase: Phase, near: NodeId, far: NodeId) -> Hop {
        let sent = self.program.hop(phase, near, far);
        let max_power = sent.transmitter.max_power.0;
        Hop::new(sent.nats(), sent.gain, max_power, sent.time_price(self.at.price), sent.energy_price())
    }

    /// A phase's radio problem without hops.
    pub fn radio(&self) -> PhaseRadio {
        let price = self.program.pacing.pace_price(self.at.price);
        PhaseRadio::new(self.at.program.cluster.bandwidth_hz.0, price, self.program.hop_latency().0)
    }

    /// Sets up a phase's radio problem on the path through the active devices.
    pub fn set_radio(&self, radio: &mut PhaseRadio, phase: Phase, active: &[DeviceId]) {
        radio.reset(self.radio());
        for (near, far) in self.at.program.route(active).hops() {
            radio.push(self.hop(phase, near, far));
        }
    }

    /// Latency of a choice whose phases are solved, without the upload [s].
    pub fn latency(&self, choice: &Segments, phases: &PerPhase<Solved>) -> f64 {
        let mut once = self.messages(&choice.active);
        let mut repeated = 0.0;
        for (k, size) in choice.each() {
            let (stage, size) = (&self.stages[k.0], f64::from(size));
            once += size * (self.at.collection[k.0].time + self.at.distribution[k.0].time);
            repeated += 2.0 * stage.overhead + size * stage.per_block.sum();
        }
        let constant = 2.0 * (choice.active.len() + 1) as f64 * self.hop_seconds();
        let hops = constant + phases.forward.time + phases.backward.time;
        // A pace counts only where there is one.
        let pace = phases.forward.prices.pace + phases.backward.prices.pace;
        let repeated = self.program.pacing.latency(Seconds(repeated + hops), Seconds(pace));
        self.constant / self.at.price + once + repeated.0
    }

    /// d latency/d ln V of a choice whose phases are solved, at most 0 [s].
    pub fn latency_by_weight(&self, found: &Found, radios: PerPhase<&PhaseRadio>, scratch: &mut Scratch) -> f64 {
        let (at, pacing) = (self.at, self.program.pacing);
        let weight = pacing.sum_uses() * at.price;
        let transfers = found.choice.each().map(|(k, size)| {
            f64::from(size) * (at.collection[k.0].time_by_weight + at.distribution[k.0].time_by_weight)
        });
        let transfers: f64 = transfers.sum();
        let phases = radios
            .zip(found.phases.as_ref())
            .map(|(radio, solved)| radio.time_by_weight(solved, weight, pacing.repeats(), scratch));
        (transfers + pacing.sum_uses() * phases.sum()).min(0.0)
    }
}
