//! The run: one slot after the other.

use super::policy::{Choice, Exact, Policy, SlotContext};
use super::record::{
    ConvergenceRecord, ConvergenceSlot, NodeRecord, NodeRole, Provenance, RunRecord, RunSchema, SlotOutcome, SlotRecord,
};
use super::round::Round;
use super::states::StatesError;
use crate::bounds::BoundError;
use crate::ground::blame::{Blame, Blamed};
use crate::lyapunov::{BudgetError, ConvergenceController, EnergyController, QueueError, WarmStartError};
use crate::problem::{ProblemError, evaluate};
use crate::scenario::{Role, Sampler, Scenario, SlotError, SlotInstance, SlotState};
use crate::solver::{Settings, SettingsError, Solution, SolveError};
use crate::units::Joules;

/// Largest relative violation of a constraint that is rounding in a policy's decision.
pub(super) const FEASIBLE: f64 = 1e-9;

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
    /// A queue's price went out of the range of a slot problem: a budget is far below what its node spends, or a
    /// target out of reach.
    #[error(
        "{0}; an energy price is queue / budget and grows in every slot that spends more: give the node a larger \
         budget_j_per_round, or none (a penalty's queue: a larger convergence.target)"
    )]
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
    /// A policy's choice does not fit the slot's problem, or breaks a constraint.
    #[error("slot {slot}, policy {policy}: {reason}")]
    Decision {
        /// The slot.
        slot: u64,
        /// The policy.
        policy: String,
        /// What is wrong.
        reason: String,
    },
    /// A policy that cannot be used: it does not fit the scenario, or this build is without what it needs.
    #[error("policy {policy}: {reason}")]
    Policy {
        /// The policy.
        policy: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A round that is no decision of the slot problem: the optima of slot problems say nothing about it.
    #[error(
        "slot {slot}: the policy trains in another way than the slot problem, whose optima say nothing about its rounds"
    )]
    OwnRound {
        /// The slot.
        slot: u64,
    },
    /// Too many slots to keep all their alternatives.
    #[error("{slots} slots: a run of more than {most} is not compared with what else was possible")]
    TooLong {
        /// How many slots it has.
        slots: usize,
        /// The most.
        most: usize,
    },
}

impl Blamed for RunError {
    fn blame(&self) -> Blame {
        match self {
            Self::Solve(error) => error.blame(),
            Self::Budget(error) => error.blame(),
            Self::Convergence(error) => error.blame(),
            Self::Problem(error) => error.blame(),
            Self::Queues { source, .. } | Self::WarmStart(source) => source.blame(),
            Self::States(error) => error.blame(),
            Self::Policy { .. } | Self::OwnRound { .. } | Self::TooLong { .. } => Blame::Input,
            Self::Decision { .. } => Blame::Machine,
        }
    }
}

impl From<SettingsError> for RunError {
    fn from(error: SettingsError) -> Self {
        SolveError::from(error).into()
    }
}

/// A drift-plus-penalty run: an iterator over the slots of a scenario.
///
/// Every slot is decided by a [`Policy`], exactly unless another one is asked for, at the prices Z_k = Q_k/Ē_k of the
/// energy queues and, with a convergence constraint, at the plan penalties of its queue; then the queues take what the
/// slot spent and learned. A slot without a feasible decision is an outage: it is recorded with its reason, nothing is
/// spent, the energy queues shrink by a budget, and the run goes on. Slots are played one after the other on one
/// thread.
#[derive(Debug)]
pub struct Run<'a> {
    scenario: &'a Scenario,
    policy: Box<dyn Policy + 'a>,
    sampler: Sampler<'a>,
    controller: EnergyController,
    convergence: Option<ConvergenceController>,
    played: u64,
}

impl<'a> Run<'a> {
    /// A run that has not begun, every slot of which will be solved exactly.
    ///
    /// # Errors
    /// [`RunError`] for settings out of range.
    pub fn new(scenario: &'a Scenario, settings: Settings) -> Result<Self, RunError> {
        Self::with_policy(scenario, Box::new(Exact::new(settings)?))
    }

    /// A run that has not begun, whose rounds are decided by a policy of one's own choice.
    ///
    /// # Errors
    /// [`RunError`] for budgets or a convergence constraint out of range.
    pub fn with_policy(scenario: &'a Scenario, policy: Box<dyn Policy + 'a>) -> Result<Self, RunError> {
        let controller = EnergyController::new(scenario.budgets())?;
        let plans = scenario.plans();
        let convergence = scenario.convergence().map(|c| ConvergenceController::new(c.clone(), plans)).transpose()?;
        Ok(Self { scenario, policy, sampler: scenario.sampler(), controller, convergence, played: 0 })
    }

    /// Starts the queues at Q(0) instead of at zero, in budgets, one per node; those of nodes without a budget are left
    /// out of account. V·μ̂ with a good estimate μ̂ of the multiplier spares the run most of its transient, and the
    /// certificates account for Q(0).
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

    /// Who decides the rounds.
    #[must_use]
    pub fn policy(&self) -> &dyn Policy {
        self.policy.as_ref()
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
                policy: self.policy.name().into(),
                gap_tolerance: self.policy.gap_tolerance(),
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
            Ok(instance) => self.decide(state.slot(), &instance)?,
            Err(reason @ SlotError::NoDevices { .. }) => self.outage(reason.to_string()),
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

    fn outage(&self, reason: impl Into<String>) -> (SlotOutcome, Vec<Joules>) {
        (SlotOutcome::Outage { reason: reason.into() }, vec![Joules(0.0); self.controller.nodes()])
    }

    fn decide(&mut self, slot: u64, instance: &SlotInstance) -> Result<(SlotOutcome, Vec<Joules>), RunError> {
        let choice = self.policy.decide(&SlotContext { scenario: self.scenario, slot, instance })?;
        let policy = self.policy.name();
        let round = match choice {
            Choice::Outage(reason) => return Ok(self.outage(reason)),
            Choice::Solved(Solution { outcome: Err(infeasibility), .. }) => {
                return Ok(self.outage(infeasibility.to_string()));
            }
            Choice::Solved(Solution { status, outcome: Ok(best), work, .. }) => Round {
                status,
                lower_bound: Some(best.lower_bound),
                gap: Some(best.gap),
                shadow_prices: Some(best.shadow_prices),
                work,
                ..Round::decided(&instance.problem, best.decision, best.evaluation)
            },
            Choice::Decision(decision) => {
                let refused = |reason: String| RunError::Decision { slot, policy: policy.clone().into(), reason };
                let evaluation = evaluate(&instance.problem, &decision).map_err(|error| refused(error.to_string()))?;
                if !evaluation.feasibility.is_feasible(FEASIBLE) {
                    return Err(refused(evaluation.feasibility.to_string()));
                }
                Round::decided(&instance.problem, decision, evaluation)
            }
            Choice::Round(own) => {
                let refused = |reason| RunError::Decision { slot, policy: policy.clone().into(), reason };
                Round::own(&instance.problem, own).map_err(refused)?
            }
        };
        Ok(round.recorded(self.scenario, instance))
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
