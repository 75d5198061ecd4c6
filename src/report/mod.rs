//! What a run tells: numbers in a table, tidy files, figures.
//!
//! | task | here |
//! |---|---|
//! | the run in numbers, to print or to compute with | [`summary`] → [`Summary`] |
//! | files for a notebook and figures for a paper | `write_folder` (feature `cli`) |
//! | the same of a sweep over V or ε ([`tradeoff`](crate::tradeoff)) | `write_tradeoff` (feature `cli`) |
//!
//! Everything is computed from the [`RunRecord`](crate::simulation::RunRecord) alone, so that a record read from a file
//! gives the same report as the run that wrote it.

#[cfg(feature = "cli")]
mod bound_paths;
mod certificates;
mod convergence;
#[cfg(feature = "cli")]
mod experiments;
#[cfg(feature = "cli")]
mod figures;
mod files;
#[cfg(feature = "cli")]
mod folder;
mod series;
mod summary;
pub(crate) mod table;
#[cfg(feature = "cli")]
mod tidy;

pub use certificates::{OfflineSummary, Omission};
pub use convergence::ConvergenceSummary;
#[cfg(feature = "cli")]
pub use experiments::{write_experiment, write_html};
pub use files::ReportError;
pub(crate) use files::write_whole;
#[cfg(feature = "cli")]
pub use folder::{write_folder, write_tradeoff};
pub use summary::{
    ClusterSummary, GapSummary, LatencySummary, NodeSummary, OutageSummary, PlanSummary, SegmentSummary, Summary,
    summary,
};
