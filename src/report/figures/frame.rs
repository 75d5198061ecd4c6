//! A panel with axes of its own, linear or logarithmic.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::panel::{LABELS, Label, write_labels};
use super::style::{Area, FAINT, GRID, INK, Look, WIDTH, cause, font, px, text, width};
use crate::report::table::number;

/// Room left of the data [px].
const LEFT: i32 = 66;
/// Widths of a character and of the gap between labels on the horizontal axis [px].
const CHARACTER: usize = 7;
const GAP: usize = 10;

/// Where values stand along an axis.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
    /// Positions and their texts.
    ticks: Vec<(f64, String)>,
}

impl Scale {
    /// From below the least to above the greatest of the positive values; without any, from 1 to 10.
    pub(crate) fn log(values: impl Iterator<Item = f64>) -> Self {
        let usable = values.filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = usable.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (1.0, 10.0) };
        // Room of a twentieth of the span, and at least a quarter above and below a single value.
        let room = (0.05 * (high / low).ln()).max(0.1).exp();
        let (low, high) = (low / room, high * room);
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let inside = |steps: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)));
            all.filter(|tick| (low..=high).contains(tick)).collect()
        };
        let mut ticks = inside(&[1.0, 2.0, 5.0]);
        if ticks.len() > 9 {
            ticks = inside(&[1.0]);
            let every = ticks.len().div_ceil(9);
            ticks = ticks.into_iter().step_by(every).collect();
        } else if ticks.len() < 3 {
            ticks = nice(low, high, 4);
        }
        Self { low, high, log: true, ticks: ticks.into_iter().map(|tick| (tick, number_of_tick(tick))).collect() }
    }

    /// From below the least to above the greatest value; `include` is always within.
    pub(crate) fn linear(values: impl Iterator<Item = f64>, include: Option<f64>) -> Self {
        let usable = values.chain(include).filter(|value| value.is_finite());
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        // Nothing but zeros: the axis needs some length all the same.
        let (low, high) = if low == high && low == 0.0 { (0.0, 1.0) } else { (low, high) };
        let room = (0.08 * (high - low)).max(1e-3 * high.abs()).max(f64::MIN_POSITIVE);
        // A quantity without a sign has no room below zero.
        let floor = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        let (low, high) = (floor, high + room);
        let ticks = nice(low, high, 5);
        Self { low, high, log: false, ticks: ticks.into_iter().map(|tick| (tick, number_of_tick(tick))).collect() }
    }

    /// From 0 to 1, in per cent.
    pub(crate) fn shares() -> Self {
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|tick| (tick, format!("{:.0}", 100.0 * tick)));
        Self { low: 0.0, high: 1.0, log: false, ticks: ticks.into() }
    }

    /// One place per name, at 0, 1, ...; names that would touch are left out.
    pub(crate) fn places(names: impl Iterator<Item = String>) -> Self {
        let names: Vec<String> = names.collect();
        let count = names.len().max(1);
        let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or_default() * CHARACTER + GAP;
        let room = usize::try_from(WIDTH - LABELS - LEFT).unwrap_or_default();
        let every = (count * widest).div_ceil(room).max(1);
        let ticks = (0u32..).zip(names).map(|(place, name)| (f64::from(place), name)).step_by(every).collect();
        Self { low: -0.5, high: count as f64 - 0.5, log: false, ticks }
    }

    /// This axis with ticks at these values, where their texts do not touch.
    pub(crate) fn ticks_at(mut self, values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let named: Vec<(f64, String)> = values.into_iter().map(|value| (value, number_of_tick(value))).collect();
        let length = f64::from(WIDTH - LABELS - LEFT);
        let half = |name: &str| 0.5 * (name.chars().count() * CHARACTER + GAP) as f64;
        let apart = |pair: &[(f64, String)]| match pair {
            [(a, left), (b, right)] => (self.at(*b) - self.at(*a)) * length >= half(left) + half(right),
            _ => true,
        };
        if !named.is_empty() && named.windows(2).all(apart) {
            self.ticks = named;
        }
        self
    }

    /// Positions of the ticks and their texts.
    pub(crate) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    /// Share of the axis below a value.
    pub(crate) fn at(&self, value: f64) -> f64 {
        match self.log {
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        }
    }

    pub(crate) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// About `count` round values within a range.
