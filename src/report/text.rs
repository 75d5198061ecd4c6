//! The summary as text for the terminal.

use std::fmt::{self, Formatter, Write};

use super::claims::{Words, sentences, write_certificates};
use super::convergence::ConvergenceSummary;
use super::summary::{NodeSummary, Summary};
use super::table::{Table, number, or_dash, percent};
use super::verdict::Kept;
use crate::lyapunov::Certificate;
use crate::lyapunov::certificate::Standing;
use crate::text::{WIDTH, escaped, value, wrapped};

/// Reasons for outages that are listed one by one.
const MOST_REASONS: usize = 5;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(WIDTH);
        let mut text = String::new();
        write(self, width, &mut text)?;
        f.write_str(&wrapped(&text, width))
    }
}

/// `impossible`: the budgets cannot be kept, and a bound on an overspend is no success.
pub(super) fn node_row(node: &NodeSummary, impossible: bool) -> Vec<String> {
    let certificate = node.certificate;
    let standing = |c: Certificate| match c.holds() {
        true if impossible && c.mean_violation > 0.0 => "OVER",
        true => "holds",
        false => "BROKEN",
    };
    vec![
        node.name.clone(),
        number(node.mean_energy_j.0),
        or_dash(node.budget_j, |budget| number(budget.0)),
        or_dash(node.budget_share, percent),
        or_dash(node.budget_j, |_| number(node.final_queue)),
        or_dash(certificate, |c| number(c.mean_violation)),
        or_dash(certificate, |c| number(c.bound)),
        or_dash(certificate, |c| standing(c).into()),
        or_dash(node.segment.and_then(|segment| segment.mean_blocks), |blocks| format!("{blocks:.2}")),
        or_dash(node.segment, |segment| percent(segment.share)),
    ]
}

fn write(summary: &Summary, width: usize, f: &mut String) -> fmt::Result {
    if let Some(budgets) = &summary.budgets {
        writeln!(f, "{budgets}")?;
    } else if summary.slots > 0 && summary.nodes.iter().all(|node| node.budget_j.is_none()) {
        writeln!(f, "Budgets: none. No node's energy is limited.")?;
    }
    let impossible = summary.budgets.as_ref().is_some_and(|of| of.verdict == Kept::CannotBeKept);
    let from = &summary.provenance;
    let outages: u64 = summary.outages.iter().map(|outage| outage.slots).sum();
    write!(f, "{} | seed {} | V = {} per s", value(&from.scenario), from.seed, from.latency_weight)?;
    match from.policy.as_str() {
        "exact" => writeln!(f)?,
        policy => writeln!(f, " | policy {policy}")?,
    }
    write!(f, "{} slots: {} planned, {} outages", summary.slots, summary.planned, outages)?;
    match summary.slots < from.slots_planned {
        true => writeln!(f, " (interrupted: {} were asked for)", from.slots_planned)?,
        false => writeln!(f)?,
    }
    for outage in summary.outages.iter().take(MOST_REASONS) {
        writeln!(f, "  {} x {}", outage.slots, escaped(&outage.reason))?;
    }
    if summary.outages.len() > MOST_REASONS {
        writeln!(f, "  and {} more reasons", summary.outages.len() - MOST_REASONS)?;
    }
    if let Some(measured) = summary.measured {
        writeln!(f, "{measured}")?;
    }
    let Some(latency) = summary.latency else {
        return writeln!(f, "\nNo planned round: no latency, gap or segments to report.");
    };

    let mut table = Table::new(&[&["Round latency [s]", "mean", "std", "p50", "p90", "p99"]]);
    let values = [latency.mean_s, latency.std_s, latency.p50_s, latency.p90_s, latency.p99_s];
    table.push([String::new()].into_iter().chain(values.map(|value| number(value.0))).collect());
    write!(f, "\n{table:width$}")?;

    if let Some(gap) = summary.gap {
        let (median, max) = (scientific(gap.median), scientific(gap.max));
        let (within, asked) = (gap.rounds_within, scientific(gap.tolerance));
        let planned = summary.planned;
        writeln!(f, "  Proved gap: median {median}, largest {max}; {within} of {planned} rounds within {asked}")?;
    }

    let mut header = vec!["Plan", "local iterations I", "micro-batches M", "rounds [%]"];
    header.extend(summary.convergence.iter().map(|_| "g [loss]"));
    let mut table = Table::new(&[&header]);
    for (index, plan) in summary.plans.iter().enumerate().filter(|(_, plan)| plan.rounds > 0) {
        let (iterations, batches) = (plan.local_iterations.to_string(), plan.micro_batches.to_string());
        let mut row = vec![index.to_string(), iterations, batches, percent(plan.share)];
        row.extend(summary.convergence.iter().map(|of| or_dash(of.plan_violations.get(index), |g| number(*g))));
        table.push(row);
    }
    write!(f, "\n{table:width$}")?;

    if summary.clusters.len() > 1 {
        let mut table = Table::new(&[&["Cluster", "mean latency [s]", "share in latency price [%]"]]);
        for cluster in &summary.clusters {
            let latency = or_dash(cluster.mean_latency_s, |latency| number(latency.0));
            table.push(vec![cluster.name.clone(), latency, or_dash(cluster.mean_latency_share, percent)]);
        }
        write!(f, "\n{table:width$}")?;
    }

    let mut table = Table::new(&[
        &["Node", "energy", "budget", "used", "queue", "overspend", "C1 bound", "C1", "blocks", "takes part"],
        &["", "[J/round]", "[J/round]", "[%]", "[budgets]", "[budgets]", "[budgets]", "", "mean", "[%]"],
    ]);
    for node in &summary.nodes {
        table.push(node_row(node, impossible));
    }
    write!(f, "\n{table:width$}")?;
    writeln!(
        f,
        "  C1: after every slot, average overspend so far <= growth of the queue / slots; holds on any sample path."
    )?;
    if let Some(margins) = &summary.margins {
        write!(f, "{margins:width$}")?;
    }
    if let Some(convergence) = &summary.convergence {
        write_convergence(convergence, width, f)?;
    }
    certificates(summary, f)
}

