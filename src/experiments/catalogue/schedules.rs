//! Which schedule, order and way of sending wins, by how fast the links are.

use super::pieces::{always, lines, none};
use crate::experiments::cell::Cell;
use crate::experiments::error::ExperimentError;
use crate::experiments::experiment::{Experiment, Setup};
use crate::experiments::metric::Metric;
use crate::problem::{Order, Overlap};
use crate::schedule::ScheduleKind;
use crate::simulation::PolicyKind;

const NAME: &str = "schedules";

/// What is compared: in which order stages work, whether a stage that sends computes meanwhile, whether devices may be
/// rearranged.
const PIPELINES: &[(&str, ScheduleKind, Overlap, Order)] = {
    use Order::{Free, Given};
    use Overlap::{Full, None};
    use ScheduleKind::{EagerOneForwardOneBackward as Eager, FillDrain, OneForwardOneBackward as Alternating};
    &[
        ("fill-drain", FillDrain, Full, Given),
        ("fill-drain, any order", FillDrain, Full, Free),
        ("fill-drain, blocking", FillDrain, None, Given),
        ("1f1b", Alternating, Full, Given),
        ("1f1b, any order", Alternating, Full, Free),
        ("1f1b, blocking", Alternating, None, Given),
        ("eager-1f1b", Eager, Full, Given),
    ]
};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: NAME,
    title: "Which schedule wins where",
    question: "In which order should stages work, and what does it ask of links and memory?",
    expectation: "Fill-drain gives each phase the whole band and holds the activations of a whole batch. 1F1B has forward and backward work under way at the same time, on shares of the band, and holds few micro-batches: where memory limits what the fast devices may take, it pays by what fits on them; where it does not, little is between the two. A stage that cannot compute while it sends is slower, most of all on slow links. In one and the same slot an order that may be chosen is never worse.",
    caption: "The number of micro-batches is chosen round by round, from 1 to 16. Memory is that of the fullest device, in units of the encoder and a whole batch on one device. A schedule that needs less memory may put more blocks on a device: less memory per block, not always less memory.",
    plots: || {
        lines(
            "bandwidth relative to the scenario's",
            true,
            &[Metric::LatencyS, Metric::MemoryShare, Metric::WorstBudgetUse],
        )
    },
    contrast: none,
    skipped: always,
    cells,
};

fn cells(setup: &Setup) -> Result<Vec<Cell>, ExperimentError> {
    let mut cells = Vec::new();
    for &(series, schedule, overlap, order) in PIPELINES {
        let values = setup.values(&[0.1, 0.3, 1.0, 3.0, 10.0]);
        let varied = setup.vary(NAME, &values, &[PolicyKind::Exact], |spec, factor| {
            (spec.overlap, spec.order) = (overlap, order);
            spec.plans.iter_mut().for_each(|plan| plan.schedule = schedule);
            spec.clusters.iter_mut().for_each(|cluster| cluster.bandwidth_hz = cluster.bandwidth_hz * factor);
        })?;
        cells.extend(varied.into_iter().map(|cell| Cell { series: series.into(), ..cell }));
    }
    Ok(cells)
}
