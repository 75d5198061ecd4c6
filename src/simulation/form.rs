//! The standard form of a scenario: which constraints there are, what a slot's penalty and violations are, and what the
//! queues cost.

use super::outage::Outage;
use super::record::{PlannedSlot, RunRecord, SlotOutcome};
use super::run::RunError;
use crate::lyapunov::{Action, BudgetError, EnergyBudgets, Labels, PlanViolations, QueueError};
use crate::problem::CandidatePlan;
use crate::scenario::{Scenario, SlotError, SlotInstance, SlotState};
use crate::units::{Joules, Seconds};

/// Deviation of a recorded price or objective from the queues' that counts as rounding, relative to the number.
const ROUNDING: f64 = 1e-9;

/// Name of the convergence constraint.
pub(super) const CONVERGENCE: &str = "convergence";

/// The long-term problem of a scenario, as a run and its record have it.
///
/// The penalty of a slot is T + (the plan's own penalty)/V + Σ (a node's own price)·E in seconds. The constraints are the energy budgets of the
/// nodes that have one, E/Ē − 1, then the convergence constraint g/G if there is one.
#[derive(Clone, Debug)]
pub(crate) struct StandardForm {
    latency_weight: f64,
    plans: Vec<CandidatePlan>,
    names: Vec<String>,
    energy: EnergyBudgets,
    /// What a joule of every node costs besides its queue, in seconds.
    own_prices: Vec<f64>,
    learning: Option<PlanViolations>,
}

/// What the queues cost in a slot.
#[derive(Clone, Debug)]
pub(super) struct QueueCosts {
    /// Z of every node, in objective units per joule.
    pub energy_prices: Vec<f64>,
    /// H·g/G of every plan, in objective units.
    pub plan_penalties: Vec<f64>,
    /// H; 0 without a convergence constraint.
    learning: f64,
}

impl QueueCosts {
    /// The slot's problem at these costs.
    pub fn problem(&self, state: &SlotState) -> Result<SlotInstance, SlotError> {
        // Both lists have an entry for every node and plan of the scenario; a slot problem refuses what is not a
        // number.
        let entry = |list: &[f64], index: usize| list.get(index).copied().unwrap_or(f64::NAN);
        let (prices, penalties) = (&self.energy_prices, &self.plan_penalties);
        state.problem_with_penalties(|node| entry(prices, node), |plan| entry(penalties, plan))
    }
}

impl StandardForm {
    pub fn of_scenario(scenario: &Scenario) -> Result<Self, RunError> {
        let plans = scenario.plans().to_vec();
        let learning = scenario.convergence().map(|of| PlanViolations::new(of, &plans)).transpose()?;
        let nodes = scenario.nodes().iter().map(|node| (node.name.clone(), node.price_s_per_j));
        Ok(Self::new(scenario.spec().latency_weight, plans, nodes, EnergyBudgets::new(scenario.budgets())?, learning))
    }

    pub fn of_record(record: &RunRecord) -> Result<Self, BudgetError> {
        let energy = EnergyBudgets::new(record.nodes.iter().map(|node| node.budget_j).collect())?;
        let learning = record.convergence.as_ref();
        let learning = learning.map(|of| PlanViolations::recorded(&of.constraint, of.violations.clone(), of.scale));
        let nodes = record.nodes.iter().map(|node| (node.name.clone(), node.price_s_per_j));
        Ok(Self::new(record.provenance.latency_weight, record.plans.clone(), nodes, energy, learning))
    }

    fn new(
        latency_weight: f64,
        plans: Vec<CandidatePlan>,
        nodes: impl Iterator<Item = (String, f64)>,
        energy: EnergyBudgets,
        learning: Option<PlanViolations>,
    ) -> Self {
        let (nodes, own_prices): (Vec<String>, Vec<f64>) = nodes.unzip();
        let limited = nodes.into_iter().enumerate().filter(|(node, _)| energy.budget(*node).is_some());
        let mut names: Vec<String> = limited.map(|(_, name)| name).collect();
        names.extend(learning.as_ref().map(|_| CONVERGENCE.to_owned()));
        Self { latency_weight, plans, names, energy, own_prices, learning }
    }

    /// V.
    pub fn latency_weight(&self) -> f64 {
        self.latency_weight
    }

    pub fn energy(&self) -> &EnergyBudgets {
        &self.energy
    }

    pub fn learning(&self) -> Option<&PlanViolations> {
        self.learning.as_ref()
    }

    /// Number of constraints.
    pub fn constraints(&self) -> usize {
        self.names.len()
    }

    pub fn labels(&self) -> Labels {
        let penalty =
            if self.own_prices.iter().any(|price| *price > 0.0) { "latency with priced energy" } else { "latency" };
        Labels::new(penalty, "s", self.names.iter().cloned()).with_violation_unit("budgets")
    }

