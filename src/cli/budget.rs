//! `collapipe budget`.

use std::fmt::Write;
use std::path::Path;

use collapipe::lyapunov::recommend::{Goal, Measured};
use collapipe::report::summary;
use collapipe::scenario::{ScenarioFile, ScenarioSpec};
use collapipe::simulation::{BudgetNeeds, DerivedBudgets, Effort, LeastBudget, Run};
use collapipe::text::{Table, rounded};
use collapipe::units::Joules;
use collapipe::write_text;
use serde::Serialize;

use super::args::{BudgetArguments, Format};
use super::progress::Progress;
use super::recommend::Advice;
use super::run::read;
use super::{Done, Failure, io};

/// Slots that are looked at if nothing else is said.
const SLOTS: u64 = 100;

/// The mean latency that the V to start with promises, above the least possible, as a share of it.
const TOLERANCE: f64 = 0.05;

/// Budgets that are written are so many times the least common ones: room for channels that were not looked at.
const ROOM: f64 = 1.25;

/// What `budget` prints.
#[derive(Serialize)]
struct Budgets {
    /// Where the budgets come from, where the scenario has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    budgets_from: Option<String>,
    #[serde(flatten)]
    needs: BudgetNeeds,
    nodes: Vec<NodeBudget>,
    /// Mean latency of the offline optimum within the budgets, in seconds; none where they cannot be kept.
    mean_latency_s: Option<f64>,
    /// The V to start with; none where the budgets cannot be kept.
    start_with: Option<Advice>,
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
    let settings = arguments.accuracy.settings();
    // V is derived for the budgets; without any, every V gives the same rounds.
    let stated = text.build(|spec| {
        if spec.latency_weight == 0.0 {
            spec.latency_weight = 1.0;
        }
    })?;
    let derived = DerivedBudgets::measure(&stated, settings)?;
    let own = stated.spec().slots;
    let scenario = text.build(|spec| {
        spec.slots = arguments.slots.unwrap_or(own.min(SLOTS));
        if let Some(derived) = &derived {
            derived.set(spec);
        }
    })?;
    let mut run = Run::new(&scenario, settings)?;
    let bar = Progress::new(scenario.spec().slots, true);
    let played = run.by_ref().inspect(|_| bar.add(1)).collect::<Result<Vec<_>, _>>();
    bar.finish();
    let mut record = run.record(played?);
    let comparison = record.compare(&scenario, settings, Effort::Full)?;
    let Some((needs, least)) = LeastBudget::measure(&record, &scenario, settings, &comparison)? else {
        return Err(Failure::input(
            "no node of the scenario has an energy budget (budget_j_per_round), nor spends any energy",
        ));
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
            Some(Advice::of(&measured, Goal::Penalty(rounded(TOLERANCE * latency, 4)), Some(own))?)
        }
        None => None,
    };
    let priced = |least: LeastBudget| {
        let seconds_per_joule = multiplier.get(least.node).map(|price| price / least.budget_j.0);
        NodeBudget { least, seconds_per_joule }
    };
    let nodes = least.into_iter().map(priced).collect();
    let budgets_from = derived.map(|derived| derived.reason);
    let budgets = Budgets { budgets_from, needs, nodes, mean_latency_s, start_with };
    match arguments.format {
        Format::Json => io::print_json(&budgets)?,
        Format::Table => io::print_text(&table(&budgets))?,
    }
    if let Some(out) = &arguments.write {
        let mut spec = scenario.spec().clone();
        spec.slots = own;
        if text.derived().is_some() {
            // To be derived again, for the budgets as they are written.
            spec.latency_weight = 0.0;
        }
        let factor = ROOM * budgets.needs.factor;
        write_scenario(spec, factor, &budgets, out)?;
        io::note(&format!("Wrote {}: budgets times {} ({ROOM} times the least)", out.display(), number(factor)));
    }
    Ok(Done::Solved)
}

/// The scenario with all budgets times a factor.
fn write_scenario(mut spec: ScenarioSpec, factor: f64, budgets: &Budgets, out: &Path) -> Result<(), Failure> {
    if !factor.is_finite() {
        return Err(Failure::input("no budgets to write: no decisions were found that keep any in this proportion"));
    }
    for budget in spec.budgets_mut() {
        *budget = budget.map(|Joules(stated)| Joules(rounded(stated * factor, 3)));
    }
    let from = budgets.budgets_from.as_ref().map_or(String::new(), |from| format!(" of {from}"));
    let head = format!(
        "# Budgets: {ROOM} times the least common factor ({}), found in {} slots,{from}\n\
         # by `collapipe budget --write`. Change them, or remove them for no limit.\n",
        number(budgets.needs.factor),
        budgets.needs.slots
    );
    Ok(write_text(out, &(head + &ScenarioFile::text_of(&spec)?), false)?)
}

/// Four significant digits.
fn number(value: f64) -> String {
    let shown = rounded(value, 4);
    match shown.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => shown.to_string(),
        _ => format!("{shown:e}"),
    }
}

fn table(budgets: &Budgets) -> String {
    let needs = &budgets.needs;
    let verdict = match () {
        () if needs.cannot_be_kept() => "CANNOT BE KEPT",
        () if needs.can_be_kept() => "can be kept",
        () => "not known whether they can be kept",
    };
    let tightest = needs.tightest.escape_debug();
    let mut text = match &budgets.budgets_from {
        // Whether budgets that nobody gave are kept is no question.
        Some(from) => format!("No node has a budget. As budgets are taken: {from}.\nTightest: {tightest}.\n"),
        None => format!("Budgets: {verdict}, in {} slots. Tightest: {tightest}.\n", needs.slots),
    };
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
            number(start.latency_weight),
            number(start.latency_above_least_s),
            100.0 * TOLERANCE
        );
    }
    text
}
