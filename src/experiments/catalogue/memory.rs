//! The price of memory: latency against the memory of the fullest device.

use super::pieces::{always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::problem::Participation;
use crate::scenario::Scenario;
use crate::schedule::ScheduleKind;
use crate::simulation::PolicyKind;
use crate::units::Bytes;

const NAME: &str = "memory";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "What a byte less costs",
    question: "How much longer is a round when no device may hold more than a share of the encoder?",
    expectation: "The fastest plans load the fastest devices. A limit well above an even share costs nothing; towards the even share, a quarter for four devices, it forces blocks on devices that are slow, until only the even split is left. 1F1B holds fewer activations, so that the same limit leaves it more blocks on a device. The paper reports memory more than halved: this is what halving costs here.",
    caption: "The limit is a share of what the whole encoder and a whole batch need on one device, the same on all devices, which otherwise have as much as it takes. Memory is that of the fullest device, on average over rounds: below the limit, because blocks are whole.",
    plots: || {
        let mut panels = lines(
            "memory limit of a device [% of encoder]",
            false,
            &[Metric::LatencyS, Metric::MemoryShare, Metric::WorstBudgetUse, Metric::OutageShare],
        );
        panels.iter_mut().for_each(|panel| panel.log_y |= panel.metric == Metric::LatencyS);
        panels
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let base = setup.base()?;
    let scenario = Scenario::new(base.clone())
        .map_err(|source| ExperimentError::Scenario { experiment: NAME.into(), source: Box::new(source) })?;
    let whole: Vec<Bytes> = (0..base.clusters.len()).filter_map(|n| scenario.encoder_memory(n)).collect();
    let mut cells = Vec::new();
    for schedule in [ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward] {
        let values = setup.values(&[100.0, 75.0, 60.0, 50.0, 42.0, 34.0, 25.0]);
        let varied = setup.vary(NAME, &values, &[PolicyKind::Exact], |spec, percent| {
            spec.participation = Participation::Select;
            spec.plans.iter_mut().for_each(|plan| plan.schedule = schedule);
            for (cluster, whole) in spec.clusters.iter_mut().zip(&whole) {
                let limit = Bytes(whole.0 * percent / 100.0);
                cluster.devices.iter_mut().for_each(|device| device.memory_bytes = Some(limit));
            }
        })?;
        cells.extend(varied.into_iter().map(|cell| Cell { series: schedule.to_string(), ..cell }));
    }
    Ok(cells)
}
