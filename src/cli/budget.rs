//! `collapipe budget`.

use std::fmt::Write;

use collapipe::lyapunov::recommend::{self, Goal, Measured, Recommendation};
use collapipe::report::summary;
use collapipe::simulation::{BudgetNeeds, Effort, LeastBudget, Run};
use collapipe::text::Table;
use serde::Serialize;

use super::args::{BudgetArguments, Format};
use super::progress::Progress;
use super::run::read;
use super::{Done, Failure, io};

/// Slots that are looked at if nothing else is said.
const SLOTS: u64 = 100;

/// The mean latency that the V to start with promises, above the least possible, as a share of it.
const TOLERANCE: f64 = 0.05;

/// What `budget` prints.
#[derive(Serialize)]
struct Budgets {
    #[serde(flatten)]
    needs: BudgetNeeds,
    nodes: Vec<NodeBudget>,
    /// Mean latency of the offline optimum within the budgets, in seconds; none where they cannot be kept.
    mean_latency_s: Option<f64>,
    /// The V to start with; none where the budgets cannot be kept.
    start_with: Option<Recommendation>,
}

#[derive(Serialize)]
struct NodeBudget {
    #[serde(flatten)]
    least: LeastBudget,
    /// By how many seconds a joule more of budget lowers the mean latency of the offline optimum.
    seconds_per_joule: Option<f64>,
}

pub fn budget(arguments: &BudgetArguments) -> Result<Done, Failure> {
    // Standard input can be read once.
    let text = read(&arguments.scenario)?;
    let own = text.build(|_| {})?.spec().slots;
    let scenario = text.build(|spec| spec.slots = arguments.slots.unwrap_or(own.min(SLOTS)))?;
    let settings = arguments.accuracy.settings();
    let mut run = Run::new(&scenario, settings)?;
    let bar = Progress::new(scenario.spec().slots, true);
    let played = run.by_ref().inspect(|_| bar.add(1)).collect::<Result<Vec<_>, _>>();
    bar.finish();
    let mut record = run.record(played?);
    let comparison = record.compare(&scenario, settings, Effort::Full)?;
    let Some((needs, least)) = LeastBudget::measure(&record, &scenario, settings, &comparison)? else {
        return Err(Failure::input("no node of the scenario has an energy budget (budget_j_per_round)"));
    };
    let multiplier = comparison.offline_multiplier.clone();
    record.comparison = Some(comparison);
    let mean_latency_s = summary(&record).offline.and_then(|offline| offline.upper_estimate_s);
    let start_with = match mean_latency_s {
        Some(latency) => {
            let multiplier_norm = multiplier.iter().map(|mu| mu * mu).sum::<f64>().sqrt();
            let drift = record.history().map_err(|error| Failure::machine(error.to_string()))?.mean_drift();
            let drift = drift.map_err(|error| Failure::machine(error.to_string()))?;
            let measured = Measured { drift, multiplier_norm };
            Some(recommend::recommend(&measured, Goal::Penalty(TOLERANCE * latency), Some(own))?)
        }
        None => None,
    };
    let priced = |least: LeastBudget| {
        let seconds_per_joule = multiplier.get(least.node).map(|price| price / least.budget_j.0);
        NodeBudget { least, seconds_per_joule }
    };
    let nodes = least.into_iter().map(priced).collect();
    let budgets = Budgets { needs, nodes, mean_latency_s, start_with };
    match arguments.format {
        Format::Json => io::print_json(&budgets)?,
        Format::Table => io::print_text(&table(&budgets))?,
    }
    Ok(Done::Solved)
}

/// Four digits.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-2..1e5).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

fn table(budgets: &Budgets) -> String {
    let needs = &budgets.needs;
    let verdict = match () {
        () if needs.cannot_be_kept() => "CANNOT BE KEPT",
        () if needs.can_be_kept() => "can be kept",
        () => "not known whether they can be kept",
    };
    let mut text =
        format!("Budgets: {verdict}, in {} slots. Tightest: {}.\n", needs.slots, needs.tightest.escape_debug());
    let (bound, enough) = (number(needs.factor_bound), number(needs.factor));
    let _ = writeln!(text, "All budgets times {enough} can be kept; times less than {bound} they cannot.\n");
    let mut table = Table::new(&[
        &["Node", "budget", "can be kept", "cannot below", "a joule more"],
        &["", "[J/round]", "[J/round]", "[J/round]", "[s/J]"],
    ]);
    for NodeBudget { least, seconds_per_joule } in &budgets.nodes {
        let enough = least.enough_j.map_or("-".into(), |joules| number(joules.0));
        let price = seconds_per_joule.map_or("-".into(), |price| number(-price));
        table.push(vec![least.name.clone(), number(least.budget_j.0), enough, number(least.least_j.0), price]);
    }
    let _ = write!(text, "{table:width$}", width = io::width());
    text.push_str("  Each node's least budget with the others as they are; - where the others cannot be kept.\n");
    if let (Some(latency), Some(start)) = (budgets.mean_latency_s, &budgets.start_with) {
        let _ = writeln!(
            text,
            "\nBest mean latency within the budgets: {} s, all slots known. Start with latency_weight = {}: {} s above the \
             least by C2 ({} % of it).",
            number(latency),
            number(start.penalty_weight),
            number(start.penalty_bound),
            100.0 * TOLERANCE
        );
    }
    text
}
