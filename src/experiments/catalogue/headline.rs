//! Latency, computation efficiency, energy and memory by policy and model.

use super::pieces::{always, bars, exact_against_others, scale_budgets};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::experiments::table::Contrast;
use crate::model::{Checkpointing, ModelPreset};
use crate::simulation::PolicyKind;

const NAME: &str = "headline";

/// What can be compared with the paper, and what cannot.
const REMARK: &str = "Whether latency, efficiency and memory move in the same direction can be compared with the paper (arXiv 2509.19855). The percentages cannot: its scenario, baselines and equations are not public, what its memory is halved from is not stated, and none of our numbers reproduces one of its own. Memory here is in % of what the whole encoder and batch need on one device, which the figure shows: below 50 % it is more than halved.";

/// Budgets for BERT-large, relative to the base scenario's, which no policy could meet.
const LARGE_BUDGETS: f64 = 8.0;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency, computation efficiency, energy and memory by policy and model",
    question: "How much faster, more efficient and smaller are rounds that are planned exactly, for several models?",
    expectation: "Joint planning is faster than pipelines that give up one of segments, micro-batches, bandwidth or power, unless they spend more energy; how much each gives up is the question. Efficiency and memory are not what is optimized: few fast devices make a round short and hold much of the model each; memory is a limit. With all states known beforehand (offline) nothing is much better.",
    caption: "Lower is better for latency, energy and memory, higher for efficiency. A policy that ignores budgets may be faster, so look at its worst node as well: left of 100 % all budgets are kept. A run whose queues have not caught up can look faster than the offline optimum. Plans and segments fixed at the start have no round where one of their devices is absent. BERT-large recomputes activations in the backward pass (full checkpointing) and has eight times the energy budgets of the base scenario. Split learning and SplitFed leave most blocks to the edge server, whose energy is not counted and whose memory is not limited.",
    plots: || {
        bars(
            "model",
            &[
                Metric::LatencyS,
                Metric::ComputeEfficiency,
                Metric::EnergyJ,
                Metric::MemoryShare,
                Metric::WorstBudgetUse,
                Metric::OutageShare,
            ],
        )
    },
    contrast: against_others,
    skipped: always,
    cells,
};

/// Beside what the paper's abstract says.
fn against_others() -> Option<Contrast> {
    let columns = [
        (Metric::LatencyS, "at least 48.98 lower"),
        (Metric::ComputeEfficiency, "up to 15.09 better"),
        (Metric::EnergyJ, ""),
        (Metric::MemoryShare, "more than halved"),
    ];
    Some(Contrast {
        publication: "CollaPipe against its own baselines".into(),
        remark: REMARK.into(),
        ..exact_against_others(&columns)
    })
}

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
