//! The figure of an experiment: one panel per plot.

mod lines;
mod looks;
mod rows;

use super::table::{Drawing, PlotSpec, ResultTable};
use crate::drawing::figure::{Axis, Figure};
use crate::drawing::scale::Scale;

/// Says what there is to see of an experiment's result, or why there is nothing.
pub(super) fn figure(table: &ResultTable) -> Figure {
    if let Some(reason) = &table.skipped {
        return Figure::empty(table.title.clone(), format!("left out: {reason}"));
    }
    if table.rows.is_empty() || table.plots.is_empty() {
        return Figure::empty(table.title.clone(), "no runs");
    }
    let rows = table.plots.first().is_some_and(|plot| plot.drawing == Drawing::Bars);
    let (plots, blank): (Vec<&PlotSpec>, Vec<&PlotSpec>) =
        table.plots.iter().partition(|plot| differs_from_zero(table, plot));
    if plots.is_empty() {
        return Figure::empty(table.title.clone(), "all numbers are zero");
    }
    let panels = match rows {
        true => rows::panels(table, &plots),
        false => lines::panels(table, &plots),
    };
    // A panel without a line of its own says less than a word.
    let zero: String = blank.iter().map(|plot| format!("; {}: 0 in all runs", plot.metric.title())).collect();
    let subtitle = reading(table) + &zero;
    Figure { title: table.title.clone(), subtitle, panels, side_by_side: rows, ..Figure::default() }
}

/// Whether some run has another value than zero.
fn differs_from_zero(table: &ResultTable, plot: &PlotSpec) -> bool {
    table.rows.iter().filter_map(|row| row.metrics.get(&plot.metric)).any(|value| *value != 0.0)
}

/// How means and intervals are to be read.
fn reading(table: &ResultTable) -> String {
    let mut seeds: Vec<u64> = table.rows.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    match seeds.as_slice() {
        [_, _] => "Means over 2 seeds, too few for confidence intervals".into(),
        [seed] => format!("One run per point, seed {seed}"),
        _ => format!("Means over {} seeds with 95 % confidence intervals", seeds.len()),
    }
}

/// The axis of a plot's metric.
fn of_metric(plot: &PlotSpec, scale: Scale) -> Axis {
    Axis::new(plot.metric.heading(), scale)
}
