//! `collapipe recommend`.

use std::fmt::Write;
use std::path::Path;

use clap::{ArgGroup, Args};
use collapipe::lyapunov::recommend::{self, Goal, Measured, RecommendError};
use collapipe::scenario::{MAX_SLOTS, Scenario};
use collapipe::simulation::{MOST_COMPARED, PILOT_SLOTS, Pilot};
use collapipe::text::{printable, rounded, wrapped};
use serde::Serialize;

use super::args::{Accuracy, Format, ScenarioArguments, positive};
use super::run::load;
use super::{Done, Failure, io};

/// Recommend V for a tolerance on latency or on overspend, with the reason.
///
/// Measures in a pilot run of 100 slots what the bounds C2 and C4 need, and says which V they promise the tolerance for. Worst
/// cases: a run may well do better.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "collapipe recommend [SCENARIO] --latency-tolerance SECONDS\n       collapipe recommend [SCENARIO] --overspend-tolerance SHARE", after_help = EXAMPLES, group(ArgGroup::new("tolerance").required(true).args(["latency_tolerance", "overspend_tolerance"])))]
pub struct RecommendArguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// Mean latency may be this many seconds above the least possible
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    latency_tolerance: Option<f64>,
    /// Mean overspend of every budget may be this much, as a share of the budget
    #[arg(long, value_name = "SHARE", value_parser = positive)]
    overspend_tolerance: Option<f64>,
    /// Number of slots of the run to be planned, instead of the scenario's
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_SLOTS))]
    slots: Option<u64>,
    /// Slots of the pilot run that is measured (at most the scenario's): what takes the time
    #[arg(long, value_name = "N", default_value_t = PILOT_SLOTS, value_parser = clap::value_parser!(u64).range(1..=MOST_COMPARED as u64))]
    pilot_slots: u64,
    /// The run has no fixed number of slots: recommend a growing V(t)
    #[arg(long, conflicts_with = "slots")]
    no_horizon: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    accuracy: Accuracy,
}

const EXAMPLES: &str = "\
Examples:
  collapipe recommend my.toml --latency-tolerance 30      seconds of a round
  collapipe recommend my.toml --overspend-tolerance 0.05  5 % of every budget
  collapipe recommend my.toml --latency-tolerance 30 --format json";

/// What `recommend` prints.
#[derive(Serialize)]
struct Answer {
    recommendation: Advice,
    pilot: Pilot,
}

/// A V, and what the bounds promise for it.
#[derive(Serialize)]
pub struct Advice {
    /// V in 1/s; for a run without a horizon the v of V(t) = v·√(t+1).
    pub latency_weight: f64,
    /// The mean latency above the least possible is at most this (without a horizon: after 10⁴ slots).
    pub latency_above_least_s: f64,
    /// Mean overspend of every budget, as a share of it; none without a horizon.
    pub overspend: Option<f64>,
    /// Slots of the run.
    pub slots: Option<u64>,
    /// Why, in words.
    pub reason: String,
}

impl Advice {
    /// That of the bounds, with its reason in the words of scenarios.
    pub fn of(measured: &Measured, goal: Goal, slots: Option<u64>) -> Result<Self, Failure> {
        let bounds = recommend::recommend(measured, goal, slots).map_err(|error| match error {
            RecommendError::TooShort { slots, tolerance, least } => Failure::input(format!(
                "slots = {slots}: a mean overspend of at most {tolerance} of every budget takes at least {least:.0} slots, whatever V: ask \
                 about more slots with --slots, or tolerate more"
            )),
            RecommendError::NoHorizon => Failure::input(
                "--no-horizon: what overspend is at most depends on the number of slots; give --slots, or --latency-tolerance",
            ),
            other => other.into(),
        })?;
        let drift = significant(measured.drift);
        let reason = match (goal, slots) {
            (Goal::Penalty(tolerance), Some(_)) => format!(
                "C2: the mean round latency is at most (B + C)/V above the least that budgets allow. B + C, by how much the energies of a \
                 round move the queues, is {drift}, so that V = {drift}/{tolerance} is the least V that promises {tolerance} s; a larger \
                 one promises more, with longer queues and more overspend."
            ),
            (Goal::Penalty(tolerance), None) => format!(
                "C2 for a V that grows: the mean round latency after R rounds is at most 2 (B + C)/(v sqrt(R)) above the least that \
                 budgets allow, and overspend vanishes. B + C, by how much the energies of a round move the queues, is {drift}; this v \
                 is the least that promises {tolerance} s after 10000 rounds."
            ),
            (Goal::Violation(tolerance), _) => format!(
                "C4: the mean overspend of every budget after R rounds is at most (V |mu| + sqrt(V^2 |mu|^2 + 2 (B + C) R))/R. |mu|, what \
                 the budgets are worth in seconds of latency, is {}; B + C, by how much the energies of a round move the queues, is \
                 {drift}. This is the greatest V that promises {tolerance}; a smaller one promises less overspend, with rounds that take \
                 longer.",
                significant(measured.multiplier_norm)
            ),
            (_, _) => bounds.reason,
        };
        Ok(Self {
            latency_weight: bounds.penalty_weight,
            latency_above_least_s: bounds.penalty_bound,
            overspend: bounds.violation_bound,
            slots: bounds.slots,
            reason,
        })
    }
}

