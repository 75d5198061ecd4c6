//! What a run looks like: a summary, tables, figures.
//!
//! All of it is made from a [`RunRecord`](crate::simulation::RunRecord) alone. With the feature `cli`, `csv` writes
//! the slots as tidy tables and `figures` draws them as SVG.

#[cfg(feature = "cli")]
pub mod csv;
#[cfg(feature = "cli")]
pub mod figures;
mod statistics;
mod summary;
mod table;

pub use statistics::percentile;
pub use summary::{DeviceSummary, GapSummary, LatencySummary, NodeSummary, PlanCount, Summary, SummarySchema};
