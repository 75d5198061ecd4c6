//! `collapipe report`: a run's files again, from its record.

use std::path::{Path, PathBuf};

use clap::Args;
use collapipe::report::{RunFolder, RunTally, summary};
use collapipe::simulation::RunRecord;

use super::args::{FigureArguments, Format, conflict};
use super::files::record_lines;
use super::run::{print_summary, wrote};
use super::{Done, Failure, io};

/// Write a run's tables, figures and page again, from its record: in another style, or by a newer version of the program.
///
/// Nothing is played or solved again. The record of a long run is read slot by slot.
#[derive(Clone, Debug, Args)]
pub struct ReportArguments {
    /// The run's folder, or its record
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Folder for the files; that of the record if left out
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace files in that folder that do not belong to a run but have the names of its files
    #[arg(long)]
    pub overwrite: bool,
    /// Write tables as Parquet as well
    #[cfg(feature = "parquet")]
    #[arg(long)]
    pub parquet: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub figures: FigureArguments,
}

pub fn report(arguments: &ReportArguments) -> Result<Done, Failure> {
    let path = if arguments.run.is_dir() { arguments.run.join(RunFolder::RECORD) } else { arguments.run.clone() };
    if !io::is_stdin(&path) && !path.exists() {
        return Err(io::bad_input(&path, &"is not there: must be the folder of a run, or its record"));
    }
    let beside = path.parent().filter(|_| path.file_name().is_some_and(|name| name == RunFolder::RECORD));
    let Some(out) = arguments.out.as_deref().or(beside.filter(|_| !io::is_stdin(&path))) else {
        return Err(Failure::input(format!(
            "{}: is not called {}; choose a folder with --out",
            io::name(&path),
            RunFolder::RECORD
        )));
    };
    let out = if out.as_os_str().is_empty() { Path::new(".") } else { out };
    let claim = || -> Result<RunFolder, Failure> {
        let folder = RunFolder::claim(out, conflict(arguments.overwrite))?.with_figures(arguments.figures.style());
        #[cfg(feature = "parquet")]
        let folder = if arguments.parquet { folder.with_parquet() } else { folder };
        Ok(folder)
    };
    let bad = |error: &dyn std::fmt::Display| io::bad_input(&path, error);
    let (summary, written) = if let Some(mut lines) = record_lines(&path) {
        // Before anything is written: whether there is something to write, and to the end.
        RunTally::new(lines.head().clone()).map_err(|error| bad(&error))?;
        let folder = claim()?;
        let mut run = folder.begin(lines.head())?;
        for slot in lines.by_ref() {
            run.take(&slot.map_err(|error| bad(&error))?)?;
        }
        if !lines.is_whole() {
            io::note(&format!("note: {}: the run was killed: these are its slots up to then", path.display()));
        }
        (run.summary(), run.finish()?)
    } else {
        let text = io::read(&path)?;
        let record = RunRecord::from_json(&text)
            .map_err(|error| bad(&format!("{error}; `collapipe validate` says all that is wrong")))?;
        record.check_lengths().map_err(|error| bad(&error))?;
        (summary(&record), claim()?.write(&record)?)
    };
    print_summary(arguments.format, &summary, Some(&wrote(out, &written)))?;
    Ok(Done::Solved)
}
