//! The experiments, one per file.

mod bandwidth;
mod blocks;
mod clusters;
mod devices;
mod exact_vs_alternating;
mod headline;
mod heterogeneity;
mod leaving;
mod micro_batches;
mod power_limit;
mod segments;
mod small_budgets;
mod traces;
mod v;

use super::error::ExperimentError;
use super::experiment::{Experiment, Setup};
use super::table::{Contrast, ContrastColumn, Drawing, Metric, PlotSpec};
use crate::scenario::{ClusterSpec, ScenarioSpec};
use crate::simulation::PolicyKind;
use crate::units::Joules;

/// All experiments, the most telling first.
pub const ALL: &[&Experiment] = &[
    &headline::EXPERIMENT,
    &v::EXPERIMENT,
    &bandwidth::EXPERIMENT,
    &devices::EXPERIMENT,
    &power_limit::EXPERIMENT,
    &heterogeneity::EXPERIMENT,
    &clusters::EXPERIMENT,
    &blocks::EXPERIMENT,
    &micro_batches::EXPERIMENT,
    &segments::EXPERIMENT,
    &leaving::EXPERIMENT,
    &exact_vs_alternating::EXPERIMENT,
    &small_budgets::EXPERIMENT,
    &traces::EXPERIMENT,
];

/// The experiment of this name.
///
/// # Errors
/// [`ExperimentError::Unknown`] lists the names there are.
pub fn find(name: &str) -> Result<&'static Experiment, ExperimentError> {
    ALL.iter().copied().find(|experiment| experiment.name == name).ok_or_else(|| ExperimentError::Unknown {
        name: name.into(),
        known: ALL.iter().map(|experiment| experiment.name).collect::<Vec<_>>().join(", "),
    })
}

/// Who is compared where one number is varied.
const COMPARED: &[PolicyKind] = &[
    PolicyKind::Exact,
    PolicyKind::UniformSegments,
    PolicyKind::ProportionalSpeed,
    PolicyKind::FixedRadio,
    PolicyKind::NoPipeline,
];

/// No reason to leave an experiment out.
fn always(_: &Setup) -> Option<String> {
    None
}

/// No table of one policy against the others.
fn none() -> Option<Contrast> {
    None
}

/// The exact policy against each of the others.
fn exact_against_others(columns: &[(Metric, &str)]) -> Contrast {
    let column = |&(metric, published): &(Metric, &str)| ContrastColumn { metric, published: published.into() };
    Contrast {
        reference: PolicyKind::Exact.to_string(),
        columns: columns.iter().map(column).collect(),
        publication: String::new(),
        remark: String::new(),
    }
}

/// Panels of lines over one axis.
fn lines(x_axis: &str, log_x: bool, metrics: &[Metric]) -> Vec<PlotSpec> {
    let mut panels = panels(x_axis, log_x, Drawing::Lines, metrics);
    // Policies that ignore budgets exceed them several times.
    panels.iter_mut().for_each(|panel| panel.log_y = panel.metric == Metric::WorstBudgetUse);
    panels
}

/// Panels of marks by category.
fn bars(x_axis: &str, metrics: &[Metric]) -> Vec<PlotSpec> {
    let mut panels = panels(x_axis, false, Drawing::Bars, metrics);
    // Policies and models are orders of magnitude apart.
    let wide =
        |metric| matches!(metric, Metric::LatencyS | Metric::EnergyJ | Metric::WorstBudgetUse | Metric::DeviceSpeed);
    panels.iter_mut().for_each(|panel| panel.log_y = wide(panel.metric));
    panels
}

fn panels(x_axis: &str, log_x: bool, drawing: Drawing, metrics: &[Metric]) -> Vec<PlotSpec> {
    let panel = |&metric| PlotSpec { metric, x_axis: x_axis.into(), drawing, log_x, log_y: false };
    metrics.iter().map(panel).collect()
}

/// Multiplies the energy budgets of all nodes.
fn scale_budgets(spec: &mut ScenarioSpec, factor: f64) {
    let scale = |budget: &mut Option<Joules>| *budget = budget.map(|budget| budget * factor);
    for cluster in &mut spec.clusters {
        scale(&mut cluster.control_unit.budget_j_per_round);
        cluster.devices.iter_mut().for_each(|device| scale(&mut device.budget_j_per_round));
    }
}

/// Gives every cluster `count` devices: its own, then copies of them some steps further on.
fn set_devices(spec: &mut ScenarioSpec, count: usize) {
    for cluster in &mut spec.clusters {
        let own = cluster.devices.clone();
        cluster.devices = own.iter().cycle().take(count).cloned().collect();
        for (place, device) in cluster.devices.iter_mut().enumerate().skip(own.len()) {
            let copy = place / own.len();
            device.name = format!("{}-{}", device.name, copy + 1);
            if let Some(position) = &mut device.position {
                position.y_m.0 += 3.0 * copy as f64;
            }
        }
    }
}

/// `count` clusters: the scenario's own, then copies of them, which have a radio of their own by their place in the
/// list.
fn set_clusters(spec: &mut ScenarioSpec, count: usize) {
    let own = spec.clusters.clone();
    let copy = |(place, cluster): (usize, &ClusterSpec)| {
        let mut cluster = cluster.clone();
        if place >= own.len() {
            cluster.name = format!("{}-{}", cluster.name, place / own.len() + 1);
        }
        cluster
    };
    spec.clusters = own.iter().cycle().take(count).enumerate().map(copy).collect();
}
