//! A decision as who executes it needs it: when every part of a round takes how long.

use std::ops::Range;

use serde::Serialize;

use super::decision::{ClusterDecision, Decision, Link};
use super::program::{ClusterProgram, PlanProgram, Transmission, segments};
use super::shape::{self, DecisionError};
use super::slot::{CandidatePlan, SlotProblem};
use crate::ground::phase::Phase;
use crate::ground::route::{NodeId, Route};
use crate::ground::units::{Bits, Joules, Seconds};
use crate::schedule::{Durations, Schedule, ScheduleError, Sending, Timeline};

/// One transmission, made once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// Who sends.
    pub from: NodeId,
    /// Who receives.
    pub to: NodeId,
    /// How much.
    pub bits: Bits,
    /// bits/R(w, p); 0 for no bits, infinite without a rate.
    #[serde(rename = "on_air_s")]
    pub on_air: Seconds,
    /// What it takes besides its bits.
    #[serde(rename = "overhead_s")]
    pub overhead: Seconds,
    /// By how much later it arrives; occupies nobody.
    #[serde(rename = "latency_s")]
    pub latency: Seconds,
    /// What its sender spends on it; 0 for an edge server, whose energy is not counted.
    #[serde(rename = "energy_j")]
    pub energy: Joules,
}

impl Sent {
    fn of(sent: &Transmission, link: Option<Link>) -> Self {
        let on_air = sent.time(link.unwrap_or_default());
        Self {
            from: sent.sender,
            to: sent.receiver,
            bits: sent.bits,
            on_air,
            overhead: sent.overhead,
            latency: sent.latency,
            energy: sent.energy(link.unwrap_or_default(), on_air),
        }
    }

    /// For how long it occupies its link, or its sender where sending blocks.
    #[must_use]
    pub fn occupied(&self) -> Seconds {
        self.on_air + self.overhead
    }

    /// From its beginning to its arrival.
    #[must_use]
    pub fn total(&self) -> Seconds {
        self.occupied() + self.latency
    }
}

/// A cluster's part of a round.
///
/// Its latency is `fixed` + the distributions one after another + I times the makespan of the pipeline + the collections
/// one after another + the upload: the same number as [`evaluate`](super::evaluate) gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterRound {
    /// I, M, schedule.
    pub plan: CandidatePlan,
    /// Whom the pipeline's transmissions occupy.
    pub sending: Sending,
    /// What no decision changes.
    pub fixed: Seconds,
    /// b: samples of a micro-batch.
    pub samples: f64,
    /// The nodes of the pipeline's stages, in their order.
    pub stages: Vec<NodeId>,
    /// The blocks that each stage holds; none for the ends.
    pub segments: Vec<Range<u32>>,
    /// Time of each stage per micro-batch, forward.
    pub forward: Vec<Seconds>,
    /// The same backward.
    pub backward: Vec<Seconds>,
    /// What each stage spends on computing per micro-batch, forward; 0 for the ends, whose computing is not counted.
    pub forward_energy: Vec<Joules>,
    /// The same backward; 0 where there is no backward work.
    pub backward_energy: Vec<Joules>,
    /// Hop h joins stages h and h+1.
    pub forward_hops: Vec<Sent>,
    /// The same hops as they send back; empty where there is no backward work.
    pub backward_hops: Vec<Sent>,
    /// To the active devices, one after another.
    pub distribution: Vec<Sent>,
    /// From the active devices, one after another.
    pub collection: Vec<Sent>,
    /// From the control unit to the edge server.
    pub upload: Sent,
}

