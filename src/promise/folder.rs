//! Finished runs and the result on disk.

use std::path::{Path, PathBuf};

use super::figure;
use super::page::promise_page;
use super::result::{PlayedRun, Promise};
use crate::drawing::FigureStyle;
use crate::ground::files::{Content, FileError};
use crate::ground::kept::KeptFolder;
use crate::ground::output::{Conflict, Kind, OutputFolder};
use crate::report::page::Shown;
use crate::report::{ReportError, folder};

/// A folder with one JSON file per finished run, named by its seed, so that a study can go on after a kill.
///
/// What was computed by another version or from another scenario or setting is refused, never mixed in.
#[derive(Clone, Debug)]
pub struct RunFolder(KeptFolder);

impl RunFolder {
    /// The folder `path`, made where it is missing.
    ///
    /// # Errors
    /// [`FileError::Folder`] where it cannot be made.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        KeptFolder::new(path).map(Self)
    }

    pub(super) fn run(&self, seed: u64, fingerprint: &str) -> Result<Option<PlayedRun>, FileError> {
        let ours = |run: &PlayedRun| run.fingerprint == fingerprint && run.seed == seed;
        self.0.read_own(&name(seed), ours)
    }

    pub(super) fn keep(&self, run: &PlayedRun) -> Result<(), FileError> {
        self.0.keep(&name(run.seed), run)
    }
}

fn name(seed: u64) -> String {
    format!("seed-{seed}.json")
}

/// The folder of the result: `promise.json`, the page `report.html`, and its figure `promise.svg`, for documents also
/// `promise.pdf`. Files of others are left alone.
#[derive(Clone, Debug)]
pub struct PromiseFolder {
    folder: OutputFolder,
    style: FigureStyle,
}

const FIGURE: &str = "promise.svg";

const KIND: Kind = Kind {
    names: &["promise.json", "report.html", "promise.svg", "promise.pdf"],
    schema: "collapipe.promise/1",
    earlier: &[],
};

impl PromiseFolder {
    /// The folder `path`, made where it is missing: before long runs, to know that the result will have a place.
    ///
    /// # Errors
    /// [`FileError::Foreign`] names a file that is not that of a promise, unless it may be overwritten;
    /// [`FileError::Folder`] for a folder that cannot be made.
    pub fn claim(path: &Path, conflict: Conflict) -> Result<Self, FileError> {
        Ok(Self { folder: OutputFolder::claim(path, &KIND, conflict)?, style: FigureStyle::default() })
    }

    /// The same folder, with a figure for a paper, a screen or slides; one for documents is written as PDF beside the SVG,
    /// with the feature `pdf`.
    #[must_use]
    pub fn with_figures(self, style: FigureStyle) -> Self {
        Self { style, ..self }
    }

    /// Writes the result, in place of an earlier one, and returns the paths of its files.
    ///
    /// # Errors
    /// [`ReportError`] with the path and the cause.
    pub fn write(&self, promise: &Promise) -> Result<Vec<PathBuf>, ReportError> {
        let content: &Content = &|out| serde_json::to_writer_pretty(out, promise).map_err(Into::into);
        let drawn = figure::figure(promise);
        let page = promise_page(promise, &Shown::of(FIGURE, &drawn));
        let page: &Content = &|out| out.write_all(page.as_bytes());
        let data = [("promise.json", content), ("report.html", page)];
        folder::write(&self.folder, &data, [(FIGURE, drawn)].into_iter(), self.style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::PromiseSchema;

    #[test]
    fn folders_are_known_by_their_schema() {
        assert_eq!(serde_json::to_value(PromiseSchema::V1).unwrap(), KIND.schema);
    }
}
