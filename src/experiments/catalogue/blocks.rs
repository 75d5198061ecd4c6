//! Latency and memory against the number of encoder blocks.

use super::{COMPARED, always, lines};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;
use crate::model::ModelPreset;
use crate::scenario::ModelSpec;

const NAME: &str = "blocks";

/// Tokens per sample where the base scenario does not say.
const SEQUENCE: u32 = 128;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and memory against the number of encoder blocks",
    question: "How do deeper models scale?",
    expectation: "Latency and energy grow in proportion to the blocks as long as they fit; near the memory of all devices together, slower ones have to take part and rounds fail where devices are absent.",
    caption: "Latency grows about linearly; the outage share rises where the blocks no longer fit into the devices that are present.",
    plots: || {
        lines(
            "encoder blocks of BERT-base's size",
            false,
            &[Metric::LatencyS, Metric::LargestMemoryBytes, Metric::OutageShare],
        )
    },
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[4.0, 8.0, 12.0, 16.0, 20.0]);
    setup.vary(NAME, &values, COMPARED, |spec, layers| {
        let mut transformer = ModelPreset::BertBase.spec(spec.model.sequence_length.unwrap_or(SEQUENCE));
        transformer.layers = layers as u32;
        transformer.precision = spec.model.precision.unwrap_or(transformer.precision);
        spec.model = ModelSpec { transformer: Some(transformer), ..ModelSpec::default() };
    })
}
