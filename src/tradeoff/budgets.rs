//! Whether a sweep's energy budgets are kept: the first thing to be said of it.

use super::axis::Axis;
use super::point::SweepPoint;
use super::result::Tradeoff;
use crate::report::Kept;
use crate::report::table::{number, percent};
use crate::text::escaped;

/// The verdict; none without budgets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    #[cfg_attr(not(feature = "figures"), allow(dead_code, reason = "pages are coloured by it"))]
    pub(super) kept: Kept,
    /// Sentences, a line each.
    pub(super) text: String,
}

/// Runs of the same slots with the same budgets: what one of them keeps, decisions can keep in all.
pub(super) fn verdict(tradeoff: &Tradeoff) -> Option<Verdict> {
    let points = &tradeoff.points;
    let symbol = match tradeoff.axis {
        Axis::LatencyWeight => "V",
        Axis::Target => "epsilon",
    };
    let kept: Vec<&SweepPoint> = points.iter().filter(|point| point.kept() == Some(true)).collect();
    let worst =
        |point: &SweepPoint| point.worst_node().map(|node| (node.mean_overspend, node.name.clone(), point.value));
    let (overspend, name, value) = points.iter().filter_map(worst).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let tightest = format!("{}, {} % used at {symbol} = {}", escaped(&name), percent(1.0 + overspend), number(value));
    let (of, text) = match kept.last() {
        Some(_) if kept.len() == points.len() => {
            (Kept::Kept, format!("Budgets: kept in all {} runs. Tightest: {tightest}.", points.len()))
        }
        Some(last) => (
            Kept::Settling,
            format!(
                "Budgets: kept by {} of {} runs, as that of {symbol} = {}; settling in the others, for decisions that keep \
                 every budget exist in these slots. Tightest: {tightest}.",
                kept.len(),
                points.len(),
                number(last.value)
            ),
        ),
        None => match &tradeoff.budgets {
            Some(examined) => (examined.verdict, examined.to_string()),
            None => (
                Kept::NotKnown,
                format!("Budgets: kept by no run, {tightest}. Whether they can be kept was not examined."),
            ),
        },
    };
    Some(Verdict { kept: of, text })
}
