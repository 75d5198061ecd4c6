//! Scenarios: TOML text, and values in place of its own, that are read and validated once.

use std::path::{Path, PathBuf};

use collapipe::problem::SlotProblem;
use collapipe::scenario::{
    Assignment, BUILTIN, PRESETS, Scenario as Built, ScenarioFile, SlotError, SlotInstance, preset,
};
use collapipe::simulation::{Run, RunError};
use collapipe::solver::Settings;
use pyo3::prelude::*;

use crate::data::to_python;
use crate::error::{Infeasible, field, input, of};
use crate::problem::Problem;
use crate::wait::interruptible;

/// A validated scenario, with the text it came from.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Scenario {
    pub built: Built,
    pub text: String,
    pub folder: PathBuf,
    /// Values in place of the text's.
    pub set: Vec<Assignment>,
}

impl Scenario {
    fn new(text: String, folder: PathBuf, set: Vec<Assignment>) -> PyResult<Self> {
        let file = ScenarioFile::parse_with(&text, &folder, &set);
        let built = file.and_then(ScenarioFile::build).map_err(|error| of(&error))?;
        Ok(Self { built, text, folder, set })
    }

    /// The same scenario with further values.
    fn with(&self, values: impl IntoIterator<Item = PyResult<Assignment>>) -> PyResult<Self> {
        let own = self.set.iter().cloned().map(Ok);
        Self::new(self.text.clone(), self.folder.clone(), own.chain(values).collect::<PyResult<_>>()?)
    }

    /// The same scenario, played for a while and from another seed where these are given.
    pub fn varied(&self, slots: Option<u64>, seed: Option<u64>) -> PyResult<Built> {
        let values = [("slots", slots), ("seed", seed)].into_iter();
        let given = values.filter_map(|(path, value)| Some(assigned(path, &value?.to_string())));
        Ok(self.with(given)?.built)
    }

    /// The slot as it occurs in a run: the slots before it are played by the exact solver.
    pub fn slot(&self, py: Python<'_>, slot: u64, settings: Settings) -> PyResult<SlotInstance> {
        let slots = self.slots();
        if slot >= slots {
            return Err(field("slot", slot, format!("below {slots}, the scenario's slots")));
        }
        let next = |_: &_| Run::up_to(&self.built, settings, slot)?.next_problem();
        match interruptible(py, next)? {
            Ok(instance) => Ok(instance),
            Err(RunError::Slot(reason @ SlotError::NoDevices { .. })) => {
                Err(Infeasible::new_err(format!("slot {slot} is an outage: {reason}")))
            }
            Err(error) => Err(of(&error)),
        }
    }

    fn written(&self) -> PyResult<String> {
        ScenarioFile::text_with(&self.text, &self.set).map_err(|error| of(&error))
    }
}

#[pymethods]
impl Scenario {
    /// TOML, with the folder where relative files are looked up, and assignments as `path=value`.
    #[staticmethod]
    fn from_toml(text: String, folder: PathBuf, set: Vec<String>) -> PyResult<Self> {
        let set =
            set.iter().map(|text| text.parse().map_err(|error| of::<collapipe::scenario::AssignmentError>(&error)));
        Self::new(text, folder, set.collect::<PyResult<_>>()?)
    }

    /// The same data as JSON.
    #[staticmethod]
    fn from_json(text: &str, folder: PathBuf) -> PyResult<Self> {
        let table: toml::Table = serde_json::from_str(text).map_err(|error| input(&error))?;
        let text = toml::to_string(&table).map_err(|error| input(&error))?;
        Self::new(text, folder, Vec::new())
    }

    /// One of the scenarios to begin with.
    #[staticmethod]
    fn preset(name: &str) -> PyResult<Self> {
        let names = || PRESETS.map(|(name, _)| name).join(", ");
        let text = preset(name).ok_or_else(|| field("scenario", format!("{name:?}"), format!("one of {}", names())))?;
        Self::new(text.into(), PathBuf::new(), Vec::new())
    }

    #[staticmethod]
    fn builtin() -> PyResult<Self> {
        Self::new(BUILTIN.into(), PathBuf::new(), Vec::new())
    }

    fn to_toml(&self) -> PyResult<String> {
        self.written()
    }

    /// Text, folder and assignments, for pickling.
    fn state(&self) -> (&str, &Path, Vec<String>) {
        (&self.text, &self.folder, self.set.iter().map(ToString::to_string).collect())
    }

    /// What the file says, without what is filled in.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let table: toml::Table = toml::from_str(&self.written()?).map_err(|error| input(&error))?;
        to_python(py, &table)
    }

    /// A copy with values, given as JSON, in the place of those at paths.
    fn with_values(&self, values: Vec<(String, String)>) -> PyResult<Self> {
        self.with(values.iter().map(|(path, json)| assigned(path, &in_toml(path, json)?)))
    }

    fn slots(&self) -> u64 {
        self.built.spec().slots
    }

    fn seed(&self) -> u64 {
        self.built.spec().seed
    }

    fn clusters(&self) -> Vec<String> {
        self.built.spec().clusters.iter().map(|cluster| cluster.name.clone()).collect()
    }

    /// Name, cluster and budget in J per round of every node whose energy counts.
    fn nodes(&self) -> Vec<(String, usize, Option<f64>)> {
        self.built
            .nodes()
            .iter()
            .map(|node| (node.name.clone(), node.cluster, node.budget.map(|budget| budget.0)))
            .collect()
    }

    /// Notes and warnings on the scenario.
    fn notes(&self) -> Vec<String> {
        self.built.notes().iter().map(ToString::to_string).collect()
    }

    /// The problem of a slot as it occurs in a run.
    fn problem(&self, py: Python<'_>, slot: u64) -> PyResult<Problem> {
        self.slot(py, slot, Settings::default()).map(|instance| SlotProblem::into(instance.problem))
    }
}

fn assigned(path: &str, value: &str) -> PyResult<Assignment> {
    Assignment::new(path, value).map_err(|error| of(&error))
}

/// A value of JSON as TOML.
pub fn in_toml(path: &str, json: &str) -> PyResult<String> {
    let value: Result<toml::Value, _> = serde_json::from_str(json);
    let allowed = "a number, text, true or false, a list or a dict: None is no value in TOML";
    value.map(|value| value.to_string()).map_err(|_| field(path, json, allowed))
}
