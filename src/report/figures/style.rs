//! Colours, sizes and the canvas, common to all figures.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A figure, or why it could not be drawn.
pub(crate) type Figure = Result<String, String>;
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Pixels of the drawing library per pixel of the figure: the library rounds to whole pixels, which shows as stairs in
/// slowly changing lines.
const FINE: i32 = 8;

/// Width of every figure [px].
pub(crate) const WIDTH: i32 = 800;
/// Height of a figure with one panel [px].
pub(crate) const HEIGHT: i32 = 450;
/// Room for title and subtitle [px].
pub(crate) const HEAD: i32 = 62;

pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);
pub(crate) const FAINT: RGBColor = RGBColor(105, 105, 105);
pub(crate) const GRID: RGBColor = RGBColor(229, 229, 229);

pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(crate) const VERMILLION: RGBColor = RGBColor(213, 94, 0);

/// Okabe and Ito's colours (2008, *Color Universal Design*) without black, which the axes use, and without yellow, too
/// light for a line on white. Neighbours in this order differ in lightness also in grey print.
const OKABE_ITO: [RGBColor; 6] =
    [BLUE, RGBColor(230, 159, 0), RGBColor(0, 158, 115), VERMILLION, SKY, RGBColor(204, 121, 167)];

/// Devices of a cluster that get a look of their own.
pub(crate) const LOOKS: usize = 2 * OKABE_ITO.len();

/// How a node is drawn, the same in every figure.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) line: RGBColor,
    pub(crate) area: RGBColor,
    pub(crate) dashed: bool,
}

/// Look of a cluster's device; the second six are dashed, and lighter as areas.
pub(crate) fn device_look(index: usize) -> Look {
    let line = OKABE_ITO.get(index % OKABE_ITO.len()).copied().filter(|_| index < LOOKS).unwrap_or(FAINT);
    let second = index >= OKABE_ITO.len();
    let lighten = |channel: u8| if second { 128 + channel / 2 } else { channel };
    Look { line, area: RGBColor(lighten(line.0), lighten(line.1), lighten(line.2)), dashed: second }
}

/// Which colour and which shape a series or category has, so that it can be told in grey print as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) colour: usize,
    /// Of eight, the second four hollow.
    pub(crate) shape: usize,
}

impl Mark {
    /// The one at this position in a list.
    pub(crate) fn at(position: usize) -> Self {
        Self { colour: position, shape: position }
    }

    /// Lines of every other shape are dashed.
    pub(crate) fn look(self) -> Look {
        Look { dashed: self.shape % 2 == 1, ..device_look(self.colour.min(LOOKS)) }
    }
}

/// A mark in the colour and shape of its place.
pub(crate) fn mark(root: &Area, (x, y): (i32, i32), place: Mark) -> Result<(), String> {
    let index = place.shape;
    let shape = |size: i32, fill: RGBColor| {
        let fill = fill.filled();
        let draw = |points: Vec<(i32, i32)>| root.draw(&Polygon::new(points, fill)).map_err(cause);
        match index % 4 {
            0 => root.draw(&Circle::new((x, y), size, fill)).map_err(cause),
            1 => draw(vec![(x, y - size), (x + size, y + size), (x - size, y + size)]),
            2 => draw(vec![(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)]),
            _ => draw(vec![(x, y - size), (x + size, y), (x, y + size), (x - size, y)]),
        }
    };
    shape(px(5), place.look().line)?;
    match (index / 4) % 2 {
        0 => Ok(()),
        _ => shape(px(2), WHITE),
    }
}

/// A black bar: what is the same for all.
pub(crate) fn bar(root: &Area, (x, y): (i32, i32)) -> Result<(), String> {
    let bar = Rectangle::new([(x - px(2), y - px(6)), (x + px(2), y + px(6))], INK.filled());
    root.draw(&bar).map_err(cause)
}

pub(crate) const CONTROL_UNIT: Look = Look { line: INK, area: INK, dashed: true };

/// Fine pixels of a length in pixels.
pub(crate) const fn px(length: i32) -> i32 {
    length * FINE
}

pub(crate) fn width(pixels: f64) -> u32 {
    (pixels * f64::from(FINE)).round() as u32
}

/// Text of `size` px, anchored at its left, its centre or its right.
pub(crate) fn font(size: f64, color: RGBColor, anchor: HPos) -> TextStyle<'static> {
    // The SVG backend divides sizes by 1.24.
    let size = size * f64::from(FINE) * 1.24;
    ("sans-serif", size).into_font().color(&color).pos(Pos::new(anchor, VPos::Center))
}

/// Draws on a white canvas with a title that says what the figure shows, a line on how to read it and a footnote.
pub(crate) fn canvas(
    (width, height): (i32, i32),
    [title, subtitle, note]: [&str; 3],
    draw: impl FnOnce(&Area) -> Result<(), String>,
) -> Figure {
    let mut svg = String::new();
    {
        let size = (px(width).unsigned_abs(), px(height).unsigned_abs());
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(cause)?;
        let mut bold = font(17.0, INK, HPos::Left);
        bold.font = bold.font.style(FontStyle::Bold);
        text(&root, title, (px(16), px(22)), bold)?;
        text(&root, subtitle, (px(16), px(44)), font(12.5, FAINT, HPos::Left))?;
        text(&root, note, (px(WIDTH - 12), px(height - 11)), font(11.5, FAINT, HPos::Right))?;
        draw(&root)?;
        root.present().map_err(cause)?;
    }
    // Shown at the size asked for; round joints, because mitres of steep lines stick out.
    let fine = format!(r#"width="{}" height="{}""#, px(width), px(height));
    let shown = format!(r#"width="{width}" height="{height}" stroke-linejoin="round""#);
    Ok(svg.replacen(&fine, &shown, 1))
}

/// A figure that says why there is nothing to draw.
pub(crate) fn empty(title: &str, reason: &str) -> Figure {
    canvas((WIDTH, HEIGHT), [title, "", ""], |root| {
        text(root, reason, (px(WIDTH / 2), px(HEIGHT / 2)), font(16.0, FAINT, HPos::Center))
    })
}

/// Writes text; characters that XML does not allow are left out.
pub(crate) fn text(root: &Area, content: &str, at: (i32, i32), style: TextStyle) -> Result<(), String> {
    if content.is_empty() {
        return Ok(());
    }
    let clean: String = content.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    root.draw(&Text::new(clean, at, style)).map_err(cause)
}

pub(crate) fn cause(error: impl std::error::Error) -> String {
    error.to_string()
}

/// At most `most` characters.
pub(crate) fn short(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.into();
    }
    name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
