//! The one statement of what a slot's stages and transmissions are, and what they cost.
//!
//! Evaluation and every solver read it; none has a formula of its own for a time, an energy, a memory or the makespan.
//!
//! * [`ClusterProgram`] is a cluster whatever the plan: memory, and the transmissions that a round makes once.
//! * [`PlanProgram`] is a cluster under a plan: stages, hops, and how often they count.
//! * [`Transmission`] says who sends how much to whom, how often, and at which prices.
//! * [`Pacing`] is the makespan of fill-drain: how the durations of a phase's stages and hops add up to a latency. Other
//!   schedules, and messages that take turns, are run event by event, by `crate::schedule`, on the same durations.
//!
//! A segment is a range of blocks, a cut the number of blocks before it. The system is that of formulation sections 1 and
//! 7; the formulas are our own reconstruction.

mod makespan;
pub(crate) mod played;
mod sent;
mod server;
mod stage;
mod transmission;

pub(crate) use makespan::{Pacing, Timing};
pub(crate) use sent::Sent;
pub use stage::block_cap;
pub(crate) use stage::{
    block_memory, block_time, compute_energy_per_block, compute_time_per_sample, end_stage_time, segment_memory,
    stage_time,
};
pub use transmission::shannon_rate;
pub(crate) use transmission::{Transmission, Transmitter, Wire, boundary_bits, times};

use std::ops::Range;

