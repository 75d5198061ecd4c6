//! One line per node, one panel per cluster: virtual queues, energy against budget, or in joules where there is none.

use super::clusters::{NO_ROUND, Shown, heading, label, shown};
use super::{RunView, titled};
use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{CONTROL_UNIT, EDGE_SERVER, Fill, LIMIT, LOOKS, Look, device_look};
use crate::drawing::scale::Scale;
use crate::report::digest::Stretch as OfSlots;
use crate::report::series::budget;
use crate::report::table::significant;
use crate::simulation::{NodeRole, RunRecord};

/// Slots whose queues can be told apart.
const MOST_SLOTS: usize = 200;
const NO_BUDGET: &str = "no node has an energy budget, and so none has a queue";

/// How many points of a line are drawn as one, and the footnote that says so.
pub(super) struct Stretch {
    slots: usize,
    note: String,
}

impl Stretch {
    /// Every slot by itself.
    pub(super) fn single() -> Self {
        Self { slots: 1, note: String::new() }
    }

    /// As many slots per point as it takes to tell the queues apart.
    pub(super) fn of_queues(slots: usize) -> Self {
        Self::of_points(slots, 1)
    }

    /// As many points of `stride` slots each as it takes.
    fn of_points(points: usize, stride: usize) -> Self {
        if points <= MOST_SLOTS {
            return Self::single();
        }
        let points = points.div_ceil(MOST_SLOTS / 2);
        let slots = points * stride;
        Self { slots: points, note: format!("lines: means over {slots} slots; bands: least to greatest queue in them") }
    }
}

/// Lines over the same slots.
pub(super) struct Lines {
    /// Which part of the whole.
    pub(super) heading: String,
    /// Quantity and unit.
    pub(super) y_title: String,
    /// Where the quantity's limit is, if it has one.
    pub(super) limit: Option<f64>,
    /// At least one.
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) look: Look,
    /// Whether it has a label; nodes beyond those with looks of their own share one.
    pub(super) named: bool,
    pub(super) points: Vec<Point>,
}

impl Line {
    fn last(&self) -> f64 {
        self.points.last().map(|point| point.last).unwrap_or_default()
    }
}

/// A quantity in a slot, or in several that follow one another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    x: f64,
    mean: f64,
    least: f64,
    most: f64,
    last: f64,
    /// How many slots.
    slots: f64,
}

impl Point {
    pub(super) const fn of((x, value): (f64, f64)) -> Self {
        Self { x, mean: value, least: value, most: value, last: value, slots: 1.0 }
    }
}

/// Points of a node by its index and budget; none where it has no line.
type Points<'a> = &'a dyn Fn(usize, Option<f64>) -> Option<Vec<Point>>;

/// Lines of a cluster's nodes.
fn lines(record: &RunRecord, cluster: usize, points: Points) -> Vec<Line> {
    let mut device = 0;
    let mut lines = Vec::new();
    for (index, node) in record.nodes.iter().enumerate().filter(|(_, node)| node.cluster == cluster) {
        let (look, named) = match node.role {
            NodeRole::ControlUnit => (CONTROL_UNIT, true),
            NodeRole::EdgeServer => (EDGE_SERVER, true),
            NodeRole::Device => {
                device += 1;
                (device_look(device - 1), device <= LOOKS)
            }
        };
        if let Some(points) = points(index, budget(node)) {
            lines.push(Line { name: label(record, cluster, &node.name), look, named, points });
        }
    }
    lines
}

