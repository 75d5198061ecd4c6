//! Timelines drawn as Gantt charts.
//!
//! The drawing is in this room, not among the figures of reports: it needs nothing but a timeline, so that it is there in
//! every build, and its bars are told apart by shade and hatching, which charts of lines have no need of.

use std::fmt::Write;

use super::machine::Machine;
use super::operation::{Operation, OperationKind};
use super::timeline::{Event, Timeline};
use crate::ground::check::{FieldError, Range, real};

/// Most operations that are drawn.
pub const MAX_DRAWN: usize = 20_000;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// Width in inches; that of a column is 3.5.
    pub width_in: f64,
    /// Whether links have rows.
    pub links: bool,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { width_in: 3.5, links: true }
    }
}

/// Pixels of a vector graphic in an inch.
const PER_INCH: f64 = 96.0;
/// Letters of axes and legend, and of bars; a letter is at most about 0.62 of its size wide.
const TEXT: f64 = 9.0;
const SMALL: f64 = 7.5;
const LETTER: f64 = 0.62;
const STAGE_ROW: f64 = 15.0;
const LINK_ROW: f64 = 8.0;
const GAP: f64 = 2.5;
const MARGIN: f64 = 4.0;
const SWATCH: f64 = 12.0;

/// Looks that differ in shade and hatching, so that no colour is needed to tell them apart: forward light, backward dark,
/// messages with upright lines, gradients of weights with slanting ones.
struct Look {
    class: &'static str,
    legend: &'static str,
    dark: bool,
}

const fn look(kind: OperationKind) -> Look {
    let (class, legend, dark) = match kind {
        OperationKind::Forward => ("F", "forward", false),
        OperationKind::Backward => ("B", "backward", true),
        OperationKind::Weight => ("W", "gradient of weights", false),
        OperationKind::SendForward => ("sf", "message", false),
        OperationKind::SendBackward => ("sb", "message back", true),
    };
    Look { class, legend, dark }
}

