//! Exact partition of a chain of unequal layers over devices, where no radio is to be planned: links have fixed rates,
//! or none.
//!
//! [`PartitionSpec`] is the plain data (exchange format `collapipe.partition-problem/1`): seconds of each layer on each
//! device, what fits where, what links take, whether the devices' order is given, and what is minimized.
//! [`solve_partition`] returns the best plan with a lower bound; [`evaluate_plan`] says what any plan costs and which
//! rules it breaks.
//!
//! | task | here |
//! |---|---|
//! | a problem | [`PartitionSpec::new`], then [`PartitionProblem::new`] |
//! | the best plan | [`solve_partition`] → [`Partition`] |
//! | what another plan costs | [`evaluate_plan`] → [`PlanEvaluation`] |
//! | a file | [`PartitionProblem::from_json`] |
//! | a table of measured layers | `LayerProfile::from_csv` (feature `scenario`) |
//! | the rule that looks at memory alone | [`proportional_layers`] |
//!
//! How it is solved, and how it compares with other planners: `docs/partition.md`.

mod cheapest;
mod error;
mod json;
mod links;
mod plan;
mod problem;
#[cfg(feature = "scenario")]
mod profile;
mod proportional;
mod reach;
mod scheduled;
mod solve;
mod space;
mod sum_plus_max;
mod tables;
mod validation;
mod weighted;

pub use error::{NoPartition, PartitionError};
pub use json::PartitionReadError;
pub use links::{Links, PerPair, Rates};
pub use plan::{LinkCost, PartitionPlan, PlanError, PlanEvaluation, Stage, StageCost, evaluate_plan};
pub use problem::{
    DeviceOrder, DeviceUse, Layer, MemoryRule, PartitionDevice, PartitionObjective, PartitionProblem, PartitionSchema,
    PartitionSpec, StageCount,
};
#[cfg(feature = "scenario")]
pub use profile::{LayerProfile, ProfileError, ProfileRows};
pub use proportional::proportional_layers;
pub use solve::{Partition, PartitionSettings, PartitionStatus, solve_partition};
pub use validation::{MAX_LAYERS, MAX_MICRO_BATCHES, MAX_PARTITION_DEVICES, MAX_SCHEDULED_MICRO_BATCHES};

pub use crate::ground::check::FieldError;
pub use crate::schedule::{ScheduleKind, Sending};
