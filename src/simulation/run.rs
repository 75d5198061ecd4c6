//! The run: one slot after the other.

use super::record::{
    ClusterPlan, ConvergenceRecord, ConvergenceSlot, NodeRecord, NodeRole, PlannedSlot, Provenance, RunRecord,
    RunSchema, SlotOutcome, SlotRecord,
};
use super::states::StatesError;
use crate::bounds::BoundError;
use crate::lyapunov::{BudgetError, ConvergenceController, EnergyController, QueueError, WarmStartError};
use crate::problem::ProblemError;
use crate::scenario::{Role, Sampler, Scenario, SlotError, SlotInstance, SlotState};
use crate::solver::{Certified, Settings, Solution, SolveError, solve};
use crate::units::Joules;

/// Why a run could not go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The solver cannot be used: a setting out of range, or an option of the scenario it does not support.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// A budget is not positive and finite.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The convergence constraint has no bound for a plan.
    #[error(transparent)]
    Convergence(#[from] BoundError),
    /// A queue price went out of the range of a slot problem.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// A decision's energies, or the convergence constraint's violation, are not finite.
    #[error("queues of slot {slot}: {source}")]
    Queues {
        /// The slot.
        slot: u64,
        /// What is wrong.
        source: QueueError,
    },
    /// A warm start has a wrong number of queues, or one that is negative or not finite.
    #[error("warm start: {0}")]
    WarmStart(QueueError),
    /// The states of a record's slots cannot be had.
    #[error(transparent)]
    States(#[from] StatesError),
    /// Too many slots to keep all their alternatives.
    #[error("{slots} slots: a run of more than {most} is not compared with what else was possible")]
    TooLong {
        /// How many slots it has.
        slots: usize,
        /// The most.
        most: usize,
    },
}

/// A drift-plus-penalty run: an iterator over the slots of a scenario.
///
/// Every slot is solved at the prices Z_k = Q_k/Ē_k of the energy queues and, with a convergence constraint, at the plan penalties
/// of its queue; then the queues take what the slot spent and learned. A slot without a feasible decision is an outage: it is recorded with its reason, nothing is
/// spent, the energy queues shrink by a budget, and the run goes on. Slots are played one after the other on one thread.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    scenario: &'a Scenario,
    settings: Settings,
    sampler: Sampler<'a>,
    controller: EnergyController,
    convergence: Option<ConvergenceController>,
    played: u64,
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    ///
    /// # Errors
    /// [`RunError`] for settings out of range.
    pub fn new(scenario: &'a Scenario, settings: Settings) -> Result<Self, RunError> {
        settings.validate().map_err(SolveError::from)?;
        let controller = EnergyController::new(scenario.budgets())?;
        let plans = scenario.plans();
        let convergence = scenario.convergence().map(|c| ConvergenceController::new(c.clone(), plans)).transpose()?;
        Ok(Self { scenario, settings, sampler: scenario.sampler(), controller, convergence, played: 0 })
    }

    /// Starts the queues at Q(0) instead of at zero, in budgets, one per node; those of nodes without a budget are left out of
    /// account. V·μ̂ with a good estimate μ̂ of the multiplier spares the run most of its transient, and the certificates
    /// account for Q(0).
    ///
    /// # Errors
    /// [`RunError::WarmStart`] for a wrong number of queues, or one that is negative or not finite.
    pub fn warm_start(mut self, initial: &[f64]) -> Result<Self, RunError> {
        self.controller =
            EnergyController::starting_at(self.scenario.budgets(), initial).map_err(|error| match error {
                WarmStartError::Budget(error) => RunError::Budget(error),
                WarmStartError::Queue(error) => RunError::WarmStart(error),
            })?;
        Ok(self)
    }

    /// Leaves out the scenario's first `slots` slots, as if they had never been.
    pub(super) fn skip_states(mut self, slots: u64) -> Self {
        (0..slots).for_each(|_| drop(self.sampler.next_slot()));
        self
    }

    /// Accuracy of the solves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The energy queues as they stand.
    #[must_use]
    pub fn controller(&self) -> &EnergyController {
        &self.controller
    }

    /// The convergence queue as it stands; none where the scenario has no such constraint.
    #[must_use]
    pub fn convergence(&self) -> Option<&ConvergenceController> {
        self.convergence.as_ref()
    }

    /// Slots played so far.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.played
    }

    /// The problem that the next slot will solve, at the queue prices as they stand; the run does not move.
    ///
    /// # Errors
    /// [`SlotError`] where the slot has no problem: it will be an outage.
    pub fn next_problem(&self) -> Result<SlotInstance, SlotError> {
        self.problem(&self.sampler.clone().next_slot())
    }

    /// The record of the run so far, with the slots it gave.
    #[must_use]
    pub fn record(&self, slots: Vec<SlotRecord>) -> RunRecord {
        let spec = self.scenario.spec();
        let nodes = self.scenario.nodes().iter().map(|node| NodeRecord {
            name: node.name.clone(),
            cluster: node.cluster,
            role: match node.role {
                Role::ControlUnit => NodeRole::ControlUnit,
                Role::Device(_) => NodeRole::Device,
            },
            budget_j: node.budget,
        });
        RunRecord {
            schema: RunSchema::V1,
            provenance: Provenance {
                version: env!("CARGO_PKG_VERSION").into(),
                scenario: spec.name.clone(),
                scenario_digest: self.scenario.digest(),
                seed: spec.seed,
                latency_weight: spec.latency_weight,
                slots_planned: spec.slots,
                gap_tolerance: self.settings.gap,
            },
            scenario: Some(Box::new(spec.clone())),
            clusters: spec.clusters.iter().map(|cluster| cluster.name.clone()).collect(),
            blocks: self.scenario.model().blocks,
            nodes: nodes.collect(),
            plans: self.scenario.plans().to_vec(),
            convergence: self.convergence.as_ref().map(|controller| ConvergenceRecord {
                constraint: controller.constraint().clone(),
                scale: controller.scale(),
                violations: controller.violations().to_vec(),
            }),
            initial_queues: self.controller.initial(),
            slots,
            comparison: None,
        }
    }

    fn problem(&self, state: &SlotState) -> Result<SlotInstance, SlotError> {
        let penalty = |plan| self.convergence.as_ref().map_or(0.0, |controller| controller.penalty(plan));
        state.problem_with_penalties(|node| self.controller.energy_price(node), penalty)
    }

    fn play(&mut self) -> Result<SlotRecord, RunError> {
        let state = self.sampler.next_slot();
        let nodes = 0..self.controller.nodes();
        let energy_prices = nodes.clone().map(|node| self.controller.energy_price(node)).collect();
        let (outcome, energy_j) = match self.problem(&state) {
            Ok(instance) => self.decide(&instance)?,
            Err(reason @ SlotError::NoDevices { .. }) => self.outage(&reason),
            Err(SlotError::Problem(error)) => return Err(error.into()),
        };
        let failed = |source| RunError::Queues { slot: state.slot(), source };
        self.controller.spend(&energy_j).map_err(failed)?;
        let plan = match &outcome {
            SlotOutcome::Planned(planned) => Some(planned.plan),
            SlotOutcome::Outage { .. } => None,
        };
        let convergence = match &mut self.convergence {
            Some(controller) => {
                controller.play(plan).map_err(failed)?;
                Some(ConvergenceSlot { violation: controller.violation(plan), queue: controller.queue() })
            }
            None => None,
        };
        Ok(SlotRecord {
            slot: state.slot(),
            present: state.present().to_vec(),
            energy_prices,
            outcome,
            energy_j,
            queues: nodes.map(|node| self.controller.queue(node).unwrap_or(0.0)).collect(),
            convergence,
        })
    }

    fn outage(&self, reason: &impl ToString) -> (SlotOutcome, Vec<Joules>) {
        (SlotOutcome::Outage { reason: reason.to_string() }, vec![Joules(0.0); self.controller.nodes()])
    }

    fn decide(&self, instance: &SlotInstance) -> Result<(SlotOutcome, Vec<Joules>), RunError> {
        let Solution { status, outcome, work, .. } = match solve(&instance.problem, &self.settings) {
            Ok(solution) => solution,
            Err(failure @ SolveError::Numerical) => return Ok(self.outage(&failure)),
            Err(error) => return Err(error.into()),
        };
        let best = match outcome {
            Ok(best) => best,
            Err(infeasibility) => return Ok(self.outage(&infeasibility)),
        };
        let (clusters, energy) = self.to_scenario(instance, &best);
        let planned = PlannedSlot {
            status,
            objective: best.objective(),
            lower_bound: best.lower_bound,
            gap: best.gap,
            latency_s: best.evaluation.round_latency,
            plan: best.decision.plan,
            clusters,
            terms: best.evaluation.terms,
            shadow_prices: best.shadow_prices,
            decision: best.decision,
            work,
        };
        Ok((SlotOutcome::Planned(planned), energy))
    }

    /// Sizes and energies, from the devices of a slot to those of the scenario.
    pub(super) fn to_scenario(&self, instance: &SlotInstance, best: &Certified) -> (Vec<ClusterPlan>, Vec<Joules>) {
        let mut plans = Vec::with_capacity(instance.present.len());
        let mut energy = Vec::with_capacity(self.controller.nodes());
        let clusters = self.scenario.spec().clusters.iter().zip(&instance.present);
        let mut shares = best.shadow_prices.latency_share.iter().copied();
        for ((spec, present), (choice, costs)) in
            clusters.zip(best.decision.clusters.iter().zip(&best.evaluation.clusters))
        {
            let mut sizes = vec![0; spec.devices.len()];
            for (&k, &size) in choice.active.iter().zip(&choice.sizes) {
                if let Some(slot) = present.get(k).and_then(|&device| sizes.get_mut(device)) {
                    *slot = size;
                }
            }
            let mut spent = vec![Joules(0.0); spec.devices.len()];
            for (&device, cost) in present.iter().zip(&costs.device_energy) {
                if let Some(slot) = spent.get_mut(device) {
                    *slot = cost.total();
                }
            }
            energy.push(costs.control_unit_energy);
            energy.append(&mut spent);
            plans.push(ClusterPlan {
                latency_s: costs.latency,
                parts: costs.parts,
                sizes,
                latency_share: shares.next().unwrap_or(0.0),
            });
        }
        (plans, energy)
    }
}

impl Iterator for Run<'_> {
    type Item = Result<SlotRecord, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.played >= self.scenario.spec().slots {
            return None;
        }
        let record = self.play();
        // After an error there is nothing to go on with.
        self.played = if record.is_ok() { self.played + 1 } else { self.scenario.spec().slots };
        Some(record)
    }
}
