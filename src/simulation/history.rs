//! A record as the plain data that certificates are made from.

use super::record::{ConvergenceRecord, PlannedSlot, RunRecord, SlotOutcome, SlotRecord};
use crate::lyapunov::{Action, History, HistoryError, Step};
use crate::problem::Plan;
use crate::solver::SolveError;
use crate::units::Joules;

/// Deviation of a recorded price or objective from what the queues say that is rounding, relative to the number.
const ROUNDING: f64 = 1e-9;

impl RunRecord {
    /// Indices in [`RunRecord::nodes`] of the nodes with a budget: the constraints, in this order, of
    /// [`RunRecord::history`].
    #[must_use]
    pub fn constrained_nodes(&self) -> Vec<usize> {
        let limited = |budget: &Joules| budget.0.is_finite() && budget.0 > 0.0;
        (0..self.nodes.len())
            .filter(|&k| self.nodes.get(k).and_then(|n| n.budget_j).is_some_and(|b| limited(&b)))
            .collect()
    }

    /// Names of the constraints of [`RunRecord::history`]: the nodes with a budget, then `convergence` if there is such
    /// a constraint.
    #[must_use]
    pub fn constraint_names(&self) -> Vec<&str> {
        let nodes = self.constrained_nodes().into_iter().filter_map(|k| self.nodes.get(k));
        nodes.map(|node| node.name.as_str()).chain(self.convergence.as_ref().map(|_| "convergence")).collect()
    }

    /// The run as plain data: penalty T(t) + (the plan's own penalty)/V in seconds, 0 in an outage; violations E/Ē − 1
    /// of the nodes with a budget, then g/G of the convergence constraint if there is one.
    ///
    /// The gap of a slot is objective − lower bound where the record shows that the slot was decided at the prices of
    /// its queues, and not known otherwise. In an outage of a run that was solved to a tolerance doing nothing was the
    /// only action, so that its gap is 0; where the solver gave up, or another policy found no round, no decision can
    /// gain more over doing nothing than the plans' penalties.
    ///
    /// # Errors
    /// [`HistoryError`] for a record whose queues did not follow their law, or with numbers out of range.
    pub fn history(&self) -> Result<History, HistoryError> {
        let nodes = self.constrained_nodes();
        let mut initial: Vec<f64> = nodes.iter().map(|&k| at(&self.initial_queues, k)).collect();
        initial.extend(self.convergence.as_ref().map(|_| 0.0));
        let mut before = initial.clone();
        let mut steps = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let Action { penalty, violations } = self.recorded_action(slot);
            let mut queue_after: Vec<f64> = nodes.iter().map(|&k| at(&slot.queues, k)).collect();
            queue_after.extend(self.convergence.as_ref().map(|_| slot.convergence.map_or(f64::NAN, |of| of.queue)));
            steps.push(Step {
                penalty,
                violations,
                gap: self.gap(slot, &nodes, &before),
                queue_after: queue_after.clone(),
            });
            before = queue_after;
        }
        History::new(self.provenance.latency_weight, initial, steps)
    }

    /// What a slot of the record came to.
    pub(crate) fn recorded_action(&self, slot: &SlotRecord) -> Action {
        let penalty = match &slot.outcome {
            SlotOutcome::Planned(planned) => self.penalty(planned.latency_s.0, planned.plan),
            SlotOutcome::Outage { .. } => 0.0,
        };
        let mut violations = self.violations(&slot.energy_j);
        let learned = |of: &ConvergenceRecord| slot.convergence.map_or(f64::NAN, |own| own.violation / of.scale);
        violations.extend(self.convergence.as_ref().map(learned));
        Action { penalty, violations }
    }

    /// A decision's penalty and violations.
    pub(crate) fn action(&self, latency_s: f64, plan: usize, energy: &[Joules]) -> Action {
        let mut violations = self.violations(energy);
        violations.extend(self.convergence.as_ref().map(|_| self.plan_violation(plan)));
        Action { penalty: self.penalty(latency_s, plan), violations }
    }

    fn penalty(&self, latency_s: f64, plan: usize) -> f64 {
        latency_s + self.plans.get(plan).map_or(0.0, |plan| plan.penalty) / self.provenance.latency_weight
    }

    /// g/G of a plan; 0 without a convergence constraint.
    pub(crate) fn plan_violation(&self, plan: usize) -> f64 {
        let of = |of: &ConvergenceRecord| of.violations.get(plan).map_or(f64::NAN, |violation| violation / of.scale);
        self.convergence.as_ref().map_or(0.0, of)
    }

    /// Least Σ over the plans of own penalty + `price`·g/G, in objective units.
    pub(crate) fn least_plan_cost(&self, price: f64) -> f64 {
        let cost = |(index, plan): (usize, &Plan)| plan.penalty + price * self.plan_violation(index);
        self.plans.iter().enumerate().map(cost).fold(f64::INFINITY, f64::min)
    }

    fn violations(&self, energy: &[Joules]) -> Vec<f64> {
        let of = |k: usize| self.nodes.get(k).and_then(|node| Some((energy.get(k)?.0, node.budget_j?.0)));
        self.constrained_nodes()
            .into_iter()
            .map(|k| of(k).map_or(f64::NAN, |(spent, budget)| spent / budget - 1.0))
            .collect()
    }

    fn gap(&self, slot: &SlotRecord, nodes: &[usize], queues: &[f64]) -> Option<f64> {
        // H before the slot: the entry after those of the nodes.
        let learning_price = queues.get(nodes.len()).copied().unwrap_or(0.0);
        let planned: &PlannedSlot = match &slot.outcome {
            SlotOutcome::Planned(planned) => planned,
            outage @ SlotOutcome::Outage { .. } if self.provenance.gap_tolerance.is_none() || gave_up(outage) => {
                let idle = slot.convergence.map_or(0.0, |own| own.violation)
                    / self.convergence.as_ref().map_or(1.0, |of| of.scale);
                return Some((learning_price * idle - self.least_plan_cost(learning_price)).max(0.0));
            }
            SlotOutcome::Outage { .. } => return Some(0.0),
        };
        let mut energy_cost = 0.0;
        for (&k, queue) in nodes.iter().zip(queues) {
            let price = queue / self.nodes.get(k)?.budget_j?.0;
            if (slot.energy_prices.get(k)? - price).abs() > ROUNDING * price.abs() {
                return None;
            }
            energy_cost += price * slot.energy_j.get(k)?.0;
        }
        let latency = self.provenance.latency_weight * planned.latency_s.0;
        let penalty = self.plans.get(planned.plan)?.penalty + learning_price * self.plan_violation(planned.plan);
        let objective = latency + energy_cost + penalty;
        let scale = latency.abs() + energy_cost.abs() + penalty.abs();
        let lower_bound = planned.lower_bound.filter(|bound| bound.is_finite())?;
        let kept = (planned.objective - objective).abs() <= ROUNDING * scale;
        kept.then(|| (planned.objective - lower_bound).max(0.0))
    }
}

/// Whether a slot was lost to the solver's arithmetic, so that a round may have been possible.
pub(super) fn gave_up(outcome: &SlotOutcome) -> bool {
    matches!(outcome, SlotOutcome::Outage { reason } if *reason == SolveError::Numerical.to_string())
}

/// A queue of a record; 0 where the record has none.
fn at(list: &[f64], index: usize) -> f64 {
    list.get(index).copied().unwrap_or(0.0)
}