use self::stage::{segment_seconds, segment_time};
use super::cluster::{Cluster, Device, FixedLink, MediumAccess};
use super::decision::{ClusterDecision, Link};
use super::encoder::Encoder;
use super::pair::PerPair;
use super::slot::{CandidatePlan, Overlap, Schema, SlotSpec};
use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::ground::units::{Bits, Hertz, Joules, Seconds, SecondsPerByte};
use crate::schedule::Sending;

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

    /// The way of the pipeline through devices that are known to be the cluster's.
    pub fn route<'b>(&self, active: &'b [DeviceId]) -> Route<'b> {
        Route::through(active, self.cluster.devices.len())
    }

    /// Stages before the first device: 1 with an embedding, 0 where the pipeline begins on a device.
    pub fn stages_before(&self) -> usize {
        usize::from(self.cluster.embedding.is_some())
    }

    /// Stages of a pipeline through so many devices.
    pub fn stages(&self, active: usize) -> usize {
        self.stages_before() + active + usize::from(self.cluster.decoder.is_some())
    }

    /// The hops of a route, both ends of each, the one nearer to the beginning first: hop h joins stages h and h+1. Hops to
    /// ends that the pipeline does not have are left out.
    pub fn hops<'b>(&self, route: Route<'b>) -> impl Iterator<Item = (NodeId, NodeId)> + use<'b> {
        let count = self.stages(route.active().len()).saturating_sub(1);
        route.hops().skip(1 - self.stages_before()).take(count)
    }

    /// γ from one node to another; zero where there is no link.
    pub fn gain(&self, sender: NodeId, receiver: NodeId) -> f64 {
        self.cluster.gain_to_noise_hz_per_w.get(sender, receiver)
    }

    /// Whether radio joins two nodes both ways, as every hop of the classical problem needs.
    pub fn joined(&self, one: NodeId, other: NodeId) -> bool {
        self.gain(one, other) > 0.0 && self.gain(other, one) > 0.0
    }

    /// The link of fixed rate from one node to another. Takes time in proportion to the number of links: who asks for many
    /// pairs keeps the answers.
    pub fn fixed_link(&self, sender: NodeId, receiver: NodeId) -> Option<&'a FixedLink> {
        self.cluster.fixed_links.iter().find(|link| (link.from, link.to) == (sender, receiver))
    }

    /// By how much later a message of a hop arrives.
    fn latency(&self, sender: NodeId, receiver: NodeId) -> Seconds {
        match self.spec.schema {
            Schema::V1 => Seconds(0.0),
            Schema::V2 => self.cluster.hop_latency_s.get(sender, receiver),
        }
    }

    /// Whom the pipeline's messages occupy.
    pub fn sending(&self) -> Sending {
        match (self.spec.overlap, self.cluster.medium) {
            // Validation admits blocking sends on bands of their own alone.
            (Overlap::None, _) => Sending::Blocking,
            (Overlap::Full, MediumAccess::Bands) => Sending::Overlapped,
            (Overlap::Full, MediumAccess::HalfDuplex) => Sending::HalfDuplex,
            (Overlap::Full, MediumAccess::Turns) => Sending::Medium,
        }
    }

    /// Whether the pipeline's messages have the whole band, one after another.
    pub fn in_turns(&self) -> bool {
        self.cluster.medium == MediumAccess::Turns
    }

    /// What a message of a hop takes besides its bits. Schema 1 calls it a latency.
    fn overheads(&self) -> &'a PerPair<Seconds> {
        match self.spec.schema {
            Schema::V1 => &self.cluster.hop_latency_s,
            Schema::V2 => &self.cluster.hop_overhead_s,
        }
    }

    /// A segment as it is sent.
    pub fn segment_bits(&self, segment: &Range<u32>) -> Bits {
        match &self.spec.encoder {
            Encoder::Equal(equal) => {
                equal.parameter_bits_per_block * f64::from(segment.end.saturating_sub(segment.start))
            }
            Encoder::Chain(chain) => Bits(chain.sum(segment, |block| block.parameter_bits.0)),
        }
    }

    /// Bytes of one version of a segment's parameters.
    pub fn segment_bytes(&self, segment: &Range<u32>) -> f64 {
        self.segment_bits(segment).0 / 8.0
    }

    /// A device's segment goes to the control unit.
    pub fn collection_of(&self, device: DeviceId, segment: &Range<u32>) -> Transmission {
        self.once((device.node(), NodeId::CONTROL_UNIT), self.segment_bits(segment))
    }

    /// The same for so many equal blocks.
    pub fn collection(&self, device: DeviceId, size: u32) -> Transmission {
        self.collection_of(device, &(0..size))
    }

    /// A device's segment comes from the control unit.
    pub fn distribution_of(&self, device: DeviceId, segment: &Range<u32>) -> Transmission {
        self.once((NodeId::CONTROL_UNIT, device.node()), self.segment_bits(segment))
    }

    /// The same for so many equal blocks.
    pub fn distribution(&self, device: DeviceId, size: u32) -> Transmission {
        self.distribution_of(device, &(0..size))
    }

    /// The control unit's model goes to the edge server.
    pub fn upload(&self) -> Transmission {
        let ends = (NodeId::CONTROL_UNIT, self.edge_server());
        let medium = Some(self.spec.uplink.bandwidth_hz);
        self.message(self.transmission(ends, self.cluster.upload_bits, medium, 1.0, 1.0))
    }

    /// Something that a round sends once between two nodes, alone on the band.
    pub fn once(&self, ends: (NodeId, NodeId), bits: Bits) -> Transmission {
        self.message(self.transmission(ends, bits, None, 1.0, 1.0))
    }

    /// A transmission outside the pipeline has the latency and the overhead of its pair, if it carries bits, and its staging
    /// is part of the overhead, as there is no stage to hold it; those of schema 1 are of hops alone.
    fn message(&self, sent: Transmission) -> Transmission {
        if self.spec.schema == Schema::V1 || sent.bits.0 == 0.0 {
            return Transmission { latency: Seconds(0.0), overhead: Seconds(0.0), ..sent };
        }
        let staging = self.cluster.staging_s_per_byte.get(sent.sender, sent.receiver) * sent.bits;
        Transmission { overhead: sent.overhead + staging, ..sent }
    }

    fn transmission(
        &self,
        (sender, receiver): (NodeId, NodeId),
        bits: Bits,
        medium: Option<Hertz>,
        uses: f64,
        latency_uses: f64,
    ) -> Transmission {
        Transmission {
            sender,
            receiver,
            bits,
            gain: self.gain(sender, receiver),
            wire: self.fixed_link(sender, receiver).map(|link| Wire::of(link, medium)),
            latency: self.latency(sender, receiver),
            overhead: self.overheads().get(sender, receiver),
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
    /// The makespan of a schedule that does not alternate.
    pub pacing: Pacing,
}

impl PlanProgram<'_> {
    /// Stage time of the embedding per micro-batch; 0 without one.
    pub fn embedding_time(&self, phase: Phase) -> Seconds {
        self.at.cluster.embedding.map_or(Seconds(0.0), |stage| end_stage_time(&stage, phase, self.samples))
    }

    /// Stage time of the decoder per micro-batch; 0 without one.
    pub fn decoder_time(&self, phase: Phase) -> Seconds {
        self.at.cluster.decoder.map_or(Seconds(0.0), |stage| end_stage_time(&stage, phase, self.samples))
    }

    /// Time of the stage that sends nothing in a phase: the last one forward, the first one backward.
    pub fn silent_time(&self, phase: Phase, route: Route, sizes: &[u32]) -> Seconds {
        let cluster = self.at.cluster;
        match phase {
            Phase::Forward if cluster.decoder.is_some() => self.decoder_time(phase),
            Phase::Forward => self.compute_times(phase, route, sizes).last().unwrap_or_default(),
            Phase::Backward => self.compute_times(phase, route, sizes).next().unwrap_or_default(),
        }
    }

    /// q + b·c/f: time of a device for one of equal blocks of one micro-batch.
    pub fn block_time(&self, phase: Phase, device: &Device) -> Seconds {
        block_time(&self.at.spec.encoder.mean_block(), device, phase, self.samples)
    }

    /// Stage time per micro-batch of a device that holds a segment.
    pub fn segment_time(&self, phase: Phase, device: &Device, segment: &Range<u32>) -> Seconds {
        segment_time(&self.at.spec.encoder, device, phase, self.samples, segment)
    }

    /// Time in a round that a device computes for a segment, overheads left out.
    pub fn computing(&self, device: &Device, segment: &Range<u32>) -> Seconds {
        let phase = |phase| segment_seconds(&self.at.spec.encoder, device, phase, segment);
        let per_sample = match self.plan.schedule.has_backward() {
            true => phase(Phase::Forward) + phase(Phase::Backward),
            false => phase(Phase::Forward),
        };
        per_sample * (f64::from(self.plan.local_iterations) * f64::from(self.at.cluster.batch_size))
    }

    /// Whether an iteration's makespan is known from its timeline alone: it has no closed form.
    pub fn is_played(&self) -> bool {
        self.plan.schedule.alternates() || !self.at.cluster.medium.is_bands()
    }

    /// For how long each stage on a route is busy per micro-batch, with the sizes of its active devices: it computes, and
    /// prepares what it sends.
    pub fn stage_times<'b>(
        &'b self,
        phase: Phase,
        route: Route<'b>,
        sizes: &'b [u32],
    ) -> impl Iterator<Item = Seconds> + 'b {
        // Most problems have none.
        let staged = self.at.cluster.staging_s_per_byte != PerPair::Same(SecondsPerByte(0.0));
        let mut staging = staged.then(|| {
            // Backward the first stage sends nothing, forward the last one.
            let silent = (phase == Phase::Backward).then_some(Seconds(0.0));
            silent.into_iter().chain(self.hops(route, sizes).map(move |(near, far, cut)| {
                let (sender, receiver) = phase.directed(near, far);
                self.at.cluster.staging_s_per_byte.get(sender, receiver) * self.boundary_bits(cut)
            }))
        });
        self.compute_times(phase, route, sizes)
            .map(move |compute| compute + staging.as_mut().and_then(Iterator::next).unwrap_or_default())
    }

    /// Computing times per micro-batch of all stages on a route.
    fn compute_times<'b>(
        &'b self,
        phase: Phase,
        route: Route<'b>,
        sizes: &'b [u32],
    ) -> impl Iterator<Item = Seconds> + 'b {
        let cluster = self.at.cluster;
        let end = |stage: bool, time: Seconds| stage.then_some(time);
        let devices = route.active().iter().zip(segments(sizes)).filter_map(move |(&device, segment)| {
            let device = cluster.devices.get(device.0)?;
            Some(self.segment_time(phase, device, &segment))
        });
        let first = end(cluster.embedding.is_some(), self.embedding_time(phase));
        let last = end(cluster.decoder.is_some(), self.decoder_time(phase));
        first.into_iter().chain(devices).chain(last)
    }

    /// Bytes of a segment on the active device at a position (from 0) among so many.
    pub fn segment_memory(&self, position: usize, active: usize, segment: &Range<u32>) -> f64 {
        let stage = position + self.at.stages_before();
        let (stages, micro_batches) = (self.at.stages(active), self.plan.micro_batches);
        let held = f64::from(self.plan.schedule.in_flight(stage, stages, micro_batches));
        // All micro-batches together are the batch, exactly.
        let samples =
            if held == f64::from(micro_batches) { f64::from(self.at.cluster.batch_size) } else { self.samples * held };
        let memory = segment_memory(&self.at.spec.encoder, segment, samples);
        match self.plan.stash_weights {
            // One version is resident.
            true => memory + (held - 1.0) * self.at.segment_bytes(segment),
            false => memory,
        }
    }

    /// I·B·(c_F + c_B)·ε: computing energy of a round per block that the device holds, of equal blocks.
    pub fn compute_energy_per_block(&self, device: &Device) -> Joules {
        compute_energy_per_block(&self.at.spec.encoder.mean_block(), self.at.cluster, self.plan, device)
    }

    /// I·B·Σ (c_F + c_B)·ε: computing energy of a round for a segment; without c_B where there is no backward work.
    pub fn compute_energy(&self, device: &Device, segment: &Range<u32>) -> Joules {
        let has_backward = self.plan.schedule.has_backward();
        let flops = |forward: f64, backward: f64| if has_backward { forward + backward } else { forward };
        match &self.at.spec.encoder {
            Encoder::Equal(equal) if has_backward => {
                let size = segment.end.saturating_sub(segment.start);
                compute_energy_per_block(equal, self.at.cluster, self.plan, device) * f64::from(size)
            }
            Encoder::Equal(equal) => {
                let size = f64::from(segment.end.saturating_sub(segment.start));
                self.work(device, equal.forward_flops_per_sample.0 * size)
            }
            Encoder::Chain(chain) => self.work(
                device,
                chain.sum(segment, |b| flops(b.forward_flops_per_sample.0, b.backward_flops_per_sample.0)),
            ),
        }
    }

    /// Computing energy per micro-batch and phase for a segment; 0 for a phase without work. All of them together are
    /// [`compute_energy`](Self::compute_energy).
    pub fn phase_energy(&self, phase: Phase, device: &Device, segment: &Range<u32>) -> Joules {
        if phase == Phase::Backward && !self.plan.schedule.has_backward() {
            return Joules(0.0);
        }
        let flops = match &self.at.spec.encoder {
            Encoder::Equal(equal) => equal.flops(phase).0 * f64::from(segment.end.saturating_sub(segment.start)),
            Encoder::Chain(chain) => chain.sum(segment, |block| block.flops(phase).0),
        };
        Joules(device.joules_per_flop.0 * flops * self.samples)
    }

    /// Energy of a device for so many FLOP of every sample of a round.
    fn work(&self, device: &Device, flops_per_sample: f64) -> Joules {
        let samples = f64::from(self.plan.local_iterations) * f64::from(self.at.cluster.batch_size);
        Joules(device.joules_per_flop.0 * flops_per_sample * samples)
    }

    /// Bits of a micro-batch at a cut.
    pub fn boundary_bits(&self, cut: u32) -> Bits {
        self.at.spec.encoder.boundary_bits_per_sample(cut) * self.samples
    }

    /// One phase's transmission at a cut, over the link between two nodes of which `near` is the one nearer to the control
    /// unit.
    pub fn hop_at(&self, phase: Phase, near: NodeId, far: NodeId, cut: u32) -> Transmission {
        let iterations = f64::from(self.plan.local_iterations);
        let uses = iterations * f64::from(self.plan.micro_batches);
        // Who has the whole medium decides no share of it.
        let medium = (!self.at.in_turns()).then_some(self.at.cluster.bandwidth_hz);
        self.at.transmission(phase.directed(near, far), self.boundary_bits(cut), medium, uses, iterations)
    }

    /// The same between equal blocks, whose cuts are all alike.
    pub fn hop(&self, phase: Phase, near: NodeId, far: NodeId) -> Transmission {
        self.hop_at(phase, near, far, 0)
    }

    /// ℓ: what every message of a hop takes in addition to its time on air, in the classical problem.
    pub fn hop_latency(&self) -> Seconds {
        match self.at.overheads() {
            PerPair::Same(overhead) => *overhead,
            // A matrix of the classical problem holds zeros.
            PerPair::Pairs(_) => Seconds(0.0),
        }
    }

    /// By how much later the messages of all hops arrive, where that is one number: zero in the classical problem.
    pub fn hop_delay(&self) -> Seconds {
        match (self.at.spec.schema, &self.at.cluster.hop_latency_s) {
            (Schema::V2, PerPair::Same(latency)) => *latency,
            _ => Seconds(0.0),
        }
    }
}

