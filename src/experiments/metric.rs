//! What metrics are called.

use super::Metric;

impl Metric {
    /// Name for people, without the unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::LatencyS => "Mean round latency",
            Self::EnergyJ => "Mean energy per slot",
            Self::ComputeEfficiency => "Compute efficiency",
            Self::LargestMemoryBytes => "Largest memory of a device",
            Self::WorstOverspend => "Worst overspend of a budget",
            Self::OutageShare => "Share of slots without a round",
            Self::MicroBatches => "Mean micro-batches per round",
            Self::ConvergenceBound => "Bound on the squared gradient norm",
            Self::Gap => "Gap to the proved minimum",
            Self::Blocks => "Mean encoder blocks per device",
            Self::TimeRatio => "Decision time relative to exact",
        }
    }

    /// Unit; `1` for ratios and counts.
    pub fn unit(self) -> &'static str {
        match self {
            Self::LatencyS => "s",
            Self::EnergyJ => "J",
            Self::LargestMemoryBytes => "bytes",
            Self::ConvergenceBound => "loss²/par²",
            _ => "1",
        }
    }

    /// Whether more or less of it is better; `None` where neither is.
    pub fn higher_is_better(self) -> Option<bool> {
        match self {
            Self::ComputeEfficiency => Some(true),
            Self::MicroBatches | Self::Blocks => None,
            _ => Some(false),
        }
    }
}
