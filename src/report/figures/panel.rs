//! What all figures share: colours, axes, legends, stretches of slots.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    BLACK, Cartesian2d, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, IntoFont, PathElement, RGBColor, Rectangle,
    SVGBackend, Text, WHITE,
};
use plotters::style::{Color, ShapeStyle};

use super::{MAX_PANELS, MAX_POINTS};
use crate::simulation::RunRecord;

pub(super) type DrawError = DrawingAreaErrorKind<std::io::Error>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const WIDTH: u32 = 960;
const LEGEND_WIDTH: u32 = 190;
const FONT: &str = "sans-serif";
pub(super) const GREY: RGBColor = RGBColor(150, 150, 150);
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
pub(super) const VERMILLION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);

/// Okabe and Ito's colours for devices; black is the control unit's.
const DEVICES: [RGBColor; 7] = [
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    BLUE,
    VERMILLION,
    RGBColor(0xF0, 0xE4, 0x42),
];

/// A node's colour; they repeat after seven devices.
pub(super) fn colour(device: Option<usize>) -> RGBColor {
    device.map_or(BLACK, |k| DEVICES[k % DEVICES.len()])
}

/// An entry of a legend.
pub(super) struct Key {
    pub label: String,
    pub style: ShapeStyle,
    /// A filled box rather than a line.
    pub filled: bool,
}

/// Draws `panels` of equal height below each other.
pub(super) fn document(
    panels: usize,
    height: u32,
    mut draw: impl FnMut(usize, &Area) -> Result<(), DrawError>,
) -> Result<String, DrawError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height * panels as u32)).into_drawing_area();
        root.fill(&WHITE)?;
        for (index, area) in root.split_evenly((panels, 1)).iter().enumerate() {
            draw(index, area)?;
        }
        root.present()?;
    }
    Ok(svg)
}

/// How many clusters are drawn.
pub(super) fn panels(record: &RunRecord) -> usize {
    record.provenance.scenario.clusters.len().min(MAX_PANELS)
}

/// Title of a cluster's panel; says where clusters are left out.
pub(super) fn cluster_title(record: &RunRecord, n: usize, what: &str) -> String {
    let clusters = &record.provenance.scenario.clusters;
    let name = clusters.get(n).map_or("", |cluster| cluster.name.as_str());
    let left_out = if clusters.len() > MAX_PANELS {
        format!(" (cluster {} of {}, the first {MAX_PANELS} are drawn)", n + 1, clusters.len())
    } else {
        String::new()
    };
    format!("{name}: {what}{left_out}")
}

/// Axes with the legend to their right, outside the data.
pub(super) fn axes<'a, 'b>(
    area: &'a Area<'b>,
    title: &str,
    y_label: &str,
    x: Range<f64>,
    y: Range<f64>,
    keys: &[Key],
) -> Result<Chart<'a, 'b>, DrawError> {
    let (plot, legend) = area.split_horizontally(WIDTH - LEGEND_WIDTH);
    let size = y.end - y.start;
    let mut chart = ChartBuilder::on(&plot)
        .caption(title, (FONT, 20))
        .margin(10)
        .margin_right(16)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.6))
        .x_labels(10)
        .y_labels(6)
        .x_desc("slot (round)")
        .y_desc(y_label)
        .axis_desc_style((FONT, 17))
        .label_style((FONT, 15))
        .x_label_formatter(&|slot| format!("{slot:.0}"))
        .y_label_formatter(&|value| {
            let decimals = (2.0 - size.log10()).ceil().clamp(0.0, 6.0) as usize;
            let text = format!("{value:.decimals$}");
            if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        })
        .draw()?;
    draw_keys(&legend, keys)?;
    Ok(chart)
}

fn draw_keys(area: &Area, keys: &[Key]) -> Result<(), DrawError> {
    const LINE: i32 = 24;
    let top = 44;
    // Beyond what fits, the legend says how many are missing.
    let room = ((area.dim_in_pixel().1 as i32 - top) / LINE - 1).max(1) as usize;
    let text = (FONT, 15).into_font().color(&BLACK);
    for (index, key) in keys.iter().take(room).enumerate() {
        let y = top + LINE * index as i32;
        if key.filled {
            area.draw(&Rectangle::new([(0, y), (18, y + 13)], key.style.filled()))?;
        } else {
            area.draw(&PathElement::new(vec![(0, y + 7), (18, y + 7)], key.style.stroke_width(3)))?;
        }
        area.draw(&Text::new(key.label.clone(), (26, y), text.clone()))?;
    }
    if keys.len() > room {
        let y = top + LINE * room as i32;
        area.draw(&Text::new(format!("and {} more", keys.len() - room), (26, y), text))?;
    }
    Ok(())
}

/// The slots in stretches of equal length, at most [`MAX_POINTS`] of them.
pub(super) fn stretches(slots: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let length = stretch(slots);
    (0..slots).step_by(length).map(move |start| start..(start + length).min(slots))
}

/// Slots in a stretch.
pub(super) fn stretch(slots: usize) -> usize {
    slots.div_ceil(MAX_POINTS).max(1)
}
