//! Drift plus penalty for slot problems written in Python.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, TryLockError};

use collapipe::lyapunov::{
    CompareError, Comparison, DriftProblem, DriftRecord as Record, DriftSlot, Engine, EngineError, Labels, Minimum,
    Weights,
};
use collapipe::report::{Conflict, DriftFolder, drift_summary};
use collapipe::{Blame, Blamed};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::Value;

use crate::data::{to_json, to_python};
use crate::error::{field, figure_style, input, machine, of};
use crate::table::{Column, Table};

/// What a user's function raised: the exception itself is handed on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(PyErr);

/// A problem whose `minimize(state, V, queues)` returns action (as JSON), penalty, violations, whether it is exact, and a lower bound.
struct PythonProblem {
    labels: Labels,
    minimize: Py<PyAny>,
}

type Said = (String, f64, Vec<f64>, bool, Option<f64>);

impl DriftProblem for PythonProblem {
    type State = Py<PyAny>;
    type Action = Value;
    type Error = Raised;

    fn labels(&self) -> Labels {
        self.labels.clone()
    }

    fn minimize(&mut self, state: &Py<PyAny>, weights: Weights<'_>) -> Result<Minimum<Value>, Raised> {
        let said = Python::attach(|py| {
            let said = self.minimize.bind(py).call1((state.bind(py), weights.penalty, weights.queues.to_vec()))?;
            said.extract::<Said>()
        });
        let (action, penalty, violations, exact, lower_bound) = said.map_err(Raised)?;
        let action = serde_json::from_str(&action).map_err(|error| Raised(PyValueError::new_err(error.to_string())))?;
        let minimum = Minimum::new(action, penalty, violations);
        Ok(match lower_bound {
            Some(bound) => minimum.with_lower_bound(bound),
            None if exact => minimum.exact(),
            None => minimum,
        })
    }
}

/// What the engine says, or what the user's function raised.
fn failed(error: EngineError<Raised>) -> PyErr {
    match error {
        EngineError::Minimize { source, .. } => source.0,
        error => input(&error),
    }
}

/// A run that goes on state by state.
#[pyclass(frozen, module = "collapipe._core")]
pub struct DriftRunner(Mutex<Going>);

struct Going {
    engine: Engine<PythonProblem, std::vec::IntoIter<Py<PyAny>>>,
    slots: Vec<DriftSlot<Value>>,
}

/// Names and units: penalty, its unit, constraints, the unit of violations.
type Named = (String, String, Vec<String>, String);

fn problem((penalty, unit, constraints, violation_unit): Named, minimize: Py<PyAny>) -> PythonProblem {
    let labels = Labels::new(penalty, unit, constraints).with_violation_unit(violation_unit);
    PythonProblem { labels, minimize }
}

#[pymethods]
impl DriftRunner {
    #[new]
    fn new(
        labels: Named,
        minimize: Py<PyAny>,
        states: Vec<Py<PyAny>>,
        penalty_weight: f64,
        initial_queues: Option<Vec<f64>>,
    ) -> PyResult<Self> {
        let mut engine = Engine::new(problem(labels, minimize), states, penalty_weight).map_err(failed)?;
        if let Some(initial) = initial_queues {
            engine = engine.warm_start(&initial).map_err(failed)?;
        }
        Ok(Self(Mutex::new(Going { engine, slots: Vec::new() })))
    }

    /// Plays a slot and returns it; None at the end.
    fn step<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut going = self.going()?;
        match going.engine.next() {
            None => Ok(None),
            Some(Err(error)) => Err(failed(error)),
            Some(Ok(slot)) => {
                let said = to_python(py, &slot)?;
                going.slots.push(slot);
                Ok(Some(said))
            }
        }
    }

    /// The record so far.
    fn record(&self) -> PyResult<DriftRecord> {
        let going = self.going()?;
        Ok(DriftRecord { record: going.engine.record(going.slots.clone()), comparison: None })
    }
}

impl DriftRunner {
    /// To wait here would be to wait for ever: who holds the lock may wait for the interpreter's, which is ours.
    fn going(&self) -> PyResult<MutexGuard<'_, Going>> {
        match self.0.try_lock() {
            Ok(going) => Ok(going),
            Err(TryLockError::Poisoned(going)) => Ok(going.into_inner()),
            Err(TryLockError::WouldBlock) => Err(machine(&"the run is in the midst of a slot")),
        }
    }
}

/// A run of a user's problem, with what it was compared with.
#[pyclass(frozen, module = "collapipe._core")]
pub struct DriftRecord {
    record: Record<Value>,
    comparison: Option<Comparison>,
}

#[pymethods]
impl DriftRecord {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        let record = Record::from_json(text).map_err(|error| of(&error))?;
        Ok(Self { record, comparison: None })
    }

    fn to_json(&self) -> PyResult<String> {
        to_json(&self.record)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.record)
    }

    /// The same run, compared with what else was possible in its states.
    fn compare(&self, labels: Named, minimize: Py<PyAny>, states: Vec<Py<PyAny>>) -> PyResult<Self> {
        let compared = self.record.compare(&mut problem(labels, minimize), &states);
        let comparison = compared.map_err(|error| match error {
            CompareError::Minimize { source, .. } => failed(*source),
            CompareError::Record(error) => of(&error),
            CompareError::States { expected, found } => {
                field("states", format!("a list of {found}"), format!("a list of {expected}, those of the run"))
            }
            CompareError::Offline(error) if error.blame() == Blame::Machine => machine(&error),
            error => input(&error),
        })?;
        Ok(Self { record: self.record.clone(), comparison: Some(comparison) })
    }

    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let summary = drift_summary(&self.record, self.comparison.as_ref()).map_err(|error| of(&error))?;
        let said = to_python(py, &summary)?;
        said.set_item("certified", summary.certified())?;
        Ok(said)
    }

    fn text(&self) -> PyResult<String> {
        let summary = drift_summary(&self.record, self.comparison.as_ref()).map_err(|error| of(&error))?;
        Ok(summary.to_string())
    }

    /// Writes record, table and figures and returns their paths.
    fn write(&self, folder: PathBuf, figures: &str) -> PyResult<Vec<PathBuf>> {
        let style = figure_style(figures)?;
        let folder = DriftFolder::claim(&folder, Conflict::Refuse).map_err(|error| of(&error))?;
        folder.with_figures(style).write(&self.record, self.comparison.as_ref()).map_err(|error| of(&error))
    }

    fn __len__(&self) -> usize {
        self.record.slots.len()
    }

    /// One row per slot.
    fn slots(&self) -> PyResult<Table> {
        let slots = &self.record.slots;
        let real = |of: &dyn Fn(&DriftSlot<Value>) -> Option<f64>| Column::Real(slots.iter().map(of).collect());
        let mut columns = vec![
            ("slot".to_owned(), Column::Whole(slots.iter().map(|slot| i64::try_from(slot.slot).ok()).collect())),
            ("penalty".to_owned(), real(&|slot| Some(slot.penalty))),
            ("lower_bound".to_owned(), real(&|slot| slot.lower_bound)),
        ];
        for (index, name) in self.record.labels.constraints.iter().enumerate() {
            columns.push((format!("violation:{name}"), real(&|slot| slot.violations.get(index).copied())));
            columns.push((format!("queue:{name}"), real(&|slot| slot.queues.get(index).copied())));
        }
        Table::new(columns)
    }
}
