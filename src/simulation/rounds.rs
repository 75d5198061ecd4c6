//! The rounds of a scenario as a slot problem of the drift-plus-penalty engine.

use serde::{Deserialize, Serialize};

use super::form::{QueueCosts, StandardForm};
use super::outage::{Outage, OutageCause};
use super::policy::{Choice, ExactPolicy, Executed, Policy, SlotContext};
use super::record::{ConvergenceSlot, MeasuredSlot, SlotOutcome, SlotRecord};
use super::round::Round;
use super::run::RunError;
use super::traced;
use crate::lyapunov::{DriftProblem, DriftSlot, Labels, Minimum, QueueError, Weights};
use crate::problem::evaluate;
use crate::scenario::{Scenario, SlotError, SlotInstance, SlotState};
use crate::solver::{Settings, Solution};
use crate::units::Joules;

/// Largest relative violation of a constraint that counts as rounding in a policy's decision.
pub(super) const FEASIBLE: f64 = 1e-9;

/// The rounds of a scenario as a [`DriftProblem`], decided by a [`Policy`]: what [`Run`](super::Run) gives to the
/// [`Engine`](crate::lyapunov::Engine).
///
/// The penalty is T + (the plan's own penalty)/V in seconds, and 0 in an outage. The constraints are the energy budgets
/// of the nodes that have one, g = E/Ē − 1, then the convergence constraint g/G if there is one. The queues become the
/// prices Z_k = Q_k/Ē_k and the plans' penalties H·g/G of the slot's problem; V must be the scenario's latency weight.
///
/// A slot without a feasible decision is an outage, an action in which nothing is spent. Lower bounds are those that
/// the policy proves for the slot's own problem.
///
/// ```
/// # #[cfg(feature = "scenario")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use collapipe::lyapunov::Engine;
/// use collapipe::scenario::{BUILTIN, ScenarioFile};
/// use collapipe::simulation::Rounds;
/// use collapipe::solver::Settings;
/// let scenario = ScenarioFile::parse(BUILTIN, "".as_ref())?.build()?;
/// let mut sampler = scenario.sampler();
/// let states: Vec<_> = (0..3).map(|_| sampler.next_slot()).collect();
/// let rounds = Rounds::new(&scenario, Settings::default())?;
/// let record = Engine::new(rounds, states.clone(), scenario.spec().latency_weight)?.run()?;
/// // Compared like any other problem of your own.
/// let mut again = Rounds::new(&scenario, Settings::default())?;
/// let comparison = record.compare(&mut again, &states)?;
/// assert!(record.proofs(Some(&comparison))?.claims.iter().all(|claim| claim.holds));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "scenario"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Rounds<'a> {
    scenario: Scenario,
    policy: Box<dyn Policy + 'a>,
    form: StandardForm,
}

/// What was done in a slot: its whole record except the queues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlayedSlot {
    /// The number of its state, from 0.
    pub slot: u64,
    /// For each cluster the indices of the scenario's devices that were there.
    pub present: Vec<Vec<usize>>,
    /// Z of every node as the slot was decided, in objective units per joule.
    pub energy_prices: Vec<f64>,
    /// What was decided.
    pub outcome: SlotOutcome,
    /// E: what every node spent.
    pub energy_j: Vec<Joules>,
    /// g of the convergence constraint, in loss; none in a scenario without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence_violation: Option<f64>,
    /// What was measured when the round was executed; none where it was only planned, and where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<MeasuredSlot>,
}

/// A slot as it was decided, and executed where it was.
struct Decided {
    outcome: SlotOutcome,
    /// By the plan, and as spent.
    energy: [Vec<Joules>; 2],
    measured: Option<MeasuredSlot>,
}

impl Decided {
    fn planned((outcome, energy): (SlotOutcome, Vec<Joules>)) -> Self {
        Self { outcome, energy: [energy.clone(), energy], measured: None }
    }
}

impl Rounds<'static> {
    /// The rounds, each solved exactly.
    ///
    /// # Errors
    /// [`RunError`] for settings out of range.
    pub fn new(scenario: &Scenario, settings: Settings) -> Result<Self, RunError> {
        Self::with_policy(scenario, Box::new(ExactPolicy::new(settings)?))
    }
}

