//! The folder of results.

use std::path::{Path, PathBuf};

use collapipe::experiments::{DrawnExperiment, ResultTable, write_experiment_files, write_experiment_page_of};
use collapipe::report::ReportError;
use serde::Serialize;

use super::{LANGUAGES, Outcome};
use crate::training::csv;

/// Name and version of the format of an experiment's `result.json`.
const SCHEMA: &str = "collapipe.engine-experiment-result/1";

/// Where the numbers come from.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Provenance {
    /// Version of this crate.
    pub version: &'static str,
    /// Whether this is the small size.
    pub quick: bool,
    /// Whether times passed by themselves.
    pub virtual_time: bool,
    /// Rounds that were executed and measured.
    pub rounds: usize,
    /// Those of them in which nothing ended late.
    pub valid_rounds: usize,
}

impl Provenance {
    /// That of some outcomes.
    #[must_use]
    pub fn new<'a>(quick: bool, virtual_time: bool, outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            quick,
            virtual_time,
            rounds: outcomes.clone().count(),
            valid_rounds: outcomes.filter(|outcome| outcome.comparison.valid).count(),
        }
    }
}

#[derive(Serialize)]
struct ResultFile<'a> {
    schema: &'static str,
    provenance: &'a Provenance,
    table: &'a ResultTable,
}

/// Writes `predicted_measured.csv`, a folder per experiment and `report.html`; `lines` stand at the end of the page.
///
/// # Errors
/// [`ReportError`].
pub fn write<'a>(
    folder: &Path,
    tables: &[ResultTable],
    outcomes: impl Iterator<Item = &'a Outcome>,
    provenance: &Provenance,
    lines: &[String],
) -> Result<Vec<PathBuf>, ReportError> {
    let mut drawn = Vec::new();
    let mut written = Vec::new();
    for table in tables {
        let experiment = DrawnExperiment::new(table)?;
        let file = ResultFile { schema: SCHEMA, provenance, table };
        written.extend(write_experiment_files(&experiment, &file, &folder.join(&table.name))?);
        drawn.push(experiment);
    }
    let path = folder.join("predicted_measured.csv");
    let rows = csv(outcomes.map(|outcome| (outcome.names.clone(), &outcome.comparison)));
    collapipe::write_text(&path, &rows, true)?;
    written.push(path);
    let scale = match provenance.virtual_time {
        true => "Times passed by themselves: every error is one of arithmetic.".into(),
        false => format!(
            "{} of {} rounds had no operation that ended late; where there are others the machine was too slow or too busy, and \
             their errors say nothing about the prediction.",
            provenance.valid_rounds, provenance.rounds
        ),
    };
    let mut all = vec![format!("collapipe-engine {}. {scale}", provenance.version)];
    all.extend_from_slice(lines);
    written.push(write_experiment_page_of(&drawn, &all, LANGUAGES, folder)?);
    Ok(written)
}
