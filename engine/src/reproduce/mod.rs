//! The engine's experiments: predicted against measured over many rounds, policies by what they take, micro-batches against
//! learning, gradients against their bounds. Each leaves a table that the core draws and explains.

mod bounds;
mod cases;
mod energy;
mod folder;
mod headlines;
mod learning;
mod one_device;
mod statistics;
mod tables;

pub use bounds::{Constants, bounds};
pub use cases::{Case, KERNEL, configurations, kernel_configurations};
pub use energy::{MeasuredEnergy, energy};
pub use folder::{Provenance, write};
pub use headlines::{Headlines, PolicyChoice, headlines};
pub use learning::{LearningTables, learning};
pub use one_device::{ONE_DEVICE, OneDevice};
pub use statistics::{PartErrors, errors};
pub use tables::{of_configurations, of_kernel_links, of_policies};

use std::path::Path;

use collapipe::scenario::ScenarioFile;

use crate::compare::{Comparison, table};
use crate::emulate::Clock;
use crate::network::{NetworkError, PrivateNetwork, Shape};
use crate::roles::{Parts, RoundError, Threads};
use crate::training::TrainError;
use crate::wire::WireError;
use crate::work::WorkError;

/// The scenario of the experiments in which a model learns (TOML).
pub const LANGUAGES: &str = include_str!("languages.toml");

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Size {
    /// Seeded problems, each under every schedule and overlap.
    pub problems: u64,
    /// Seconds of the wall clock of a round, about.
    pub seconds: f64,
    /// Seeded problems over links of the kernel, where they are asked for, each under every schedule.
    pub kernel_problems: u64,
    /// Seconds of the wall clock of such a round, about.
    pub kernel_seconds: f64,
    /// Seconds of the wall clock of an exactly planned round in which a model is trained, about.
    pub training_seconds: f64,
    /// Seeds of every policy: as many problems.
    pub seeds: u64,
    /// Rounds of every policy and seed.
    pub rounds: u64,
    /// Rounds with energy budgets.
    pub energy_rounds: u64,
    /// Seeds of what is learned.
    pub learning_seeds: u64,
    /// Planned seconds of learning.
    pub learning_s: f64,
    /// Values of M, at most.
    pub values: usize,
    /// Batches whose gradients are held against their bound.
    pub batches: u64,
    /// Times pass by themselves: nobody sleeps, and every error is one of arithmetic.
    pub virtual_time: bool,
}

impl Size {
    /// Under a minute.
    pub const CI: Self = Self {
        problems: 3,
        seconds: 0.4,
        kernel_problems: 1,
        kernel_seconds: 3.0,
        training_seconds: 0.7,
        seeds: 3,
        rounds: 1,
        energy_rounds: 3,
        learning_seeds: 1,
        learning_s: 24.0,
        values: 3,
        batches: 12,
        virtual_time: false,
    };

    /// Under twenty minutes.
    pub const FULL: Self = Self {
        problems: 30,
        seconds: 1.0,
        kernel_problems: 3,
        kernel_seconds: 8.0,
        training_seconds: 1.0,
        seeds: 6,
        rounds: 4,
        energy_rounds: 40,
        learning_seeds: 3,
        learning_s: 120.0,
        values: 5,
        batches: 64,
        virtual_time: false,
    };

    fn clock(&self) -> Clock {
        if self.virtual_time { Clock::pretended() } else { Clock::real() }
    }
}

/// Why an experiment could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReproduceError {
    /// Nodes could not be started.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A round failed.
    #[error("{case}: {source}")]
    Round {
        /// Which.
        case: String,
        /// Why.
        source: RoundError,
    },
    /// A run failed.
    #[error("{case}: {source}")]
    Run {
        /// Which.
        case: String,
        /// Why.
        source: Box<TrainError>,
    },
    /// Links of the kernel.
    #[error("{case}: {source}")]
    Network {
        /// Which.
        case: String,
        /// Why.
        source: NetworkError,
    },
    /// A model could not be built.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// Something could not be planned.
    #[error("{case}: {reason}")]
    Plan {
        /// Which.
        case: String,
        /// Why.
        reason: String,
    },
}

impl ReproduceError {
    fn plan(case: &str, reason: impl std::fmt::Display) -> Self {
        Self::Plan { case: case.into(), reason: reason.to_string() }
    }

    fn run(case: &str, source: impl Into<TrainError>) -> Self {
        Self::Run { case: case.into(), source: Box::new(source.into()) }
    }
}

/// A case that was executed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Case, policy, schedule, overlap.
    pub names: [String; 4],
    /// Of the problem or the scenario.
    pub seed: u64,
    /// Predicted and measured.
    pub comparison: Comparison,
}

impl Outcome {
    /// The outcome as a table.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}", self.names.join(", "), table::text(&self.comparison))
    }
}

/// Executes a case over threads.
///
/// # Errors
/// [`ReproduceError`].
pub fn execute(case: &Case, clock: Clock) -> Result<Outcome, ReproduceError> {
    let name = case.names.join(", ");
    let mut threads = Threads::start(&case.order.members(), clock)?;
    let measured = threads.coordinator().and_then(|coordinator| coordinator.round(&case.order, &Parts::new()));
    let measured = measured.map_err(|source| ReproduceError::Round { case: name.clone(), source })?;
    let comparison = Comparison::new(&case.order, &measured);
    let comparison = comparison.map_err(|error| ReproduceError::plan(&name, error))?;
    Ok(Outcome { names: case.names.clone(), seed: case.seed, comparison })
}

/// Executes a case over links of the kernel; `program` is this crate's.
///
/// # Errors
/// [`ReproduceError`].
pub fn execute_shaped(case: &Case, network: &mut PrivateNetwork, program: &Path) -> Result<Outcome, ReproduceError> {
    let name = case.names.join(", ");
    let failed = |source| ReproduceError::Network { case: name.clone(), source };
    let mut shape = Shape::new(case.order.clone()).map_err(failed)?;
    let mut nodes = network.gather(program, &mut shape).map_err(failed)?;
    let measured = nodes.coordinator().round(&shape.order, &Parts::new());
    let measured = measured.map_err(|source| ReproduceError::Round { case: name.clone(), source })?;
    let comparison = Comparison::new(&shape.order, &measured);
    let comparison = comparison.map_err(|error| ReproduceError::plan(&name, error))?;
    Ok(Outcome { names: case.names.clone(), seed: case.seed, comparison })
}

/// The scenario of the experiments, to be changed.
fn languages_scenario() -> Result<ScenarioFile, ReproduceError> {
    ScenarioFile::parse(LANGUAGES, Path::new("")).map_err(|error| ReproduceError::plan("languages", error))
}
