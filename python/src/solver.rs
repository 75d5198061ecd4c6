//! The exact solver.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collapipe::problem::{SlotProblem, Status};
use collapipe::solver::{Progress, Settings, Solution as Solved, SolveError, Solver as Exact};
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::data::{to_json, to_python};
use crate::error::{Interrupted, field, input, machine, of};
use crate::problem::{Problem, json_of};
use crate::wait::{LOOK, interruptible};

type Answer = Result<Solved, SolveError>;

/// A solver that goes from slot to slot.
///
/// Small problems are solved where they are asked for. What is not solved within [`LOOK`] goes to a thread of its own, so that the calling
/// one can look for Ctrl-C: handing a problem over takes longer than solving a small one.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Solver {
    settings: Settings,
    /// Gives up after [`LOOK`].
    quick: Mutex<Exact>,
    /// For what the quick one gave up on.
    exact: Mutex<Exact>,
}

#[pymethods]
impl Solver {
    #[new]
    fn new(gap: f64, time_limit: Option<f64>, work_limit: Option<u64>) -> PyResult<Self> {
        let settings = settings(gap, time_limit, work_limit)?;
        let make = |settings| Exact::new(settings).map(Mutex::new).map_err(|error| of(&error));
        let quick = make(Settings { time_limit: Some(settings.time_limit.unwrap_or(LOOK)), ..settings })?;
        Ok(Self { settings, quick, exact: make(settings)? })
    }

    /// Solves without the interpreter's lock. `watch` is called with (objective, lower bound, work) about every 10 ms and ends
    /// the solve by returning something true; Ctrl-C ends it too.
    fn solve(&self, py: Python<'_>, problem: &Problem, watch: Option<Py<PyAny>>) -> PyResult<Solution> {
        let problem = problem.0.clone();
        let solved = match watch {
            Some(watch) => {
                let mut raised: Option<PyErr> = None;
                let solved = py.detach(|| {
                    let mut exact = locked(&self.exact);
                    exact.solve_watched(&problem, &mut |progress| look(progress, &watch, &mut raised))
                });
                raised.map_or(Ok(solved), Err)?
            }
            None => match py.detach(|| self.at_once(&problem)) {
                Some(answer) => answer,
                None => interruptible(py, |_| locked(&self.exact).solve(&problem))?,
            },
        };
        Solution::new(problem, solved)
    }

    /// Solves many problems at once, each from nothing, without the interpreter's lock.
    fn solve_many(&self, py: Python<'_>, problems: Vec<PyRef<'_, Problem>>) -> PyResult<Vec<Solution>> {
        let problems: Vec<Arc<SlotProblem>> = problems.iter().map(|problem| problem.0.clone()).collect();
        let settings = self.settings;
        let solved: Vec<_> = interruptible(py, |stop| {
            let solve = |problem: &Arc<SlotProblem>| {
                Exact::new(settings).map(|mut exact| exact.solve_until(problem, stop)).map_err(|error| of(&error))
            };
            problems.par_iter().map(solve).collect()
        })?;
        problems.into_iter().zip(solved).map(|(problem, solved)| Solution::new(problem, solved?)).collect()
    }
}

impl Solver {
    /// The answer, where it takes less than [`LOOK`] to find, or may not take longer.
    fn at_once(&self, problem: &SlotProblem) -> Option<Answer> {
        let limit = self.settings.time_limit;
        if limit.is_some_and(|limit| limit > LOOK) {
            // What a first try took could not be had back.
            return None;
        }
        let answer = locked(&self.quick).solve(problem);
        let in_time = match &answer {
            Ok(solved) => solved.status != Status::TimeLimit,
            Err(SolveError::NoDecision { .. }) => false,
            Err(_) => true,
        };
        (in_time || limit.is_some()).then_some(answer)
    }
}

/// A solver that panicked has nothing to remember that a later solve relies on.
fn locked(solver: &Mutex<Exact>) -> MutexGuard<'_, Exact> {
    solver.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One look at a solve from Python.
fn look(progress: Progress, watch: &Py<PyAny>, raised: &mut Option<PyErr>) -> ControlFlow<()> {
    let go_on = Python::attach(|py| -> PyResult<bool> {
        py.check_signals()?;
        let said = watch.bind(py).call1((progress.objective, progress.lower_bound, progress.work))?;
        Ok(!said.is_truthy()?)
    });
    match go_on {
        Ok(true) => ControlFlow::Continue(()),
        Ok(false) => ControlFlow::Break(()),
        Err(error) => {
            *raised = Some(error);
            ControlFlow::Break(())
        }
    }
}

/// Checked settings.
pub fn settings(gap: f64, time_limit: Option<f64>, work_limit: Option<u64>) -> PyResult<Settings> {
    let time_limit = time_limit.map(|seconds| {
        let allowed = "a number of seconds >= 0, or None";
        Duration::try_from_secs_f64(seconds).map_err(|_| field("time_limit", format!("{seconds:?}"), allowed))
    });
    let settings = Settings { gap, time_limit: time_limit.transpose()?, work_limit };
    settings.validate().map_err(|error| of(&error))?;
    Ok(settings)
}

/// An answer with the problem it is about.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Solution {
    problem: Arc<SlotProblem>,
    solved: Solved,
}

impl Solution {
    fn new(problem: Arc<SlotProblem>, solved: Result<Solved, SolveError>) -> PyResult<Self> {
        match solved {
            Ok(solved) => Ok(Self { problem, solved }),
            Err(error @ SolveError::NoDecision { .. }) => Err(Interrupted::new_err(error.to_string())),
            Err(error) => Err(of(&error)),
        }
    }
}

#[pymethods]
impl Solution {
    #[getter]
    fn status(&self) -> &'static str {
        self.solved.status.name()
    }

    #[getter]
    fn objective(&self) -> Option<f64> {
        self.solved.certified().map(collapipe::solver::Certified::objective)
    }

    #[getter]
    fn lower_bound(&self) -> Option<f64> {
        self.solved.certified().map(|best| best.lower_bound)
    }

    #[getter]
    fn gap(&self) -> Option<f64> {
        self.solved.certified().map(|best| best.gap)
    }

    /// Why there is no decision.
    #[getter]
    fn reason(&self) -> Option<String> {
        self.solved.outcome.as_ref().err().map(ToString::to_string)
    }

    #[getter]
    fn decision<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.solved.certified().map(|best| to_python(py, &best.decision)).transpose()
    }

    #[getter]
    fn prices<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.solved.certified().map(|best| to_python(py, &best.shadow_prices)).transpose()
    }

    #[getter]
    fn evaluation<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.solved.certified().map(|best| to_python(py, &best.evaluation)).transpose()
    }

    #[getter]
    fn problem(&self) -> Problem {
        Problem(self.problem.clone())
    }

    /// The answer as the program prints it.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.solved.to_answer())
    }

    fn to_json(&self) -> PyResult<String> {
        self.solved.to_answer().to_json().map_err(|error| machine(&error))
    }

    /// Problem and solution, for pickling.
    fn state(&self) -> PyResult<(String, String)> {
        Ok((json_of(&self.problem)?, to_json(&self.solved)?))
    }

    #[staticmethod]
    fn from_state(problem: &str, solved: &str) -> PyResult<Self> {
        let problem = SlotProblem::from_json(problem).map_err(|error| of(&error))?;
        let solved = serde_json::from_str(solved).map_err(|error| input(&error))?;
        Ok(Self { problem: Arc::new(problem), solved })
    }
}
