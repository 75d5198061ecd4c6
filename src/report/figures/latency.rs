//! What is minimized, over the slots: the round latency of a run, the penalty of any problem.

use std::borrow::Cow;

use super::clusters::NO_ROUND;
use super::{RunView, titled};
use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{BLUE, Dash, FAINT, Fill, INK, Look, SKY, VERMILLION};
use crate::drawing::scale::Scale;
use crate::report::series::quantile;
use crate::report::table::significant;

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

pub(super) fn draw(view: &RunView) -> Figure {
    let stretches = || view.digest.stretches.iter();
    let rounds = || stretches().filter_map(|of| of.round());
    let means = stretches().filter_map(|of| Some((of.last_round? as f64, of.so_far[1].latency?)));
    let at = |(slot, value): (u64, f64)| (slot as f64, value);
    scatter(&Scatter {
        title: &titled(view.record, TITLE),
        y_title: "Round latency T [s]",
        unit: "s",
        slots: view.slots().collect(),
        points: rounds().map(|of| at((of.slot, of.latency))).collect(),
        values: view.latencies.into(),
        means: means.collect(),
        highest: stretches().filter_map(|of| of.longest).map(at).collect(),
        stride: view.digest.stride,
        // One, and several.
        points_are: ["planned round", "planned rounds"],
        outages: stretches().filter_map(|of| of.outage).map(|slot| slot as f64).collect(),
        without: view.digest.outages,
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
    /// Their numbers, or the first and the last one.
    pub(super) slots: Vec<u64>,
    /// Those that can be drawn: of every so many slots the first one's.
    pub(super) points: Vec<(f64, f64)>,
    /// Of how many slots each is.
    pub(super) stride: usize,
    /// All of them, in increasing order.
    pub(super) values: Cow<'a, [f64]>,
    /// Their mean so far, at each point.
    pub(super) means: Vec<(f64, f64)>,
    /// The highest of so many slots.
    pub(super) highest: Vec<(f64, f64)>,
    /// What a point is, and several of them.
    pub(super) points_are: [&'a str; 2],
    /// The slots without; of every so many slots the first one.
    pub(super) outages: Vec<f64>,
    /// How many there are.
    pub(super) without: u64,
    /// Said where there is no point.
    pub(super) nothing: &'a str,
}

/// One point per slot, quantiles, and the mean so far.
pub(super) fn scatter(figure: &Scatter) -> Figure {
    let Scatter { title, y_title, unit, slots, points, points_are: [one, several], outages, nothing, .. } = figure;
    let Scatter { values, means, highest, stride, without, .. } = figure;
    // There is no room for a long one beside a line; the axis has it.
    let unit = if unit.chars().count() <= LONGEST_UNIT { unit } else { "" };
    let with_unit = |value: f64| format!("{} {unit}", significant(value, 3)).trim_end().to_string();
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
        return Figure::empty(*title, *nothing);
    };
    let at = |probability| quantile(values, probability).unwrap_or(high);
    // A few extreme rounds would squeeze all others into a line.
    let top =
        if high - low > 3.0 * (at(0.99) - low) && at(0.99) > low { at(0.99) + 0.5 * (at(0.99) - low) } else { high };
    let room = if top > low { 0.06 * (top - low) } else { (0.1 * top.abs()).max(f64::MIN_POSITIVE.sqrt()) };
    // Zero is no place to go below where nothing does.
    let (floor, ceiling) = (if low >= 0.0 { (low - room).max(0.0) } else { low - room }, top + room);

    let above: Vec<f64> = highest.iter().filter(|point| point.1 > ceiling).map(|point| point.0).collect();
    let beyond = values.len() - values.partition_point(|value| *value <= ceiling);
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let (first, last) = (slots.first().copied().unwrap_or_default(), slots.last().copied().unwrap_or_default());
    let ends = [first as f64 - 0.5, last as f64 + 0.5];

    let mut subtitle = match step {
        1 if *stride == 1 => format!("One point per {one}"),
        _ if *stride > 1 => format!("One point for every {} slots", step * stride),
        _ => format!("One point for every {step} {several}"),
    };
    if !outages.is_empty() {
        subtitle += &format!("; strokes below: {without} slots without a round");
    }
    let noun = several.rsplit(' ').next().unwrap_or_default();
    if !above.is_empty() {
        subtitle += &format!("; triangles: {} {noun} above the axis, up to {}", beyond, with_unit(high));
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
    layers.push(Layer::Line { points: means.clone(), look: MEAN, marks: Marks::Every });
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
