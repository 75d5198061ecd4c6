//! Axes: a frame that knows where values stand, with grid, numbers and titles.

use super::figure::{Panel, Place};
use super::font::{fit, width, wrap};
use super::layout::widest;
use super::look::{FAINT, GRID, INK};
use super::scale::{Scale, Tick};
use super::sheet::{Anchor, Drawn, Point, Stroke, Text};
use super::style::Measures;

/// Edges of the data [pt], and what they mean.
pub(super) struct Frame<'f> {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: &'f Scale,
    pub y: &'f Scale,
    pub measures: &'f Measures,
}

impl Frame<'_> {
    /// Where a value is; far outside is as good as just outside.
    pub fn at(&self, (x, y): Place) -> Point {
        self.of_shares((self.x.at(x), self.y.at(y)))
    }

    /// Where shares of the axes are.
    pub fn of_shares(&self, (x, y): (f64, f64)) -> Point {
        (self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top))
    }

    /// Whether a point is inside, by a margin.
    pub fn holds(&self, (x, y): Point, margin: (f64, f64)) -> bool {
        (self.left + margin.0..=self.right - margin.0).contains(&x)
            && (self.top + margin.1..=self.bottom - margin.1).contains(&y)
    }

    /// A stroke of this style.
    pub fn stroke(&self, width: f64) -> f64 {
        width * self.measures.stroke
    }
}

/// Length of the marks at numbers, and their distance from them.
fn tick(measures: &Measures) -> f64 {
    0.35 * measures.text
}

/// Widest name of a row, as a share of the figure's width.
const NAME: f64 = 0.34;

fn name_room(measures: &Measures) -> f64 {
    (NAME * measures.width).min(17.0 * measures.text)
}

fn vertical_ticks<'p>(panel: &'p Panel, height: f64, measures: &Measures) -> &'p [Tick] {
    panel.y.scale.fitting(height, |_| 1.5 * measures.text)
}

fn horizontal_ticks<'p>(panel: &'p Panel, length: f64, measures: &Measures) -> &'p [Tick] {
    panel.x.scale.fitting(length, |text| width(text, measures.text) + 1.2 * measures.text)
}

/// Lines of the title beside the vertical axis.
fn vertical_title(panel: &Panel, height: f64, measures: &Measures) -> Vec<String> {
    wrap(&panel.y.heading(), measures.text, height + 1.0 * measures.text)
}

/// Room left of the data.
pub(super) fn left(panel: &Panel, height: f64, names: bool, measures: &Measures) -> f64 {
    let lines = vertical_title(panel, height, measures).len() as f64;
    // Letters reach below their line.
    let title = if lines > 0.0 { (1.15 * lines + 0.4) * measures.text } else { 0.0 };
    let texts = vertical_ticks(panel, height, measures).iter().map(|tick| tick.1.as_str());
    let ticks = if names { widest(texts, measures.text).min(name_room(measures)) } else { 0.0 };
    title + ticks + tick(measures) + measures.gap()
}

/// Room right of the data that the last number needs.
pub(super) fn overhang(panel: &Panel, length: f64, measures: &Measures) -> f64 {
    let over =
        |(value, text): &Tick| width(text, measures.text) / 2.0 - (1.0 - panel.x.scale.at(*value).min(1.0)) * length;
    horizontal_ticks(panel, length, measures).iter().map(over).fold(measures.gap(), f64::max)
}

/// Room below the data.
pub(super) fn foot(panel: &Panel, length: f64, written: bool, measures: &Measures) -> f64 {
    if !written {
        return 0.5 * measures.text;
    }
    let title = wrap(&panel.x.heading(), measures.text, length + measures.text).len() as f64;
    tick(measures) + measures.line() * (1.0 + title) + 0.5 * measures.text
}

/// Draws grid, marks, numbers and titles; all text stays between `start` and `end`.
pub(super) fn draw(
    drawn: &mut Drawn,
    frame: &Frame,
    panel: &Panel,
    names: bool,
    written: bool,
    (start, end): (f64, f64),
) {
    let measures = frame.measures;
    let (size, length) = (measures.text, tick(measures));
    let grid = Stroke::solid(GRID, frame.stroke(0.7));
    let line = Stroke::solid(FAINT, frame.stroke(0.7));
    let text = |content: String, at: Point, anchor: Anchor, class: &'static str| Text {
        content,
        at,
        size,
        colour: INK,
        anchor,
        upright: false,
        class,
    };
    for (value, name) in vertical_ticks(panel, frame.bottom - frame.top, measures) {
        let y = frame.at((0.0, *value)).1;
        drawn.line(vec![(frame.left, y), (frame.right, y)], grid);
        if !panel.y.scale.has_names() {
            drawn.line(vec![(frame.left - length, y), (frame.left, y)], line);
        }
        if names {
            let name = fit(name, size, name_room(measures));
            drawn.text(text(name, (frame.left - length - 0.5 * measures.gap(), y), Anchor::End, "tick"));
        }
    }
    let below = |size: f64| frame.bottom + size;
    for (value, name) in horizontal_ticks(panel, frame.right - frame.left, measures) {
        let x = frame.at((*value, 0.0)).0;
        drawn.line(vec![(x, frame.top), (x, frame.bottom)], grid);
        drawn.line(vec![(x, frame.bottom), (x, below(length))], line);
        if written {
            let half = width(name, size) / 2.0;
            let x = x.min(end - half).max(start + half);
            drawn.text(text(name.clone(), (x, below(length + 0.5 * measures.line())), Anchor::Middle, "tick"));
        }
    }
    for value in panel.x.scale.minor() {
        let x = frame.at((*value, 0.0)).0;
        drawn.line(vec![(x, frame.bottom), (x, below(length / 2.0))], line);
    }
    for value in panel.y.scale.minor() {
        let y = frame.at((0.0, *value)).1;
        drawn.line(vec![(frame.left - length / 2.0, y), (frame.left, y)], line);
    }
    drawn.line(vec![(frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom)], line);
    let middle = (frame.top + frame.bottom) / 2.0;
    for (row, content) in (0u32..).zip(vertical_title(panel, frame.bottom - frame.top, measures)) {
        let at = (start + (f64::from(row) + 0.5) * 1.15 * size, middle);
        // Where the data are low, a long title reaches up and down: it has the room of the next axis at most.
        drawn.text(Text { upright: true, ..text(content, at, Anchor::Middle, "axis") });
    }
    if written {
        let room = frame.right - frame.left + size;
        for (row, content) in (1u32..).zip(wrap(&panel.x.heading(), size, room)) {
            let half = width(&content, size) / 2.0;
            let x = ((frame.left + frame.right) / 2.0).min(end - half).max(start + half);
            let y = below(length + (f64::from(row) + 0.5) * measures.line());
            drawn.text(text(content, (x, y), Anchor::Middle, "axis"));
        }
    }
}
