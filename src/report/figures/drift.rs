//! Figures of a run of a user's own problem, drawn as those of scenarios are.

use super::certificates::{OF_PROBLEM, Words, bounds};
use super::latency::{Scatter, scatter};
use super::lines::{Line, Lines, Point, Stretch, draw_panels};
use crate::drawing::figure::Figure;
use crate::drawing::look::{LOOKS, device_look};
use crate::lyapunov::{Comparison, History, Labels};
use crate::report::series::sorted;

/// What the figures of such a run are drawn from.
pub(in crate::report) struct DriftView<'a> {
    pub(in crate::report) history: &'a History,
    pub(in crate::report) labels: &'a Labels,
    pub(in crate::report) comparison: Option<&'a Comparison>,
}

type Draw = fn(&DriftView) -> Figure;

/// File name and drawing of every figure.
pub(in crate::report) const OF_DRIFT: [(&str, Draw); 4] =
    [("penalty.svg", penalty), ("queues.svg", queues), ("violations.svg", violations), ("certificates.svg", proved)];

const NO_SLOT: &str = "no slot was played";
const NO_CONSTRAINT: &str = "the problem has no long-term constraint";

/// A quantity with its unit in brackets.
fn quantity(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.into() } else { format!("{name} [{unit}]") }
}

fn capital(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn slots(view: &DriftView) -> Vec<u64> {
    (0..).zip(view.history.steps()).map(|(slot, _)| slot).collect()
}

fn penalty(view: &DriftView) -> Figure {
    let labels = view.labels;
    let name = capital(&labels.penalty);
    let mut sum = 0.0;
    let mean = |(count, penalty): (u64, f64)| {
        sum += penalty;
        sum / count as f64
    };
    let penalties = || view.history.steps().iter().map(|step| step.penalty);
    let means = slots(view).iter().map(|slot| *slot as f64).zip((1u64..).zip(penalties()).map(mean)).collect();
    let points: Vec<_> = slots(view).iter().map(|slot| *slot as f64).zip(penalties()).collect();
    scatter(&Scatter {
        title: &name,
        y_title: &quantity(&name, &labels.penalty_unit),
        unit: &labels.penalty_unit,
        slots: slots(view),
        highest: points.clone(),
        points,
        stride: 1,
        values: sorted(penalties()).into(),
        means,
        points_are: ["slot", "slots"],
        outages: Vec::new(),
        without: 0,
        nothing: NO_SLOT,
    })
}

/// One panel with a line per constraint.
fn lines(
    view: &DriftView,
    titles: [&str; 2],
    (y_title, limit, stretch): (&str, Option<f64>, Stretch),
    points: &dyn Fn(usize) -> Vec<f64>,
) -> Figure {
    let slots = slots(view);
    let of = |(index, name): (usize, &String)| Line {
        name: name.clone(),
        look: device_look(index),
        named: index < LOOKS,
        points: slots.iter().map(|slot| *slot as f64).zip(points(index)).map(Point::of).collect(),
    };
    let lines: Vec<Line> = view.labels.constraints.iter().enumerate().map(of).collect();
    if slots.is_empty() {
        return Figure::empty(titles[0], NO_SLOT);
    }
    if lines.is_empty() {
        return Figure::empty(titles[0], NO_CONSTRAINT);
    }
    let panel = Lines { heading: String::new(), y_title: y_title.into(), limit, lines };
    draw_panels(titles, stretch, String::new(), &slots, &[panel])
}

fn queues(view: &DriftView) -> Figure {
    let steps = view.history.steps();
    let of = |index: usize| steps.iter().map(|s| s.queue_after.get(index).copied().unwrap_or_default()).collect();
    let titles = [
        "Virtual queues",
        "A level queue means the constraint is kept in the long run; one that grows, that it is not",
    ];
    let y_title = quantity("Queue Q", &view.labels.violation_unit);
    lines(view, titles, (&y_title, None, Stretch::of_queues(steps.len())), &of)
}

fn violations(view: &DriftView) -> Figure {
    let of = |index: usize| {
        let mut sum = 0.0;
        let steps = (1u64..).zip(view.history.steps());
        let so_far = steps.map(|(count, step)| {
            sum += step.violations.get(index).copied().unwrap_or_default();
            sum / count as f64
        });
        so_far.collect()
    };
    let titles = ["Mean violations", "Average per slot so far; at or below the line at 0 the constraint is kept"];
    let y_title = quantity("Violation g", &view.labels.violation_unit);
    lines(view, titles, (&y_title, Some(0.0), Stretch::single()), &of)
}

fn proved(view: &DriftView) -> Figure {
    let labels = view.labels;
    let penalty = quantity(&format!("Mean {}", labels.penalty), &labels.penalty_unit);
    let norm = quantity("Norm of all queues |Q|", &labels.violation_unit);
    let words = Words { title: OF_PROBLEM, penalty: &penalty, norm: &norm };
    bounds(view.history, view.comparison, &slots(view), &words)
}
