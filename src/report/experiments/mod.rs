//! Figures of experiments, and one page with all of them.

mod contrast;
mod html;
mod page;
mod png;

use std::path::{Path, PathBuf};

use super::ReportError;
use super::figures::of_experiment;
use super::write_whole;
use crate::experiments::ResultTable;

pub use contrast::contrast_text;

/// An experiment with its figure as SVG.
#[derive(Clone, Debug)]
pub struct DrawnExperiment<'t> {
    table: &'t ResultTable,
    svg: String,
}

impl<'t> DrawnExperiment<'t> {
    /// Draws the figure.
    ///
    /// # Errors
    /// [`ReportError::Figure`], with the experiment's name as its path.
    pub fn new(table: &'t ResultTable) -> Result<Self, ReportError> {
        let failed = |cause| ReportError::Figure { path: table.name.clone().into(), cause };
        Ok(Self { table, svg: of_experiment(table).map_err(failed)? })
    }

    /// What was drawn.
    #[must_use]
    pub fn table(&self) -> &'t ResultTable {
        self.table
    }

    /// The figure as SVG.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Writes `figure.svg` and `figure.png` to `folder`, which must be there.
    ///
    /// # Errors
    /// [`ReportError`] for a file that cannot be written and a figure that cannot be drawn.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
        let png =
            png::png(&self.svg).map_err(|cause| ReportError::Figure { path: folder.join("figure.png"), cause })?;
        Ok(vec![
            write_whole(folder, "figure.svg", &|out| out.write_all(self.svg.as_bytes()))?,
            write_whole(folder, "figure.png", &|out| out.write_all(&png))?,
        ])
    }
}

/// Writes `report.html` to `folder`: one page that needs no other file, with the figures, tables and captions of all
/// experiments, and links to their data in `NAME/`. `provenance` is printed line by line at its end.
///
/// # Errors
/// [`ReportError`] for a file that cannot be written.
pub fn write_experiment_page(
    experiments: &[DrawnExperiment],
    provenance: &[String],
    folder: &Path,
) -> Result<PathBuf, ReportError> {
    let page = page::page(experiments, provenance);
    write_whole(folder, "report.html", &|out| out.write_all(page.as_bytes()))
}
