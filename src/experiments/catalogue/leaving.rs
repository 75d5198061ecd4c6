//! Devices that leave and return.

use super::pieces::{always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::simulation::PolicyKind;

const NAME: &str = "leaving";

const POLICIES: &[PolicyKind] = &[
    PolicyKind::Exact,
    PolicyKind::FixedSegments,
    PolicyKind::UniformSegments,
    PolicyKind::ProportionalSpeed,
    PolicyKind::NoPipeline,
];

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Devices that leave and return",
    question: "What do absent devices cost, and what is planning anew worth then?",
    expectation: "A plan made anew in every slot does with the devices that are there, so that absences cost latency long before they cost rounds; rounds fail only where the remaining devices cannot hold the model. Segments fixed at the start fail whenever one of their devices is absent.",
    caption: "Latencies are those of the slots that had a round, so that a policy which loses the slow slots looks fast: look at the share of slots without a round as well, and at the budgets. How fast segments fixed at the start are depends on who was there at the start, hence wide intervals.",
    plots: || {
        lines(
            "probability that a device is absent in a slot",
            false,
            &[Metric::LatencyS, Metric::WorstBudgetUse, Metric::OutageShare],
        )
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.0, 0.05, 0.1, 0.2, 0.3, 0.5]);
    setup.vary(NAME, &values, POLICIES, |spec, probability| {
        let devices = spec.clusters.iter_mut().flat_map(|cluster| &mut cluster.devices);
        devices.for_each(|device| device.absence_probability = probability);
    })
}
