//! Figure of an experiment: a panel per plot.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::frame::{Frame, Scale, Titles};
use super::panel::{Label, Sample};
use super::style::{FAINT, Figure, HEAD, INK, WIDTH, canvas, cause, device_look, empty, font, px, short, text};
use crate::experiments::{Drawing, PlotSpec, ResultTable, interval};
use crate::report::table::significant;

const LEFT: i32 = 200;
const RIGHT: i32 = 640;
const BAR: i32 = 19;
const GROUP: i32 = 26;
const LINES: i32 = 300;

type Mean = (f64, f64, Option<f64>);
type Bars = Vec<(String, Vec<(usize, String, Mean)>)>;

/// Distinct values in the order of the rows.
pub(in crate::report) fn distinct<'t>(names: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

pub(in crate::report) fn of_experiment(table: &ResultTable) -> Figure {
    if table.rows.is_empty() || table.plots.is_empty() {
        return empty(&short(&table.title, 80), &short(table.skipped.as_deref().unwrap_or("no runs"), 90));
    }
    let heights: Vec<i32> = table.plots.iter().map(|plot| height(table, plot)).collect();
    let total = HEAD + heights.iter().sum::<i32>() + 30;
    let subtitle = "Means over seeds; whiskers: 95 % confidence intervals (Student t)";
    canvas((WIDTH, total), [&short(&table.title, 80), subtitle, ""], |root| {
        let mut top = HEAD;
        for (plot, height) in table.plots.iter().zip(heights) {
            match plot.drawing {
                Drawing::Lines => lines(root, table, plot, top)?,
                Drawing::Bars => bars(root, table, plot, top)?,
            }
            top += height;
        }
        Ok(())
    })
}

fn heading(plot: &PlotSpec) -> String {
    let better = match plot.metric.higher_is_better() {
        Some(true) => " (higher is better)",
        Some(false) => " (lower is better)",
        None => "",
    };
    format!("{} [{}]{better}", plot.metric.name(), plot.metric.unit())
}

fn height(table: &ResultTable, plot: &PlotSpec) -> i32 {
    match plot.drawing {
        Drawing::Lines => LINES + 85,
        Drawing::Bars => {
            let groups = groups(table, plot);
            let bars = groups.iter().map(|group| GROUP + BAR * i32::try_from(group.1.len()).unwrap_or(1000));
            40 + bars.sum::<i32>()
        }
    }
}

fn groups(table: &ResultTable, plot: &PlotSpec) -> Bars {
    let series = distinct(table.rows.iter().map(|row| row.series.as_str()));
    let group = |label: &str| {
        let mean = |(index, name): (usize, &&str)| {
            let rows = table.rows.iter().filter(|row| row.x_label == label && row.series == **name);
            let values: Vec<f64> = rows.filter_map(|row| row.metrics.get(&plot.metric).copied()).collect();
            let (mean, half) = interval(&values)?;
            Some((index, (*name).to_owned(), (0.0, mean, half)))
        };
        (label.to_owned(), series.iter().enumerate().filter_map(mean).collect())
    };
    distinct(table.rows.iter().map(|row| row.x_label.as_str())).into_iter().map(group).collect()
}

