//! What the runs did, and the bounds that follow.

use super::result::{Bound, PlayedRun, Promise};
use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{BLUE, Dash, Look, VERMILLION};
use crate::drawing::scale::Scale;
use crate::report::table::{number, significant};

const TITLE: &str = "What runs at other seeds will do";
const RUNS: Look = Look::plain(BLUE, Dash::Solid, 1.6);
const BOUND: Look = Look::plain(VERMILLION, Dash::Long, 1.4);

/// A number of a run, if it has it.
type Number = fn(&PlayedRun) -> Option<f64>;

pub(super) fn figure(promise: &Promise) -> Figure {
    let of: [(&str, Option<Bound>, Number); 3] = [
        ("Worst overspend of a node [budgets]", promise.worst_overspend, |run| run.worst_overspend),
        ("Mean round latency [s]", promise.mean_latency_s, |run| run.mean_latency_s),
        ("Largest norm of all queues [budgets]", promise.queue_norm, |run| Some(run.queue_norm)),
    ];
    let panel = |(title, bound, value): (&str, Option<Bound>, Number)| {
        let values = promise.runs.iter().filter_map(value).collect();
        Some(panel(title, bound?.at_most, values))
    };
    let panels: Vec<Panel> = of.into_iter().filter_map(panel).collect();
    let (runs, slots) = (promise.runs.len(), promise.slots);
    let percent = |share: f64| number(100.0 * share);
    if panels.is_empty() {
        return Figure::empty(TITLE, "no number that every run has");
    }
    Figure {
        title: TITLE.into(),
        subtitle: format!(
            "{runs} runs of {slots} slots; at other seeds {} % of them stay within a bound, with {} % confidence",
            percent(promise.coverage),
            percent(promise.confidence)
        ),
        panels,
        side_by_side: true,
        ..Figure::default()
    }
}

/// The share of the runs up to each value, and the bound.
fn panel(title: &str, bound: f64, mut values: Vec<f64>) -> Panel {
    values.sort_by(f64::total_cmp);
    let count = values.len().max(1) as f64;
    let x = Scale::linear(values.iter().copied(), Some(bound));
    let (low, high) = x.range();
    // A step at every value.
    let mut steps = vec![(low, 0.0)];
    for (before, value) in (0u32..).zip(&values) {
        steps.extend([f64::from(before), f64::from(before) + 1.0].map(|number| (*value, number / count)));
    }
    steps.push((high, 1.0));
    let line = |points, look| Layer::Line { points, look, marks: Marks::Every };
    Panel {
        heading: String::new(),
        x: Axis::new(title, x),
        y: Axis::new("Runs up to a value [%]", Scale::shares()),
        layers: vec![line(steps, RUNS), line(vec![(bound, 0.0), (bound, 1.0)], BOUND)],
        legend: vec![
            Entry::new(0.5, "runs", Sample::Line(RUNS)),
            Entry::new(1.0, "bound", Sample::Line(BOUND)).showing(significant(bound, 4)),
        ],
        height: Height::Usual,
    }
}
