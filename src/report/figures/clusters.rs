//! Clusters and nodes in the figures of a run.

use super::RunView;
use crate::simulation::RunRecord;

/// Said where there is nothing to draw.
pub(super) const NO_ROUND: &str = "no planned round";
/// Panels that fit on a page.
const MOST_PANELS: usize = 6;

/// The clusters a figure has room for.
pub(super) struct Shown {
    /// In the record's order.
    pub(super) clusters: Vec<usize>,
    /// What is left out, for a footnote.
    pub(super) note: String,
}

/// All clusters, or of many those that weigh most in the price of the round latency.
pub(super) fn shown(view: &RunView) -> Shown {
    let count = view.record.clusters.len();
    if count <= MOST_PANELS {
        return Shown { clusters: (0..count).collect(), note: String::new() };
    }
    let mut order: Vec<(usize, f64)> = view.digest.weights.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut clusters: Vec<usize> = order.iter().take(MOST_PANELS).map(|(cluster, _)| *cluster).collect();
    clusters.sort_unstable();
    Shown { clusters, note: format!("the {MOST_PANELS} of {count} clusters that weigh most") }
}

/// Name of a cluster.
pub(super) fn heading(record: &RunRecord, cluster: usize) -> String {
    record.clusters.get(cluster).cloned().unwrap_or_default()
}

/// A node's name without its cluster's.
pub(super) fn label(record: &RunRecord, cluster: usize, name: &str) -> String {
    let prefix = record.clusters.get(cluster).and_then(|cluster| name.strip_prefix(cluster.as_str()));
    prefix.and_then(|rest| rest.strip_prefix('/')).unwrap_or(name).into()
}
