//! Drawings as SVG.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Write};

use super::font::{FAMILY, MIDDLE};
use super::look::{Fill, Hatch, Rgb};
use super::sheet::{Anchor, Drawn, HATCH, Item, Point, Stroke, Text, clean};
use super::style::PER_INCH;

/// A length: a hundredth of a point is finer than any printer.
struct Pt(f64);

impl Display for Pt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.0);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

impl Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

struct Escaped<'t>(&'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        clean(self.0).try_for_each(|character| match character {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&apos;"),
            other => f.write_char(other),
        })
    }
}

pub(super) fn write(drawn: &Drawn) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = svg(drawn, &mut out);
    out
}

fn svg(drawn: &Drawn, out: &mut String) -> fmt::Result {
    let (width, height) = drawn.size;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}in\" height=\"{:.3}in\" viewBox=\"0 0 {} {}\" \
         font-family=\"{FAMILY}\" font-size=\"{}\" stroke-linejoin=\"round\">",
        Pt(width / PER_INCH),
        height / PER_INCH,
        Pt(width),
        Pt(height),
        Pt(drawn.text)
    )?;
    if !drawn.title.is_empty() {
        writeln!(out, "<title>{}</title>", Escaped(&drawn.title))?;
    }
    if !drawn.description.is_empty() {
        writeln!(out, "<desc>{}</desc>", Escaped(&drawn.description))?;
    }
    patterns(drawn, out)?;
    writeln!(out, "<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>", Pt(width), Pt(height))?;
    for item in &drawn.items {
        match item {
            Item::Path { points, closed, fill, stroke } => {
                write!(out, "<path d=\"")?;
                path(points, out)?;
                if *closed {
                    out.push('z');
                }
                out.push('"');
                paint(*fill, *stroke, out)?;
                out.push_str("/>\n");
            }
            Item::Circle { centre: (x, y), radius, fill, stroke } => {
                write!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"", Pt(*x), Pt(*y), Pt(*radius))?;
                paint(*fill, *stroke, out)?;
                out.push_str("/>\n");
            }
            Item::Text(text) => self::text(text, drawn.text, out)?,
            Item::Begin { class, at: (x, y), name } => {
                write!(out, "<g class=\"{class}\"")?;
                if (*x, *y) != (0.0, 0.0) {
                    write!(out, " transform=\"translate({} {})\"", Pt(*x), Pt(*y))?;
                }
                out.push('>');
                if !name.is_empty() {
                    write!(out, "<title>{}</title>", Escaped(name))?;
                }
                out.push('\n');
            }
            Item::End => out.push_str("</g>\n"),
        }
    }
    out.push_str("</svg>\n");
    Ok(())
}

/// Relative steps of whole hundredths, which are short to write and add up exactly.
fn path(points: &[Point], out: &mut String) -> fmt::Result {
    let whole = |value: f64| (100.0 * value).round();
    let mut before: Option<(f64, f64)> = None;
    for (x, y) in points {
        let here = (whole(*x), whole(*y));
        match before {
            None => write!(out, "M{} {}", Pt(here.0 / 100.0), Pt(here.1 / 100.0))?,
            Some(there) if there == here => continue,
            Some(there) => write!(out, "l{} {}", Pt((here.0 - there.0) / 100.0), Pt((here.1 - there.1) / 100.0))?,
        }
        before = Some(here);
    }
    Ok(())
}

