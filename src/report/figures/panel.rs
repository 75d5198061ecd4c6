//! A panel: axes over slots, lines, and labels beside the lines' ends.

use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::style::{Area, FAINT, GRID, HEAD, HEIGHT, INK, Look, Mark, WIDTH, bar, cause, font, mark, px, text, width};
use crate::report::table::number;

pub(crate) type Chart<'c, 'a> = ChartContext<'c, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Room for labels right of the data [px].
pub(crate) const LABELS: i32 = 172;
/// Height of each of several panels [px].
const PANEL: i32 = 205;
/// Room for the slot axis below the last panel [px].
const FOOT: i32 = 42;
/// Distance of labels [px].
const LABEL_GAP: i32 = 14;

/// Height of a figure with this number of panels [px].
pub(crate) fn figure_height(panels: usize) -> i32 {
    match i32::try_from(panels) {
        Ok(panels @ 2..) => HEAD + panels * PANEL + FOOT,
        _ => HEIGHT,
    }
}

/// Splits the canvas below the title: top and height of every panel [px].
pub(crate) fn rows(panels: usize) -> impl Iterator<Item = (i32, i32)> {
    let each = if panels > 1 { PANEL } else { HEIGHT - HEAD - FOOT };
    (0..panels).map(move |row| (HEAD + each * i32::try_from(row).unwrap_or_default(), each))
}

/// What a panel shows.
pub(crate) struct Axes<'a> {
    /// Top and height on the canvas [px], without the slot axis.
    pub(crate) row: (i32, i32),
    /// Written above the panel; the cluster's name.
    pub(crate) heading: &'a str,
    /// Quantity and unit.
    pub(crate) y_title: &'a str,
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
    /// The last panel carries the slot axis's numbers and title.
    pub(crate) last: bool,
}

pub(crate) fn axes<'a>(root: &Area<'a>, spec: &Axes) -> Result<Chart<'a, 'a>, String> {
    let (top, height) = spec.row;
    let heading = if spec.heading.is_empty() { 4 } else { 26 };
    let foot = if spec.last { FOOT } else { 8 };
    if heading > 4 {
        let mut style = font(13.5, INK, HPos::Left);
        style.font = style.font.style(FontStyle::Bold);
        text(root, spec.heading, (px(66), px(top + 13)), style)?;
    }
    let overhang = if spec.last { FOOT } else { 0 };
    let area = root.clone().shrink((0, px(top)), (root.dim_in_pixel().0, width(f64::from(height + overhang))));
    let mut chart = ChartBuilder::on(&area)
        .margin_top(px(heading))
        .margin_bottom(px(if spec.last { 0 } else { foot }))
        .margin_left(px(12))
        .margin_right(px(LABELS))
        .set_label_area_size(LabelAreaPosition::Left, px(54))
        .set_label_area_size(LabelAreaPosition::Bottom, px(if spec.last { foot } else { 0 }))
        .build_cartesian_2d(spec.x.0..spec.x.1, spec.y.0..spec.y.1)
        .map_err(cause)?;
    let whole = |slot: &f64| {
        if (slot - slot.round()).abs() < 1e-6 { format!("{:.0}", slot.round() + 0.0) } else { String::new() }
    };
    let digits = |value: &f64| tick(*value, spec.y);
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(GRID.stroke_width(width(0.8)))
        .axis_style(FAINT.stroke_width(width(0.8)))
        .set_all_tick_mark_size(px(4))
        .x_labels(((spec.x.1 - spec.x.0) as usize).clamp(1, 10))
        .y_labels(if height > 250 { 7 } else { 4 })
        .x_label_formatter(&whole)
        .y_label_formatter(&digits)
        .label_style(font(12.0, INK, HPos::Center))
        .axis_desc_style(font(13.0, INK, HPos::Center))
        .y_desc(spec.y_title)
        .x_desc(if spec.last { "Slot" } else { "" })
        .draw()
        .map_err(cause)?;
    Ok(chart)
}

/// Digits that tell an axis's ticks apart.
fn tick(value: f64, (low, high): (f64, f64)) -> String {
    let span = (high - low).abs();
    if span > 0.0 && value.abs() < span * 1e-9 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&high.abs().max(low.abs())) {
        return number(value);
    }
    let decimals = (2.0 - span.log10()).ceil().clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// Slots on the axis, with half a slot of room.
