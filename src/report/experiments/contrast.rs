//! One policy against the others, in words and numbers.

use super::html::Escaped;
use crate::experiments::{Contrast, Interval, Metric, ResultTable};
use crate::report::table::{Table, number};

/// Head and rows of the table of a contrast.
pub(super) struct Grid {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// Of a table that has a contrast and runs.
    pub fn of(table: &ResultTable) -> Option<Self> {
        let contrast = table.contrast.as_ref().filter(|_| !table.rows.is_empty())?;
        let varied = table.plots.first().map_or("varied", |plot| plot.x_axis.as_str());
        let reference = &contrast.reference;
        let mut head = vec![varied.to_owned(), format!("{reference} against")];
        head.extend(contrast.columns.iter().map(|column| format!("{} [%]", short_title(column.metric))));
        head.push(format!("{} [%]", short_title(Metric::WorstBudgetUse)));
        let mut rows = Vec::new();
        if !contrast.publication.is_empty() {
            let mut row = vec!["published".to_owned(), contrast.publication.clone()];
            row.extend(contrast.columns.iter().map(|column| dash(column.published.clone())));
            row.push(dash(String::new()));
            rows.push(row);
        }
        for place in &table.places() {
            for name in table.series().into_iter().filter(|name| name != reference) {
                let changes: Vec<Option<Interval>> =
                    contrast.columns.iter().map(|column| table.change(column.metric, place, name)).collect();
                if changes.iter().all(Option::is_none) {
                    continue;
                }
                let mut row = vec![place.label.clone(), name.to_owned()];
                row.extend(changes.into_iter().map(|change| dash(change.map(signed).unwrap_or_default())));
                let used = table.interval(Metric::WorstBudgetUse, place, name);
                row.push(dash(used.map(|used| number(used.mean)).unwrap_or_default()));
                rows.push(row);
            }
        }
        Some(Self { head, rows })
    }
}

/// What stands above the grid.
pub(super) fn heading(contrast: &Contrast) -> String {
    format!(
        "By how much {} differs from each of the others, in % of the other's value, on the same seeds (mean and half width of the 95 % \
         confidence interval); last the energy of the other's worst node, its budget being 100 %.",
        contrast.reference
    )
}

/// One policy against each of the others as text for a terminal; none where the experiment does not ask for it.
#[must_use]
pub fn contrast_text(table: &ResultTable) -> Option<String> {
    let (contrast, grid) = (table.contrast.as_ref()?, Grid::of(table)?);
    let mut text = Table::new(&[]);
    text.push(grid.head);
    grid.rows.into_iter().for_each(|row| text.push(row));
    let remark = if contrast.remark.is_empty() { String::new() } else { format!("\n{}\n", contrast.remark) };
    Some(format!("{}\n{text}{remark}", heading(contrast)))
}

/// The same as HTML.
pub(super) fn contrast_html(table: &ResultTable) -> Option<String> {
    let (contrast, grid) = (table.contrast.as_ref()?, Grid::of(table)?);
    let cell = |tag: &str, (column, text): (usize, &String)| {
        let class = if column >= 2 { " class=\"n\"" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", Escaped(text))
    };
    let head: String = grid.head.iter().enumerate().map(|at| cell("th", at)).collect();
    let rows = grid.rows.iter().map(|row| {
        let cells: String = row.iter().enumerate().map(|at| cell("td", at)).collect();
        format!("<tr>{cells}</tr>\n")
    });
    let remark = match contrast.remark.as_str() {
        "" => String::new(),
        remark => format!("<p>{}</p>\n", Escaped(remark)),
    };
    Some(format!(
        "<p>{}</p>\n<div class=\"box\"><table><thead><tr>{head}</tr></thead><tbody>\n{}</tbody></table></div>\n{remark}",
        Escaped(&heading(contrast)),
        rows.collect::<String>()
    ))
}

/// What a column is called in a narrow table.
const fn short_title(metric: Metric) -> &'static str {
    match metric {
        Metric::LatencyS => "latency",
        Metric::EnergyJ => "energy",
        Metric::ComputeEfficiency => "computation efficiency",
        Metric::MemoryShare => "largest memory",
        Metric::WorstBudgetUse => "other's worst node",
        other => other.title(),
    }
}

fn signed(change: Interval) -> String {
    match change.half_width {
        Some(half) => format!("{:+.1} ± {half:.1}", change.mean),
        None => format!("{:+.1}", change.mean),
    }
}

fn dash(text: String) -> String {
    if text.is_empty() { "-".into() } else { text }
}
