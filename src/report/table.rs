//! The summary as text for the terminal.

use std::fmt::{self, Formatter};

use super::convergence::ConvergenceSummary;
use super::summary::{NodeSummary, Summary};
use crate::lyapunov::Omission;
use crate::lyapunov::certificate::{CertificateName, Claim};
use crate::text::{escaped, value};

/// Columns of text, each as wide as its widest cell; the first is flush left, the others right.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(headers: &[&[&str]]) -> Self {
        Self(headers.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect())
    }

    /// Adds a row; what would confuse a terminal in names is escaped.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.0.push(row.iter().map(|cell| value(cell)).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.0.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        for row in &self.0 {
            let mut line = String::from("  ");
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => line.push_str(&format!("{cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Four significant digits.
pub(crate) fn number(value: f64) -> String {
    significant(value, 4)
}

/// So many significant digits, in scientific notation where plain digits would hide or inflate the number.
pub(super) fn significant(value: f64, digits: i32) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = (digits - 1 - size.log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

pub(crate) fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".into(), show)
}

fn node_row(node: &NodeSummary) -> Vec<String> {
    let certificate = node.certificate;
    vec![
        node.name.clone(),
        number(node.mean_energy_j.0),
        or_dash(node.budget_j, |budget| number(budget.0)),
        or_dash(node.budget_share, percent),
        or_dash(node.budget_j, |_| number(node.final_queue)),
        or_dash(certificate, |c| number(c.mean_violation)),
        or_dash(certificate, |c| number(c.bound)),
        or_dash(certificate, |c| if c.holds() { "holds" } else { "BROKEN" }.into()),
        or_dash(node.segment.and_then(|segment| segment.mean_blocks), |blocks| format!("{blocks:.2}")),
        or_dash(node.segment, |segment| percent(segment.share)),
    ]
}

pub(super) fn write(summary: &Summary, f: &mut Formatter<'_>) -> fmt::Result {
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
    let Some(latency) = summary.latency else {
        return writeln!(f, "\nNo planned round: no latency, gap or segments to report.");
    };

    let mut table = Table::new(&[&["Round latency [s]", "mean", "std", "p50", "p90", "p99"]]);
    let values = [latency.mean_s, latency.std_s, latency.p50_s, latency.p90_s, latency.p99_s];
    table.push([String::new()].into_iter().chain(values.map(|value| number(value.0))).collect());
    write!(f, "\n{table}")?;

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
    write!(f, "\n{table}")?;

    if summary.clusters.len() > 1 {
        let mut table = Table::new(&[&["Cluster", "mean latency [s]", "share in latency price [%]"]]);
        for cluster in &summary.clusters {
            let latency = or_dash(cluster.mean_latency_s, |latency| number(latency.0));
            table.push(vec![cluster.name.clone(), latency, or_dash(cluster.mean_latency_share, percent)]);
        }
        write!(f, "\n{table}")?;
    }

    let mut table = Table::new(&[
        &["Node", "energy", "budget", "used", "queue", "overspend", "C1 bound", "C1", "blocks", "takes part"],
        &["", "[J/round]", "[J/round]", "[%]", "[budgets]", "[budgets]", "[budgets]", "", "mean", "[% rounds]"],
    ]);
    for node in &summary.nodes {
        table.push(node_row(node));
    }
    write!(f, "\n{table}")?;
    writeln!(
        f,
        "  C1: after every slot, average overspend so far <= growth of the queue / slots; holds on any sample path."
    )?;
    if let Some(convergence) = &summary.convergence {
        write_convergence(convergence, f)?;
    }
    certificates(summary, f)
}

fn write_convergence(convergence: &ConvergenceSummary, f: &mut Formatter<'_>) -> fmt::Result {
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
        "\n{table}  G = {unit} loss. Certified: an upper bound on the mean of E|grad F|^2 over the rounds, weighted by"
    )?;
    writeln!(f, "  their local steps, on any sample path.")
}

/// What a table of certificates calls things.
pub(super) struct Words<'a> {
    /// What is minimized, as in "mean latency".
    pub(super) penalty: &'a str,
    pub(super) penalty_unit: &'a str,
    /// Mean violation, as in "least mean latency with this overspend".
    pub(super) violation: &'a str,
    pub(super) violation_unit: &'a str,
    /// What is to be kept, as in "within the budgets".
    pub(super) limits: &'a str,
}

