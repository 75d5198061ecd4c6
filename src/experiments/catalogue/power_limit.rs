//! Latency and energy against the power limit.

use super::pieces::{COMPARED, always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::units::Watts;

const NAME: &str = "power-limit";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against the power limit",
    question: "What does a larger transmit power buy?",
    expectation: "Little beyond some point: rates grow with the logarithm of power, energy in proportion to it. The optimum stays below the limit where energy has a price; full power does not.",
    caption: "Nodes that stay below their budgets have no energy price and send as loudly as they may.",
    plots: || {
        lines(
            "largest transmit power of every node [dBm]",
            false,
            &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstBudgetUse],
        )
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
    setup.vary(NAME, &values, COMPARED, |spec, dbm| {
        let limit = Some(Watts(10f64.powf(dbm / 10.0) * 1e-3));
        for cluster in &mut spec.clusters {
            cluster.control_unit.max_power_w = limit;
            cluster.devices.iter_mut().for_each(|device| device.max_power_w = limit);
        }
    })
}
