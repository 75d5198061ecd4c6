//! `collapipe recommend`.

use collapipe::lyapunov::recommend::{self, Goal, Recommendation};
use collapipe::simulation::{Pilot, PilotError};
use serde::Serialize;

use super::args::RecommendArguments;
use super::run::{failure, load};
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
            return Err(Failure::Input("--latency-tolerance or --overspend-tolerance must be given".into()));
        }
    };
    let pilot = Pilot::measure(&scenario, arguments.accuracy.settings()).map_err(pilot_failure)?;
    let recommendation =
        recommend::recommend(&pilot.measured, goal, slots).map_err(|error| Failure::Input(error.to_string()))?;
    io::print_json(&Advice { recommendation, pilot })?;
    Ok(Done::Solved)
}

/// What a pilot's error means for the user.
pub fn pilot_failure(error: PilotError) -> Failure {
    match error {
        PilotError::Run(error) => failure(error),
        PilotError::NoMultiplier { .. } => Failure::Input(error.to_string()),
        error => Failure::Machine(error.to_string()),
    }
}
