//! Latency and energy against V.

use super::{FRUGAL, always, lines};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;

const NAME: &str = "v";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against V",
    question: "What does a larger price V of a second buy, and what does it cost?",
    expectation: "With growing V the latency falls towards its least and the energy rises: drift plus penalty is within O(1/V) of the least latency, and queues, and with them the overspend of a short run, grow as O(V).",
    caption: "Latency falls and energy rises from left to right until nothing faster exists. The worst overspend is above zero where the run is too short for the queues to catch up.",
    plots: || lines("V [1/s]", true, &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstOverspend]),
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]);
    setup.vary(NAME, &values, FRUGAL, |spec, v| spec.latency_weight = v)
}