pub(crate) fn slot_range(mut slots: impl Iterator<Item = u64>) -> (f64, f64) {
    let first = slots.next().unwrap_or_default();
    let last = slots.last().unwrap_or(first);
    (first as f64 - 0.5, last as f64 + 0.5)
}

/// Draws a line; points above the axis are cut off where the line leaves it.
pub(crate) fn line(chart: &mut Chart, points: &[(f64, f64)], top: f64, look: Look, stroke: f64) -> Result<(), String> {
    for part in below(points, top) {
        let style = look.line.stroke_width(width(stroke));
        if let [point] = part.as_slice() {
            let dot = Circle::new(*point, px(3), look.line.filled());
            chart.draw_series([dot]).map_err(cause)?;
        } else if look.dashed {
            chart.draw_series(DashedLineSeries::new(thin(&part), px(6), px(4), style)).map_err(cause)?;
        } else {
            chart.draw_series(LineSeries::new(thin(&part), style)).map_err(cause)?;
        }
    }
    Ok(())
}

/// Stretches of a line: the mean of each at its middle, and a band from its least to its greatest values.
pub(crate) struct Stretches {
    pub(crate) means: Vec<(f64, f64)>,
    band: Vec<(f64, f64)>,
}

impl Stretches {
    /// Of a line whose points jump up and down too often to be told apart.
    pub(crate) fn new(points: &[(f64, f64)], length: usize) -> Self {
        let (mut means, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
        for stretch in points.chunks(length.max(1)) {
            let count = stretch.len() as f64;
            let middle = stretch.iter().map(|point| point.0).sum::<f64>() / count;
            means.push((middle, stretch.iter().map(|point| point.1).sum::<f64>() / count));
            low.push((middle, stretch.iter().map(|point| point.1).fold(f64::INFINITY, f64::min)));
            high.push((middle, stretch.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max)));
        }
        Self { means, band: high.into_iter().chain(low.into_iter().rev()).collect() }
    }

    /// Draws the band, cut off at `top`.
    pub(crate) fn draw_band(&self, chart: &mut Chart, top: f64, look: Look) -> Result<(), String> {
        let band: Vec<(f64, f64)> = self.band.iter().map(|&(x, y)| (x, y.min(top))).collect();
        chart.draw_series([Polygon::new(band, look.area.mix(0.18).filled())]).map_err(cause)?;
        Ok(())
    }
}

