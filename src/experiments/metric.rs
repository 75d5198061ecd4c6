//! What metrics are called, and in which unit people read them.

use super::table::Metric;

impl Metric {
    /// In words, with a capital letter.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::LatencyS => "Mean round latency",
            Self::EnergyJ => "Mean energy of all nodes per slot",
            Self::ComputeEfficiency => "Computation efficiency",
            Self::LargestMemoryBytes => "Largest memory in any round",
            Self::MemoryShare => "Largest memory",
            Self::WorstBudgetUse => "Energy of the worst node",
            Self::OutageShare => "Slots without a round",
            Self::MicroBatches => "Mean number of micro-batches",
            Self::ConvergenceBound => "Bound on the mean squared gradient norm",
            Self::Gap => "Mean distance from the slots' optima",
            Self::Blocks => "Mean encoder blocks on a device",
            Self::DeviceSpeed => "Speed of a device",
            Self::TimeRatio => "Time of a decision, exact solver = 1",
        }
    }

    /// The unit in figures and tables for reading; empty for a plain number.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::LatencyS => "s",
            Self::EnergyJ => "J",
            Self::LargestMemoryBytes => "GB",
            Self::ComputeEfficiency | Self::OutageShare | Self::Gap => "%",
            Self::MemoryShare => "% of encoder",
            Self::WorstBudgetUse => "% of budget",
            Self::DeviceSpeed => "blocks/s",
            Self::ConvergenceBound => "loss²/par²",
            Self::MicroBatches | Self::Blocks | Self::TimeRatio => "",
        }
    }

    /// Whether more of it is better; of a number that is neither good nor bad, false.
    #[must_use]
    pub const fn higher_is_better(self) -> bool {
        matches!(self, Self::ComputeEfficiency)
    }

    /// What should not be exceeded, in [`Metric::unit`]; none for most.
    #[must_use]
    pub const fn limit(self) -> Option<f64> {
        match self {
            Self::WorstBudgetUse => Some(100.0),
            _ => None,
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
            _ => value,
        }
    }
}
