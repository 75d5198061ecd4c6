//! Runs, slot by slot, and their records.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use collapipe::problem::Decision;
use collapipe::report::{Conflict, RunFolder, summary};
use collapipe::scenario::Scenario as Built;
use collapipe::simulation::{
    Choice, Effort, NodeRole, Outage, Policy, PolicyKind, Run, RunError, RunRecord as Record, SlotContext, SlotOutcome,
    SlotRecord, UnknownPolicy,
};
use collapipe::solver::{Settings, Stop};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::data::{to_json, to_python};
use crate::error::{field, figure_style, input, machine, of};
use crate::problem::Problem;
use crate::scenario::Scenario;
use crate::solver::settings;
use crate::table::{Column, Table};
use crate::wait::interruptible;

/// What a user's function raised, kept until whoever called it looks.
type Raised = Arc<Mutex<Option<PyErr>>>;

/// A policy written in Python: `decide(problem, slot)` returns a decision as JSON, or None for no round.
#[derive(Debug)]
struct PythonPolicy {
    name: String,
    decide: Py<PyAny>,
    raised: Raised,
}

impl PythonPolicy {
    fn failed(&self, error: impl ToString) -> RunError {
        RunError::Policy { policy: self.name.clone(), reason: error.to_string() }
    }
}

impl Policy for PythonPolicy {
    fn name(&self) -> Cow<'static, str> {
        self.name.clone().into()
    }

    fn decide(&mut self, slot: &SlotContext<'_>) -> Result<Choice, RunError> {
        let said: Option<String> = Python::attach(|py| {
            let problem = Problem::from(slot.problem().clone());
            self.decide.bind(py).call1((problem, slot.slot()))?.extract()
        })
        .map_err(|error: PyErr| {
            let failed = self.failed(&error);
            *locked(&self.raised) = Some(error);
            failed
        })?;
        match said {
            Some(text) => Ok(Choice::Decision(Decision::from_answer_json(&text).map_err(|error| self.failed(error))?)),
            None => Ok(Choice::Outage(Outage::no_round("the policy decided for no round"))),
        }
    }
}

/// A run that is going on.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Runner {
    scenario: Built,
    settings: Settings,
    /// What a policy of the user's own raised; none for a policy of the library.
    raised: Option<Raised>,
    going: Mutex<Going>,
}

struct Going {
    run: Run<'static>,
    slots: Vec<SlotRecord>,
    /// Whether the slot after these was ended in its midst: its decision is not that of the policy.
    broken: bool,
}

