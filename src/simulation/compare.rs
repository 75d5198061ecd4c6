//! What else could have been done in a run's states: the comparison that certificates need.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::form::StandardForm;
use super::needs::BudgetNeeds;
use super::record::{RunRecord, SlotOutcome, SlotRecord, in_scenario};
use super::record_error::RecordError;
use super::run::RunError;
use super::whole_blocks::whole_blocks;
#[cfg(feature = "milp")]
use crate::lyapunov::frames_with_slack;
use crate::lyapunov::{Action, Alternative, LookAgain, LookedBack, NoOptimum, OfflineError};
use crate::problem::{Decision, SlotProblem};
use crate::scenario::{Scenario, SlotError, SlotState};
use crate::solver::{Settings, Solution, SolveError, Solver, Stop, solve};
use crate::units::{Joules, Seconds};

/// How much work goes into the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// Every slot is solved again at the run's average prices, to a gap of 1e-2, and at the prices that its decisions
    /// so far lead to, to a gap of 1e-1, until the budgets can be kept and the bounds are within a quarter of each
    /// other: three times as a rule (the last one for the lower bound), at most five times.
    #[default]
    Quick,
    /// At prices that follow the offline optimum, to a gap of 1e-4, until its bounds are within 1e-3: at most sixty
    /// times, and at most twenty while no optimum within the budgets is found.
    Full,
}

impl Effort {
    /// Most rounds, given whether an offline optimum was found.
    fn rounds(self, found: bool) -> usize {
        match self {
            Self::Quick => 5,
            Self::Full if found => 60,
            Self::Full => 20,
        }
    }

    /// Accuracy of the solves in a round: bounds need more of it than alternatives.
    fn settings(self, own: Settings, round: usize) -> Settings {
        let gap: f64 = match (self, round) {
            (Self::Quick, 0) => 1e-2,
            (Self::Quick, _) => 1e-1,
            (Self::Full, _) => 1e-4,
        };
        Settings { gap: own.gap.max(gap), ..own }
    }

    /// Whether an offline optimum is good enough.
    fn is_enough(self, round: usize, upper: f64, lower: f64) -> bool {
        match self {
            Self::Quick => round >= 2 && upper - lower <= 0.25 * upper.abs(),
            Self::Full => upper - lower <= 1e-3 * upper.abs(),
        }
    }
}

/// A decision that was possible in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PossibleDecision {
    /// T.
    pub latency_s: Seconds,
    /// Index of its plan in [`RunRecord::plans`].
    pub plan: usize,
    /// E of every node, in the order of [`RunRecord::nodes`].
    pub energy_j: Vec<Joules>,
    /// The whole decision, its devices numbered in the scenario's list of the cluster; none where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// A slot's alternatives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComparedSlot {
    /// No decision has a smaller T + π/V + μ·g, in seconds: certified by the solver.
    pub minimum: f64,
    /// Decisions that were possible, apart from the one taken.
    pub decisions: Vec<PossibleDecision>,
    /// Weights of the decision taken and of the others in the offline optimum; empty without one.
    pub weights: Vec<f64>,
    /// Their weights in the offline optimum of the slot's frame.
    pub frame_weights: Vec<f64>,
    /// Their weights in a mixture with slack in every frame of [`ComparisonRecord::slack_frame`] slots; empty without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slack_weights: Vec<f64>,
}

/// What a run is compared with: decisions in the same states, at prices that were chosen afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComparisonRecord {
    /// μ at which the slots' minima were taken, in seconds per unit of g, one per node (0 for a node without a budget),
    /// then that of the convergence constraint if there is one. Of
    /// all prices tried, those that give the best bound.
    pub multiplier: Vec<f64>,
    /// μ of the offline optimum, in the same order; empty without one.
    pub offline_multiplier: Vec<f64>,
    /// τ: slots of a frame; 0 where no frame length was found that admits every frame to be planned within the budgets.
    pub frame: usize,
    /// Why there is no offline optimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_optimum: Option<String>,
    /// Slots of a frame in each of which some mixture keeps every constraint with slack; 0 where none was found.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub slack_frame: usize,
    /// Why no single slot can keep every constraint with slack; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_slack: Option<String>,
    /// What the budgets would have to be, examined where there is no offline optimum; none without budgets (feature `milp`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<BudgetNeeds>,
    /// One entry per slot of the record.
    pub slots: Vec<ComparedSlot>,
}

fn is_zero(frame: &usize) -> bool {
    *frame == 0
}

/// Most slots of a run that is compared: its alternatives are kept in memory and in the record.
pub const MOST_COMPARED: usize = 2000;

