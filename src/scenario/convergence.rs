//! The convergence constraint of a scenario: plain data, and what they mean for its plans.

use serde::{Deserialize, Serialize};

use super::spec::{PlanSpec, ScenarioSpec};
use crate::bounds::{BatchNoise, BoundError, ConvergenceConstraint, Form, LearningProblem, PrivacyTarget, UpdateRule};
use crate::problem::{CandidatePlan, FieldError};

/// Long-term constraint on what is learned: the weighted mean of E|∇F|² over the run is to be at most ε
/// ([`ConvergenceConstraint`], whose symbols and units these are). The batch sizes are those of the clusters, and the
/// horizon R is the scenario's number of slots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConvergenceSpec {
    /// ε > 0, in loss²/par².
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "loss²/par²")))]
    pub target: f64,
    /// Δ = F(θ_0) − inf F ≥ 0, in loss.
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "loss")))]
    pub initial_gap: f64,
    /// η > 0, in par²/loss; small enough for every candidate plan.
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "par²/loss")))]
    pub step_size: f64,
    /// L > 0, in loss/par².
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "loss/par²")))]
    pub smoothness: f64,
    /// σ²: largest variance of one sample's gradient, in loss²/par²; of all clusters, or of each.
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "loss²/par²")))]
    pub sample_variance: PerCluster,
    /// ζ²: how far the clusters' gradients are apart, ≥ 0, in loss²/par².
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("x-unit" = "loss²/par²")))]
    pub heterogeneity: f64,
    /// β² ≥ 1.
    #[serde(default = "one")]
    pub dissimilarity: f64,
    /// ρ_n, of sum 1, one per cluster; equal if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
    /// When the pipelines update. Under fill-drain the M updates of a batch are one of M times their size; where forward and
    /// backward work take turns, an update per micro-batch keeps the weights of every micro-batch in flight, and the plan's
    /// memory counts them.
    pub update: UpdateRule,
    /// Which inequality of `docs/theory/convergence.md`; the sharp one if left out.
    #[serde(default)]
    pub form: Form,
    /// Constants that were estimated from gradients, and not proved to hold: every output then says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimated: Vec<EstimatedConstant>,
}

/// A constant of the training problem that measurements can be below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EstimatedConstant {
    /// L.
    Smoothness,
    /// σ².
    SampleVariance,
    /// ζ².
    Heterogeneity,
    /// Δ.
    InitialGap,
}

impl EstimatedConstant {
    /// Its key in a scenario.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Smoothness => "smoothness",
            Self::SampleVariance => "sample_variance",
            Self::Heterogeneity => "heterogeneity",
            Self::InitialGap => "initial_gap",
        }
    }
}

fn one() -> f64 {
    1.0
}

/// A number for all clusters, or one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "must be a number, or a list with one number per cluster")]
pub enum PerCluster {
    /// One number for all clusters.
    All(f64),
    /// One entry per cluster.
    Each(Vec<f64>),
}

impl PerCluster {
    /// One entry per cluster; a list is returned as it is, whatever its length.
    #[must_use]
    pub fn list(&self, clusters: usize) -> Vec<f64> {
        match self {
            Self::All(value) => vec![*value; clusters],
            Self::Each(values) => values.clone(),
        }
    }
}

