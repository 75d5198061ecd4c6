//! A decided round, from the devices of a slot to those of the scenario.

use super::policy::{DeviceLoad, OwnCluster, OwnRound};
use super::record::{ClusterPlan, PlannedSlot, SlotOutcome, in_scenario};
use super::traffic::traffic;
use crate::problem::program::{ClusterProgram, segments};
use crate::problem::{
    CandidatePlan, Cluster, ClusterDecision, Decision, DeviceId, Evaluation, NodeId, ObjectiveTerms, ShadowPrices,
    SlotProblem, SlotSpec, Status, Work,
};
use crate::scenario::{Scenario, SlotInstance};
use crate::units::{Bytes, Joules, Seconds};

/// A round with everything that is recorded about it; devices are those of the slot's problem.
pub(super) struct Round {
    pub status: Status,
    pub objective: f64,
    pub lower_bound: Option<f64>,
    pub gap: Option<f64>,
    pub latency: Seconds,
    pub plan: usize,
    pub clusters: Vec<OwnCluster>,
    pub terms: ObjectiveTerms,
    pub shadow_prices: Option<ShadowPrices>,
    pub decision: Option<Decision>,
    pub work: Work,
}

impl Round {
    /// A decision of the slot problem, without a bound.
    ///
    /// # Errors
    /// In words, where the problem has no such plan.
    pub fn decided(problem: &SlotProblem, decision: Decision, evaluation: Evaluation) -> Result<Self, String> {
        let plan = plan(problem, decision.plan)?;
        let decided = problem.clusters.iter().zip(&decision.clusters).zip(evaluation.clusters);
        let clusters = decided
            .map(|((cluster, choice), costs)| OwnCluster { costs, devices: loads(problem, cluster, plan, choice) });
        Ok(Self {
            status: Status::Feasible,
            objective: evaluation.objective,
            lower_bound: None,
            gap: None,
            latency: evaluation.round_latency,
            plan: decision.plan,
            clusters: clusters.collect(),
            terms: evaluation.terms,
            shadow_prices: None,
            decision: Some(decision),
            work: Work::default(),
        })
    }

    /// A round that is not a decision of the slot problem, at the problem's prices.
    ///
    /// # Errors
    /// In words, what does not fit the problem.
    pub fn own(problem: &SlotProblem, own: OwnRound) -> Result<Self, String> {
        let plan = plan(problem, own.plan)?;
        if own.clusters.len() != problem.clusters.len() {
            return Err(format!("{} clusters: must be {}", own.clusters.len(), problem.clusters.len()));
        }
        let mut terms = ObjectiveTerms { plan_penalty: plan.penalty, ..ObjectiveTerms::default() };
        let mut latency = Seconds(0.0);
        for (n, (own, cluster)) in own.clusters.iter().zip(&problem.clusters).enumerate() {
            check(own, cluster).map_err(|reason| format!("clusters[{n}]: {reason}"))?;
            let costs = &own.costs;
            latency = Seconds(latency.0.max(costs.latency.0));
            terms.transmit_energy += cluster.control_unit.energy_price * costs.control_unit_energy.0;
            for (device, energy) in cluster.devices.iter().zip(&costs.device_energy) {
                terms.compute_energy += device.energy_price * energy.compute.0;
                terms.transmit_energy += device.energy_price * energy.transmit.0;
            }
            terms.server_energy += cluster.edge_server.energy_price * costs.edge_server.energy.0;
        }
        terms.latency = problem.latency_weight * latency.0;
        Ok(Self {
            status: Status::Feasible,
            objective: terms.total(),
            lower_bound: None,
            gap: None,
            latency,
            plan: own.plan,
            clusters: own.clusters,
            terms,
            shadow_prices: None,
            decision: None,
            work: Work::default(),
        })
    }