fn write_convergence(convergence: &ConvergenceSummary, width: usize, f: &mut String) -> fmt::Result {
    let mut table = Table::new(&[
        &["Convergence", "target", "certified mean", "the same", "local", "queue H", "mean g", "C1 bound", "C1"],
        &["", "epsilon", "by C1", "from sum of g", "steps", "[G]", "[G]", "[G]", ""],
    ]);
    let certificate = convergence.certificate;
    table.push(vec![
        "|grad F|^2".into(),
        number(convergence.target),
        or_dash(convergence.certified_mean, number),
        or_dash(convergence.certified_mean_of_sum, number),
        convergence.local_steps.to_string(),
        number(convergence.final_queue),
        or_dash(certificate, |c| number(c.mean_violation)),
        or_dash(certificate, |c| number(c.bound)),
        or_dash(certificate, |c| if c.holds() { "holds" } else { "BROKEN" }.into()),
    ]);
    let unit = number(convergence.scale);
    writeln!(
        f,
        "\n{table:width$}  G = {unit} loss. Certified: an upper bound on the mean of E|grad F|^2 over the rounds, weighted by \
         their progress, on any sample path."
    )?;
    for assumption in &convergence.assumptions {
        match assumption.standing {
            Standing::Violated => writeln!(f, "  NOT PROVED: {}.", assumption.statement)?,
            Standing::Assumed => writeln!(f, "  Assumed: {}.", assumption.statement)?,
            _ => {}
        }
    }
    Ok(())
}

/// What sentences about a run call things.
pub(super) const fn said() -> Words<'static> {
    Words {
        penalty: "latency",
        penalty_unit: "s",
        violation: "overspend",
        violation_unit: "budgets",
        limits: "the constraints",
        acts: "that plays a round in every slot where one is possible",
        no_more: "spends no more",
    }
}

fn certificates(summary: &Summary, f: &mut String) -> fmt::Result {
    let (claims, omitted) = (summary.certificates.iter(), &summary.omitted_certificates);
    write_certificates(&sentences(&said(), claims, omitted, summary.offline.map(Into::into)), f)
}

fn scientific(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.1e}") }
}
