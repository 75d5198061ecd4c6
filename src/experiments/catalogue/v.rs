//! Latency and energy against V.

use super::pieces::{always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::simulation::PolicyKind;

const NAME: &str = "v";

const POLICIES: &[PolicyKind] = &[PolicyKind::Exact, PolicyKind::LatencyOnly, PolicyKind::Offline];

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and energy against V",
    question: "What does a larger price V of a second buy, and what does it cost?",
    expectation: "With growing V the latency falls towards its least: drift plus penalty is within O(1/V) of the least mean latency that budgets allow (offline), while queues may grow as O(V), and with them the overspend of a run of given length. The least latency without budgets (latency-only) is reached where the run is too short for the queues to matter.",
    caption: "Above 100 % the worst node has spent more than its budget so far, and a policy can pass the offline optimum, because its queues have not caught up. It is not the total energy that budgets limit but what each node spends. The offline optimum does not depend on V, but for its accuracy of a thousandth and the rounding of mixed slots.",
    plots: || lines("V [1/s]", true, &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstBudgetUse]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]);
    setup.sweep(NAME, &["latency_weight"], 1.0, &values, POLICIES)
}
