//! Tables for notebooks: one row per observation, units in the column names.
//!
//! Floats are written with the fewest digits that read back as the same number; an empty field means "none".

use std::io::Write;

use super::series::devices;
use crate::lyapunov::{DriftRecord, History};
use crate::simulation::{NodeRole, Outage, RunRecord, SlotOutcome};

/// One row per slot.
pub(super) fn slots(record: &RunRecord, out: &mut dyn Write) -> csv::Result<()> {
    const PLANNED: usize = 8;
    let mut csv = csv::Writer::from_writer(out);
    let fixed =
        ["slot", "status", "latency_s", "plan", "local_iterations", "micro_batches", "objective", "lower_bound"];
    let mut header: Vec<String> = fixed.iter().chain(&["gap", "outage_reason"]).map(ToString::to_string).collect();
    header.extend(record.clusters.iter().map(|name| format!("latency_s:{name}")));
    if record.convergence.is_some() {
        header.extend(["convergence_violation_loss", "convergence_queue"].map(String::from));
    }
    csv.write_record(&header)?;
    for slot in &record.slots {
        let mut row = vec![slot.slot.to_string()];
        match &slot.outcome {
            SlotOutcome::Planned(planned) => {
                let plan = record.plans.get(planned.plan);
                row.extend([
                    planned.status.name().into(),
                    float(planned.latency_s.0),
                    planned.plan.to_string(),
                    plan.map(|plan| plan.local_iterations.to_string()).unwrap_or_default(),
                    plan.map(|plan| plan.micro_batches.to_string()).unwrap_or_default(),
                    float(planned.objective),
                    number(planned.lower_bound),
                    number(planned.gap),
                    String::new(),
                ]);
                row.extend((0..record.clusters.len()).map(|index| {
                    planned.clusters.get(index).map(|cluster| float(cluster.latency_s.0)).unwrap_or_default()
                }));
            }
            SlotOutcome::Outage(Outage { reason, .. }) => {
                row.push("outage".into());
                row.extend(std::iter::repeat_n(String::new(), PLANNED - 1));
                row.push(reason.clone());
                row.extend(record.clusters.iter().map(|_| String::new()));
            }
        }
        if record.convergence.is_some() {
            let of_slot = slot.convergence.map(|of| [of.violation, of.queue].map(float));
            row.extend(of_slot.unwrap_or_default());
        }
        csv.write_record(&row)?;
    }
    csv.flush().map_err(Into::into)
}

/// One row per slot of a run of a user's own problem.
pub(super) fn drift<A>(record: &DriftRecord<A>, history: &History, out: &mut dyn Write) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let of = |what: &'static str| record.labels.constraints.iter().map(move |name| format!("{what}:{name}"));
    let fixed = ["slot", "penalty", "lower_bound", "gap"].map(String::from);
    csv.write_record(fixed.into_iter().chain(of("violation")).chain(of("queue")))?;
    for (slot, step) in record.slots.iter().zip(history.steps()) {
        let row = [slot.slot.to_string(), float(slot.penalty), number(slot.lower_bound), number(step.gap)];
        let lists = slot.violations.iter().chain(&slot.queues).map(|value| float(*value));
        csv.write_record(row.into_iter().chain(lists))?;
    }
    csv.flush().map_err(Into::into)
}

/// Empty where there is none.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map(float).unwrap_or_default()
}

/// The fewest digits that read back as the same number.
pub(crate) fn float(value: f64) -> String {
    format!("{value:?}")
}

/// One row per slot and node.
pub(super) fn nodes(record: &RunRecord, out: &mut dyn Write) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["slot", "node", "role", "energy_j", "budget_j", "queue"])?;
    for slot in &record.slots {
        for (index, node) in record.nodes.iter().enumerate() {
            let role = match node.role {
                NodeRole::ControlUnit => "control_unit",
                NodeRole::Device => "device",
            };
            csv.write_record([
                slot.slot.to_string().as_str(),
                &node.name,
                role,
                &slot.energy_j.get(index).map(|energy| float(energy.0)).unwrap_or_default(),
                &node.budget_j.map(|budget| float(budget.0)).unwrap_or_default(),
                &slot.queues.get(index).map(|queue| float(*queue)).unwrap_or_default(),
            ])?;
        }
    }
    csv.flush().map_err(Into::into)
}

/// One row per planned slot and device.
pub(super) fn segments(record: &RunRecord, out: &mut dyn Write) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["slot", "cluster", "device", "blocks"])?;
    for (slot, planned) in record.planned_slots() {
        for (index, (name, cluster)) in record.clusters.iter().zip(&planned.clusters).enumerate() {
            for ((_, device), blocks) in devices(record, index).zip(&cluster.sizes) {
                csv.write_record([slot.to_string().as_str(), name, &device.name, &blocks.to_string()])?;
            }
        }
    }
    csv.flush().map_err(Into::into)
}
