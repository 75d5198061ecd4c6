//! The run: one slot after the other.

use super::form::StandardForm;
use super::policy::{ExactPolicy, Policy};
use super::record::{ConvergenceRecord, NodeRecord, NodeRole, Provenance, RunRecord, RunSchema, SlotRecord};
use super::record_error::RecordError;
use super::rounds::Rounds;
use super::states::StatesError;
use super::traced;
use crate::bounds::BoundError;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::lyapunov::{BudgetError, Certificate, Engine, EngineError, QueueError, Queues};
use crate::problem::ProblemError;
use crate::scenario::{Node, Role, Sampler, Scenario, SlotError, SlotInstance, SlotState};
use crate::solver::{Settings, SettingsError, SolveError};

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
    /// The slot has no problem.
    #[error(transparent)]
    Slot(SlotError),
    /// Queues, energies or a plan that are not those of the scenario.
    #[error("queues of slot {slot}: {source}")]
    Queues {
        /// The slot.
        slot: u64,
        /// What is wrong.
        source: QueueError,
    },
    /// The outcome of a slot cannot be booked: a number that is not finite, or a bound above its own decision.
    #[error(transparent)]
    Engine(Box<EngineError<Self>>),
    /// A scenario is played at its own latency weight.
    #[error("latency weight {asked:?}: must be {own:?}, that of the scenario")]
    LatencyWeight {
        /// V that was asked for.
        asked: f64,
        /// V of the scenario.
        own: f64,
    },
    /// A record that does not fit together.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A scenario whose gains are measured: there are no states to play.
    #[error(
        "the channel of cluster {cluster:?} is \"measured\": its gains are known only as they are measured; give it a \
         channel that can be drawn, or make states of measurements (SlotState::measured)"
    )]
    Measured {
        /// Name of the cluster.
        cluster: String,
    },
    /// A warm start has a wrong number of queues, or one that is negative or not finite.
    #[error("warm start: {0}")]
    WarmStart(QueueError),
    /// The states of a record's slots cannot be obtained.
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
    /// A round that is not a decision of the slot problem: the optima of slot problems say nothing about it.
    #[error(
        "slot {slot}: the policy trains in another way than the slot problem, whose optima say nothing about its rounds"
    )]
    OwnRound {
        /// The slot.
        slot: u64,
    },
    /// A slot that an earlier run left is not the next one of this run.
    #[error("cannot go on with an earlier run: slot {slot} is not that of this run by its {what}")]
    Resume {
        /// The slot.
        slot: u64,
        /// What differs.
        what: &'static str,
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
            Self::Slot(error) => error.blame(),
            Self::Record(error) => error.blame(),
            Self::States(error) => error.blame(),
            Self::LatencyWeight { .. } | Self::Measured { .. } => Blame::Input,
            // Our own numbers that cannot be booked.
            Self::Engine(_) => Blame::Machine,
            Self::Policy { .. } | Self::OwnRound { .. } | Self::Resume { .. } | Self::TooLong { .. } => Blame::Input,
            Self::Decision { .. } => Blame::Machine,
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Solve(error) => error.field(),
            Self::Convergence(error) => error.field(),
            Self::Problem(error) => error.field(),
            _ => None,
        }
    }
}

impl From<SettingsError> for RunError {
    fn from(error: SettingsError) -> Self {
        SolveError::from(error).into()
    }
}

impl From<EngineError<Self>> for RunError {
    fn from(error: EngineError<Self>) -> Self {
        match error {
            EngineError::Minimize { source, .. } => source,
            EngineError::WarmStart(error) => Self::WarmStart(error),
            error => Self::Engine(Box::new(error)),
        }
    }
}

/// A drift-plus-penalty run: an iterator over the slots of a scenario.
///
/// It is the [`Engine`] on the scenario's [`Rounds`]: every slot is decided by a [`Policy`], exactly unless another one
/// is asked for, at the prices Z_k = Q_k/Ē_k of the energy queues and, with a convergence constraint, at the plan
/// penalties of its queue; then the queues take what the slot spent and learned. A slot without a feasible decision is
/// an outage: it is recorded with its reason, nothing is spent, the energy queues shrink by a budget, and the run goes
/// on. Slots are played one after the other on one thread. The run shares the scenario, and may be sent to another
/// thread.
#[derive(Debug)]
pub struct Run<'a> {
    engine: Engine<Rounds<'a>, States>,
    /// Q(0) by node, empty for a cold start; H(0).
    initial: (Vec<f64>, f64),
}

/// The states of a scenario's slots.
#[derive(Clone, Debug)]
struct States {
    sampler: Sampler,
    left: u64,
    gone: Vec<(usize, usize)>,
}

impl Iterator for States {
    type Item = SlotState;

