//! A policy whose decisions are executed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use collapipe::problem::Decision;
use collapipe::scenario::{Role, Scenario};
use collapipe::simulation::{
    Choice, Executed, MeasuredParts, MeasuredSlot, Outage, Policy, PolicyKind, RunError, SlotContext, SlotOutcome,
    SlotRecord,
};
use collapipe::units::{Joules, Seconds};

use super::TrainingSettings;
use super::average::average;
use crate::compare::{Comparison, NodeEnergies, energies, planned_energies};
use crate::roles::{Coordinator, MeasuredRound, Parts, RoundError, RoundOrder, Way};
use crate::wire::Address;
use crate::work::{LearningSpec, WorkSpec};

/// A round that was executed to its end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExecutedRound {
    /// t, from 0.
    pub slot: u64,
    /// What was measured.
    pub measured: MeasuredRound,
    /// Predicted against measured.
    pub comparison: Comparison,
    /// Bytes that the nodes sent to each other in the round.
    pub sent_bytes: u64,
    /// Bytes of memory of the device that needed most.
    pub fullest_device_bytes: u64,
    /// What every node spent, by measured time and planned power.
    pub energy: NodeEnergies,
    /// What it was to spend.
    pub planned_energy: NodeEnergies,
    /// Time that devices computed, over the time that they were bound: active devices times the round's latency.
    pub efficiency: f64,
}

impl ExecutedRound {
    /// As run records have it.
    #[must_use]
    pub fn measured(&self) -> MeasuredSlot {
        let part = |cluster: usize, name: &str| {
            let mut parts = self.comparison.parts.iter();
            let found = parts.find(|part| part.cluster == Some(cluster) && part.part == name);
            Seconds(found.map_or(0.0, |part| part.measured_s))
        };
        let of = |cluster: usize| {
            let mut parts = MeasuredParts::default();
            parts.distribution_s = part(cluster, "distribution");
            parts.iterations_s = part(cluster, "iterations");
            parts.collection_s = part(cluster, "collection");
            parts.upload_s = part(cluster, "upload");
            parts.latency_s = part(cluster, "round");
            parts
        };
        let learned = self.measured.learned();
        let mut slot = MeasuredSlot::default();
        slot.latency_s = Seconds(self.measured.latency_s);
        slot.clusters = (0..self.measured.clusters.len()).map(of).collect();
        slot.late = self.comparison.late;
        slot.sent_bytes = self.sent_bytes;
        slot.loss = learned.map(|learned| learned.loss);
        slot.accuracy = learned.map(|learned| learned.correct as f64 / learned.counted as f64);
        slot
    }
}

/// What a run and its policy share.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub coordinator: &'a mut Coordinator,
    pub rounds: Vec<ExecutedRound>,
    /// The averaged model after the last round that counted.
    pub parts: Parts,
    /// Whether nodes may hold another one.
    torn: bool,
    /// Slots of a checkpoint, which are planned again and not executed.
    known: VecDeque<SlotRecord>,
}

impl<'a> State<'a> {
    pub fn new(coordinator: &'a mut Coordinator) -> Self {
        Self { coordinator, rounds: Vec::new(), parts: Parts::new(), torn: false, known: VecDeque::new() }
    }

    /// Takes up a run after these slots.
    pub fn go_on(&mut self, slots: Vec<SlotRecord>, parts: Parts) {
        self.torn = !parts.is_empty();
        (self.known, self.parts) = (slots.into(), parts);
    }

    pub fn next_known(&self) -> Option<SlotRecord> {
        self.known.front().cloned()
    }

    pub fn pop_known(&mut self) -> Option<SlotRecord> {
        self.known.pop_front()
    }