    /// The round as it is recorded, and what every node of the scenario spent.
    pub fn recorded(self, scenario: &Scenario, instance: &SlotInstance) -> (SlotOutcome, Vec<Joules>) {
        let spent = instance.energies(scenario, self.clusters.iter().map(|cluster| &cluster.costs));
        let of_scenario = scenario.spec().clusters.iter().zip(&instance.present).zip(self.clusters);
        let clusters = of_scenario.enumerate().map(|(n, ((spec, present), cluster))| {
            let loads = scatter(spec.devices.len(), present, cluster.devices);
            let choice = self.decision.as_ref().and_then(|decision| decision.clusters.get(n));
            let traffic = choice.zip(instance.problem.clusters.get(n)).zip(instance.problem.plans.get(self.plan)).map(
                |((choice, cluster), plan)| {
                    traffic(&ClusterProgram::new(&instance.problem, cluster).under(plan), choice, |node| {
                        in_cluster(node, present, spec.devices.len())
                    })
                },
            );
            let (pipeline, messages) = traffic.unzip();
            ClusterPlan {
                latency_s: cluster.costs.latency,
                parts: cluster.costs.parts,
                sizes: loads.iter().map(|load| load.blocks).collect(),
                latency_share: self.shadow_prices.as_ref().and_then(|prices| prices.latency_share.get(n).copied()),
                memory_bytes: loads.iter().map(|load| load.memory).collect(),
                compute_s: loads.iter().map(|load| load.compute).collect(),
                edge_server: cluster.costs.edge_server,
                pipeline,
                messages: messages.unwrap_or_default(),
            }
        });
        let planned = PlannedSlot {
            status: self.status,
            objective: self.objective,
            lower_bound: self.lower_bound,
            gap: self.gap,
            latency_s: self.latency,
            plan: self.plan,
            clusters: clusters.collect(),
            terms: self.terms,
            shadow_prices: self.shadow_prices,
            decision: self.decision.and_then(|decision| in_scenario(decision, &instance.present)),
            work: self.work,
        };
        (SlotOutcome::Planned(planned), spent)
    }
}

fn plan(problem: &SlotProblem, index: usize) -> Result<&CandidatePlan, String> {
    let plans = problem.plans.len();
    problem.plans.get(index).ok_or_else(|| format!("plan = {index}: must be below {plans}"))
}

/// A node of a slot's problem, which has only the devices that are present, as one of the scenario's cluster.
fn in_cluster(node: NodeId, present: &[usize], devices: usize) -> NodeId {
    match node.device() {
        None => NodeId::CONTROL_UNIT,
        Some(device) => present.get(device.0).map_or(NodeId::edge_server(devices), |device| DeviceId(*device).node()),
    }
}

/// One entry per device of the scenario: those of the devices that are present, the default for the others.
fn scatter<T: Copy + Default>(devices: usize, present: &[usize], values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all = vec![T::default(); devices];
    for (&device, value) in present.iter().zip(values) {
        if let Some(slot) = all.get_mut(device) {
            *slot = value;
        }
    }
    all
}

/// What the devices of a cluster hold and compute.
fn loads(problem: &SlotSpec, cluster: &Cluster, plan: &CandidatePlan, choice: &ClusterDecision) -> Vec<DeviceLoad> {
    let mut loads = vec![DeviceLoad::default(); cluster.devices.len()];
    let program = ClusterProgram::new(problem, cluster).under(plan);
    let active = choice.active.len();
    for (position, (&k, segment)) in choice.active.iter().zip(segments(&choice.sizes)).enumerate() {
        let (Some(load), Some(device)) = (loads.get_mut(k.0), cluster.devices.get(k.0)) else { continue };
        *load = DeviceLoad {
            blocks: segment.end.saturating_sub(segment.start),
            memory: Bytes(program.segment_memory(position, active, &segment)),
            compute: program.computing(device, &segment),
        };
    }
    loads
}

/// A value that is not a cost.
fn check(own: &OwnCluster, cluster: &Cluster) -> Result<(), String> {
    let devices = cluster.devices.len();
    let (energies, loads) = (own.costs.device_energy.len(), own.devices.len());
    if energies != devices || loads != devices {
        return Err(format!("{energies} energies and {loads} loads for {devices} devices: must be equal in number"));
    }
    let cost = |what: &str, value: f64| match value.is_finite() && value >= 0.0 {
        true => Ok(()),
        false => Err(format!("{what} = {value:?}: must be a finite number >= 0")),
    };
    cost("latency", own.costs.latency.0)?;
    cost("control_unit_energy", own.costs.control_unit_energy.0)?;
    cost("edge_server.energy", own.costs.edge_server.energy.0)?;
    cost("edge_server.busy", own.costs.edge_server.busy.0)?;
    cost("edge_server.memory", own.costs.edge_server.memory.0)?;
    for (k, (energy, load)) in own.costs.device_energy.iter().zip(&own.devices).enumerate() {
        cost(&format!("devices[{k}].energy.compute"), energy.compute.0)?;
        cost(&format!("devices[{k}].energy.transmit"), energy.transmit.0)?;
        cost(&format!("devices[{k}].memory"), load.memory.0)?;
        cost(&format!("devices[{k}].compute"), load.compute.0)?;
    }
    Ok(())
}
