//! Timelines drawn as Gantt charts.

use std::collections::HashSet;
use std::fmt::Write;

use super::machine::Machine;
use super::operation::{Operation, OperationKind};
use super::timeline::{Event, Timeline};
use crate::drawing::FigureStyle;
use crate::drawing::figure::{Axis, Bar, Entry, Figure, Height, Layer, Panel, Sample};
use crate::drawing::look::{Fill, Hatch, INK, Rgb, WHITE};
use crate::drawing::scale::Scale;
use crate::drawing::sheet::Drawn;
use crate::ground::check::{FieldError, Range, real};

/// Most operations that are drawn.
pub const MAX_DRAWN: usize = 20_000;

/// Points in an inch.
const PER_INCH: f64 = 72.0;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// Where the chart will be seen.
    pub style: FigureStyle,
    /// Width in inches; that of the style if there is none.
    pub width_in: Option<f64>,
    /// Whether links have rows.
    pub links: bool,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { style: FigureStyle::Paper, width_in: None, links: true }
    }
}

/// Height of a row in lines of text, and the part of it that a bar fills.
const ROW: f64 = 1.3;
const FILLED: f64 = 0.86;

/// Fills that differ in shade and hatching, so that no colour is needed to tell them apart: forward light, backward
/// dark, messages with upright lines, gradients of weights with slanting ones; and what the legend calls them.
const fn look(kind: OperationKind) -> (Fill, &'static str) {
    const DEEP: Rgb = Rgb(65, 101, 138);
    const SAND: Rgb = Rgb(251, 238, 213);
    const BROWN: Rgb = Rgb(138, 90, 18);
    match kind {
        OperationKind::Forward => (Fill::plain(Rgb(219, 231, 243)), "forward"),
        OperationKind::Backward => (Fill::plain(DEEP), "backward"),
        OperationKind::Weight => (Fill::hatched(WHITE, Hatch::Rising, DEEP), "gradient of weights"),
        OperationKind::SendForward => (Fill::hatched(SAND, Hatch::Upright, Rgb(185, 138, 60)), "message"),
        OperationKind::SendBackward => (Fill::hatched(BROWN, Hatch::Upright, SAND), "message back"),
    }
}

/// A row of the chart.
struct Row {
    machine: Machine,
    label: String,
    events: Vec<Event>,
}

/// The rows from above: every stage with the links to the next one and back below it.
fn rows(of: &Timeline, drawing: Drawing) -> Vec<Row> {
    let place = |machine: Machine| match machine {
        Machine::Stage(stage) => (stage, 0, 0),
        Machine::Transmitter(stage) | Machine::Radio(stage) => (stage, 1, 0),
        // The link back from the last stage to the first one, of interleaved schedules, stands below all others.
        Machine::Link { from, to } => (from.min(to), 1 + from.abs_diff(to), u32::from(from > to)),
        Machine::Medium => (u32::MAX, 0, 0),
        Machine::Own(number) => (u32::MAX, 1, number),
    };
    let label = |machine: Machine| match machine {
        Machine::Stage(stage) => format!("stage {stage}"),
        Machine::Link { from, to } => format!("{from}\u{2192}{to}"),
        Machine::Transmitter(_) => "sends".into(),
        Machine::Radio(_) => "radio".into(),
        Machine::Medium => "medium".into(),
        Machine::Own(number) => format!("machine {number}"),
    };
    let drawn = |machine: &Machine| drawing.links || matches!(machine, Machine::Stage(_));
    let mut rows: Vec<Row> = of
        .machines()
        .zip(of.machine_use())
        // A link that takes no time has nothing to show.
        .filter(|((machine, _), of)| drawn(machine) && (of.busy_s > 0.0 || matches!(machine, Machine::Stage(_))))
        .map(|(row, _)| row)
        .map(|(machine, events)| Row { machine, label: label(machine), events: events.collect() })
        .collect();
    rows.sort_by_key(|row| place(row.machine));
    rows
}

/// Unit of the axis, and how many of it are a second.
fn unit(makespan_s: f64) -> (&'static str, f64) {
    match makespan_s {
        long if long >= 1.0 => ("s", 1.0),
        short if short >= 1e-3 => ("ms", 1e3),
        _ => ("\u{b5}s", 1e6),
    }
}

