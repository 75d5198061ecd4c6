//! The one statement of what a slot's stages and transmissions are, and what they cost.
//!
//! Evaluation and every solver read it; none has a formula of its own for a time, an energy, a memory or the makespan.
//!
//! * [`ClusterProgram`] is a cluster whatever the plan: memory, and the transmissions that a round makes once.
//! * [`PlanProgram`] is a cluster under a plan: stages, hops, and how often they count.
//! * [`Transmission`] says who sends how much to whom, how often, and at which prices.
//! * [`Pacing`] is the makespan: how the durations of a phase's stages and hops add up to a latency. It is the only place
//!   that knows the order of a schedule.
//!
//! The system is that of formulation section 1; the formulas are our own reconstruction.

mod makespan;
mod stage;
mod transmission;

pub(crate) use makespan::{Pacing, Timing};
pub(crate) use stage::{
    block_cap, block_memory, block_time, compute_energy_per_block, compute_time_per_sample, end_stage_time, stage_time,
};
pub use transmission::shannon_rate;
pub(crate) use transmission::{Transmission, Transmitter, boundary_bits, transfer_time};

use super::slot::{CandidatePlan, Cluster, SlotSpec};
use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::ground::units::{Bits, Joules, Seconds};

/// A cluster, whatever the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClusterProgram<'a> {
    pub spec: &'a SlotSpec,
    pub cluster: &'a Cluster,
}

impl<'a> ClusterProgram<'a> {
    pub fn new(spec: &'a SlotSpec, cluster: &'a Cluster) -> Self {
        Self { spec, cluster }
    }

    /// The cluster under a plan.
    pub fn under(self, plan: &'a CandidatePlan) -> PlanProgram<'a> {
        let samples = f64::from(self.cluster.batch_size) / f64::from(plan.micro_batches);
        PlanProgram { at: self, plan, samples, pacing: Pacing::new(plan, self.spec.overlap) }
    }

    pub fn edge_server(&self) -> NodeId {
        NodeId::edge_server(self.cluster.devices.len())
    }

    /// The way of the pipeline through devices that are known to be the cluster's and in order.
    pub fn route<'b>(&self, active: &'b [DeviceId]) -> Route<'b> {
        Route::through(active, self.cluster.devices.len())
    }

    /// γ from one node to another; zero where there is no link.
    pub fn gain(&self, sender: NodeId, receiver: NodeId) -> f64 {
        self.cluster.gain_to_noise_hz_per_w.get(sender, receiver)
    }

    /// Whether a link works both ways, as every hop needs.
    pub fn joined(&self, one: NodeId, other: NodeId) -> bool {
        self.gain(one, other) > 0.0 && self.gain(other, one) > 0.0
    }

    /// d·w_p: a segment as it is sent.
    pub fn segment_bits(&self, size: u32) -> Bits {
        self.spec.encoder.parameter_bits_per_block * f64::from(size)
    }

    /// A device's segment of this many blocks goes to the control unit.
    pub fn collection(&self, device: DeviceId, size: u32) -> Transmission {
        self.once((device.node(), NodeId::CONTROL_UNIT), self.segment_bits(size))
    }

    /// A device's segment of this many blocks comes from the control unit.
    pub fn distribution(&self, device: DeviceId, size: u32) -> Transmission {
        self.once((NodeId::CONTROL_UNIT, device.node()), self.segment_bits(size))
    }

    /// The control unit's model goes to the edge server.
    pub fn upload(&self) -> Transmission {
        self.once((NodeId::CONTROL_UNIT, self.edge_server()), self.cluster.upload_bits)
    }

    fn once(&self, ends: (NodeId, NodeId), bits: Bits) -> Transmission {
        self.transmission(ends, bits, 1.0, 1.0)
    }

    fn transmission(
        &self,
        (sender, receiver): (NodeId, NodeId),
        bits: Bits,
        uses: f64,
        latency_uses: f64,
    ) -> Transmission {
        Transmission {
            sender,
            bits,
            gain: self.gain(sender, receiver),
            transmitter: Transmitter::of(self.cluster, sender),
            uses,
            latency_uses,
        }
    }
}

/// A cluster under a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanProgram<'a> {
    pub at: ClusterProgram<'a>,
    pub plan: &'a CandidatePlan,
    /// b = B/M: samples per micro-batch.
    pub samples: f64,
    pub pacing: Pacing,
}

impl PlanProgram<'_> {
    /// Stage time of the embedding per micro-batch.
    pub fn embedding_time(&self, phase: Phase) -> Seconds {
        end_stage_time(&self.at.cluster.embedding, phase, self.samples)
    }

    /// Stage time of the decoder per micro-batch.
    pub fn decoder_time(&self, phase: Phase) -> Seconds {
        end_stage_time(&self.at.cluster.decoder, phase, self.samples)
    }

    /// Time of the end stage that sends nothing: the decoder forward, the embedding backward.
    pub fn silent_time(&self, phase: Phase) -> Seconds {
        match phase {
            Phase::Forward => self.decoder_time(phase),
            Phase::Backward => self.embedding_time(phase),
        }
    }

    /// q + b·c/f: time of a device for one block of one micro-batch.
    pub fn block_time(&self, phase: Phase, device: &super::Device) -> Seconds {
        block_time(&self.at.spec.encoder, device, phase, self.samples)
    }

    /// Stage times per micro-batch at all positions of a route, with the sizes of its active devices.
    pub fn stage_times<'b>(
        &'b self,
        phase: Phase,
        route: Route<'b>,
        sizes: &'b [u32],
    ) -> impl Iterator<Item = Seconds> + 'b {
        let devices = route.active().iter().zip(sizes).filter_map(move |(&device, &size)| {
            let device = self.at.cluster.devices.get(device.0)?;
            Some(stage_time(device, self.block_time(phase, device), size))
        });
        std::iter::once(self.embedding_time(phase)).chain(devices).chain([self.decoder_time(phase)])
    }

    /// I·B·(c_F + c_B)·ε: computing energy of a round per block that the device holds.
    pub fn compute_energy_per_block(&self, device: &super::Device) -> Joules {
        compute_energy_per_block(&self.at.spec.encoder, self.at.cluster, self.plan, device)
    }

    /// One phase's transmission over the link between two nodes, of which `near` is the one nearer to the control unit.
    pub fn hop(&self, phase: Phase, near: NodeId, far: NodeId) -> Transmission {
        let iterations = f64::from(self.plan.local_iterations);
        let uses = iterations * f64::from(self.plan.micro_batches);
        let bits = boundary_bits(&self.at.spec.encoder, self.samples);
        self.at.transmission(phase.directed(near, far), bits, uses, iterations)
    }

    /// ℓ: what a message of a hop takes in addition to its time on air.
    pub fn hop_latency(&self) -> Seconds {
        self.at.cluster.hop_latency_s
    }
}
