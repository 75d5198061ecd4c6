//! What a run tells: numbers in a table, tidy files, figures.
//!
//! | task | here |
//! |---|---|
//! | the run in numbers, to print or to compute with | [`summary`] → [`Summary`] |
//! | files for a notebook and figures for a paper | `RunFolder`, `write_folder` (feature `figures`) |
//! | both of a run that is too long to be kept | [`RunTally`]; `RunFolder::begin` → `LongRun` (feature `figures`) |
//! | both for a problem of your own ([`DriftRecord`](crate::lyapunov::DriftRecord)) | [`drift_summary`], `write_drift_folder` (feature `figures`) |
//! | a [`Partition`](crate::partition::Partition), stage by stage | [`partition_table`] |
//! | figures for a paper, a screen or slides | [`FigureStyle`]; as PDF as well with the feature `pdf` |
//! | a figure as PNG | `png` (feature `png`) |
//!
//! All about runs is computed from the [`RunRecord`](crate::simulation::RunRecord) alone, so that a record read from a file
//! gives the same report as the run that wrote it. Sweeps and experiments have the same axes, marks and tables;
//! their figures are in [`tradeoff`](crate::tradeoff) and `experiments`.

#[cfg(feature = "figures")]
mod bound_paths;
mod certificates;
mod claims;
mod convergence;
#[cfg(feature = "figures")]
mod digest;
mod drift;
mod error;
#[cfg(feature = "figures")]
pub(crate) mod figures;
#[cfg(feature = "figures")]
pub(crate) mod folder;
pub(crate) mod html;
#[cfg(feature = "figures")]
mod long;
mod margin;
mod measured;
pub(crate) mod page;
#[cfg(feature = "parquet")]
mod parquet;
mod partition;
#[cfg(feature = "png")]
mod png;
mod series;
mod summary;
pub(crate) mod table;
mod tally;
mod text;
#[cfg(feature = "figures")]
pub(crate) mod tidy;
mod totals;
mod verdict;

pub use crate::drawing::FigureStyle;
#[cfg(feature = "figures")]
pub use crate::ground::output::Conflict;
pub use crate::lyapunov::Omission;
pub use certificates::OfflineSummary;
pub use convergence::ConvergenceSummary;
pub use drift::{ConstraintSummary, DriftSummary, drift_summary};
pub use error::ReportError;
#[cfg(feature = "figures")]
pub use folder::{DriftFolder, RunFolder, write_drift_folder, write_folder};
#[cfg(feature = "figures")]
pub use long::{LONG_RUN, LongRun, UnfinishedRun};
pub use margin::{Margins, StatedBudget};
pub use measured::MeasuredSummary;
pub use partition::partition_table;
#[cfg(feature = "png")]
pub use png::{PngError, png};
pub use summary::{
    ClusterSummary, GapSummary, LatencySummary, NodeSummary, OutageSummary, PlanSummary, SegmentSummary, Summary,
    summary,
};
pub use tally::RunTally;
pub use verdict::{BudgetVerdict, Kept};
