//! Round latency over time.

use plotters::prelude::{Circle, LineSeries, PathElement};
use plotters::style::Color;

use super::panel::{BLUE, DrawError, GREY, Key, VERMILLION, axes, document, stretch, stretches};
use crate::simulation::RunRecord;

pub(super) fn draw(record: &RunRecord) -> Result<String, DrawError> {
    let latencies: Vec<Option<f64>> =
        record.slots.iter().map(|slot| slot.planned().map(|round| round.round_latency_s.0)).collect();
    let slots = latencies.len();
    let mut points = Vec::new();
    let mut running = Vec::new();
    let mut outages = Vec::new();
    let (mut sum, mut count) = (0.0, 0_u64);
    for range in stretches(slots) {
        let middle = (range.start + range.end) as f64 / 2.0;
        let stretch: Vec<f64> = latencies[range.clone()].iter().copied().flatten().collect();
        sum += stretch.iter().sum::<f64>();
        count += stretch.len() as u64;
        if stretch.len() < range.len() {
            outages.push(middle);
        }
        if !stretch.is_empty() {
            points.push((middle, stretch.iter().sum::<f64>() / stretch.len() as f64));
        }
        if count > 0 {
            running.push((middle, sum / count as f64));
        }
    }
    let top = points.iter().fold(0.0_f64, |top, point| top.max(point.1));
    let top = if top > 0.0 { 1.08 * top } else { 1.0 };
    let each = match stretch(slots) {
        1 => "each round".to_owned(),
        length => format!("mean of {length} slots"),
    };
    let key = |label: String, style, filled| Key { label, style, filled };
    let mut keys = vec![key(each, GREY.filled(), false), key("mean so far".into(), BLUE.filled(), false)];
    if !outages.is_empty() {
        keys.push(key("outage".into(), VERMILLION.filled(), true));
    }
    document(1, 400, |_, area| {
        let mut chart = axes(area, "Round latency", "seconds", 0.0..slots as f64, 0.0..top, &keys)?;
        chart.draw_series(
            outages
                .iter()
                .map(|&slot| PathElement::new(vec![(slot, 0.0), (slot, 0.04 * top)], VERMILLION.stroke_width(2))),
        )?;
        chart.draw_series(LineSeries::new(points.iter().copied(), GREY.mix(0.6).stroke_width(1)))?;
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 1, GREY.filled())))?;
        chart.draw_series(LineSeries::new(running.iter().copied(), BLUE.stroke_width(3)))?;
        Ok(())
    })
}
