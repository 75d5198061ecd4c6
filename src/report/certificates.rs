//! What a run proves, computed from the record alone.

use serde::{Deserialize, Serialize};

use crate::lyapunov::certificate::{
    Assumption, CertificateError, CertificateName, Claim, Standing, against_optimum, against_policy, frames,
    queue_norm_on_path, slater, weak_duality,
};
use crate::lyapunov::{Action, Certificate, OfflineProblem};
use crate::network::radio::{ChannelConfig, Correlation};
use crate::scenario::ScenarioSpec;
use crate::simulation::{ComparisonRecord, RunRecord};

/// A certificate that cannot be given, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Omission {
    /// Which certificate.
    pub name: CertificateName,
    /// Why.
    pub reason: String,
}

/// The best mean latency that was possible with the budgets kept on average, all states known in advance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OfflineSummary {
    /// No policy, not even one that knew all states, has a smaller mean penalty within the budgets, in seconds: weak duality.
    pub lower_bound_s: f64,
    /// A mixture of the decisions that were looked at has this one, in seconds; none where no mixture keeps the budgets.
    pub upper_estimate_s: Option<f64>,
}

/// All certificates of a record.
pub(super) struct Certificates {
    pub(super) claims: Vec<Claim>,
    pub(super) omissions: Vec<Omission>,
    pub(super) offline: Option<OfflineSummary>,
}

/// What a record is compared with, as plain data.
pub(super) struct Compared {
    /// Per constraint.
    pub(super) multiplier: Vec<f64>,
    pub(super) minima: Vec<f64>,
    /// The mixtures of the offline optimum and of the frames' optima, each with one action per slot.
    pub(super) optimum: Option<Vec<Action>>,
    pub(super) framed: Option<(usize, Vec<Action>)>,
    /// The action of each slot whose worst violation is least.
    pub(super) slater: Vec<Action>,
}

impl Compared {
    pub(super) fn new(record: &RunRecord, comparison: &ComparisonRecord) -> Option<Self> {
        if comparison.slots.len() != record.slots.len() {
            return None;
        }
        let pick = |k: usize| comparison.multiplier.get(k).copied();
        let last = record.convergence.as_ref().map(|_| record.nodes.len());
        let multiplier = record.constrained_nodes().into_iter().chain(last).map(pick).collect::<Option<_>>()?;
        let states = record.actions(comparison);
        let worst = |action: &Action| action.violations.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = |actions: &Vec<Action>| actions.iter().min_by(|a, b| worst(a).total_cmp(&worst(b))).cloned();
        let slater = states.iter().map(least).collect::<Option<_>>()?;
        let problem = OfflineProblem::new(states).ok()?;
        let mixed = |weights: Vec<Vec<f64>>| is_mixture(&problem, &weights).then(|| problem.mean_actions(&weights));
        let optimum = mixed(comparison.slots.iter().map(|slot| slot.weights.clone()).collect());
        let framed = mixed(comparison.slots.iter().map(|slot| slot.frame_weights.clone()).collect());
        let framed = framed.filter(|_| comparison.frame > 0).map(|actions| (comparison.frame, actions));
        Some(Self {
            multiplier,
            minima: comparison.slots.iter().map(|slot| slot.minimum).collect(),
            optimum,
            framed,
            slater,
        })
    }
}

/// Weights that are not negative and sum to one in every state.
fn is_mixture(problem: &OfflineProblem, weights: &[Vec<f64>]) -> bool {
    problem.states().iter().zip(weights).all(|(actions, weights)| {
        let sum: f64 = weights.iter().sum();
        weights.len() == actions.len() && weights.iter().all(|w| *w >= 0.0) && (sum - 1.0).abs() < 1e-9
    })
}

