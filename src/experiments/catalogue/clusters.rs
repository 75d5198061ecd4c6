//! Latency and energy against the number of clusters.

use super::{COMPARED, always, lines, none, set_clusters};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;

const NAME: &str = "clusters";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against the number of clusters",
    question: "What do further clusters cost each round?",
    expectation: "Clusters train side by side, but share the uplink, and a round lasts as long as its slowest cluster: latency grows slowly, energy in proportion to their number.",
    caption: "Latency grows with the number of clusters through the shared uplink and the slowest of more clusters; how much depends on how the uplink is shared.",
    plots: || lines("clusters", false, &[Metric::LatencyS, Metric::EnergyJ]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    setup.vary(NAME, &values, COMPARED, |spec, count| set_clusters(spec, count as usize))
}
