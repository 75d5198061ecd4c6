//! What any decision costs.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::answer::ObjectiveTerms;
use super::decision::{ClusterDecision, Decision, Link};
use super::encoder::Encoder;
use super::feasibility::{Constraint, FeasibilityReport, Transfer};
use super::names::Names;
use super::program::{ClusterProgram, PlanProgram, Timing, Transmission, block_cap, played, segments, times};
use super::shape::{self, DecisionError};
use super::slot::{Order, Participation, Schema, SlotProblem};
use crate::ground::check::FieldError;
use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::ground::units::{Bytes, Joules, Seconds};
use crate::schedule::ScheduleKind;

/// A cluster's latency T_n by part; the parts sum to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LatencyParts {
    /// What no decision changes.
    #[serde(rename = "fixed_s")]
    pub fixed: Seconds,
    /// The control unit sends the segments out.
    #[serde(rename = "distribution_s")]
    pub distribution: Seconds,
    /// All I forward phases. Where forward and backward work take turns, or messages do: what forward work, its messages and
    /// their latency contribute to a critical path of the iterations.
    #[serde(rename = "forward_s")]
    pub forward: Seconds,
    /// All I backward phases; what backward work contributes to the same critical path.
    #[serde(rename = "backward_s")]
    pub backward: Seconds,
    /// The devices send their segments back.
    #[serde(rename = "collection_s")]
    pub collection: Seconds,
    /// The control unit sends the model to the edge server.
    #[serde(rename = "upload_s")]
    pub upload: Seconds,
}

impl LatencyParts {
    /// T_n.
    #[must_use]
    pub fn total(&self) -> Seconds {
        self.fixed + self.distribution + self.forward + self.backward + self.collection + self.upload
    }
}

/// A device's energy in the round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEnergy {
    /// Computing.
    #[serde(rename = "compute_j")]
    pub compute: Joules,
    /// Sending: amplifier and radio circuits.
    #[serde(rename = "transmit_j")]
    pub transmit: Joules,
}

impl DeviceEnergy {
    /// E_k.
    #[must_use]
    pub fn total(&self) -> Joules {
        self.compute + self.transmit
    }
}

/// What the edge server does for a cluster in a round. Nothing is noted where nothing of it is counted
/// ([`EdgeServer::is_accounted`](super::EdgeServer::is_accounted)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServerUse {
    /// Time in the round that it computes for the cluster.
    #[serde(rename = "busy_s")]
    pub busy: Seconds,
    /// Energy of that.
    #[serde(rename = "energy_j")]
    pub energy: Joules,
    /// Memory that it holds for the cluster.
    #[serde(rename = "memory_bytes")]
    pub memory: Bytes,
}

impl ServerUse {
    /// Whether nothing is noted.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A cluster's latency and energy. Infinite where something must be sent without a rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterEvaluation {
    /// T_n.
    #[serde(rename = "latency_s")]
    pub latency: Seconds,
    /// T_n by part.
    pub parts: LatencyParts,
    /// Energy of each of the K devices, in the problem's order; 0 for those that do not take part.
    pub device_energy: Vec<DeviceEnergy>,
    /// What the control unit spends on sending.
    #[serde(rename = "control_unit_energy_j")]
    pub control_unit_energy: Joules,
    /// What the edge server does for it; left out where nobody counts it.
    #[serde(default, skip_serializing_if = "ServerUse::is_none")]
    pub edge_server: ServerUse,
}

/// What a decision costs and which constraints it breaks.
///
/// Serializes with the units in the names; infinite numbers become `null`, which is not read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Evaluation {
    /// One entry per cluster, in the problem's order.
    pub clusters: Vec<ClusterEvaluation>,
    /// T = max T_n.
    #[serde(rename = "round_latency_s")]
    pub round_latency: Seconds,
    /// The objective's parts.
    pub terms: ObjectiveTerms,
    /// V·T + Σ Z·E + the plan's penalty: the sum of `terms`. What an infeasible decision would cost is computed all the
    /// same; it may lie below the optimum.
    pub objective: f64,
    /// Broken constraints.
    pub feasibility: FeasibilityReport,
}

