//! One policy against the others, in words and numbers.

use super::interval::{Compared, Interval};
use super::metric::Metric;
use super::table::{Contrast, ResultTable};
use crate::report::html::Escaped;
use crate::report::page::{put, table as sortable};
use crate::report::table::{Table, number};
use crate::text::wrapped;

/// What is said of the other policy alone: without it the comparison can mislead.
const OF_OTHER: [Metric; 2] = [Metric::WorstBudgetUse, Metric::OutageShare];

/// Least difference that is shown [%]: the solver's accuracy is finer, but not by much.
const SHOWN: f64 = 0.05;

/// Head and rows of the table of a contrast.
struct Grid {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    fn of(table: &ResultTable, contrast: &Contrast, compared: &[Compared]) -> Self {
        let varied = table.plots.first().map_or("varied", |plot| plot.x_axis.as_str());
        let reference = &contrast.reference;
        let mut head = vec![varied.to_owned(), format!("{reference} against")];
        head.extend(contrast.columns.iter().map(|column| format!("{} [%]", short_title(column.metric))));
        head.extend(OF_OTHER.map(|metric| format!("other's {} [%]", short_title(metric))));
        let mut rows = Vec::new();
        if !contrast.publication.is_empty() {
            let mut row = vec!["published".to_owned(), contrast.publication.clone()];
            row.extend(contrast.columns.iter().map(|column| dash(column.published.clone())));
            row.extend(OF_OTHER.map(|_| dash(String::new())));
            rows.push(row);
        }
        for Compared { place, series, changes } in compared {
            let mut row = vec![place.label.clone(), (*series).to_owned()];
            row.extend(changes.iter().map(|change| dash(change.map(signed).unwrap_or_default())));
            let of_other = OF_OTHER.map(|metric| table.interval(metric, place, series));
            row.extend(of_other.map(|value| dash(value.map(|value| number(value.mean)).unwrap_or_default())));
            rows.push(row);
        }
        Self { head, rows }
    }
}

/// What stands above the grid.
fn heading(contrast: &Contrast) -> String {
    format!(
        "By how much {} differs from each of the others, in % of the other's value, on the same seeds (mean and half width of the 95 % \
         confidence interval, from three seeds on); then of the other the energy of its worst node, whose budget is 100 %, and the slots in which it had no \
         round, which its means leave out.",
        contrast.reference
    )
}

/// What the grid comes to: in how many of its rows the reference is better and worse; what is shown as zero, and
/// intervals that hold zero, count as neither. Where seeds are too few for intervals the means decide, and it is said.
fn outcome(contrast: &Contrast, compared: &[Compared]) -> String {
    let mut by_means = false;
    let counted = contrast.columns.iter().enumerate().map(|(index, column)| {
        let (mut better, mut worse, mut all) = (0, 0, 0);
        for change in compared.iter().filter_map(|row| row.changes.get(index).copied()?) {
            let (low, high) = change.ends();
            by_means |= change.half_width.is_none();
            let shown = change.mean.abs() >= SHOWN;
            let (lower, higher) = (shown && high < 0.0, shown && low > 0.0);
            let good = if column.metric.higher_is_better() { higher } else { lower };
            all += 1;
            better += i32::from(good);
            worse += i32::from((lower || higher) && !good);
        }
        format!("in {} than {better} of {all} others (worse than {worse})", short_title(column.metric))
    });
    let counted = counted.collect::<Vec<_>>().join(", ");
    let basis = if by_means { "Here, by means of too few seeds for intervals," } else { "Here" };
    format!("{basis} {} is better {counted}.", contrast.reference)
}

/// What a table that has a contrast and runs is set out from.
fn found(table: &ResultTable) -> Option<(&Contrast, String, Grid)> {
    let contrast = table.contrast.as_ref().filter(|_| !table.rows.is_empty())?;
    let compared = table.compared();
    Some((contrast, outcome(contrast, &compared), Grid::of(table, contrast, &compared)))
}

/// One policy against each of the others as text for a screen of this width ([`WIDTH`](crate::text::WIDTH) where it is not known);
/// none where the experiment does not ask for it.
#[must_use]
pub fn contrast_text(table: &ResultTable, width: usize) -> Option<String> {
    let (contrast, outcome, grid) = found(table)?;
    let head: Vec<&str> = grid.head.iter().map(String::as_str).collect();
    let mut text = Table::new(&[&head]).keyed(2);
    grid.rows.into_iter().for_each(|row| text.push(row));
    let remark = if contrast.remark.is_empty() { String::new() } else { format!("\n{}\n", contrast.remark) };
    let text = format!("{}\n{}\n\n{text:width$}{remark}", outcome, heading(contrast));
    Some(wrapped(&text, width))
}

/// What a contrast comes to, in a sentence; none where the experiment does not ask for one.
pub(super) fn contrast_outcome(table: &ResultTable) -> Option<String> {
    found(table).map(|(_, outcome, _)| outcome)
}

/// The contrast on a page.
pub(super) fn contrast_on(page: &mut String, table: &ResultTable) {
    let Some((contrast, outcome, grid)) = found(table) else { return };
    put(page, format_args!("<p><strong>Found.</strong> {}</p>\n", Escaped(&outcome)));
    if !contrast.remark.is_empty() {
        put(page, format_args!("<p>{}</p>\n", Escaped(&contrast.remark)));
    }
    let head: Vec<&str> = grid.head.iter().map(String::as_str).collect();
    sortable(page, &heading(contrast), &head, &grid.rows);
}

/// Title of a column in a narrow table.
const fn short_title(metric: Metric) -> &'static str {
    match metric {
        Metric::LatencyS => "latency",
        Metric::EnergyJ => "energy",
        Metric::ComputeEfficiency => "computation efficiency",
        Metric::MemoryShare => "largest memory",
        Metric::WorstBudgetUse => "worst node",
        Metric::OutageShare => "slots without a round",
        other => other.title(),
    }
}

fn signed(change: Interval) -> String {
    let mean = if change.mean.abs() < SHOWN { "0.0".to_owned() } else { format!("{:+.1}", change.mean) };
    match change.half_width {
        Some(_) if change.is_cut() => {
            let (low, high) = change.ends();
            format!("{mean} ({low:+.1} to {high:+.1})")
        }
        Some(half) => format!("{mean} ± {half:.1}"),
        None => mean,
    }
}

fn dash(text: String) -> String {
    if text.is_empty() { "-".into() } else { text }
}
