//! Drawings as PDF: one page of the figure's size, text as text in one font, of which the file holds the letters used.

use std::collections::BTreeMap;

use pdf_writer::types::{CidFontType, FontFlags, LineCapStyle, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use subsetter::{GlyphRemapper, subset};

use super::font::{MIDDLE, width};
use super::look::{Fill, Hatch, Rgb};
use super::sheet::{Anchor, Drawn, HATCH, Item, Point, Stroke, Text, clean};

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const FONT: Ref = Ref::new(5);
const CID_FONT: Ref = Ref::new(6);
const DESCRIPTOR: Ref = Ref::new(7);
const FONT_FILE: Ref = Ref::new(8);
const UNICODE: Ref = Ref::new(9);
const INFORMATION: Ref = Ref::new(10);
/// First of the graphics states.
const STATES: i32 = 11;

/// Six letters mark a font that is a part of one.
const FONT_NAME: &[u8] = b"FIGURE+DejaVuSans";
const IDENTITY: SystemInfo = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

pub(super) fn write(drawn: &Drawn) -> Result<Vec<u8>, String> {
    let mut letters = Letters::new()?;
    let mut page = Page { content: Content::new(), height: drawn.size.1, origin: Vec::new(), opacities: Vec::new() };
    page.content.set_line_join(LineJoinStyle::RoundJoin).set_line_cap(LineCapStyle::ButtCap);
    page.paint(
        Fill::plain(Rgb(255, 255, 255)),
        |content| {
            content.rect(0.0, 0.0, drawn.size.0 as f32, drawn.size.1 as f32);
        },
        None,
        &[],
    );
    for item in &drawn.items {
        page.item(item, &mut letters);
    }
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let mut own = pdf.page(PAGE);
    own.parent(PAGES).contents(CONTENT);
    own.media_box(Rect::new(0.0, 0.0, drawn.size.0 as f32, drawn.size.1 as f32));
    let mut resources = own.resources();
    resources.fonts().pair(Name(b"F"), FONT);
    let mut states = resources.ext_g_states();
    for (number, _) in (0..).zip(&page.opacities) {
        states.pair(Name(state(number).as_bytes()), Ref::new(STATES + number));
    }
    states.finish();
    resources.finish();
    own.finish();
    pdf.stream(CONTENT, &page.content.finish());
    for (number, opacity) in (0..).zip(&page.opacities) {
        pdf.ext_graphics(Ref::new(STATES + number)).non_stroking_alpha(*opacity as f32);
    }
    letters.write(&mut pdf)?;
    let mut information = pdf.document_info(INFORMATION);
    let text = |text: &str| clean(text).collect::<String>();
    information.title(TextStr(&text(&drawn.title))).subject(TextStr(&text(&drawn.description)));
    information.creator(TextStr("collapipe"));
    information.finish();
    Ok(pdf.finish())
}

/// Name of a graphics state.
fn state(number: i32) -> String {
    format!("S{number}")
}

/// The letters used, and what they are in the font.
struct Letters<'f> {
    font: FontRef<'f>,
    remapper: GlyphRemapper,
    /// Of each glyph in the part of the font: its character and width.
    used: BTreeMap<u16, (char, f32)>,
}