impl RunRecord {
    /// Solves the states of a run again at other prices, and computes what would have been best (feature `milp`).
    ///
    /// The record may be unfinished; `scenario` must be the one that it was played with. The slots are solved in
    /// parallel, with the same result for any number of threads.
    ///
    /// # Errors
    /// [`RunError::TooLong`] for more than [`MOST_COMPARED`] slots, [`RunError::States`] for a record of another
    /// scenario, [`RunError::OwnRound`] for rounds that are not decisions of the slot problem; others as a run.
    pub fn compare(
        &self,
        scenario: &Scenario,
        settings: Settings,
        effort: Effort,
    ) -> Result<ComparisonRecord, RunError> {
        if self.slots.len() > MOST_COMPARED {
            return Err(RunError::TooLong { slots: self.slots.len(), most: MOST_COMPARED });
        }
        let own = |slot: &&SlotRecord| matches!(&slot.outcome, SlotOutcome::Planned(round) if round.decision.is_none());
        if let Some(slot) = self.slots.iter().find(own) {
            return Err(RunError::OwnRound { slot: slot.slot });
        }
        let states = self.states(scenario)?;
        let form = self.standard_form()?;
        let history = self.history_in(&form)?;
        let prices = history.mean_prices();
        let taken = self.recorded_actions(&form)?;
        let mut solver = SlotLookAgain::new(self, scenario, states, &form, settings, effort);
        let listed = taken.into_iter().map(|action| vec![action]).collect();
        let found = LookedBack::search(&mut solver, listed, prices)?;
        let by_node = |list: &[f64]| form.by_node(list).map_err(|source| RecordError::Slot { index: 0, source });
        let mut comparison = ComparisonRecord {
            multiplier: by_node(&found.multiplier)?,
            offline_multiplier: Vec::new(),
            frame: 0,
            without_optimum: found.without.map(|reason| without_optimum(&reason)),
            slack_frame: 0,
            without_slack: whole_blocks(scenario),
            budgets: None,
            slots: Vec::with_capacity(self.slots.len()),
        };
        let unknown = || vec![f64::NEG_INFINITY; self.slots.len()];
        for (minimum, decisions) in found.minima.unwrap_or_else(unknown).into_iter().zip(solver.decisions) {
            let (weights, frame_weights, slack_weights) = (Vec::new(), Vec::new(), Vec::new());
            comparison.slots.push(ComparedSlot { minimum, decisions, weights, frame_weights, slack_weights });
        }
        #[cfg(feature = "milp")]
        if let Some((frame, weights)) = found.problem.ok().and_then(|listed| frames_with_slack(&listed, &history)) {
            comparison.slack_frame = frame;
            comparison.slots.iter_mut().zip(weights).for_each(|(slot, weights)| slot.slack_weights = weights);
        }
        if let Some(mixtures) = found.mixtures {
            comparison.offline_multiplier = by_node(&mixtures.multiplier)?;
            let (frame, frame_weights) = mixtures.frames;
            comparison.frame = frame;
            for ((slot, whole), of_frame) in comparison.slots.iter_mut().zip(mixtures.optimum).zip(frame_weights) {
                (slot.weights, slot.frame_weights) = (whole, of_frame);
            }
        }
        #[cfg(feature = "milp")]
        if comparison.without_optimum.is_some() {
            comparison.budgets = BudgetNeeds::measure(self, scenario, settings, &comparison)?;
            if let Some(needs) = comparison.budgets.as_ref().filter(|needs| !needs.can_be_kept()) {
                comparison.without_optimum = Some(needs.to_string());
            }
        }
        Ok(comparison)
    }

    /// The outcome of every slot.
    fn recorded_actions(&self, form: &StandardForm) -> Result<Vec<Action>, RecordError> {
        self.slots.iter().enumerate().map(|(index, slot)| self.action_in(form, index, slot)).collect()
    }

    /// Every slot's actions: the one taken, then the others.
    pub(crate) fn actions(&self, comparison: &ComparisonRecord) -> Result<Vec<Vec<Action>>, RecordError> {
        let form = self.standard_form()?;
        let (expected, found) = (self.slots.len(), comparison.slots.len());
        if found != expected {
            return Err(RecordError::Length { what: "comparison.slots".into(), expected, found });
        }
        let mut actions = Vec::with_capacity(expected);
        for (index, (taken, compared)) in self.recorded_actions(&form)?.into_iter().zip(&comparison.slots).enumerate() {
            let others = compared.decisions.iter().map(|d| form.action(d.latency_s, d.plan, &d.energy_j));
            let all = std::iter::once(Ok(taken)).chain(others).collect::<Result<_, _>>();
            actions.push(all.map_err(|source| RecordError::Slot { index, source })?);
        }
        Ok(actions)
    }

    /// The entries of a list by node, with the convergence constraint's at its end, that belong to the constraints of
    /// [`RunRecord::history`].
    pub(crate) fn of_constraints(&self, by_node: &[f64]) -> Result<Vec<f64>, RecordError> {
        self.standard_form()?.of_constraints(by_node).map_err(|source| RecordError::Slot { index: 0, source })
    }
}

/// Why there is no offline optimum, in words.
fn without_optimum(reason: &NoOptimum) -> String {
    match reason {
        NoOptimum::Offline(OfflineError::Infeasible) => {
            "no mixture of the decisions looked at keeps every constraint in these slots; a fuller comparison looks at more"
                .into()
        }
        reason => reason.to_string(),
    }
}

