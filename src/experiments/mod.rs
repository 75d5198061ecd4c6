//! Experiments that anybody can repeat: a question, scenarios, policies and seeds, and the figure that answers it.
//!
//! An [`Experiment`] lists [`Cell`]s: one run each, of a scenario by a policy. A [`Reproduction`] plays the cells of
//! several experiments in parallel, keeps each as soon as it is finished, and makes [`ResultTable`]s of them, which are
//! the same on any number of threads, after any number of interruptions, and when cells were played on several
//! machines. [`catalogue`](catalogue::ALL) has the experiments, one per file; `collapipe reproduce` plays them.

#[cfg(feature = "cli")]
pub mod catalogue;
#[cfg(feature = "cli")]
mod cell;
#[cfg(feature = "cli")]
mod error;
#[cfg(feature = "cli")]
mod experiment;
#[cfg(feature = "cli")]
mod interval;
#[cfg(feature = "cli")]
mod measure;
mod metric;
#[cfg(feature = "cli")]
mod output;
#[cfg(feature = "cli")]
mod reproduction;
#[cfg(feature = "cli")]
mod request;
mod table;
#[cfg(feature = "cli")]
mod versus;

#[cfg(feature = "cli")]
pub use cell::{Cell, CellSchema, Measure};
#[cfg(feature = "cli")]
pub use error::ExperimentError;
#[cfg(feature = "cli")]
pub use experiment::{Experiment, Setup};
#[cfg(feature = "cli")]
pub use interval::Interval;
#[cfg(feature = "cli")]
pub(crate) use interval::{Compared, Place};
#[cfg(feature = "cli")]
pub use output::{ResultProvenance, ResultSchema, RunProvenance};
#[cfg(feature = "cli")]
pub use reproduction::{CellProgress, Reproduction, Shard, Written};
#[cfg(feature = "cli")]
pub use request::{MAX_SEEDS, Request, RequestSchema};
pub use table::{Contrast, ContrastColumn, Drawing, Metric, PlotSpec, ResultTable, Row};
