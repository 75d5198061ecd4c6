//! `collapipe recommend`.

use collapipe::lyapunov::recommend::{self, Goal, Recommendation};
use collapipe::simulation::Pilot;
use serde::Serialize;

use super::args::RecommendArguments;
use super::run::load;
use super::{Done, Failure, io};

/// What `recommend` prints.
#[derive(Serialize)]
struct Advice {
    recommendation: Recommendation,
    pilot: Pilot,
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
    let recommendation = recommend::recommend(&pilot.measured, goal, slots)?;
    io::print_json(&Advice { recommendation, pilot })?;
    Ok(Done::Solved)
}