    /// FedAvg: the clusters' models become their average. After a failed round all take the last average first.
    fn round(&mut self, order: &RoundOrder) -> Result<MeasuredRound, RoundError> {
        let restored = if self.torn { self.parts.clone() } else { Parts::new() };
        self.torn = true;
        let measured = self.coordinator.round(order, &restored)?;
        if order.work.iter().any(|work| matches!(work, WorkSpec::Learning(_))) {
            let ends = |(cluster, round): (usize, &collapipe::problem::ClusterRound)| {
                [0, round.upload.to.0].map(|node| Address { cluster, node })
            };
            let ends: Vec<Address> = order.clusters.iter().enumerate().flat_map(ends).collect();
            let mut parts = self.coordinator.gather(order, &ends)?;
            let weights: Vec<f64> =
                order.clusters.iter().map(|round| round.samples * f64::from(round.plan.micro_batches)).collect();
            if weights.len() > 1 {
                average(&mut parts, &weights);
                self.coordinator.hand_out(order, &parts)?;
            }
            self.parts = parts;
        }
        self.torn = false;
        Ok(measured)
    }

    /// The devices that are not there, each a cluster and its index there.
    pub fn gone(&self, members: &[Address]) -> Vec<(usize, usize)> {
        let gone = members.iter().filter(|member| !self.coordinator.hall().has(**member));
        gone.filter_map(|member| Some((member.cluster, member.node.checked_sub(1)?))).collect()
    }

    fn execute(&mut self, slot: u64, order: &RoundOrder) -> Result<(), RoundError> {
        let measured = self.round(order)?;
        let comparison = Comparison::new(order, &measured).map_err(|error| RoundError::Plan(error.to_string()))?;
        let before: u64 = self.rounds.iter().map(|round| round.sent_bytes).sum();
        let sent_bytes = comparison.sent_bytes.saturating_sub(before);
        let (fullest_device_bytes, efficiency) = devices_of(order, &measured);
        let (energy, planned_energy) = (energies(order, &measured), planned_energies(order));
        self.rounds.push(ExecutedRound {
            slot,
            measured,
            comparison,
            sent_bytes,
            fullest_device_bytes,
            energy,
            planned_energy,
            efficiency,
        });
        Ok(())
    }
}

/// Memory of the fullest device, and the share of their time that devices computed.
fn devices_of(order: &RoundOrder, measured: &MeasuredRound) -> (u64, f64) {
    let (mut fullest, mut busy_s, mut active) = (0, 0.0, 0_usize);
    for (round, found) in order.clusters.iter().zip(&measured.clusters) {
        let is_device = |stage: usize| round.segments.get(stage).is_some_and(|segment| !segment.is_empty());
        let memory = found.memory_bytes.iter().enumerate().filter(|(stage, _)| is_device(*stage));
        fullest = memory.map(|(_, bytes)| *bytes).fold(fullest, u64::max);
        active += (0..round.stages.len()).filter(|stage| is_device(*stage)).count();
        let spans = found.iterations.iter().flat_map(|iteration| &iteration.spans);
        let computed = spans.filter(|span| {
            // Who works alone is the first stage of a pipeline of its own.
            !span.operation.kind.is_send()
                && (order.way == Way::WholeModels || is_device(span.operation.position as usize))
        });
        busy_s += computed.map(|span| span.end_s - span.start_s).sum::<f64>();
    }
    (fullest, busy_s / (active as f64 * measured.latency_s))
}

/// What came of a decision.
struct Done {
    /// Where it failed.
    outage: Option<Outage>,
    energy_j: Vec<Joules>,
    measured: Option<MeasuredSlot>,
}

/// Energies in the order of the scenario's nodes.
fn by_node(slot: &SlotContext<'_>, spent: Option<&NodeEnergies>) -> Vec<Joules> {
    let nodes = slot.scenario().nodes().iter().map(|node| {
        let place = match node.role {
            Role::Device(device) => device + 1,
            _ => 0,
        };
        spent.and_then(|spent| spent.get(&Address { cluster: node.cluster, node: place })).copied().unwrap_or_default()
    });
    nodes.collect()
}

#[derive(Debug)]
pub(super) struct Executing<'a> {
    policy: Box<dyn Policy>,
    settings: TrainingSettings,
    devices: Vec<usize>,
    /// Of every cluster, where a model learns.
    works: Option<Vec<WorkSpec>>,
    state: Arc<Mutex<State<'a>>>,
}

