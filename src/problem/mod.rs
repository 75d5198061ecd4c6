//! One slot of the long-term problem: what is decided, what it costs, whether it is feasible.
//!
//! [`SlotSpec`] is the plain data (exchange format `collapipe.slot-problem/1`), [`SlotProblem`] the
//! same data once it has been validated; [`Decision`] says what to do in the slot, [`evaluate`]
//! what any decision costs and which constraints it breaks, [`Answer`] is what a solver reports.

mod answer;
mod decision;
mod evaluation;
mod slot;
mod validation;

pub use answer::{Answer, ObjectiveTerms, ShadowPrices, Status, Work};
pub use decision::{ClusterDecision, Decision, Link};
pub use evaluation::{
    ClusterEvaluation, Constraint, DecisionError, Evaluation, FeasibilityReport, Violation, evaluate,
};
pub use slot::{
    Cluster, ControlUnit, Device, EdgeServer, Encoder, EndStage, Gains, Overlap, Participation, Plan, Schema,
    SlotProblem, SlotSpec, Uplink,
};
pub use validation::{FieldError, ProblemError};
