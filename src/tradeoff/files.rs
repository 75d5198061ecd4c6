//! The output folder of a sweep.

use std::path::{Path, PathBuf};

use super::page::sweep_page;
use super::result::Tradeoff;
use super::{figures, tidy};
use crate::ground::files::{Content, FileError};
use crate::ground::output::{Conflict, Kind, OutputFolder};
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
///
/// Files of others are left alone, and a program that is killed leaves the files of one sweep, as with
/// [`RunFolder`](crate::report::RunFolder).
#[derive(Clone, Debug)]
pub struct TradeoffFolder(OutputFolder);

const KIND: Kind = Kind {
    names: &["tradeoff.json", "report.html", "tradeoff.csv", "tradeoff.svg", "scaling.svg", "plans.svg"],
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
        OutputFolder::claim(path, &KIND, conflict).map(Self)
    }

    /// Writes a sweep's files, in place of those of an earlier one, and returns their paths.
    ///
    /// # Errors
    /// [`ReportError`] with the path and the cause; what could not be written at all leaves the earlier files.
    pub fn write(&self, tradeoff: &Tradeoff) -> Result<Vec<PathBuf>, ReportError> {
        let figures = figures::of(tradeoff.axis).iter().map(|(name, draw)| (*name, draw(tradeoff)));
        let drawn = folder::drawn(&self.0, figures)?;
        let page = sweep_page(tradeoff, &drawn);
        let data: [(&str, &Content); 3] = [
            ("tradeoff.json", &|out| serde_json::to_writer_pretty(out, tradeoff).map_err(Into::into)),
            ("report.html", &|out| out.write_all(page.as_bytes())),
            ("tradeoff.csv", &|out| tidy::points(tradeoff, out).map_err(Into::into)),
        ];
        folder::write(&self.0, &data, &drawn)
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
            assert!(figures::of(axis).iter().all(|(name, _)| KIND.names.contains(name)));
        }
    }
}
