//! How the figures of experiments are to be read.

use crate::experiments::table::ResultTable;

/// How means and intervals are to be read.
pub(super) fn subtitle(table: &ResultTable) -> String {
    let mut seeds: Vec<u64> = table.rows.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    match seeds.len() {
        2 => "Means over 2 seeds, too few for confidence intervals".into(),
        1 => format!("One run per point, seed {}", seeds.first().copied().unwrap_or_default()),
        count => format!("Means over {count} seeds with 95 % confidence intervals"),
    }
}