impl Letters<'_> {
    fn new() -> Result<Self, String> {
        let font = FontRef::new(dejavu::sans::regular()).map_err(|error| error.to_string())?;
        Ok(Self { font, remapper: GlyphRemapper::new(), used: BTreeMap::new() })
    }

    /// The text in numbers of glyphs, two bytes each.
    fn encode(&mut self, text: &str) -> Vec<u8> {
        let metrics = self.font.glyph_metrics(Size::new(1000.0), LocationRef::default());
        let mut bytes = Vec::new();
        for character in clean(text) {
            // A character that the font does not have is drawn as its empty box.
            let glyph = self.font.charmap().map(character).unwrap_or_default();
            let old = u16::try_from(glyph.to_u32()).unwrap_or_default();
            let new = self.remapper.remap(old);
            self.used.entry(new).or_insert((character, metrics.advance_width(glyph).unwrap_or_default()));
            bytes.extend(new.to_be_bytes());
        }
        bytes
    }

    fn write(&self, pdf: &mut Pdf) -> Result<(), String> {
        let part = subset(dejavu::sans::regular(), 0, &self.remapper).map_err(|error| error.to_string())?;
        pdf.type0_font(FONT)
            .base_font(Name(FONT_NAME))
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(CID_FONT)
            .to_unicode(UNICODE);
        let mut font = pdf.cid_font(CID_FONT);
        font.subtype(CidFontType::Type2).base_font(Name(FONT_NAME)).system_info(IDENTITY);
        font.font_descriptor(DESCRIPTOR).default_width(600.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = font.widths();
        for (glyph, (_, width)) in &self.used {
            widths.same(*glyph, *glyph, *width);
        }
        widths.finish();
        font.finish();
        let metrics = self.font.metrics(Size::new(1000.0), LocationRef::default());
        let bounds = metrics.bounds.unwrap_or_default();
        pdf.font_descriptor(DESCRIPTOR)
            .name(Name(FONT_NAME))
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max))
            .italic_angle(0.0)
            .ascent(metrics.ascent)
            .descent(metrics.descent)
            .cap_height(metrics.cap_height.unwrap_or(metrics.ascent))
            .stem_v(80.0)
            .font_file2(FONT_FILE);
        pdf.stream(FONT_FILE, &part).pair(Name(b"Length1"), i32::try_from(part.len()).unwrap_or(i32::MAX));
        let mut unicode = UnicodeCmap::new(Name(b"Custom"), IDENTITY);
        for (glyph, (character, _)) in &self.used {
            unicode.pair(*glyph, *character);
        }
        pdf.cmap(UNICODE, &unicode.finish());
        Ok(())
    }
}

struct Page {
    content: Content,
    height: f64,
    /// Where the groups are that are open.
    origin: Vec<Point>,
    /// Those in use, by the number of their state.
    opacities: Vec<f64>,
}

impl Page {
    /// A place on the page, from its lower left corner.
    fn at(&self, (x, y): Point) -> (f32, f32) {
        let (x, y) = self.origin.iter().fold((x, y), |at, origin| (at.0 + origin.0, at.1 + origin.1));
        let whole = |value: f64| (100.0 * value).round() / 100.0;
        (whole(x) as f32, whole(self.height - y) as f32)
    }

    fn item(&mut self, item: &Item, letters: &mut Letters) {
        match item {
            Item::Begin { at, .. } => self.origin.push(*at),
            Item::End => drop(self.origin.pop()),
            Item::Text(text) => self.text(text, letters),
            Item::Path { points, closed, fill, stroke } => {
                let points: Vec<(f32, f32)> = points.iter().map(|point| self.at(*point)).collect();
                let draw = |content: &mut Content| {
                    for (index, (x, y)) in points.iter().enumerate() {
                        if index == 0 {
                            content.move_to(*x, *y)
                        } else {
                            content.line_to(*x, *y)
                        };
                    }
                    if *closed {
                        content.close_path();
                    }
                };
                self.both(*fill, *stroke, draw, &points);
            }
            Item::Circle { centre, radius, fill, stroke } => {
                let (x, y) = self.at(*centre);
                let r = *radius as f32;
                // A quarter of a circle is a curve with its controls at this share of the radius.
                let k = 0.5523 * r;
                let draw = |content: &mut Content| {
                    content.move_to(x + r, y);
                    content.cubic_to(x + r, y + k, x + k, y + r, x, y + r);
                    content.cubic_to(x - k, y + r, x - r, y + k, x - r, y);
                    content.cubic_to(x - r, y - k, x - k, y - r, x, y - r);
                    content.cubic_to(x + k, y - r, x + r, y - k, x + r, y);
                    content.close_path();
                };
                self.both(*fill, *stroke, draw, &[(x - r, y - r), (x + r, y + r)]);
            }
        }
    }

    fn both(&mut self, fill: Option<Fill>, stroke: Option<Stroke>, draw: impl Fn(&mut Content), bounds: &[(f32, f32)]) {
        match fill {
            Some(fill) => self.paint(fill, draw, stroke, bounds),
            None => {
                let Some(stroke) = stroke else { return };
                self.stroke(stroke);
                draw(&mut self.content);
                self.content.stroke();
            }
        }
    }