impl<'a> Executing<'a> {
    /// `batches`: samples of every cluster's batch.
    pub fn new(
        policy: Box<dyn Policy>,
        settings: TrainingSettings,
        (devices, batches): (Vec<usize>, Vec<u32>),
        state: Arc<Mutex<State<'a>>>,
    ) -> Self {
        let works = settings.learning.as_ref().map(|spec| {
            let of = |(cluster, batch): (usize, &u32)| {
                let spec = LearningSpec { batch: *batch as usize, ..spec.part(cluster, batches.len()) };
                WorkSpec::Learning(Box::new(spec))
            };
            batches.iter().enumerate().map(of).collect()
        });
        Self { policy, settings, devices, works, state }
    }

    /// Executes a decision.
    fn execute(&self, slot: &SlotContext<'_>, decision: &Decision) -> Result<Done, RunError> {
        let order = RoundOrder::synthetic(slot.problem(), decision, self.settings.pace);
        self.execute_order(slot, order.map_err(|error| self.failed(error.to_string()))?)
    }

    fn failed(&self, reason: String) -> RunError {
        RunError::Policy { policy: self.policy.name().into(), reason }
    }

    fn execute_order(&self, slot: &SlotContext<'_>, order: RoundOrder) -> Result<Done, RunError> {
        let order = RoundOrder { numbers: self.settings.numbers, patience_s: self.settings.patience_s, ..order };
        let mut order = order.renumbered(slot.present(), &self.devices);
        if let Some(works) = &self.works {
            order.work.clone_from(works);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.next_known() {
            // What came of it is known.
            let outage = match known.outcome {
                SlotOutcome::Outage(outage) => Some(outage),
                _ => None,
            };
            return Ok(Done { outage, energy_j: known.energy_j, measured: known.measured });
        }
        let Err(error) = state.execute(slot.slot(), &order) else {
            let last = state.rounds.last();
            let energy_j = by_node(slot, last.map(|round| &round.energy));
            return Ok(Done { outage: None, energy_j, measured: last.map(ExecutedRound::measured) });
        };
        let spent = state.coordinator.failed().map(|measured| energies(&order, measured));
        let device = error
            .node()
            .filter(|node| (1..=self.devices.get(node.cluster).copied().unwrap_or_default()).contains(&node.node));
        match device {
            Some(_) => {
                let outage = Some(Outage::no_round(format!("the round failed: {error}")));
                Ok(Done { outage, energy_j: by_node(slot, spent.as_ref()), measured: None })
            }
            // Without its control unit or edge server a cluster does not train.
            None => {
                let who = error.node().map(|node| if node.node == 0 { "control unit" } else { "edge server" });
                let why = who.map_or(String::new(), |who| format!(": without its {who} a cluster does not train"));
                Err(self.failed(format!("slot {}: {error}{why}", slot.slot())))
            }
        }
    }
}

impl Policy for Executing<'_> {
    fn name(&self) -> Cow<'static, str> {
        self.policy.name()
    }

    fn gap_tolerance(&self) -> Option<f64> {
        self.policy.gap_tolerance()
    }

    fn refuses(&self, scenario: &Scenario) -> Option<String> {
        self.policy.refuses(scenario)
    }

    fn remembers(&self) -> bool {
        self.policy.remembers()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let choice = self.policy.decide(slot)?;
        let done = match &choice {
            Choice::Solved(solution) => match &solution.outcome {
                Ok(best) => self.execute(slot, &best.decision)?,
                Err(_) => return Ok(choice),
            },
            Choice::Decision(decision) => self.execute(slot, decision)?,
            Choice::Round(own) if self.policy.name() == PolicyKind::FullModelFederated.to_string() => {
                let order = RoundOrder::whole_models(slot.problem(), own.plan, self.settings.pace);
                self.execute_order(slot, order.map_err(|error| self.failed(error.to_string()))?)?
            }
            Choice::Round(_) => {
                let reason =
                    "trains neither by a pipeline nor whole models on devices, which is all that can be executed"
                        .into();
                return Err(self.failed(reason));
            }
            _ => return Ok(choice),
        };
        let choice = done.outage.map_or(choice, Choice::Outage);
        Ok(Choice::Executed(Box::new(Executed::new(choice, done.energy_j, done.measured))))
    }
}
