//! Exact against alternating optimization.

use super::pieces::{lines, none, set_devices};
use crate::experiments::cell::{Cell, Measure};
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup, missing};
use crate::experiments::metric::Metric;
use crate::simulation::PolicyKind;

const NAME: &str = "exact-vs-alternating";

const POLICIES: &[PolicyKind] = &[PolicyKind::Alternating];

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Exact against alternating optimization",
    question: "How far from the optimum does alternating between segments and radio stop, and is it faster?",
    expectation: "Alternating minimization stops where neither part alone can improve, which need not be the joint optimum: its gap is positive on average. It solves many problems per slot, the segments by a general solver of linear programs in integers, so that it is slower than the exact search that is made for this problem.",
    caption: "The gap is measured against the proved lower bound of the same slots at the same prices. The time is that of the decisions relative to the exact solver's in the same process; it is measured, differs from run to run, and depends on the solver of linear programs (microlp).",
    plots: || lines("devices per cluster", false, &[Metric::Gap, Metric::TimeRatio]),
    contrast: none,
    skipped: |_| missing(PolicyKind::Alternating),
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let mut cells = setup.vary(NAME, &setup.values(&[3.0, 4.0, 5.0, 6.0, 8.0]), POLICIES, |spec, count| {
        // Each decision is made twice: shorter runs.
        spec.slots = spec.slots.div_ceil(2);
        set_devices(spec, count as usize);
    })?;
    cells.iter_mut().for_each(|cell| cell.measure = Measure::AgainstExact);
    Ok(cells)
}
