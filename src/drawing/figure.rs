//! What there is to see in a figure, whatever its size.

use super::layout;
use super::look::{Fill, Look, Mark, Rgb};
use super::scale::Scale;
use super::sheet::Drawn;
use super::style::{FigureStyle, Measures};

/// Panels with axes, or why there is nothing to see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figure {
    /// What the figure shows; left out where a caption will.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What is left out.
    pub note: String,
    pub panels: Vec<Panel>,
    /// Whether panels may stand side by side on a screen as well.
    pub side_by_side: bool,
    /// Said where there is no panel.
    pub nothing: String,
}

/// Axes, and what is drawn between them.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Which part of the whole it shows; empty where its axes say all.
    pub heading: String,
    pub x: Axis,
    pub y: Axis,
    pub layers: Vec<Layer>,
    pub legend: Vec<Entry>,
    pub height: Height,
}

/// Height of a panel's data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Height {
    /// What the style says.
    Usual,
    /// A place on the vertical axis is as high as so many lines of text.
    Lines(f64),
}

/// What a value means, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// Quantity and unit, as `Round latency T [s]`; without a unit the name says that it is a number or a name.
    pub title: String,
    pub scale: Scale,
}

impl Axis {
    pub(crate) fn new(title: impl Into<String>, scale: Scale) -> Self {
        Self { title: title.into(), scale }
    }
}

/// A place in the data.
pub(crate) type Place = (f64, f64);

/// Something drawn between the axes, the first ones behind the later ones.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// A line from point to point, cut where it leaves the axes. Its marks, if it has any, stand at every point, or at a few places,
    /// which are others for each `turn`.
    Line { points: Vec<Place>, look: Look, marks: Marks },
    /// Small dots.
    Dots { points: Vec<Place>, fill: Fill },
    /// An area, given by its outline.
    Area { outline: Vec<Place>, fill: Fill },
    /// A white line between neighbours.
    Edge { points: Vec<Place> },
    /// A rectangle between two corners.
    Bar(Box<Bar>),
    /// Short strokes up from the lower axis.
    Below { at: Vec<f64>, colour: Rgb },
    /// Triangles at the upper end: what is beyond the axis.
    Above { at: Vec<f64>, colour: Rgb },
    /// Marks.
    Marks { points: Vec<Place>, mark: Mark },
    /// A dot, full or hollow.
    Dot { at: Place, colour: Rgb, full: bool },
    /// A black bar across the line: what is the same for all.
    Alike { points: Vec<Place> },
    /// Texts beside points, each where it touches neither points nor others; one without room is left out.
    Names { points: Vec<(Place, String)> },
}

/// A rectangle with a text in it, where that fits.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub from: Place,
    pub to: Place,
    pub fill: Fill,
    /// Of its edge; none for bars that touch.
    pub edge: Option<Rgb>,
    /// A heavy line along its lower edge.
    pub heavy: bool,
    pub text: String,
    /// What viewers show where one points at it.
    pub name: String,
}

/// Where a line has marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// At every point.
    Every,
    /// At a few places; lines of another turn have theirs elsewhere.
    Few { turn: usize },
}

/// A name in a legend.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Where on the vertical axis it would best stand.
    pub value: f64,
    pub name: String,
    /// A number, written where there is room for it.
    pub shown: String,
    pub sample: Sample,
}

impl Entry {
    pub(crate) fn new(value: f64, name: impl Into<String>, sample: Sample) -> Self {
        Self { value, name: name.into(), shown: String::new(), sample }
    }

    pub(crate) fn showing(self, shown: impl Into<String>) -> Self {
        Self { shown: shown.into(), ..self }
    }
}

/// A piece of what a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    /// A line with its mark.
    Line(Look),
    /// The line with a bar across it.
    Alike,
    /// A mark alone.
    Mark(Mark),
    /// A bar alone.
    Bar,
    /// A dot of runs, full or hollow.
    Dot(Rgb, bool),
    Area(Fill),
    /// A stroke up from the lower axis.
    Below(Rgb),
    /// The heavy line under bars.
    Heavy,
}

impl Figure {
    /// A figure that says why there is nothing to draw.
    pub(crate) fn empty(title: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { title: title.into(), nothing: reason.into(), ..Self::default() }
    }

    /// Draws it in a style.
    pub(crate) fn draw(&self, style: FigureStyle) -> Drawn {
        self.draw_as(&style.measures())
    }

    /// The same with other measures.
    pub(crate) fn draw_as(&self, measures: &Measures) -> Drawn {
        layout::draw(self, measures)
    }
}
