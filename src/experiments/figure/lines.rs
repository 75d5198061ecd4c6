//! Means against what is varied, one line per series.

use super::looks::looks;
use super::of_metric;
use crate::drawing::figure::{Axis, Entry, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{ALIKE, Dash, LIMIT, Look};
use crate::drawing::scale::Scale;
use crate::experiments::interval::{Interval, Place};
use crate::experiments::own::with_unit;
use crate::experiments::table::{PlotSpec, ResultTable};

/// A point of a curve.
struct Mean {
    x: f64,
    value: Interval,
}

pub(super) fn panels(table: &ResultTable, plots: &[&PlotSpec]) -> Vec<Panel> {
    plots.iter().map(|plot| panel(table, plot)).collect()
}

fn panel(table: &ResultTable, plot: &PlotSpec) -> Panel {
    let curves = curves(table, plot);
    let looks = looks(&table.series());
    let points = || curves.iter().flat_map(|(_, curve)| curve);
    let x = match points().all(|mean| table.places().iter().any(|place| place.x == Some(mean.x))) {
        true => {
            let scale = match plot.log_x {
                true => Scale::log(points().map(|mean| mean.x)),
                false => Scale::linear(points().map(|mean| mean.x), None),
            };
            scale.ticks_at(points().map(|mean| mean.x))
        }
        false => Scale::places(table.places().into_iter().map(|place| place.label)),
    };
    // The low end of an interval may have no place on a logarithmic axis.
    let ends = points().flat_map(|mean| <[f64; 2]>::from(mean.value.ends()).into_iter().chain([mean.value.mean]));
    let y = match plot.log_y {
        true => Scale::log(ends),
        false => Scale::linear(ends, None),
    };
    let (from, to) = x.range();
    let lowest = y.range().0;
    let line = |points: Vec<(f64, f64)>, look: Look| Layer::Line { points, look, marks: Marks::Every };
    let mut layers = Vec::new();
    if let Some(limit) = plot.metric.limit() {
        layers.push(line(vec![(from, limit), (to, limit)], LIMIT));
    }
    let alike = alike(&curves);
    let shown = if alike { curves.get(..1).unwrap_or_default() } else { &curves };
    let mut legend = Vec::new();
    let names = table.series();
    for (name, curve) in shown {
        let own = names.iter().position(|known| known == name).and_then(|place| looks.get(place)).copied();
        let look = own.filter(|_| !alike).unwrap_or(ALIKE);
        let whisker = Look { dash: Dash::Solid, mark: None, stroke: 0.9, ..look };
        for Mean { x, value } in curve {
            let (low, high) = value.ends();
            layers.push(line(vec![(*x, low.max(lowest)), (*x, high)], whisker));
        }
        let path: Vec<(f64, f64)> = curve.iter().map(|mean| (mean.x, mean.value.mean)).collect();
        let last = path.last().map_or(0.0, |point| point.1);
        if alike {
            layers.push(Layer::Alike { points: path.clone() });
        }
        layers.push(line(path, look));
        let (name, sample) = if alike { ("the same for all", Sample::Alike) } else { (*name, Sample::Line(look)) };
        legend.push(Entry::new(last, name, sample));
    }
    Panel {
        heading: String::new(),
        x: Axis::new(with_unit(&plot.x_axis), x),
        y: of_metric(plot, y),
        layers,
        legend,
        height: Height::Usual,
    }
}

/// Whether several curves are the same, but for the rounding of sums.
fn alike(curves: &[(&str, Vec<Mean>)]) -> bool {
    let Some(((_, first), others)) = curves.split_first().filter(|(_, others)| !others.is_empty()) else {
        return false;
    };
    let same = |a: &Mean, b: &Mean| a.x == b.x && (a.value.mean - b.value.mean).abs() <= 1e-12 * a.value.mean.abs();
    others.iter().all(|(_, other)| other.len() == first.len() && first.iter().zip(other).all(|(a, b)| same(a, b)))
}

/// The means of every series, at the number that was varied or, where a place has none, at its rank; means that a
/// logarithmic axis cannot show are left out.
fn curves<'t>(table: &'t ResultTable, plot: &PlotSpec) -> Vec<(&'t str, Vec<Mean>)> {
    let places = table.places();
    let numbers = places.iter().all(|place| place.x.is_some_and(f64::is_finite));
    let curve = |series: &str| {
        let mean = |(order, place): (usize, &Place)| {
            let x = place.x.filter(|_| numbers).unwrap_or(order as f64);
            let value = table.interval(plot.metric, place, series)?;
            (!plot.log_y || value.mean > 0.0).then_some(Mean { x, value })
        };
        let mut curve: Vec<Mean> = places.iter().enumerate().filter_map(mean).collect();
        curve.sort_by(|a, b| a.x.total_cmp(&b.x));
        curve
    };
    table.series().into_iter().map(|series| (series, curve(series))).filter(|(_, curve)| !curve.is_empty()).collect()
}
