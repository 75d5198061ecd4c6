//! What a run tells: numbers in a table, tidy files, figures.
//!
//! | task | here |
//! |---|---|
//! | the run in numbers, to print or to compute with | [`summary`] → [`Summary`] |
//! | files for a notebook and figures for a paper | `write_folder` (feature `cli`) |
//! | the same of a problem of your own ([`DriftRecord`](crate::lyapunov::DriftRecord)) | [`drift_summary`], `write_drift_folder` |
//! | the same of a sweep over V or ε ([`tradeoff`](crate::tradeoff)) | `write_tradeoff` (feature `cli`) |
//! | figures and page of [`experiments`](crate::experiments) | `DrawnExperiment`, `write_experiment_page`, `contrast_text` (feature `cli`) |
//!
//! Everything is computed from the [`RunRecord`](crate::simulation::RunRecord) alone, so that a record read from a file
//! gives the same report as the run that wrote it.

#[cfg(feature = "cli")]
mod bound_paths;
mod certificates;
mod convergence;
mod drift;
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

pub use crate::lyapunov::Omission;
pub use certificates::OfflineSummary;
pub use convergence::ConvergenceSummary;
pub use drift::{ConstraintSummary, DriftSummary, drift_summary};
#[cfg(feature = "cli")]
pub use experiments::{DrawnExperiment, contrast_text, write_experiment_page};
pub use files::ReportError;
pub(crate) use files::write_whole;
#[cfg(feature = "cli")]
pub use folder::{write_drift_folder, write_folder, write_tradeoff};
pub use summary::{
    ClusterSummary, GapSummary, LatencySummary, NodeSummary, OutageSummary, PlanSummary, SegmentSummary, Summary,
    summary,
};
