//! The numbers of an experiment on a page.

use super::interval::Interval;
use super::table::ResultTable;
use crate::report::page::table as sortable;
use crate::report::table::number;

/// Writes means and half widths: a row per place and series, a column per metric.
pub(super) fn numbers(page: &mut String, table: &ResultTable) {
    let (metrics, series) = (table.metrics(), table.series());
    let varied = table.plots.first().map_or("varied", |plot| plot.x_axis.as_str());
    let titles: Vec<String> = metrics.iter().map(|metric| metric.heading()).collect();
    let headings: Vec<&str> = [varied, "policy"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut rows = Vec::new();
    for place in &table.places() {
        for name in &series {
            let cells: Vec<Option<Interval>> =
                metrics.iter().map(|metric| table.interval(*metric, place, name)).collect();
            if cells.iter().any(Option::is_some) {
                let names = [place.label.clone(), (*name).to_string()];
                rows.push(names.into_iter().chain(cells.into_iter().map(shown)).collect());
            }
        }
    }
    sortable(page, "Means over the seeds, with half widths of their 95 % confidence intervals", &headings, &rows);
}

fn shown(cell: Option<Interval>) -> String {
    match cell {
        Some(cut) if cut.is_cut() => {
            let (low, high) = cut.ends();
            format!("{} ({} to {})", number(cut.mean), number(low), number(high))
        }
        Some(Interval { mean, half_width: Some(half), .. }) => format!("{} ± {}", number(mean), number(half)),
        Some(Interval { mean, .. }) => number(mean),
        None => "-".into(),
    }
}
