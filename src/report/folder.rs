//! The output folder of a run.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::error::ReportError;
use super::figures::RunView;
use super::page::{Shown, Typical, run_page};
use super::series::sorted;
use super::{drift_summary, figures, summary, tidy};
use crate::drawing::FigureStyle;
use crate::drawing::figure::Figure;
use crate::ground::files::{Content, FileError, Staged};
use crate::ground::output::{Conflict, Kind, OutputFolder};
use crate::lyapunov::{Comparison, DriftRecord, DriftRecordError};
use crate::simulation::RunRecord;

/// The folder of a run's files.
///
/// | file | content |
/// |---|---|
/// | `record.json` | the whole [`RunRecord`]; floats read back bit for bit |
/// | `summary.json` | the [`Summary`](super::Summary) |
/// | `report.html` | a page to read: verdict, a typical round, figures, what is proved; needs no other file |
/// | `slots.csv` | one row per slot: status, latency, plan, objective, bound, gap, reason of an outage, latency per cluster |
/// | `nodes.csv` | one row per slot and node: energy, budget, queue |
/// | `segments.csv` | one row per planned slot and device: encoder blocks |
/// | `rounds.csv` | one row per planned slot and cluster: latency by part |
/// | `radio.csv` | one row per planned slot and message: ends, bandwidth, power, rate, time on air |
/// | `memory.csv` | one row per planned slot and device that takes part: bytes needed, bytes there |
/// | `slots.parquet`, ... | the same tables as Parquet, where they are asked for (feature `parquet`) |
/// | `latency.svg`, `queues.svg`, `energy.svg`, `segments.svg`, `certificates.svg` | figures; for documents also as `.pdf` |
///
/// A folder is ours if it holds the `record.json` of a run, or no file with one of these names; other files are left
/// alone. All files are written under temporary names before the first one of an earlier run goes: a program that is
/// killed leaves whole files, and those of one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    pub(super) folder: OutputFolder,
    pub(super) style: FigureStyle,
    /// Whether tables are written as Parquet as well.
    #[cfg(feature = "parquet")]
    pub(super) parquet: bool,
}

const OF_RUN: Kind = Kind {
    names: &[
        RunFolder::RECORD,
        "summary.json",
        "report.html",
        "slots.csv",
        "nodes.csv",
        "segments.csv",
        "rounds.csv",
        "radio.csv",
        "memory.csv",
        "latency.svg",
        "queues.svg",
        "energy.svg",
        "segments.svg",
        "certificates.svg",
        "latency.pdf",
        "queues.pdf",
        "energy.pdf",
        "segments.pdf",
        "certificates.pdf",
        "slots.parquet",
        "nodes.parquet",
        "segments.parquet",
        "rounds.parquet",
        "radio.parquet",
        "memory.parquet",
    ],
    schema: "collapipe.run-record/2",
    earlier: &["collapipe.run-record/1"],
};

const OF_DRIFT: Kind = Kind {
    names: &[
        "record.json",
        "summary.json",
        "slots.csv",
        "penalty.svg",
        "queues.svg",
        "violations.svg",
        "certificates.svg",
        "penalty.pdf",
        "queues.pdf",
        "violations.pdf",
        "certificates.pdf",
    ],
    schema: "collapipe.drift-record/1",
    earlier: &[],
};

impl RunFolder {
    /// Name of the record in a run's folder.
    pub const RECORD: &str = "record.json";

    /// The folder `path`, made where it is missing: before a long run, to know that its files will have a place.
    ///
    /// # Errors
    /// [`FileError::Foreign`] names a file that is not that of a run, unless it may be overwritten;
    /// [`FileError::Folder`] for a folder that cannot be made.
    pub fn claim(path: &Path, conflict: Conflict) -> Result<Self, FileError> {
        Ok(Self {
            folder: OutputFolder::claim(path, &OF_RUN, conflict)?,
            style: FigureStyle::default(),
            #[cfg(feature = "parquet")]
            parquet: false,
        })
    }

    /// The same folder, with figures for a paper, a screen or slides; those for documents are written as PDF beside the SVG,
    /// with the feature `pdf`.
    #[must_use]
    pub fn with_figures(self, style: FigureStyle) -> Self {
        Self { style, ..self }
    }

