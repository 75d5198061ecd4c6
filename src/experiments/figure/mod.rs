//! The figure of an experiment: one panel per plot.

mod lines;
mod reading;
mod rows;

use super::table::{Drawing, ResultTable};
use crate::report::figures::style::{Figure, empty, short};

/// Draws an experiment's result, or why there is none.
pub(super) fn draw(table: &ResultTable) -> Figure {
    if let Some(reason) = &table.skipped {
        return empty(&table.title, &format!("left out: {}", short(reason, 90)));
    }
    if table.rows.is_empty() || table.plots.is_empty() {
        return empty(&table.title, "no runs");
    }
    match table.plots.first().map(|plot| plot.drawing) {
        Some(Drawing::Bars) => rows::draw(table),
        _ => lines::draw(table),
    }
}
