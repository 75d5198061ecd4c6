//! A partition as text for the terminal.

use super::table::{Table, number, significant};
use crate::partition::{Partition, PartitionObjective, PartitionProblem, PartitionStatus};

/// The plan stage by stage, with what each takes and needs, the links between them, and how good it is proved to be, for a screen
/// of this width ([`WIDTH`](crate::text::WIDTH) where it is not known).
#[must_use]
pub fn partition_table(problem: &PartitionProblem, partition: &Partition, width: usize) -> String {
    let objective = match problem.objective {
        PartitionObjective::Bottleneck => "busiest stage or link".to_owned(),
        PartitionObjective::Latency => "sum of all stages and links".into(),
        PartitionObjective::SumPlusMax { micro_batches } => format!("sum + ({micro_batches} - 1) x busiest"),
        PartitionObjective::Schedule { schedule, micro_batches, sending } => {
            format!("makespan of {schedule}, {micro_batches} micro-batches, sending {sending}")
        }
    };
    let of = &partition.evaluation;
    let proof = match partition.status {
        PartitionStatus::Optimal => "optimal".to_owned(),
        PartitionStatus::WorkLimit => {
            let bound = significant(partition.lower_bound_s, 6);
            format!(
                "no plan is below {bound} s (gap {:.2} %); the limit on work ended the search",
                100.0 * partition.gap()
            )
        }
    };
    let (layers, devices) = (problem.layers.len(), problem.devices.len());
    let mut text = format!("{layers} layers on {} of {devices} devices\n", of.stages.len());
    text += &format!("{objective}: {} s, {proof}\n", significant(partition.value_s, 6));
    text += &format!("busiest {} s, sum {} s\n\n", number(of.bottleneck_s), number(of.sum_s));
    let mut table = Table::new(&[
        &["Stage", "layers", "number", "forward", "backward", "memory"],
        &["", "", "", "[s]", "[s]", "[bytes]"],
    ]);
    for cost in &of.stages {
        let stage = cost.stage;
        table.push(vec![
            device(problem, stage.device),
            format!("{}-{}", stage.first, stage.past - 1),
            (stage.past - stage.first).to_string(),
            number(cost.forward_s),
            number(cost.backward_s),
            number(cost.needed_bytes),
        ]);
    }
    text += &format!("{table:width$}");
    if of.links.iter().any(|link| link.forward_s + link.backward_s + link.latency_s > 0.0) {
        let mut table =
            Table::new(&[&["Link", "after layer", "forward", "backward", "latency"], &["", "", "[s]", "[s]", "[s]"]]);
        for link in &of.links {
            table.push(vec![
                format!("{} > {}", device(problem, link.from), device(problem, link.to)),
                link.cut.checked_sub(1).map_or_else(|| "-".into(), |layer| layer.to_string()),
                number(link.forward_s),
                number(link.backward_s),
                number(link.latency_s),
            ]);
        }
        text += &format!("\n{table:width$}");
    }
    text
}

fn device(problem: &PartitionProblem, device: usize) -> String {
    match problem.devices.get(device).map(|device| device.name.as_str()) {
        None | Some("") => format!("device {device}"),
        Some(name) => name.to_owned(),
    }
}
