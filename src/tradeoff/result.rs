//! What a sweep shows.

use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::fit::PowerFit;
use super::point::SweepPoint;
use super::reference::Reference;
use crate::report::BudgetVerdict;
use crate::scenario::Scenario;
use crate::simulation::PolicyKind;
use crate::solver::Settings;

/// Name and version of the result's format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TradeoffSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.tradeoff/1")]
    V1,
}

/// What all runs of a sweep have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SweepProvenance {
    /// Version of this crate.
    pub version: String,
    /// The scenario's name.
    pub scenario: String,
    /// Base seed: all runs see the same channels and absences.
    pub seed: u64,
    /// Slots of every run.
    pub slots: u64,
    /// V, where it is not what is varied.
    pub latency_weight: Option<f64>,
    /// Relative gap asked of every slot's solve.
    pub gap_tolerance: f64,
    /// Who decided the rounds.
    #[serde(default = "exact")]
    pub policy: PolicyKind,
}

/// Who decided the rounds of results that do not say so.
fn exact() -> PolicyKind {
    PolicyKind::Exact
}

/// Power laws in V; none where fewer than three settled runs have a positive value.
///
/// Fitted are the runs whose queues have settled ([`SettledPart::settled`](super::SettledPart::settled)), by least
/// squares in log-log coordinates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fits {
    /// Latency excess ([`Reference::excess`], second half of the run), s: theory promises O(1/V).
    pub excess: Option<PowerFit>,
    /// Mean sum of all queues over the second half: theory promises O(V).
    pub backlog: Option<PowerFit>,
}

/// A sweep's result; prints as a table for the terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tradeoff {
    /// Format.
    pub schema: TradeoffSchema,
    /// What the runs have in common.
    pub provenance: SweepProvenance,
    /// What is varied.
    pub axis: Axis,
    /// One entry per value, increasing.
    pub points: Vec<SweepPoint>,
    /// What the energy budgets would have to be, examined where no run keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<BudgetVerdict>,
    /// The bound that latency excess is measured from; none for sweeps over ε, where every run has another optimum, and for
    /// policies that train in another way than the slot problem.
    pub reference: Option<Reference>,
    /// Latency excess of every point, in seconds; see [`Reference::excess`].
    pub excess_s: Vec<Option<f64>>,
    /// Power laws in V; none of them for sweeps over ε.
    pub fits: Fits,
}

impl Tradeoff {
    pub(super) fn new(
        axis: Axis,
        scenario: &Scenario,
        (settings, policy): (&Settings, PolicyKind),
        points: Vec<SweepPoint>,
        reference: Option<Reference>,
    ) -> Self {
        let spec = scenario.spec();
        let excess_s: Vec<Option<f64>> =
            points.iter().map(|point| Some(reference.as_ref()?.excess(point)?.0)).collect();
        let fits = match axis {
            Axis::LatencyWeight => fits(&points, &excess_s, settings.gap),
            Axis::Target => Fits::default(),
        };
        Self {
            schema: TradeoffSchema::V1,
            provenance: SweepProvenance {
                version: env!("CARGO_PKG_VERSION").into(),
                scenario: spec.name.clone(),
                seed: spec.seed,
                slots: spec.slots,
                latency_weight: (axis != Axis::LatencyWeight).then_some(spec.latency_weight),
                gap_tolerance: settings.gap,
                policy,
            },
            axis,
            points,
            budgets: None,
            reference,
            excess_s,
            fits,
        }
    }

    pub(super) fn with_budgets(self, budgets: Option<BudgetVerdict>) -> Self {
        Self { budgets, ..self }
    }

    /// One line about the sweep.
    #[cfg(feature = "figures")]
    pub(super) fn subject(&self) -> String {
        let from = &self.provenance;
        let policy = match from.policy {
            PolicyKind::Exact => String::new(),
            policy => format!(", policy {policy}"),
        };
        format!("{} runs of {} slots, seed {}{policy}", self.points.len(), from.slots, from.seed)
    }

    /// Points without any round in their run.
    #[must_use]
    pub fn without_rounds(&self) -> usize {
        self.points.iter().filter(|point| point.planned == 0).count()
    }
}

fn fits(points: &[SweepPoint], excess_s: &[Option<f64>], gap: f64) -> Fits {
    let settled = || points.iter().zip(excess_s).filter(|(point, _)| point.second_half.settled());
    let excess = settled().filter_map(|(point, excess)| {
        // An excess within the solver's tolerance tells nothing.
        let latency = point.second_half.mean_latency_s?.0;
        excess.filter(|excess| *excess > 10.0 * gap * latency).map(|excess| (point.value, excess))
    });
    let backlog = settled().map(|(point, _)| (point.value, point.second_half.backlog()));
    Fits { excess: PowerFit::of(&excess.collect::<Vec<_>>()), backlog: PowerFit::of(&backlog.collect::<Vec<_>>()) }
}