fn nice(low: f64, high: f64, count: u32) -> Vec<f64> {
    let rough = (high - low) / f64::from(count);
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let first = (low / step).ceil();
    // Whole multiples, so that ticks carry no rounding of sums.
    (0u32..=2 * count).map(|k| (first + f64::from(k)) * step).take_while(|tick| *tick <= high).collect()
}

/// The shortest text of a round value.
fn number_of_tick(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&value.abs()) {
        let text = format!("{value:.1e}");
        return text.replace(".0e", "e");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// The text of a value below an axis.
pub(crate) fn value_name(value: f64) -> String {
    let text = number(value);
    match text.contains(['.', 'e']) {
        true if !text.contains('e') => text.trim_end_matches('0').trim_end_matches('.').into(),
        _ => text,
    }
}

/// A drawn panel.
pub(crate) struct Frame<'r, 'a> {
    root: &'r Area<'a>,
    x: Scale,
    y: Scale,
    /// Left, right, top, bottom in fine pixels.
    edges: (i32, i32, i32, i32),
}

/// Titles of a panel.
pub(crate) struct Titles<'t> {
    pub(crate) heading: &'t str,
    pub(crate) y: &'t str,
    /// Written, with the ticks' texts, below the panel; `None` above another panel with the same axis.
    pub(crate) x: Option<&'t str>,
}

impl<'r, 'a> Frame<'r, 'a> {
    /// Draws grid, ticks and titles in the panel at `row`: top and height [px], without the room for the horizontal
    /// axis.
    pub(crate) fn draw(
        root: &'r Area<'a>,
        (top, height): (i32, i32),
        titles: &Titles,
        x: Scale,
        y: Scale,
    ) -> Result<Self, String> {
        let head = if titles.heading.is_empty() { 6 } else { 26 };
        let edges = (px(LEFT), px(WIDTH - LABELS), px(top + head), px(top + height - 8));
        let frame = Self { root, x, y, edges };
        if !titles.heading.is_empty() {
            let mut style = font(13.5, INK, HPos::Left);
            style.font = style.font.style(FontStyle::Bold);
            text(root, titles.heading, (px(LEFT), px(top + 13)), style)?;
        }
        let (left, right, above, below) = edges;
        let grid = |ends: [(i32, i32); 2], color: RGBColor| {
            root.draw(&PathElement::new(ends, color.stroke_width(width(0.8)))).map_err(cause)
        };
        for (value, name) in &frame.y.ticks {
            let y = frame.at((frame.x.low, *value)).1;
            grid([(left, y), (right, y)], GRID)?;
            text(root, name, (left - px(8), y), font(12.0, INK, HPos::Right))?;
        }
        for (value, name) in &frame.x.ticks {
            let x = frame.at((*value, frame.y.low)).0;
            grid([(x, above), (x, below)], GRID)?;
            if titles.x.is_some() {
                grid([(x, below), (x, below + px(4))], FAINT)?;
                text(root, name, (x, below + px(13)), font(12.0, INK, HPos::Center))?;
            }
        }
        grid([(left, above), (left, below)], FAINT)?;
        grid([(left, below), (right, below)], FAINT)?;
        let middle = (above + below) / 2;
        let turned = font(13.0, INK, HPos::Center).transform(FontTransform::Rotate270);
        text(root, titles.y, (px(14), middle), turned)?;
        if let Some(title) = titles.x {
            text(root, title, ((left + right) / 2, below + px(32)), font(13.0, INK, HPos::Center))?;
        }
        Ok(frame)
    }

    pub(crate) fn y_range(&self) -> (f64, f64) {
        self.y.range()
    }

    pub(crate) fn x_range(&self) -> (f64, f64) {
        self.x.range()
    }

