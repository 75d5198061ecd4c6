//! An experiment with its figure.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::figure;
use super::table::ResultTable;
use crate::drawing::FigureStyle;
use crate::ground::files::{FileError, write_whole};
use crate::report::page::{Picture, Shown};
use crate::report::{PngError, ReportError, figures, png};

const PDF: &str = "figure.pdf";
const PNG: &str = "figure.png";

/// An experiment with its figure.
#[derive(Clone, Debug)]
pub struct DrawnExperiment<'t> {
    table: &'t ResultTable,
    /// Names and contents, the SVG first.
    files: Vec<(String, Vec<u8>)>,
    shown: Shown<'static>,
}

impl<'t> DrawnExperiment<'t> {
    /// Draws the figure for a screen.
    ///
    /// # Errors
    /// As [`styled`](Self::styled).
    pub fn new(table: &'t ResultTable) -> Result<Self, ReportError> {
        Self::styled(table, FigureStyle::default())
    }

    /// Draws the figure for a paper, a screen or slides; the page of all experiments shows it as on a screen.
    ///
    /// # Errors
    /// [`ReportError::Figure`], with the file in a folder of the experiment's name as its path.
    pub fn styled(table: &'t ResultTable, style: FigureStyle) -> Result<Self, ReportError> {
        let figure = figure::figure(table);
        let path = |name: &str| Path::new(&table.name).join(name);
        let shown = Shown::of("figure.svg", &figure);
        let files = figures::files([("figure.svg", figure)].into_iter(), style, path)?;
        Ok(Self { table, files, shown })
    }

    /// What was drawn.
    #[must_use]
    pub fn table(&self) -> &'t ResultTable {
        self.table
    }

    /// The figure as SVG, as on a screen.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.shown.desk
    }

    /// The figure for a page.
    pub(super) fn picture(&self) -> Picture<'_> {
        self.shown.picture()
    }

    /// Names of the files of the figure: `figure.svg`, for documents `figure.pdf`, and `figure.png`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str()).chain([PNG])
    }

    /// Writes these files to `folder`, which must be there, in place of those of an earlier run.
    ///
    /// # Errors
    /// [`ReportError`] for a file that cannot be written and a figure that cannot be drawn.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
        let failed = |cause: PngError| ReportError::Figure { path: folder.join(PNG), cause: cause.to_string() };
        let svg = self.files.first().map(|(_, svg)| String::from_utf8_lossy(svg)).unwrap_or_default();
        let png = png(&svg).map_err(failed)?;
        // One of an earlier run in another style would show other numbers.
        if self.files.iter().all(|(name, _)| name != PDF) {
            match fs::remove_file(folder.join(PDF)) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(FileError::Write { path: folder.join(PDF), source }.into());
                }
                _ => {}
            }
        }
        let own = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes)).chain([(PNG, &png)]);
        Ok(own.map(|(name, bytes)| write_whole(folder, name, &|out| out.write_all(bytes))).collect::<Result<_, _>>()?)
    }
}
