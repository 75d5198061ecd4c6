//! `collapipe solve`, `check` and `problem`: one slot.

use collapipe::problem::{Claims, Decision, Evaluation, Names, SlotProblem, evaluate};
use collapipe::scenario::SlotError;
use collapipe::simulation::{Run, RunError};
use collapipe::solver::{self, bound_from_prices};
use collapipe::{Blame, Blamed};
use serde::Serialize;

use super::args::{CheckArguments, ProblemArguments, SolveArguments};
use super::run::load;
use super::{Done, Failure, io};

pub fn solve(arguments: &SolveArguments) -> Result<Done, Failure> {
    let text = io::read_json(&arguments.problem, io::PROBLEM)?;
    let problem = SlotProblem::from_json(&text).map_err(|error| io::bad_input(&arguments.problem, &error))?;
    let settings = arguments.accuracy.settings();
    settings.validate()?;
    let solution = solver::solve(&problem, &settings).map_err(|error| match error.blame() {
        Blame::Input => io::bad_input(&arguments.problem, &Names::of(&problem).explain(&error.to_string())),
        Blame::Infeasible | Blame::Machine => error.into(),
    })?;
    let names = Names::of(&problem);
    for note in problem.unusual() {
        io::note(&format!("warning: {}: {}", io::name(&arguments.problem), names.explain(&note.to_string())));
    }
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
    /// What the answer claims and is not so, in words.
    faults: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_bound: Option<BoundVerdict>,
    evaluation: Evaluation,
}

/// What there is to say of an answer's lower bound.
#[derive(Serialize)]
struct BoundVerdict {
    claimed: f64,
    /// What the prices prove; none where nothing could be verified.
    verified: Option<f64>,
    /// The same in words.
    says: String,
}

/// Relative difference from an answer's numbers that counts as the rounding, or the accuracy, of another solver.
const CLOSE: f64 = 1e-6;

pub fn check(arguments: &CheckArguments) -> Result<Done, Failure> {
    if io::is_stdin(&arguments.problem) && io::is_stdin(&arguments.answer) {
        return Err(Failure::input("only one of PROBLEM and ANSWER can be standard input"));
    }
    let text = io::read_json(&arguments.problem, io::PROBLEM)?;
    let problem = SlotProblem::from_json(&text).map_err(|error| io::bad_input(&arguments.problem, &error))?;
    let text = io::read_json(&arguments.answer, "an answer, as `collapipe solve` prints it, or a decision")?;
    let (decision, claims) = Decision::with_claims(&text).map_err(|error| io::bad_input(&arguments.answer, &error))?;
    let evaluation = evaluate(&problem, &decision).map_err(|error| io::bad_input(&arguments.answer, &error))?;
    let feasible = evaluation.feasibility.is_feasible(arguments.tolerance);
    let faults = faults(&claims, &evaluation, feasible);
    let sound = feasible && faults.is_empty();
    io::print_json(&Verdict {
        feasible,
        worst_violation: evaluation.feasibility.worst(),
        tolerance: arguments.tolerance,
        violations: evaluation.feasibility.described().collect(),
        faults,
        lower_bound: claims.lower_bound.map(|claimed| bound_verdict(&problem, &claims, claimed)),
        evaluation,
    })?;
    Ok(if sound { Done::Solved } else { Done::Infeasible })
}

/// What an answer claims of a decision and is not so.
fn faults(claims: &Claims, evaluation: &Evaluation, feasible: bool) -> Vec<String> {
    let costs = evaluation.objective;
    let room = CLOSE * evaluation.terms.magnitude();
    let mut faults = Vec::new();
    if let Some(says) = claims.objective
        && (says - costs).abs() > room
    {
        faults.push(format!("objective: the answer says {says:?}, but its decision costs {costs:?}"));
    }
    // What breaks a constraint may cost less than everything that does not.
    if let Some(says) = claims.lower_bound
        && feasible
        && says > costs + room
    {
        faults.push(format!(
            "lower_bound: the answer says {says:?}, but its own decision costs {costs:?}, which is less"
        ));
    }
    faults
}

fn bound_verdict(problem: &SlotProblem, claims: &Claims, claimed: f64) -> BoundVerdict {
    let prices = claims.shadow_prices.clone().unwrap_or_default();
    match bound_from_prices(problem, &prices, claimed) {
        Ok(bound) => {
            let short = if bound >= claimed - CLOSE * claimed.abs() { "" } else { "; what is between is not verified" };
            let says = format!("bound verified from prices: {bound:?} (the answer says {claimed:?}){short}");
            BoundVerdict { claimed, verified: Some(bound).filter(|bound| bound.is_finite()), says }
        }
        Err(reason) => BoundVerdict { claimed, verified: None, says: format!("bound not verified: {reason}") },
    }
}

pub fn problem(arguments: &ProblemArguments) -> Result<Done, Failure> {
    let scenario = load(&arguments.scenario, None)?;
    let slots = scenario.spec().slots;
    if arguments.slot >= slots {
        return Err(Failure::input(format!("--slot {}: must be below {slots}, the scenario's slots", arguments.slot)));
    }
    match Run::up_to(&scenario, arguments.accuracy.settings(), arguments.slot)?.next_problem() {
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
