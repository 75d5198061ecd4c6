//! One run of an experiment.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::measure;
use super::table::Row;
use super::versus::{Tally, Versus};
use crate::ground::digest::of_data;
use crate::scenario::Scenario;
use crate::simulation::{PolicyKind, Run, RunError, RunRecord};
use crate::solver::Settings;

/// What is made of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Measure {
    /// One row.
    #[default]
    Run,
    /// One row, with the decisions' time and gap against the exact solver on the same slots.
    AgainstExact,
    /// One row per device: its speed and its mean encoder blocks. The device is the series, the cell's own series what
    /// was varied.
    Devices,
}

/// One run of an experiment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cell {
    /// What is varied, as a number; none for categories.
    pub x: Option<f64>,
    /// What is varied, in words or digits.
    pub x_label: String,
    /// Which curve or group of bars.
    pub series: String,
    /// Who decides.
    pub policy: PolicyKind,
    /// In which scenario, its seed and slots included.
    pub scenario: Scenario,
    /// What is made of the run.
    pub measure: Measure,
}

/// Name and version of the format of a finished cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CellSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.experiment-cell/1")]
    V1,
}

/// A finished cell, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishedCell {
    pub schema: CellSchema,
    /// Digest of all that decides the numbers.
    pub fingerprint: String,
    /// Commit of the program that played it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    pub rows: Vec<Row>,
}

impl FinishedCell {
    pub fn new(fingerprint: String, rows: Vec<Row>) -> Self {
        let commit = option_env!("COLLAPIPE_COMMIT").map(str::to_owned);
        Self { schema: CellSchema::V1, fingerprint, commit, rows }
    }
}

/// All that decides a cell's rows.
#[derive(Serialize)]
struct Decisive<'a> {
    version: &'static str,
    scenario: String,
    policy: PolicyKind,
    settings: Settings,
    measure: Measure,
    x: Option<f64>,
    x_label: &'a str,
    series: &'a str,
}

impl Cell {
    /// Its name within the experiment: letters, digits, dots and dashes.
    #[must_use]
    pub fn name(&self) -> String {
        let plain = |text: &str| {
            text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect::<String>()
        };
        format!("{}_{}_{}", plain(&self.x_label), plain(&self.series), self.scenario.spec().seed)
    }

    /// Digest of all that decides its rows: version, scenario with its traces and seed, policy, settings, and what is
    /// made of the run.
    #[must_use]
    pub fn fingerprint(&self, settings: &Settings) -> String {
        let Self { x, x_label, series, policy, measure, scenario } = self;
        of_data(&Decisive {
            version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.fingerprint(),
            policy: *policy,
            settings: *settings,
            measure: *measure,
            x: *x,
            x_label,
            series,
        })
    }

    pub(super) fn play(&self, settings: Settings) -> Result<Vec<Row>, RunError> {
        let tally = Mutex::new(Tally::default());
        let policy = self.policy.build(settings, self.scenario.spec().seed)?;
        let run = match self.measure {
            Measure::AgainstExact => {
                let versus = Versus::new(policy, settings, &tally)?;
                Run::with_policy(&self.scenario, Box::new(versus))?
            }
            Measure::Run | Measure::Devices => Run::with_policy(&self.scenario, policy)?,
        };
        let record = record(run)?;
        let tally = tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let seed = self.scenario.spec().seed;
        Ok(match self.measure {
            Measure::Devices => measure::devices(&record, &self.scenario)
                .into_iter()
                .map(|device| Row {
                    x: None,
                    x_label: self.series.clone(),
                    series: device.name,
                    seed,
                    metrics: device.metrics,
                })
                .collect(),
            Measure::Run | Measure::AgainstExact => {
                let mut metrics = measure::run(&record, &self.scenario);
                metrics.extend(tally.metrics());
                vec![Row { x: self.x, x_label: self.x_label.clone(), series: self.series.clone(), seed, metrics }]
            }
        })
    }
}

fn record(mut run: Run<'_>) -> Result<RunRecord, RunError> {
    let slots = run.by_ref().collect::<Result<Vec<_>, _>>()?;
    Ok(run.record(slots))
}
