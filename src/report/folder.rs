//! The output folder of a run.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{Content, ReportError, write_whole};
use super::{drift_summary, figures, summary, tidy};
use crate::lyapunov::{Comparison, DriftRecord, DriftRecordError};
use crate::simulation::RunRecord;
use crate::tradeoff::Tradeoff;

/// Writes a run's files into `folder`, which is created where it is missing, and returns their paths.
///
/// | file | content |
/// |---|---|
/// | `record.json` | the whole [`RunRecord`]; floats read back bit for bit |
/// | `summary.json` | the [`Summary`](super::Summary) |
/// | `slots.csv` | one row per slot: status, latency, plan, objective, bound, gap, reason of an outage, latency per cluster |
/// | `nodes.csv` | one row per slot and node: energy, budget, queue |
/// | `segments.csv` | one row per planned slot and device: encoder blocks |
/// | `latency.svg`, `queues.svg`, `energy.svg`, `segments.svg`, `certificates.svg` | figures |
///
/// Every file is written under a temporary name and then renamed: whoever reads a file of that name reads a whole one,
/// also when the program is killed in between.
///
/// # Errors
/// [`ReportError`] with the path and the cause; files written before it stay.
pub fn write_folder(record: &RunRecord, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    fs::create_dir_all(folder).map_err(|source| ReportError::Folder { path: folder.into(), source })?;
    let summary = summary(record);
    let data: [(&str, &Content); 5] = [
        ("record.json", &|out| serde_json::to_writer(out, record).map_err(Into::into)),
        ("summary.json", &|out| serde_json::to_writer_pretty(out, &summary).map_err(Into::into)),
        ("slots.csv", &|out| tidy::slots(record, out).map_err(Into::into)),
        ("nodes.csv", &|out| tidy::nodes(record, out).map_err(Into::into)),
        ("segments.csv", &|out| tidy::segments(record, out).map_err(Into::into)),
    ];
    let mut written = Vec::new();
    for (name, content) in data {
        written.push(write_whole(folder, name, content)?);
    }
    for (name, draw) in figures::ALL {
        written.push(write_figure(folder, name, draw(record))?);
    }
    Ok(written)
}

/// Writes the files of a run of an own problem into `folder`, which is created where it is missing, and returns their
/// paths.
///
/// | file | content |
/// |---|---|
/// | `record.json` | the whole [`DriftRecord`]; floats read back bit for bit |
/// | `summary.json` | the [`DriftSummary`](super::DriftSummary) |
/// | `slots.csv` | one row per slot: penalty, lower bound of V·p + Q·g, gap, and of each constraint violation and queue |
/// | `penalty.svg` | the penalty of every slot, and its mean so far |
/// | `queues.svg`, `violations.svg` | queues, and mean violations so far |
/// | `certificates.svg` | mean penalty and norm of the queues between their bounds, where a comparison is given |
///
/// Every file is whole, as those of [`write_folder`].
///
/// # Errors
/// [`ReportError`] for a record that is not one of a run, before anything is written; otherwise with the path and the
/// cause, and files written before it stay.
pub fn write_drift_folder<A: serde::Serialize>(
    record: &DriftRecord<A>,
    comparison: Option<&Comparison>,
    folder: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    let broken = |source: DriftRecordError| ReportError::Record { source: Box::new(source) };
    let history = record.history().map_err(broken)?;
    let summary = drift_summary(record, comparison).map_err(broken)?;
    fs::create_dir_all(folder).map_err(|source| ReportError::Folder { path: folder.into(), source })?;
    let data: [(&str, &Content); 3] = [
        ("record.json", &|out| serde_json::to_writer(out, record).map_err(Into::into)),
        ("summary.json", &|out| serde_json::to_writer_pretty(out, &summary).map_err(Into::into)),
        ("slots.csv", &|out| tidy::drift(record, &history, out).map_err(Into::into)),
    ];
    let mut written = Vec::new();
    for (name, content) in data {
        written.push(write_whole(folder, name, content)?);
    }
    let view = figures::DriftView { history: &history, labels: &record.labels, comparison };
    for (name, draw) in figures::OF_DRIFT {
        written.push(write_figure(folder, name, draw(&view))?);
    }
    Ok(written)
}

fn write_figure(folder: &Path, name: &str, figure: Result<String, String>) -> Result<PathBuf, ReportError> {
    let svg = figure.map_err(|cause| ReportError::Figure { path: folder.join(name), cause })?;
    write_whole(folder, name, &|out| out.write_all(svg.as_bytes()))
}

/// Writes a sweep's files into `folder`, which is created where it is missing, and returns their paths.
///
/// | file | content |
/// |---|---|
/// | `tradeoff.json` | the [`Tradeoff`] |
/// | `tradeoff.csv` | one row per value |
/// | `plans.svg` | shares of the plans, and latency, against the value |
/// | `tradeoff.svg`, `scaling.svg` | over V: latency against overspending; latency excess and backlog against V |
///
/// Every file is whole, as those of [`write_folder`].
///
/// # Errors
/// [`ReportError`] with the path and the cause; files written before it stay.
pub fn write_tradeoff(tradeoff: &Tradeoff, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    fs::create_dir_all(folder).map_err(|source| ReportError::Folder { path: folder.into(), source })?;
    let mut written = vec![
        write_whole(folder, "tradeoff.json", &|out| serde_json::to_writer_pretty(out, tradeoff).map_err(Into::into))?,
        write_whole(folder, "tradeoff.csv", &|out| tidy::tradeoff(tradeoff, out).map_err(Into::into))?,
    ];
    for (name, draw) in figures::of_tradeoff(tradeoff.axis) {
        written.push(write_figure(folder, name, draw(tradeoff))?);
    }
    Ok(written)
}
