//! Encoder blocks per device over the slots, stacked.

use super::clusters::{NO_ROUND, Shown, heading, label, shown};
use super::{RunView, titled};
use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Panel, Sample};
use crate::drawing::look::{Fill, LOOKS};
use crate::drawing::scale::Scale;
use crate::report::series::devices;

const TITLE: &str = "Encoder blocks on each device";
/// Columns that can be told apart.
const MOST_COLUMNS: usize = 170;

/// Mean sizes over consecutive slots; slots without a round are left out.
struct Column {
    from: f64,
    to: f64,
    /// One entry per device; the last one collects those without a look of their own.
    blocks: Vec<f64>,
}

impl Column {
    fn size(&self, device: usize) -> f64 {
        self.blocks.get(device).copied().unwrap_or_default()
    }

    /// Blocks on all devices before this one.
    fn below(&self, device: usize) -> f64 {
        self.blocks.iter().take(device).sum()
    }
}

type Contour = Vec<(f64, f64)>;

/// A device's area as upper and lower contours, one pair for every stretch without a gap.
fn bands(columns: &[Column], device: usize) -> Vec<(Contour, Contour)> {
    let mut bands: Vec<(Contour, Contour)> = Vec::new();
    let mut end = f64::NEG_INFINITY;
    for column in columns {
        if column.from != end {
            bands.push((Vec::new(), Vec::new()));
        }
        end = column.to;
        if let Some((top, bottom)) = bands.last_mut() {
            let low = column.below(device);
            let high = low + column.size(device);
            top.extend([(column.from, high), (column.to, high)]);
            bottom.extend([(column.from, low), (column.to, low)]);
        }
    }
    bands
}

fn columns(view: &RunView, cluster: usize, devices: usize) -> Vec<Column> {
    let drawn = devices.min(LOOKS + 1);
    let mut columns: Vec<Column> = Vec::new();
    for stretches in view.digest.stretches.chunks(per_column(view)) {
        let mut blocks = vec![0.0; drawn];
        let mut rounds = 0u32;
        for of_stretch in stretches {
            rounds += of_stretch.rounds;
            for (device, size) in of_stretch.blocks.get(cluster).into_iter().flatten().enumerate() {
                if let Some(sum) = blocks.get_mut(device.min(LOOKS)) {
                    *sum += size;
                }
            }
        }
        let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { continue };
        if rounds == 0 {
            continue;
        }
        blocks.iter_mut().for_each(|sum| *sum /= f64::from(rounds));
        let (from, to) = (first.ends[0] as f64 - 0.5, last.ends[1] as f64 + 0.5);
        match columns.last_mut() {
            Some(before) if before.to == from && before.blocks == blocks => before.to = to,
            _ => columns.push(Column { from, to, blocks }),
        }
    }
    columns
}

/// Stretches that are drawn as one.
fn per_column(view: &RunView) -> usize {
    view.digest.stretches.len().div_ceil(MOST_COLUMNS).max(1)
}

pub(super) fn draw(view: &RunView) -> Figure {
    let title = titled(view.record, TITLE);
    if view.digest.rounds == 0 {
        return Figure::empty(title, NO_ROUND);
    }
    let Shown { clusters, note } = shown(view);
    let averaged = match view.digest.stride * per_column(view) {
        1 => String::new(),
        slots => format!(", averaged over {slots} slots"),
    };
    let subtitle = format!("From the first device of the pipeline up{averaged}; right: mean over the rounds");
    let panels = clusters.into_iter().map(|cluster| panel(view, cluster)).collect();
    Figure { title, subtitle, note, panels, ..Figure::default() }
}

fn panel(view: &RunView, cluster: usize) -> Panel {
    let record = view.record;
    let names: Vec<String> = devices(record, cluster).map(|(_, node)| label(record, cluster, &node.name)).collect();
    let columns = columns(view, cluster, names.len());
    let mut layers = Vec::new();
    let mut legend = Vec::new();
    let slots: f64 = columns.iter().map(|column| column.to - column.from).sum();
    let mut low = 0.0;
    for (device, name) in names.iter().enumerate().take(LOOKS + 1) {
        for (top, bottom) in bands(&columns, device) {
            let edge = bottom.clone();
            let outline = top.into_iter().chain(bottom.into_iter().rev()).collect();
            layers.push(Layer::Area { outline, fill: Fill::at(device) });
            // A white edge parts neighbours also in grey print.
            if edge.iter().any(|point| point.1 > 0.0) {
                layers.push(Layer::Edge { points: edge });
            }
        }
        let sum: f64 = columns.iter().map(|column| column.size(device) * (column.to - column.from)).sum();
        let mean = if slots > 0.0 { sum / slots } else { 0.0 };
        let name = match device {
            LOOKS => format!("{} others", names.len() - LOOKS),
            _ => name.clone(),
        };
        legend.push(Entry::new(low + mean / 2.0, name, Sample::Area(Fill::at(device))).showing(format!("{mean:.2}")));
        low += mean;
    }
    Panel {
        heading: heading(record, cluster),
        x: Axis::new("Slot", Scale::slots(view.slots())),
        y: Axis::new("Number of encoder blocks", Scale::between(0.0, f64::from(record.blocks.max(1)))),
        layers,
        legend,
        height: Height::Usual,
    }
}
