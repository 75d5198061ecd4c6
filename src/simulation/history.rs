//! A record as the plain data that certificates are made from.

use super::form::{CONVERGENCE, StandardForm};
use super::record::{NodeRole, RunRecord, SlotOutcome, SlotRecord};
use super::record_error::RecordError;
use crate::lyapunov::{Action, History, QueueError, Step};

/// Deviation of a recorded violation from the plan's that counts as rounding, relative to the number.
const ROUNDING: f64 = 1e-9;

impl RunRecord {
    /// Indices in [`RunRecord::nodes`] of the nodes with a budget: the constraints, in this order, of
    /// [`RunRecord::history`].
    #[must_use]
    pub fn constrained_nodes(&self) -> Vec<usize> {
        (0..).zip(&self.nodes).filter_map(|(k, node)| node.budget_j.map(|_| k)).collect()
    }

    /// Names of the constraints of [`RunRecord::history`]: the nodes with a budget, then `convergence` if there is such
    /// a constraint.
    #[must_use]
    pub fn constraint_names(&self) -> Vec<&str> {
        let nodes = self.nodes.iter().filter(|node| node.budget_j.is_some());
        nodes.map(|node| node.name.as_str()).chain(self.convergence.as_ref().map(|_| CONVERGENCE)).collect()
    }

    /// The run as plain data: penalty T(t) + (the plan's own penalty)/V in seconds, 0 in an outage; violations E/Ē − 1
    /// of the nodes with a budget, then g/G of the convergence constraint if there is one. Energies of executed rounds are
    /// those that were measured, latencies those that were planned.
    ///
    /// The gap of a slot is objective − lower bound where the record shows that the slot was decided at the prices of
    /// its queues, and not known otherwise. In an outage its [cause](super::OutageCause) decides: where no round was
    /// possible, doing nothing was the only action, so that the gap is 0; where the solver gave up, a policy found no
    /// round, or the cause was not recorded, no decision can gain more over doing nothing than the plans' penalties.
    ///
    /// # Errors
    /// [`RecordError`] for a record whose lists do not fit together, whose queues did not follow their law, or with
    /// numbers out of range.
    pub fn history(&self) -> Result<History, RecordError> {
        self.history_in(&self.standard_form()?)
    }

    /// The record's problem, and that all its lists fit it.
    pub(super) fn standard_form(&self) -> Result<StandardForm, RecordError> {
        self.check_lengths()?;
        Ok(StandardForm::of_record(self)?)
    }

    /// Whether every list has an entry for each node, plan, cluster or device that it is about, so that whoever reads the
    /// record need not ask again.
    ///
    /// # Errors
    /// [`RecordError`] names the first list that has not.
    pub fn check_lengths(&self) -> Result<(), RecordError> {
        let nodes = self.nodes.len();
        if !self.initial_queues.is_empty() {
            check(&|| "initial_queues".into(), self.initial_queues.len(), nodes)?;
        }
        if let Some(of) = &self.convergence {
            check(&|| "convergence.violations".into(), of.violations.len(), self.plans.len())?;
        }
        self.slots.iter().enumerate().try_for_each(|(index, slot)| self.check_slot(index, slot))
    }

