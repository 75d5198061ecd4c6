//! Latency against how unequal the devices are.

use super::pieces::{COMPARED, always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::network::device::DevicePreset;
use crate::units::Joules;

const NAME: &str = "heterogeneity";

/// Energy budget of every device: more than it can spend on the whole model, so that speed alone matters.
const BUDGET_J: f64 = 1000.0;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Latency against how unequal the devices are",
    question: "How much do adaptive segments gain where devices differ?",
    expectation: "Nothing where all are equal, and more the more they differ: with equal segments the slowest device is the bottleneck of the pipeline, with adapted ones it gets fewer blocks. The total speed is the same at every point, and budgets are ample, so that speed alone matters.",
    caption: "The total speed of the devices is the same at every point. Uniform segments wait for the slowest device; adapted ones move blocks to the fast devices.",
    plots: || lines("relative spread of the devices' speeds", false, &[Metric::LatencyS, Metric::ComputeEfficiency]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let values = setup.values(&[0.0, 0.2, 0.4, 0.6, 0.8]);
    setup.vary(NAME, &values, COMPARED, |spec, spread| {
        let profile = DevicePreset::JetsonNano4Gb.profile();
        for cluster in &mut spec.clusters {
            let last = cluster.devices.len().saturating_sub(1).max(1) as f64;
            for (k, device) in cluster.devices.iter_mut().enumerate() {
                // Evenly spaced from 1 - spread to 1 + spread: their sum does not depend on the spread.
                let factor = 1.0 + spread * (2.0 * k as f64 / last - 1.0);
                device.preset = Some(DevicePreset::JetsonNano4Gb);
                device.forward_flops_per_second = Some(profile.forward_flops_per_second * factor);
                device.backward_flops_per_second = Some(profile.backward_flops_per_second * factor);
                device.budget_j_per_round = Some(Joules(BUDGET_J));
                device.absence_probability = 0.0;
            }
        }
    })
}
