//! One row per series, one mark per category: many policies side by side, two panels in a row.

use super::of_metric;
use crate::drawing::figure::{Axis, Entry, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{Dash, LIMIT, Look, Mark};
use crate::drawing::scale::Scale;
use crate::experiments::interval::Interval;
use crate::experiments::table::{PlotSpec, ResultTable};

/// Height of a row in lines of text.
const ROW: f64 = 1.35;
/// The part of a row over which its marks are spread.
const SPREAD: f64 = 0.55;

pub(super) fn panels(table: &ResultTable, plots: &[&PlotSpec]) -> Vec<Panel> {
    let legend = legend(table, plots);
    plots.iter().map(|plot| panel(table, plot, &legend)).collect()
}

/// What the marks stand for.
fn legend(table: &ResultTable, plots: &[&PlotSpec]) -> Vec<Entry> {
    let series = table.series();
    let any = plots.iter().any(|plot| series.iter().any(|name| common(table, plot, name).is_some()));
    let varied = plots.first().map_or("", |plot| plot.x_axis.as_str());
    let places = table.places().into_iter().enumerate();
    let own = places.map(|(place, of)| Entry::new(0.0, of.label, Sample::Mark(Mark::at(place))));
    own.chain(any.then(|| Entry::new(0.0, format!("the same for every {varied}"), Sample::Bar))).collect()
}

/// The value of a row that is the same, and known exactly, for all of several categories.
fn common(table: &ResultTable, plot: &PlotSpec, series: &str) -> Option<f64> {
    let mut all = table.places().into_iter().map(|place| table.interval(plot.metric, &place, series));
    let first = all.next()??;
    let mut others = all.peekable();
    others.peek()?;
    // Sums over the seeds leave rounding.
    let rounding = 1e-12 * first.mean.abs();
    let known = |value: &Interval| value.half_width.unwrap_or(0.0) <= rounding;
    let same = |other: Option<Interval>| other.is_some_and(|o| (o.mean - first.mean).abs() <= rounding && known(&o));
    (known(&first) && others.all(same)).then_some(first.mean)
}

fn panel(table: &ResultTable, plot: &PlotSpec, legend: &[Entry]) -> Panel {
    let (places, series) = (table.places(), table.series());
    let found = |name: &&str| -> Vec<Interval> {
        places.iter().filter_map(|place| table.interval(plot.metric, place, name)).collect()
    };
    let all: Vec<Interval> = series.iter().flat_map(found).collect();
    let ends = all.iter().flat_map(|value| <[f64; 2]>::from(value.ends()).into_iter().chain([value.mean]));
    let scale = if plot.log_y { Scale::log(ends) } else { Scale::linear(ends, Some(0.0)) };
    let y = Scale::rows(series.iter().map(ToString::to_string));
    let (least, most) = scale.range();
    let line = |points: Vec<(f64, f64)>, look: Look| Layer::Line { points, look, marks: Marks::Every };
    let mut layers = Vec::new();
    if let Some(limit) = plot.metric.limit().filter(|limit| (least..=most).contains(limit)) {
        let (bottom, top) = y.range();
        layers.push(line(vec![(limit, bottom), (limit, top)], LIMIT));
    }
    let (mut same, mut marks) = (Vec::new(), vec![Vec::new(); places.len()]);
    for (row, name) in (0u32..).map(f64::from).zip(&series) {
        if let Some(value) = common(table, plot, name).filter(|value| !plot.log_y || *value > 0.0) {
            same.push((value, row));
            continue;
        }
        for (category, (place, marks)) in places.iter().zip(&mut marks).enumerate() {
            let Some(value) = table.interval(plot.metric, place, name) else { continue };
            if plot.log_y && value.mean <= 0.0 {
                continue;
            }
            // A little apart, so that marks of equal value can be told from one another.
            let shift = (category as f64 - 0.5 * (places.len() as f64 - 1.0)) * SPREAD / places.len().max(1) as f64;
            let (low, high) = value.ends();
            let look = Look::plain(Mark::at(category).colour, Dash::Solid, 1.2);
            // An interval that reaches below what a logarithmic axis can show begins at its left end.
            layers.push(line(vec![(low.max(least), row + shift), (high, row + shift)], look));
            marks.push((value.mean, row + shift));
        }
    }
    layers.extend(marks.into_iter().enumerate().map(|(place, points)| Layer::Marks { points, mark: Mark::at(place) }));
    layers.push(Layer::Alike { points: same });
    Panel {
        heading: String::new(),
        x: of_metric(plot, scale),
        y: Axis::new("", y),
        layers,
        legend: legend.to_vec(),
        height: Height::Lines(ROW),
    }
}
