//! What is minimized, over the slots: the round latency of a run, the penalty of any problem.

use plotters::prelude::*;

use super::clusters::NO_ROUND;
use super::panel::{Axes, Label, Sample, axes, figure_height, labels, line, rows, slot_range};
use super::style::{BLUE, FAINT, Figure, Look, SKY, VERMILLION, WIDTH, canvas, cause, empty, px, width};
use crate::report::series::{quantile, sorted};
use crate::report::table::significant;
use crate::simulation::RunRecord;

const TITLE: &str = "Round latency";
/// Points that can be told apart.
const MOST_POINTS: usize = 2000;

/// Characters of a unit behind a number.
const LONGEST_UNIT: usize = 1;

const MEAN: Look = Look { line: BLUE, area: BLUE, dashed: false };
const PERCENTILE: Look = Look { line: FAINT, area: FAINT, dashed: true };

pub(super) fn draw(record: &RunRecord) -> Figure {
    scatter(&Scatter {
        title: TITLE,
        y_title: "Round latency T [s]",
        unit: "s",
        slots: record.slots.iter().map(|slot| slot.slot).collect(),
        points: record.planned_slots().map(|(slot, planned)| (slot as f64, planned.latency_s.0)).collect(),
        // One, and several.
        points_are: ["planned round", "planned rounds"],
        outages: record.slots.iter().filter(|slot| slot.planned().is_none()).map(|slot| slot.slot as f64).collect(),
        nothing: NO_ROUND,
    })
}

/// A quantity that most slots have.
pub(super) struct Scatter<'a> {
    pub(super) title: &'a str,
    /// Quantity and unit.
    pub(super) y_title: &'a str,
    /// Written behind numbers.
    pub(super) unit: &'a str,
    pub(super) slots: Vec<u64>,
    pub(super) points: Vec<(f64, f64)>,
    /// What a point is, and several of them.
    pub(super) points_are: [&'a str; 2],
    /// The slots without.
    pub(super) outages: Vec<f64>,
    /// Said where there is no point.
    pub(super) nothing: &'a str,
}

/// One point per slot, quantiles, and the mean so far.
pub(super) fn scatter(figure: &Scatter) -> Figure {
    let Scatter { title, y_title, unit, slots, points, points_are: [one, several], outages, nothing } = figure;
    // There is no room for a long one beside a line; the axis has it.
    let unit = if unit.chars().count() <= LONGEST_UNIT { unit } else { "" };
    let with_unit = |value: f64| format!("{} {unit}", significant(value, 3)).trim_end().to_string();
    let values = sorted(points.iter().map(|point| point.1));
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
        return empty(title, nothing);
    };
    let at = |probability| quantile(&values, probability).unwrap_or(high);
    // A few extreme rounds would squeeze all others into a line.
    let top =
        if high - low > 3.0 * (at(0.99) - low) && at(0.99) > low { at(0.99) + 0.5 * (at(0.99) - low) } else { high };
    let room = if top > low { 0.06 * (top - low) } else { (0.1 * top.abs()).max(f64::MIN_POSITIVE.sqrt()) };
    // Zero is no place to go below where nothing does.
    let (floor, ceiling) = (if low >= 0.0 { (low - room).max(0.0) } else { low - room }, top + room);

    let mut means = Vec::with_capacity(points.len());
    let mut sum = 0.0;
    for (count, (slot, latency)) in (1u64..).zip(points) {
        sum += latency;
        means.push((*slot, sum / count as f64));
    }
    let above: Vec<f64> = points.iter().filter(|point| point.1 > ceiling).map(|point| point.0).collect();
    let step = points.len().div_ceil(MOST_POINTS);

    let mut subtitle = match step {
        1 => format!("One point per {one}"),
        _ => format!("One point for every {step} {several}"),
    };
    if !outages.is_empty() {
        subtitle += &format!("; red: {} slots without a round", outages.len());
    }
    if !above.is_empty() {
        let noun = several.rsplit(' ').next().unwrap_or_default();
        subtitle += &format!("; triangles: {} {noun} above the axis, up to {}", above.len(), with_unit(high));
    }
    canvas((WIDTH, figure_height(1)), [title, &subtitle, ""], |root| {
        let x = slot_range(slots.iter().copied());
        let row = rows(1).next().unwrap_or_default();
        let mut chart = axes(root, &Axes { row, heading: "", y_title, x, y: (floor, ceiling), last: true })?;
        let dot = |point: &(f64, f64)| Circle::new(*point, width(2.2), SKY.mix(0.6).filled());
        chart
            .draw_series(points.iter().step_by(step.max(1)).filter(|point| point.1 <= ceiling).map(dot))
            .map_err(cause)?;
        let mark = |slot: &f64| TriangleMarker::new((*slot, ceiling), width(4.0), SKY.filled());
        chart.draw_series(above.iter().map(mark)).map_err(cause)?;
        let (_, ys) = chart.plotting_area().get_pixel_range();
        for slot in outages {
            let left = chart.backend_coord(&(*slot, floor)).0;
            let ends = [(left, ys.end - px(1)), (left, ys.end - px(9))];
            root.draw(&PathElement::new(ends, VERMILLION.stroke_width(width(1.4)))).map_err(cause)?;
        }
        let mut names = Vec::new();
        for (name, probability) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            let value = at(probability);
            line(&mut chart, &[(x.0, value), (x.1, value)], ceiling, PERCENTILE, 1.1)?;
            let shown = with_unit(value);
            names.push(Label { value, name: name.into(), shown, sample: Sample::Line(PERCENTILE, 1.1) });
        }
        line(&mut chart, &means, ceiling, MEAN, 2.2)?;
        if let Some((_, mean)) = means.last() {
            let (name, shown) = ("mean so far".into(), with_unit(*mean));
            names.push(Label { value: *mean, name, shown, sample: Sample::Line(MEAN, 2.2) });
        }
        labels(root, &chart, names)
    })
}
