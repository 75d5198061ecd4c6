//! One slot of the long-term problem: what is decided, what it costs, whether it is feasible.
//!
//! [`SlotSpec`] is the plain data (exchange formats `collapipe.slot-problem/1` and `/2`, all fields with their ranges in
//! `docs/slot-problem.md`), [`SlotProblem`] the same data once it has been validated; [`Decision`] says what to do in the slot, [`evaluate`]
//! what any decision costs and which constraints it breaks, [`Answer`] is what a solver reports.
//!
//! | task | here |
//! |---|---|
//! | build a problem in code | [`SlotProblem::builder`]; with every field [`SlotSpec`], then [`SlotProblem::new`] |
//! | read or write a file | [`SlotProblem::from_json`], [`Answer::from_json`], [`Decision::from_answer_json`], `to_json` |
//! | check a decision | [`evaluate`] → [`Evaluation`] with its [`FeasibilityReport`] |
//!
//! The system is that of the CollaPipe paper (arXiv 2509.19855); its equations were not available, the
//! formulas are our own reconstruction.

mod answer;
mod builder;
mod classical;
mod cluster;
mod decision;
mod encoder;
mod evaluation;
mod feasibility;
mod format;
mod json;
mod names;
mod notes;
mod pair;
pub(crate) mod program;
mod round;
mod shape;
mod slot;
#[cfg(test)]
mod tests;
pub(crate) mod validation;

pub use answer::{Answer, ObjectiveTerms, ShadowPrices, Status, Work};
pub use builder::SlotBuilder;
pub use classical::Beyond;
pub use cluster::{BlockSeconds, Cluster, ControlUnit, Device, EdgeServer, EndStage, FixedLink, MediumAccess};
pub use decision::{ClusterDecision, Decision, Link};
pub use encoder::{Block, Chain, Encoder, EqualBlocks};
pub use evaluation::{ClusterEvaluation, DeviceEnergy, Evaluation, LatencyParts, ServerUse, evaluate};
pub use feasibility::{Constraint, FeasibilityReport, Transfer, Violation};
pub(crate) use json::MOST_FAULTS;
pub use json::{Claims, JsonError};
pub use names::Names;
pub use pair::{Gains, PerPair};
pub use program::{block_cap, shannon_rate};
pub use round::{ClusterRound, Sent, rounds};
pub use shape::DecisionError;
pub use slot::{CandidatePlan, Order, Overlap, Participation, Schema, SlotProblem, SlotSpec, Uplink};
pub use validation::{
    MAX_BATCH_SIZE, MAX_BLOCKS, MAX_CLUSTERS, MAX_DEVICES, MAX_LOCAL_ITERATIONS, MAX_PLANS, MAX_SCHEDULED, ProblemError,
};

pub use crate::ground::check::{FieldError, MAX_MAGNITUDE, MIN_MAGNITUDE};
pub use crate::ground::phase::Phase;
pub use crate::ground::route::{DeviceId, NodeId, Route};
pub use crate::ground::usual::Unusual;
