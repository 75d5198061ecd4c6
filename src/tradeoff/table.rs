//! A sweep as text for the terminal.

use std::fmt::{self, Formatter};

use super::axis::Axis;
use super::fit::PowerFit;
use super::point::SweepPoint;
use super::result::Tradeoff;
use crate::report::table::{Table, number, or_dash, percent};
use crate::text::value;

impl fmt::Display for Tradeoff {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write(self, f)
    }
}

fn write(tradeoff: &Tradeoff, f: &mut Formatter<'_>) -> fmt::Result {
    let from = &tradeoff.provenance;
    let count = tradeoff.points.len();
    writeln!(f, "{} | seed {} | {count} runs of {} slots", value(&from.scenario), from.seed, from.slots)?;
    match tradeoff.axis {
        Axis::LatencyWeight => write_weights(tradeoff, f),
        Axis::Target => write_targets(tradeoff, f),
    }
}

fn outages(point: &SweepPoint) -> String {
    (point.slots - point.planned.min(point.slots)).to_string()
}

fn latency(point: &SweepPoint) -> String {
    or_dash(point.latency, |latency| number(latency.mean_s.0))
}

fn write_weights(tradeoff: &Tradeoff, f: &mut Formatter<'_>) -> fmt::Result {
    let mut table = Table::new(&[
        &["V", "latency", "outages", "overspend", "C1 bound", "backlog", "second half", "latency", "excess"],
        &["[1/s]", "mean [s]", "", "worst [%]", "[%]", "mean", "settled", "mean [s]", "[s]"],
    ]);
    for (point, excess) in tradeoff.points.iter().zip(&tradeoff.excess_s) {
        let part = &point.second_half;
        table.push(vec![
            number(point.value),
            latency(point),
            outages(point),
            or_dash(point.worst_node(), |node| percent(node.mean_overspend)),
            or_dash(point.worst_node(), |node| percent(node.bound)),
            number(part.backlog()),
            if part.settled() { "yes" } else { "no" }.into(),
            or_dash(part.mean_latency_s, |latency| number(latency.0)),
            or_dash(*excess, number),
        ]);
    }
    write!(f, "\n{table}\n")?;
    writeln!(f, "  overspend: mean of E/budget - 1 of the node where it is largest, all slots; at most its C1 bound.")?;
    writeln!(f, "  backlog: sum of all queues, mean over the second half of the slots, as the columns right of it.")?;
    if let Some(bound) = tradeoff.reference.as_ref().and_then(|reference| reference.bound_s) {
        let bound = number(bound.0);
        writeln!(f, "  excess: latency above {bound} s, which no decisions that keep the budgets in these slots can")?;
        writeln!(f, "  beat in the mean, with overspending charged at the bound's prices; proved to be >= 0.")?;
    }
    write_fit("excess", "-1", tradeoff.fits.excess.as_ref(), f)?;
    write_fit("backlog", "1", tradeoff.fits.backlog.as_ref(), f)
}

fn write_fit(name: &str, promised: &str, fit: Option<&PowerFit>, f: &mut Formatter<'_>) -> fmt::Result {
    match fit {
        None => writeln!(f, "  {name}: fewer than three settled runs with a positive value, no power law fitted."),
        Some(fit) => {
            let over: Vec<String> = fit.over.iter().map(|value| number(*value)).collect();
            let (exponent, r_squared) = (fit.exponent, fit.r_squared);
            write!(
                f,
                "  {name} ~ V^{exponent:.3} (r^2 {r_squared:.3}; theory: at most a constant times V^{promised}),"
            )?;
            writeln!(f, " least squares of logs over")?;
            let chunks: Vec<String> = over.chunks(10).map(|values| values.join(", ")).collect();
            writeln!(f, "    V = {}.", chunks.join(",\n    "))
        }
    }
}

fn write_targets(tradeoff: &Tradeoff, f: &mut Formatter<'_>) -> fmt::Result {
    // Plans that were chosen at all.
    let chosen: Vec<usize> = (0..tradeoff.points.iter().map(|point| point.plans.len()).max().unwrap_or_default())
        .filter(|plan| tradeoff.points.iter().any(|point| point.plans.get(*plan).is_some_and(|plan| plan.rounds > 0)))
        .collect();
    let name = |plan: usize| {
        let plan = tradeoff.points.iter().find_map(|point| point.plans.get(plan));
        or_dash(plan, |plan| format!("I{} M{}", plan.local_iterations, plan.micro_batches))
    };
    let names: Vec<String> = chosen.iter().map(|plan| name(*plan)).collect();
    let fixed = ["epsilon", "certified", "H", "latency", "outages", "overspend"];
    let units = ["", "mean", "[G]", "mean [s]", "", "worst [%]"];
    let header: Vec<&str> = fixed.iter().copied().chain(names.iter().map(String::as_str)).collect();
    let units: Vec<&str> = units.iter().copied().chain(names.iter().map(|_| "[%]")).collect();
    let mut table = Table::new(&[&header, &units]);
    for point in &tradeoff.points {
        let convergence = point.convergence.as_ref();
        let mut row = vec![
            number(point.value),
            or_dash(convergence.and_then(|of| of.certified_mean), number),
            or_dash(convergence, |of| number(of.final_queue)),
            latency(point),
            outages(point),
            or_dash(point.worst_node(), |node| percent(node.mean_overspend)),
        ];
        row.extend(chosen.iter().map(|plan| or_dash(point.plans.get(*plan), |plan| percent(plan.share))));
        table.push(row);
    }
    write!(f, "\n{table}\n")?;
    writeln!(f, "  certified: bound on the mean of E|grad F|^2 over the rounds, by C1 from the final queue H.")?;
    writeln!(
        f,
        "  overspend: mean of E/budget - 1 of the node where it is largest. I.. M..: share of the rounds with"
    )?;
    writeln!(f, "  that many local iterations and micro-batches.")
}