const STYLE: &str = "\
<style>
text { font-family: 'Helvetica', 'Arial', 'DejaVu Sans', sans-serif; fill: #000 }
.bar { stroke: #1b2a3a; stroke-width: 0.4 }
.F { fill: #dbe7f3 }
.B { fill: #41658a }
.W { fill: url(#collapipe-W) }
.sf { fill: url(#collapipe-sf) }
.sb { fill: url(#collapipe-sb) }
.light { fill: #fff }
.critical { fill: #000 }
.line { stroke: #000; stroke-width: 0.6; fill: none }
.row { stroke: #b5b5b5; stroke-width: 0.4; fill: none }
</style>
<defs>
<pattern id=\"collapipe-W\" width=\"3\" height=\"3\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">
<rect width=\"3\" height=\"3\" fill=\"#fff\"/><rect width=\"1.1\" height=\"3\" fill=\"#41658a\"/></pattern>
<pattern id=\"collapipe-sf\" width=\"2.4\" height=\"2.4\" patternUnits=\"userSpaceOnUse\">
<rect width=\"2.4\" height=\"2.4\" fill=\"#fbeed5\"/><rect width=\"0.6\" height=\"2.4\" fill=\"#b98a3c\"/></pattern>
<pattern id=\"collapipe-sb\" width=\"2.4\" height=\"2.4\" patternUnits=\"userSpaceOnUse\">
<rect width=\"2.4\" height=\"2.4\" fill=\"#8a5a12\"/><rect width=\"0.6\" height=\"2.4\" fill=\"#f3dcb4\"/></pattern>
</defs>
";

/// A row of the chart.
struct Row {
    machine: Machine,
    label: String,
    top: f64,
    height: f64,
    events: Vec<Event>,
}

fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
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
        .map(|(machine, events)| {
            let height = if matches!(machine, Machine::Stage(_)) { STAGE_ROW } else { LINK_ROW };
            Row { machine, label: label(machine), top: 0.0, height, events: events.collect() }
        })
        .collect();
    rows.sort_by_key(|row| place(row.machine));
    let mut top = MARGIN;
    for row in &mut rows {
        row.top = top;
        top += row.height + GAP;
    }
    rows
}

/// Distances between marks on an axis: 1, 2 or 5 times a power of ten, for about `number` marks.
fn step(length: f64, number: f64) -> f64 {
    let power = 10_f64.powf((length / number).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|factor| factor * power).find(|step| length / step <= number).unwrap_or(length)
}

/// Unit of the axis, and how many of it are a second.
fn unit(makespan_s: f64) -> (&'static str, f64) {
    match makespan_s {
        long if long >= 1.0 => ("s", 1.0),
        short if short >= 1e-3 => ("ms", 1e3),
        _ => ("\u{b5}s", 1e6),
    }
}

/// A coordinate: a hundredth of a pixel is finer than any printer.
fn px(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Timeline {
    /// The last run as a Gantt chart (SVG): a row per machine, each bar with its micro-batch where that fits, a heavy line
    /// under what is on the critical path. Of interleaved schedules a bar's letter is its chunk, of slices the number
    /// behind the point its slice.
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
        if self.operations().len() > MAX_DRAWN {
            let allowed = format!("at most {MAX_DRAWN} to be drawn: take fewer micro-batches, or the trace");
            return Err(FieldError::new("operations", self.operations().len(), allowed));
        }
        self.check_finite()?;
        if !(1.0..=100.0).contains(&drawing.width_in) {
            real("width_in", drawing.width_in, Range::Positive)?;
            return Err(FieldError::new("width_in", drawing.width_in, "in [1, 100]"));
        }
        let rows = rows(self, drawing);
        let label_width = rows.iter().map(|row| width_of(&row.label, TEXT)).fold(0.0, f64::max);
        let chart = Chart {
            left: 2.0 * MARGIN + label_width,
            right: drawing.width_in * PER_INCH - 2.0 * MARGIN,
            bottom: rows.last().map_or(MARGIN, |row| row.top + row.height + GAP),
            makespan_s: self.makespan_s(),
            out: String::new(),
        };
        Ok(chart.draw(self, &rows, drawing))
    }
}

struct Chart {
    left: f64,
    right: f64,
    bottom: f64,
    makespan_s: f64,
    out: String,
}

impl Chart {
    fn x(&self, time_s: f64) -> f64 {
        let share = if self.makespan_s > 0.0 { time_s / self.makespan_s } else { 0.0 };
        self.left + share * (self.right - self.left)
    }

    // Writing to a string cannot fail.
    fn line(&mut self, text: std::fmt::Arguments) {
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    fn draw(mut self, of: &Timeline, rows: &[Row], drawing: Drawing) -> String {
        let critical = of.on_critical_path();
        for row in rows {
            let (label, size) = (&row.label, if row.height < TEXT { SMALL } else { TEXT });
            let (x, y) = (px(self.left - MARGIN), px(row.top + row.height / 2.0 + size * 0.36));
            self.line(format_args!(
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"end\">{label}</text>"
            ));
            let (left, right, y) = (px(self.left), px(self.right), px(row.top + row.height));
            self.line(format_args!("<path class=\"row\" d=\"M{left} {y}H{right}\"/>"));
            for event in &row.events {
                self.bar(of, row, event, critical.contains(&event.operation));
            }
        }
        self.axis();
        let bottom = self.legend(of, rows);
        let (width, height) = (px(drawing.width_in * PER_INCH), px(bottom));
        let (inches, title) = (px(drawing.width_in), format!("Pipeline, makespan {:.4e} s", self.makespan_s));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{inches}in\" height=\"{}in\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n{STYLE}\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            px(bottom / PER_INCH),
            self.out
        )
    }

    fn bar(&mut self, of: &Timeline, row: &Row, event: &Event, critical: bool) {
        if event.end_s <= event.start_s {
            return;
        }
        let look = look(event.operation.kind);
        let x = self.x(event.start_s);
        let width = (self.x(event.end_s) - x).max(0.3);
        let (left, across, y, height) = (px(x), px(width), px(row.top), px(row.height));
        let (class, name) = (look.class, event.operation);
        self.line(format_args!(
            "<rect class=\"bar {class}\" x=\"{left}\" y=\"{y}\" width=\"{across}\" height=\"{height}\">\
             <title>{name}</title></rect>"
        ));
        if critical {
            let y = px(row.top + row.height - 2.0);
            self.line(format_args!(
                "<rect class=\"critical\" x=\"{left}\" y=\"{y}\" width=\"{across}\" height=\"2\"/>"
            ));
        }
        let text = label(of, event.operation);
        // Hatching would run through the number of a message or a W: those stand on a plain ground.
        if row.height < SMALL || width < width_of(&text, SMALL) + 2.0 {
            return;
        }
        let size = if row.height < STAGE_ROW { SMALL - 1.0 } else { SMALL };
        let (middle, base) = (x + width / 2.0, row.top + row.height / 2.0 + size * 0.36 - 0.6);
        if matches!(event.operation.kind, OperationKind::Weight) || event.operation.kind.is_send() {
            let ground = width_of(&text, size);
            let (x, y, high) = (px(middle - ground / 2.0), px(base - size * 0.8), px(size * 0.9));
            let fill = if look.dark { "#8a5a12" } else { "#fff" };
            self.line(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{high}\" fill=\"{fill}\"/>",
                px(ground)
            ));
        }
        let class = if look.dark { " class=\"light\"" } else { "" };
        let (middle, base) = (px(middle), px(base));
        self.line(format_args!(
            "<text{class} x=\"{middle}\" y=\"{base}\" font-size=\"{size}\" text-anchor=\"middle\">{text}</text>"
        ));
    }

    fn axis(&mut self) {
        let (left, right, y) = (px(self.left), px(self.right), self.bottom);
        self.line(format_args!("<path class=\"line\" d=\"M{left} {}H{right}\"/>", px(y)));
        let (unit, per_second) = unit(self.makespan_s);
        let length = self.makespan_s * per_second;
        if length > 0.0 {
            let step = step(length, ((self.right - self.left) / 45.0).max(2.0));
            let digits = usize::try_from(-(step.log10().floor().min(0.0) as i64)).unwrap_or(0);
            let mut index = 0.0;
            while index * step <= length * (1.0 + 1e-9) {
                let x = self.x(index * step / per_second);
                let (at, value) = (px(x), index * step);
                self.line(format_args!("<path class=\"line\" d=\"M{at} {}v3\"/>", px(y)));
                self.line(format_args!(
                    "<text x=\"{at}\" y=\"{}\" font-size=\"{TEXT}\" text-anchor=\"middle\">{value:.digits$}</text>",
                    px(y + 4.0 + TEXT)
                ));
                index += 1.0;
            }
        }
        let middle = px((self.left + self.right) / 2.0);
        self.line(format_args!(
            "<text x=\"{middle}\" y=\"{}\" font-size=\"{TEXT}\" text-anchor=\"middle\">time [{unit}], makespan {}</text>",
            px(y + 6.0 + 2.0 * TEXT),
            significant(length)
        ));
    }

    /// Writes the legend, in as many lines as it needs; where it ends.
    fn legend(&mut self, of: &Timeline, rows: &[Row]) -> f64 {
        let present = |kind| {
            rows.iter()
                .flat_map(|row| &row.events)
                .any(|event: &Event| event.operation.kind == kind && event.end_s > event.start_s)
        };
        let kinds = OperationKind::ALL.into_iter().filter(|kind| of.shape().has(*kind) && present(*kind));
        let mut entries: Vec<(&str, &str)> = kinds.map(look).map(|look| (look.class, look.legend)).collect();
        entries.push(("", "critical path"));
        let (mut x, mut top) = (MARGIN, self.bottom + 12.0 + 2.0 * TEXT);
        for (class, text) in entries {
            let width = SWATCH + 3.0 + width_of(text, TEXT) + 8.0;
            if x + width > self.right + MARGIN && x > MARGIN {
                (x, top) = (MARGIN, top + TEXT + 4.0);
            }
            let (left, y) = (px(x), px(top));
            match class {
                "" => self.line(format_args!(
                    "<rect class=\"critical\" x=\"{left}\" y=\"{}\" width=\"{SWATCH}\" height=\"2\"/>",
                    px(top + TEXT - 3.0)
                )),
                _ => self.line(format_args!(
                    "<rect class=\"bar {class}\" x=\"{left}\" y=\"{y}\" width=\"{SWATCH}\" height=\"{TEXT}\"/>"
                )),
            }
            let (at, base) = (px(x + SWATCH + 3.0), px(top + TEXT * 0.86));
            self.line(format_args!("<text x=\"{at}\" y=\"{base}\" font-size=\"{TEXT}\">{text}</text>"));
            x += width;
        }
        top + TEXT + MARGIN
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
