//! Names with samples of what they stand for: above a panel, or beside it at the ends of its lines.

use super::axes::Frame;
use super::figure::{Entry, Sample};
use super::font::{fit, width};
use super::layers;
use super::layout::widest;
use super::look::{ALIKE, FAINT, Fill, INK, Look, Rgb};
use super::sheet::{Anchor, Drawn, Point, Stroke, Text};
use super::style::Measures;

/// Longest name, in sizes of the text.
const LONGEST: f64 = 13.0;

/// Width of a sample.
fn sample_width(measures: &Measures, sample: &Sample) -> f64 {
    measures.text
        * match sample {
            Sample::Line(_) | Sample::Alike => 3.2,
            Sample::Mark(_) | Sample::Bar | Sample::Dot(..) | Sample::Below(_) => 1.0,
            Sample::Area(_) | Sample::Heavy => 1.6,
        }
}

/// Places of the entries in lines of this width: left ends and numbers of lines.
fn flow(measures: &Measures, room: f64, entries: &[Entry]) -> Vec<(f64, usize)> {
    let (mut left, mut line) = (0.0, 0);
    let place = |entry: &Entry| {
        let own =
            sample_width(measures, &entry.sample) + measures.gap() + width(&name(measures, room, entry), measures.text);
        if left > 0.0 && left + own > room {
            (left, line) = (0.0, line + 1);
        }
        let at = (left, line);
        left += own + 1.2 * measures.text;
        at
    };
    entries.iter().map(place).collect()
}

fn name(measures: &Measures, room: f64, entry: &Entry) -> String {
    let left = room - sample_width(measures, &entry.sample) - measures.gap();
    fit(&entry.name, measures.text, left.min(2.0 * LONGEST * measures.text))
}

/// Height of a legend above a panel.
pub(super) fn height(measures: &Measures, room: f64, entries: &[Entry]) -> f64 {
    let lines = flow(measures, room, entries).last().map_or(0.0, |(_, line)| *line as f64 + 1.0);
    if lines > 0.0 { lines * 1.3 * measures.text + 0.3 * measures.text } else { 0.0 }
}

/// Draws a legend from here on, and says how high it is.
pub(super) fn above(drawn: &mut Drawn, measures: &Measures, (x, y): Point, room: f64, entries: &[Entry]) -> f64 {
    drawn.group("legend", (0.0, 0.0), "", |drawn| {
        for (entry, (left, line)) in entries.iter().zip(flow(measures, room, entries)) {
            let at = (x + left, y + (line as f64 + 0.5) * 1.3 * measures.text);
            draw(drawn, measures, at, entry, &name(measures, room, entry));
        }
    });
    height(measures, room, entries)
}

/// Room that a legend beside a panel takes.
pub(super) fn beside_width(measures: &Measures, entries: &[Entry]) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    let size = measures.text;
    let samples = entries.iter().map(|entry| sample_width(measures, &entry.sample)).fold(0.0, f64::max);
    let names = widest(entries.iter().map(|entry| entry.name.as_str()), size).min(LONGEST * size);
    let shown = widest(entries.iter().map(|entry| entry.shown.as_str()), size);
    let between = if shown > 0.0 { size } else { 0.0 };
    1.0 * size + samples + measures.gap() + names + between + shown
}

/// Draws a legend between a panel and `end`, names near their values, without overlap.
pub(super) fn beside(drawn: &mut Drawn, frame: &Frame, end: f64, entries: &[Entry]) {
    let measures = frame.measures;
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| b.value.total_cmp(&a.value));
    let wanted = sorted.iter().map(|entry| frame.at((0.0, entry.value)).1).collect();
    let heights = spread(wanted, measures.line(), (frame.top, frame.bottom));
    drawn.group("legend", (0.0, 0.0), "", |drawn| {
        for (entry, y) in sorted.iter().zip(heights) {
            let at = (frame.right + measures.text, y);
            draw(drawn, measures, at, entry, &fit(&entry.name, measures.text, LONGEST * measures.text));
            let (content, size) = (entry.shown.clone(), measures.text);
            let anchor = Anchor::End;
            drawn.text(Text { content, at: (end, y), size, colour: FAINT, anchor, upright: false, class: "" });
        }
    });
}

fn draw(drawn: &mut Drawn, measures: &Measures, (x, y): Point, entry: &Entry, name: &str) {
    let length = sample_width(measures, &entry.sample);
    drawn.group("sample", (x, y), "", |drawn| sample(drawn, measures, length, &entry.sample));
    let (content, size) = (name.to_owned(), measures.text);
    let at = (x + length + measures.gap(), y);
    drawn.text(Text { content, at, size, colour: INK, anchor: Anchor::Start, upright: false, class: "name" });
}

fn sample(drawn: &mut Drawn, measures: &Measures, length: f64, sample: &Sample) {
    let middle = (length / 2.0, 0.0);
    let line = |drawn: &mut Drawn, look: &Look| {
        let stroke = Stroke { colour: look.colour, width: look.stroke * measures.stroke, dash: look.dash };
        drawn.line(vec![(0.0, 0.0), (length, 0.0)], stroke);
    };
    let rectangle = |drawn: &mut Drawn, fill: Fill, (low, high): (f64, f64), edge: Option<Rgb>| {
        let corners = vec![(0.0, low), (length, low), (length, high), (0.0, high)];
        drawn.area(corners, fill, edge.map(|colour| Stroke::solid(colour, 0.4 * measures.stroke)));
    };
    let half = 0.4 * measures.text;
    match sample {
        Sample::Line(look) => {
            line(drawn, look);
            if let Some(mark) = look.mark {
                layers::mark(drawn, middle, mark, measures);
            }
        }
        Sample::Alike => {
            line(drawn, &ALIKE);
            layers::bar(drawn, middle, measures);
        }
        Sample::Mark(mark) => layers::mark(drawn, middle, *mark, measures),
        Sample::Bar => layers::bar(drawn, middle, measures),
        Sample::Dot(colour, full) => layers::dot(drawn, middle, *colour, *full, measures),
        Sample::Below(colour) => {
            let stroke = Stroke::solid(*colour, measures.stroke);
            drawn.line(vec![(length / 2.0, -half), (length / 2.0, half)], stroke);
        }
        Sample::Area(fill) => rectangle(drawn, *fill, (-half, half), Some(INK)),
        Sample::Heavy => rectangle(drawn, Fill::plain(INK), (-0.5 * layers::HEAVY, 0.5 * layers::HEAVY), None),
    }
}

/// Moves increasing positions apart to at least `gap` (less where there is no room), within `low..=high`.
fn spread(mut wanted: Vec<f64>, gap: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let gaps = wanted.len().saturating_sub(1).max(1) as f64;
    let gap = gap.min((high - low) / gaps);
    let mut next = low;
    for position in &mut wanted {
        *position = position.max(next);
        next = *position + gap;
    }
    let mut next = high;
    for position in wanted.iter_mut().rev() {
        *position = position.min(next);
        next = *position - gap;
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_inside() {
        assert_eq!(spread(vec![10.0, 12.0, 50.0], 14.0, (0.0, 100.0)), [10.0, 24.0, 50.0]);
        assert_eq!(spread(vec![95.0, 96.0, 97.0], 14.0, (0.0, 100.0)), [72.0, 86.0, 100.0]);
        assert_eq!(spread(vec![5.0, 5.0, 5.0], 14.0, (0.0, 20.0)), [0.0, 10.0, 20.0]);
    }
}
