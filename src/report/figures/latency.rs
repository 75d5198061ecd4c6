//! What is minimized, over the slots: the round latency of a run, the penalty of any problem.

use super::clusters::NO_ROUND;
use super::titled;
use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{BLUE, Dash, FAINT, Fill, INK, Look, SKY, VERMILLION};
use crate::drawing::scale::Scale;
use crate::report::series::{quantile, sorted};
use crate::report::table::significant;
use crate::simulation::RunRecord;

const TITLE: &str = "Round latency";
/// Points that can be told apart.
const MOST_POINTS: usize = 2000;

/// Characters of a unit behind a number.
const LONGEST_UNIT: usize = 1;

const MEAN: Look = Look::plain(BLUE, Dash::Solid, 1.8);
const PERCENTILES: [(&str, f64, Look); 3] = [
    ("p50", 0.5, Look::plain(INK, Dash::Long, 0.9)),
    ("p90", 0.9, Look::plain(FAINT, Dash::Short, 0.9)),
    ("p99", 0.99, Look::plain(FAINT, Dash::Dots, 0.9)),
];

pub(super) fn draw(record: &RunRecord) -> Figure {
    scatter(&Scatter {
        title: &titled(record, TITLE),
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
        return Figure::empty(*title, *nothing);
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
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let (first, last) = (slots.first().copied().unwrap_or_default(), slots.last().copied().unwrap_or_default());
    let ends = [first as f64 - 0.5, last as f64 + 0.5];

    let mut subtitle = match step {
        1 => format!("One point per {one}"),
        _ => format!("One point for every {step} {several}"),
    };
    if !outages.is_empty() {
        subtitle += &format!("; strokes below: {} slots without a round", outages.len());
    }
    let noun = several.rsplit(' ').next().unwrap_or_default();
    if !above.is_empty() {
        subtitle += &format!("; triangles: {} {noun} above the axis, up to {}", above.len(), with_unit(high));
    }
    let shown = points.iter().copied().step_by(step).filter(|point| point.1 <= ceiling).collect();
    let mut layers = vec![
        Layer::Dots { points: shown, fill: Fill::veil(SKY, 0.7) },
        Layer::Above { at: above, colour: SKY },
        Layer::Below { at: outages.clone(), colour: VERMILLION },
    ];
    let mut legend = vec![Entry::new(ceiling, *one, Sample::Dot(SKY, true))];
    for (name, probability, look) in PERCENTILES {
        let value = at(probability);
        layers.push(Layer::Line { points: ends.map(|x| (x, value)).into(), look, marks: Marks::Every });
        legend.push(Entry::new(value, name, Sample::Line(look)).showing(with_unit(value)));
    }
    if let Some((_, mean)) = means.last() {
        legend.push(Entry::new(*mean, "mean so far", Sample::Line(MEAN)).showing(with_unit(*mean)));
    }
    if !outages.is_empty() {
        legend.push(Entry::new(floor, "no round", Sample::Below(VERMILLION)));
    }
    layers.push(Layer::Line { points: means, look: MEAN, marks: Marks::Every });
    let panel = Panel {
        heading: String::new(),
        x: Axis::new("Slot", Scale::slots(slots.iter().copied())),
        y: Axis::new(*y_title, Scale::between(floor, ceiling)),
        layers,
        legend,
        height: Height::Usual,
    };
    Figure { title: (*title).into(), subtitle, panels: vec![panel], ..Figure::default() }
}
