//! Latency, computation efficiency, energy and memory by policy and model.

use super::{always, bars, scale_budgets};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::table::Metric;
use crate::model::{Checkpointing, ModelPreset};
use crate::simulation::PolicyKind;

const NAME: &str = "headline";

/// Budgets for BERT-large, relative to the base scenario's, which no policy could meet.
const LARGE_BUDGETS: f64 = 8.0;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency, computation efficiency, energy and memory by policy and model",
    question: "How much faster, more efficient and smaller are rounds that are planned exactly, for several models?",
    expectation: "Joint planning is fastest among the pipelines that keep the budgets: each of the others gives up one of segments, micro-batches, bandwidth or power. A pipeline holds a part of the model on each device, so that its largest memory is a fraction of what training the whole encoder on every device takes. The paper (arXiv 2509.19855) reports computation efficiency up to 15.09 % better, end-to-end latency at least 48.98 % lower and the memory of a single device more than halved. Its scenario, baselines and equations are not public: signs and orders of magnitude can be compared with ours, the percentages cannot, and none of our numbers reproduces one of the paper's.",
    caption: "Lower is better for latency, energy and memory, higher for efficiency. BERT-large recomputes activations in the backward pass (full checkpointing), because the devices cannot hold it otherwise, and has eight times the energy budgets, because nobody could meet the others. Beside the paper's 15.09 %, 48.98 % and 'more than halved' only the directions can be read: its scenario and baselines are not known. Split learning and SplitFed leave most blocks to the edge server, whose energy is not counted and whose memory is not limited: fast and small, because the devices hardly train. A policy that ignores budgets may be faster: look at its overspend.",
    plots: || {
        bars(
            "model",
            &[
                Metric::LatencyS,
                Metric::ComputeEfficiency,
                Metric::EnergyJ,
                Metric::LargestMemoryBytes,
                Metric::WorstOverspend,
                Metric::OutageShare,
            ],
        )
    },
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let models = [ModelPreset::TransformerBase, ModelPreset::BertBase, ModelPreset::BertLarge];
    let mut cells = Vec::new();
    for model in models {
        let mut spec = setup.base()?;
        spec.model.preset = Some(model);
        if model == ModelPreset::BertLarge {
            spec.model.checkpointing = Some(Checkpointing::Full);
            scale_budgets(&mut spec, LARGE_BUDGETS);
        }
        cells.extend(setup.cells(NAME, None, model.name(), PolicyKind::ALL, &spec)?);
    }
    Ok(cells)
}
