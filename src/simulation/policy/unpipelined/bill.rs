//! What a cluster's round costs, added up transmission by transmission.

use super::ServerRates;
use crate::problem::program::{
    ClusterProgram, Transmission, block_time, boundary_bits, compute_energy_per_block, end_stage_time, stage_time,
};
use crate::problem::{
    CandidatePlan, Cluster, ClusterEvaluation, Device, DeviceEnergy, DeviceId, EqualBlocks, LatencyParts, Link, NodeId,
    Phase, ServerUse, SlotSpec,
};
use crate::simulation::policy::{DeviceLoad, OwnCluster};
use crate::units::{Bits, Bytes, Hertz, Joules, Seconds};

/// A cluster's costs so far. Devices share the batch equally.
pub(super) struct Bill<'a> {
    program: ClusterProgram<'a>,
    encoder: EqualBlocks,
    cluster: &'a Cluster,
    plan: &'a CandidatePlan,
    pub parts: LatencyParts,
    device_energy: Vec<DeviceEnergy>,
    control_unit_energy: Joules,
    edge_server: ServerUse,
    loads: Vec<DeviceLoad>,
}

impl<'a> Bill<'a> {
    /// The fixed latency, and the upload at full power on an equal share of its band.
    pub fn new(problem: &'a SlotSpec, cluster: &'a Cluster, plan: &'a CandidatePlan) -> Result<Self, String> {
        let devices = cluster.devices.len();
        let mut bill = Self {
            program: ClusterProgram::new(problem, cluster),
            encoder: problem.encoder.mean_block(),
            cluster,
            plan,
            parts: LatencyParts { fixed: cluster.fixed_seconds, ..LatencyParts::default() },
            device_energy: vec![DeviceEnergy::default(); devices],
            control_unit_energy: Joules(0.0),
            edge_server: ServerUse::default(),
            loads: vec![DeviceLoad::default(); devices],
        };
        let share = problem.uplink.bandwidth_hz / problem.clusters.len() as f64;
        bill.parts.upload = bill.book(&bill.program.upload(), share, 1.0)?;
        Ok(bill)
    }

    /// Samples of a device's micro-batch: B/(KM).
    pub fn samples(&self) -> f64 {
        let devices = self.cluster.devices.len().max(1) as f64;
        f64::from(self.cluster.batch_size) / (devices * f64::from(self.plan.micro_batches))
    }

    /// Micro-batches of a device in a round: I·M.
    pub fn uses(&self) -> f64 {
        f64::from(self.plan.local_iterations) * f64::from(self.plan.micro_batches)
    }

    /// Time on air of one message between two nodes at full power; its energy is booked `uses` times.
    pub fn send(&mut self, ends: (NodeId, NodeId), bits: Bits, band: Hertz, uses: f64) -> Result<Seconds, String> {
        self.book(&self.program.once(ends, bits), band, uses)
    }

    fn book(&mut self, sent: &Transmission, band: Hertz, uses: f64) -> Result<Seconds, String> {
        let power = sent.transmitter.max_power;
        let time = sent.time(Link { bandwidth_hz: band, power_w: power });
        if !time.0.is_finite() {
            return Err(format!("no link from node {} to node {}", sent.sender, sent.receiver));
        }
        let energy = sent.transmitter.drawn(power) * (time * uses);
        match sent.sender.device() {
            None => self.control_unit_energy += energy,
            // What the edge server sends with is not counted.
            Some(k) => self.device_energy.iter_mut().skip(k.0).take(1).for_each(|device| device.transmit += energy),
        }
        Ok(time)
    }

    /// A device gets its blocks from the control unit before the round and sends them back after it, on the whole band.
    pub fn carry(&mut self, k: usize, blocks: u32) -> Result<(), String> {
        let (device, band) = (DeviceId(k), self.cluster.bandwidth_hz);
        let out = self.book(&self.program.distribution(device, blocks), band, 1.0)?;
        let back = self.book(&self.program.collection(device, blocks), band, 1.0)?;
        self.parts.distribution += out;
        self.parts.collection += back;
        Ok(())
    }