    /// The same of one slot, in its place in a record of these nodes, plans and clusters.
    pub(super) fn check_slot(&self, index: usize, slot: &SlotRecord) -> Result<(), RecordError> {
        let nodes = self.nodes.len();
        check(&|| format!("slots[{index}].energy_prices"), slot.energy_prices.len(), nodes)?;
        check(&|| format!("slots[{index}].energy_j"), slot.energy_j.len(), nodes)?;
        check(&|| format!("slots[{index}].queues"), slot.queues.len(), nodes)?;
        check(&|| format!("slots[{index}].measured.planned_energy_j"), slot.planned_energy_j().len(), nodes)?;
        let expected = self.convergence.is_some();
        if slot.convergence.is_some() != expected {
            return Err(RecordError::Convergence { index, expected });
        }
        let SlotOutcome::Planned(planned) = &slot.outcome else { return Ok(()) };
        if planned.plan >= self.plans.len() {
            let source = QueueError::Plan { plan: planned.plan, plans: self.plans.len() };
            return Err(RecordError::Slot { index, source });
        }
        let of_slot = |list: &str| format!("slots[{index}].outcome.{list}");
        check(&|| of_slot("clusters"), planned.clusters.len(), self.clusters.len())?;
        for (n, cluster) in planned.clusters.iter().enumerate() {
            let of_cluster = |list: &str| of_slot(&format!("clusters[{n}].{list}"));
            check(&|| of_cluster("sizes"), cluster.sizes.len(), self.devices_of(n))?;
            // Records of old have neither.
            if !cluster.memory_bytes.is_empty() {
                check(&|| of_cluster("memory_bytes"), cluster.memory_bytes.len(), cluster.sizes.len())?;
            }
            if !cluster.compute_s.is_empty() {
                check(&|| of_cluster("compute_s"), cluster.compute_s.len(), cluster.sizes.len())?;
            }
        }
        Ok(())
    }

    fn devices_of(&self, cluster: usize) -> usize {
        let of_cluster = self.nodes.iter().filter(|node| node.cluster == cluster);
        of_cluster.filter(|node| node.role == NodeRole::Device).count()
    }

    pub(super) fn history_in(&self, form: &StandardForm) -> Result<History, RecordError> {
        let initial = self.initial_in(form)?;
        let mut before = initial.clone();
        let mut steps = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            let step = self.step_in(form, index, slot, &before)?;
            before.clone_from(&step.queue_after);
            steps.push(step);
        }
        Ok(History::new(form.latency_weight(), initial, steps)?)
    }

    /// Q(0), one per constraint.
    pub(super) fn initial_in(&self, form: &StandardForm) -> Result<Vec<f64>, RecordError> {
        let start = match self.initial_queues.is_empty() {
            true => vec![0.0; self.nodes.len()],
            false => self.initial_queues.clone(),
        };
        queues_in(form, 0, &start, self.convergence.as_ref().map(|of| of.initial_queue))
    }

    /// A slot as plain data, decided at the queues `before` it.
    pub(super) fn step_in(
        &self,
        form: &StandardForm,
        index: usize,
        slot: &SlotRecord,
        before: &[f64],
    ) -> Result<Step, RecordError> {
        let Action { penalty, violations } = self.action_in(form, index, slot)?;
        let costs = form.costs(before).map_err(|source| RecordError::Slot { index, source })?;
        let gap = form.gap(&costs, &slot.outcome, &slot.energy_prices, [slot.planned_energy_j(), &slot.energy_j]);
        let queue_after = queues_in(form, index, &slot.queues, slot.convergence.map(|of| of.queue))?;
        Ok(Step { penalty, violations, gap, queue_after })
    }

    /// The outcome of a slot of the record.
    pub(super) fn action_in(
        &self,
        form: &StandardForm,
        index: usize,
        slot: &SlotRecord,
    ) -> Result<Action, RecordError> {
        let failed = |source| RecordError::Slot { index, source };
        if let (Some(of), Some(own)) = (form.learning(), slot.convergence) {
            let expected = of.violation(slot.planned().map(|planned| planned.plan)).map_err(failed)?;
            let found = own.violation;
            if (found - expected).abs() > ROUNDING * expected.abs() || found.is_nan() {
                return Err(RecordError::Violation { index, expected, found });
            }
        }
        form.action_of(&slot.outcome, &slot.energy_j).map_err(failed)
    }
}

fn check(what: &dyn Fn() -> String, found: usize, expected: usize) -> Result<(), RecordError> {
    if found == expected { Ok(()) } else { Err(RecordError::Length { what: what(), expected, found }) }
}

/// Queues by node, and that of the convergence constraint, as one list of the constraints'.
fn queues_in(
    form: &StandardForm,
    index: usize,
    by_node: &[f64],
    learning: Option<f64>,
) -> Result<Vec<f64>, RecordError> {
    let by_node: Vec<f64> = by_node.iter().copied().chain(learning).collect();
    form.of_constraints(&by_node).map_err(|source| RecordError::Slot { index, source })
}
