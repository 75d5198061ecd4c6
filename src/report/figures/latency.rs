//! Round latency over the slots.

use plotters::prelude::*;

use super::panel::{Axes, Label, Sample, axes, figure_height, labels, line, rows, slot_range};
use super::style::{BLUE, FAINT, Figure, Look, SKY, VERMILLION, WIDTH, canvas, cause, empty, px, width};
use crate::report::series::{planned, planned_slots, quantile, sorted};
use crate::report::table::significant;
use crate::simulation::RunRecord;

const TITLE: &str = "Round latency";
/// Points that can be told apart.
const MOST_POINTS: usize = 2000;

const MEAN: Look = Look { line: BLUE, area: BLUE, dashed: false };
const PERCENTILE: Look = Look { line: FAINT, area: FAINT, dashed: true };

pub(super) fn draw(record: &RunRecord) -> Figure {
    let points: Vec<(f64, f64)> =
        planned_slots(record).map(|(slot, planned)| (slot as f64, planned.latency_s.0)).collect();
    let values = sorted(points.iter().map(|point| point.1));
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
        return empty(TITLE, super::NO_ROUND);
    };
    let at = |probability| quantile(&values, probability).unwrap_or(high);
    // A few extreme rounds would squeeze all others into a line.
    let top =
        if high - low > 3.0 * (at(0.99) - low) && at(0.99) > low { at(0.99) + 0.5 * (at(0.99) - low) } else { high };
    let room = if top > low { 0.06 * (top - low) } else { (0.1 * top.abs()).max(f64::MIN_POSITIVE.sqrt()) };
    let (floor, ceiling) = ((low - room).max(0.0).min(low), top + room);

    let mut means = Vec::with_capacity(points.len());
    let mut sum = 0.0;
    for (count, (slot, latency)) in (1u64..).zip(&points) {
        sum += latency;
        means.push((*slot, sum / count as f64));
    }
    let outages: Vec<f64> =
        record.slots.iter().filter(|slot| planned(slot).is_none()).map(|slot| slot.slot as f64).collect();
    let above: Vec<f64> = points.iter().filter(|point| point.1 > ceiling).map(|point| point.0).collect();
    let step = points.len().div_ceil(MOST_POINTS);

    let mut subtitle = match step {
        1 => "One point per planned round".to_string(),
        _ => format!("One point for every {step} planned rounds"),
    };
    if !outages.is_empty() {
        subtitle += &format!("; red: {} slots without a round", outages.len());
    }
    if !above.is_empty() {
        subtitle += &format!("; triangles: {} rounds above the axis, up to {} s", above.len(), significant(high, 3));
    }
    canvas((WIDTH, figure_height(1)), [TITLE, &subtitle, ""], |root| {
        let x = slot_range(record.slots.iter().map(|slot| slot.slot));
        let row = rows(1).next().unwrap_or_default();
        let y_title = "Round latency T [s]";
        let mut chart = axes(root, &Axes { row, heading: "", y_title, x, y: (floor, ceiling), last: true })?;
        let dot = |point: &(f64, f64)| Circle::new(*point, width(2.2), SKY.mix(0.6).filled());
        chart
            .draw_series(points.iter().step_by(step.max(1)).filter(|point| point.1 <= ceiling).map(dot))
            .map_err(cause)?;
        let mark = |slot: &f64| TriangleMarker::new((*slot, ceiling), width(4.0), SKY.filled());
        chart.draw_series(above.iter().map(mark)).map_err(cause)?;
        let (_, ys) = chart.plotting_area().get_pixel_range();
        for slot in &outages {
            let left = chart.backend_coord(&(*slot, floor)).0;
            let ends = [(left, ys.end - px(1)), (left, ys.end - px(9))];
            root.draw(&PathElement::new(ends, VERMILLION.stroke_width(width(1.4)))).map_err(cause)?;
        }
        let mut names = Vec::new();
        for (name, probability) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            let value = at(probability);
            line(&mut chart, &[(x.0, value), (x.1, value)], ceiling, PERCENTILE, 1.1)?;
            let shown = format!("{} s", significant(value, 3));
            names.push(Label { value, name: name.into(), shown, sample: Sample::Line(PERCENTILE, 1.1) });
        }
        line(&mut chart, &means, ceiling, MEAN, 2.2)?;
        if let Some((_, mean)) = means.last() {
            let (name, shown) = ("mean so far".into(), format!("{} s", significant(*mean, 3)));
            names.push(Label { value: *mean, name, shown, sample: Sample::Line(MEAN, 2.2) });
        }
        labels(root, &chart, names)
    })
}
