//! One row per series, one mark per category: many policies side by side, two panels in a row.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::reading::subtitle;
use crate::experiments::interval::Interval;
use crate::experiments::table::{PlotSpec, ResultTable};
use crate::report::figures::frame::Scale;
use crate::report::figures::style::{
    Area, FAINT, Figure, GRID, HEAD, INK, Mark, WIDTH, bar, canvas, cause, font, mark, px, short, text, width,
};

/// Height of a row [px].
const ROW: i32 = 19;
/// Room for the names of the series [px].
const NAMES: i32 = 150;
/// Room above a panel for its heading, and below for its axis [px].
const ABOVE: i32 = 30;
const BELOW: i32 = 34;
/// Height of a line of the legend [px].
const LEGEND: i32 = 20;

/// Draws all plots of a table in two columns.
pub(super) fn draw(table: &ResultTable) -> Figure {
    let series = table.series();
    let inner = ROW * i32::try_from(series.len()).unwrap_or(i32::MAX / 64).min(400);
    let panel = ABOVE + inner + BELOW;
    let lines = i32::try_from(table.plots.len().div_ceil(2)).unwrap_or(1);
    let column = (WIDTH - NAMES - 12) / 2;
    let legend = Legend::new(table);
    let head = HEAD + legend.height();
    canvas((WIDTH, head + lines * panel), [&table.title, &subtitle(table), ""], |root| {
        legend.draw(root)?;
        for (index, plot) in table.plots.iter().enumerate() {
            let place = i32::try_from(index).unwrap_or_default();
            let top = head + (place / 2) * panel;
            let left = NAMES + (place % 2) * column;
            let frame = Panel { root, edges: (left + 12, left + column - 14, top + ABOVE, top + ABOVE + inner) };
            if place % 2 == 0 {
                for (row, name) in (0..).zip(&series) {
                    let at = (px(NAMES), px(frame.middle(row)));
                    text(root, &short(name, 22), at, font(12.0, INK, HPos::Right))?;
                }
            }
            frame.draw(table, plot, &series)?;
        }
        Ok(())
    })
}

/// What the marks stand for.
struct Legend(Vec<LegendName>);

struct LegendName {
    name: String,
    /// Left end [px].
    left: i32,
    line: i32,
    /// Whether it has a mark of its own; black if not.
    colored: bool,
}

impl Legend {
    fn new(table: &ResultTable) -> Self {
        let first = NAMES + 12;
        let (mut left, mut line) = (first, 0);
        let series = table.series();
        let any = table.plots.iter().any(|plot| series.iter().any(|name| common(table, plot, name).is_some()));
        let varied = table.plots.first().map_or("", |plot| plot.x_axis.as_str());
        let same = format!("the same for every {varied}");
        let labels = table.places().into_iter().map(|place| (short(&place.label, 24), true));
        let names = labels.chain(any.then_some((same, false))).map(|(name, colored)| {
            let room = 30 + 7 * i32::try_from(name.chars().count()).unwrap_or_default();
            if left > first && left + room > WIDTH {
                (left, line) = (first, line + 1);
            }
            let at = left;
            left += room;
            LegendName { name, left: at, line, colored }
        });
        Self(names.collect())
    }

    fn height(&self) -> i32 {
        4 + LEGEND * self.0.last().map_or(0, |last| last.line + 1)
    }

    fn draw(&self, root: &Area) -> Result<(), String> {
        for (category, LegendName { name, left, line, colored }) in self.0.iter().enumerate() {
            let middle = px(HEAD + 6 + LEGEND * line);
            match colored {
                true => mark(root, (px(*left), middle), Mark::at(category))?,
                false => bar(root, (px(*left), middle))?,
            }
            text(root, name, (px(left + 12), middle), font(12.0, INK, HPos::Left))?;
        }
        Ok(())
    }
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

struct Panel<'r, 'a> {
    root: &'r Area<'a>,
    /// Left, right, top, bottom [px].
    edges: (i32, i32, i32, i32),
}

impl Panel<'_, '_> {
    /// Height of a row's middle [px].
    fn middle(&self, row: i32) -> i32 {
        self.edges.2 + row * ROW + ROW / 2
    }

    fn draw(&self, table: &ResultTable, plot: &PlotSpec, series: &[&str]) -> Result<(), String> {
        let (left, right, top, bottom) = self.edges;
        let places = table.places();
        let found = |name: &str| places.iter().filter_map(|place| table.interval(plot.metric, place, name)).collect();
        let all: Vec<_> = series.iter().flat_map(|name| -> Vec<_> { found(name) }).collect();
        let ends = all.iter().flat_map(|value| <[f64; 2]>::from(value.ends()).into_iter().chain([value.mean]));
        let scale = if plot.log_y { Scale::log(ends) } else { Scale::linear(ends, Some(0.0)) };
        // An interval that reaches below what a logarithmic axis can show begins at the left end of the axis.
        let share = |value: f64| if plot.log_y && value <= 0.0 { 0.0 } else { scale.at(value).clamp(0.0, 1.0) };
        let along = |value: f64| px(left) + (f64::from(px(right - left)) * share(value)) as i32;
        let line = |ends: [(i32, i32); 2], color: RGBColor, stroke: f64| {
            self.root.draw(&PathElement::new(ends, color.stroke_width(width(stroke)))).map_err(cause)
        };
        let mut bold = font(13.0, INK, HPos::Left);
        bold.font = bold.font.style(FontStyle::Bold);
        text(self.root, &plot.metric.heading(), (px(left), px(top - 14)), bold)?;
        for row in 0..series.len() {
            let y = px(self.middle(i32::try_from(row).unwrap_or_default()));
            line([(px(left), y), (px(right), y)], GRID, 0.8)?;
        }
        // A panel is narrow: names of ticks that would touch the last one are left out.
        let mut free = i32::MIN;
        for (value, name) in scale.ticks() {
            let at = along(*value);
            line([(at, px(top)), (at, px(bottom))], GRID, 0.8)?;
            let half = px(4 * i32::try_from(name.chars().count()).unwrap_or_default() + 3);
            if at - half >= free {
                text(self.root, name, (at, px(bottom + 11)), font(11.5, INK, HPos::Center))?;
                free = at + half;
            }
        }
        line([(px(left), px(bottom)), (px(right), px(bottom))], FAINT, 0.8)?;
        if let Some(limit) = plot.metric.limit().filter(|limit| (0.0..=1.0).contains(&scale.at(*limit))) {
            line([(along(limit), px(top)), (along(limit), px(bottom))], FAINT, 1.0)?;
        }
        for (row, name) in (0..).zip(series) {
            if let Some(value) = common(table, plot, name).filter(|value| !plot.log_y || *value > 0.0) {
                bar(self.root, (along(value), px(self.middle(row))))?;
                continue;
            }
            for (category, place) in places.iter().enumerate() {
                let Some(value) = table.interval(plot.metric, place, name) else { continue };
                if plot.log_y && value.mean <= 0.0 {
                    continue;
                }
                // A little apart, so that marks of equal value can be told from one another.
                let shift = (category as f64 - 0.5 * (places.len() as f64 - 1.0)) * 9.0 / places.len().max(1) as f64;
                let y = px(self.middle(row)) + px(1) * shift.round() as i32;
                let (low, high) = value.ends();
                let look = Mark::at(category).look();
                line([(along(low), y), (along(high), y)], look.line, 1.6)?;
                mark(self.root, (along(value.mean), y), Mark::at(category))?;
            }
        }
        Ok(())
    }
}
