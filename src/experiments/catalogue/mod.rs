//! The experiments, one per file.

mod bandwidth;
mod blocks;
mod clusters;
mod devices;
mod exact_vs_alternating;
mod headline;
mod heterogeneity;
mod leaving;
mod memory;
mod micro_batches;
pub(super) mod pieces;
mod power_limit;

mod schedules;
mod segments;
mod server;
mod small_budgets;
mod traces;
mod v;

use super::error::ExperimentError;
use super::experiment::Experiment;

/// All experiments, the most telling first.
pub const ALL: &[&Experiment] = &[
    &headline::EXPERIMENT,
    &v::EXPERIMENT,
    &bandwidth::EXPERIMENT,
    &devices::EXPERIMENT,
    &power_limit::EXPERIMENT,
    &heterogeneity::EXPERIMENT,
    &clusters::EXPERIMENT,
    &server::EXPERIMENT,
    &server::BY_PRICE,
    &server::BY_MEMORY,
    &blocks::EXPERIMENT,
    &micro_batches::EXPERIMENT,
    &schedules::EXPERIMENT,
    &memory::EXPERIMENT,
    &segments::EXPERIMENT,
    &leaving::EXPERIMENT,
    &exact_vs_alternating::EXPERIMENT,
    &small_budgets::EXPERIMENT,
    &traces::EXPERIMENT,
];

/// The experiment of this name.
///
/// # Errors
/// [`ExperimentError::Unknown`] lists the names there are.
pub fn find(name: &str) -> Result<&'static Experiment, ExperimentError> {
    ALL.iter().copied().find(|experiment| experiment.name == name).ok_or_else(|| ExperimentError::Unknown {
        name: name.into(),
        known: ALL.iter().map(|experiment| experiment.name).collect::<Vec<_>>().join(", "),
    })
}
