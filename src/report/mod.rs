//! What a run tells: numbers in a table, tidy files, figures.
//!
//! | task | here |
//! |---|---|
//! | the run in numbers, to print or to compute with | [`summary`] → [`Summary`] |
//! | files for a notebook and figures for a paper | `write_folder` (feature `cli`) |
//!
//! Everything is computed from the [`RunRecord`](crate::simulation::RunRecord) alone, so that a record read from a file
//! gives the same report as the run that wrote it.

mod convergence;
#[cfg(feature = "cli")]
mod figures;
#[cfg(feature = "cli")]
mod folder;
mod series;
mod summary;
mod table;
#[cfg(feature = "cli")]
mod tidy;

pub use convergence::ConvergenceSummary;
#[cfg(feature = "cli")]
pub use folder::{ReportError, write_folder};
pub use summary::{
    ClusterSummary, GapSummary, LatencySummary, NodeSummary, OutageSummary, PlanSummary, SegmentSummary, Summary,
    summary,
};