/// Evaluates any decision that has the problem's shape, feasible or not, for either [`Overlap`](super::Overlap) and every
/// schedule.
///
/// The formulas are those of the slot problem: rates by Shannon or fixed, phases of fill-drain by the makespan
/// Σ t + (M−1) max t of M micro-batches, other schedules and messages that take turns event by event, energies (p/η + p_c)·t of sending and
/// I·B·d (c_F + c_B)·ε of computing (our own reconstruction of the paper's system). A transfer of zero bits takes neither
/// time nor energy. O(N·K) time, one allocation per cluster; O(N·K·M) for what is played event by event.
///
/// # Errors
/// [`DecisionError`] names the path of the first index, list or number that does not fit the problem, or of an entry that
/// is `null` where something is sent by radio. Broken constraints are not errors: they are in
/// [`Evaluation::feasibility`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use collapipe::problem::{Decision, SlotProblem, evaluate};
/// let problem = SlotProblem::from_json(&std::fs::read_to_string("problem.json")?)?;
/// let decision = Decision::from_answer_json(&std::fs::read_to_string("answer.json")?)?;
/// let evaluation = evaluate(&problem, &decision)?;
/// println!("objective {}, round latency {}", evaluation.objective, evaluation.round_latency);
/// if !evaluation.feasibility.is_feasible(1e-9) {
///     println!("{}", evaluation.feasibility);
/// }
/// # Ok(())
/// # }
/// ```
pub fn evaluate(problem: &SlotProblem, decision: &Decision) -> Result<Evaluation, DecisionError> {
    let plan = shape::check(problem, decision)?;
    let mut terms = ObjectiveTerms { plan_penalty: plan.penalty, ..ObjectiveTerms::default() };
    let mut report = FeasibilityReport::default();
    let mut clusters = Vec::with_capacity(problem.clusters.len());
    let (mut round_latency, mut upload_band) = (Seconds(0.0), 0.0);
    for (index, (cluster, choice)) in problem.clusters.iter().zip(&decision.clusters).enumerate() {
        let evaluation = Evaluator {
            program: ClusterProgram::new(problem, cluster).under(plan),
            route: Route::through(&choice.active, cluster.devices.len()),
            choice,
            index,
            terms: &mut terms,
            report: &mut report,
        }
        .run()
        .map_err(|error| Names::of(problem).own(error.within(format_args!("clusters[{index}]"))))?;
        round_latency = Seconds(round_latency.0.max(evaluation.latency.0));
        upload_band += choice.upload.map_or(0.0, |link| link.bandwidth_hz.0);
        clusters.push(evaluation);
    }
    report.at_most(Constraint::UplinkBand, upload_band, problem.uplink.bandwidth_hz.0);
    if !report.violations.is_empty() {
        report.names = Names::of(problem);
    }
    terms.latency = problem.latency_weight * round_latency.0;
    let objective = terms.total();
    Ok(Evaluation { clusters, round_latency, terms, objective, feasibility: report })
}

/// One cluster under evaluation.
struct Evaluator<'a> {
    program: PlanProgram<'a>,
    route: Route<'a>,
    choice: &'a ClusterDecision,
    index: usize,
    terms: &'a mut ObjectiveTerms,
    report: &'a mut FeasibilityReport,
}

/// Energies by sender while they are summed up.
struct Energies {
    control_unit: Joules,
    devices: Vec<DeviceEnergy>,
}

impl Energies {
    /// Adds to what `node` spends on sending; nothing is counted for the edge server.
    fn add_transmission(&mut self, node: NodeId, energy: Joules) {
        match node.device() {
            None => self.control_unit += energy,
            Some(device) => {
                if let Some(device) = self.devices.get_mut(device.0) {
                    device.transmit += energy;
                }
            }
        }
    }
}

