//! Latency and energy against the number of devices.

use super::{COMPARED, always, lines, set_devices};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;

const NAME: &str = "devices";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against the number of devices",
    question: "Do more devices help?",
    expectation: "Up to a point: a longer pipeline has shorter stages but more hops and more filling. Who may leave devices out never loses by having more; who must use all does.",
    caption: "A policy that selects devices has a falling or flat latency; one that spreads the blocks over all of them may become slower.",
    plots: || lines("devices per cluster", false, &[Metric::LatencyS, Metric::EnergyJ, Metric::ComputeEfficiency]),
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[3.0, 4.0, 5.0, 6.0, 8.0]);
    setup.vary(NAME, &values, COMPARED, |spec, count| set_devices(spec, count as usize))
}
