//! The output folder of a sweep.

use std::path::{Path, PathBuf};

use super::page::sweep_page;
use super::result::Tradeoff;
use super::{figures, tidy};
use crate::drawing::FigureStyle;
use crate::ground::files::{Content, FileError};
use crate::ground::output::{Conflict, Kind, OutputFolder};
use crate::report::page::Shown;
use crate::report::{ReportError, folder};

/// The folder of a sweep's files.
///
/// | file | content |
/// |---|---|
/// | `tradeoff.json` | the [`Tradeoff`] |
/// | `report.html` | a page to read, which needs no other file |
/// | `tradeoff.csv` | one row per value |
/// | `plans.svg` | shares of the plans, and latency, against the value |
/// | `tradeoff.svg`, `scaling.svg` | over V: latency against overspending; latency excess and backlog against V |
/// | `*.pdf` | the figures again, where they are for documents |
///
/// Files of others are left alone, and a program that is killed leaves the files of one sweep, as with
/// [`RunFolder`](crate::report::RunFolder).
#[derive(Clone, Debug)]
pub struct TradeoffFolder {
    folder: OutputFolder,
    style: FigureStyle,
}

const KIND: Kind = Kind {
    names: &[
        "tradeoff.json",
        "report.html",
        "tradeoff.csv",
        "tradeoff.svg",
        "scaling.svg",
        "plans.svg",
        "tradeoff.pdf",
        "scaling.pdf",
        "plans.pdf",
    ],
    schema: "collapipe.tradeoff/1",
    earlier: &[],
};

impl TradeoffFolder {
    /// The folder `path`, made where it is missing: before a long sweep, to know that its files will have a place.
    ///
    /// # Errors
    /// [`FileError::Foreign`] names a file that is not that of a sweep, unless it may be overwritten;
    /// [`FileError::Folder`] for a folder that cannot be made.
    pub fn claim(path: &Path, conflict: Conflict) -> Result<Self, FileError> {
        Ok(Self { folder: OutputFolder::claim(path, &KIND, conflict)?, style: FigureStyle::default() })
    }

    /// The same folder, with figures for a paper, a screen or slides; those for documents are written as PDF beside the SVG,
    /// with the feature `pdf`.
    #[must_use]
    pub fn with_figures(self, style: FigureStyle) -> Self {
        Self { style, ..self }
    }

    /// Writes a sweep's files, in place of those of an earlier one, and returns their paths.
    ///
    /// # Errors
    /// [`ReportError`] with the path and the cause; what could not be written at all leaves the earlier files.
    pub fn write(&self, tradeoff: &Tradeoff) -> Result<Vec<PathBuf>, ReportError> {
        let figures: Vec<_> = figures::of(tradeoff.axis).iter().map(|(name, draw)| (*name, draw(tradeoff))).collect();
        let page = sweep_page(tradeoff, &Shown::all(&figures));
        let data: [(&str, &Content); 3] = [
            ("tradeoff.json", &|out| serde_json::to_writer_pretty(out, tradeoff).map_err(Into::into)),
            ("report.html", &|out| out.write_all(page.as_bytes())),
            ("tradeoff.csv", &|out| tidy::points(tradeoff, out).map_err(Into::into)),
        ];
        folder::write(&self.folder, &data, figures.into_iter(), self.style)
    }
}

/// Writes a sweep's files into `folder`: [`TradeoffFolder::claim`], which refuses files of others, and
/// [`TradeoffFolder::write`].
///
/// # Errors
/// As these.
pub fn write_tradeoff(tradeoff: &Tradeoff, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    TradeoffFolder::claim(folder, Conflict::Refuse)?.write(tradeoff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tradeoff::{Axis, TradeoffSchema};

    #[test]
    fn folders_are_known_by_their_schema_and_every_figure_is_listed() {
        assert_eq!(serde_json::to_value(TradeoffSchema::V1).unwrap(), KIND.schema);
        for axis in [Axis::LatencyWeight, Axis::Target] {
            let named = |name: &str| KIND.names.contains(&name);
            assert!(figures::of(axis).iter().all(|(name, _)| named(name) && named(&name.replace(".svg", ".pdf"))));
        }
    }
}
