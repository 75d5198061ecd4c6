//! The numbers that a run is summed up by, what they are called, and in which unit people read them.

use serde::{Deserialize, Serialize};

/// A number that a run is summed up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// Mean round latency over the planned rounds, in s.
    LatencyS,
    /// Mean energy of all nodes per slot, in J.
    EnergyJ,
    /// Mean round latency and priced energy of the edge servers over the planned rounds, in s: what is minimized.
    PricedLatencyS,
    /// Mean energy of the edge servers' computing per slot, in J.
    ServerEnergyJ,
    /// Memory that the edge server holds for a cluster that needs most of it, over all rounds, in bytes.
    ServerMemoryBytes,
    /// Mean energy of one node per slot, in J.
    NodeEnergyJ,
    /// Useful compute time of the devices over the time that they are bound (active devices times round latency), in
    /// [0, 1].
    ComputeEfficiency,
    /// Memory of the device that needs most, over all rounds, in bytes.
    LargestMemoryBytes,
    /// Memory of the device that needs most, relative to the whole encoder and batch on one device; mean over the
    /// rounds.
    MemoryShare,
    /// Largest mean of E/Ē over the nodes with a budget: up to 1 budgets are kept.
    WorstBudgetUse,
    /// Share of the slots without a round, in [0, 1].
    OutageShare,
    /// Mean number of micro-batches M over the planned rounds.
    MicroBatches,
    /// Convergence bound on the mean squared gradient norm, in loss²/par².
    ConvergenceBound,
    /// Time until the mean squared gradient norm is proved to be at the scenario's target, at the best step size: rounds by the
    /// best theorem that applies ([`LearningProblem::rounds_to_target`](crate::bounds::LearningProblem::rounds_to_target)) times
    /// the mean round latency, in s. Of runs with one plan.
    TimeToTargetS,
    /// Mean relative distance of the slots' objectives from their proved minimum.
    Gap,
    /// Mean encoder blocks on a device.
    Blocks,
    /// Encoder blocks of one sample that a device computes per second, forward and backward: 1/(c_F/f_F + c_B/f_B).
    DeviceSpeed,
    /// Time of the decisions relative to that of the exact solver on the same slots. Measured: differs from run to run.
    TimeRatio,
    /// |measured − predicted| / predicted of a part of a round that was executed.
    PredictionError,
    /// Mean loss on samples that were not learned from, in nats.
    HeldOutLoss,
    /// Share of samples that were not learned from and are classified rightly, in [0, 1].
    Accuracy,
    /// Mean squared norm of the loss's gradient over the updates of a run, in loss²/par².
    SquaredGradient,
}

impl Metric {
    /// In words, with a capital letter.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::LatencyS => "Mean round latency",
            Self::EnergyJ => "Mean energy of all nodes per slot",
            Self::PricedLatencyS => "Mean round latency with the price of the edge servers",
            Self::ServerEnergyJ => "Mean energy of the edge servers per slot",
            Self::ServerMemoryBytes => "Largest memory on an edge server",
            Self::NodeEnergyJ => "Mean energy of a node per slot",
            Self::ComputeEfficiency => "Computation efficiency",
            Self::LargestMemoryBytes => "Largest memory in any round",
            Self::MemoryShare => "Largest memory",
            Self::WorstBudgetUse => "Energy of the worst node",
            Self::OutageShare => "Slots without a round",
            Self::MicroBatches => "Mean number of micro-batches",
            Self::ConvergenceBound => "Bound on the mean squared gradient norm",
            Self::TimeToTargetS => "Time to the learning target, by theory",
            Self::Gap => "Mean distance from the slots' optima",
            Self::Blocks => "Mean encoder blocks on a device",
            Self::DeviceSpeed => "Speed of a device",
            Self::TimeRatio => "Time of a decision, exact solver = 1",
            Self::PredictionError => "Error of the prediction",
            Self::HeldOutLoss => "Loss on held-out samples",
            Self::Accuracy => "Accuracy on held-out samples",
            Self::SquaredGradient => "Mean squared gradient norm",
        }
    }

    /// The unit in figures and tables for reading; empty for a plain number.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::LatencyS | Self::PricedLatencyS => "s",
            Self::TimeToTargetS => "h",
            Self::EnergyJ | Self::NodeEnergyJ | Self::ServerEnergyJ => "J",
            Self::LargestMemoryBytes | Self::ServerMemoryBytes => "GB",
            Self::ComputeEfficiency | Self::OutageShare | Self::Gap | Self::PredictionError | Self::Accuracy => "%",
            Self::MemoryShare => "% of encoder",
            Self::WorstBudgetUse => "% of budget",
            Self::DeviceSpeed => "blocks/s",
            Self::ConvergenceBound | Self::SquaredGradient => "loss²/par²",
            Self::HeldOutLoss => "nats",
            Self::MicroBatches | Self::Blocks | Self::TimeRatio => "",
        }
    }

    /// Whether more of it is better; of a number that is neither good nor bad, false.
    #[must_use]
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::ComputeEfficiency | Self::Accuracy)
    }

    /// What should not be exceeded, in [`Metric::unit`]; none for most.
    #[must_use]
    pub const fn limit(self) -> Option<f64> {
        match self {
            Self::WorstBudgetUse => Some(100.0),
            _ => None,
        }
    }

    /// The values that are possible, in [`Metric::unit`].
    #[must_use]
    pub const fn range(self) -> [f64; 2] {
        match self {
            Self::ComputeEfficiency | Self::OutageShare | Self::Accuracy => [0.0, 100.0],
            _ => [0.0, f64::INFINITY],
        }
    }

    /// Title and unit, as `Mean round latency [s]`.
    #[must_use]
    pub fn heading(self) -> String {
        match self.unit() {
            "" => self.title().into(),
            unit => format!("{} [{unit}]", self.title()),
        }
    }

    /// A value of a row in [`Metric::unit`].
    #[must_use]
    pub fn in_unit(self, value: f64) -> f64 {
        match self.unit() {
            unit if unit.starts_with('%') => 100.0 * value,
            "GB" => 1e-9 * value,
            "h" => value / 3600.0,
            _ => value,
        }
    }
}
