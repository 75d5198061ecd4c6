//! Linear programs, solved once more where a solver's arithmetic fails.

use good_lp::solvers::{ResolutionError, Solution, SolverModel};
use good_lp::variable::UnsolvedProblem;
use good_lp::{Constraint, Variable, microlp};

use super::offline::OfflineError;

/// The values of `wanted` in a solution of the program that `state` states, anew for every attempt: by the simplex
/// method of microlp, by microlp with the rows reversed, which takes other pivots, and (feature `conic`) by the
/// interior points of Clarabel.
///
/// # Errors
/// [`OfflineError::Infeasible`] for a program without a solution, or with an unbounded optimum, which means the same
/// for its dual; [`OfflineError::Solver`] where all of them failed.
pub(crate) fn solve(
    state: impl Fn() -> (UnsolvedProblem, Vec<Constraint>, Vec<Variable>),
) -> Result<Vec<f64>, OfflineError> {
    match attempt(&state, false, microlp) {
        Err(OfflineError::Solver(_)) => {}
        done => return done,
    }
    match attempt(&state, true, microlp) {
        Err(OfflineError::Solver(_)) => {}
        done => return done,
    }
    #[cfg(feature = "conic")]
    match attempt(&state, false, good_lp::clarabel) {
        Err(OfflineError::Solver(_)) => {}
        done => return done,
    }
    let (_, rows, wanted) = state();
    let (rows, columns) = (rows.len(), wanted.len());
    Err(OfflineError::Solver(format!(
        "its arithmetic fails in every solver tried ({rows} rows, {columns} columns): budgets or latencies of very \
         different magnitude, or next to no room within the budgets"
    )))
}

fn attempt<M>(
    state: impl Fn() -> (UnsolvedProblem, Vec<Constraint>, Vec<Variable>),
    reversed: bool,
    solver: impl FnMut(UnsolvedProblem) -> M,
) -> Result<Vec<f64>, OfflineError>
where
    M: SolverModel<Error = ResolutionError>,
{
    let (problem, mut rows, wanted) = state();
    if reversed {
        rows.reverse();
    }
    let mut model = problem.using(solver);
    for row in rows {
        model.add_constraint(row);
    }
    let solution = model.solve().map_err(|error| match error {
        ResolutionError::Infeasible | ResolutionError::Unbounded => OfflineError::Infeasible,
        other => OfflineError::Solver(other.to_string()),
    })?;
    let values: Vec<f64> = wanted.iter().map(|&variable| solution.value(variable)).collect();
    match values.iter().all(|value| value.is_finite()) {
        true => Ok(values),
        false => Err(OfflineError::Solver("a value that is not finite".into())),
    }
}
