//! Segment sizes against device speed.

use super::pieces::{COMPARED, always, bars, none};
use crate::experiments::cell::{Cell, Measure};
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;

const NAME: &str = "segments";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Segment sizes against device speed",
    question: "Which devices hold how many encoder blocks?",
    expectation: "Faster devices hold more blocks, but not in proportion to their speed: a block costs energy where budgets are tight, memory is limited, and a device that is far away in the pipeline or too slow to be worth a hop is left out.",
    caption: "A row per device, by cluster, the fastest first: left its speed, on a logarithmic axis, right what it holds under each policy in the slots in which it is present. Uniform segments do not depend on the speed; proportional ones follow it within a cluster; exact ones follow energy, memory and radio as well.",
    plots: || bars("policy", &[Metric::DeviceSpeed, Metric::Blocks]),
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let mut cells = setup.cells(NAME, None, "base", COMPARED, &setup.base()?)?;
    cells.iter_mut().for_each(|cell| cell.measure = Measure::Devices);
    Ok(cells)
}
