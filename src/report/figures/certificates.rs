//! Mean latency and queues between their bounds.

use super::clusters::NO_ROUND;
use super::panel::{Axes, Label, Sample, axes, figure_height, labels, line, rows, slot_range};
use super::style::{BLUE, FAINT, Figure, INK, Look, VERMILLION, WIDTH, canvas, empty};
use crate::lyapunov::{Comparison, History, NOT_COMPARED};
use crate::report::bound_paths::paths;
use crate::report::certificates::compared;
use crate::report::table::significant;
use crate::simulation::RunRecord;

const TITLE: &str = "What the run proves";
const OWN: Look = Look { line: BLUE, area: BLUE, dashed: false };
const ABOVE: Look = Look { line: VERMILLION, area: VERMILLION, dashed: false };
const BELOW: Look = Look { line: INK, area: INK, dashed: true };
const LEVEL: Look = Look { line: FAINT, area: FAINT, dashed: true };

struct Curve {
    name: &'static str,
    look: Look,
    stroke: f64,
    points: Vec<(f64, f64)>,
}

pub(super) fn draw(record: &RunRecord) -> Figure {
    if record.planned_slots().next().is_none() {
        return empty(TITLE, NO_ROUND);
    }
    let slots: Vec<u64> = record.slots.iter().map(|slot| slot.slot).collect();
    let words = Words { heading: "Mean round latency", y_title: "Seconds", norm: "|Q| [budgets]" };
    let comparison = record.comparison.as_ref().and_then(|comparison| compared(record, comparison));
    match record.history().ok().zip(comparison) {
        Some((history, compared)) => bounds(&history, &compared, &slots, &words),
        None => empty(TITLE, NOT_COMPARED),
    }
}

/// What the panels say.
pub(super) struct Words<'a> {
    /// Above the mean penalty.
    pub(super) heading: &'a str,
    /// Of its axis, with the unit.
    pub(super) y_title: &'a str,
    /// Of the queues' axis, with the unit.
    pub(super) norm: &'a str,
}

/// A figure for a run that was not compared.
pub(super) fn not_compared() -> Figure {
    empty(TITLE, NOT_COMPARED)
}

/// Mean penalty and norm of the queues of any history between their bounds; `slots` are the slots' numbers.
pub(super) fn bounds(history: &History, compared: &Comparison, slots: &[u64], words: &Words) -> Figure {
    if slots.is_empty() {
        return empty(TITLE, "no slot was played");
    }
    let paths = paths(history, compared);
    let numbers = || slots.iter().map(|slot| *slot as f64);
    let curve =
        |name, look, stroke, values: Vec<f64>| Curve { name, look, stroke, points: numbers().zip(values).collect() };
    let x = slot_range(slots.iter().copied());
    let mut mean = vec![curve("mean so far", OWN, 2.2, paths.mean_penalty)];
    mean.extend(paths.lower.map(|values| curve("least (D)", BELOW, 1.4, values)));
    mean.extend(paths.upper.map(|values| curve("at most (C3)", ABOVE, 1.6, values)));
    let mut queues = vec![curve("|Q|", OWN, 1.8, paths.queue_norm)];
    queues.extend(paths.norm_bound.map(|values| curve("at most (C4)", ABOVE, 1.6, values)));
    queues.extend(paths.norm_level.map(|level| curve("always (C5)", LEVEL, 1.4, vec![level; slots.len()])));
    let panels = [(words.heading, words.y_title, mean), ("Norm of all queues", words.norm, queues)];
    let subtitle = "Right: after the last slot. Bounds beyond an axis are given as numbers only";
    canvas((WIDTH, figure_height(2)), [TITLE, subtitle, ""], |root| {
        for (index, (row, (heading, y_title, curves))) in rows(2).zip(&panels).enumerate() {
            let y = range(curves);
            let mut chart = axes(root, &Axes { row, heading, y_title, x, y, last: index == 1 })?;
            for curve in curves {
                let inside: Vec<(f64, f64)> = curve.points.iter().map(|&(x, value)| (x, value.max(y.0))).collect();
                line(&mut chart, &inside, y.1, curve.look, curve.stroke)?;
            }
            let label = |curve: &Curve| {
                let value = curve.points.last()?.1;
                let sample = Sample::Line(curve.look, curve.stroke);
                Some(Label {
                    value: value.clamp(y.0, y.1),
                    name: curve.name.into(),
                    shown: significant(value, 3),
                    sample,
                })
            };
            labels(root, &chart, curves.iter().filter_map(label).collect())?;
        }
        Ok(())
    })
}

/// Ends of the y axis: all of the run's own line but its first twentieth, zero, and those bounds that do not squeeze
/// it.
fn range(curves: &[Curve]) -> (f64, f64) {
    let settled = |curve: &Curve| {
        let skip = curve.points.len() / 20;
        let values = curve.points.iter().skip(skip).map(|point| point.1).filter(|value| value.is_finite());
        values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let own = curves.first().map(settled).unwrap_or_default();
    let most = 6.0 * own.1.max(-own.0);
    let last = |curve: &Curve| curve.points.last().map(|point| point.1).unwrap_or_default();
    let shown = curves.iter().map(last).filter(|bound| bound.abs() <= most);
    let (low, high) = shown.fold(own, |(low, high), value| (low.min(value), high.max(value)));
    let end = |value: f64| if value.is_finite() { 1.15 * value } else { 0.0 };
    let (low, high) = (end(low), end(high));
    (low, if high > low { high } else { 1.0 })
}
