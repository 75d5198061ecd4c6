//! Figures of a run, and of a sweep of runs, as SVG, 800 px wide, for screen, print and colour-blind eyes.

mod certificates;
mod drift;
mod experiment;
mod frame;
mod latency;
mod lines;
mod marks;
mod panel;
mod plans;
mod segments;
mod style;
mod tradeoff;

pub(super) use drift::{DriftView, OF_DRIFT};
pub(super) use experiment::draw as of_experiment;
use style::Figure;
pub(super) use tradeoff::of_tradeoff;

use crate::simulation::RunRecord;

type Draw = fn(&RunRecord) -> Figure;

/// File name and drawing of every figure.
pub(super) const ALL: [(&str, Draw); 5] = [
    ("latency.svg", latency::draw),
    ("queues.svg", lines::queues),
    ("energy.svg", lines::energy_shares),
    ("segments.svg", segments::draw),
    ("certificates.svg", certificates::draw),
];

const NO_ROUND: &str = "no planned round";
/// Panels that fit on a page.
const MOST_PANELS: usize = 6;

/// The clusters a figure has room for.
struct Shown {
    /// In the record's order.
    clusters: Vec<usize>,
    /// What is left out, for a footnote.
    note: String,
}

/// All clusters, or of many those that weigh most in the price of the round latency.
fn shown(record: &RunRecord) -> Shown {
    let count = record.clusters.len();
    if count <= MOST_PANELS {
        return Shown { clusters: (0..count).collect(), note: String::new() };
    }
    let mut weights = vec![0.0; count];
    for (_, planned) in record.planned_slots() {
        for (weight, cluster) in weights.iter_mut().zip(&planned.clusters) {
            *weight += cluster.latency_share.unwrap_or(0.0);
        }
    }
    let mut order: Vec<(usize, f64)> = weights.into_iter().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut clusters: Vec<usize> = order.iter().take(MOST_PANELS).map(|(cluster, _)| *cluster).collect();
    clusters.sort_unstable();
    Shown { clusters, note: format!("the {MOST_PANELS} of {count} clusters that weigh most") }
}

/// A node's name without its cluster's, short enough for the margin.
fn label(record: &RunRecord, cluster: usize, name: &str) -> String {
    let prefix = record.clusters.get(cluster).and_then(|cluster| name.strip_prefix(cluster.as_str()));
    style::short(prefix.and_then(|rest| rest.strip_prefix('/')).unwrap_or(name), 14)
}
