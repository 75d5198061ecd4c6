//! Latency and energy against bandwidth.

use super::{COMPARED, always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;
use crate::units::Hertz;

const NAME: &str = "bandwidth";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against bandwidth",
    question: "How much does bandwidth matter, and who needs it?",
    expectation: "Latency falls with bandwidth and flattens where computing dominates. A policy that shares bandwidth badly gains more from more of it; what a good allocation is worth shrinks as bandwidth becomes plenty.",
    caption: "The curves are steep on the left, where transmissions dominate, and flat on the right, where devices compute. Equal shares of the band (fixed-radio) cost little in latency and some energy; cutting the model badly costs far more, whatever the band.",
    plots: || lines("bandwidth of every cluster and of the uplink [MHz]", true, &[Metric::LatencyS, Metric::EnergyJ]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[2.5, 5.0, 10.0, 20.0, 40.0, 80.0]);
    setup.vary(NAME, &values, COMPARED, |spec, mhz| {
        spec.uplink.bandwidth_hz = Hertz(mhz * 1e6);
        spec.clusters.iter_mut().for_each(|cluster| cluster.bandwidth_hz = Hertz(mhz * 1e6));
    })
}
