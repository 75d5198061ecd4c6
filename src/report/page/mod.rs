//! Pages: one file each, that needs no other and asks nobody, on desks and phones, light and dark.
//!
//! What every page of ours is made of. What stands in one is said where it is from: of a run in `run`, of a plan, a sweep and of
//! experiments in their rooms.

mod round;
#[cfg(feature = "figures")]
mod run;
#[cfg(feature = "figures")]
mod values;

use std::fmt::{Display, Write};

pub(crate) use round::{Chart, RoundView, round};
#[cfg(feature = "figures")]
pub(super) use run::{Typical, run_page};

pub(crate) use super::html::Escaped;
#[cfg(feature = "figures")]
use crate::drawing::{FigureStyle, figure::Figure};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing but what stands in the page itself: a browser holds it to that.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// How good the first thing is that a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Neither good nor bad: an answer.
    #[cfg_attr(not(feature = "figures"), allow(dead_code, reason = "sweeps and experiments answer"))]
    Plain,
    Good,
    #[cfg_attr(not(feature = "figures"), allow(dead_code, reason = "runs keep budgets, or do not"))]
    Mid,
    #[cfg_attr(not(feature = "figures"), allow(dead_code, reason = "runs keep budgets, or do not"))]
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Mid => "mid",
            Self::Bad => "bad",
        }
    }
}

/// A page with this title, up to where its content goes.
pub(crate) fn begin(title: &str) -> String {
    let title = Escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n"
    )
}

/// The end of a page, with lines that say where it comes from.
pub(crate) fn end<T: Display>(page: &mut String, provenance: impl IntoIterator<Item = T>) {
    page.push_str("</main>\n<footer>\n");
    for line in provenance {
        put(page, format_args!("<p>{}</p>\n", Escaped(&line.to_string())));
    }
    put(page, format_args!("</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
}

/// Appends to a page.
pub(crate) fn put(page: &mut String, content: std::fmt::Arguments) {
    // Writing to a String does not fail.
    let _ = page.write_fmt(content);
}

/// What is to be said first, a paragraph each.
pub(crate) fn verdict(page: &mut String, tone: Tone, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    put(page, format_args!("<div class=\"verdict {}\">\n", tone.class()));
    for line in lines {
        put(page, format_args!("<p>{}</p>\n", Escaped(line)));
    }
    page.push_str("</div>\n");
}

/// Numbers that matter most, each with what it is.
pub(crate) fn facts(page: &mut String, facts: &[(&str, String)]) {
    page.push_str("<dl class=\"facts\">\n");
    for (what, value) in facts {
        put(page, format_args!("<div><dt>{}</dt><dd>{}</dd></div>\n", Escaped(what), Escaped(value)));
    }
    page.push_str("</dl>\n");
}

/// A table whose rows sort by its headings. Numbers, and `-` for none, stand flush right; the first column names the rows.
pub(crate) fn table(page: &mut String, caption: &str, headings: &[&str], rows: &[Vec<String>]) {
    let number = |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '\u{2212}'));
    let class = |number: bool| if number { " class=\"n\"" } else { "" };
    let mostly = |column: usize| {
        let numbers = rows.iter().filter_map(|row| row.get(column)).filter(|cell| number(cell)).count();
        column > 0 && 2 * numbers > rows.len()
    };
    let label = Escaped(if caption.is_empty() { headings.first().copied().unwrap_or("table") } else { caption });
    put(page, format_args!("<div class=\"box\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\"><table>"));
    if !caption.is_empty() {
        put(page, format_args!("<caption>{}</caption>", Escaped(caption)));
    }
    page.push_str("<thead><tr>");
    for (column, heading) in headings.iter().enumerate() {
        let class = class(mostly(column));
        put(page, format_args!("<th scope=\"col\"{class}><button type=\"button\">{}</button></th>", Escaped(heading)));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        page.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            match column {
                0 => put(page, format_args!("<th scope=\"row\">{}</th>", Escaped(cell))),
                _ => put(page, format_args!("<td{}>{}</td>", class(number(cell)), Escaped(cell))),
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

/// A figure on a page.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Picture<'a> {
    /// The figure (SVG).
    pub svg: &'a str,
    /// The same as narrow as a phone; without it the figure scrolls there.
    pub narrow: Option<&'a str>,
    /// What it shows.
    pub title: &'a str,
    /// Written below it.
    pub caption: &'a str,
    /// Name of its values in what [`values`] wrote.
    pub of: Option<&'a str>,
}

/// Writes a figure; in the dark its lightness is turned round, hues stay.
pub(crate) fn figure(page: &mut String, picture: &Picture) {
    let labelled = |svg: &str, hidden: bool| {
        let more = if hidden {
            "aria-hidden=\"true\"".to_owned()
        } else {
            format!("role=\"img\" aria-label=\"{}\"", Escaped(picture.title))
        };
        let plain = svg.replacen("role=\"img\"", "", 1);
        plain.replacen("<svg ", &format!("<svg {more} "), 1)
    };
    let keys = if picture.of.is_some() { " Values: pointer, or arrow keys." } else { "" };
    match picture.of {
        Some(of) => put(page, format_args!("<figure data-of=\"{}\">\n", Escaped(of))),
        None => page.push_str("<figure>\n"),
    }
    let label = Escaped(picture.title);
    put(page, format_args!("<div class=\"art\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">"));
    put(page, format_args!("<div class=\"desk\">{}</div>", labelled(picture.svg, false)));
    if let Some(narrow) = picture.narrow {
        put(page, format_args!("<div class=\"phone\">{}</div>", labelled(narrow, true)));
    }
    page.push_str("</div>\n");
    if picture.of.is_some() {
        page.push_str("<p class=\"tip\" role=\"status\"></p>\n");
    }
    let caption = Escaped(picture.caption);
    // The wide drawing has its title in it, the narrow one has not.
    let title = if picture.narrow.is_some() { format!("<b>{label}.</b> ") } else { String::new() };
    put(page, format_args!("<figcaption>{title}{caption}{keys}</figcaption>\n</figure>\n"));
}

/// A drawing as narrow as a phone that stands beside a wide one, which may be hidden, and what is hidden lends no hatching.
pub(crate) fn narrow(svg: &str) -> String {
    svg.replace("id=\"hatch-", "id=\"narrow-hatch-").replace("url(#hatch-", "url(#narrow-hatch-")
}

/// A figure drawn twice: across a page, and as narrow as a phone.
#[cfg(feature = "figures")]
#[derive(Clone, Debug)]
pub(crate) struct Shown<'a> {
    /// Name of its file.
    pub name: &'a str,
    pub desk: String,
    phone: String,
}

#[cfg(feature = "figures")]
impl<'a> Shown<'a> {
    pub(crate) fn of(name: &'a str, figure: &Figure) -> Self {
        let [desk, phone] = [FigureStyle::Screen, FigureStyle::Paper].map(|style| figure.draw(style).svg());
        Self { name, desk, phone: narrow(&phone) }
    }

    pub(crate) fn all(figures: &[(&'a str, Figure)]) -> Vec<Self> {
        figures.iter().map(|(name, figure)| Self::of(name, figure)).collect()
    }

    /// A picture without a title.
    pub(crate) fn picture(&self) -> Picture<'_> {
        Picture { svg: &self.desk, narrow: Some(&self.phone), ..Picture::default() }
    }
}