/// The exact solver, asked about the states of a run.
pub(super) struct SlotLookAgain<'a> {
    record: &'a RunRecord,
    scenario: &'a Scenario,
    states: Vec<SlotState>,
    form: &'a StandardForm,
    settings: Settings,
    effort: Effort,
    /// What was found in every slot.
    decisions: Vec<Vec<PossibleDecision>>,
    /// Of every slot one that remembers, where it is asked often and so closely that this changes its time alone; else none.
    solvers: Vec<Option<Solver>>,
}

impl LookAgain for SlotLookAgain<'_> {
    type Error = RunError;

    fn look(&mut self, round: usize, prices: &[f64]) -> Result<Vec<Alternative>, RunError> {
        let accuracy = self.effort.settings(self.settings, round);
        for solver in self.solvers.iter_mut().filter(|_| self.effort == Effort::Full) {
            if solver.is_none() {
                *solver = Some(Solver::new(accuracy)?);
            }
        }
        let mut solvers = std::mem::take(&mut self.solvers);
        let slots = self.states.par_iter().zip(&self.record.slots).zip(&mut solvers);
        // Who may end the comparison may do so on every thread of it.
        let stop = Stop::of_thread().unwrap_or_default();
        let compared = slots.map(|((state, slot), solver)| {
            let mut asked = |problem: &SlotProblem| match solver {
                Some(solver) => solver.solve(problem),
                None => solve(problem, &accuracy),
            };
            stop.during(|| self.compare_slot(state, slot, prices, &mut asked))
        });
        let compared = compared.collect::<Result<Vec<_>, RunError>>()?;
        self.solvers = solvers;
        let mut all = Vec::with_capacity(compared.len());
        for ((minimum, decision), known) in compared.into_iter().zip(&mut self.decisions) {
            let mut found = Alternative { minimum: Some(minimum), action: None };
            if let Some(decision) = decision.filter(|decision| !known.contains(decision)) {
                let action = self.form.action(decision.latency_s, decision.plan, &decision.energy_j);
                found.action = Some(action.map_err(|source| RunError::Queues { slot: 0, source })?);
                known.push(decision);
            }
            all.push(found);
        }
        Ok(all)
    }

    fn is_last(&self, round: usize, has_optimum: bool) -> bool {
        round + 1 >= self.effort.rounds(has_optimum)
    }

    fn is_enough(&self, round: usize, upper: f64, lower: Option<f64>) -> bool {
        self.effort.is_enough(round, upper, lower.unwrap_or(f64::NEG_INFINITY))
    }
}

impl<'a> SlotLookAgain<'a> {
    /// Nothing found yet; `states` are those of the record's slots.
    pub fn new(
        record: &'a RunRecord,
        scenario: &'a Scenario,
        states: Vec<SlotState>,
        form: &'a StandardForm,
        settings: Settings,
        effort: Effort,
    ) -> Self {
        let decisions = vec![Vec::new(); record.slots.len()];
        let solvers = record.slots.iter().map(|_| None).collect();
        Self { record, scenario, states, form, settings, effort, decisions, solvers }
    }

    /// A slot's certified minimum at `prices`, and the decision found there.
    fn compare_slot(
        &self,
        state: &SlotState,
        slot: &SlotRecord,
        prices: &[f64],
        asked: &mut dyn FnMut(&SlotProblem) -> Result<Solution, SolveError>,
    ) -> Result<(f64, Option<PossibleDecision>), RunError> {
        let failed = |source| RunError::Queues { slot: slot.slot, source };
        let weight = self.form.latency_weight();
        let (of_budgets, learning) = self.form.split(prices).map_err(failed)?;
        let (budgets, learning) = (of_budgets.iter().sum::<f64>(), learning.unwrap_or(0.0));
        // A slot without a round learns nothing.
        let idle = match &slot.outcome {
            SlotOutcome::Outage(_) => Some(self.form.scaled_idle()),
            SlotOutcome::Planned(_) => None,
        };
        // Neither latencies nor energies are negative.
        let known = match idle {
            Some(violation) => learning * violation - budgets,
            None => self.form.least_plan_cost(weight * learning) / weight - budgets,
        };
        let queues: Vec<f64> = prices.iter().map(|price| weight * price).collect();
        let instance = match self.form.costs(&queues).map_err(failed)?.problem(state) {
            Ok(instance) => instance,
            Err(SlotError::Problem(error)) => return Err(error.into()),
            Err(_) => return Ok((known, None)),
        };
        let best = match asked(&instance.problem) {
            Ok(Solution { outcome: Ok(best), .. }) => best,
            Ok(_) | Err(SolveError::Numerical) => return Ok((known, None)),
            Err(error) => return Err(error.into()),
        };
        let bound = best.lower_bound / weight - budgets;
        let minimum = if idle.is_some() { known.min(bound) } else { known.max(bound) };
        let energy_j = instance.energies(self.scenario, &best.evaluation.clusters);
        let latency_s = best.evaluation.round_latency;
        let (plan, decision) = (best.decision.plan, in_scenario(best.decision, &instance.present));
        Ok((minimum, Some(PossibleDecision { latency_s, plan, energy_j, decision })))
    }
}