    fn next(&mut self) -> Option<SlotState> {
        self.left = self.left.checked_sub(1)?;
        Some(self.sampler.next_slot().without(&self.gone))
    }
}

impl Run<'static> {
    /// A run that has not begun, every slot of which will be solved exactly.
    ///
    /// # Errors
    /// [`RunError`] for settings out of range.
    pub fn new(scenario: &Scenario, settings: Settings) -> Result<Self, RunError> {
        Self::with_policy(scenario, Box::new(ExactPolicy::new(settings)?))
    }

    /// A run of which the slots before this one are played: [`next_problem`](Self::next_problem) is the slot's.
    ///
    /// # Errors
    /// As [`Run::new`], and of the slots that are played.
    pub fn up_to(scenario: &Scenario, settings: Settings, slot: u64) -> Result<Self, RunError> {
        let mut run = Self::new(scenario, settings)?;
        while run.played() < slot {
            match run.next() {
                Some(played) => drop(played?),
                None => break,
            }
        }
        Ok(run)
    }

    /// A run of the slots that follow the scenario's own: as many, in the same places.
    pub(super) fn after(scenario: &Scenario, settings: Settings) -> Result<Self, RunError> {
        let rounds = Rounds::new(scenario, settings)?;
        let mut sampler = scenario.sampler();
        (0..scenario.spec().slots).for_each(|_| drop(sampler.next_slot()));
        Self::of(rounds, sampler)
    }
}

impl<'a> Run<'a> {
    /// A run that has not begun, whose rounds are decided by the given policy.
    ///
    /// # Errors
    /// [`RunError`] for budgets or a convergence constraint out of range, and for nodes whose names cannot be told
    /// apart.
    pub fn with_policy(scenario: &Scenario, policy: Box<dyn Policy + 'a>) -> Result<Self, RunError> {
        Self::of(Rounds::with_policy(scenario, policy)?, scenario.sampler())
    }

    fn of(rounds: Rounds<'a>, sampler: Sampler) -> Result<Self, RunError> {
        if let Some(cluster) = rounds.scenario().measured_cluster() {
            return Err(RunError::Measured { cluster: cluster.into() });
        }
        traced::run_begun(rounds.scenario(), rounds.policy());
        let spec = rounds.scenario().spec();
        let (latency_weight, states) = (spec.latency_weight, States { sampler, left: spec.slots, gone: Vec::new() });
        Ok(Self { engine: Engine::new(rounds, states, latency_weight)?, initial: (Vec::new(), 0.0) })
    }

    /// Starts the queues at Q(0) instead of at zero: in budgets, one per node, then that of the convergence constraint,
    /// in units of its scale, if there is one; those of nodes without a budget are ignored. V·μ̂ with a good
    /// estimate μ̂ of the multiplier ([`Pilot`](super::Pilot), in the same order) spares the run most of its transient,
    /// and the certificates account for Q(0).
    ///
    /// # Errors
    /// [`RunError::WarmStart`] for a wrong number of queues, or one that is negative or not finite.
    pub fn warm_start(self, initial: &[f64]) -> Result<Self, RunError> {
        let form = self.form();
        let queues = form.of_constraints(initial).map_err(RunError::WarmStart)?;
        let (budgets, learning) = form.split(&queues).map_err(RunError::WarmStart)?;
        let warm = budgets.iter().any(|queue| *queue != 0.0);
        let by_node = form.energy().by_node(budgets).map_err(RunError::WarmStart)?;
        let initial = (if warm { by_node } else { Vec::new() }, learning.unwrap_or(0.0));
        Ok(Self { engine: self.engine.warm_start(&queues)?, initial })
    }

    /// Who decides the rounds.
    #[must_use]
    pub fn policy(&self) -> &dyn Policy {
        self.engine.problem().policy()
    }

