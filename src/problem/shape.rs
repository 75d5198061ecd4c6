//! Whether a decision fits a problem's shape, so that it can be evaluated at all.

use super::decision::{ClusterDecision, Decision, Link};
use super::slot::{CandidatePlan, Cluster, SlotSpec};
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::FieldError;
use crate::ground::check::same_length;
use crate::ground::route::Route;

/// Why a decision does not fit the problem it is to be evaluated on.
///
/// Reads `clusters[0].active[2] = 7: must be below 3`. A decision that fits but breaks constraints is not an error:
/// see [`FeasibilityReport`](super::FeasibilityReport).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// An index is out of range or out of order, a list has the wrong length, or a bandwidth or power is not a finite
    /// number ≥ 0.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl Blamed for DecisionError {
    fn blame(&self) -> Blame {
        match self {
            Self::Field(error) => error.blame(),
        }
    }
}

/// The decision's plan, if the decision has the problem's shape.
pub(super) fn check<'a>(problem: &'a SlotSpec, decision: &Decision) -> Result<&'a CandidatePlan, DecisionError> {
    let plans = problem.plans.len();
    let plan = problem
        .plans
        .get(decision.plan)
        .ok_or_else(|| FieldError::new("plan", decision.plan, format!("below {plans}, the number of plans")))?;
    same_length("clusters", decision.clusters.len(), problem.clusters.len(), "the number of clusters")?;
    for (n, (cluster, choice)) in problem.clusters.iter().zip(&decision.clusters).enumerate() {
        check_cluster(cluster, choice).map_err(|e| e.within(format_args!("clusters[{n}]")))?;
    }
    Ok(plan)
}

fn check_cluster(cluster: &Cluster, choice: &ClusterDecision) -> Result<(), FieldError> {
    let active = choice.active.len();
    Route::new(&choice.active, cluster.devices.len())?;
    same_length("sizes", choice.sizes.len(), active, "the number of active devices")?;
    for (path, links) in [("forward", &choice.forward), ("backward", &choice.backward)] {
        same_length(path, links.len(), active + 1, "one more than active devices")?;
        for (i, hop) in links.iter().enumerate() {
            link(hop).map_err(|e| e.within(format_args!("{path}[{i}]")))?;
        }
    }
    for (path, powers) in
        [("collection_power_w", &choice.collection_power_w), ("distribution_power_w", &choice.distribution_power_w)]
    {
        same_length(path, powers.len(), active, "the number of active devices")?;
        for (i, power) in powers.iter().enumerate() {
            non_negative(|| format!("{path}[{i}]"), power.0)?;
        }
    }
    link(&choice.upload).map_err(|e| e.within("upload"))
}

fn link(link: &Link) -> Result<(), FieldError> {
    non_negative(|| "bandwidth_hz".into(), link.bandwidth_hz.0)?;
    non_negative(|| "power_w".into(), link.power_w.0)
}

fn non_negative(path: impl Fn() -> String, value: f64) -> Result<(), FieldError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(FieldError::new(path(), format!("{value:?}"), "a finite number >= 0"))
    }
}
