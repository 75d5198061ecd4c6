//! Devices that leave and return.

use super::{COMPARED, always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;

const NAME: &str = "leaving";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Devices that leave and return",
    question: "What do absent devices cost?",
    expectation: "Every slot is planned anew with the devices that are there, so that absences cost latency long before they cost rounds. Rounds fail only where the remaining devices cannot hold the model.",
    caption: "Latency rises with the probability of absence. Slots without a round are the same for everybody: the devices that are there cannot hold the model, rarely at 0.1, in two slots of three at 0.5.",
    plots: || lines("probability that a device is absent in a slot", false, &[Metric::LatencyS, Metric::OutageShare]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.0, 0.05, 0.1, 0.2, 0.3, 0.5]);
    setup.vary(NAME, &values, COMPARED, |spec, probability| {
        let devices = spec.clusters.iter_mut().flat_map(|cluster| &mut cluster.devices);
        devices.for_each(|device| device.absence_probability = probability);
    })
}
