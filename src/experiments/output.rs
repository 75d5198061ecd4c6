//! The files of an experiment.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::drawn::DrawnExperiment;
use super::interval::Compared;
use super::metric::Metric;
use super::page::write_experiment_page_of;
use super::request::Request;
use super::table::{Contrast, ResultTable};
use crate::ground::files::{FileError, make_folder, write_whole};
use crate::report::ReportError;
use crate::scenario::BUILTIN;

/// Name and version of the format of `result.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ResultSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.experiment-result/1")]
    V1,
}

/// Where the numbers come from: enough to compute them again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ResultProvenance {
    /// Version of this crate.
    pub version: String,
    /// Commits of the programs that played the runs, with `-modified` where sources differed; none of builds outside of
    /// a checkout, unless the environment variable `COLLAPIPE_COMMIT` named it to the build.
    pub commits: Vec<String>,
    /// Whether this is the quick size.
    pub quick: bool,
    /// Slots of a run that were asked for; each run has its own.
    pub slots: u64,
    /// How many seeds.
    pub seeds: u64,
    /// Relative gap asked of the exact solver in every slot.
    pub gap: f64,
    /// Most operations of a slot's search; left out where every search keeps to its own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_limit: Option<u64>,
    /// The runs, in the order of the cells.
    pub runs: Vec<RunProvenance>,
}

/// Where one run comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RunProvenance {
    /// What was varied.
    pub x_label: String,
    /// Curve or group.
    pub series: String,
    /// Seed of the scenario.
    pub seed: u64,
    /// Who decided.
    pub policy: String,
    /// Slots that were played.
    pub slots: u64,
    /// Digest of all that decides the states: the scenario's data, and rate traces.
    pub scenario_fingerprint: String,
}

#[derive(Serialize)]
struct ResultFile<'a> {
    schema: ResultSchema,
    provenance: &'a ResultProvenance,
    table: &'a ResultTable,
}

pub(super) fn provenance(request: &Request, cells: &[Cell], commits: Vec<String>) -> ResultProvenance {
    let settings = request.settings();
    let runs = cells.iter().map(|cell| RunProvenance {
        x_label: cell.x_label.clone(),
        series: cell.series.clone(),
        seed: cell.scenario.spec().seed,
        policy: cell.policy.to_string(),
        slots: cell.scenario.spec().slots,
        scenario_fingerprint: cell.scenario.fingerprint(),
    });
    ResultProvenance {
        version: env!("CARGO_PKG_VERSION").into(),
        commits,
        quick: request.quick,
        slots: request.slots,
        seeds: request.seeds,
        gap: settings.gap,
        work_limit: settings.work_limit,
        runs: runs.collect(),
    }
}

/// Data, provenance and figures of one experiment.
pub(super) fn write(
    drawn: &DrawnExperiment,
    provenance: ResultProvenance,
    folder: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let file = ResultFile { schema: ResultSchema::V1, provenance: &provenance, table: drawn.table() };
    write_experiment_files(drawn, &file, folder)
}

/// The files of one experiment in a folder of its own, which is made: `data.csv` with a row per run and metric,
/// `result.json` with `result` (what belongs to the numbers: schema, provenance, the table), figures, and `contrast.csv`
/// where the table has a contrast.
///
/// # Errors
/// [`ReportError`] for a file that cannot be written and a figure that cannot be drawn.
pub fn write_experiment_files(
    drawn: &DrawnExperiment,
    result: &impl Serialize,
    folder: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let table = drawn.table();
    make_folder(folder)?;
    let mut written = vec![
        write_whole(folder, "data.csv", &|out| tidy(table, out))?,
        write_whole(folder, "result.json", &|out| {
            serde_json::to_writer_pretty(&mut *out, result)?;
            out.write_all(b"\n")
        })?,
    ];
    if let Some(contrast) = &table.contrast {
        written.push(write_whole(folder, "contrast.csv", &|out| tidy_contrast(table, contrast, out))?);
    }
    written.extend(drawn.write(folder)?);
    Ok(written)
}

/// One page with all experiments.
pub(super) fn write_report(
    experiments: &[DrawnExperiment],
    request: &Request,
    commits: &BTreeSet<&str>,
    folder: &Path,
) -> Result<Vec<PathBuf>, FileError> {
    let settings = request.settings();
    let scenario = request.own.as_ref().map_or(BUILTIN, |own| own.scenario.as_str());
    let commits: String = commits.iter().map(|commit| format!(", commit {commit}")).collect();
    let lines = [
        format!("collapipe {}{commits}.", env!("CARGO_PKG_VERSION")),
        format!(
            "The exact solver is asked for a relative gap of {:e}. Seeds, slots and digests of all runs are in each result.json.",
            settings.gap
        ),
    ];
    Ok(vec![write_experiment_page_of(experiments, &lines, scenario, folder)?])
}

/// One row per run and metric.
fn tidy(table: &ResultTable, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["experiment", "x", "x_label", "series", "seed", "metric", "value"])?;
    for row in &table.rows {
        for (metric, value) in &row.metrics {
            csv.write_record([
                table.name.as_str(),
                &row.x.map(|x| x.to_string()).unwrap_or_default(),
                &row.x_label,
                &row.series,
                &row.seed.to_string(),
                &name(*metric)?,
                &value.to_string(),
            ])?;
        }
    }
    csv.flush()
}

/// One row per place, other series and metric.
fn tidy_contrast(table: &ResultTable, contrast: &Contrast, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "experiment",
        "x_label",
        "series",
        "against",
        "metric",
        "change_percent",
        "half_width",
        "seeds",
    ])?;
    for Compared { place, series, changes } in table.compared() {
        for (column, change) in contrast.columns.iter().zip(changes) {
            let Some(change) = change else { continue };
            csv.write_record([
                table.name.as_str(),
                &place.label,
                &contrast.reference,
                series,
                &name(column.metric)?,
                &change.mean.to_string(),
                &change.half_width.map(|half| half.to_string()).unwrap_or_default(),
                &change.count.to_string(),
            ])?;
        }
    }
    csv.flush()
}

/// A metric's name, as in JSON.
fn name(metric: Metric) -> io::Result<String> {
    Ok(serde_json::to_value(metric)?.as_str().unwrap_or_default().to_owned())
}