/// The parts of a line that are not above `top`, ends interpolated.
fn below(points: &[(f64, f64)], top: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts = vec![Vec::new()];
    let mut earlier: Option<(f64, f64)> = None;
    for &(x, y) in points {
        let crossing = earlier.filter(|before| (before.1 > top) != (y > top));
        let crossing = crossing.map(|(x0, y0)| (x0 + (x - x0) * (top - y0) / (y - y0), top));
        if y <= top {
            if crossing.is_some() {
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend(crossing);
                part.push((x, y));
            }
        } else if let Some(part) = parts.last_mut() {
            part.extend(crossing);
        }
        earlier = Some((x, y));
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Least and greatest value of every stretch of a long line, which is all that can be seen of it.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    const STRETCHES: usize = 400;
    if points.len() <= 2 * STRETCHES {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(2 * STRETCHES + 2);
    for stretch in points.chunks(points.len().div_ceil(STRETCHES)) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (stretch.iter().min_by(by_value), stretch.iter().max_by(by_value));
        let mut pair: Vec<(f64, f64)> = low.into_iter().chain(high).copied().collect();
        pair.sort_by(|a, b| a.0.total_cmp(&b.0));
        kept.extend(pair);
    }
    kept.extend(points.last());
    kept
}

/// A label right of the panel with a sample of what it names.
pub(crate) struct Label {
    /// Where on the y axis it would best stand.
    pub(crate) value: f64,
    pub(crate) name: String,
    /// The number, set apart on the right.
    pub(crate) shown: String,
    pub(crate) sample: Sample,
}

pub(crate) enum Sample {
    Line(Look, f64),
    /// A line with a bar on it.
    Alike(Look),
    /// A line with the mark of its place.
    Marked(Mark),
    Square(RGBColor),
}

/// Writes labels near their values without overlap.
pub(crate) fn labels(root: &Area, chart: &Chart, labels: Vec<Label>) -> Result<(), String> {
    let (xs, ys) = chart.plotting_area().get_pixel_range();
    let x = chart.x_range().start;
    write_labels(root, xs.end, (ys.start, ys.end), &|value| chart.backend_coord(&(x, value)).1, labels)
}

/// [`labels`], right of a panel that ends at `right`, between two heights; `height` is that of a value. In fine pixels.
pub(crate) fn write_labels(
    root: &Area,
    right: i32,
    range: (i32, i32),
    height: &dyn Fn(f64) -> i32,
    mut labels: Vec<Label>,
) -> Result<(), String> {
    labels.sort_by(|a, b| b.value.total_cmp(&a.value));
    let heights = spread(labels.iter().map(|label| height(label.value)).collect(), px(LABEL_GAP), range);
    for (label, y) in labels.iter().zip(heights) {
        let left = right + px(8);
        match label.sample {
            Sample::Line(look, stroke) => sample_line(root, (left, y), look, stroke)?,
            Sample::Alike(look) => {
                sample_line(root, (left, y), look, 2.0)?;
                bar(root, (left + px(8), y))?;
            }
            Sample::Marked(place) => {
                sample_line(root, (left, y), place.look(), 2.0)?;
                mark(root, (left + px(8), y), place)?;
            }
            Sample::Square(color) => {
                let square = Rectangle::new([(left + px(4), y - px(5)), (left + px(14), y + px(5))], color.filled());
                root.draw(&square).map_err(cause)?;
            }
        }
        text(root, &label.name, (left + px(22), y), font(12.0, INK, HPos::Left))?;
        text(root, &label.shown, (px(WIDTH - 12), y), font(12.0, FAINT, HPos::Right))?;
    }
    Ok(())
}

/// A piece of a line that begins at `(left, y)`.
fn sample_line(root: &Area, (left, y): (i32, i32), look: Look, stroke: f64) -> Result<(), String> {
    let style = look.line.stroke_width(width(stroke));
    let ends = [(left, y), (left + px(16), y)];
    match look.dashed {
        true => root.draw(&DashedPathElement::new(ends, px(6), px(4), style)),
        false => root.draw(&PathElement::new(ends, style)),
    }
    .map_err(cause)
}

/// Moves increasing positions apart to at least `gap` (less where there is no room), within `low..=high`.
fn spread(mut wanted: Vec<i32>, gap: i32, (low, high): (i32, i32)) -> Vec<i32> {
    let gaps = i32::try_from(wanted.len().saturating_sub(1)).unwrap_or(i32::MAX).max(1);
    let gap = gap.min((high - low) / gaps);
    let mut next = low;
    for position in &mut wanted {
        *position = (*position).max(next);
        next = *position + gap;
    }
    let mut next = high;
    for position in wanted.iter_mut().rev() {
        *position = (*position).min(next);
        next = *position - gap;
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        assert_eq!(spread(vec![10, 12, 50], 14, (0, 100)), [10, 24, 50]);
        assert_eq!(spread(vec![95, 96, 97], 14, (0, 100)), [72, 86, 100]);
        assert_eq!(spread(vec![5, 5, 5], 14, (0, 20)), [0, 10, 20].map(|y| y.max(0)));
    }

    #[test]
    fn lines_are_cut_where_they_leave_the_axis() {
        let parts = below(&[(0.0, 3.0), (1.0, 1.0), (2.0, 1.0), (3.0, 3.0)], 2.0);
        assert_eq!(parts, [vec![(0.5, 2.0), (1.0, 1.0), (2.0, 1.0), (2.5, 2.0)]]);
        assert!(below(&[(0.0, 3.0)], 2.0).is_empty());
    }

    #[test]
    fn thinned_lines_keep_extremes_and_the_end() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|t| (f64::from(t), 0.0)).collect();
        points[4321].1 = 7.0;
        let kept = thin(&points);
        assert!(kept.len() < 900 && kept.contains(&(4321.0, 7.0)) && kept.last() == points.last());
        assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn ticks_have_the_digits_they_need() {
        assert_eq!([0.0, 0.25, 0.5].map(|y| tick(y, (0.0, 1.0))), ["0", "0.25", "0.5"].map(String::from));
        assert_eq!([0.0, 200.0].map(|y| tick(y, (0.0, 900.0))), ["0", "200"].map(String::from));
        assert_eq!(tick(2e7, (0.0, 5e7)), "2.00e7");
    }
}
