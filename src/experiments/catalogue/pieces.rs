//! What several experiments have in common.

use crate::experiments::experiment::Setup;
use crate::experiments::metric::Metric;
use crate::experiments::table::{Contrast, ContrastColumn, Drawing, PlotSpec};
use crate::scenario::{ClusterSpec, ScenarioSpec};
use crate::simulation::PolicyKind;
use crate::units::Joules;

/// Who is compared where one number is varied.
pub(super) const COMPARED: &[PolicyKind] = &[
    PolicyKind::Exact,
    PolicyKind::UniformSegments,
    PolicyKind::ProportionalSpeed,
    PolicyKind::FixedRadio,
    PolicyKind::NoPipeline,
];

/// No reason to leave an experiment out.
pub(super) fn always(_: &Setup) -> Option<String> {
    None
}

/// No table of one policy against the others.
pub(super) fn none() -> Option<Contrast> {
    None
}

/// The exact policy against each of the others.
pub(in crate::experiments) fn exact_against_others(columns: &[(Metric, &str)]) -> Contrast {
    let column = |&(metric, published): &(Metric, &str)| ContrastColumn { metric, published: published.into() };
    Contrast {
        reference: PolicyKind::Exact.to_string(),
        columns: columns.iter().map(column).collect(),
        publication: String::new(),
        remark: String::new(),
    }
}

/// Panels of lines over one axis.
pub(in crate::experiments) fn lines(x_axis: &str, log_x: bool, metrics: &[Metric]) -> Vec<PlotSpec> {
    let mut panels = panels(x_axis, log_x, Drawing::Lines, metrics);
    // Policies that ignore budgets exceed them several times.
    panels.iter_mut().for_each(|panel| panel.log_y = panel.metric == Metric::WorstBudgetUse);
    panels
}

/// Panels of marks by category.
pub(in crate::experiments) fn bars(x_axis: &str, metrics: &[Metric]) -> Vec<PlotSpec> {
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
pub(super) fn scale_budgets(spec: &mut ScenarioSpec, factor: f64) {
    let scale = |budget: &mut Option<Joules>| *budget = budget.map(|budget| budget * factor);
    for cluster in &mut spec.clusters {
        scale(&mut cluster.control_unit.budget_j_per_round);
        cluster.devices.iter_mut().for_each(|device| scale(&mut device.budget_j_per_round));
    }
}

/// Gives every cluster `count` devices: its own, then copies of them some steps further on.
pub(super) fn set_devices(spec: &mut ScenarioSpec, count: usize) {
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
pub(super) fn set_clusters(spec: &mut ScenarioSpec, count: usize) {
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
