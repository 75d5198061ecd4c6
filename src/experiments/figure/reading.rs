//! How the figures of experiments are to be read.

use crate::experiments::interval::Interval;
use crate::experiments::table::ResultTable;

/// How means and intervals are to be read.
pub(super) fn subtitle(table: &ResultTable) -> String {
    let mut seeds: Vec<u64> = table.rows.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    match seeds.len() {
        1 => format!("One run per point, seed {}", seeds.first().copied().unwrap_or_default()),
        count => format!("Means over {count} seeds with 95 % confidence intervals"),
    }
}

/// The ends of an interval, cut off below zero, where no metric has values.
pub(super) fn shown_ends(value: &Interval) -> [f64; 2] {
    let (low, high) = value.ends();
    [low.max(0.0), high]
}