impl PlanProgram<'_> {
    /// Makes `null` of the entries of a decision that stand for nothing to decide.
    pub fn drop_unused(&self, choice: &mut ClusterDecision) {
        let at = self.at;
        let unless_decided = |sent: Transmission, entry: &mut Option<Link>| {
            if !sent.is_decided() {
                *entry = None;
            }
        };
        for phase in Phase::BOTH {
            let ends: Vec<_> = self.hops(at.route(&choice.active), &choice.sizes).collect();
            for (link, (near, far, cut)) in choice.links_mut(phase).iter_mut().zip(ends) {
                unless_decided(self.hop_at(phase, near, far, cut), link);
            }
        }
        let powers = choice.collection_power_w.iter_mut().zip(&mut choice.distribution_power_w);
        for ((&device, segment), (up, down)) in choice.active.iter().zip(segments(&choice.sizes)).zip(powers) {
            *up = up.filter(|_| at.collection_of(device, &segment).is_decided());
            *down = down.filter(|_| at.distribution_of(device, &segment).is_decided());
        }
        unless_decided(at.upload(), &mut choice.upload);
    }

    /// The hops of a route with these sizes on its devices: both ends, and the cut.
    pub fn hops<'b>(
        &self,
        route: Route<'b>,
        sizes: &'b [u32],
    ) -> impl Iterator<Item = (NodeId, NodeId, u32)> + use<'b> {
        // Without an embedding the first hop stands behind the first segment.
        let behind = 1 - self.at.stages_before();
        let cuts = std::iter::once(0).chain(segments(sizes).map(|segment| segment.end)).skip(behind);
        self.at.hops(route).zip(cuts).map(|((near, far), cut)| (near, far, cut))
    }
}

/// The segments of consecutive devices with these sizes.
pub(crate) fn segments(sizes: &[u32]) -> impl Iterator<Item = Range<u32>> + '_ {
    let mut end = 0_u32;
    sizes.iter().map(move |&size| {
        let start = end;
        end = end.saturating_add(size);
        start..end
    })
}