fn bars(root: &super::style::Area, table: &ResultTable, plot: &PlotSpec, top: i32) -> Result<(), String> {
    let groups = groups(table, plot);
    let means = || groups.iter().flat_map(|group| group.1.iter().map(|bar| bar.2));
    let ends = means().flat_map(|(_, mean, half)| [mean - half.unwrap_or(0.0), mean, mean + half.unwrap_or(0.0)]);
    let scale = if plot.log_y { Scale::log(ends) } else { Scale::linear(ends, Some(0.0)) };
    let (low, high) = scale.range();
    // Values that a logarithmic axis cannot show end at its left.
    let share = |value: f64| match plot.log_y {
        true => (value.max(low) / low).ln() / (high / low).ln(),
        false => (value - low) / (high - low),
    };
    let x = |value: f64| px(LEFT) + (share(value).clamp(0.0, 1.0) * f64::from(px(RIGHT - LEFT))) as i32;
    let axis = if plot.log_y { ", logarithmic axis" } else { "" };
    text(root, &format!("{}{axis}", heading(plot)), (px(16), px(top + 14)), font(14.0, INK, HPos::Left))?;
    let mut y = top + 30;
    for (label, bars) in &groups {
        text(root, &short(label, 60), (px(LEFT), px(y + 12)), font(13.0, FAINT, HPos::Left))?;
        y += GROUP;
        for (index, name, (_, mean, half)) in bars {
            let middle = px(y + BAR / 2);
            text(root, &short(name, 26), (px(LEFT - 8), middle), font(13.0, INK, HPos::Right))?;
            let from = if plot.log_y { px(LEFT) } else { x(0.0) };
            let area = device_look(*index).area;
            let corners = [(from, px(y + 2)), (x(*mean), px(y + BAR - 3))];
            root.draw(&Rectangle::new(corners, area.filled())).map_err(cause)?;
            let half_width = half.unwrap_or(0.0);
            let whisker = vec![(x(mean - half_width), middle), (x(mean + half_width), middle)];
            root.draw(&PathElement::new(whisker, INK.stroke_width(px(1).unsigned_abs()))).map_err(cause)?;
            let shown = match half {
                Some(half) => format!("{} ± {}", significant(*mean, 3), significant(*half, 2)),
                None => significant(*mean, 3),
            };
            text(root, &shown, (x(mean + half_width) + px(6), middle), font(12.0, INK, HPos::Left))?;
            y += BAR;
        }
    }
    Ok(())
}

fn lines(root: &super::style::Area, table: &ResultTable, plot: &PlotSpec, top: i32) -> Result<(), String> {
    let fits = |value: f64, log: bool| value.is_finite() && (!log || value > 0.0);
    let curve = |name: &str| -> Vec<Mean> {
        let rows = || table.rows.iter().filter(move |row| row.series == name);
        let mut xs: Vec<f64> = rows().filter_map(|row| row.x).filter(|x| fits(*x, plot.log_x)).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let at = |x: f64| {
            let rows = rows().filter(|row| row.x == Some(x));
            let values: Vec<f64> = rows.filter_map(|row| row.metrics.get(&plot.metric).copied()).collect();
            let (mean, half) = interval(&values)?;
            fits(mean, plot.log_y).then_some((x, mean, half))
        };
        xs.into_iter().filter_map(at).collect()
    };
    let series = distinct(table.rows.iter().map(|row| row.series.as_str()));
    let curves: Vec<(usize, &str, Vec<Mean>)> =
        series.into_iter().enumerate().map(|(index, name)| (index, name, curve(name))).collect();
    let points = || curves.iter().flat_map(|curve| curve.2.iter().copied());
    let ends = points().flat_map(|(_, mean, half)| [mean - half.unwrap_or(0.0), mean, mean + half.unwrap_or(0.0)]);
    let x = points().map(|point| point.0);
    let x = if plot.log_x { Scale::log(x) } else { Scale::linear(x, None) };
    let y = if plot.log_y { Scale::log(ends) } else { Scale::linear(ends, None) };
    let floor = y.range().0;
    let heading = heading(plot);
    let unit = format!("[{}]", plot.metric.unit());
    let titles = Titles { heading: &heading, y: &unit, x: Some(&plot.x_axis) };
    let frame = Frame::draw(root, (top + 24, LINES), &titles, x, y)?;
    let mut labels = Vec::new();
    for (index, name, points) in &curves {
        let look = device_look(*index);
        frame.line(&points.iter().map(|point| (point.0, point.1)).collect::<Vec<_>>(), look, 1.8)?;
        for (x, mean, half) in points {
            if let Some(half) = half {
                let whisker = [(*x, (mean - half).max(floor)), (*x, mean + half)];
                frame.line(&whisker, super::style::Look { dashed: false, ..look }, 1.0)?;
            }
            frame.dot((*x, *mean), look, index % 2 == 0)?;
        }
        if let Some((_, value, _)) = points.last() {
            let sample = Sample::Line(look, 1.8);
            labels.push(Label { value: *value, name: short(name, 20), shown: String::new(), sample });
        }
    }
    frame.labels(labels)
}