    /// A list with one entry per constraint: those of the budgets, and that of the convergence constraint, if any.
    pub fn split<'a>(&self, list: &'a [f64]) -> Result<(&'a [f64], Option<f64>), QueueError> {
        let (expected, found) = (self.constraints(), list.len());
        if found != expected {
            return Err(QueueError::Length { expected, found });
        }
        let (budgets, learning) = list.split_at(self.energy.constraints());
        Ok((budgets, learning.first().copied()))
    }

    /// A list with one entry per constraint by node, with the convergence constraint's at its end.
    pub fn by_node(&self, of_constraints: &[f64]) -> Result<Vec<f64>, QueueError> {
        let (budgets, learning) = self.split(of_constraints)?;
        let mut by_node = self.energy.by_node(budgets)?;
        by_node.extend(learning);
        Ok(by_node)
    }

    /// The entries of the constraints, from a list by node with the convergence constraint's entry at its end.
    pub fn of_constraints(&self, by_node: &[f64]) -> Result<Vec<f64>, QueueError> {
        let expected = self.energy.nodes() + usize::from(self.learning.is_some());
        if by_node.len() != expected {
            return Err(QueueError::Length { expected, found: by_node.len() });
        }
        let (budgets, learning) = by_node.split_at(self.energy.nodes());
        let mut of_constraints = self.energy.of_constraints(budgets)?;
        of_constraints.extend(learning);
        Ok(of_constraints)
    }

    /// What `queues`, one per constraint, cost in a slot's problem.
    pub fn costs(&self, queues: &[f64]) -> Result<QueueCosts, QueueError> {
        let (budgets, learning) = self.split(queues)?;
        let learning = learning.unwrap_or(0.0);
        let plan_penalties = match &self.learning {
            Some(of) => of.penalties(learning),
            None => vec![0.0; self.plans.len()],
        };
        Ok(QueueCosts { energy_prices: self.energy.prices(budgets)?, plan_penalties, learning })
    }

    /// Penalty and violations of a round.
    pub fn action(&self, latency: Seconds, plan: usize, energy: &[Joules]) -> Result<Action, QueueError> {
        let own = self.plans.get(plan).ok_or(QueueError::Plan { plan, plans: self.plans.len() })?.penalty;
        let mut violations = self.energy.violations(energy)?;
        violations.extend(self.learning.as_ref().map(|of| of.scaled(Some(plan))).transpose()?);
        Ok(Action { penalty: latency.0 + own / self.latency_weight + self.priced(energy), violations })
    }

    /// Σ (a node's own price)·E, in seconds.
    fn priced(&self, energy: &[Joules]) -> f64 {
        self.own_prices
            .iter()
            .zip(energy)
            .filter(|(price, _)| **price > 0.0)
            .map(|(price, spent)| price * spent.0)
            .sum()
    }

    /// Penalty and violations of a slot without a round.
    pub fn idle(&self, energy: &[Joules]) -> Result<Action, QueueError> {
        let mut violations = self.energy.violations(energy)?;
        violations.extend(self.learning.as_ref().map(|of| of.scaled(None)).transpose()?);
        Ok(Action { penalty: self.priced(energy), violations })
    }

    /// The action of an outcome.
    pub fn action_of(&self, outcome: &SlotOutcome, energy: &[Joules]) -> Result<Action, QueueError> {
        match outcome {
            SlotOutcome::Planned(planned) => self.action(planned.latency_s, planned.plan, energy),
            SlotOutcome::Outage(_) => self.idle(energy),
        }
    }

    /// Least Σ over the plans of own penalty + H·g/G at the queue H, in objective units.
    pub fn least_plan_cost(&self, learning: f64) -> f64 {
        let queue = self.learning.as_ref().map(|of| of.penalties(learning));
        let penalties = queue.unwrap_or_else(|| vec![0.0; self.plans.len()]);
        let costs = self.plans.iter().zip(penalties).map(|(plan, penalty)| plan.penalty + penalty);
        costs.fold(f64::INFINITY, f64::min)
    }

    /// C: how far an outcome's V·p + Q·g is at most above the slot's minimum; none where that is not known, because the
    /// slot was not decided at these costs of the queues, or without a bound. Energies are those planned and those
    /// spent, which differ where they were measured.
    pub fn gap(
        &self,
        costs: &QueueCosts,
        outcome: &SlotOutcome,
        energy_prices: &[f64],
        [planned_energy, spent]: [&[Joules]; 2],
    ) -> Option<f64> {
        let cost = |energy: &[Joules]| -> f64 {
            let of_queues: f64 = costs.energy_prices.iter().zip(energy).map(|(price, spent)| price * spent.0).sum();
            of_queues + self.latency_weight * self.priced(energy)
        };
        match outcome {
            SlotOutcome::Planned(planned) => {
                let above = self.gap_of_round(costs, planned, energy_prices, cost(planned_energy))?;
                Some((above + cost(spent) - cost(planned_energy)).max(0.0))
            }
            // What a failed round spent it spent for nothing.
            SlotOutcome::Outage(outage) => Some(self.gap_of_outage(costs.learning, outage) + cost(spent)),
        }
    }

    fn gap_of_round(
        &self,
        costs: &QueueCosts,
        planned: &PlannedSlot,
        energy_prices: &[f64],
        energy_cost: f64,
    ) -> Option<f64> {
        let off = |(own, price): (&f64, &f64)| (own - price).abs() > ROUNDING * price.abs();
        if energy_prices.iter().zip(&costs.energy_prices).any(off) {
            return None;
        }
        let latency = self.latency_weight * planned.latency_s.0;
        let penalty = self.plans.get(planned.plan)?.penalty + costs.plan_penalties.get(planned.plan)?;
        let objective = latency + energy_cost + penalty;
        let scale = latency.abs() + energy_cost.abs() + penalty.abs();
        let lower_bound = planned.lower_bound.filter(|bound| bound.is_finite())?;
        let kept = (planned.objective - objective).abs() <= ROUNDING * scale;
        kept.then(|| (planned.objective - lower_bound).max(0.0))
    }

    /// Where no round was possible, doing nothing was the only action. Otherwise no round can gain more over doing
    /// nothing than the plans' penalties: neither latency nor energy is negative.
    fn gap_of_outage(&self, learning: f64, outage: &Outage) -> f64 {
        let gain = learning * self.scaled_idle() - self.least_plan_cost(learning);
        if outage.excludes_rounds() { 0.0 } else { gain.max(0.0) }
    }

    /// g/G of a slot without a round; 0 without a convergence constraint.
    pub fn scaled_idle(&self) -> f64 {
        self.learning.as_ref().map_or(0.0, PlanViolations::scaled_idle)
    }
}
