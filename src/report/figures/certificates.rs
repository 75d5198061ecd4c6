//! Mean latency and queues between their bounds.

use super::NO_ROUND;
use super::panel::{Axes, Label, Sample, axes, figure_height, labels, line, rows, slot_range};
use super::style::{BLUE, FAINT, Figure, INK, Look, VERMILLION, WIDTH, canvas, empty};
use crate::report::bound_paths::paths;
use crate::report::series::planned_slots;
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
    if planned_slots(record).next().is_none() {
        return empty(TITLE, NO_ROUND);
    }
    let Some(paths) = paths(record).filter(|paths| !paths.mean_penalty.is_empty()) else {
        return empty(TITLE, "the run was not compared with what else was possible");
    };
    let slots = || record.slots.iter().map(|slot| slot.slot as f64);
    let curve =
        |name, look, stroke, values: Vec<f64>| Curve { name, look, stroke, points: slots().zip(values).collect() };
    let x = slot_range(record.slots.iter().map(|slot| slot.slot));
    let mut latency =
        vec![curve("mean so far", OWN, 2.2, paths.mean_penalty), curve("least (D)", BELOW, 1.4, paths.lower)];
    latency.extend(paths.upper.map(|values| curve("at most (C3)", ABOVE, 1.6, values)));
    let mut queues = vec![curve("|Q|", OWN, 1.8, paths.queue_norm)];
    queues.extend(paths.norm_bound.map(|values| curve("at most (C4)", ABOVE, 1.6, values)));
    queues.extend(paths.norm_level.map(|level| curve("always (C5)", LEVEL, 1.4, vec![level; record.slots.len()])));
    let panels = [("Mean round latency", "Seconds", latency), ("Norm of all queues", "|Q| [budgets]", queues)];
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

/// End of the y axis: all of the run's own line but its first twentieth, and those bounds that do not squeeze it.
fn range(curves: &[Curve]) -> (f64, f64) {
    let highest = |curve: &Curve| {
        let skip = curve.points.len() / 20;
        curve.points.iter().skip(skip).map(|point| point.1).filter(|value| value.is_finite()).fold(0.0, f64::max)
    };
    let own = curves.first().map(highest).unwrap_or_default();
    let last = |curve: &Curve| curve.points.last().map(|point| point.1).unwrap_or_default();
    let top = curves.iter().map(last).filter(|bound| *bound <= 6.0 * own).fold(own, f64::max);
    (0.0, if top > 0.0 && top.is_finite() { 1.15 * top } else { 1.0 })
}