    fn stroke(&mut self, Stroke { colour, width, dash }: Stroke) {
        let [r, g, b] = channels(colour);
        self.content.set_stroke_rgb(r, g, b).set_line_width(width as f32);
        self.content.set_dash_pattern(dash.lengths().iter().map(|length| (length * width) as f32), 0.0);
    }

    /// Fills a path, which has these corners, with its hatching, and draws along it.
    fn paint(&mut self, fill: Fill, draw: impl Fn(&mut Content), stroke: Option<Stroke>, bounds: &[(f32, f32)]) {
        let [r, g, b] = channels(fill.ground);
        let veiled = fill.opacity < 1.0;
        if veiled || fill.hatch != Hatch::Plain {
            self.content.save_state();
        }
        if veiled {
            let known = self.opacities.iter().position(|opacity| *opacity == fill.opacity);
            let number = known.unwrap_or_else(|| {
                self.opacities.push(fill.opacity);
                self.opacities.len() - 1
            });
            self.content.set_parameters(Name(state(i32::try_from(number).unwrap_or_default()).as_bytes()));
        }
        self.content.set_fill_rgb(r, g, b);
        draw(&mut self.content);
        self.content.fill_nonzero();
        if fill.hatch != Hatch::Plain {
            draw(&mut self.content);
            self.content.clip_nonzero().end_path();
            self.stroke(Stroke::solid(fill.lines, HATCH.1));
            self.hatch(fill.hatch, bounds);
        }
        if veiled || fill.hatch != Hatch::Plain {
            self.content.restore_state();
        }
        if let Some(stroke) = stroke {
            self.stroke(stroke);
            draw(&mut self.content);
            self.content.stroke();
        }
    }

    /// Lines over all that these corners hold; they stand where those of a neighbour go on.
    fn hatch(&mut self, hatch: Hatch, bounds: &[(f32, f32)]) {
        let ends = |of: fn(&(f32, f32)) -> f32| {
            let values = bounds.iter().map(of);
            values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
        };
        let ((left, right), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
        if !(left <= right && low <= high) {
            return;
        }
        for (dx, dy) in hatch.directions() {
            // Where the lines cross the axis that they are not along: y = slope x + offset, or x = offset.
            let slope = -(*dy / *dx) as f32;
            let step = HATCH.0 as f32 * if *dx * *dy == 0.0 { 1.0 } else { std::f32::consts::SQRT_2 };
            let offsets = match (*dx == 0.0, slope >= 0.0) {
                (true, _) => (left, right),
                (false, true) => (low - slope * right, high - slope * left),
                (false, false) => (low - slope * left, high - slope * right),
            };
            let lines = ((offsets.0 / step).ceil() as i32)..=((offsets.1 / step).floor() as i32);
            for offset in lines.map(|line| line as f32 * step) {
                match *dx == 0.0 {
                    true => self.content.move_to(offset, low).line_to(offset, high),
                    false => self.content.move_to(left, slope * left + offset).line_to(right, slope * right + offset),
                };
            }
        }
        self.content.stroke();
    }

    fn text(&mut self, text: &Text, letters: &mut Letters) {
        let Text { content, at, size, colour, anchor, upright, .. } = text;
        let back = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width(content, *size) / 2.0,
            Anchor::End => width(content, *size),
        };
        let down = MIDDLE * size;
        let (matrix, at) = match upright {
            true => ([0.0, 1.0, -1.0, 0.0], (at.0 + down, at.1 + back)),
            false => ([1.0, 0.0, 0.0, 1.0], (at.0 - back, at.1 + down)),
        };
        let ([a, b, c, d], (x, y)) = (matrix, self.at(at));
        let [red, green, blue] = channels(*colour);
        self.content.begin_text().set_fill_rgb(red, green, blue).set_font(Name(b"F"), *size as f32);
        self.content.set_text_matrix([a, b, c, d, x, y]).show(Str(&letters.encode(content))).end_text();
    }
}

fn channels(Rgb(r, g, b): Rgb) -> [f32; 3] {
    [r, g, b].map(|channel| (f32::from(channel) / 255.0 * 1000.0).round() / 1000.0)
}
