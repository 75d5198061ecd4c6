//! Budgets too small to meet.

use super::pieces::{always, lines, none, scale_budgets};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::simulation::PolicyKind;

const NAME: &str = "small-budgets";

const POLICIES: &[PolicyKind] = &[PolicyKind::Exact, PolicyKind::LatencyOnly, PolicyKind::Myopic, PolicyKind::Offline];

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Budgets too small to meet",
    question: "What happens where the energy budgets cannot be met?",
    expectation: "Where budgets cannot be met no policy meets them. The queues of the exact policy grow without bound, so that it ends up saving energy at any cost of latency; its overspend tends to the least possible one, and is certified. The offline optimum exists as long as some mixture of rounds keeps every budget on average. A policy that meets its budgets in every slot or not at all (myopic) stops training long before that: a block is computed or not.",
    caption: "Above 100 % the worst node of a policy spends more than its budget. Offline and myopic have no rounds where they find none within the budgets: they have no latency there, and spend nothing.",
    plots: || {
        let metrics = [Metric::WorstBudgetUse, Metric::LatencyS, Metric::OutageShare];
        lines("budgets relative to those of the base scenario", true, &metrics)
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.1, 0.2, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0]);
    setup.vary(NAME, &values, POLICIES, scale_budgets)
}