impl Timeline {
    /// The last run as a Gantt chart (SVG): a row per machine, each bar with its micro-batch where that fits, a heavy
    /// line under what is on the critical path. Of interleaved schedules a bar's letter is its chunk, of slices the
    /// number behind the point its slice.
    ///
    /// # Errors
    /// [`FieldError`] for more than [`MAX_DRAWN`] operations, an infinite makespan, or a width that is not in [1, 100]
    /// inches.
    ///
    /// ```
    /// use collapipe::schedule::{Drawing, ScheduleSpec};
    /// let spec = ScheduleSpec::from_json(r#"{
    ///     "schedule": "1f1b", "stages": 2, "micro_batches": 4,
    ///     "durations": {"forward": [1, 1], "backward": [2, 2], "forward_link": [0.2], "backward_link": [0.2]}
    /// }"#)?;
    /// let svg = spec.play()?.0.to_svg(Drawing::default())?;
    /// assert!(svg.starts_with("<svg ") && svg.contains("stage 1"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_svg(&self, drawing: Drawing) -> Result<String, FieldError> {
        Ok(self.drawn(drawing)?.svg())
    }

    /// The same chart as PDF.
    ///
    /// # Errors
    /// As [`to_svg`](Self::to_svg), and for a font that cannot be embedded.
    #[cfg(feature = "pdf")]
    pub fn to_pdf(&self, drawing: Drawing) -> Result<Vec<u8>, FieldError> {
        self.drawn(drawing)?.pdf().map_err(|cause| FieldError::new("font", "DejaVu Sans", format!("embedded: {cause}")))
    }

    fn drawn(&self, drawing: Drawing) -> Result<Drawn, FieldError> {
        if self.operations().len() > MAX_DRAWN {
            let allowed = format!("at most {MAX_DRAWN} to be drawn: take fewer micro-batches, or the trace");
            return Err(FieldError::new("operations", self.operations().len(), allowed));
        }
        self.check_finite()?;
        let mut measures = drawing.style.measures();
        if let Some(width_in) = drawing.width_in {
            if !(1.0..=100.0).contains(&width_in) {
                real("width_in", width_in, Range::Positive)?;
                return Err(FieldError::new("width_in", width_in, "in [1, 100]"));
            }
            measures.width = width_in * PER_INCH;
        }
        // As high as its rows, whatever the page.
        measures.least = 0.0;
        Ok(self.figure(drawing).draw_as(&measures))
    }

    fn figure(&self, drawing: Drawing) -> Figure {
        let rows = rows(self, drawing);
        let critical = self.on_critical_path();
        let (unit, per_second) = unit(self.makespan_s());
        let length = self.makespan_s() * per_second;
        let mut layers = Vec::new();
        let mut present = HashSet::new();
        for (place, row) in (0u32..).map(f64::from).zip(&rows) {
            for event in row.events.iter().filter(|event| event.end_s > event.start_s) {
                present.insert(event.operation.kind);
                layers.push(Layer::Bar(Box::new(Bar {
                    from: (event.start_s * per_second, place - FILLED / 2.0),
                    to: (event.end_s * per_second, place + FILLED / 2.0),
                    fill: look(event.operation.kind).0,
                    edge: Some(INK),
                    heavy: critical.contains(&event.operation),
                    text: label(self, event.operation),
                    name: event.operation.to_string(),
                })));
            }
        }
        let kinds = OperationKind::ALL.into_iter().filter(|kind| present.contains(kind)).map(look);
        let mut legend: Vec<Entry> = kinds.map(|(fill, name)| Entry::new(0.0, name, Sample::Area(fill))).collect();
        legend.push(Entry::new(0.0, "critical path", Sample::Heavy));
        let panel = Panel {
            heading: String::new(),
            x: Axis::new(format!("Time [{unit}], makespan {}", significant(length)), Scale::between(0.0, length)),
            y: Axis::new("", Scale::rows(rows.iter().map(|row| row.label.clone()))),
            layers,
            legend,
            height: Height::Lines(ROW),
        };
        Figure { panels: vec![panel], ..Figure::default() }
    }
}

/// Four digits, as a person would write them.
fn significant(value: f64) -> String {
    let before = if value > 0.0 { value.log10().floor() as i64 + 1 } else { 1 };
    let digits = usize::try_from(4 - before).unwrap_or(0).min(12);
    format!("{value:.digits$}")
}

/// What stands in a bar: the micro-batch, with its slice, or the letter of its chunk.
fn label(of: &Timeline, operation: Operation) -> String {
    let shape = of.shape();
    let mut text = operation.micro_batch.to_string();
    if shape.slices > 1 {
        let _ = write!(text, ".{}", operation.slice);
    }
    let chunks = shape.positions() / shape.stages().max(1);
    if chunks > 1 && !operation.kind.is_send() {
        let chunk = operation.position as usize / shape.stages();
        text.push(char::from(b'a' + u8::try_from(chunk.min(25)).unwrap_or(25)));
    }
    text
}
