//! What any decision costs.

use serde::{Deserialize, Serialize};

use super::answer::ObjectiveTerms;
use super::costs::{
    Phase, Transmitter, block_cap, block_memory, boundary_bits, compute_energy_per_block, hop_uses, makespan,
    micro_batch, path_node, position_time, shannon_rate, transfer_time,
};
use super::decision::{ClusterDecision, Decision, Link};
use super::feasibility::{Constraint, FeasibilityReport, Transfer};
use super::shape::{self, DecisionError};
use super::slot::{Cluster, Overlap, Participation, Plan, SlotProblem, SlotSpec};
use crate::units::{Bits, Joules, Seconds};

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

/// Evaluates any decision that has the problem's shape, feasible or not, for either [`Overlap`].
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
        let evaluation =
            Evaluator { problem, plan, cluster, choice, index, terms: &mut terms, report: &mut report }.run();
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
    problem: &'a SlotSpec,
    plan: &'a Plan,
    cluster: &'a Cluster,
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
    fn add_transmission(&mut self, node: usize, energy: Joules) {
        match node.checked_sub(1) {
            None => self.control_unit += energy,
            Some(k) => {
                if let Some(device) = self.devices.get_mut(k) {
                    device.transmit += energy;
                }
            }
        }
    }
}

impl Evaluator<'_> {
    fn run(mut self) -> ClusterEvaluation {
        let (cluster, choice) = (self.cluster, self.choice);
        self.check_segments();
        let mut energies =
            Energies { control_unit: Joules(0.0), devices: vec![DeviceEnergy::default(); cluster.devices.len()] };
        let forward = self.phase(Phase::Forward, &choice.forward, &mut energies);
        let backward = self.phase(Phase::Backward, &choice.backward, &mut energies);
        let mut parts = LatencyParts { fixed: cluster.fixed_seconds, forward, backward, ..LatencyParts::default() };
        let powers = choice.collection_power_w.iter().zip(&choice.distribution_power_w);
        for (position, ((&k, &size), (&up, &down))) in choice.active.iter().zip(&choice.sizes).zip(powers).enumerate() {
            let bits = self.problem.encoder.parameter_bits_per_block * f64::from(size);
            let band = cluster.bandwidth_hz;
            let link = Link { bandwidth_hz: band, power_w: up };
            let transfer = Transfer::Collection { position };
            parts.collection += self.send(transfer, (k + 1, 0), link, bits, 1.0, &mut energies);
            let link = Link { bandwidth_hz: band, power_w: down };
            let transfer = Transfer::Distribution { position };
            parts.distribution += self.send(transfer, (0, k + 1), link, bits, 1.0, &mut energies);
            if let (Some(device), Some(energy)) = (cluster.devices.get(k), energies.devices.get_mut(k)) {
                let per_block = compute_energy_per_block(&self.problem.encoder, cluster, self.plan, device);
                energy.compute = per_block * f64::from(size);
                self.terms.compute_energy += times(device.energy_price, energy.compute.0);
            }
        }
        let server = cluster.devices.len() + 1;
        parts.upload = self.send(Transfer::Upload, (0, server), choice.upload, cluster.upload_bits, 1.0, &mut energies);
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
        let blocks = self.problem.encoder.blocks;
        let sum: u64 = choice.sizes.iter().map(|&d| u64::from(d)).sum();
        if sum != u64::from(blocks) {
            let amount = sum.abs_diff(u64::from(blocks)) as f64 / f64::from(blocks);
            self.report.broken(Constraint::SizeSum { cluster }, amount, sum as f64, f64::from(blocks));
        }
        let per_block = block_memory(&self.problem.encoder, self.cluster);
        let mut chosen = choice.active.iter().zip(&choice.sizes).peekable();
        for (k, device) in self.cluster.devices.iter().enumerate() {
            match chosen.next_if(|&(&active, _)| active == k) {
                Some((_, 0)) => self.report.broken(Constraint::SizeAtLeastOne { cluster, device: k }, 1.0, 0.0, 1.0),
                Some((_, &size)) if size > block_cap(self.problem, self.cluster, device) => {
                    let (found, limit) = (f64::from(size) * per_block, device.memory_bytes.0);
                    self.report.exceeded(Constraint::Memory { cluster, device: k }, found, limit);
                }
                Some(_) => {}
                None if self.problem.participation == Participation::All => {
                    self.report.broken(Constraint::Participation { cluster, device: k }, 1.0, 0.0, 1.0);
                }
                None => {}
            }
        }
    }

    /// All I runs of a phase.
    fn phase(&mut self, phase: Phase, links: &[Link], energies: &mut Energies) -> Seconds {
        let (problem, plan, cluster, choice) = (self.problem, self.plan, self.cluster, self.choice);
        let micro_batch = micro_batch(cluster, plan);
        let bits = boundary_bits(&problem.encoder, micro_batch);
        let segments = (choice.active.as_slice(), choice.sizes.as_slice());
        let compute_time =
            |position: usize| position_time(&problem.encoder, cluster, segments, phase, micro_batch, position);
        // The one stage that sends nothing: the decoder forward, the embedding backward.
        let silent = match phase {
            Phase::Forward => compute_time(links.len()),
            Phase::Backward => compute_time(0),
        };
        let (mut sum, mut pace, mut band) = (silent, silent.0, 0.0);
        for (hop, &link) in links.iter().enumerate() {
            let tx = path_node(cluster, &choice.active, phase.sender(hop));
            let rx = path_node(cluster, &choice.active, phase.receiver(hop));
            let transfer = Transfer::Hop { phase, hop };
            let on_air = self.send(transfer, (tx, rx), link, bits, hop_uses(plan), energies);
            let (compute, send) = (compute_time(phase.sender(hop)), cluster.hop_latency_s + on_air);
            pace = match problem.overlap {
                Overlap::Full => pace.max(compute.0).max(send.0),
                Overlap::None => pace.max((compute + send).0),
            };
            sum = sum + compute + send;
            band += link.bandwidth_hz.0;
        }
        let constraint = Constraint::Band { cluster: self.index, phase };
        self.report.at_most(constraint, band, cluster.bandwidth_hz.0);
        makespan(plan, sum, Seconds(pace)) * f64::from(plan.local_iterations)
    }

    /// Time on air of one of `uses` equal transmissions from node `tx` to node `rx`; books the energy of all of them
    /// and checks power and rate.
    fn send(
        &mut self,
        transfer: Transfer,
        (tx, rx): (usize, usize),
        link: Link,
        bits: Bits,
        uses: f64,
        energies: &mut Energies,
    ) -> Seconds {
        let transmitter = Transmitter::of(self.cluster, tx);
        let constraint = Constraint::Power { cluster: self.index, node: tx, transfer };
        self.report.at_most(constraint, link.power_w.0, transmitter.max_power.0);
        let rate = shannon_rate(link.bandwidth_hz, link.power_w, self.cluster.gain_to_noise_hz_per_w.get(tx, rx));
        let time = transfer_time(bits, rate);
        if time.0.is_infinite() {
            let constraint = Constraint::NoRate { cluster: self.index, transfer };
            self.report.broken(constraint, f64::INFINITY, rate, bits.0);
        }
        let energy = times(transmitter.drawn(link.power_w).0, time.0) * uses;
        energies.add_transmission(tx, Joules(energy));
        self.terms.transmit_energy += times(transmitter.energy_price, energy);
        time
    }
}
