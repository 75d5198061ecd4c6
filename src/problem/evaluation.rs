//! What any decision costs.

use serde::{Deserialize, Serialize};

use super::answer::ObjectiveTerms;
use super::decision::{ClusterDecision, Decision, Link};
use super::feasibility::{Constraint, FeasibilityReport, Transfer};
use super::program::{ClusterProgram, PlanProgram, Timing, Transmission, block_cap, block_memory};
use super::shape::{self, DecisionError};
use super::slot::{Participation, SlotProblem};
use crate::ground::phase::Phase;
use crate::ground::route::{DeviceId, NodeId, Route};
use crate::ground::units::{Joules, Seconds};

/// A cluster's latency T_n by part; the parts sum to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyParts {
    /// What no decision changes.
    #[serde(rename = "fixed_s")]
    pub fixed: Seconds,
    /// The control unit sends the segments out.
    #[serde(rename = "distribution_s")]
    pub distribution: Seconds,
    /// All I forward phases.
    #[serde(rename = "forward_s")]
    pub forward: Seconds,
    /// All I backward phases.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
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

/// A cluster's latency and energy. Infinite where something must be sent without a rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
}

/// What a decision costs and which constraints it breaks.
///
/// Serializes with the units in the names; infinite numbers become `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// Evaluates any decision that has the problem's shape, feasible or not, for either [`Overlap`](super::Overlap).
///
/// The formulas are those of the slot problem: rates by Shannon, phases by the makespan Σ t + (M−1) max t of M
/// micro-batches, energies (p/η + p_c)·t of sending and I·B·d (c_F + c_B)·ε of computing (our own reconstruction of the
/// paper's system). A transfer of zero bits takes neither time nor energy. O(N·K) time, one allocation per cluster.
///
/// # Errors
/// [`DecisionError`] names the path of the first index, list or number that does not fit the problem. Broken
/// constraints are not errors: they are in [`Evaluation::feasibility`].
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
        .run();
        round_latency = Seconds(round_latency.0.max(evaluation.latency.0));
        upload_band += choice.upload.bandwidth_hz.0;
        clusters.push(evaluation);
    }
    report.at_most(Constraint::UplinkBand, upload_band, problem.uplink.bandwidth_hz.0);
    terms.latency = problem.latency_weight * round_latency.0;
    let objective = terms.total();
    Ok(Evaluation { clusters, round_latency, terms, objective, feasibility: report })
}

/// Product in which zero wins over infinity: what is free costs nothing however long it takes.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
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
    fn run(mut self) -> ClusterEvaluation {
        let (program, choice) = (self.program.at, self.choice);
        let cluster = program.cluster;
        self.check_segments();
        let mut energies =
            Energies { control_unit: Joules(0.0), devices: vec![DeviceEnergy::default(); cluster.devices.len()] };
        let forward = self.phase(Phase::Forward, &choice.forward, &mut energies);
        let backward = self.phase(Phase::Backward, &choice.backward, &mut energies);
        let mut parts = LatencyParts { fixed: cluster.fixed_seconds, forward, backward, ..LatencyParts::default() };
        let powers = choice.collection_power_w.iter().zip(&choice.distribution_power_w);
        for (position, ((&k, &size), (&up, &down))) in choice.active.iter().zip(&choice.sizes).zip(powers).enumerate() {
            let on_band = |power_w| Link { bandwidth_hz: cluster.bandwidth_hz, power_w };
            let transfer = Transfer::Collection { position };
            parts.collection += self.send(transfer, &program.collection(k, size), on_band(up), &mut energies);
            let transfer = Transfer::Distribution { position };
            parts.distribution += self.send(transfer, &program.distribution(k, size), on_band(down), &mut energies);
            if let (Some(device), Some(energy)) = (cluster.devices.get(k.0), energies.devices.get_mut(k.0)) {
                energy.compute = self.program.compute_energy_per_block(device) * f64::from(size);
                self.terms.compute_energy += times(device.energy_price, energy.compute.0);
            }
        }
        parts.upload = self.send(Transfer::Upload, &program.upload(), choice.upload, &mut energies);
        ClusterEvaluation {
            latency: parts.total(),
            parts,
            device_energy: energies.devices,
            control_unit_energy: energies.control_unit,
        }
    }

    /// Participation, sizes and memory.
    fn check_segments(&mut self) {
        let (cluster, choice) = (self.index, self.choice);
        let ClusterProgram { spec, cluster: data } = self.program.at;
        let blocks = spec.encoder.blocks;
        let sum: u64 = choice.sizes.iter().map(|&d| u64::from(d)).sum();
        if sum != u64::from(blocks) {
            let amount = sum.abs_diff(u64::from(blocks)) as f64 / f64::from(blocks);
            self.report.broken(Constraint::SizeSum { cluster }, amount, sum as f64, f64::from(blocks));
        }
        let per_block = block_memory(&spec.encoder, data);
        let mut chosen = choice.active.iter().zip(&choice.sizes).peekable();
        for (k, device) in DeviceId::all(data.devices.len()).zip(&data.devices) {
            match chosen.next_if(|&(&active, _)| active == k) {
                Some((_, 0)) => self.report.broken(Constraint::SizeAtLeastOne { cluster, device: k }, 1.0, 0.0, 1.0),
                Some((_, &size)) if size > block_cap(spec, data, device) => {
                    let (found, limit) = (f64::from(size) * per_block, device.memory_bytes.0);
                    self.report.exceeded(Constraint::Memory { cluster, device: k }, found, limit);
                }
                Some(_) => {}
                None if spec.participation == Participation::All => {
                    self.report.broken(Constraint::Participation { cluster, device: k }, 1.0, 0.0, 1.0);
                }
                None => {}
            }
        }
    }

    /// All I runs of a phase.
    fn phase(&mut self, phase: Phase, links: &[Link], energies: &mut Energies) -> Seconds {
        let (program, route) = (self.program, self.route);
        let mut timing = Timing::new(program.pacing, program.silent_time(phase));
        let mut stages = program.stage_times(phase, route, &self.choice.sizes);
        if phase == Phase::Backward {
            // The embedding sends nothing then; a hop's sender is the farther of its ends.
            stages.next();
        }
        let mut band = 0.0;
        for (hop, (((near, far), compute), &link)) in route.hops().zip(stages).zip(links).enumerate() {
            let transfer = Transfer::Hop { phase, hop };
            let on_air = self.send(transfer, &program.hop(phase, near, far), link, energies);
            timing.add(compute, program.hop_latency() + on_air);
            band += link.bandwidth_hz.0;
        }
        let constraint = Constraint::Band { cluster: self.index, phase };
        self.report.at_most(constraint, band, program.at.cluster.bandwidth_hz.0);
        timing.latency()
    }

    /// Time on air of a transmission, once; books the energy of all its uses and checks power and rate.
    fn send(&mut self, transfer: Transfer, sent: &Transmission, link: Link, energies: &mut Energies) -> Seconds {
        let (cluster, transmitter) = (self.index, sent.transmitter);
        let constraint = Constraint::Power { cluster, node: sent.sender, transfer };
        self.report.at_most(constraint, link.power_w.0, transmitter.max_power.0);
        let time = sent.time(link);
        if time.0.is_infinite() {
            self.report.broken(Constraint::NoRate { cluster, transfer }, f64::INFINITY, sent.rate(link), sent.bits.0);
        }
        let energy = times(transmitter.drawn(link.power_w).0, time.0) * sent.uses;
        energies.add_transmission(sent.sender, Joules(energy));
        self.terms.transmit_energy += times(transmitter.energy_price, energy);
        time
    }
}