    /// The same folder, with the tables as Parquet as well.
    #[cfg(feature = "parquet")]
    #[must_use]
    pub fn with_parquet(self) -> Self {
        Self { parquet: true, ..self }
    }

    /// The tables of a run by the name of their file, each with what writes it.
    fn tables<'a>(&self, record: &'a RunRecord) -> Vec<(String, Box<Content<'a>>)> {
        let csv = tidy::TABLES.map(|(name, tell)| -> (String, Box<Content<'a>>) {
            (format!("{name}.csv"), Box::new(move |out: &mut dyn Write| tidy::Csv::write(tell, record, out)))
        });
        #[cfg_attr(not(feature = "parquet"), allow(unused_mut, reason = "there is nothing to add"))]
        let mut tables = Vec::from(csv);
        #[cfg(feature = "parquet")]
        if self.parquet {
            tables.extend(tidy::TABLES.map(|(name, tell)| -> (String, Box<Content<'a>>) {
                (
                    format!("{name}.parquet"),
                    Box::new(move |out: &mut dyn Write| super::parquet::write(tell, record, out)),
                )
            }));
        }
        tables
    }

    /// Writes a run's files, in place of those of an earlier run, and returns their paths.
    ///
    /// # Errors
    /// [`ReportError::Run`] for a record whose lists do not fit together, before anything is written; otherwise
    /// [`ReportError`] with the path and the cause; what could not be written at all leaves the earlier files.
    pub fn write(&self, record: &RunRecord) -> Result<Vec<PathBuf>, ReportError> {
        record.check_lengths()?;
        let summary = summary(record);
        let latencies = sorted(record.planned_slots().map(|(_, planned)| planned.latency_s.0));
        let view = RunView { record, digest: &Digest::whole(record), latencies: &latencies };
        let figures: Vec<(&str, Figure)> = figures::ALL.iter().map(|(name, draw)| (*name, draw(&view))).collect();
        let tables = self.tables(record);
        let beside = texts_beside(tables.iter().map(|(name, _)| name.as_str()), &figures);
        let page = run_page(&view, &summary, Typical::of(record).as_ref(), &Shown::all(&figures), &beside);
        let texts: [(&str, &Content); 3] = [
            (Self::RECORD, &|out| serde_json::to_writer(out, record).map_err(Into::into)),
            ("summary.json", &|out| serde_json::to_writer_pretty(out, &summary).map_err(Into::into)),
            ("report.html", &|out| out.write_all(page.as_bytes())),
        ];
        let tables = tables.iter().map(|(name, content)| (name.as_str(), content.as_ref()));
        let data: Vec<_> = texts.into_iter().chain(tables).collect();
        write(&self.folder, &data, figures.into_iter(), self.style)
    }
}

