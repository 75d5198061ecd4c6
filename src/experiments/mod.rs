//! Experiments that anybody can repeat: a question, scenarios, policies and seeds, and the figure that answers it.
//!
//! An [`Experiment`] lists [`Cell`]s: one run each, in which a policy plays a scenario. A [`Reproduction`] plays the cells of
//! several experiments in parallel, keeps each as soon as it is finished, and makes [`ResultTable`]s of them, which are
//! the same on any number of threads, after any number of interruptions, and when cells were played on several
//! machines. [`catalogue`](catalogue::ALL) has the experiments, one per file; `collapipe reproduce` plays them.

pub mod catalogue;
mod cell;
mod compared;
mod contrast;
mod drawn;
mod effort;
mod error;
mod experiment;
mod figure;
mod findings;
mod interval;
mod job_array;
mod measure;
mod metric;
mod numbers;
mod output;
mod own;
mod page;
mod reproduction;
mod request;
mod table;
mod versus;

pub use cell::{Cell, CellSchema, Measure};
pub use compared::Compared;
pub use contrast::contrast_text;
pub use drawn::DrawnExperiment;
pub use error::ExperimentError;
pub use experiment::{Experiment, Setup};
pub use findings::findings;
pub use interval::Interval;
pub use job_array::{JobArray, JobArraySchema, ListedRun};
pub use metric::Metric;
pub use output::{ResultProvenance, ResultSchema, RunProvenance, write_experiment_files};
pub use own::{OwnExperiment, OwnSchema, Vary};
pub use page::{write_experiment_page, write_experiment_page_of};
pub use reproduction::{CellProgress, Reproduction, Shard, Written};
pub use request::{MAX_SEEDS, Request, RequestSchema};
pub use table::{Contrast, ContrastColumn, Drawing, PlotSpec, ResultTable, Row};
