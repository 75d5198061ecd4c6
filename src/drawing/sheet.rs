//! What is drawn, piece by piece, in points from the upper left corner: the same for every file format.

use super::look::{Dash, Fill, Hatch, Rgb};
use super::svg;

/// A place [pt].
pub(super) type Point = (f64, f64);

/// How a path is drawn along.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stroke {
    pub colour: Rgb,
    /// Width [pt].
    pub width: f64,
    pub dash: Dash,
}

impl Stroke {
    pub const fn solid(colour: Rgb, width: f64) -> Self {
        Self { colour, width, dash: Dash::Solid }
    }
}

/// Where a text's position is along its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text, its middle at this height.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    pub content: String,
    pub at: Point,
    pub size: f64,
    pub colour: Rgb,
    pub anchor: Anchor,
    /// From below to above.
    pub upright: bool,
    /// What it is: `axis` for the title of one, `tick` for its numbers; other text has none.
    pub class: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Straight lines from point to point.
    Path {
        points: Vec<Point>,
        closed: bool,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    },
    Circle {
        centre: Point,
        radius: f64,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    },
    Text(Text),
    /// What follows, up to the `End`, belongs together and is placed from here.
    Begin {
        class: &'static str,
        at: Point,
        /// What viewers show where one points at it.
        name: String,
    },
    End,
}

/// A figure as it was drawn.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    /// Width and height [pt].
    pub(super) size: (f64, f64),
    /// Size of text where nothing else is said [pt].
    pub(super) text: f64,
    /// In words: title, and all that helps to read it.
    pub(super) title: String,
    pub(super) description: String,
    pub(super) items: Vec<Item>,
}

impl Drawn {
    /// Draws a path through these points.
    pub(super) fn line(&mut self, points: Vec<Point>, stroke: Stroke) {
        self.items.push(Item::Path { points, closed: false, fill: None, stroke: Some(stroke) });
    }

    /// Fills what is inside these points.
    pub(super) fn area(&mut self, points: Vec<Point>, fill: Fill, stroke: Option<Stroke>) {
        self.items.push(Item::Path { points, closed: true, fill: Some(fill), stroke });
    }

    pub(super) fn circle(&mut self, centre: Point, radius: f64, fill: Option<Fill>, stroke: Option<Stroke>) {
        self.items.push(Item::Circle { centre, radius, fill, stroke });
    }

    pub(super) fn text(&mut self, text: Text) {
        if text.content.is_empty() {
            return;
        }
        self.items.push(Item::Text(text));
    }

    /// A group of items, placed from a point.
    pub(super) fn group(&mut self, class: &'static str, at: Point, name: &str, draw: impl FnOnce(&mut Self)) {
        self.items.push(Item::Begin { class, at, name: name.into() });
        draw(self);
        self.items.push(Item::End);
    }

    /// The figure as SVG: text as text, sizes in inches.
    pub(crate) fn svg(&self) -> String {
        svg::write(self)
    }

    /// The figure as PDF of one page of its size: text as text, in one font, of which it holds the letters used.
    ///
    /// # Errors
    /// What is wrong with the font, which is part of the program.
    #[cfg(feature = "pdf")]
    pub(crate) fn pdf(&self) -> Result<Vec<u8>, String> {
        super::pdf::write(self)
    }
}

/// Distance between the lines of a hatching, and their width [pt].
pub(super) const HATCH: (f64, f64) = (3.2, 0.7);

impl Hatch {
    /// Directions of its lines.
    pub(super) fn directions(self) -> &'static [(f64, f64)] {
        const RISING: (f64, f64) = (1.0, -1.0);
        const FALLING: (f64, f64) = (1.0, 1.0);
        const LEVEL: (f64, f64) = (1.0, 0.0);
        const UPRIGHT: (f64, f64) = (0.0, 1.0);
        match self {
            Self::Plain => &[],
            Self::Rising => &[RISING],
            Self::Falling => &[FALLING],
            Self::Level => &[LEVEL],
            Self::Upright => &[UPRIGHT],
            Self::Lattice => &[RISING, FALLING],
            Self::Grid => &[LEVEL, UPRIGHT],
        }
    }
}

/// Characters that may stand in a file.
pub(super) fn clean(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}
