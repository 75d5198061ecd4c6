//! Scenarios: TOML text that is read and validated once.

use std::path::{Path, PathBuf};

use collapipe::scenario::{BUILTIN, Scenario as Built, ScenarioFile, SlotError};
use collapipe::simulation::{Run, RunError};
use collapipe::solver::Settings;
use pyo3::prelude::*;

use crate::data::to_python;
use crate::error::{Infeasible, input, of};
use crate::problem::Problem;

/// A validated scenario, with the text it came from.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Scenario {
    pub built: Built,
    text: String,
    folder: PathBuf,
}

impl Scenario {
    fn parse(text: &str, folder: &Path) -> PyResult<Self> {
        let built = ScenarioFile::parse(text, folder).and_then(ScenarioFile::build).map_err(|error| of(&error))?;
        Ok(Self { built, text: text.into(), folder: folder.into() })
    }

    /// The same scenario, played for a while and from another seed where these are given.
    pub fn varied(&self, slots: Option<u64>, seed: Option<u64>) -> PyResult<Built> {
        let mut file = ScenarioFile::parse(&self.text, &self.folder).map_err(|error| of(&error))?;
        file.spec.slots = slots.unwrap_or(file.spec.slots);
        file.spec.seed = seed.unwrap_or(file.spec.seed);
        file.build().map_err(|error| of(&error))
    }
}

#[pymethods]
impl Scenario {
    /// TOML, with the folder where relative files are looked up.
    #[staticmethod]
    fn from_toml(text: &str, folder: PathBuf) -> PyResult<Self> {
        Self::parse(text, &folder)
    }

    /// The same data as JSON.
    #[staticmethod]
    fn from_json(text: &str, folder: PathBuf) -> PyResult<Self> {
        let table: toml::Table = serde_json::from_str(text).map_err(|error| input(&error))?;
        Self::parse(&written(&table)?, &folder)
    }

    #[staticmethod]
    fn builtin() -> PyResult<Self> {
        Self::parse(BUILTIN, Path::new(""))
    }

    fn to_toml(&self) -> &str {
        &self.text
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the file says, without what is filled in.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.table()?)
    }

    /// A copy with values, given as JSON, in the place of those at dotted paths.
    fn with_values(&self, values: Vec<(String, String)>) -> PyResult<Self> {
        let mut table = self.table()?;
        for (path, json) in values {
            let value: toml::Value =
                serde_json::from_str(&json).map_err(|error| input(&format!("{path} = {json}: {error}")))?;
            set(&mut table, &path, value)?;
        }
        Self::parse(&written(&table)?, &self.folder)
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

    /// The problem of a slot as it occurs in a run: the slots before it are played by the exact solver.
    fn problem(&self, py: Python<'_>, slot: u64) -> PyResult<Problem> {
        let slots = self.slots();
        if slot >= slots {
            return Err(input(&format!("slot = {slot}: must be below {slots}, the scenario's slots")));
        }
        py.detach(|| {
            let mut run = Run::new(&self.built, Settings::default()).map_err(|error| of(&error))?;
            while run.played() < slot {
                match run.next() {
                    Some(played) => drop(played.map_err(|error| of(&error))?),
                    None => break,
                }
                Python::attach(|py| py.check_signals())?;
            }
            match run.next_problem() {
                Ok(instance) => Ok(Problem::from(instance.problem)),
                Err(RunError::Slot(reason @ SlotError::NoDevices { .. })) => {
                    Err(Infeasible::new_err(reason.to_string()))
                }
                Err(error) => Err(of(&error)),
            }
        })
    }
}

impl Scenario {
    fn table(&self) -> PyResult<toml::Table> {
        toml::from_str(&self.text).map_err(|error| input(&error))
    }
}

fn written(table: &toml::Table) -> PyResult<String> {
    toml::to_string(table).map_err(|error| input(&error))
}

/// Puts a value at a path such as `clusters.0.devices.nano-a.budget_j_per_round`; tables of a list are found by number or by name.
fn set(table: &mut toml::Table, path: &str, value: toml::Value) -> PyResult<()> {
    let mut pieces = path.split('.').peekable();
    let mut root = toml::Value::Table(std::mem::take(table));
    let mut at = &mut root;
    let mut outcome = Ok(());
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let next = match at {
            toml::Value::Table(of) if last => {
                of.insert(piece.into(), value);
                break;
            }
            toml::Value::Table(of) => of.get_mut(piece),
            toml::Value::Array(list) => {
                let named = |entry: &toml::Value| entry.get("name").and_then(toml::Value::as_str) == Some(piece);
                let index = piece.parse::<usize>().ok().or_else(|| list.iter().position(named));
                index.and_then(|index| list.get_mut(index))
            }
            _ => None,
        };
        match next {
            Some(_) if last => {
                outcome = Err(input(&format!("{path}: an entry of a list cannot be replaced; name one of its fields")));
                break;
            }
            Some(next) => at = next,
            None => {
                outcome = Err(input(&format!("{path}: there is no {piece:?} in this scenario")));
                break;
            }
        }
    }
    if let toml::Value::Table(whole) = root {
        *table = whole;
    }
    outcome
}