pub fn recommend(arguments: &RecommendArguments) -> Result<Done, Failure> {
    let scenario = load(&arguments.scenario, None)?;
    let slots = (!arguments.no_horizon).then(|| arguments.slots.unwrap_or(scenario.spec().slots));
    let goal = match (arguments.latency_tolerance, arguments.overspend_tolerance) {
        (Some(seconds), _) => Goal::Penalty(seconds),
        (None, Some(share)) => Goal::Violation(share),
        (None, None) => {
            return Err(Failure::input("--latency-tolerance or --overspend-tolerance must be given"));
        }
    };
    let pilot = Pilot::measure_over(&scenario, arguments.accuracy.settings(), arguments.pilot_slots)?;
    let recommendation = Advice::of(&pilot.measured, goal, slots)?;
    match arguments.format {
        Format::Json => io::print_json(&Answer { recommendation, pilot })?,
        Format::Table => {
            let file = arguments.scenario.scenario.as_deref();
            io::print_text(&text(file, &scenario, goal, &recommendation, &pilot))?;
        }
    }
    Ok(Done::Solved)
}

fn text(file: Option<&Path>, scenario: &Scenario, goal: Goal, advice: &Advice, pilot: &Pilot) -> String {
    let spec = scenario.spec();
    // As it is typed: rounded to the side on which the promise is kept.
    let weight = match goal {
        Goal::Violation(_) => rounded_to(advice.latency_weight, f64::min),
        _ => rounded_to(advice.latency_weight, f64::max),
    };
    let name = if spec.name.is_empty() { String::new() } else { format!("{}\n\n", printable(&spec.name)) };
    let mut text = match advice.slots {
        Some(_) => format!("{name}V: latency_weight = {weight} (per s; the scenario's is {})\n", spec.latency_weight),
        None => {
            format!("{name}V(t) = v sqrt(t+1) with v = {weight} (per s), for a program that sets V in every slot t\n")
        }
    };
    let above = significant(advice.latency_above_least_s);
    // Writing to a string does not fail.
    let _ = match (advice.slots, advice.overspend) {
        (Some(slots), Some(overspend)) => writeln!(
            text,
            "  For a run of {slots} slots this promises\n  * a mean round latency at most {above} s above the least possible (C2)\n  * a mean \
             overspend of every budget of at most {} % (C4)",
            significant(100.0 * overspend)
        ),
        _ => writeln!(text, "  A mean round latency at most {above} s above the least possible after 10000 slots"),
    };
    let _ = writeln!(text, "\nWhy\n  {}", advice.reason);
    let _ = writeln!(
        text,
        "  Measured in a pilot run of {} slots at the scenario's V: an estimate. The certificates of the run itself are what is proved, and \
         it may well do better.",
        pilot.slots
    );
    if advice.slots.is_some() {
        let file = file.map_or(String::new(), |file| format!("{} ", printable(&file.display().to_string())));
        let _ = writeln!(text, "\nPlay it with: collapipe run {file}--latency-weight {weight}");
    }
    wrapped(&text, io::width())
}

/// Four significant digits.
fn significant(value: f64) -> f64 {
    rounded(value, 4)
}

/// The nearest number of three digits on one side.
fn rounded_to(value: f64, side: fn(f64, f64) -> f64) -> f64 {
    let (near, step) = (rounded(value, 3), 10_f64.powf(value.abs().log10().floor() - 2.0));
    if side(near, value) == near { near } else { rounded(near + if near < value { step } else { -step }, 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_keeps_the_promise() {
        for value in [0.018_738_395, 0.1, 123.456, 9.999, 1.0001e-9, 3.0] {
            let (above, below) = (rounded_to(value, f64::max), rounded_to(value, f64::min));
            assert!(below <= value && value <= above, "{below} {value} {above}");
            assert!(above - below <= 0.011 * value, "{below} {value} {above}");
        }
    }
}
