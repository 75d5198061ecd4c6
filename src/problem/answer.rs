//! What a solver reports, as data.

use serde::{Deserialize, Serialize};

use super::decision::Decision;

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The gap is within the tolerance asked for.
    Optimal,
    /// The decision is feasible and its gap is certified, but larger than asked for, for no reason named below.
    Feasible,
    /// The same, because the limit of time was reached.
    TimeLimit,
    /// The same, because a limit of work was reached.
    WorkLimit,
    /// The same, because the solve was told to stop.
    Interrupted,
    /// No decision satisfies the constraints.
    Infeasible,
}

impl Status {
    /// As answers have it: `optimal`, `time_limit`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Feasible => "feasible",
            Self::TimeLimit => "time_limit",
            Self::WorkLimit => "work_limit",
            Self::Interrupted => "interrupted",
            Self::Infeasible => "infeasible",
        }
    }
}

/// The objective's parts; they sum to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectiveTerms {
    /// V·T.
    pub latency: f64,
    /// Σ Z·E of computing, over all devices.
    pub compute_energy: f64,
    /// Σ Z·E of sending, over all devices and control units.
    pub transmit_energy: f64,
    /// The chosen plan's penalty.
    pub plan_penalty: f64,
    /// Σ Z·E of computing, over all edge servers; left out where nobody counts it.
    #[serde(default, skip_serializing_if = "is_free")]
    pub server_energy: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_free(cost: &f64) -> bool {
    *cost == 0.0
}

impl ObjectiveTerms {
    /// The objective.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.latency + self.compute_energy + self.transmit_energy + self.plan_penalty + self.server_energy
    }

    /// Σ |terms|: what rounding errors and tolerances are relative to, also where costs and a negative penalty cancel.
    #[must_use]
    pub fn magnitude(&self) -> f64 {
        self.latency + self.compute_energy + self.transmit_energy + self.plan_penalty.abs() + self.server_energy
    }
}

/// What one more unit of each shared resource would save, at the margin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShadowPrices {
    /// λ_F per cluster: objective units per Hz of the cluster's band in the forward phase.
    pub forward_band_per_hz: Vec<f64>,
    /// λ_B per cluster: the same in the backward phase.
    pub backward_band_per_hz: Vec<f64>,
    /// λ_up: objective units per Hz of the upload band.
    pub uplink_per_hz: f64,
    /// μ per cluster: its share in the price of the round latency; sum to 1.
    pub latency_share: Vec<f64>,
    /// ν: objective units per second by which the deadline could be later, for the decision's own plan, devices and cuts; 0
    /// where the round ends before it. `None` without a deadline, and where the decision is as fast as can be: there no
    /// later second has a price of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_per_s: Option<f64>,
}

/// What a solve cost, in machine-independent counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Branch-and-bound nodes, over plans, active sets, sizes and clusters.
    pub nodes: u64,
    /// Evaluations of a radio phase at given prices.
    pub iterations: u64,
    /// Rounds of a backend that improves its answer in rounds (linearizations, alternations); 0 for all others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rounds: u64,
}

/// Whether a count is left out of the exchange format.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A solver's answer in the exchange format.
///
/// Only `status` is required when reading, so that answers of other solvers can be checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Answer {
    /// How the solve ended.
    pub status: Status,
    /// Objective of the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<f64>,
    /// No feasible decision has a smaller objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_bound: Option<f64>,
    /// (objective − lower bound) / |objective|; near zero relative to a twentieth of the sizes of the objective's terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// The decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The objective, split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<ObjectiveTerms>,
    /// Marginal values of the shared resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_prices: Option<ShadowPrices>,
    /// What the solve cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// Why no decision exists, in the problem's names (status `infeasible`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many discrete choices an enumerating solver visited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enumerated: Option<u64>,
}
