//! Latency and energy against the number of devices.

use super::pieces::{COMPARED, always, lines, none, set_devices};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;

const NAME: &str = "devices";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against the number of devices",
    question: "Do more devices help?",
    expectation: "Up to a point: a longer pipeline has shorter stages but more hops and more filling. Who may leave devices out never loses by having more; who must use all does.",
    caption: "Further devices are copies of the cluster's own, the first of them of the fastest. What counts is whether a curve falls when a device comes that is worth a hop, and whether it rises for those who must use all.",
    plots: || {
        lines(
            "devices per cluster",
            false,
            &[Metric::LatencyS, Metric::EnergyJ, Metric::ComputeEfficiency, Metric::WorstBudgetUse],
        )
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[3.0, 4.0, 5.0, 6.0, 8.0]);
    setup.vary(NAME, &values, COMPARED, |spec, count| set_devices(spec, count as usize))
}
