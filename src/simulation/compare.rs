//! What else could have been done in a run's states: the comparison that certificates need.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::record::{RunRecord, SlotOutcome, SlotRecord};
use super::round::energies;
use super::run::RunError;
use crate::lyapunov::Action;
use crate::problem::Decision;
use crate::scenario::{Scenario, SlotError, SlotState};
use crate::solver::{Settings, Solution, SolveError, solve};
use crate::units::{Joules, Seconds};

/// How much work goes into the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// Every slot is solved again at the run's average prices, to a gap of 1e-2, and at the prices that its decisions
    /// so far lead to, to a gap of 1e-1, until the budgets can be kept and the bounds are within a quarter of each
    /// other: twice as a rule, at most five times.
    #[default]
    Quick,
    /// At prices that follow the offline optimum, to a gap of 1e-4, until its bounds are within 1e-3: at most sixty
    /// times, and at most twenty where none was found that keeps the budgets.
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
    #[cfg(feature = "milp")]
    fn is_enough(self, round: usize, upper: f64, lower: f64) -> bool {
        match self {
            Self::Quick => round >= 1 && upper - lower <= 0.25 * upper.abs(),
            Self::Full => upper - lower <= 1e-3 * upper.abs(),
        }
    }
}

/// A decision that was possible in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PossibleDecision {
    /// T.
    pub latency_s: Seconds,
    /// Index of its plan in [`RunRecord::plans`].
    pub plan: usize,
    /// E of every node, in the order of [`RunRecord::nodes`].
    pub energy_j: Vec<Joules>,
    /// The whole decision, its devices numbered among those present; none where it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// A slot's alternatives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparedSlot {
    /// No decision has a smaller T + π/V + μ·g, in seconds: certified by the solver.
    pub minimum: f64,
    /// Decisions that were possible, beside the one taken.
    pub decisions: Vec<PossibleDecision>,
    /// Weights of the decision taken and of the others in the offline optimum; empty without one.
    pub weights: Vec<f64>,
    /// The same in the offline optimum of the slot's frame.
    pub frame_weights: Vec<f64>,
}

