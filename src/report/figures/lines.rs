//! One line per node, one panel per cluster: virtual queues, energy against budget.

use super::clusters::{NO_ROUND, Shown, label, shown};
use super::panel::{Axes, Label, Sample, Stretches, axes, figure_height, labels, line, rows, slot_range};
use super::style::{CONTROL_UNIT, FAINT, Figure, LOOKS, Look, WIDTH, canvas, device_look, empty};
use crate::report::series::{budget, energy};
use crate::report::table::significant;
use crate::simulation::{NodeRole, RunRecord, SlotRecord};

/// Slots whose queues can be told apart.
const MOST_SLOTS: usize = 200;
const NO_BUDGET: &str = "no node has an energy budget";
/// Line at a quantity's limit.
const LIMIT: Look = Look { line: FAINT, area: FAINT, dashed: false };

/// How many slots a point of a line stands for, and the footnote that says so.
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
        if slots <= MOST_SLOTS {
            return Self::single();
        }
        let slots = slots.div_ceil(MOST_SLOTS / 2);
        Self { slots, note: format!("lines: means over {slots} slots; bands: least to greatest queue in them") }
    }
}

/// Panels of lines over the same slots.
pub(super) struct Panels<'a> {
    /// Title, and how to read the figure.
    pub(super) titles: [&'a str; 2],
    /// Quantity and unit.
    pub(super) y_title: &'a str,
    /// Where the quantity's limit is, if it has one.
    pub(super) limit: Option<f64>,
    pub(super) stretch: Stretch,
    /// What is left out.
    pub(super) note: String,
    pub(super) slots: Vec<u64>,
    /// Headings and lines, at least one of each.
    pub(super) panels: Vec<(&'a str, Vec<Line>)>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) look: Look,
    /// Whether it has a label; nodes beyond those with looks of their own share one.
    pub(super) named: bool,
    pub(super) points: Vec<(f64, f64)>,
}

impl Line {
    fn last(&self) -> f64 {
        self.points.last().map(|point| point.1).unwrap_or_default()
    }
}

/// Lines of a cluster's nodes with a budget.
fn lines(record: &RunRecord, cluster: usize, points: &dyn Fn(usize, f64) -> Vec<(f64, f64)>) -> Vec<Line> {
    let mut device = 0;
    let mut lines = Vec::new();
    for (index, node) in record.nodes.iter().enumerate().filter(|(_, node)| node.cluster == cluster) {
        let (look, named) = match node.role {
            NodeRole::ControlUnit => (CONTROL_UNIT, true),
            NodeRole::Device => {
                device += 1;
                (device_look(device - 1), device <= LOOKS)
            }
        };
        if let Some(budget) = budget(node) {
            let name = label(record, cluster, &node.name);
            lines.push(Line { name, look, named, points: points(index, budget) });
        }
    }
    lines
}

pub(super) fn queues(record: &RunRecord) -> Figure {
    let title = "Virtual energy queues";
    let points = |node: usize, _budget: f64| {
        let queue = |slot: &SlotRecord| slot.queues.get(node).copied().unwrap_or_default();
        record.slots.iter().map(|slot| (slot.slot as f64, queue(slot))).collect()
    };
    let subtitle = "A level queue means the budget is kept in the long run; one that grows, that it is not";
    draw(record, (title, subtitle, "Queue Q [budgets]"), None, Stretch::of_queues(record.slots.len()), &points)
}

pub(super) fn energy_shares(record: &RunRecord) -> Figure {
    let title = "Energy spent against budget";
    let points = |node: usize, budget: f64| {
        let mut sum = 0.0;
        let average = (1u64..).zip(&record.slots).map(|(count, slot)| {
            sum += energy(slot, node) / budget;
            (slot.slot as f64, sum / count as f64)
        });
        average.collect()
    };
    let subtitle = "Average per slot so far; at or below the line at 1 the budget is kept";
    draw(record, (title, subtitle, "Energy / budget"), Some(1.0), Stretch::single(), &points)
}

fn draw(
    record: &RunRecord,
    (title, subtitle, y_title): (&str, &str, &str),
    limit: Option<f64>,
    stretch: Stretch,
    points: &dyn Fn(usize, f64) -> Vec<(f64, f64)>,
) -> Figure {
    if record.planned_slots().next().is_none() {
        return empty(title, NO_ROUND);
    }
    let Shown { clusters, note } = shown(record);
    let heading = |cluster: usize| record.clusters.get(cluster).map(String::as_str).unwrap_or_default();
    let panels: Vec<(&str, Vec<Line>)> = clusters
        .into_iter()
        .map(|cluster| (heading(cluster), lines(record, cluster, points)))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    if panels.is_empty() {
        return empty(title, NO_BUDGET);
    }
    let slots = record.slots.iter().map(|slot| slot.slot).collect();
    draw_panels(Panels { titles: [title, subtitle], y_title, limit, stretch, note, slots, panels })
}

/// Draws panels one below the other.
pub(super) fn draw_panels(figure: Panels) -> Figure {
    let Panels { titles: [title, subtitle], y_title, limit, stretch, note, slots, panels } = figure;
    let ranges: Vec<(f64, f64)> = panels.iter().map(|(_, lines)| (floor(lines), top(lines, limit))).collect();
    let highest = |lines: &[Line]| lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    let lowest = |lines: &[Line]| lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::min);
    let beyond = |lines: &[Line], (floor, top): (f64, f64)| highest(lines) > top || lowest(lines) < floor;
    let cut = panels.iter().zip(&ranges).any(|((_, lines), range)| beyond(lines, *range));
    let cut = if cut { "the first slots are beyond the axis".to_string() } else { String::new() };
    let note =
        [stretch.note.clone(), note, cut].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let x = slot_range(slots.into_iter());
    canvas((WIDTH, figure_height(panels.len())), [title, subtitle, &note], |root| {
        let last = panels.len() - 1;
        for (index, ((row, (heading, lines)), (floor, top))) in rows(panels.len()).zip(&panels).zip(ranges).enumerate()
        {
            let spec = Axes { row, heading, y_title, x, y: (floor, top), last: index == last };
            let mut chart = axes(root, &spec)?;
            if let Some(limit) = limit {
                line(&mut chart, &[(x.0, limit), (x.1, limit)], top, LIMIT, 1.6)?;
            }
            let stretched = |line: &Line| {
                let inside: Vec<(f64, f64)> = line.points.iter().map(|&(x, value)| (x, value.max(floor))).collect();
                Stretches::new(&inside, stretch.slots)
            };
            if stretch.slots > 1 {
                for node in lines.iter().filter(|node| node.named) {
                    stretched(node).draw_band(&mut chart, top, node.look)?;
                }
            }
            for node in lines {
                line(&mut chart, &stretched(node).means, top, node.look, if node.named { 1.8 } else { 0.8 })?;
            }
            let mut names: Vec<Label> = lines
                .iter()
                .filter(|line| line.named)
                .map(|line| Label {
                    value: line.last(),
                    name: line.name.clone(),
                    shown: significant(line.last(), 3),
                    sample: Sample::Line(line.look, 1.8),
                })
                .collect();
            let others: Vec<f64> = lines.iter().filter(|line| !line.named).map(Line::last).collect();
            if let Some(largest) = others.iter().copied().reduce(f64::max) {
                let (name, shown) = (format!("{} others", others.len()), format!("≤ {}", significant(largest, 3)));
                names.push(Label { value: largest, name, shown, sample: Sample::Line(device_look(LOOKS), 0.8) });
            }
            labels(root, &chart, names)?;
        }
        Ok(())
    })
}

/// End of the y axis: all there is to see, but for the first twentieth of the slots, whose averages vary most.
fn top(lines: &[Line], limit: Option<f64>) -> f64 {
    let settled = |line: &Line| {
        let skip = line.points.len() / 20;
        line.points.iter().skip(skip).map(|point| point.1).fold(0.0, f64::max)
    };
    let all = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
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
        line.points.iter().skip(skip).map(|point| point.1).fold(0.0, f64::min)
    };
    let lowest = lines.iter().map(settled).fold(0.0, f64::min);
    if lowest.is_finite() { 1.08 * lowest } else { 0.0 }
}