/// Names of what lies beside a run's page.
pub(super) fn texts_beside<'a>(tables: impl Iterator<Item = &'a str>, figures: &[(&'a str, Figure)]) -> Vec<&'a str> {
    let texts = [RunFolder::RECORD, "summary.json"].into_iter();
    texts.chain(tables).chain(figures.iter().map(|(name, _)| *name)).collect()
}

/// Writes a run's files into `folder`: [`RunFolder::claim`], which refuses files of others, and [`RunFolder::write`].
///
/// # Errors
/// As these.
pub fn write_folder(record: &RunRecord, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    RunFolder::claim(folder, Conflict::Refuse)?.write(record)
}

/// The folder of the files of a run of your own problem.
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
/// Figures for documents are written as PDF beside the SVG, as those of a [`RunFolder`] are. Files of others are left alone,
/// and the folder is of one run only.
#[derive(Clone, Debug)]
pub struct DriftFolder {
    folder: OutputFolder,
    style: FigureStyle,
}

impl DriftFolder {
    /// The folder `path`, made where it is missing.
    ///
    /// # Errors
    /// As [`RunFolder::claim`].
    pub fn claim(path: &Path, conflict: Conflict) -> Result<Self, FileError> {
        Ok(Self { folder: OutputFolder::claim(path, &OF_DRIFT, conflict)?, style: FigureStyle::default() })
    }

    /// The same folder, with figures for a paper, a screen or slides.
    #[must_use]
    pub fn with_figures(self, style: FigureStyle) -> Self {
        Self { style, ..self }
    }

    /// Writes a run's files, in place of those of an earlier run, and returns their paths.
    ///
    /// # Errors
    /// [`ReportError`] for a record that is not one of a run, before anything is written; otherwise with the path and the
    /// cause.
    pub fn write<A: serde::Serialize>(
        &self,
        record: &DriftRecord<A>,
        comparison: Option<&Comparison>,
    ) -> Result<Vec<PathBuf>, ReportError> {
        let broken = |source: DriftRecordError| ReportError::Record { source: Box::new(source) };
        let history = record.history().map_err(broken)?;
        let summary = drift_summary(record, comparison).map_err(broken)?;
        let data: [(&str, &Content); 3] = [
            ("record.json", &|out| serde_json::to_writer(out, record).map_err(Into::into)),
            ("summary.json", &|out| serde_json::to_writer_pretty(out, &summary).map_err(Into::into)),
            ("slots.csv", &|out| tidy::drift(record, &history, out).map_err(Into::into)),
        ];
        let view = figures::DriftView { history: &history, labels: &record.labels, comparison };
        let figures = figures::OF_DRIFT.iter().map(|(name, draw)| (*name, draw(&view)));
        write(&self.folder, &data, figures, self.style)
    }
}

/// Writes the files of a run of your own problem into `folder`, with figures for a screen: [`DriftFolder::claim`], which
/// refuses files of others, and [`DriftFolder::write`].
///
/// # Errors
/// As these; for a record that is not one of a run before the folder is made.
pub fn write_drift_folder<A: serde::Serialize>(
    record: &DriftRecord<A>,
    comparison: Option<&Comparison>,
    folder: &Path,
) -> Result<Vec<PathBuf>, ReportError> {
    record.history().map_err(|source| ReportError::Record { source: Box::new(source) })?;
    DriftFolder::claim(folder, Conflict::Refuse)?.write(record, comparison)
}

/// Writes data, then figures.
pub(crate) fn write<'a>(
    folder: &OutputFolder,
    data: &[(&str, &Content)],
    figures: impl Iterator<Item = (&'a str, Figure)>,
    style: FigureStyle,
) -> Result<Vec<PathBuf>, ReportError> {
    put(folder, (Vec::new(), data), figures, style)
}

/// Writes data, of which some is written already, then figures.
pub(super) fn put<'a>(
    folder: &OutputFolder,
    (written, data): (Vec<Staged>, &[(&str, &Content)]),
    figures: impl Iterator<Item = (&'a str, Figure)>,
    style: FigureStyle,
) -> Result<Vec<PathBuf>, ReportError> {
    let drawn = figures::files(figures, style, |name| folder.path(name))?;
    let drawn: Vec<_> =
        drawn.iter().map(|(name, bytes)| (name.as_str(), move |out: &mut dyn Write| out.write_all(bytes))).collect();
    let files = data.iter().copied().chain(drawn.iter().map(|(name, content)| (*name, content as &Content)));
    Ok(folder.put(written, &files.collect::<Vec<_>>())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lyapunov::DriftSchema;
    use crate::simulation::RunSchema;

    #[test]
    fn every_figure_has_its_name_in_the_list() {
        let of_run: Vec<&str> = figures::ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(OF_RUN.names[9..14], of_run);
        let pdf: Vec<String> = of_run.iter().map(|name| name.replace(".svg", ".pdf")).collect();
        assert_eq!(OF_RUN.names[14..19], pdf);
        let tables = tidy::TABLES.map(|(name, _)| format!("{name}.csv"));
        assert_eq!(OF_RUN.names[3..9], tables);
        assert_eq!(OF_RUN.names[19..], tables.map(|name| name.replace(".csv", ".parquet")));
        let of_drift: Vec<&str> = figures::OF_DRIFT.iter().map(|(name, _)| *name).collect();
        assert_eq!(OF_DRIFT.names[3..7], of_drift);
        assert_eq!(OF_DRIFT.names[7..], of_drift.iter().map(|name| name.replace(".svg", ".pdf")).collect::<Vec<_>>());
    }

    #[test]
    fn folders_are_known_by_the_schema_of_their_records() {
        assert_eq!(serde_json::to_value(RunSchema::V2).unwrap(), OF_RUN.schema);
        assert_eq!([serde_json::to_value(RunSchema::V1).unwrap()], OF_RUN.earlier);
        assert_eq!(serde_json::to_value(DriftSchema::V1).unwrap(), OF_DRIFT.schema);
    }
}
