//! Latency and energy against the number of clusters.

use super::pieces::{COMPARED, always, lines, none, set_clusters};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;

const NAME: &str = "clusters";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against the number of clusters",
    question: "What do further clusters cost each round?",
    expectation: "Clusters train side by side, but share the uplink, and a round lasts as long as its slowest cluster: latency jumps where a slower kind of cluster joins, grows slowly otherwise, and energy adds up.",
    caption: "Clusters are of two kinds in turn. A policy that cuts the model badly for one kind pays for it from the first cluster of that kind on. Above 100 % (last panel) a policy has spent more than its budget, which can make it look fast.",
    plots: || lines("clusters", false, &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstBudgetUse]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    setup.vary(NAME, &values, COMPARED, |spec, count| set_clusters(spec, count as usize))
}
