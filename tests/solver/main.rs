//! The solvers on one slot: against each other, on named instances, and from slot to slot.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod catalogue;
mod conformance;
mod deadline_price;
mod media;
mod one_phase;
mod partition;
mod pipeline_limits;
mod plan;
mod regressions;
mod server;
#[cfg(all(feature = "conic", feature = "milp", feature = "smooth"))]
mod settings;
mod stashed;
mod threads;
mod vectors;
mod warm;
