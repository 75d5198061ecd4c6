//! Means against what is varied, one line per series.

use super::reading::subtitle;
use crate::experiments::interval::{Interval, Place};
use crate::experiments::metric::Metric;
use crate::experiments::table::{PlotSpec, ResultTable};
use crate::report::figures::frame::{Frame, Scale, Titles};
use crate::report::figures::panel::{Label, Sample, figure_height, rows};
use crate::report::figures::style::{FAINT, Figure, INK, Look, Mark, WIDTH, bar, canvas, mark, short};

/// A point of a curve.
struct Mean {
    x: f64,
    value: Interval,
}

pub(super) fn draw(table: &ResultTable) -> Figure {
    let panels = table.plots.len();
    canvas((WIDTH, figure_height(panels)), [&table.title, &subtitle(table), ""], |root| {
        for (index, (row, plot)) in rows(panels).zip(&table.plots).enumerate() {
            let curves = curves(table, plot);
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
            let ends =
                points().flat_map(|mean| <[f64; 2]>::from(mean.value.ends()).into_iter().chain([mean.value.mean]));
            let y = match plot.log_y {
                true => Scale::log(ends),
                false => Scale::linear(ends, None),
            };
            let titles = Titles {
                heading: plot.metric.title(),
                y: match plot.metric.unit() {
                    "" if plot.metric == Metric::TimeRatio => "ratio",
                    "" => "number",
                    unit => unit,
                },
                x: (index + 1 == panels).then_some(plot.x_axis.as_str()),
            };
            let frame = Frame::draw(root, row, &titles, x, y)?;
            if let Some(limit) = plot.metric.limit() {
                let (from, to) = frame.x_range();
                frame.line(&[(from, limit), (to, limit)], LIMIT, 1.0)?;
            }
            let alike = alike(&curves);
            let shown = if alike { curves.get(..1).unwrap_or_default() } else { &curves };
            for (position, (name, curve)) in shown.iter().enumerate() {
                let place = mark_of(name, position);
                let look = if alike { ALIKE } else { place.look() };
                for Mean { x, value } in curve {
                    let (low, high) = value.ends();
                    // A logarithmic axis has no zero.
                    let low = low.max(frame.y_range().0);
                    frame.line(&[(*x, low), (*x, high)], Look { dashed: false, ..look }, 1.2)?;
                }
                let path: Vec<(f64, f64)> = curve.iter().map(|mean| (mean.x, mean.value.mean)).collect();
                frame.line(&path, look, 2.0)?;
                for point in path {
                    let at = frame.at(point);
                    if alike { bar(root, at)? } else { mark(root, at, place)? }
                }
            }
            let label = |(position, (name, curve)): (usize, &(&str, Vec<Mean>))| {
                let (name, sample) = match alike {
                    true => ("the same for all", Sample::Alike(ALIKE)),
                    false => {
                        let place = mark_of(name, position);
                        (*name, Sample::Marked(place))
                    }
                };
                let value = curve.last()?.value.mean;
                Some(Label { value, name: short(name, 22), shown: String::new(), sample })
            };
            frame.labels(shown.iter().enumerate().filter_map(label).collect())?;
        }
        Ok(())
    })
}

/// Curves that lie on one another.
const ALIKE: Look = Look { line: INK, area: INK, dashed: false };

/// Where budgets and the like end.
const LIMIT: Look = Look { line: FAINT, area: FAINT, dashed: false };

/// Policies of line figures: each has its colour, dash and mark in all of them.
const KNOWN: [(&str, Mark); 9] = [
    ("exact", Mark { colour: 0, shape: 0 }),
    ("uniform-segments", Mark { colour: 1, shape: 1 }),
    ("proportional-speed", Mark { colour: 2, shape: 2 }),
    ("fixed-radio", Mark { colour: 3, shape: 3 }),
    ("no-pipeline", Mark { colour: 4, shape: 4 }),
    ("fixed-segments", Mark { colour: 5, shape: 5 }),
    ("latency-only", Mark { colour: 3, shape: 7 }),
    ("myopic", Mark { colour: 1, shape: 6 }),
    ("offline", Mark { colour: 5, shape: 2 }),
];

/// The look of a series: that of the policy, or that of its place in the figure.
fn mark_of(series: &str, position: usize) -> Mark {
    KNOWN.iter().find(|(known, _)| *known == series).map_or(Mark::at(position), |(_, place)| *place)
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