pub(super) fn queues(view: &RunView) -> Figure {
    let points = |node: usize, budget: Option<f64>| {
        budget?;
        let point = |of: &OfSlots| match of.queue(node) {
            Some((mean, queue)) => Point {
                x: of.middle(),
                mean,
                least: queue.least,
                most: queue.most,
                last: queue.last,
                slots: of.slots as f64,
            },
            None => Point::of((of.middle(), 0.0)),
        };
        Some(view.digest.stretches.iter().map(point).collect())
    };
    let titles = [
        "Virtual energy queues",
        "A level queue means the budget is kept in the long run; one that grows, that it is not",
    ];
    let of: [(&str, Option<f64>, Points); 1] = [("Queue Q [budgets]", None, &points)];
    draw(view, titles, Stretch::of_points(view.digest.stretches.len(), view.digest.stride), &of)
}

pub(super) fn energy(view: &RunView) -> Figure {
    let mean = |node: usize| {
        let point = |of: &OfSlots| {
            let [_, last] = &of.so_far;
            Some(Point::of((of.ends[1] as f64, *last.energy.get(node)?)))
        };
        view.digest.stretches.iter().map(point).collect()
    };
    let shares = |node: usize, budget: Option<f64>| budget.and_then(|_| mean(node));
    let joules = |node: usize, budget: Option<f64>| budget.is_none().then(|| mean(node))?;
    let titles = if view.record.nodes.iter().any(|node| budget(node).is_some()) {
        ["Energy spent against budget", "Average per slot so far; at or below the line at 1 the budget is kept"]
    } else {
        ["Energy spent", "Average per slot so far; no node has a budget"]
    };
    let of: [(&str, Option<f64>, Points); 2] =
        [("Energy / budget", Some(1.0), &shares), ("Energy per slot [J]", None, &joules)];
    draw(view, titles, Stretch::single(), &of)
}

/// For every cluster a panel of each kind that has lines in it.
fn draw(
    view: &RunView,
    [title, subtitle]: [&str; 2],
    stretch: Stretch,
    kinds: &[(&str, Option<f64>, Points)],
) -> Figure {
    let record = view.record;
    let title = titled(record, title);
    if view.digest.rounds == 0 {
        return Figure::empty(title, NO_ROUND);
    }
    let Shown { clusters, note } = shown(view);
    let mut panels = Vec::new();
    for cluster in clusters {
        for (y_title, limit, points) in kinds {
            let lines = lines(record, cluster, points);
            if !lines.is_empty() {
                let heading = heading(record, cluster);
                panels.push(Lines { heading, y_title: (*y_title).into(), limit: *limit, lines });
            }
        }
    }
    if panels.is_empty() {
        return Figure::empty(title, NO_BUDGET);
    }
    let slots: Vec<u64> = view.slots().collect();
    draw_panels([&title, subtitle], stretch, note, &slots, &panels)
}

/// Draws panels one below the other.
pub(super) fn draw_panels(
    [title, subtitle]: [&str; 2],
    stretch: Stretch,
    note: String,
    slots: &[u64],
    panels: &[Lines],
) -> Figure {
    let cut = |of: &Lines| {
        let (floor, top) = (floor(&of.lines), top(&of.lines, of.limit));
        of.lines.iter().flat_map(|line| &line.points).any(|point| point.most > top || point.least < floor)
    };
    let cut = if panels.iter().any(cut) { "the first slots are beyond the axis" } else { "" };
    let parts = [stretch.note.as_str(), &note, cut].into_iter().filter(|part| !part.is_empty());
    let note = parts.collect::<Vec<_>>().join("; ");
    let panels = panels.iter().map(|of| panel(of, slots, &stretch)).collect();
    Figure { title: title.into(), subtitle: subtitle.into(), note, panels, ..Figure::default() }
}