    /// Fine pixels of a point.
    pub(crate) fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let (left, right, above, below) = self.edges;
        let along = |from: i32, to: i32, share: f64| {
            // Far outside the frame is as good as just outside.
            from + (f64::from(to - from) * share.clamp(-1.0, 2.0)).round() as i32
        };
        (along(left, right, self.x.at(x)), along(below, above, self.y.at(y)))
    }

    /// Whether a fine pixel is inside, by a margin.
    pub(crate) fn holds(&self, (x, y): (i32, i32), margin: i32) -> bool {
        let (left, right, above, below) = self.edges;
        (left + margin..=right - margin).contains(&x) && (above + margin..=below - margin).contains(&y)
    }

    /// A polyline; what is outside the frame is cut off at points, so that lines over a wide range need many of them.
    pub(crate) fn line(&self, points: &[(f64, f64)], look: Look, stroke: f64) -> Result<(), String> {
        let (low, high) = self.y.range();
        let slack = 1e-9 * (high - low);
        let inside = |point: &&(f64, f64)| point.1.is_finite() && (low - slack..=high + slack).contains(&point.1);
        for part in points.split(|point| !inside(&point)).filter(|part| part.len() > 1) {
            let pixels: Vec<(i32, i32)> = part.iter().map(|point| self.at(*point)).collect();
            let style = look.line.stroke_width(width(stroke));
            match look.dashed {
                true => self.root.draw(&DashedPathElement::new(pixels, px(6), px(4), style)),
                false => self.root.draw(&PathElement::new(pixels, style)),
            }
            .map_err(cause)?;
        }
        Ok(())
    }

    pub(crate) fn dot(&self, point: (f64, f64), look: Look, filled: bool) -> Result<(), String> {
        if !(point.0.is_finite() && point.1.is_finite()) {
            return Ok(());
        }
        let at = self.at(point);
        let inner = if filled { look.line } else { WHITE };
        self.root.draw(&Circle::new(at, width(4.2), look.line.filled())).map_err(cause)?;
        self.root.draw(&Circle::new(at, width(2.8), inner.filled())).map_err(cause)
    }

    pub(crate) fn rectangle(&self, from: (f64, f64), to: (f64, f64), color: RGBColor) -> Result<(), String> {
        self.root.draw(&Rectangle::new([self.at(from), self.at(to)], color.filled())).map_err(cause)
    }

    /// Labels right of the panel.
    pub(crate) fn labels(&self, labels: Vec<Label>) -> Result<(), String> {
        let (_, right, above, below) = self.edges;
        let (low, high) = self.y.range();
        let height = |value: f64| self.at((self.x.low, value.clamp(low, high))).1;
        write_labels(self.root, right, (above, below), &height, labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values_and_have_round_ticks() {
        let log = Scale::log([0.01, 1.0, 0.0, f64::NAN].into_iter());
        assert!(log.at(0.01) > 0.0 && log.at(1.0) < 1.0 && (log.at(0.1) - 0.5).abs() < 1e-12);
        let names: Vec<&str> = log.ticks.iter().map(|tick| tick.1.as_str()).collect();
        assert_eq!(names, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        let narrow = Scale::log([115.0, 126.0].into_iter());
        assert!(narrow.ticks.len() >= 3, "{:?}", narrow.ticks);
        let linear = Scale::linear([-3.0, 7.0].into_iter(), Some(0.0));
        assert_eq!(linear.ticks.iter().map(|tick| tick.0).collect::<Vec<_>>(), [-2.5, 0.0, 2.5, 5.0, 7.5]);
        for empty in [Scale::log(std::iter::empty()), Scale::linear(std::iter::empty(), None)] {
            assert!(empty.low < empty.high && !empty.ticks.is_empty());
        }
        let one = Scale::linear([5.0].into_iter(), None);
        assert!(one.low < 5.0 && one.high > 5.0);
    }

    #[test]
    fn many_places_have_few_names() {
        let places = Scale::places((0..100).map(|place| place.to_string()));
        assert!(places.ticks.len() <= 30);
        assert_eq!((places.at(-0.5), places.at(99.5)), (0.0, 1.0));
    }

    #[test]
    fn values_are_called_by_their_digits() {
        assert_eq!([0.1, 2.0, 123.4, 1e-5].map(value_name), ["0.1", "2", "123.4", "1.00e-5"].map(String::from));
    }
}
