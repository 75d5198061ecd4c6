//! One cluster under one plan at a price V of its latency: what every choice of devices and sizes costs.
//!
//! The cost is V·T + Σ Z·E without the upload (which couples the clusters) and without the plan's penalty.

pub(crate) mod active;
pub(crate) mod assemble;
pub(crate) mod prepared;
pub(crate) mod segments;
pub(crate) mod select;
pub(crate) mod single;

use crate::problem::costs::{
    Phase, Transmitter, block_time, boundary_bits, compute_energy_per_block, end_stage_time, hop_uses, micro_batch,
};
use crate::problem::{Cluster, Plan, SlotSpec};
use crate::solver::cluster::active::Found;
use crate::solver::cluster::segments::Stage;
use crate::solver::hop::phase::{Radio, Scratch, Solved};
use crate::solver::hop::{Hop, whole_band_efficiency};
use std::f64::consts::LN_2;

/// Devices that take part and their sizes, under a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    pub active: Vec<usize>,
    pub sizes: Vec<u32>,
}

/// Fewest and most blocks of every device; fewest 0 means that it may stay out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Domain {
    pub low: Vec<u32>,
    pub high: Vec<u32>,
}

impl Domain {
    /// The active set, where the domain leaves only one.
    pub fn only_active(&self) -> Option<Vec<usize>> {
        let free = self.low.iter().zip(&self.high).any(|(&low, &high)| low == 0 && high > 0);
        (!free).then(|| (0..self.low.len()).filter(|&k| self.low[k] > 0).collect())
    }

    /// Whether a choice made for another problem is one of this domain's, with a path of working links.
    pub fn holds(&self, choice: &Choice, spec: &SlotSpec, cluster: &Cluster) -> bool {
        let Choice { active, sizes } = choice;
        let within =
            |(&k, &size): (&usize, &u32)| k < self.high.len() && (self.low[k].max(1)..=self.high[k]).contains(&size);
        let mandatory = (0..self.low.len()).filter(|&k| self.low[k] > 0).all(|k| active.binary_search(&k).is_ok());
        let blocks: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
        let gains = &cluster.gain_to_noise_hz_per_w;
        let heads = active.iter().map(|&k| k + 1).chain([cluster.devices.len() + 1]);
        let open = |(from, to)| gains.get(from, to) > 0.0 && gains.get(to, from) > 0.0;
        active.iter().zip(sizes).all(within)
            && mandatory
            && blocks == u64::from(spec.encoder.blocks)
            && std::iter::once(0).chain(active.iter().map(|&k| k + 1)).zip(heads).all(open)
    }
}

/// Moving one block between a device and the control unit, on the whole band.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Transfer {
    /// Transmit power [W].
    pub power: f64,
    /// Time on air per block [s].
    pub time: f64,
    /// Objective units per block, latency included.
    pub cost: f64,
    /// d time/d ln V [s].
    pub time_by_weight: f64,
}

/// A cluster at a latency price: what does not depend on the plan.
#[derive(Clone, Debug)]
pub(crate) struct PricedCluster<'a> {
    pub spec: &'a SlotSpec,
    pub cluster: &'a Cluster,
    /// V [objective units per second].
    pub price: f64,
    /// Per device.
    pub collection: Vec<Transfer>,
    pub distribution: Vec<Transfer>,
}

impl<'a> PricedCluster<'a> {
    pub fn new(spec: &'a SlotSpec, cluster: &'a Cluster, price: f64) -> Self {
        let transfer = |from: usize, to: usize| {
            let node = Transmitter::of(cluster, from);
            let (gain, band, max_power) =
                (cluster.gain_to_noise_hz_per_w.get(from, to), cluster.bandwidth_hz.0, node.max_power.0);
            let nats = spec.encoder.parameter_bits_per_block.0 * LN_2;
            if nats == 0.0 {
                return Transfer { power: max_power, ..Transfer::default() };
            }
            let time_price = price + node.energy_price * node.circuit_power.0;
            let energy_price = node.energy_price / node.amplifier_efficiency;
            let (s, by_price) = whole_band_efficiency(time_price, energy_price, gain, band, max_power);
            let power = (band / gain * s.exp_m1()).min(max_power);
            let time = nats / (band * s);
            Transfer {
                power,
                time,
                cost: (time_price + energy_price * power) * time,
                time_by_weight: -time * by_price * (price / time_price),
            }
        };
        let devices = cluster.devices.len();
        Self {
            spec,
            cluster,
            price,
            collection: (1..=devices).map(|node| transfer(node, 0)).collect(),
            distribution: (1..=devices).map(|node| transfer(0, node)).collect(),
        }
    }
}

/// A priced cluster under one of the plans.
#[derive(Clone, Debug)]
pub(crate) struct PlannedCluster<'a> {
    pub at: &'a PricedCluster<'a>,
    pub plan: &'a Plan,
    /// Stage data of every device, with the most blocks it may hold.
    pub stages: Vec<Stage>,
    /// The slower end stage, forward and backward [s].
    pub bases: (f64, f64),
    /// Cost of what no choice changes.
    constant: f64,
    /// Nats per message.
    nats: f64,
}

