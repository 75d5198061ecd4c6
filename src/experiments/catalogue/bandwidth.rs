//! Latency and energy against bandwidth.

use super::pieces::{COMPARED, always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;

const NAME: &str = "bandwidth";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against bandwidth",
    question: "How much does bandwidth matter, and who needs it?",
    expectation: "Latency falls with bandwidth and flattens where computing dominates: what a hertz is worth shrinks as there are more of them. How the model is cut matters at any bandwidth.",
    caption: "Left, transmissions take most of a round; right, devices compute. The last panel shows what a latency was bought with: above 100 % the worst node has spent more than its budget, because no decision keeps it or because queues have not settled.",
    plots: || {
        lines(
            "bandwidth of every cluster and of the uplink [MHz]",
            true,
            &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstBudgetUse],
        )
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[2.5, 5.0, 10.0, 20.0, 40.0, 80.0]);
    setup.sweep(NAME, &["uplink.bandwidth_hz", "clusters.*.bandwidth_hz"], 1e6, &values, COMPARED)
}
