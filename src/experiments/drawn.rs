//! An experiment with its figure.

use std::path::{Path, PathBuf};

use super::figure;
use super::table::ResultTable;
use crate::ground::files::write_whole;
use crate::report::{PngError, ReportError, png};

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
        Ok(Self { table, svg: figure::draw(table).map_err(failed)? })
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
        let failed =
            |cause: PngError| ReportError::Figure { path: folder.join("figure.png"), cause: cause.to_string() };
        let png = png(&self.svg).map_err(failed)?;
        Ok(vec![
            write_whole(folder, "figure.svg", &|out| out.write_all(self.svg.as_bytes()))?,
            write_whole(folder, "figure.png", &|out| out.write_all(&png))?,
        ])
    }
}
