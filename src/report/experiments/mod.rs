//! Figures of experiments, and one page with all of them.

mod html;
mod page;
mod png;

use std::path::{Path, PathBuf};

use super::ReportError;
use super::figures::of_experiment;
use super::write_whole;
use crate::experiments::ResultTable;

/// Draws an experiment: `figure.svg` and `figure.png` in `folder`, which must be there.
///
/// # Errors
/// [`ReportError`] for a file that cannot be written and a figure that cannot be drawn.
pub fn write_experiment_figures(table: &ResultTable, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let failed = |name: &str| {
        let path = folder.join(name);
        move |cause| ReportError::Figure { path, cause }
    };
    let svg = of_experiment(table).map_err(failed("figure.svg"))?;
    let png = png::png(&svg).map_err(failed("figure.png"))?;
    Ok(vec![
        write_whole(folder, "figure.svg", &|out| out.write_all(svg.as_bytes()))?,
        write_whole(folder, "figure.png", &|out| out.write_all(&png))?,
    ])
}

/// Writes `report.html` to `folder`: one page that needs no other file, with the figures, tables and captions of all experiments, and
/// links to their data in `NAME/`. `provenance` is printed line by line at its end.
///
/// # Errors
/// [`ReportError`] for a file that cannot be written and a figure that cannot be drawn.
pub fn write_experiment_page(
    tables: &[ResultTable],
    provenance: &[String],
    folder: &Path,
) -> Result<PathBuf, ReportError> {
    let drawn = |table: &ResultTable| {
        of_experiment(table).map_err(|cause| ReportError::Figure { path: folder.join(&table.name), cause })
    };
    let figures = tables.iter().map(drawn).collect::<Result<Vec<_>, _>>()?;
    let page = page::page(tables, &figures, provenance);
    write_whole(folder, "report.html", &|out| out.write_all(page.as_bytes()))
}
