//! Drift plus penalty for slot problems of the user's own.
//!
//! A [`DriftProblem`] says what a slot's penalty and violations are called and minimizes V·p + Q·g for a state; the
//! [`Engine`] plays it over any sequence of states and owns the queues; what it leaves is a [`DriftRecord`], which has
//! certificates, tables and figures as a run of a scenario has.

mod compare;
mod play;
mod problem;
mod record;

pub use compare::CompareError;
pub use play::{Engine, EngineError};
pub use problem::{DriftProblem, Labels, LabelsError, Minimum, Optimality, Weights};
pub use record::{DriftRecord, DriftRecordError, DriftSchema, DriftSlot};