/// The constraint of a scenario, defined for each of its plans.
pub(super) fn constraint(
    scenario: &ScenarioSpec,
    spec: &ConvergenceSpec,
    plans: &[CandidatePlan],
) -> Result<ConvergenceConstraint, FieldError> {
    let clusters = scenario.clusters.len();
    if let Some(weights) = &spec.weights
        && weights.len() != clusters
    {
        let value = format!("a list of {}", weights.len());
        return Err(FieldError::new("convergence.weights", value, one_per_cluster(clusters)));
    }
    if let PerCluster::Each(values) = &spec.sample_variance
        && values.len() != clusters
    {
        let value = format!("a list of {}", values.len());
        return Err(FieldError::new("convergence.sample_variance", value, one_per_cluster(clusters)));
    }
    let batch_size: Vec<u32> = scenario.clusters.iter().map(|cluster| cluster.batch_size).collect();
    let mut sample_variance = spec.sample_variance.list(clusters);
    if let Some(privacy) = &scenario.privacy {
        let noise = noise(privacy, spec.update, &batch_size, scenario.slots, plans)?;
        sample_variance.iter_mut().zip(noise).for_each(|(variance, noise)| *variance += noise.sample_variance);
    }
    let constraint = ConvergenceConstraint {
        learning: LearningProblem {
            initial_gap: spec.initial_gap,
            smoothness: spec.smoothness,
            weights: spec.weights.clone().unwrap_or_else(|| vec![1.0 / clusters as f64; clusters]),
            sample_variance,
            batch_size,
            heterogeneity: spec.heterogeneity,
            dissimilarity: spec.dissimilarity,
            update: spec.update,
        },
        step_size: spec.step_size,
        rounds: scenario.slots,
        target: spec.target,
        form: spec.form,
    };
    let errors = plans.iter().enumerate();
    let errors = errors.filter_map(|(index, plan)| Some((index, plan, constraint.violation(plan).err()?)));
    // Of plans that ask for a smaller step, the one that asks for the smallest, so that the advice is not refused again
    // for another plan.
    let rank = |error: &BoundError| match error {
        BoundError::StepSize { largest, .. } => *largest,
        _ => 0.0,
    };
    match errors.min_by(|a, b| rank(&a.2).total_cmp(&rank(&b.2))) {
        Some((index, plan, error)) => Err(refused(error, index, plan)),
        None => Ok(constraint),
    }
}

/// Whether the pipelines of a plan keep a version of their weights for every micro-batch in flight.
pub(super) fn stashes(scenario: &ScenarioSpec, plan: &PlanSpec) -> bool {
    let update = scenario.convergence.as_ref().map(|spec| spec.update);
    update == Some(UpdateRule::PerMicroBatch) && plan.schedule.alternates() && plan.micro_batches > 1
}

/// The noise of every cluster's updates: one of B samples per batch, or M of B/M samples where a plan updates per
/// micro-batch and its gradients are not all taken at one iterate. The accountant composes updates that are all alike, so
/// that all plans must have the same number of samples in one; a run has as many as with the plan that has most.
fn noise(
    privacy: &PrivacyTarget,
    update: UpdateRule,
    batch_size: &[u32],
    rounds: u64,
    plans: &[CandidatePlan],
) -> Result<Vec<BatchNoise>, FieldError> {
    let split = |plan: &CandidatePlan| match update {
        UpdateRule::PerMicroBatch if plan.schedule.alternates() => plan.micro_batches,
        _ => 1,
    };
    let first = plans.first().map_or(1, split);
    if let Some((index, other)) = plans.iter().enumerate().find(|(_, plan)| split(plan) != first) {
        let value = format!("given, with {} updates per batch in plans[{index}] and {first} in plans[0]", split(other));
        let allowed = "for plans with equally many updates per batch (the same M where they update per micro-batch), or \
                       update = \"per-batch\"";
        return Err(FieldError::new("privacy", value, allowed));
    }
    let most = plans.iter().map(|plan| u64::from(plan.local_iterations) * u64::from(split(plan))).max().unwrap_or(1);
    let own: Vec<u32> = batch_size.iter().map(|batch| batch / first.max(1)).collect();
    privacy.noise(&own, most.saturating_mul(rounds)).map_err(|error| match error {
        BoundError::Field(field) if field.path == "steps" => field,
        BoundError::Field(field) => field.within("privacy"),
        other => FieldError::new("privacy", format!("a target for which there is no noise ({other})"), "within reach"),
    })
}

fn one_per_cluster(clusters: usize) -> String {
    format!("a list of {clusters}, one entry per cluster")
}

/// A bound's error in the scenario's names.
fn refused(error: BoundError, index: usize, plan: &CandidatePlan) -> FieldError {
    match error {
        BoundError::Field(field) => field.within("convergence"),
        BoundError::StepSize { step_size, assumption, largest, .. } => {
            let (iterations, batches) = (plan.local_iterations, plan.micro_batches);
            let allowed = format!(
                "at most {largest:?} for plans[{index}] (I = {iterations}, M = {batches}), because the bound assumes \
                 {assumption}; or drop that plan"
            );
            FieldError::new("convergence.step_size", format!("{step_size:?}"), allowed)
        }
        other => FieldError::new(
            "convergence",
            format!("numbers for which plans[{index}] has no bound ({other})"),
            "of magnitudes whose products a double can hold",
        ),
    }
}
