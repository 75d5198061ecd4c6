//! Latency and memory against the number of encoder blocks.

use super::pieces::{COMPARED, always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::model::ModelPreset;
use crate::scenario::ModelSpec;

const NAME: &str = "blocks";

/// Tokens per sample where the base scenario does not say.
const SEQUENCE: u32 = 128;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency and memory against the number of encoder blocks",
    question: "How do deeper models scale?",
    expectation: "Latency grows with the blocks, slowly as long as the fast devices hold them and faster once slower ones have to take part; where not even all devices that are present hold the model, there is no round.",
    caption: "Where a curve bends upwards the fast devices are full and slower ones take part. Budgets are the same for all numbers of blocks: above 100 % the worst node has spent more than its own. In slots without a round the devices that are there do not hold the model.",
    plots: || {
        lines(
            "encoder blocks of BERT-base's size",
            false,
            &[Metric::LatencyS, Metric::LargestMemoryBytes, Metric::WorstBudgetUse, Metric::OutageShare],
        )
    },
    contrast: none,
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
