//! Long-term constraints by drift plus penalty: virtual queues, queue prices, and what a run proves.
//!
//! A long-term constraint avg g ≤ 0 becomes a queue Q ← max(Q + g, 0). Minimizing V·T + Q·g in every slot keeps all
//! queues stable where that can be done, without knowledge of the channel's law (Neely 2010, *Stochastic Network
//! Optimization*).
//!
//! | task | here |
//! |---|---|
//! | a slot problem of the user's own: engine, record | [`DriftProblem`], [`Engine`], [`DriftRecord`] |
//! | queues of any constraints | [`Queues`] |
//! | energy budgets per round as constraints, their queues as energy prices | [`EnergyBudgets`] |
//! | a wanted gradient norm as a constraint, its queue as penalties of the plans | [`PlanViolations`] |
//! | these two with their own queues, for a service that runs its own loop | [`EnergyController`], [`ConvergenceController`] |
//! | the first of them where nodes join and leave, kept over restarts | [`FleetController`] |
//! | budgets in watts | [`PowerController`] |
//! | objectives per unit of progress | [`minimize_ratio`] |
//! | what a run proves | [`History`], [`certificate`] |
//! | all of it at once, and what cannot be proved | [`Proofs`], [`Comparison`] |
//! | the best that could have been done, known afterwards | [`OfflineProblem`] |
//! | which V | [`recommend`] |

pub mod certificate;
mod comparison;
mod controller;
mod convergence;
mod engine;
mod fleet;
mod history;
#[cfg(feature = "milp")]
pub(crate) mod linear;
mod offline;
mod power;
mod proofs;
mod queues;
mod ratio;
pub mod recommend;
mod saved;
#[cfg(feature = "milp")]
mod slack;

pub use certificate::violation::Certificate;
pub(crate) use certificate::violation::RunningCertificate;
pub use comparison::Comparison;
pub(crate) use comparison::{Alternative, LookAgain, LookedBack, NoOptimum};
pub use controller::{BudgetError, EnergyBudgets, EnergyController, WarmStartError};
pub use convergence::{ConvergenceController, PlanViolations};
pub(crate) use convergence::{certified_mean, local_steps};
pub use engine::{
    CompareError, DriftProblem, DriftRecord, DriftRecordError, DriftSchema, DriftSlot, Engine, EngineError, Labels,
    LabelsError, Minimum, Optimality, Weights,
};
pub use fleet::{ControllerFileError, ControllerSchema, FleetController, FleetError, Joined, MemberChanges};
#[cfg(feature = "figures")]
pub(crate) use history::dot;
pub use history::{Action, History, HistoryError, Step};
pub(crate) use history::{check_step, squared};
pub use offline::{OfflineError, OfflineOptimum, OfflineProblem};
pub use power::{Duration, PowerBudgetError, PowerController};
pub(crate) use proofs::NOT_COMPARED;
pub use proofs::{OfflineBounds, Omission, Proofs};
pub use queues::{QueueError, Queues};
pub use ratio::{Ratio, RatioError, RatioStep, minimize_ratio};
pub use saved::SavedError;
#[cfg(feature = "milp")]
pub(crate) use slack::frames_with_slack;
