//! The output folder of a run.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{Content, ReportError, write_whole};
use super::{figures, summary, tidy};
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
        let svg = draw(record).map_err(|cause| ReportError::Figure { path: folder.join(name), cause })?;
        written.push(write_whole(folder, name, &|out| out.write_all(svg.as_bytes()))?);
    }
    Ok(written)
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
        let svg = draw(tradeoff).map_err(|cause| ReportError::Figure { path: folder.join(name), cause })?;
        written.push(write_whole(folder, name, &|out| out.write_all(svg.as_bytes()))?);
    }
    Ok(written)
}