fn paint(fill: Option<Fill>, stroke: Option<Stroke>, out: &mut String) -> fmt::Result {
    match fill {
        None => out.push_str(" fill=\"none\""),
        Some(fill) if fill.hatch == Hatch::Plain => write!(out, " fill=\"{}\"", fill.ground)?,
        Some(fill) => write!(out, " fill=\"url(#{})\"", pattern(&fill))?,
    }
    if let Some(fill) = fill.filter(|fill| fill.opacity < 1.0) {
        write!(out, " fill-opacity=\"{}\"", Pt(fill.opacity))?;
    }
    if let Some(Stroke { colour, width, dash }) = stroke {
        write!(out, " stroke=\"{colour}\" stroke-width=\"{}\"", Pt(width))?;
        if !dash.lengths().is_empty() {
            let lengths: Vec<String> = dash.lengths().iter().map(|length| Pt(length * width).to_string()).collect();
            write!(out, " stroke-dasharray=\"{}\"", lengths.join(" "))?;
        }
    }
    Ok(())
}

fn text(text: &Text, usual: f64, out: &mut String) -> fmt::Result {
    let (x, y) = text.at;
    let down = MIDDLE * text.size;
    match text.upright {
        true => write!(out, "<text transform=\"translate({} {}) rotate(-90)\"", Pt(x + down), Pt(y))?,
        false => write!(out, "<text x=\"{}\" y=\"{}\"", Pt(x), Pt(y + down))?,
    }
    if !text.class.is_empty() {
        write!(out, " class=\"{}\"", text.class)?;
    }
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if text.size != usual {
        write!(out, " font-size=\"{}\"", Pt(text.size))?;
    }
    writeln!(out, " fill=\"{}\">{}</text>", text.colour, Escaped(&text.content))
}

/// Name of a hatching. Pages hold several figures, so that it says all about it: the same name is the same hatching.
fn pattern(fill: &Fill) -> String {
    let hex = |colour: Rgb| colour.to_string().split_off(1);
    format!("hatch-{}-{}-{}", format!("{:?}", fill.hatch).to_lowercase(), hex(fill.ground), hex(fill.lines))
}

fn patterns(drawn: &Drawn, out: &mut String) -> fmt::Result {
    let fills = drawn.items.iter().filter_map(|item| match item {
        Item::Path { fill, .. } | Item::Circle { fill, .. } => fill.filter(|fill| fill.hatch != Hatch::Plain),
        _ => None,
    });
    let mut known = BTreeSet::new();
    let all: Vec<Fill> = fills.filter(|fill| known.insert(pattern(fill))).collect();
    if all.is_empty() {
        return Ok(());
    }
    out.push_str("<defs>\n");
    for fill in all {
        let (step, width) = HATCH;
        let slanted = fill.hatch.directions().iter().any(|(x, y)| *x != 0.0 && *y != 0.0);
        // A square that repeats: of slanted lines one whose diagonal they are.
        let side = if slanted { step * std::f64::consts::SQRT_2 } else { step };
        writeln!(
            out,
            "<pattern id=\"{}\" patternUnits=\"userSpaceOnUse\" width=\"{2}\" height=\"{2}\">\
             <rect width=\"{2}\" height=\"{2}\" fill=\"{1}\"/>",
            pattern(&fill),
            fill.ground,
            Pt(side)
        )?;
        for direction in fill.hatch.directions() {
            let (low, high, below, above) = (Pt(-1.0), Pt(side + 1.0), Pt(1.0), Pt(side - 1.0));
            let (side, half) = (Pt(side), Pt(side / 2.0));
            // Through the middle, and what the corners hold of the next ones.
            let lines = match *direction {
                (_, 0.0) => format!("M0 {half}H{side}"),
                (0.0, _) => format!("M{half} 0V{side}"),
                (x, y) if x * y < 0.0 => {
                    format!("M0 {side}L{side} 0M{low} {below}L{below} {low}M{above} {high}L{high} {above}")
                }
                _ => format!("M0 0L{side} {side}M{above} {low}L{high} {below}M{low} {above}L{below} {high}"),
            };
            write!(out, "<path d=\"{lines}\" stroke=\"{}\" stroke-width=\"{}\"/>", fill.lines, Pt(width))?;
        }
        out.push_str("</pattern>\n");
    }
    out.push_str("</defs>\n");
    Ok(())
}
