//! Tables for notebooks: one row per observation, units in the column names.
//!
//! Floats are written with the fewest digits that read back as the same number; an empty field means "none".

use std::io::Write;

use super::series::devices;
use crate::lyapunov::{DriftRecord, History};
use crate::problem::Status;
use crate::simulation::{NodeRole, Outage, RunRecord, SlotOutcome};
use crate::tradeoff::Tradeoff;

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
                    status(planned.status).into(),
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

/// One row per slot of an own problem's run.
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
fn number(value: Option<f64>) -> String {
    value.map(float).unwrap_or_default()
}

/// The fewest digits that read back as the same number.
pub(super) fn float(value: f64) -> String {
    format!("{value:?}")
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Optimal => "optimal",
        Status::Feasible => "feasible",
        Status::Infeasible => "infeasible",
    }
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

/// One row per value of a sweep.
pub(super) fn tradeoff(tradeoff: &Tradeoff, out: &mut dyn Write) -> csv::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let fixed = [
        tradeoff.axis.symbol(),
        "slots",
        "planned",
        "mean_latency_s",
        "p50_latency_s",
        "p90_latency_s",
        "p99_latency_s",
        "worst_overspend_node",
        "worst_overspend",
        "worst_overspend_bound",
        "second_half_backlog",
        "second_half_settled",
        "second_half_mean_latency_s",
        "second_half_excess_s",
        "largest_gap",
        "final_convergence_queue",
        "certified_mean",
        "certified_mean_of_sum",
    ];
    let plans = tradeoff.points.first().map(|point| point.plans.as_slice()).unwrap_or_default();
    let shares = plans.iter().map(|plan| format!("share:I{}M{}", plan.local_iterations, plan.micro_batches));
    csv.write_record(fixed.iter().map(ToString::to_string).chain(shares))?;
    for (point, excess) in tradeoff.points.iter().zip(&tradeoff.excess_s) {
        let (latency, worst, part) = (point.latency, point.worst_node(), &point.second_half);
        let convergence = point.convergence.as_ref();
        let row = [
            float(point.value),
            point.slots.to_string(),
            point.planned.to_string(),
            number(latency.map(|latency| latency.mean_s.0)),
            number(latency.map(|latency| latency.p50_s.0)),
            number(latency.map(|latency| latency.p90_s.0)),
            number(latency.map(|latency| latency.p99_s.0)),
            worst.map(|node| node.name.clone()).unwrap_or_default(),
            number(worst.map(|node| node.mean_overspend)),
            number(worst.map(|node| node.bound)),
            float(part.backlog()),
            part.settled().to_string(),
            number(part.mean_latency_s.map(|latency| latency.0)),
            number(*excess),
            number(point.gap.map(|gap| gap.max)),
            number(convergence.map(|of| of.final_queue)),
            number(convergence.and_then(|of| of.certified_mean)),
            number(convergence.and_then(|of| of.certified_mean_of_sum)),
        ];
        csv.write_record(row.into_iter().chain(point.plans.iter().map(|plan| float(plan.share))))?;
    }
    csv.flush().map_err(Into::into)
}
