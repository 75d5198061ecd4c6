//! Micro-batches: latency and convergence.

use super::pieces::{always, lines, none};
use crate::bounds::{Form, UpdateRule};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::scenario::{ConvergenceSpec, PerCluster, PlanSpec};
use crate::simulation::PolicyKind;

const NAME: &str = "micro-batches";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Micro-batches: latency and convergence",
    question: "How many micro-batches should a batch be cut into?",
    expectation: "More micro-batches fill the pipeline better, until the latency per message takes over; they run fill-drain, where the M updates of a batch are taken at one iterate and are one update of M times the size. The bound falls with its length first and rises with its noise at last. The paper reports that smaller micro-batches converge better; here that is so where the first effect is the larger.",
    caption: "Latency rises again where the latency per message outweighs what a fuller pipeline gains. The convergence bound on the mean squared gradient norm (docs/theory/convergence.md; in squared units of loss per unit of parameters) has assumed constants, those of docs/scenarios/convergence.toml: its shape is what to look at.",
    plots: || lines("micro-batches per batch", true, &[Metric::LatencyS, Metric::ConvergenceBound, Metric::EnergyJ]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let mut cells = Vec::new();
    for (rule, series) in
        [(UpdateRule::PerMicroBatch, "update per micro-batch"), (UpdateRule::PerBatch, "update per batch")]
    {
        let varied =
            setup.vary(NAME, &setup.values(&[1.0, 2.0, 4.0, 8.0, 16.0]), &[PolicyKind::Exact], |spec, batches| {
                spec.plans =
                    vec![PlanSpec { local_iterations: 2, micro_batches: batches as u32, ..PlanSpec::default() }];
                spec.convergence = Some(convergence(rule));
            })?;
        cells.extend(varied.into_iter().map(|cell| Cell { series: series.into(), ..cell }));
    }
    Ok(cells)
}

/// The assumed constants of docs/scenarios/convergence.toml.
fn convergence(update: UpdateRule) -> ConvergenceSpec {
    ConvergenceSpec {
        target: 0.7,
        initial_gap: 1.0,
        step_size: 0.01,
        smoothness: 1.0,
        sample_variance: PerCluster::All(100.0),
        heterogeneity: 0.5,
        dissimilarity: 1.0,
        weights: None,
        update,
        form: Form::Sharp,
        estimated: Vec::new(),
    }
}
