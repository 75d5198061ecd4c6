//! When a pipeline of devices pays: against policies that lean on the edge server, by how much of it there is.

use super::pieces::{always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::scenario::EdgeServerSpec;
use crate::simulation::PolicyKind;
use crate::units::FlopsPerSecond;

const NAME: &str = "server";

const PLAYED: &[PolicyKind] =
    &[PolicyKind::Exact, PolicyKind::NoPipeline, PolicyKind::SplitLearning, PolicyKind::SplitFed];

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "When a pipeline pays",
    question: "How strong may the edge server be before it is better to leave it the blocks?",
    expectation: "A pipeline asks the server for its last stage alone and hardly notices a slower one. Split learning and SplitFed leave it most blocks: they are faster where a cluster has the server to itself, and slower from some share downwards. N clusters of one server have a share of 1/N each at best.",
    caption: "Shares divide the server's time evenly: read 1/N as N clusters that share it. Its energy is not counted, and its memory is not limited: both would speak for the pipeline.",
    plots: || {
        lines(
            "share of the edge server's speed that a cluster has",
            true,
            &[Metric::LatencyS, Metric::EnergyJ, Metric::WorstBudgetUse],
        )
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[1.0, 0.25, 0.0625, 0.015625, 0.00390625, 0.0009765625]);
    setup.vary(NAME, &values, PLAYED, |spec, share| {
        spec.clusters.iter_mut().for_each(|cluster| slow_down(&mut cluster.edge_server, share));
    })
}

/// A server of which a cluster has a share of the time.
fn slow_down(server: &mut EdgeServerSpec, share: f64) {
    let preset = server.preset.map(|preset| preset.profile());
    let scaled =
        |own: Option<FlopsPerSecond>, of_preset: Option<FlopsPerSecond>| own.or(of_preset).map(|rate| rate * share);
    server.forward_flops_per_second =
        scaled(server.forward_flops_per_second, preset.as_ref().map(|preset| preset.forward_flops_per_second));
    server.backward_flops_per_second =
        scaled(server.backward_flops_per_second, preset.as_ref().map(|preset| preset.backward_flops_per_second));
}