    /// The tensor at a cut, of one micro-batch.
    pub fn boundary(&self) -> Bits {
        boundary_bits(&self.encoder, self.samples())
    }

    /// ℓ.
    pub fn hop_latency(&self) -> Seconds {
        self.program.under(self.plan).hop_latency()
    }

    /// Time of a device for a micro-batch of one phase: o + d (q + b c/f).
    pub fn stage(&self, device: &Device, phase: Phase, blocks: u32) -> Seconds {
        stage_time(device, block_time(&self.encoder, device, phase, self.samples()), blocks)
    }

    /// Time of the edge server for a device's micro-batch of one phase: the blocks that are not on the device, and the
    /// decoder.
    pub fn server(&self, rates: ServerRates, phase: Phase, on_device: u32) -> Seconds {
        let blocks = f64::from(self.encoder.blocks.saturating_sub(on_device));
        let (flops, per_flop) = match phase {
            Phase::Forward => (self.encoder.forward_flops_per_sample.0, rates.per_flop[0]),
            Phase::Backward => (self.encoder.backward_flops_per_sample.0, rates.per_flop[1]),
        };
        Seconds(blocks * flops * per_flop * self.samples())
            + self.cluster.decoder.map_or(Seconds(0.0), |stage| end_stage_time(&stage, phase, self.samples()))
    }

    /// Books what the edge server computes for all devices, with all of their micro-batches, and what it holds: so many
    /// copies of the blocks that are not on a device and of the decoder, with the activations of a device's share.
    ///
    /// # Errors
    /// In words, where its memory does not hold that.
    pub fn serve(&mut self, rates: ServerRates, on_device: u32, copies: f64) -> Result<(), String> {
        let devices = self.cluster.devices.len().max(1) as f64;
        let blocks = f64::from(self.encoder.blocks.saturating_sub(on_device));
        let samples = f64::from(self.cluster.batch_size) / devices;
        let per_block = self.encoder.resident_bytes_per_block + self.encoder.activation_bytes_per_sample * samples;
        let [resident, per_sample] = rates.decoder_memory;
        let memory = (per_block * blocks + resident + per_sample * samples) * copies;
        if let Some(limit) = self.cluster.edge_server.memory_bytes.filter(|limit| memory > *limit) {
            return Err(format!(
                "edge_server.memory_bytes = {:e}: {blocks} blocks and the decoder need {:e} bytes of the edge server's memory",
                limit.0, memory.0
            ));
        }
        let per_micro_batch =
            self.server(rates, Phase::Forward, on_device) + self.server(rates, Phase::Backward, on_device);
        self.edge_server = self.program.server_used(per_micro_batch * (self.uses() * devices), memory);
        Ok(())
    }

    /// Books what a device computes and records what it holds: d (resident + activation·B/K), I·B/K samples.
    pub fn compute(&mut self, problem: &SlotSpec, k: usize, device: &Device, blocks: u32) {
        let share = 1.0 / self.cluster.devices.len().max(1) as f64;
        let blocks_held = f64::from(blocks);
        let activations = self.encoder.activation_bytes_per_sample.0 * f64::from(self.cluster.batch_size) * share;
        let per_block = compute_energy_per_block(&self.encoder, self.cluster, self.plan, device);
        if let (Some(energy), Some(load)) = (self.device_energy.get_mut(k), self.loads.get_mut(k)) {
            energy.compute += per_block * (blocks_held * share);
            *load = DeviceLoad {
                blocks,
                memory: Bytes(blocks_held * (self.encoder.resident_bytes_per_block.0 + activations)),
                compute: DeviceLoad::compute_time(problem, self.cluster, device, self.plan) * (blocks_held * share),
            };
        }
    }

    pub fn total(self) -> OwnCluster {
        let costs = ClusterEvaluation {
            latency: self.parts.total(),
            parts: self.parts,
            device_energy: self.device_energy,
            control_unit_energy: self.control_unit_energy,
            edge_server: self.edge_server,
        };
        OwnCluster { costs, devices: self.loads }
    }
}
