//! What a run of a scenario proves, computed from the record alone.

use serde::{Deserialize, Serialize};

use crate::lyapunov::{Comparison, OfflineBounds, OfflineProblem, Proofs};
use crate::network::radio::{ChannelConfig, Correlation};
use crate::scenario::ScenarioSpec;
use crate::simulation::{ComparisonRecord, RunRecord};

/// The best mean latency that was possible with the budgets kept on average, all states known in advance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OfflineSummary {
    /// No policy, not even one that knew all states, has a smaller mean penalty within the budgets, in seconds: weak
    /// duality.
    pub lower_bound_s: f64,
    /// A mixture of the decisions that were looked at has this one, in seconds; none where no mixture keeps the
    /// budgets.
    pub upper_estimate_s: Option<f64>,
    /// The Lagrangian gap, in seconds: by how much the run's mean penalty is at most above that of any policy that plays a
    /// round in every slot where one is possible and spends no more, even one that knew all states in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_s: Option<f64>,
}

impl From<OfflineBounds> for OfflineSummary {
    fn from(bounds: OfflineBounds) -> Self {
        Self { lower_bound_s: bounds.lower_bound, upper_estimate_s: bounds.upper_estimate, distance_s: bounds.distance }
    }
}

impl From<OfflineSummary> for OfflineBounds {
    fn from(of: OfflineSummary) -> Self {
        Self { lower_bound: of.lower_bound_s, upper_estimate: of.upper_estimate_s, distance: of.distance_s }
    }
}

/// What a record is compared with, as plain data; none where its comparison does not fit its slots.
pub(super) fn compared(record: &RunRecord, comparison: &ComparisonRecord) -> Option<Comparison> {
    if comparison.slots.len() != record.slots.len() {
        return None;
    }
    let multiplier = record.of_constraints(&comparison.multiplier).ok()?;
    let problem = OfflineProblem::new(record.actions(comparison).ok()?).ok()?;
    let minima = comparison.slots.iter().map(|slot| slot.minimum).collect();
    let mut compared = Comparison::of(&problem, multiplier, Some(minima));
    let weights = comparison.slots.iter().map(|slot| slot.weights.clone()).collect::<Vec<_>>();
    let frame_weights = comparison.slots.iter().map(|slot| slot.frame_weights.clone()).collect();
    compared.set_mixtures(&problem, &weights, (comparison.frame, frame_weights));
    let slack_weights = comparison.slots.iter().map(|slot| slot.slack_weights.clone()).collect::<Vec<_>>();
    compared.set_slack(&problem, comparison.slack_frame, &slack_weights);
    compared.without_slack = comparison.without_slack.clone();
    // Latencies are not negative.
    let least_penalty = record.plans.iter().map(|plan| plan.penalty).fold(0.0, f64::min);
    compared.least_penalty = Some(least_penalty / record.provenance.latency_weight);
    compared.without_optimum = comparison.without_optimum.clone();
    compared.dependence = record.scenario.as_deref().and_then(dependent_slots).map(Into::into);
    Some(compared)
}

/// All certificates of a record.
pub(super) fn certificates(record: &RunRecord) -> Proofs {
    let history = match record.history() {
        Ok(history) => history,
        Err(reason) => return Proofs::none(&reason.to_string()),
    };
    let names = record.constraint_names();
    match record.comparison.as_ref().map(|comparison| compared(record, comparison)) {
        Some(None) => {
            Proofs::of_queues(&history, names).without_comparison("the record's comparison does not fit its slots")
        }
        Some(Some(compared)) => Proofs::new(&history, names, Some(&compared)),
        None => Proofs::new(&history, names, None),
    }
}

/// Why a scenario's slots are not independent and identically distributed; none where they are.
fn dependent_slots(spec: &ScenarioSpec) -> Option<&'static str> {
    let channels = spec.channel.iter().chain(spec.clusters.iter().filter_map(|cluster| cluster.channel.as_ref()));
    for channel in channels {
        match channel {
            ChannelConfig::Constant(_) => {}
            ChannelConfig::Geometric(links) => {
                let radios =
                    [Some(&links.device_links), links.control_unit_links.as_ref(), Some(&links.edge_server_links)];
                if radios.into_iter().flatten().any(|radio| radio.correlation != Correlation::default()) {
                    return Some("the scenario's fading is correlated from slot to slot");
                }
            }
            ChannelConfig::Measured => return Some("the scenario's gains are measured"),
            _ => return Some("the scenario replays a trace"),
        }
    }
    let absences = spec.clusters.iter().flat_map(|cluster| &cluster.devices).any(|d| !d.absent_slots.is_empty());
    absences.then_some("the scenario has devices that are absent in given slots")
}
