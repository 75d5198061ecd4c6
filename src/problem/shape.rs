//! Whether a decision fits a problem's shape, so that it can be evaluated at all.

use super::decision::{ClusterDecision, Decision, Link};
use super::slot::{Cluster, Plan, SlotSpec};
use crate::ground::check::FieldError;

/// Why a decision does not fit the problem it is to be evaluated on.
///
/// Reads `clusters[0].active[2] = 7: must be below 3`. A decision that fits but breaks constraints is no error:
/// see [`FeasibilityReport`](super::FeasibilityReport).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// An index is out of range or out of order, a list has the wrong length, or a bandwidth or power is not a finite
    /// number ≥ 0.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// The decision's plan, if the decision has the problem's shape.
pub(super) fn check<'a>(problem: &'a SlotSpec, decision: &Decision) -> Result<&'a Plan, DecisionError> {
    let plans = problem.plans.len();
    let plan = problem
        .plans
        .get(decision.plan)
        .ok_or_else(|| FieldError::new("plan", decision.plan, format!("below {plans}, the number of plans")))?;
    length("clusters", decision.clusters.len(), problem.clusters.len(), "the number of clusters")?;
    for (n, (cluster, choice)) in problem.clusters.iter().zip(&decision.clusters).enumerate() {
        check_cluster(cluster, choice).map_err(|e| e.within(format_args!("clusters[{n}]")))?;
    }
    Ok(plan)
}

fn check_cluster(cluster: &Cluster, choice: &ClusterDecision) -> Result<(), FieldError> {
    let (devices, active) = (cluster.devices.len(), choice.active.len());
    if active == 0 {
        return Err(FieldError::new("active", "[]", "a list of at least one device"));
    }
    let mut previous = None;
    for (i, &k) in choice.active.iter().enumerate() {
        if k >= devices {
            return Err(FieldError::new(format!("active[{i}]"), k, format!("below {devices}")));
        }
        if let Some(before) = previous.filter(|&before| before >= k) {
            return Err(FieldError::new(format!("active[{i}]"), k, format!("above {before}, the entry before it")));
        }
        previous = Some(k);
    }
    length("sizes", choice.sizes.len(), active, "the number of active devices")?;
    for (path, links) in [("forward", &choice.forward), ("backward", &choice.backward)] {
        length(path, links.len(), active + 1, "one more than active devices")?;
        for (i, hop) in links.iter().enumerate() {
            link(hop).map_err(|e| e.within(format_args!("{path}[{i}]")))?;
        }
    }
    for (path, powers) in
        [("collection_power_w", &choice.collection_power_w), ("distribution_power_w", &choice.distribution_power_w)]
    {
        length(path, powers.len(), active, "the number of active devices")?;
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

fn length(path: &str, found: usize, expected: usize, why: &str) -> Result<(), FieldError> {
    if found == expected {
        Ok(())
    } else {
        Err(FieldError::new(path, format!("a list of {found}"), format!("a list of {expected}, {why}")))
    }
}