impl<'a> Rounds<'a> {
    /// The rounds, decided by the given policy.
    ///
    /// # Errors
    /// [`RunError`] for budgets or a convergence constraint out of range, and [`RunError::Policy`] for a policy
    /// that [refuses](Policy::refuses) the scenario.
    pub fn with_policy(scenario: &Scenario, policy: Box<dyn Policy + 'a>) -> Result<Self, RunError> {
        if let Some(reason) = policy.refuses(scenario) {
            return Err(RunError::Policy { policy: policy.name().into(), reason });
        }
        Ok(Self { scenario: scenario.clone(), policy, form: StandardForm::of_scenario(scenario)? })
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Who decides.
    #[must_use]
    pub fn policy(&self) -> &dyn Policy {
        self.policy.as_ref()
    }

    pub(super) fn form(&self) -> &StandardForm {
        &self.form
    }

    /// A slot's problem when the queues are `queues`, one per constraint.
    ///
    /// # Errors
    /// [`RunError::Slot`] where the slot has no problem: it is an outage. [`RunError::Queues`] for a wrong number of
    /// queues, [`RunError::Problem`] for one that leads out of the range of a slot problem.
    pub fn problem(&self, state: &SlotState, queues: &[f64]) -> Result<SlotInstance, RunError> {
        let costs = self.form.costs(queues).map_err(|source| RunError::Queues { slot: state.slot(), source })?;
        Self::problem_at(&costs, state)
    }

    fn problem_at(costs: &QueueCosts, state: &SlotState) -> Result<SlotInstance, RunError> {
        costs.problem(state).map_err(|error| match error {
            SlotError::Problem(error) => error.into(),
            absent => RunError::Slot(absent),
        })
    }

    /// A slot that the engine played, as it is recorded.
    ///
    /// # Errors
    /// [`QueueError::Length`] for a slot of another problem.
    pub fn record_slot(&self, slot: DriftSlot<PlayedSlot>) -> Result<SlotRecord, QueueError> {
        let (budgets, learning) = self.form.split(&slot.queues)?;
        let played = slot.action;
        let learned = played.convergence_violation.zip(learning);
        Ok(SlotRecord {
            slot: played.slot,
            present: played.present,
            energy_prices: played.energy_prices,
            outcome: played.outcome,
            energy_j: played.energy_j,
            queues: self.form.energy().by_node(budgets)?,
            convergence: learned.map(|(violation, queue)| ConvergenceSlot { violation, queue }),
            measured: played.measured,
        })
    }

    fn outage(&self, outage: Outage) -> (SlotOutcome, Vec<Joules>) {
        (SlotOutcome::Outage(outage), vec![Joules(0.0); self.scenario.nodes().len()])
    }

    fn decide(&mut self, slot: u64, instance: &SlotInstance) -> Result<Decided, RunError> {
        let choice = self.policy.decide(&SlotContext { scenario: &self.scenario, slot, instance })?;
        let Choice::Executed(executed) = choice else {
            return self.book(slot, instance, choice).map(Decided::planned);
        };
        let nodes = self.scenario.nodes().len();
        let refused = |reason: String| RunError::Decision { slot, policy: self.policy.name().into_owned(), reason };
        executed.check(nodes).map_err(refused)?;
        let Executed { choice, energy_j, mut measured } = *executed;
        let (outcome, planned) = self.book(slot, instance, choice)?;
        if let Some(measured) = &mut measured {
            measured.planned_energy_j.clone_from(&planned);
        }
        Ok(Decided { outcome, energy: [planned, energy_j], measured })
    }

    /// What a choice costs by the problem.
    fn book(&self, slot: u64, instance: &SlotInstance, choice: Choice) -> Result<(SlotOutcome, Vec<Joules>), RunError> {
        let policy = self.policy.name();
        let refused = |reason: String| RunError::Decision { slot, policy: policy.clone().into(), reason };
        let round = match choice {
            Choice::Outage(outage) => return Ok(self.outage(outage)),
            Choice::Solved(Solution { outcome: Err(reasons), .. }) => {
                return Ok(self.outage(Outage::infeasible(&reasons)));
            }
            Choice::Solved(Solution { status, outcome: Ok(best), work, .. }) => Round {
                status,
                lower_bound: Some(best.lower_bound),
                gap: Some(best.gap),
                shadow_prices: Some(best.shadow_prices),
                work,
                ..Round::decided(&instance.problem, best.decision, best.evaluation).map_err(refused)?
            },
            Choice::Decision(decision) => {
                let evaluation = evaluate(&instance.problem, &decision).map_err(|error| refused(error.to_string()))?;
                if !evaluation.feasibility.is_feasible(FEASIBLE) {
                    return Err(refused(evaluation.feasibility.to_string()));
                }
                Round::decided(&instance.problem, decision, evaluation).map_err(refused)?
            }
            Choice::Round(own) => Round::own(&instance.problem, own).map_err(refused)?,
            Choice::Executed(_) => return Err(refused("an execution of an execution".into())),
        };
        Ok(round.recorded(&self.scenario, instance))
    }
}

impl DriftProblem for Rounds<'_> {
    type State = SlotState;
    type Action = PlayedSlot;
    type Error = RunError;

    fn labels(&self) -> Labels {
        self.form.labels()
    }

    fn minimize(&mut self, state: &SlotState, weights: Weights<'_>) -> Result<Minimum<PlayedSlot>, RunError> {
        let slot = state.slot();
        let own = self.form.latency_weight();
        if weights.penalty != own {
            return Err(RunError::LatencyWeight { asked: weights.penalty, own });
        }
        let failed = |source| RunError::Queues { slot, source };
        let costs = self.form.costs(weights.queues).map_err(failed)?;
        let Decided { outcome, energy: [planned_j, energy_j], measured } = match Self::problem_at(&costs, state) {
            Ok(instance) => self.decide(slot, &instance)?,
            Err(RunError::Slot(absent)) => {
                Decided::planned(self.outage(Outage::new(OutageCause::NoDevices, absent.to_string())))
            }
            Err(error) => return Err(error),
        };
        traced::slot_played(state, &outcome);
        let action = self.form.action_of(&outcome, &energy_j).map_err(failed)?;
        let gap = self.form.gap(&costs, &outcome, &costs.energy_prices, [&planned_j, &energy_j]);
        let plan = match &outcome {
            SlotOutcome::Planned(planned) => Some(planned.plan),
            SlotOutcome::Outage(_) => None,
        };
        let learned = self.form.learning().map(|of| of.violation(plan)).transpose().map_err(failed)?;
        let played = PlayedSlot {
            slot,
            present: state.present().to_vec(),
            energy_prices: costs.energy_prices,
            outcome,
            energy_j,
            convergence_violation: learned,
            measured,
        };
        let lower_bound = gap.map(|gap| weights.cost(action.penalty, &action.violations) - gap);
        let minimum = Minimum::new(played, action.penalty, action.violations);
        // The solver's bound is on V·T + Σ Z·E + penalty, which differs from V·p + Q·g by a constant of the slot.
        Ok(match lower_bound {
            Some(bound) => minimum.with_lower_bound(bound),
            None => minimum,
        })
    }
}
