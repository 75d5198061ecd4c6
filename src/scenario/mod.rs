//! The long-term problem: who trains what, over which radio, within which budgets.
//!
//! | step | type |
//! |---|---|
//! | plain data, as in a scenario file | [`ScenarioSpec`] |
//! | validated, presets and model resolved | [`Scenario`] |
//! | channels and absences slot by slot, drawn or measured | [`Sampler`], [`SlotState`], [`SlotState::measured`] |
//! | one slot's problem at given energy prices | [`SlotState::problem`], [`SlotInstance`] |
//!
//! With the feature `scenario`, `ScenarioFile` reads the data from TOML; `docs/scenario.md` describes every field. A slot's
//! state depends on the scenario and its seed alone, never on what was decided before: policies can be compared on the
//! same states.

mod budget;
mod build;
mod convergence;
mod error;
#[cfg(feature = "scenario")]
mod file;
mod measured;
mod notes;
mod sampler;
mod spec;

pub use build::{Node, Role, Scenario};
pub use convergence::{ConvergenceSpec, EstimatedConstant, PerCluster};
pub use error::ScenarioError;
#[cfg(feature = "scenario")]
pub use file::{BUILTIN, ScenarioFile, ScenarioFileError};
pub use measured::MeasurementError;
pub use notes::{Note, NoteKind};
pub use sampler::{Sampler, SlotError, SlotInstance, SlotState};
pub use spec::{
    ClusterSpec, ControlUnitSpec, DeviceSpec, EdgeServerSpec, MAX_SLOTS, ModelSpec, PlanSpec, ScenarioSchema,
    ScenarioSpec,
};
