//! Budgets too small to meet.

use super::{FRUGAL, always, lines, scale_budgets};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;

const NAME: &str = "small-budgets";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Budgets too small to meet",
    question: "What happens where the energy budgets cannot be met?",
    expectation: "No policy meets them. The queues of the exact policy grow without bound, so that it ends up saving energy at any cost of latency: the overspend tends to the least possible one, and is certified. A policy that meets its budget in every slot or not at all stops training.",
    caption: "To the left of some budget the overspend is positive for everyone; the exact policy trades latency for a smaller one, others do not react, or have no rounds.",
    plots: || {
        lines(
            "budgets relative to those of the base scenario",
            true,
            &[Metric::WorstOverspend, Metric::LatencyS, Metric::OutageShare],
        )
    },
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.05, 0.1, 0.2, 0.4, 0.7, 1.0]);
    setup.vary(NAME, &values, FRUGAL, scale_budgets)
}