impl<'a> PlannedCluster<'a> {
    pub fn new(at: &'a PricedCluster<'a>, plan: &'a Plan, domain: &Domain) -> Self {
        let (spec, cluster) = (at.spec, at.cluster);
        let samples = micro_batch(cluster, plan);
        let iterations = f64::from(plan.local_iterations);
        let ends = |phase| {
            (end_stage_time(&cluster.embedding, phase, samples).0, end_stage_time(&cluster.decoder, phase, samples).0)
        };
        let (forward, backward) = (ends(Phase::Forward), ends(Phase::Backward));
        let stages = cluster.devices.iter().enumerate().map(|(k, device)| {
            let forward = block_time(&spec.encoder, device, Phase::Forward, samples).0;
            let backward = block_time(&spec.encoder, device, Phase::Backward, samples).0;
            let compute = compute_energy_per_block(&spec.encoder, cluster, plan, device).0 * device.energy_price;
            Stage {
                overhead: device.stage_overhead_s.0,
                forward,
                backward,
                cost: at.price * iterations * (forward + backward)
                    + compute
                    + at.collection[k].cost
                    + at.distribution[k].cost,
                low: domain.low[k].max(1),
                high: domain.high[k],
            }
        });
        let ends = forward.0 + forward.1 + backward.0 + backward.1;
        Self {
            at,
            plan,
            stages: stages.collect(),
            bases: (forward.0.max(forward.1), backward.0.max(backward.1)),
            constant: at.price * (cluster.fixed_seconds.0 + iterations * ends),
            nats: boundary_bits(&spec.encoder, samples).0 * LN_2,
        }
    }

    /// Cost of what the active devices alone decide: overheads of their stages, constant latencies of the hops.
    pub fn constant(&self, active: &[usize]) -> f64 {
        let overheads: f64 = active.iter().map(|&k| self.stages[k].overhead).sum();
        let hops = (active.len() + 1) as f64 * self.at.cluster.hop_latency_s.0;
        self.constant + self.at.price * f64::from(self.plan.local_iterations) * 2.0 * (overheads + hops)
    }

    /// The transmission between two nodes in one of the phases (`from` is nearer to the control unit).
    pub fn hop(&self, phase: Phase, from: usize, to: usize) -> Hop {
        let (sender, receiver) = match phase {
            Phase::Forward => (from, to),
            Phase::Backward => (to, from),
        };
        let node = Transmitter::of(self.at.cluster, sender);
        let gain = self.at.cluster.gain_to_noise_hz_per_w.get(sender, receiver);
        let (iterations, uses) = (f64::from(self.plan.local_iterations), hop_uses(self.plan));
        let time_price = iterations * self.at.price + uses * node.energy_price * node.circuit_power.0;
        Hop::new(self.nats, gain, node.max_power.0, time_price, uses * node.energy_price / node.amplifier_efficiency)
    }

    /// A phase's radio problem without hops.
    pub fn radio(&self) -> Radio {
        let price = self.at.price * f64::from(self.plan.local_iterations) * f64::from(self.plan.micro_batches - 1);
        Radio::new(self.at.cluster.bandwidth_hz.0, price, self.at.cluster.hop_latency_s.0)
    }

    /// Sets up a phase's radio problem on the path through the active devices.
    pub fn set_radio(&self, radio: &mut Radio, phase: Phase, active: &[usize]) {
        radio.reset(self.radio());
        let mut from = 0;
        for to in active.iter().map(|&k| k + 1).chain([self.at.cluster.devices.len() + 1]) {
            radio.push(self.hop(phase, from, to));
            from = to;
        }
    }

    /// Latency of a choice whose phases are solved, without the upload [s].
    pub fn latency(&self, choice: &Choice, forward: &Solved, backward: &Solved) -> f64 {
        let iterations = f64::from(self.plan.local_iterations);
        let cluster = self.at.cluster;
        let mut once = 0.0;
        let mut repeated = 0.0;
        for (&k, &size) in choice.active.iter().zip(&choice.sizes) {
            let (stage, size) = (&self.stages[k], f64::from(size));
            once += size * (self.at.collection[k].time + self.at.distribution[k].time);
            repeated += 2.0 * stage.overhead + size * (stage.forward + stage.backward);
        }
        let hops = 2.0 * (choice.active.len() + 1) as f64 * cluster.hop_latency_s.0 + forward.time + backward.time;
        let pace = if self.plan.micro_batches > 1 {
            f64::from(self.plan.micro_batches - 1) * (forward.prices.pace + backward.prices.pace)
        } else {
            0.0
        };
        self.constant / self.at.price + once + iterations * (repeated + hops + pace)
    }

    /// d latency/d ln V of a choice whose phases are solved, at most 0 [s].
    pub fn latency_by_weight(&self, found: &Found, phases: (&Radio, &Radio), scratch: &mut Scratch) -> f64 {
        let (at, choice) = (self.at, &found.choice);
        let iterations = f64::from(self.plan.local_iterations);
        let (weight, repeats) = (iterations * at.price, f64::from(self.plan.micro_batches - 1));
        let transfers =
            choice.active.iter().zip(&choice.sizes).map(|(&k, &size)| {
                f64::from(size) * (at.collection[k].time_by_weight + at.distribution[k].time_by_weight)
            });
        let phases = phases.0.time_by_weight(&found.forward, weight, repeats, scratch)
            + phases.1.time_by_weight(&found.backward, weight, repeats, scratch);
        (transfers.sum::<f64>() + iterations * phases).min(0.0)
    }
}
