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
mod catalogue;
mod chain;
mod convergence;
mod error;
#[cfg(feature = "scenario")]
mod file;
#[cfg(feature = "scenario")]
mod huge;
#[cfg(feature = "scenario")]
mod inspect;
mod links;
mod measured;
mod model;
mod nodes;
mod notes;
#[cfg(feature = "scenario")]
mod places;
mod sampler;
#[cfg(feature = "scenario")]
mod set;
mod spec;
#[cfg(feature = "scenario")]
mod tables;

pub use build::{Node, Role, Scenario};
pub use catalogue::{Catalogue, KnownMachine, KnownModel, KnownPathLoss};
pub use chain::{CalibratedSpec, ChainSpec, EndWork, ProfileSpec};
pub use convergence::{ConvergenceSpec, EstimatedConstant, PerCluster};
pub use error::ScenarioError;
#[cfg(feature = "scenario")]
pub use file::{BUILTIN, PRESETS, ScenarioFile, ScenarioFileError, preset};
pub use links::{LinkSpec, LinkTrace};
pub use measured::MeasurementError;
pub use notes::{Note, NoteKind};
pub use sampler::{Sampler, SlotError, SlotInstance, SlotState};
#[cfg(feature = "scenario")]
pub use set::{Assignment, AssignmentError};
pub use spec::{
    ClusterSpec, ControlUnitSpec, DeviceSpec, EdgeServerSpec, Ends, MAX_SLOTS, ModelSpec, PlanSpec, ScenarioSchema,
    ScenarioSpec,
};