fn panel(of: &Lines, slots: &[u64], stretch: &Stretch) -> Panel {
    let (floor, top) = (floor(&of.lines), top(&of.lines, of.limit));
    let x = Scale::slots(slots.iter().copied());
    let mut layers = Vec::new();
    if let Some(limit) = of.limit {
        let (from, to) = x.range();
        layers.push(Layer::Line { points: vec![(from, limit), (to, limit)], look: LIMIT, marks: Marks::Every });
    }
    for line in of.lines.iter().filter(|line| line.named && stretch.slots > 1) {
        layers
            .push(Layer::Area { outline: band(&line.points, stretch.slots), fill: Fill::veil(line.look.colour, 0.18) });
    }
    for (turn, line) in of.lines.iter().enumerate() {
        let points = means(&line.points, stretch.slots);
        layers.push(Layer::Line { points, look: line.look, marks: Marks::Few { turn } });
    }
    let entry = |line: &Line| {
        Entry::new(line.last(), line.name.clone(), Sample::Line(line.look)).showing(significant(line.last(), 3))
    };
    let mut legend: Vec<Entry> = of.lines.iter().filter(|line| line.named).map(entry).collect();
    let others: Vec<f64> = of.lines.iter().filter(|line| !line.named).map(Line::last).collect();
    if let Some(largest) = others.iter().copied().reduce(f64::max) {
        let entry = Entry::new(largest, format!("{} others", others.len()), Sample::Line(device_look(LOOKS)));
        legend.push(entry.showing(format!("≤ {}", significant(largest, 3))));
    }
    Panel {
        heading: of.heading.clone(),
        x: Axis::new("Slot", x),
        y: Axis::new(of.y_title.clone(), Scale::between(floor, top)),
        layers,
        legend,
        height: Height::Usual,
    }
}

/// Means of stretches of a line whose points jump up and down too often to be told apart, each at its middle.
fn means(points: &[Point], length: usize) -> Vec<(f64, f64)> {
    let mean = |stretch: &[Point]| {
        let mean = |of: fn(&Point) -> f64| weighted(stretch, of);
        (mean(|point| point.x), mean(|point| point.mean))
    };
    points.chunks(length.max(1)).map(mean).collect()
}

fn weighted(stretch: &[Point], of: impl Fn(&Point) -> f64) -> f64 {
    stretch.iter().map(|point| point.slots * of(point)).sum::<f64>()
        / stretch.iter().map(|point| point.slots).sum::<f64>()
}

/// From the least to the greatest values of such stretches.
fn band(points: &[Point], length: usize) -> Vec<(f64, f64)> {
    let end = |of: fn(&Point) -> f64, pick: fn(f64, f64) -> f64| {
        move |stretch: &[Point]| {
            let middle = weighted(stretch, |point| point.x);
            (middle, stretch.iter().map(of).reduce(pick).unwrap_or_default())
        }
    };
    let low = points.chunks(length.max(1)).map(end(|point| point.least, f64::min)).rev();
    points.chunks(length.max(1)).map(end(|point| point.most, f64::max)).chain(low).collect()
}

/// End of the y axis: all there is to see, but for the first twentieth of the slots, whose averages vary most.
fn top(lines: &[Line], limit: Option<f64>) -> f64 {
    let settled = |line: &Line| {
        let skip = line.points.len() / 20;
        line.points.iter().skip(skip).map(|point| point.most).fold(0.0, f64::max)
    };
    let all = lines.iter().flat_map(|line| &line.points).map(|point| point.most).fold(0.0, f64::max);
    let settled = lines.iter().map(settled).fold(limit.unwrap_or_default(), f64::max);
    let top = if all <= 2.0 * settled { all.max(settled) } else { settled };
    if top > 0.0 && top.is_finite() {
        1.08 * top
    } else if floor(lines) < 0.0 {
        // All below zero: a little room above it.
        -0.05 * floor(lines)
    } else {
        1.0
    }
}

/// Start of the y axis: zero, or below all values but those of the first twentieth of the slots.
fn floor(lines: &[Line]) -> f64 {
    let settled = |line: &Line| {
        let skip = line.points.len() / 20;
        line.points.iter().skip(skip).map(|point| point.least).fold(0.0, f64::min)
    };
    let lowest = lines.iter().map(settled).fold(0.0, f64::min);
    if lowest.is_finite() { 1.08 * lowest } else { 0.0 }
}
