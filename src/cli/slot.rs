//! `collapipe solve`, `check` and `problem`: one slot.

use collapipe::problem::{Decision, Evaluation, SlotProblem, evaluate};
use collapipe::scenario::SlotError;
use collapipe::simulation::{Run, RunError};
use collapipe::solver;
use collapipe::{Blame, Blamed};
use serde::Serialize;

use super::args::{CheckArguments, ProblemArguments, SolveArguments};
use super::run::load;
use super::{Done, Failure, io};

pub fn solve(arguments: &SolveArguments) -> Result<Done, Failure> {
    let text = io::read(&arguments.problem)?;
    let problem = SlotProblem::from_json(&text).map_err(|error| io::bad_input(&arguments.problem, &error))?;
    let settings = arguments.accuracy.settings();
    settings.validate()?;
    let solution = solver::solve(&problem, &settings).map_err(|error| match error.blame() {
        Blame::Input => io::bad_input(&arguments.problem, &error),
        Blame::Infeasible | Blame::Machine => error.into(),
    })?;
    io::print_json(&solution.to_answer())?;
    Ok(if solution.certified().is_some() { Done::Solved } else { Done::Infeasible })
}

/// What `check` prints.
#[derive(Serialize)]
struct Verdict {
    feasible: bool,
    /// Largest relative violation; `null` where it is infinite.
    worst_violation: f64,
    tolerance: f64,
    /// The broken constraints in words.
    violations: Vec<String>,
    evaluation: Evaluation,
}

pub fn check(arguments: &CheckArguments) -> Result<Done, Failure> {
    if io::is_stdin(&arguments.problem) && io::is_stdin(&arguments.answer) {
        return Err(Failure::input("only one of PROBLEM and ANSWER can be standard input"));
    }
    let text = io::read(&arguments.problem)?;
    let problem = SlotProblem::from_json(&text).map_err(|error| io::bad_input(&arguments.problem, &error))?;
    let text = io::read(&arguments.answer)?;
    let decision = Decision::from_answer_json(&text).map_err(|error| io::bad_input(&arguments.answer, &error))?;
    let evaluation = evaluate(&problem, &decision).map_err(|error| io::bad_input(&arguments.answer, &error))?;
    let feasible = evaluation.feasibility.is_feasible(arguments.tolerance);
    io::print_json(&Verdict {
        feasible,
        worst_violation: evaluation.feasibility.worst(),
        tolerance: arguments.tolerance,
        violations: evaluation.feasibility.violations.iter().map(ToString::to_string).collect(),
        evaluation,
    })?;
    Ok(if feasible { Done::Solved } else { Done::Infeasible })
}

pub fn problem(arguments: &ProblemArguments) -> Result<Done, Failure> {
    let scenario = load(&arguments.scenario, None)?;
    let slots = scenario.spec().slots;
    if arguments.slot >= slots {
        return Err(Failure::input(format!("--slot {}: must be below {slots}, the scenario's slots", arguments.slot)));
    }
    let mut run = Run::new(&scenario, arguments.accuracy.settings())?;
    while run.played() < arguments.slot {
        match run.next() {
            Some(slot) => slot?,
            None => break,
        };
    }
    match run.next_problem() {
        Ok(instance) => {
            io::print_json(&instance.problem)?;
            Ok(Done::Solved)
        }
        Err(RunError::Slot(reason @ SlotError::NoDevices { .. })) => {
            io::note(&format!("error: slot {} is an outage: {reason}", arguments.slot));
            Ok(Done::Infeasible)
        }
        Err(error) => Err(error.into()),
    }
}
