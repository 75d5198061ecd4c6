//! A sweep as a table for notebooks.

use std::io::Write;

use super::result::Tradeoff;
use crate::report::tidy::{float, number};

/// One row per value of a sweep.
pub(super) fn points(tradeoff: &Tradeoff, out: &mut dyn Write) -> csv::Result<()> {
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