impl Words<'_> {
    /// What a claim says, and its unit.
    fn meaning(&self, claim: &Claim) -> (String, &str) {
        let Self { penalty, penalty_unit, violation, violation_unit, .. } = self;
        let of = claim.constraint.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        match claim.name {
            CertificateName::C1 => (format!("mean {violation}{of}, by its queue"), violation_unit),
            CertificateName::C2 => (format!("mean {penalty}, by the offline optimum"), penalty_unit),
            CertificateName::C3 => (format!("mean {penalty}, by the offline mixture on the same slots"), penalty_unit),
            CertificateName::C4 => ("final |Q|, by the prices of D and that mixture".into(), violation_unit),
            CertificateName::C5 => ("largest |Q|, by Slater actions".into(), violation_unit),
            CertificateName::C7 => (format!("mean {penalty}, by the best of every frame"), penalty_unit),
            CertificateName::D => (format!("least mean {penalty} with this {violation}"), penalty_unit),
        }
    }
}

/// What may be concluded from a claim.
fn verdict(claim: &Claim) -> &'static str {
    match (claim.holds, claim.is_void(), claim.is_verified()) {
        (true, false, true) => "proved",
        (false, false, true) => "BROKEN",
        (true, false, false) => "holds; in expectation",
        (false, false, false) => "exceeded by this run; in expectation",
        (true, true, _) => "holds; slots are not independent",
        (false, true, _) => "exceeded; slots are not independent",
    }
}

fn certificates(summary: &Summary, f: &mut Formatter<'_>) -> fmt::Result {
    // C1 is in the table of nodes.
    let claims: Vec<&Claim> = summary.certificates.iter().filter(|c| c.name != CertificateName::C1).collect();
    let words = Words {
        penalty: "latency",
        penalty_unit: "s",
        violation: "overspend",
        violation_unit: "budgets",
        limits: "the constraints",
    };
    let offline = summary.offline.map(|of| (of.lower_bound_s, of.upper_estimate_s));
    write_certificates(&words, &claims, &summary.omitted_certificates, offline, f)
}

/// Table of claims, what is not given, and what was possible: its lower bound and its upper estimate.
pub(super) fn write_certificates(
    words: &Words,
    claims: &[&Claim],
    omissions: &[Omission],
    offline: Option<(f64, Option<f64>)>,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    if !claims.is_empty() {
        let mut table = Table::new(&[&["Certificate", "value", "bound", "unit", "value <= bound"]]);
        for claim in claims {
            let (meaning, unit) = words.meaning(claim);
            let what = format!("{:<2}  {meaning}", claim.name.to_string());
            table.push(vec![what, number(claim.value), number(claim.bound), unit.into(), verdict(claim).into()]);
        }
        write!(f, "\n{table}")?;
    }
    let mut omitted: Vec<(String, &str)> = Vec::new();
    for omission in omissions {
        match omitted.iter_mut().find(|(_, reason)| *reason == omission.reason) {
            Some((names, _)) => *names += &format!(", {}", omission.name),
            None => omitted.push((omission.name.to_string(), &omission.reason)),
        }
    }
    for (names, reason) in omitted {
        writeln!(f, "  Not given: {names}: {}", escaped(reason))?;
    }
    if let Some((lower_bound, upper_estimate)) = offline {
        let Words { penalty, penalty_unit, limits, .. } = words;
        let with_unit = |value| format!("{} {penalty_unit}", number(value)).trim_end().to_string();
        let upper = upper_estimate.map_or_else(String::new, |upper| format!("; {} can be had", with_unit(upper)));
        let lower = with_unit(lower_bound);
        writeln!(f, "  Within {limits}, all slots known in advance: no mean {penalty} below {lower}{upper}.")?;
    }
    Ok(())
}

/// Reasons for outages that are listed one by one.
const MOST_REASONS: usize = 5;

fn scientific(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        let shown = [0.0, 1.0, 12.3456, 123_456.0, -0.0123456, 1e-5, 2.5e7].map(number);
        assert_eq!(shown, ["0", "1.000", "12.35", "123456", "-0.01235", "1.00e-5", "2.50e7"]);
    }
}
