//! Whether a decision fits a problem's shape, so that it can be evaluated at all.

use super::cluster::Cluster;
use super::decision::{ClusterDecision, Decision, Link};
use super::names::Names;
use super::program::{ClusterProgram, PlanProgram};
use super::slot::{CandidatePlan, Schema, SlotSpec};
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
    /// An index is out of range or out of order, a list has the wrong length, a bandwidth or power is not a finite
    /// number ≥ 0, or is absent where something is sent by radio.
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
        let program = ClusterProgram::new(problem, cluster).under(plan);
        let named = |error: FieldError| Names::of(problem).own(error.within(format_args!("clusters[{n}]")));
        check_cluster(&program, choice).map_err(named)?;
    }
    Ok(plan)
}

fn check_cluster(program: &PlanProgram, choice: &ClusterDecision) -> Result<(), FieldError> {
    let (active, devices) = (choice.active.len(), program.at.cluster.devices.len());
    match program.at.spec.schema {
        // Version 1 lists the devices in their order; that of later ones is a constraint where it is given.
        Schema::V1 => Route::new(&choice.active, devices)?,
        Schema::V2 => Route::in_any_order(&choice.active, devices)?,
    };
    check_names(program.at.cluster, choice)?;
    same_length("sizes", choice.sizes.len(), active, "the number of active devices")?;
    let hops = program.at.stages(active).saturating_sub(1);
    let why = if hops == active + 1 { "one more than active devices" } else { "the number of hops" };
    let (back, why_back) =
        if program.plan.schedule.has_backward() { (hops, why) } else { (0, "because there is no backward work") };
    for (path, links, hops, why) in
        [("forward", &choice.forward, hops, why), ("backward", &choice.backward, back, why_back)]
    {
        same_length(path, links.len(), hops, why)?;
        for (i, hop) in links.iter().enumerate() {
            link(hop.as_ref()).map_err(|e| e.within(format_args!("{path}[{i}]")))?;
        }
    }
    for (path, powers) in
        [("collection_power_w", &choice.collection_power_w), ("distribution_power_w", &choice.distribution_power_w)]
    {
        same_length(path, powers.len(), active, "the number of active devices")?;
        for (i, power) in powers.iter().enumerate() {
            if let Some(power) = power {
                non_negative(|| format!("{path}[{i}]"), power.0)?;
            }
        }
    }
    link(choice.upload.as_ref()).map_err(|e| e.within("upload"))
}

/// Names in a decision are those of the problem: others say that it was made for another one.
fn check_names(cluster: &Cluster, choice: &ClusterDecision) -> Result<(), FieldError> {
    let differ = |found: &Option<String>, named: &Option<String>| {
        let differ = found.is_some() && found != named;
        differ.then(|| match named {
            Some(name) => format!("{name:?}, its name in the problem"),
            None => "left out: it has no name in the problem".into(),
        })
    };
    if let (Some(allowed), Some(name)) = (differ(&choice.name, &cluster.name), &choice.name) {
        return Err(FieldError::new("name", format!("{name:?}"), allowed));
    }
    if choice.device_names.is_empty() {
        return Ok(());
    }
    same_length("device_names", choice.device_names.len(), choice.active.len(), "the number of active devices")?;
    for (i, (found, device)) in choice.device_names.iter().zip(&choice.active).enumerate() {
        let named = cluster.devices.get(device.0).map_or(&None, |device| &device.name);
        if let (Some(allowed), Some(name)) = (differ(found, named), found) {
            return Err(FieldError::new(format!("device_names[{i}]"), format!("{name:?}"), allowed));
        }
    }
    Ok(())
}

impl Decision {
    /// Makes `null` of the entries of transmissions that need no decision (nothing to send, or a cable), as version 2 has
    /// them. Version 1 keeps an entry for each. The decision must fit the problem.
    pub(crate) fn drop_unused(&mut self, problem: &SlotSpec) {
        let (Schema::V2, Some(plan)) = (problem.schema, problem.plans.get(self.plan)) else { return };
        for (cluster, choice) in problem.clusters.iter().zip(&mut self.clusters) {
            let program = ClusterProgram::new(problem, cluster).under(plan);
            program.drop_unused(choice);
        }
    }
}

fn link(link: Option<&Link>) -> Result<(), FieldError> {
    let Some(link) = link else { return Ok(()) };
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