pub(super) fn certificates(record: &RunRecord) -> Certificates {
    use CertificateName::{C1, C2, C3, C4, C5, C7, D};
    let (mut claims, mut omissions, mut offline) = (Vec::new(), Vec::new(), None);
    let mut omit = |names: &[CertificateName], reason: &str| {
        omissions.extend(names.iter().map(|&name| Omission { name, reason: reason.into() }));
    };
    let history = match record.history() {
        Ok(history) => history,
        Err(reason) => {
            omit(&[C1, C2, C3, C4, C5, C7, D], &reason.to_string());
            return Certificates { claims, omissions, offline };
        }
    };
    for (index, name) in record.constraint_names().into_iter().enumerate() {
        claims.extend(Certificate::of(&history, index).map(|certificate| certificate.claim(name)));
    }
    let compared = record.comparison.as_ref().map(|comparison| Compared::new(record, comparison));
    let compared = match compared {
        Some(Some(compared)) => compared,
        Some(None) => {
            omit(&[C2, C3, C4, C5, C7, D], "the record's comparison does not fit its slots");
            return Certificates { claims, omissions, offline };
        }
        None => {
            omit(&[C2, C3, C4, C5, C7, D], "the run was not compared with what else was possible");
            return Certificates { claims, omissions, offline };
        }
    };
    let mut take = |name, claim: Result<Claim, String>| match claim {
        Ok(claim) => claims.push(claim),
        Err(reason) => omit(&[name], &reason),
    };
    let mean = |actions: &[Action]| actions.iter().map(|a| a.penalty).sum::<f64>() / actions.len().max(1) as f64;
    let upper = compared.optimum.as_ref().map(|actions| mean(actions));
    if !compared.minima.is_empty() {
        let dual = compared.minima.iter().sum::<f64>() / compared.minima.len() as f64;
        // Where the multiplier is far off, that latencies are not negative says more.
        let least_penalty = record.plans.iter().map(|plan| plan.penalty).fold(0.0, f64::min);
        let lower = dual.max(least_penalty / record.provenance.latency_weight);
        offline = Some(OfflineSummary { lower_bound_s: lower, upper_estimate_s: upper });
    }
    match (&compared.optimum, upper) {
        (Some(policy), Some(optimum)) => {
            let c2 = against_optimum(&history, optimum).map(|claim| in_expectation(claim, record));
            take(C2, c2.map_err(|error| error.to_string()));
            take(C3, against_policy(&history, policy).map_err(|error| error.to_string()));
            let c4 = queue_norm_on_path(&history, &compared.multiplier, &compared.minima, policy);
            take(C4, c4.map_err(|error| error.to_string()));
        }
        _ => {
            let why = record.comparison.as_ref().and_then(|comparison| comparison.without_optimum.clone());
            let why = why.unwrap_or_else(|| "the record has no offline optimum".into());
            [C2, C3, C4].into_iter().for_each(|name| take(name, Err(why.clone())));
        }
    }
    let c5 = slater(&history, &compared.slater).map_err(|error| match error {
        CertificateError::NoSlack { slot, constraint, violation } => {
            let name = record.constraint_names().get(constraint).copied().unwrap_or_default();
            format!("no decision found for slot {slot} that keeps every constraint: the best one has g = {violation:.3} for {name}")
        }
        error => error.to_string(),
    });
    take(C5, c5);
    let c7 = match &compared.framed {
        Some((frame, policy)) => frames(&history, *frame, policy).map_err(|error| error.to_string()),
        None => Err("no frame can be planned within the budgets by the decisions looked at".into()),
    };
    take(C7, c7);
    let d = weak_duality(&history, &compared.multiplier, &compared.minima);
    take(D, d.map_err(|error| error.to_string()));
    Certificates { claims, omissions, offline }
}

/// Replaces the assumption on the slots by what the scenario says of them.
fn in_expectation(mut claim: Claim, record: &RunRecord) -> Claim {
    if let Some(reason) = record.scenario.as_deref().and_then(dependent_slots) {
        let assumption = claim.assumptions.iter_mut().find(|assumption| assumption.standing == Standing::Assumed);
        if let Some(assumption) = assumption {
            *assumption = Assumption::violated(format!("{}: {reason}", assumption.statement));
        }
    }
    claim
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
            _ => return Some("the scenario replays a trace"),
        }
    }
    let absences = spec.clusters.iter().flat_map(|cluster| &cluster.devices).any(|d| !d.absent_slots.is_empty());
    absences.then_some("the scenario has devices that are absent in given slots")
}
