//! Mean latency and queues between their bounds.

use super::clusters::NO_ROUND;
use super::{RunView, titled};
use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{BLUE, Dash, FAINT, INK, Look, VERMILLION};
use crate::drawing::scale::Scale;
use crate::lyapunov::{Comparison, History, NOT_COMPARED};
use crate::report::bound_paths::{Paths, paths};
use crate::report::certificates::compared;
use crate::report::digest::Stretch;
use crate::report::table::significant;

const TITLE: &str = "What the run proves";
const OWN: Look = Look::plain(BLUE, Dash::Solid, 1.7);
const ABOVE: Look = Look::plain(VERMILLION, Dash::Long, 1.3);
const BELOW: Look = Look::plain(INK, Dash::Short, 1.2);
const LEVEL: Look = Look::plain(FAINT, Dash::Dots, 1.2);

struct Curve {
    name: &'static str,
    look: Look,
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn last(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.1)
    }
}

pub(super) fn draw(view: &RunView) -> Figure {
    let record = view.record;
    let title = titled(record, TITLE);
    if view.digest.rounds == 0 {
        return Figure::empty(title, NO_ROUND);
    }
    let words = Words { title: &title, penalty: "Mean round latency [s]", norm: "Norm of all queues |Q| [budgets]" };
    if record.slots.is_empty() {
        return without_slots(view, &words);
    }
    let slots: Vec<u64> = record.slots.iter().map(|slot| slot.slot).collect();
    let comparison = record.comparison.as_ref().and_then(|comparison| compared(record, comparison));
    match record.history() {
        Ok(history) => bounds(&history, comparison.as_ref(), &slots, &words),
        Err(_) => Figure::empty(title, NOT_COMPARED),
    }
}

/// Of a run whose slots are not at hand: its own paths, after the last slot of every stretch.
fn without_slots(view: &RunView, words: &Words) -> Figure {
    let of = |stretch: &Stretch| Some((stretch.ends[1], stretch.so_far[1].penalty?));
    let points: Option<Vec<_>> = view.digest.stretches.iter().map(of).collect();
    let Some(points) = points else { return Figure::empty(words.title, NOT_COMPARED) };
    let paths = Paths {
        mean_penalty: points.iter().map(|(_, (penalty, _))| *penalty).collect(),
        queue_norm: points.iter().map(|(_, (_, norm))| *norm).collect(),
        ..Paths::default()
    };
    let slots: Vec<u64> = points.iter().map(|(slot, _)| *slot).collect();
    let first = view.slots().next().unwrap_or_default();
    drawn(paths, false, (first, &slots), words)
}

/// What the panels say.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    /// The mean penalty, with its unit.
    pub(super) penalty: &'a str,
    /// The norm of the queues, with its unit.
    pub(super) norm: &'a str,
}

/// Title of a figure of a problem's own run.
pub(super) const OF_PROBLEM: &str = TITLE;

/// Mean penalty and norm of the queues of any history, between their bounds where it was compared with what else was
/// possible; `slots` are the slots' numbers.
pub(super) fn bounds(history: &History, compared: Option<&Comparison>, slots: &[u64], words: &Words) -> Figure {
    if slots.is_empty() {
        return Figure::empty(words.title, "no slot was played");
    }
    drawn(paths(history, compared), compared.is_some(), (slots.first().copied().unwrap_or_default(), slots), words)
}

/// Paths at these slots, on an axis from the first slot.
fn drawn(paths: Paths, compared: bool, (first, slots): (u64, &[u64]), words: &Words) -> Figure {
    let numbers = || slots.iter().map(|slot| *slot as f64);
    let curve = |name, look, values: Vec<f64>| Curve { name, look, points: numbers().zip(values).collect() };
    let mut mean = vec![curve("mean so far", OWN, paths.mean_penalty)];
    mean.extend(paths.lower.map(|values| curve("least (D)", BELOW, values)));
    mean.extend(paths.upper.map(|values| curve("at most (C3)", ABOVE, values)));
    let mut queues = vec![curve("|Q|", OWN, paths.queue_norm)];
    queues.extend(paths.norm_bound.map(|values| curve("at most (C4)", ABOVE, values)));
    queues.extend(paths.norm_level.map(|level| curve("always (C5)", LEVEL, vec![level; slots.len()])));
    let panel = |(y_title, curves): (&str, Vec<Curve>)| {
        let (low, high) = range(&curves);
        let line = |curve: &Curve| Layer::Line { points: curve.points.clone(), look: curve.look, marks: Marks::Every };
        let entry = |curve: &Curve| {
            let (last, sample) = (curve.last(), Sample::Line(curve.look));
            let shown = significant(last, 3);
            match (low..=high).contains(&last) {
                true => Entry::new(last, curve.name, sample).showing(shown),
                // Beyond the axis there is nothing to see but the number.
                false => Entry::new(last.clamp(low, high), format!("{}: {shown}", curve.name), sample),
            }
        };
        Panel {
            heading: String::new(),
            x: Axis::new("Slot", Scale::slots(std::iter::once(first).chain(slots.iter().copied()))),
            y: Axis::new(y_title, Scale::between(low, high)),
            // Its own line above its bounds.
            layers: curves.iter().rev().map(line).collect(),
            legend: curves.iter().map(entry).collect(),
            height: Height::Usual,
        }
    };
    let (subtitle, note) = match compared {
        true => ("Right: after the last slot. Bounds beyond an axis are given as numbers only", ""),
        false => ("Right: after the last slot", NOT_COMPARED),
    };
    Figure {
        title: words.title.into(),
        subtitle: subtitle.into(),
        note: note.into(),
        panels: [(words.penalty, mean), (words.norm, queues)].into_iter().map(panel).collect(),
        ..Figure::default()
    }
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
    // A lower bound far below all there is says little, and takes as much room as one above.
    let least = (6.0 * own.0).min(-0.25 * own.1);
    let shown = curves.iter().map(Curve::last).filter(|bound| (least..=most).contains(bound));
    let (low, high) = shown.fold(own, |(low, high), value| (low.min(value), high.max(value)));
    let end = |value: f64| if value.is_finite() { 1.15 * value } else { 0.0 };
    let (low, high) = (end(low), end(high));
    (low, if high > low { high } else { 1.0 })
}