    /// The current queues: one per node with a budget, in budgets, then that of the convergence constraint, in
    /// units of its scale, if there is one.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        self.engine.queues()
    }

    /// C1 of a node's budget so far; `None` before the first slot and for a node without a budget.
    #[must_use]
    pub fn certificate(&self, node: usize) -> Option<Certificate> {
        self.queues().certificate(self.form().energy().constraint(node)?)
    }

    /// Slots played so far.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.queues().rounds()
    }

    /// From the next slot on the scenario's absences are joined by those of devices that are found to be gone, each a
    /// cluster and its index there, in place of those named before. The record's slots say who was there.
    pub fn set_gone(&mut self, gone: Vec<(usize, usize)>) {
        self.engine.states_mut().gone = gone;
    }

    /// The problem that the next slot will solve, at the current queue prices; the run does not advance.
    ///
    /// # Errors
    /// [`RunError::Slot`] where the slot has no problem: it will be an outage. [`RunError::Problem`] for a queue that
    /// leads out of the range of a slot problem.
    pub fn next_problem(&self) -> Result<SlotInstance, RunError> {
        let states = self.engine.states();
        let state = states.sampler.clone().next_slot().without(&states.gone);
        self.engine.problem().problem(&state, self.queues().backlog().as_slice())
    }

    /// Goes on where an earlier run of the same scenario with the same policy ended: takes the next of its slots as played. What
    /// the policy knows from one slot to the next is not restored: an exact solve starts cold once, which changes its time.
    ///
    /// # Errors
    /// [`RunError::Policy`] for a policy that [remembers](Policy::remembers) what it decided; [`RunError::Resume`] for a slot that is not the next one of this run: another number, other devices present, or queues
    /// that are not those its energies lead to.
    pub fn resume(&mut self, slot: &SlotRecord) -> Result<(), RunError> {
        let number = self.played();
        let differs = |what: &'static str| RunError::Resume { slot: number, what };
        if self.policy().remembers() {
            let reason = "decides by what it decided before, which is not in a record: begin the run anew".into();
            return Err(RunError::Policy { policy: self.policy().name().into(), reason });
        }
        let state = self.engine.states();
        let state = state.sampler.clone().next_slot().without(&state.gone);
        if slot.slot != state.slot() {
            return Err(differs("number"));
        }
        if slot.present != state.present() {
            return Err(differs("list of devices that are present"));
        }
        let failed = |source| RunError::Queues { slot: number, source };
        let form = self.form();
        let action = form.action_of(&slot.outcome, &slot.energy_j).map_err(failed)?;
        let by_node: Vec<f64> = slot.queues.iter().copied().chain(slot.convergence.map(|of| of.queue)).collect();
        let queues = form.of_constraints(&by_node).map_err(failed)?;
        let booked = self.engine.book(&action.violations).ok_or_else(|| differs("place: the run has no more slots"))?;
        booked.map_err(failed)?;
        // The same operations on the same numbers.
        if self.queues().backlog().iter().ne(&queues) {
            return Err(differs("queues: they do not follow from its energies"));
        }
        Ok(())
    }

    /// The record of the run so far, with the slots it gave.
    #[must_use]
    pub fn record(&self, slots: Vec<SlotRecord>) -> RunRecord {
        let (scenario, policy) = (self.engine.problem().scenario(), self.policy());
        let spec = scenario.spec();
        let memory = |node: &Node| match node.role {
            Role::ControlUnit => None,
            Role::EdgeServer => scenario.template().clusters.get(node.cluster)?.edge_server.memory_bytes,
            Role::Device(device) => {
                let cluster = scenario.template().clusters.get(node.cluster)?;
                cluster.devices.get(device).map(|device| device.memory_bytes)
            }
        };
        let nodes = scenario.nodes().iter().map(|node| NodeRecord {
            name: node.name.clone(),
            cluster: node.cluster,
            role: match node.role {
                Role::ControlUnit => NodeRole::ControlUnit,
                Role::Device(_) => NodeRole::Device,
                Role::EdgeServer => NodeRole::EdgeServer,
            },
            budget_j: node.budget,
            stated_budget_j: node.stated_budget,
            price_s_per_j: node.price_s_per_j,
            memory_bytes: memory(node),
        });
        RunRecord {
            schema: RunSchema::V2,
            provenance: Provenance {
                version: env!("CARGO_PKG_VERSION").into(),
                scenario: spec.name.clone(),
                scenario_digest: scenario.digest(),
                seed: spec.seed,
                latency_weight: spec.latency_weight,
                latency_weight_from: None,
                slots_planned: spec.slots,
                policy: policy.name().into(),
                gap_tolerance: policy.gap_tolerance(),
            },
            scenario: Some(Box::new(spec.clone())),
            clusters: spec.clusters.iter().map(|cluster| cluster.name.clone()).collect(),
            blocks: scenario.blocks(),
            nodes: nodes.collect(),
            plans: scenario.plans().to_vec(),
            convergence: scenario.convergence().zip(self.form().learning()).map(|(constraint, of)| ConvergenceRecord {
                constraint: constraint.clone(),
                scale: of.scale(),
                violations: of.of_plans().to_vec(),
                initial_queue: self.initial.1,
            }),
            initial_queues: self.initial.0.clone(),
            slots,
            comparison: None,
        }
    }

    fn form(&self) -> &StandardForm {
        self.engine.problem().form()
    }
}

impl Iterator for Run<'_> {
    type Item = Result<SlotRecord, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let played = self.engine.next()?.map_err(RunError::from);
        let number = self.played();
        let recorded = played.and_then(|slot| {
            let failed = |source| RunError::Queues { slot: number, source };
            self.engine.problem().record_slot(slot).map_err(failed)
        });
        Some(recorded)
    }
}
