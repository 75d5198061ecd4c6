//! The slots as tidy tables: one observation per row, units in the headers.

use crate::problem::Status;
use crate::simulation::{Outcome, RunRecord};

/// One row per slot: outage or latency, objective, bound, gap, plan, work.
///
/// # Errors
/// Those of the CSV writer; none for a record of a run.
pub fn slots(record: &RunRecord) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "slot",
        "outcome",
        "reason",
        "round_latency_s",
        "objective",
        "lower_bound",
        "gap",
        "local_iterations",
        "micro_batches",
        "branch_and_bound_nodes",
        "phase_evaluations",
    ])?;
    for slot in &record.slots {
        let number = slot.slot.to_string();
        match &slot.outcome {
            Outcome::Planned(round) => out.write_record([
                number,
                match round.status {
                    Status::Optimal => "optimal".into(),
                    _ => "feasible".into(),
                },
                String::new(),
                round.round_latency_s.0.to_string(),
                round.objective.to_string(),
                round.lower_bound.to_string(),
                round.gap.to_string(),
                round.plan.local_iterations.to_string(),
                round.plan.micro_batches.to_string(),
                round.work.nodes.to_string(),
                round.work.iterations.to_string(),
            ])?,
            Outcome::Outage(outage) => {
                let head = [number, "outage".into(), outage.reason.clone()];
                out.write_record(head.into_iter().chain(std::iter::repeat_n(String::new(), 8)))?;
            }
        }
    }
    finish(out)
}

/// One row per slot and cluster: latency by part, share in the price of the round latency. Outages have no rows.
///
/// # Errors
/// As [`slots`].
pub fn clusters(record: &RunRecord) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "slot",
        "cluster",
        "latency_s",
        "fixed_s",
        "distribution_s",
        "forward_s",
        "backward_s",
        "collection_s",
        "upload_s",
        "latency_share",
    ])?;
    for slot in &record.slots {
        let Some(round) = slot.planned() else { continue };
        let names = record.provenance.scenario.clusters.iter().map(|cluster| &cluster.name);
        let shares = &round.shadow_prices.latency_share;
        for ((name, cluster), share) in names.zip(&round.clusters).zip(shares) {
            let parts = cluster.parts;
            let times = [
                cluster.latency_s,
                parts.fixed,
                parts.distribution,
                parts.forward,
                parts.backward,
                parts.collection,
                parts.upload,
            ];
            let head = [slot.slot.to_string(), name.clone()].into_iter();
            out.write_record(head.chain(times.map(|time| time.0.to_string())).chain([share.to_string()]))?;
        }
    }
    finish(out)
}

/// One row per slot and node: presence, blocks, energy, price, queue. Fields that do not apply are empty.
///
/// # Errors
/// As [`slots`].
pub fn nodes(record: &RunRecord) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "slot",
        "node",
        "present",
        "blocks",
        "energy_j",
        "budget_j_per_round",
        "energy_price_per_j",
        "queue_after",
    ])?;
    let text = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for slot in &record.slots {
        for (index, node) in record.nodes.iter().enumerate() {
            let present = node.device.is_none_or(|k| slot.present.get(node.cluster).is_some_and(|p| p.contains(&k)));
            let blocks = node.device.and_then(|k| slot.planned()?.clusters.get(node.cluster)?.sizes.get(k));
            out.write_record([
                slot.slot.to_string(),
                node.name.clone(),
                present.to_string(),
                blocks.map(ToString::to_string).unwrap_or_default(),
                text(slot.energy_j.get(index).map(|j| j.0)),
                text(node.budget_j_per_round.map(|j| j.0)),
                text(slot.energy_price.get(index).copied()),
                text(slot.queue.get(index).copied().flatten()),
            ])?;
        }
    }
    finish(out)
}

fn finish(out: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = out.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))?;
    // Every field was a string.
    String::from_utf8(bytes).map_err(|error| csv::Error::from(std::io::Error::other(error)))
}
