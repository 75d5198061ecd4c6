//! Queues and energy against budget over time, a panel per cluster.

use plotters::prelude::{BLACK, LineSeries, PathElement};
use plotters::style::Color;

use super::panel::{DrawError, Key, axes, cluster_title, colour, document, panels, stretches};
use crate::simulation::{NodeRecord, RunRecord, SlotRecord};

/// The value of a node in a slot.
type Value<'a> = &'a dyn Fn(usize, &NodeRecord, &SlotRecord) -> Option<f64>;

/// A node's line: a point at the end of every stretch of slots.
struct Line<'a> {
    node: &'a NodeRecord,
    points: Vec<(f64, f64)>,
}

pub(super) fn queues(record: &RunRecord) -> Result<String, DrawError> {
    let value = |index: usize, _: &NodeRecord, slot: &SlotRecord| slot.queue.get(index).copied().flatten();
    draw(record, "energy queues", "queue (rounds' worth of budget)", &value, |_| (), None)
}

pub(super) fn energy(record: &RunRecord) -> Result<String, DrawError> {
    let value = |index: usize, node: &NodeRecord, slot: &SlotRecord| {
        Some(*slot.energy_j.get(index)? / node.budget_j_per_round?)
    };
    let running_mean = |line: &mut [f64]| {
        let mut sum = 0.0;
        for (index, value) in line.iter_mut().enumerate() {
            sum += *value;
            *value = sum / (index + 1) as f64;
        }
    };
    draw(record, "energy so far against budget", "mean energy / budget", &value, running_mean, Some(1.0))
}

/// Draws a value of all nodes with a budget, after `transform` has seen a node's whole series.
fn draw(
    record: &RunRecord,
    what: &str,
    y_label: &str,
    value: Value,
    transform: impl Fn(&mut [f64]),
    reference: Option<f64>,
) -> Result<String, DrawError> {
    let slots = record.slots.len();
    document(panels(record), 340, |n, area| {
        let nodes = record.nodes.iter().enumerate().filter(|(_, node)| node.cluster == n);
        let lines: Vec<Line> = nodes
            .filter(|(_, node)| node.budget_j_per_round.is_some())
            .map(|(index, node)| {
                let mut series: Vec<f64> = record.slots.iter().filter_map(|slot| value(index, node, slot)).collect();
                transform(&mut series);
                let points = stretches(slots).filter_map(|range| Some((range.end as f64, *series.get(range.end - 1)?)));
                Line { node, points: points.collect() }
            })
            .collect();
        let highest = lines.iter().flat_map(|line| &line.points).fold(0.0_f64, |top, point| top.max(point.1));
        let top = 1.08 * highest.max(reference.unwrap_or(0.0)).max(if reference.is_none() { 1e-3 } else { 0.0 });
        let mut keys: Vec<Key> = lines
            .iter()
            .map(|line| Key {
                label: line.node.short_name().to_owned(),
                style: colour(line.node.device).filled(),
                filled: false,
            })
            .collect();
        if reference.is_some() {
            keys.push(Key { label: "budget".into(), style: BLACK.mix(0.45).filled(), filled: false });
        }
        if lines.is_empty() {
            keys.push(Key { label: "no node has a budget".into(), style: BLACK.mix(0.0).filled(), filled: false });
        }
        let title = cluster_title(record, n, what);
        let mut chart = axes(area, &title, y_label, 0.0..slots as f64, 0.0..top, &keys)?;
        if let Some(level) = reference {
            let rule = vec![(0.0, level), (slots as f64, level)];
            chart.draw_series([PathElement::new(rule, BLACK.mix(0.45).stroke_width(2))])?;
        }
        for line in &lines {
            let style = colour(line.node.device).stroke_width(2);
            chart.draw_series(LineSeries::new(line.points.iter().copied(), style))?;
        }
        Ok(())
    })
}
