//! The output folder of a run.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{figures, summary, tidy};
use crate::simulation::RunRecord;

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder is missing and cannot be made.
    #[error("cannot create the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written; what was there before is unchanged.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A figure cannot be drawn.
    #[error("cannot draw {}: {cause}", path.display())]
    Figure {
        /// The file it was meant for.
        path: PathBuf,
        /// What the drawing library says.
        cause: String,
    },
}

type Content<'a> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'a;

/// Writes a run's files into `folder`, which is created where it is missing, and returns their paths.
///
/// | file | content |
/// |---|---|
/// | `record.json` | the whole [`RunRecord`]; floats read back bit for bit |
/// | `summary.json` | the [`Summary`](super::Summary) |
/// | `slots.csv` | one row per slot: status, latency, plan, objective, bound, gap, reason of an outage, latency per cluster |
/// | `nodes.csv` | one row per slot and node: energy, budget, queue |
/// | `segments.csv` | one row per planned slot and device: encoder blocks |
/// | `latency.svg`, `queues.svg`, `energy.svg`, `segments.svg` | figures |
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

fn write_whole(folder: &Path, name: &str, content: &Content) -> Result<PathBuf, ReportError> {
    let path = folder.join(name);
    // The process number keeps two runs into one folder apart.
    let temporary = folder.join(format!(".{name}.{}.part", std::process::id()));
    let write = || {
        let mut out = BufWriter::new(File::create(&temporary)?);
        content(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, &path)
    };
    match write() {
        Ok(()) => Ok(path),
        Err(source) => {
            // The first error is the one to report; a leftover that cannot be removed either is hidden by its name.
            let _ = fs::remove_file(&temporary);
            Err(ReportError::File { path, source })
        }
    }
}
