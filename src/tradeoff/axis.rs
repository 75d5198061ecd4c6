//! What a sweep varies.

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;

/// What a sweep varies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Axis {
    /// V, the price of a second of round latency (`latency_weight`).
    #[default]
    LatencyWeight,
    /// ε, the target of the convergence constraint (`convergence.target`).
    Target,
}

impl Axis {
    /// The scenario's value; none where it has no convergence constraint.
    #[must_use]
    pub fn value(self, scenario: &Scenario) -> Option<f64> {
        match self {
            Self::LatencyWeight => Some(scenario.spec().latency_weight),
            Self::Target => scenario.spec().convergence.as_ref().map(|convergence| convergence.target),
        }
    }

    /// Letters for names of files.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::LatencyWeight => "v",
            Self::Target => "epsilon",
        }
    }
}