impl Going {
    /// Plays the next slot; false at the end, and when the flag was raised meanwhile.
    fn step(&mut self, stop: Option<&Stop>) -> PyResult<bool> {
        if self.broken {
            return Err(machine(
                &"the run was interrupted within a slot: record() has what was finished; begin it again",
            ));
        }
        let next = self.run.next();
        self.broken = stop.is_some_and(Stop::is_raised);
        match next {
            Some(_) if self.broken => Ok(false),
            Some(slot) => {
                // A policy of the user's own is the one that is asked without a flag: what it decides is input.
                self.slots.push(slot.map_err(|error| match &error {
                    RunError::Decision { .. } if stop.is_none() => input(&error),
                    _ => of(&error),
                })?);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Runner {
    /// `policy` is a name, with `own` that of a function from (problem, slot) to a decision as JSON.
    #[new]
    #[pyo3(signature = (scenario, slots, seed, policy, own, gap, time_limit))]
    fn new(
        scenario: &Scenario,
        slots: Option<u64>,
        seed: Option<u64>,
        policy: &str,
        own: Option<Py<PyAny>>,
        gap: f64,
        time_limit: Option<f64>,
    ) -> PyResult<Self> {
        let scenario = scenario.varied(slots, seed)?;
        let settings = settings(gap, time_limit, None)?;
        let raised = own.is_some().then(Raised::default);
        let policy: Box<dyn Policy> = match (own, &raised) {
            (Some(decide), Some(raised)) => {
                Box::new(PythonPolicy { name: policy.into(), decide, raised: raised.clone() })
            }
            _ => {
                let kind: PolicyKind = policy.parse().map_err(|error: UnknownPolicy| of(&error))?;
                kind.build(settings, scenario.spec().seed).map_err(|error| of(&error))?
            }
        };
        let run = Run::with_policy(&scenario, policy).map_err(|error| of(&error))?;
        let going = Mutex::new(Going { run, slots: Vec::new(), broken: false });
        Ok(Self { scenario, settings, raised, going })
    }

    /// Plays a slot and returns its record; None at the end.
    fn step<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.play(py, 1)? {
            0 => Ok(None),
            _ => locked(&self.going).slots.last().map(|slot| to_python(py, slot)).transpose(),
        }
    }

    /// Plays to the end.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.play(py, usize::MAX).map(drop)
    }

    /// The record so far; `certificates` is "quick", "full" or "off".
    fn record(&self, py: Python<'_>, certificates: &str) -> PyResult<RunRecord> {
        let effort = match certificates {
            "off" => None,
            "quick" => Some(Effort::Quick),
            "full" => Some(Effort::Full),
            other => return Err(field("certificates", format!("{other:?}"), "\"quick\", \"full\" or \"off\"")),
        };
        let mut record = {
            // Not to be waited for: a policy that asks for the record while it decides would wait for itself.
            let Ok(going) = self.going.try_lock() else { return Err(machine(&"the run is in the midst of a slot")) };
            going.run.record(going.slots.clone())
        };
        if let Some(effort) = effort {
            let compared = interruptible(py, |_| record.compare(&self.scenario, self.settings, effort))?;
            record.comparison = Some(compared.map_err(|error| of(&error))?);
        }
        Ok(RunRecord(record))
    }
}

impl Runner {
    /// Plays some slots, as many as there are; returns how many.
    fn play(&self, py: Python<'_>, most: usize) -> PyResult<usize> {
        let Some(raised) = &self.raised else {
            let played = interruptible(py, |stop| {
                let mut going = locked(&self.going);
                let mut played = 0;
                while played < most && going.step(Some(stop))? {
                    played += 1;
                }
                Ok(played)
            });
            return played?;
        };
        // A policy in Python is asked on the interpreter's own thread, where Ctrl-C reaches it.
        let mut played = 0;
        while played < most {
            py.check_signals()?;
            match py.detach(|| locked(&self.going).step(None)) {
                Ok(true) => played += 1,
                Ok(false) => break,
                Err(error) => return Err(with_cause(py, error, locked(raised).take())),
            }
        }
        Ok(played)
    }
}

/// A run's failure with the exception behind it; one that is not meant to be caught as an error, as Ctrl-C, by itself.
fn with_cause(py: Python<'_>, error: PyErr, raised: Option<PyErr>) -> PyErr {
    match raised {
        Some(raised) if !raised.is_instance_of::<PyException>(py) => raised,
        Some(raised) => {
            error.set_cause(py, Some(raised));
            error
        }
        None => error,
    }
}

/// A whole run, or the finished part of one.
#[pyclass(frozen, module = "collapipe._core")]
pub struct RunRecord(Record);

#[pymethods]
impl RunRecord {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        Record::from_json(text).map(Self).map_err(|error| input(&error))
    }

    fn to_json(&self) -> PyResult<String> {
        to_json(&self.0)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.0)
    }

    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &summary(&self.0))
    }

    fn text(&self) -> String {
        summary(&self.0).to_string()
    }

    /// Writes the files of `collapipe run` and returns their paths.
    fn write(&self, folder: PathBuf, overwrite: bool, figures: &str) -> PyResult<Vec<PathBuf>> {
        let style = figure_style(figures)?;
        let conflict = if overwrite { Conflict::Overwrite } else { Conflict::Refuse };
        let folder: RunFolder = RunFolder::claim(Path::new(&folder), conflict).map_err(|error| of(&error))?;
        folder.with_figures(style).write(&self.0).map_err(|error| of(&error))
    }

    fn __len__(&self) -> usize {
        self.0.slots.len()
    }

    /// One row per slot.
    fn slots(&self) -> PyResult<Table> {
        let slots = &self.0.slots;
        let planned = |of: fn(&collapipe::simulation::PlannedSlot) -> Option<f64>| {
            Column::Real(slots.iter().map(|slot| slot.planned().and_then(of)).collect())
        };
        let plan = |of: fn(&collapipe::problem::CandidatePlan) -> u32| {
            let of_slot = |slot: &SlotRecord| self.0.plans.get(slot.planned()?.plan).map(|plan| i64::from(of(plan)));
            Column::Whole(slots.iter().map(of_slot).collect())
        };
        let status = |slot: &SlotRecord| slot.planned().map_or("outage", |planned| planned.status.name()).to_owned();
        let reason = |slot: &SlotRecord| match &slot.outcome {
            SlotOutcome::Outage(outage) => Some(outage.reason.clone()),
            _ => None,
        };
        let mut columns = vec![
            ("slot".to_owned(), Column::Whole(slots.iter().map(|slot| i64::try_from(slot.slot).ok()).collect())),
            ("status".to_owned(), Column::Text(slots.iter().map(|slot| Some(status(slot))).collect())),
            ("latency_s".to_owned(), planned(|slot| Some(slot.latency_s.0))),
            (
                "plan".to_owned(),
                Column::Whole(slots.iter().map(|slot| i64::try_from(slot.planned()?.plan).ok()).collect()),
            ),
            ("local_iterations".to_owned(), plan(|plan| plan.local_iterations)),
            ("micro_batches".to_owned(), plan(|plan| plan.micro_batches)),
            ("objective".to_owned(), planned(|slot| Some(slot.objective))),
            ("lower_bound".to_owned(), planned(|slot| slot.lower_bound)),
            ("gap".to_owned(), planned(|slot| slot.gap)),
            ("outage_reason".to_owned(), Column::Text(slots.iter().map(reason).collect())),
        ];
        for (index, name) in self.0.clusters.iter().enumerate() {
            let latency = |slot: &SlotRecord| Some(slot.planned()?.clusters.get(index)?.latency_s.0);
            columns.push((format!("latency_s:{name}"), Column::Real(slots.iter().map(latency).collect())));
        }
        Table::new(columns)
    }

    /// One row per slot and node.
    fn nodes(&self) -> PyResult<Table> {
        let rows = || self.0.slots.iter().flat_map(|slot| self.0.nodes.iter().enumerate().map(move |row| (slot, row)));
        let role = |role: NodeRole| serde_json::to_value(role).ok()?.as_str().map(str::to_owned);
        Table::new(vec![
            ("slot".to_owned(), Column::Whole(rows().map(|(slot, _)| i64::try_from(slot.slot).ok()).collect())),
            ("node".to_owned(), Column::Text(rows().map(|(_, (_, node))| Some(node.name.clone())).collect())),
            ("role".to_owned(), Column::Text(rows().map(|(_, (_, node))| role(node.role)).collect())),
            (
                "energy_j".to_owned(),
                Column::Real(
                    rows().map(|(slot, (index, _))| slot.energy_j.get(index).map(|energy| energy.0)).collect(),
                ),
            ),
            ("budget_j".to_owned(), Column::Real(rows().map(|(_, (_, node))| node.budget_j.map(|of| of.0)).collect())),
            (
                "queue".to_owned(),
                Column::Real(rows().map(|(slot, (index, _))| slot.queues.get(index).copied()).collect()),
            ),
        ])
    }

    /// One row per planned slot and device.
    fn segments(&self) -> PyResult<Table> {
        let (mut slots, mut clusters, mut devices, mut blocks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (number, planned) in self.0.planned_slots() {
            for (index, (name, cluster)) in self.0.clusters.iter().zip(&planned.clusters).enumerate() {
                let of_cluster =
                    self.0.nodes.iter().filter(|node| node.cluster == index && node.role == NodeRole::Device);
                for (device, size) in of_cluster.zip(&cluster.sizes) {
                    slots.push(i64::try_from(number).ok());
                    clusters.push(Some(name.clone()));
                    devices.push(Some(device.name.clone()));
                    blocks.push(Some(i64::from(*size)));
                }
            }
        }
        Table::new(vec![
            ("slot".to_owned(), Column::Whole(slots)),
            ("cluster".to_owned(), Column::Text(clusters)),
            ("device".to_owned(), Column::Text(devices)),
            ("blocks".to_owned(), Column::Whole(blocks)),
        ])
    }
}