impl Evaluator<'_> {
    fn run(mut self) -> Result<ClusterEvaluation, FieldError> {
        let (program, choice) = (self.program.at, self.choice);
        let cluster = program.cluster;
        self.check_segments();
        let mut energies =
            Energies { control_unit: Joules(0.0), devices: vec![DeviceEnergy::default(); cluster.devices.len()] };
        let [forward, backward] = self.iterations(&mut energies)?;
        let mut parts = LatencyParts { fixed: cluster.fixed_seconds, forward, backward, ..LatencyParts::default() };
        let powers = choice.collection_power_w.iter().zip(&choice.distribution_power_w);
        let segments = choice.active.iter().zip(segments(&choice.sizes));
        for (position, ((&k, segment), (up, down))) in segments.zip(powers).enumerate() {
            let on_band = |power_w| Link { bandwidth_hz: cluster.bandwidth_hz, power_w };
            let (transfer, sent) = (Transfer::Collection { position }, program.collection_of(k, &segment));
            let on_air = self.send(transfer, &sent, up.map(on_band), &mut energies)?;
            parts.collection += on_air + sent.overhead + sent.latency;
            let (transfer, sent) = (Transfer::Distribution { position }, program.distribution_of(k, &segment));
            let on_air = self.send(transfer, &sent, down.map(on_band), &mut energies)?;
            parts.distribution += on_air + sent.overhead + sent.latency;
            if let (Some(device), Some(energy)) = (cluster.devices.get(k.0), energies.devices.get_mut(k.0)) {
                energy.compute = self.program.compute_energy(device, &segment);
                self.terms.compute_energy += times(device.energy_price, energy.compute.0);
            }
        }
        let sent = program.upload();
        let on_air = self.send(Transfer::Upload, &sent, choice.upload, &mut energies)?;
        parts.upload = on_air + sent.overhead + sent.latency;
        let latency = parts.total();
        if let Some(deadline) = program.spec.deadline_s {
            self.report.at_most(Constraint::Deadline { cluster: self.index }, latency.0, deadline.0);
        }
        let server = self.program.server_use();
        self.terms.server_energy += times(cluster.edge_server.energy_price, server.energy.0);
        if let Some(memory) = cluster.edge_server.memory_bytes {
            self.report.at_most(Constraint::ServerMemory { cluster: self.index }, server.memory.0, memory.0);
        }
        Ok(ClusterEvaluation {
            latency,
            parts,
            device_energy: energies.devices,
            control_unit_energy: energies.control_unit,
            edge_server: server,
        })
    }

    /// Participation, order, sizes, limits and memory.
    fn check_segments(&mut self) {
        let (cluster, choice, spec) = (self.index, self.choice, self.program.at.spec);
        let blocks = spec.encoder.blocks();
        let sum: u64 = choice.sizes.iter().map(|&d| u64::from(d)).sum();
        if sum != u64::from(blocks) {
            let amount = sum.abs_diff(u64::from(blocks)) as f64 / f64::from(blocks);
            self.report.broken(Constraint::SizeSum { cluster }, amount, sum as f64, f64::from(blocks));
        }
        let placed = choice.active.iter().zip(segments(&choice.sizes)).enumerate();
        let placed = placed.map(|(position, (&device, segment))| Placed { device, position, segment });
        if choice.active.is_sorted() {
            return self.check_devices(placed);
        }
        let behind = choice.active.windows(2).find(|pair| !pair.is_sorted()).and_then(<[DeviceId]>::last);
        if let (Order::Given, Some(&device)) = (spec.order, behind) {
            self.report.broken(Constraint::Order { cluster, device }, 1.0, 1.0, 0.0);
        }
        let mut placed: Vec<Placed> = placed.collect();
        placed.sort_unstable_by_key(|placed| placed.device);
        self.check_devices(placed.into_iter());
    }

    /// Checks what every device of the cluster does; those that take part come in the order of the cluster's list.
    fn check_devices(&mut self, placed: impl Iterator<Item = Placed>) {
        let cluster = self.index;
        let ClusterProgram { spec, cluster: data } = self.program.at;
        let mut placed = placed.peekable();
        for (k, device) in DeviceId::all(data.devices.len()).zip(&data.devices) {
            let Some(Placed { position, segment, .. }) = placed.next_if(|placed| placed.device == k) else {
                if spec.participation == Participation::All {
                    self.report.broken(Constraint::Participation { cluster, device: k }, 1.0, 0.0, 1.0);
                }
                continue;
            };
            let size = segment.end.saturating_sub(segment.start);
            if size == 0 {
                self.report.broken(Constraint::SizeAtLeastOne { cluster, device: k }, 1.0, 0.0, 1.0);
                continue;
            }
            if let Some(least) = device.min_blocks.filter(|&least| size < least) {
                let (found, limit) = (f64::from(size), f64::from(least));
                self.report.broken(Constraint::MinBlocks { cluster, device: k }, 1.0 - found / limit, found, limit);
            }
            if let Some(most) = device.max_blocks {
                let (found, limit) = (f64::from(size), f64::from(most));
                self.report.at_most(Constraint::MaxBlocks { cluster, device: k }, found, limit);
            }
            let equal_in_fill_drain =
                self.program.plan.schedule == ScheduleKind::FillDrain && matches!(spec.encoder, Encoder::Equal(_));
            if equal_in_fill_drain && size <= block_cap(spec, data, device) {
                continue;
            }
            let found = self.program.segment_memory(position, self.choice.active.len(), &segment);
            let limit = device.memory_bytes.0;
            // What is within rounding of the limit fits.
            if equal_in_fill_drain || found > limit * (1.0 + 1e-12) {
                self.report.exceeded(Constraint::Memory { cluster, device: k }, found, limit);
            }
        }
    }

    /// All I runs of the pipeline: what forward and what backward work contribute.
    fn iterations(&mut self, energies: &mut Energies) -> Result<[Seconds; 2], FieldError> {
        let (program, cluster) = (self.program, self.index);
        let limit = program.at.cluster.bandwidth_hz.0;
        let has_backward = program.plan.schedule.has_backward();
        if program.is_played() {
            let mut durations = played::Times::new(&program, self.route, &self.choice.sizes);
            let mut together = 0.0;
            for phase in Phase::BOTH.into_iter().take(1 + usize::from(has_backward)) {
                let band = self.hops(phase, energies, |occupied, latency| durations.push(phase, occupied, latency))?;
                if !program.plan.schedule.alternates() && !program.at.in_turns() {
                    self.report.at_most(Constraint::Band { cluster, phase }, band, limit);
                }
                together += band;
            }
            if program.plan.schedule.alternates() && !program.at.in_turns() {
                self.report.at_most(Constraint::SharedBand { cluster }, together, limit);
            }
            return durations.run(&program);
        }
        let forward = self.phase(Phase::Forward, energies)?;
        let backward = if has_backward { self.phase(Phase::Backward, energies)? } else { Seconds(0.0) };
        Ok([forward, backward])
    }

    /// All I runs of a phase that has the band to itself.
    fn phase(&mut self, phase: Phase, energies: &mut Energies) -> Result<Seconds, FieldError> {
        let (program, route, sizes) = (self.program, self.route, self.choice.sizes.as_slice());
        let mut timing = Timing::new(program.pacing, program.silent_time(phase, route, sizes));
        let mut stages = program.stage_times(phase, route, sizes);
        if phase == Phase::Backward {
            // The first stage sends nothing then; a hop's sender is the farther of its ends.
            stages.next();
        }
        let band = self.hops(phase, energies, |occupied, latency| {
            timing.add(stages.next().unwrap_or_default(), occupied);
            timing.delay(latency);
        })?;
        let constraint = Constraint::Band { cluster: self.index, phase };
        self.report.at_most(constraint, band, program.at.cluster.bandwidth_hz.0);
        Ok(timing.latency())
    }

    /// The hops of a phase: hands out for how long each occupies its link and by how much later it arrives; returns the
    /// band that they use.
    fn hops(
        &mut self,
        phase: Phase,
        energies: &mut Energies,
        mut each: impl FnMut(Seconds, Seconds),
    ) -> Result<f64, FieldError> {
        let (program, choice) = (self.program, self.choice);
        let mut band = 0.0;
        let ends = program.hops(self.route, &choice.sizes);
        for (hop, ((near, far, cut), &link)) in ends.zip(choice.links(phase)).enumerate() {
            let sent = program.hop_at(phase, near, far, cut);
            let on_air = self.send(Transfer::Hop { phase, hop }, &sent, link, energies)?;
            each(sent.overhead + on_air, sent.latency);
            let taken = link.map_or(0.0, |link| link.bandwidth_hz.0);
            if program.at.in_turns() {
                let constraint = Constraint::WholeBand { cluster: self.index, transfer: Transfer::Hop { phase, hop } };
                self.report.at_most(constraint, taken, program.at.cluster.bandwidth_hz.0);
            }
            band += taken;
        }
        Ok(band)
    }

    /// Time on air of a transmission, once; books the energy of all its uses and checks power and rate.
    fn send(
        &mut self,
        transfer: Transfer,
        sent: &Transmission,
        link: Option<Link>,
        energies: &mut Energies,
    ) -> Result<Seconds, FieldError> {
        let (cluster, transmitter) = (self.index, sent.transmitter);
        if link.is_none() && sent.is_decided() {
            let (bits, from, to) = (sent.bits, sent.sender, sent.receiver);
            let allowed = format!("given: node {from} sends {bits} to node {to}");
            return Err(FieldError::new(transfer.to_string(), "null", allowed));
        }
        let link = link.unwrap_or_default();
        // Version 1 limits what is said to be the power even where nothing is sent.
        if sent.wire.is_none() && (sent.bits.0 > 0.0 || self.program.at.spec.schema == Schema::V1) {
            let constraint = Constraint::Power { cluster, node: sent.sender, transfer };
            self.report.at_most(constraint, link.power_w.0, transmitter.max_power.0);
        }
        let time = sent.time(link);
        if time.0.is_infinite() {
            self.report.broken(Constraint::NoRate { cluster, transfer }, f64::INFINITY, sent.rate(link), sent.bits.0);
        }
        let energy = sent.energy(link, time) * sent.uses;
        energies.add_transmission(sent.sender, energy);
        self.terms.transmit_energy += times(transmitter.energy_price, energy.0);
        Ok(time)
    }
}

/// A device that takes part.
struct Placed {
    device: DeviceId,
    /// Among the active devices, from 0.
    position: usize,
    segment: Range<u32>,
}
