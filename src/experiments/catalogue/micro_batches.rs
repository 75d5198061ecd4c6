//! Micro-batches: latency and convergence.

use super::pieces::{always, lines, none};
use crate::bounds::{Form, UpdateRule};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::scenario::{ConvergenceSpec, PerCluster, PlanSpec};
use crate::schedule::ScheduleKind;
use crate::simulation::PolicyKind;

const NAME: &str = "micro-batches";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Micro-batches: latency, memory and learning",
    question: "How many micro-batches should a batch be cut into, and under which schedule do they learn?",
    expectation: "More micro-batches fill the pipeline better, until the latency per message takes over. Under fill-drain the M updates of a batch are taken at one iterate and are one update of M times the size: M changes the time of a round and nothing else. Under 1F1B with stashed weights they are M steps, each with M times the variance: that learns faster where noise is small beside what is left to learn, and no faster where noise decides. The paper reports that smaller micro-batches converge better.",
    caption: "One cluster of the built-in scenario. The time to the target is the number of rounds after which the mean squared gradient norm is proved to be at the target (docs/theory/convergence-sharp.md: plain SGD where gradients are current, A2 or C where they are not, at the best step size) times the mean latency; constants are assumed, so that the shape is what to look at. With several clusters A2 alone holds, by which updates per micro-batch gain nothing. Memory counts the stashed weights.",
    plots: || {
        let mut panels =
            lines("micro-batches per batch", true, &[Metric::LatencyS, Metric::MemoryShare, Metric::TimeToTargetS]);
        panels.iter_mut().for_each(|panel| panel.log_y = panel.metric == Metric::TimeToTargetS);
        panels
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let mut cells = Vec::new();
    for schedule in [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward] {
        for variance in [100.0, 0.1] {
            let values = setup.values(&[1.0, 2.0, 4.0, 8.0, 16.0]);
            let varied = setup.vary(NAME, &values, &[PolicyKind::Exact], |spec, batches| {
                spec.clusters.truncate(1);
                let micro_batches = batches as u32;
                spec.plans = vec![PlanSpec { local_iterations: 2, micro_batches, schedule, ..PlanSpec::default() }];
                spec.convergence = Some(convergence(variance));
            })?;
            let series = format!("{schedule}, σ² = {variance}");
            cells.extend(varied.into_iter().map(|cell| Cell { series: series.clone(), ..cell }));
        }
    }
    Ok(cells)
}

/// Assumed constants, those of docs/scenarios/convergence.toml but for the variance and the target.
fn convergence(sample_variance: f64) -> ConvergenceSpec {
    ConvergenceSpec {
        target: 0.1,
        initial_gap: 1.0,
        step_size: 0.01,
        smoothness: 1.0,
        sample_variance: PerCluster::All(sample_variance),
        heterogeneity: 0.5,
        dissimilarity: 1.0,
        weights: None,
        update: UpdateRule::PerMicroBatch,
        form: Form::Sharp,
        estimated: Vec::new(),
    }
}
