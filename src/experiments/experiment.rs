//! What an experiment is.

use std::path::PathBuf;

use super::cell::{Cell, Measure};
use super::error::ExperimentError;
use super::table::{Contrast, PlotSpec};
use crate::scenario::{Assignment, BUILTIN, Scenario, ScenarioFile, ScenarioSpec};
use crate::simulation::{PolicyKind, RunError};
use crate::solver::Settings;

/// A question, and the runs that answer it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Experiment {
    /// Name, as typed on the command line.
    pub name: &'static str,
    /// Title of page and figure.
    pub title: &'static str,
    /// What is asked.
    pub question: &'static str,
    /// What is expected, and why.
    pub expectation: &'static str,
    /// How to read the figure: what holds for any size of the experiment. What came out is computed,
    /// [`findings`](super::findings).
    pub caption: &'static str,
    /// Panels of the figure, top to bottom.
    pub plots: fn() -> Vec<PlotSpec>,
    /// One policy against the others in numbers; none where the figure is enough.
    pub contrast: fn() -> Option<Contrast>,
    /// Why it is left out under this setup; none where it is played.
    pub skipped: fn(&Setup) -> Option<String>,
    /// Its runs.
    pub cells: fn(&Setup) -> Result<Vec<Cell>, ExperimentError>,
}

/// What page and figure say of an experiment.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub name: String,
    pub title: String,
    pub question: String,
    pub expectation: String,
    pub caption: String,
    pub plots: Vec<PlotSpec>,
    pub contrast: Option<Contrast>,
}

impl Experiment {
    pub(super) fn described(&self) -> Described {
        Described {
            name: self.name.into(),
            title: self.title.into(),
            question: self.question.into(),
            expectation: self.expectation.into(),
            caption: self.caption.into(),
            plots: (self.plots)(),
            contrast: (self.contrast)(),
        }
    }
}

/// How large experiments are played.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Setup {
    /// Slots of a run.
    pub slots: u64,
    /// How many seeds.
    pub seeds: u64,
    /// Few values of what is varied, rather than all.
    pub quick: bool,
    /// Folder of rate traces.
    pub traces: Option<PathBuf>,
}

/// Seed of the first run; the others follow it.
const FIRST_SEED: u64 = 2026;

impl Setup {
    /// The seeds.
    pub fn seeds(&self) -> impl Iterator<Item = u64> + use<> {
        FIRST_SEED..FIRST_SEED + self.seeds
    }

    /// The built-in scenario with this setup's number of slots and the first seed.
    ///
    /// # Errors
    /// [`ExperimentError::Base`] never, unless the binary is broken.
    pub fn base(&self) -> Result<ScenarioSpec, ExperimentError> {
        let mut spec = ScenarioFile::parse(BUILTIN, "".as_ref())?.spec;
        spec.slots = self.slots;
        spec.seed = FIRST_SEED;
        Ok(spec)
    }

    /// `full`, or every other of its values from the first on where the setup is quick.
    #[must_use]
    pub fn values<T: Copy>(&self, full: &[T]) -> Vec<T> {
        full.iter().copied().step_by(if self.quick { 2 } else { 1 }).collect()
    }

    /// Every seed and policy of one value of what is varied, in the scenario `spec`.
    ///
    /// # Errors
    /// [`ExperimentError::Scenario`] for a scenario that is not valid.
    pub fn cells(
        &self,
        experiment: &str,
        x: Option<f64>,
        x_label: &str,
        policies: &[PolicyKind],
        spec: &ScenarioSpec,
    ) -> Result<Vec<Cell>, ExperimentError> {
        let mut cells = Vec::new();
        for spec in self.seeded(spec) {
            let scenario = Scenario::new(spec).map_err(|source| ExperimentError::Scenario {
                experiment: experiment.into(),
                source: Box::new(source),
            })?;
            cells.extend(Self::each(x, x_label, policies, &scenario));
        }
        Ok(cells)
    }

    /// The scenario with each of the seeds.
    pub fn seeded(&self, spec: &ScenarioSpec) -> impl Iterator<Item = ScenarioSpec> {
        self.seeds().map(|seed| ScenarioSpec { seed, ..spec.clone() })
    }

    /// Every policy that this build has, in one scenario.
    pub fn each(
        x: Option<f64>,
        x_label: &str,
        policies: &[PolicyKind],
        scenario: &Scenario,
    ) -> impl Iterator<Item = Cell> {
        policies.iter().filter(|policy| missing(**policy).is_none()).map(move |&policy| Cell {
            x,
            x_label: x_label.into(),
            series: policy.to_string(),
            policy,
            scenario: scenario.clone(),
            measure: Measure::Run,
        })
    }

    /// The base scenario with some of its fields set to each of the values in turn, for every policy and seed: what
    /// `collapipe sweep` does with a scenario of the user's own. The fields are named as [`Assignment`] takes them, and
    /// a value is so many of their units.
    ///
    /// # Errors
    /// As [`Setup::cells`].
    pub fn sweep(
        &self,
        experiment: &str,
        paths: &[&str],
        unit: f64,
        values: &[f64],
        policies: &[PolicyKind],
    ) -> Result<Vec<Cell>, ExperimentError> {
        let base = self.base()?;
        let mut cells = Vec::new();
        for &value in values {
            let set = paths.iter().map(|path| Assignment::new(path, &format!("{:?}", value * unit)));
            let set = set.collect::<Result<Vec<_>, _>>()?;
            let spec = ScenarioFile::parse_with(BUILTIN, "".as_ref(), &set)?.spec;
            let spec = ScenarioSpec { slots: base.slots, seed: base.seed, ..spec };
            cells.extend(self.cells(experiment, Some(value), &value.to_string(), policies, &spec)?);
        }
        Ok(cells)
    }

    /// The base scenario with one number changed, for every value, policy and seed.
    ///
    /// # Errors
    /// As [`Setup::cells`].
    pub fn vary(
        &self,
        experiment: &str,
        values: &[f64],
        policies: &[PolicyKind],
        change: impl Fn(&mut ScenarioSpec, f64),
    ) -> Result<Vec<Cell>, ExperimentError> {
        let base = self.base()?;
        let mut cells = Vec::new();
        for &value in values {
            let mut spec = base.clone();
            change(&mut spec, value);
            cells.extend(self.cells(experiment, Some(value), &value.to_string(), policies, &spec)?);
        }
        Ok(cells)
    }
}

/// Why this build lacks a policy; none where it has it.
pub(super) fn missing(policy: PolicyKind) -> Option<String> {
    match policy.build(Settings::default(), 0) {
        Err(error @ RunError::Policy { .. }) => Some(error.to_string()),
        _ => None,
    }
}