impl ClusterRound {
    fn new(program: &PlanProgram, choice: &ClusterDecision) -> Self {
        let at = program.at;
        let route = Route::through(&choice.active, at.cluster.devices.len());
        let stage_times = |phase| program.stage_times(phase, route, &choice.sizes).collect();
        let end = |stage: bool| stage.then_some(Joules(0.0));
        let stage_energies = |phase| {
            let held = choice.active.iter().zip(segments(&choice.sizes));
            let devices = held.filter_map(|(device, segment)| {
                let device = at.cluster.devices.get(device.0)?;
                Some(program.phase_energy(phase, device, &segment))
            });
            let (first, last) = (end(at.cluster.embedding.is_some()), end(at.cluster.decoder.is_some()));
            first.into_iter().chain(devices).chain(last).collect()
        };
        let hops = |phase: Phase| {
            let ends = program.hops(route, &choice.sizes);
            let sent = ends
                .zip(choice.links(phase))
                .map(|((near, far, cut), link)| Sent::of(&program.hop_at(phase, near, far, cut), *link));
            sent.collect()
        };
        let on_band = |power_w| Link { bandwidth_hz: at.cluster.bandwidth_hz, power_w };
        let held = || choice.active.iter().zip(segments(&choice.sizes));
        let collection = held().zip(&choice.collection_power_w);
        let distribution = held().zip(&choice.distribution_power_w);
        let (first, last) = (at.cluster.embedding.is_some(), at.cluster.decoder.is_some());
        let ends = |stage: bool, node: NodeId| stage.then_some((node, 0..0));
        let (stages, segments) = ends(first, NodeId::CONTROL_UNIT)
            .into_iter()
            .chain(held().map(|(device, segment)| (device.node(), segment)))
            .chain(ends(last, at.edge_server()))
            .unzip();
        Self {
            plan: *program.plan,
            sending: at.sending(),
            fixed: at.cluster.fixed_seconds,
            samples: program.samples,
            stages,
            segments,
            forward: stage_times(Phase::Forward),
            backward: stage_times(Phase::Backward),
            forward_energy: stage_energies(Phase::Forward),
            backward_energy: stage_energies(Phase::Backward),
            forward_hops: hops(Phase::Forward),
            backward_hops: hops(Phase::Backward),
            distribution: distribution
                .map(|((&k, segment), power)| Sent::of(&at.distribution_of(k, &segment), power.map(on_band)))
                .collect(),
            collection: collection
                .map(|((&k, segment), power)| Sent::of(&at.collection_of(k, &segment), power.map(on_band)))
                .collect(),
            upload: Sent::of(&at.upload(), choice.upload),
        }
    }

    /// The durations of the pipeline's operations.
    #[must_use]
    pub fn durations(&self) -> Durations {
        let seconds = |times: &[Seconds]| times.iter().map(|time| time.0).collect::<Vec<f64>>();
        let of = |hops: &[Sent], part: fn(&Sent) -> Seconds| hops.iter().map(|hop| part(hop).0).collect::<Vec<f64>>();
        let latency = |hop: &Sent| hop.latency;
        let has_backward = self.plan.schedule.has_backward();
        Durations {
            forward: seconds(&self.forward),
            backward: if has_backward { seconds(&self.backward) } else { Vec::new() },
            forward_link: of(&self.forward_hops, Sent::occupied),
            backward_link: of(&self.backward_hops, Sent::occupied),
            forward_latency: of(&self.forward_hops, latency),
            backward_latency: of(&self.backward_hops, latency),
            weight: Vec::new(),
        }
    }

    /// The order of the stages' work.
    ///
    /// # Errors
    /// As [`Schedule::of`]; none for a valid problem.
    pub fn schedule(&self) -> Result<Schedule, ScheduleError> {
        Schedule::of(self.plan.schedule, self.stages.len(), self.plan.micro_batches)
    }

    /// One iteration of the pipeline, played, and its makespan in seconds.
    ///
    /// # Errors
    /// [`ScheduleError`] for a transmission without a rate, which takes no finite time.
    pub fn timeline(&self) -> Result<(Timeline, f64), ScheduleError> {
        let mut timeline = Timeline::new(&self.schedule()?, self.sending)?;
        let makespan_s = timeline.run(&self.durations())?;
        Ok((timeline, makespan_s))
    }
}

/// A decision as it is executed: every cluster's part of the round, in the problem's order.
///
/// # Errors
/// [`DecisionError`] for a decision that does not have the problem's shape. Whether it is feasible
/// [`evaluate`](super::evaluate) says.
pub fn rounds(problem: &SlotProblem, decision: &Decision) -> Result<Vec<ClusterRound>, DecisionError> {
    let plan = shape::check(problem, decision)?;
    let clusters = problem.clusters.iter().zip(&decision.clusters);
    Ok(clusters
        .map(|(cluster, choice)| ClusterRound::new(&ClusterProgram::new(problem, cluster).under(plan), choice))
        .collect())
}
