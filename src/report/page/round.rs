//! One cluster's part of a round on a page: where the time goes, a batch through the pipeline, who holds and sends what.

use super::super::table::number;
use super::{Escaped, Picture, figure, narrow, put, table};
use crate::drawing::FigureStyle;
use crate::problem::FieldError;
use crate::schedule::{Drawing, Timeline};

/// One batch through a pipeline, drawn twice.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    desk: String,
    phone: String,
}

impl Chart {
    /// # Errors
    /// [`FieldError`] for more operations than are drawn.
    pub fn of(timeline: &Timeline) -> Result<Self, FieldError> {
        let drawn = |style| timeline.to_svg(Drawing { style, width_in: None, links: true });
        Ok(Self { desk: drawn(FigureStyle::PaperWide)?, phone: narrow(&drawn(FigureStyle::Paper)?) })
    }
}

/// What is shown of a cluster's round.
#[derive(Clone, Debug)]
pub(crate) struct RoundView<'a> {
    /// The cluster.
    pub name: &'a str,
    /// T_n.
    pub latency_s: f64,
    /// What happens one after the other, and for how long.
    pub parts: Vec<(&'a str, f64)>,
    /// What is to be said of the pipeline.
    pub text: String,
    /// Names of its stages.
    pub stages: Vec<String>,
    /// One batch, or why it is not drawn.
    pub chart: Result<Chart, String>,
    /// Headings and rows.
    pub devices: (&'a [&'a str], Vec<Vec<String>>),
    /// Headings and rows.
    pub messages: (&'a [&'a str], Vec<Vec<String>>),
}

/// Writes a cluster's section.
pub(crate) fn round(page: &mut String, view: &RoundView) {
    let name = Escaped(view.name);
    put(page, format_args!("<section>\n<h3>{name}: {} s</h3>\n", number(view.latency_s)));
    let shown = || view.parts.iter().enumerate().filter(|(_, (_, seconds))| *seconds > 0.0);
    page.push_str("<div class=\"parts\" aria-hidden=\"true\">");
    for (place, (part, seconds)) in shown() {
        let share = 100.0 * seconds / view.latency_s;
        let seconds = number(*seconds);
        put(
            page,
            format_args!(
                "<span class=\"p{place}\" style=\"flex:{share:.3}\" title=\"{part}: {seconds} s, {share:.1} %\">{part}</span>"
            ),
        );
    }
    page.push_str("</div>\n<ul class=\"key\">");
    for (place, (part, seconds)) in shown() {
        let share = 100.0 * seconds / view.latency_s;
        put(page, format_args!("<li><i class=\"p{place}\"></i>{part} {} s ({share:.1} %)</li>", number(*seconds)));
    }
    put(page, format_args!("</ul>\n<p>{}</p>\n", Escaped(&view.text)));
    match &view.chart {
        Ok(chart) => {
            let stages = view.stages.iter().enumerate().map(|(number, name)| format!("{number} {name}"));
            let title = format!("One batch through the pipeline of {}", view.name);
            let caption = format!(
                "One batch through the pipeline, micro-batch by micro-batch. Stages: {}. What is on the critical path is underlined.",
                stages.collect::<Vec<_>>().join(", ")
            );
            let (svg, narrow) = (chart.desk.as_str(), Some(chart.phone.as_str()));
            figure(page, &Picture { svg, narrow, title: &title, caption: &caption, of: None });
        }
        Err(reason) => put(page, format_args!("<p>The batch is not drawn: {}.</p>\n", Escaped(reason))),
    }
    table(page, "Devices", view.devices.0, &view.devices.1);
    if !view.messages.1.is_empty() {
        put(
            page,
            format_args!("<details>\n<summary>{} messages: band, power, rate, time</summary>\n", view.messages.1.len()),
        );
        table(page, "", view.messages.0, &view.messages.1);
        page.push_str("</details>\n");
    }
    page.push_str("</section>\n");
}
