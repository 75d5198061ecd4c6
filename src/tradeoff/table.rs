//! A sweep in numbers and words, for terminals and pages.

use std::fmt::{self, Formatter, Write};

use super::axis::Axis;
use super::budgets::verdict;
use super::fit::PowerFit;
use super::point::SweepPoint;
use super::result::Tradeoff;
use crate::report::table::{Table, number, or_dash, percent};
use crate::simulation::PolicyKind;
use crate::text::{WIDTH, value, wrapped};

impl fmt::Display for Tradeoff {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(WIDTH);
        let mut text = String::new();
        write(self, width, &mut text)?;
        f.write_str(&wrapped(&text, width))
    }
}

fn write(tradeoff: &Tradeoff, width: usize, f: &mut String) -> fmt::Result {
    let from = &tradeoff.provenance;
    let count = tradeoff.points.len();
    write!(f, "{} | seed {} | {count} runs of {} slots", value(&from.scenario), from.seed, from.slots)?;
    match from.policy {
        PolicyKind::Exact => writeln!(f)?,
        policy => writeln!(f, " | policy {policy}")?,
    }
    if let Some(verdict) = verdict(tradeoff) {
        writeln!(f, "{}", verdict.text)?;
    }
    let Grid { head, rows } = grid(tradeoff);
    let (names, units): (Vec<&str>, Vec<&str>) = head.iter().map(|(name, unit)| (name.as_str(), *unit)).unzip();
    let mut table = Table::new(&[&names, &units]);
    rows.into_iter().for_each(|row| table.push(row));
    writeln!(f, "\n{table:width$}")?;
    notes(tradeoff).iter().try_for_each(|note| writeln!(f, "  {note}"))
}

/// The points as a table.
pub(super) struct Grid {
    /// Of each column its name, and its unit or what else belongs below it.
    pub head: Vec<(String, &'static str)>,
    pub rows: Vec<Vec<String>>,
}

/// The points as a table.
pub(super) fn grid(tradeoff: &Tradeoff) -> Grid {
    match tradeoff.axis {
        Axis::LatencyWeight => weights(tradeoff),
        Axis::Target => targets(tradeoff),
    }
}

fn outages(point: &SweepPoint) -> String {
    (point.slots - point.planned.min(point.slots)).to_string()
}

fn latency(point: &SweepPoint) -> String {
    or_dash(point.latency, |latency| number(latency.mean_s.0))
}

fn weights(tradeoff: &Tradeoff) -> Grid {
    let head = [
        ("V", "[1/s]"),
        ("latency", "mean [s]"),
        ("outages", ""),
        ("overspend", "worst [%]"),
        ("C1 bound", "[%]"),
        ("backlog", "mean"),
        ("second half", "settled"),
        ("latency", "mean [s]"),
        ("excess", "[s]"),
    ];
    let rows = tradeoff.points.iter().zip(&tradeoff.excess_s).map(|(point, excess)| {
        let part = &point.second_half;
        vec![
            number(point.value),
            latency(point),
            outages(point),
            or_dash(point.worst_node(), |node| percent(node.mean_overspend)),
            or_dash(point.worst_node(), |node| percent(node.bound)),
            number(part.backlog()),
            if part.settled() { "yes" } else { "no" }.into(),
            or_dash(part.mean_latency_s, |latency| number(latency.0)),
            or_dash(*excess, number),
        ]
    });
    Grid { head: head.map(|(name, unit)| (name.to_owned(), unit)).to_vec(), rows: rows.collect() }
}

fn targets(tradeoff: &Tradeoff) -> Grid {
    // Plans that were chosen at all.
    let chosen: Vec<usize> = (0..tradeoff.points.iter().map(|point| point.plans.len()).max().unwrap_or_default())
        .filter(|plan| tradeoff.points.iter().any(|point| point.plans.get(*plan).is_some_and(|plan| plan.rounds > 0)))
        .collect();
    let name = |plan: usize| {
        let plan = tradeoff.points.iter().find_map(|point| point.plans.get(plan));
        or_dash(plan, |plan| format!("I{} M{}", plan.local_iterations, plan.micro_batches))
    };
    let fixed = [
        ("epsilon", ""),
        ("certified", "mean"),
        ("H", "[G]"),
        ("latency", "mean [s]"),
        ("outages", ""),
        ("overspend", "worst [%]"),
    ];
    let mut head = fixed.map(|(name, unit)| (name.to_owned(), unit)).to_vec();
    head.extend(chosen.iter().map(|plan| (name(*plan), "[%]")));
    let rows = tradeoff.points.iter().map(|point| {
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
        row
    });
    Grid { rows: rows.collect(), head }
}

/// What the columns mean and what follows from them, a sentence or two each.
pub(super) fn notes(tradeoff: &Tradeoff) -> Vec<String> {
    match tradeoff.axis {
        Axis::LatencyWeight => {
            let mut notes = vec![
                "overspend: mean of E/budget - 1 of the node where it is largest, all slots; at most its C1 bound.".into(),
                "backlog: sum of all queues, mean over the second half of the slots, as the columns right of it.".into(),
            ];
            if let Some(bound) = tradeoff.reference.as_ref().and_then(|reference| reference.bound_s) {
                notes.push(format!(
                    "excess: latency above {} s, which no decisions that keep the budgets in these slots can beat in the mean, with \
                     overspending charged at the bound's prices; proved to be >= 0.",
                    number(bound.0)
                ));
            }
            let policy = tradeoff.provenance.policy;
            if policy.decides_slot_problem() {
                notes.push(fit("excess", "-1", policy, tradeoff.fits.excess.as_ref()));
            } else {
                notes.push(format!("excess: none; {policy} trains in another way than the problem that is bounded."));
            }
            notes.push(fit("backlog", "1", policy, tradeoff.fits.backlog.as_ref()));
            notes
        }
        Axis::Target => vec![
            "certified: bound on the mean of E|grad F|^2 over the rounds, by C1 from the final queue H.".into(),
            "overspend: mean of E/budget - 1 of the node where it is largest. I.. M..: share of the rounds with that many local \
             iterations and micro-batches."
                .into(),
        ],
    }
}

fn fit(name: &str, promised: &str, policy: PolicyKind, fit: Option<&PowerFit>) -> String {
    match fit {
        None => format!("{name}: fewer than three settled runs with a positive value, no power law fitted."),
        Some(fit) => {
            let over: Vec<String> = fit.over.iter().map(|value| number(*value)).collect();
            let (exponent, r_squared) = (fit.exponent, fit.r_squared);
            let theory = match policy {
                PolicyKind::Exact => format!("theory: at most a constant times V^{promised}"),
                policy => format!("theory promises nothing of {policy}"),
            };
            format!(
                "{name} ~ V^{exponent:.3} (r^2 {r_squared:.3}; {theory}), least squares of logs over V = {}.",
                over.join(", ")
            )
        }
    }
}