/// What a run is compared with: decisions in the same states, at prices that were chosen afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonRecord {
    /// μ at which the slots' minima were taken, in seconds per unit of g, one per node (0 for a node without a budget),
    /// then that of the convergence constraint if there is one. Of
    /// all prices that were tried those that bound most.
    pub multiplier: Vec<f64>,
    /// μ of the offline optimum, in the same order; empty without one.
    pub offline_multiplier: Vec<f64>,
    /// τ: slots of a frame; 0 where no frame length was found that admits every frame to be planned within the budgets.
    pub frame: usize,
    /// Why there is no offline optimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_optimum: Option<String>,
    /// One entry per slot of the record.
    pub slots: Vec<ComparedSlot>,
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
    /// scenario, [`RunError::OwnRound`] for rounds that are no decisions of the slot problem; others as a run.
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
        let empty = ComparedSlot {
            minimum: f64::NEG_INFINITY,
            decisions: Vec::new(),
            weights: Vec::new(),
            frame_weights: Vec::new(),
        };
        let mut comparison = ComparisonRecord {
            multiplier: self.average_prices(),
            offline_multiplier: Vec::new(),
            frame: 0,
            without_optimum: None,
            slots: vec![empty; self.slots.len()],
        };
        let mut prices = comparison.multiplier.clone();
        for round in 0..effort.rounds(true) {
            let accuracy = effort.settings(settings, round);
            let compared = states.par_iter().zip(&self.slots).map(|(state, slot)| {
                let violation = || self.recorded_action(slot).violations.get(self.constrained_nodes().len()).copied();
                let outage = matches!(slot.outcome, SlotOutcome::Outage { .. });
                let idle = outage.then(|| violation().unwrap_or(0.0));
                self.compare_slot((scenario, &accuracy), state, &prices, idle)
            });
            let compared = compared.collect::<Result<Vec<_>, RunError>>()?;
            comparison.take(&prices, compared);
            match self.look_back(&mut comparison, effort, round) {
                Some(next) => prices = next,
                None => break,
            }
        }
        Ok(comparison)
    }

    /// μ̂: the mean of Q/V over the second half of the run.
    pub(super) fn average_prices(&self) -> Vec<f64> {
        let half = self.slots.get(self.slots.len() / 2..).unwrap_or_default();
        let weight = self.provenance.latency_weight * half.len().max(1) as f64;
        let of_node = |k: usize| half.iter().filter_map(|slot| slot.queues.get(k)).sum::<f64>() / weight;
        let learning = |_| half.iter().filter_map(|slot| slot.convergence).map(|of| of.queue).sum::<f64>() / weight;
        (0..self.nodes.len()).map(of_node).chain(self.convergence.as_ref().map(learning)).collect()
    }

    /// A slot's certified minimum at `prices`, and the decision found there.
    pub(super) fn compare_slot(
        &self,
        (scenario, accuracy): (&Scenario, &Settings),
        state: &SlotState,
        prices: &[f64],
        idle: Option<f64>,
    ) -> Result<(f64, Option<PossibleDecision>), RunError> {
        let weight = self.provenance.latency_weight;
        let budgets: f64 = prices.iter().take(self.nodes.len()).sum();
        let learning = prices.get(self.nodes.len()).copied().unwrap_or(0.0);
        // Neither latencies nor energies are negative. A slot without a round learns nothing.
        let known = match idle {
            Some(violation) => learning * violation - budgets,
            None => self.least_plan_cost(weight * learning) / weight - budgets,
        };
        let price = |node: usize| {
            let budget = self.nodes.get(node).and_then(|node| node.budget_j);
            budget.map_or(0.0, |budget| weight * prices.get(node).copied().unwrap_or(0.0) / budget.0)
        };
        let penalty = |plan: usize| weight * learning * self.plan_violation(plan);
        let instance = match state.problem_with_penalties(price, penalty) {
            Ok(instance) => instance,
            Err(SlotError::Problem(error)) => return Err(error.into()),
            Err(_) => return Ok((known, None)),
        };
        let best = match solve(&instance.problem, accuracy) {
            Ok(Solution { outcome: Ok(best), .. }) => best,
            Ok(_) | Err(SolveError::Numerical) => return Ok((known, None)),
            Err(error) => return Err(error.into()),
        };
        let bound = best.lower_bound / weight - budgets;
        let minimum = if idle.is_some() { known.min(bound) } else { known.max(bound) };
        let energy_j = energies(scenario, &instance, &best.evaluation.clusters);
        let latency_s = best.evaluation.round_latency;
        let (plan, decision) = (best.decision.plan, Some(best.decision));
        Ok((minimum, Some(PossibleDecision { latency_s, plan, energy_j, decision })))
    }

    /// Every slot's actions: the one taken, then the others.
    pub(crate) fn actions(&self, comparison: &ComparisonRecord) -> Vec<Vec<Action>> {
        let of_slot = |(slot, compared): (&super::SlotRecord, &ComparedSlot)| {
            let others = compared.decisions.iter().map(|d| self.action(d.latency_s.0, d.plan, &d.energy_j));
            std::iter::once(self.recorded_action(slot)).chain(others).collect()
        };
        self.slots.iter().zip(&comparison.slots).map(of_slot).collect()
    }

    #[cfg(not(feature = "milp"))]
    fn look_back(&self, comparison: &mut ComparisonRecord, _: Effort, _: usize) -> Option<Vec<f64>> {
        comparison.without_optimum = Some("built without the feature `milp`".into());
        None
    }

    /// The offline optimum, and those of the shortest frames that can be planned within the budgets; returns the prices
    /// at which to look for further decisions, none where these are enough.
    #[cfg(feature = "milp")]
    fn look_back(&self, comparison: &mut ComparisonRecord, effort: Effort, round: usize) -> Option<Vec<f64>> {
        use crate::lyapunov::{LookBack, OfflineError, OfflineProblem};
        let nodes = self.constrained_nodes();
        let by_node = |of_constraints: &[f64]| {
            let mut all = vec![0.0; self.nodes.len()];
            for (node, value) in nodes.iter().zip(of_constraints) {
                if let Some(slot) = all.get_mut(*node) {
                    *slot = *value;
                }
            }
            // The convergence constraint's comes last.
            all.extend(of_constraints.get(nodes.len()));
            all
        };
        let problem = match OfflineProblem::new(self.actions(comparison)) {
            Ok(problem) => problem,
            Err(reason) => {
                comparison.without_optimum = Some(reason.to_string());
                return None;
            }
        };
        let lower = comparison.lower_bound();
        let last = |found: bool| round + 1 >= effort.rounds(found);
        let largest = self.slots.iter().map(|slot| self.recorded_action(slot).penalty.abs()).fold(0.0, f64::max);
        let prices = self.of_constraints(&comparison.multiplier).unwrap_or_default();
        let is_enough = |upper: f64| effort.is_enough(round, upper, lower);
        match LookBack::new(&problem, &prices, largest, last, is_enough) {
            LookBack::Again(prices) => return Some(by_node(&prices)),
            LookBack::Enough(optimum) => {
                comparison.offline_multiplier = by_node(&optimum.multiplier);
                let (frame, frame_weights) = problem.shortest_frames(&optimum.mixture);
                comparison.frame = frame;
                for ((slot, whole), of_frame) in comparison.slots.iter_mut().zip(optimum.mixture).zip(frame_weights) {
                    (slot.weights, slot.frame_weights) = (whole, of_frame);
                }
            }
            LookBack::Without(OfflineError::Infeasible) => {
                comparison.without_optimum = Some(
                    "no mixture of the decisions looked at keeps every constraint in these slots; a fuller \
                     comparison, if there is one, looks at more, longer runs even out bad slots, larger budgets are easier to keep"
                        .into(),
                );
            }
            LookBack::Without(reason) => comparison.without_optimum = Some(reason.to_string()),
        }
        None
    }

    /// Those of a list by node, with the convergence constraint's at its end, that belong to the constraints of
    /// [`RunRecord::history`]; none where the list is too short.
    pub(crate) fn of_constraints(&self, by_node: &[f64]) -> Option<Vec<f64>> {
        let last = self.convergence.as_ref().map(|_| self.nodes.len());
        self.constrained_nodes().into_iter().chain(last).map(|k| by_node.get(k).copied()).collect()
    }
}

impl ComparisonRecord {
    /// A certified lower bound on the mean penalty of any policy that keeps the budgets, in seconds.
    fn lower_bound(&self) -> f64 {
        self.slots.iter().map(|slot| slot.minimum).sum::<f64>() / self.slots.len().max(1) as f64
    }

    /// Adds the decisions of a round, and its minima where they bound more than those before.
    pub(super) fn take(&mut self, prices: &[f64], compared: Vec<(f64, Option<PossibleDecision>)>) {
        let bound = compared.iter().map(|(minimum, _)| minimum).sum::<f64>() / compared.len().max(1) as f64;
        let better = bound > self.lower_bound();
        if better {
            self.multiplier = prices.to_vec();
        }
        for (slot, (minimum, decision)) in self.slots.iter_mut().zip(compared) {
            if better {
                slot.minimum = minimum;
            }
            slot.decisions.extend(decision.filter(|decision| !slot.decisions.contains(decision)));
        }
    }
}
