//! Segment sizes over time: encoder blocks by device, stacked, a panel per cluster.

use plotters::prelude::{Polygon, WHITE};
use plotters::style::Color;

use super::panel::{DrawError, Key, axes, cluster_title, colour, document, panels, stretches};
use crate::simulation::{RunRecord, SlotRecord};

pub(super) fn draw(record: &RunRecord) -> Result<String, DrawError> {
    let slots = record.slots.len();
    document(panels(record), 340, |n, area| {
        let devices = record.provenance.scenario.clusters.get(n).map_or(&[][..], |cluster| &cluster.devices);
        // For each stretch of slots where it lies and the blocks below each device's; a gap where there was no round.
        let stacks: Vec<(f64, f64, Option<Vec<f64>>)> = stretches(slots)
            .map(|range| {
                let (start, end) = (range.start as f64, range.end as f64);
                (start, end, record.slots.get(range).and_then(|slots| stack(slots, n, devices.len())))
            })
            .collect();
        let blocks = stacks.iter().filter_map(|(.., stack)| stack.as_ref()?.last()).fold(1.0_f64, |a, &b| a.max(b));
        let keys: Vec<Key> = devices
            .iter()
            .enumerate()
            .map(|(k, device)| Key { label: device.name.clone(), style: colour(Some(k)).filled(), filled: true })
            .rev()
            .collect();
        let title = cluster_title(record, n, "encoder blocks by device");
        let mut chart = axes(area, &title, "blocks", 0.0..slots as f64, 0.0..blocks, &keys)?;
        for k in 0..devices.len() {
            for outline in outlines(&stacks, k) {
                chart.draw_series([Polygon::new(outline.clone(), colour(Some(k)).filled())])?;
            }
        }
        // A hairline between the devices keeps neighbours apart in print.
        for k in 1..devices.len() {
            let edge: Vec<(f64, f64)> = stacks
                .iter()
                .filter_map(|(start, end, stack)| Some((*start, *end, *stack.as_ref()?.get(k)?)))
                .flat_map(|(start, end, level)| [(start, level), (end, level)])
                .collect();
            chart.draw_series([plotters::prelude::PathElement::new(edge, WHITE.mix(0.5).stroke_width(1))])?;
        }
        Ok(())
    })
}

/// Mean blocks below each device (and, last, in all) over the rounds of some slots; `None` without a round.
fn stack(slots: &[SlotRecord], cluster: usize, devices: usize) -> Option<Vec<f64>> {
    let mut sums = vec![0.0; devices];
    let mut rounds = 0.0;
    for sizes in slots.iter().filter_map(|slot| Some(&slot.planned()?.clusters.get(cluster)?.sizes)) {
        rounds += 1.0;
        for (sum, &size) in sums.iter_mut().zip(sizes) {
            *sum += f64::from(size);
        }
    }
    if rounds == 0.0 {
        return None;
    }
    let mut level = 0.0;
    let below = sums.iter().map(|sum| {
        let below = level;
        level += sum / rounds;
        below
    });
    let mut levels: Vec<f64> = below.collect();
    levels.push(level);
    Some(levels)
}

/// The steps of device `k` as closed outlines, one per stretch of time without a gap.
fn outlines(stacks: &[(f64, f64, Option<Vec<f64>>)], k: usize) -> Vec<Vec<(f64, f64)>> {
    stacks
        .chunk_by(|a, b| a.2.is_some() == b.2.is_some())
        .map(|part| {
            let edge = |level: usize| {
                part.iter()
                    .filter_map(move |(start, end, stack)| Some((*start, *end, *stack.as_ref()?.get(level)?)))
                    .flat_map(|(start, end, y)| [(start, y), (end, y)])
            };
            let mut outline: Vec<_> = edge(k).collect();
            let top: Vec<_> = edge(k + 1).collect();
            outline.extend(top.into_iter().rev());
            outline
        })
        .filter(|outline| !outline.is_empty())
        .collect()
}
