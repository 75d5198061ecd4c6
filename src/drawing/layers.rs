//! What is drawn between axes.

use super::axes::Frame;
use super::figure::{Bar, Layer, Marks, Place};
use super::font::width;
use super::look::{Fill, Hatch, INK, Inside, Look, Mark, Rgb, Shape, WHITE};
use super::sheet::{Anchor, Drawn, Point, Stroke, Text};
use super::style::Measures;

/// Width of the heavy line under bars [pt].
pub(super) const HEAVY: f64 = 1.8;

/// So many dots are drawn large.
const FEW_DOTS: usize = 60;

pub(super) fn draw(drawn: &mut Drawn, frame: &Frame, layers: &[Layer]) {
    let measures = frame.measures;
    for layer in layers {
        match layer {
            Layer::Line { points, look, marks } => line(drawn, frame, points, look, *marks),
            Layer::Dots { points, fill } => {
                // A cloud is of specks; few would be lost behind a line.
                let size = if points.len() <= FEW_DOTS { 0.9 } else { 0.45 };
                for point in points {
                    drawn.circle(frame.at(*point), size * measures.mark, Some(*fill), None);
                }
            }
            Layer::Area { outline, fill } => {
                let points = outline.iter().map(|(x, y)| frame.of_shares((frame.x.at(*x), inside(frame.y.at(*y)))));
                drawn.area(points.collect(), *fill, None);
            }
            Layer::Edge { points } => {
                let points = points.iter().map(|point| frame.at(*point)).collect();
                drawn.line(points, Stroke::solid(WHITE, frame.stroke(0.7)));
            }
            Layer::Bar(bar) => rectangle(drawn, frame, bar),
            Layer::Below { at, colour } => {
                for x in at {
                    let x = frame.at((*x, 0.0)).0;
                    let ends = vec![(x, frame.bottom), (x, frame.bottom - 0.9 * measures.text)];
                    drawn.line(ends, Stroke::solid(*colour, frame.stroke(1.0)));
                }
            }
            Layer::Above { at, colour } => {
                let s = 0.8 * measures.mark;
                for x in at {
                    let (x, y) = (frame.at((*x, 0.0)).0, frame.top + s);
                    drawn.area(vec![(x, y - s), (x + s, y + s), (x - s, y + s)], Fill::plain(*colour), None);
                }
            }
            Layer::Marks { points, mark: own } => {
                points.iter().for_each(|at| mark(drawn, frame.at(*at), *own, measures))
            }
            Layer::Dot { at, colour, full } => dot(drawn, frame.at(*at), *colour, *full, measures),
            Layer::Alike { points } => points.iter().for_each(|at| bar(drawn, frame.at(*at), measures)),
            Layer::Names { points } => names(drawn, frame, points),
        }
    }
}

fn inside(share: f64) -> f64 {
    share.clamp(0.0, 1.0)
}

/// A line with its marks; what is outside of the axes is cut off where the line leaves them.
fn line(drawn: &mut Drawn, frame: &Frame, points: &[Place], look: &Look, marks: Marks) {
    let stroke = Stroke { colour: look.colour, width: frame.stroke(look.stroke), dash: look.dash };
    let shares: Vec<(f64, f64)> = points.iter().map(|(x, y)| (frame.x.at(*x), frame.y.at(*y))).collect();
    for part in within(&shares) {
        let pixels: Vec<Point> = thin(&part).into_iter().map(|shares| frame.of_shares(shares)).collect();
        match pixels.as_slice() {
            [only] if look.mark.is_none() => dot(drawn, *only, look.colour, true, frame.measures),
            [_] => {}
            _ => drawn.line(pixels, stroke),
        }
    }
    let Some(own) = look.mark else { return };
    let shown: Vec<(f64, f64)> = match marks {
        Marks::Few { turn } if shares.len() > FEW => some(&shares, turn),
        _ => shares,
    };
    for at in shown.into_iter().filter(|(_, y)| (0.0..=1.0).contains(y)) {
        mark(drawn, frame.of_shares(at), own, frame.measures);
    }
}

/// Marks of a line that has not one at every point.
const FEW: usize = 6;

/// Places on a line with points from left to right, others for each turn.
fn some(shares: &[(f64, f64)], turn: usize) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (shares.first(), shares.last()) else { return Vec::new() };
    let offset = ((turn % 5) as f64 + 0.5) / 5.0;
    let at = |place: usize| {
        let x = first.0 + (place as f64 + offset) / FEW as f64 * (last.0 - first.0);
        let after = shares.partition_point(|share| share.0 < x);
        let (a, b) = (shares.get(after.checked_sub(1)?)?, shares.get(after)?);
        let part = if b.0 > a.0 { (x - a.0) / (b.0 - a.0) } else { 0.0 };
        Some((x, a.1 + part * (b.1 - a.1)))
    };
    (0..FEW).filter_map(at).collect()
}

/// The parts of a line between the lower and the upper end of the axis, ends interpolated.
fn within(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    // Rounding at the ends is no reason to cut.
    let slack = 1e-9;
    let crossing = |a: (f64, f64), b: (f64, f64), y: f64| {
        let part = (y - a.1) / (b.1 - a.1);
        (a.0 + part * (b.0 - a.0), y)
    };
    let side = |y: f64| {
        if y > 1.0 + slack {
            1
        } else if y < -slack {
            -1
        } else {
            0
        }
    };
    let mut parts = vec![Vec::new()];
    let mut earlier: Option<(f64, f64)> = None;
    for &point in points {
        let from = earlier.replace(point);
        if let Some(from) = from.filter(|from| side(from.1) != side(point.1)) {
            let ends = [0.0, 1.0].into_iter().filter(|y| (from.1 < *y) != (point.1 < *y));
            let mut ends: Vec<_> = ends.map(|y| crossing(from, point, y)).collect();
            ends.sort_by(|a, b| a.0.total_cmp(&b.0));
            if side(from.1) != 0 {
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend(ends);
            }
        }
        if side(point.1) == 0
            && let Some(part) = parts.last_mut()
        {
            part.push((point.0, inside(point.1)));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Least and greatest value of every stretch of a long line, which is all that can be seen of it.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    const STRETCHES: usize = 400;
    if points.len() <= 2 * STRETCHES {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(2 * STRETCHES + 2);
    for stretch in points.chunks(points.len().div_ceil(STRETCHES)) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (stretch.iter().min_by(by_value), stretch.iter().max_by(by_value));
        let mut pair: Vec<(f64, f64)> = low.into_iter().chain(high).copied().collect();
        pair.sort_by(|a, b| a.0.total_cmp(&b.0));
        kept.extend(pair);
    }
    kept.extend(points.last());
    kept
}

fn rectangle(drawn: &mut Drawn, frame: &Frame, bar: &Bar) {
    let ((x0, y0), (x1, y1)) = (frame.at(bar.from), frame.at(bar.to));
    let (left, right, top, bottom) = (x0.min(x1), x0.max(x1), y0.min(y1), y0.max(y1));
    // What takes time is seen, however little.
    let right = right.max(left + 0.2);
    let corners = |top: f64| vec![(left, top), (right, top), (right, bottom), (left, bottom)];
    let paint = |drawn: &mut Drawn| {
        // A wide edge would hide what is hardly wider; without one, a bar as thin as a line would not be seen.
        let edge = frame.stroke(0.4).min((0.2 * (right - left)).max(0.15));
        drawn.area(corners(top), bar.fill, bar.edge.map(|colour| Stroke::solid(colour, edge)));
        if bar.heavy {
            drawn.area(corners(bottom - HEAVY), Fill::plain(INK), None);
        }
        let size = frame.measures.text;
        let wide = width(&bar.text, size);
        if bar.text.is_empty() || right - left < wide + 2.0 || bottom - top < 0.8 * size {
            return;
        }
        let at = ((left + right) / 2.0, (top + bottom) / 2.0 - if bar.heavy { 0.4 * HEAVY } else { 0.0 });
        let ground = bar.fill.ground;
        // Hatching would run through the letters: these stand on a plain ground.
        if bar.fill.hatch != Hatch::Plain {
            let (x, y) = (wide / 2.0 + 0.6, 0.42 * size);
            let plate = vec![(at.0 - x, at.1 - y), (at.0 + x, at.1 - y), (at.0 + x, at.1 + y), (at.0 - x, at.1 + y)];
            drawn.area(plate, Fill::plain(ground), None);
        }
        let dark = 0.299 * f64::from(ground.0) + 0.587 * f64::from(ground.1) + 0.114 * f64::from(ground.2) < 140.0;
        let colour = if dark { WHITE } else { INK };
        let (content, anchor) = (bar.text.clone(), Anchor::Middle);
        drawn.text(Text { content, at, size, colour, anchor, upright: false, class: "" });
    };
    match bar.name.is_empty() {
        true => paint(drawn),
        false => drawn.group("bar", (0.0, 0.0), &bar.name, paint),
    }
}

/// A mark at a point.
pub(super) fn mark(drawn: &mut Drawn, (x, y): Point, mark: Mark, measures: &Measures) {
    let size = measures.mark;
    let stroke = Stroke::solid(mark.colour, 0.9 * measures.stroke);
    let strokes: &[[f64; 2]] = match mark.shape {
        Shape::Plus => &[[1.0, 0.0], [0.0, 1.0]],
        Shape::Cross => &[[0.8, 0.8], [0.8, -0.8]],
        Shape::Star => &[[0.0, 1.0], [0.87, 0.5], [0.87, -0.5]],
        _ => &[],
    };
    if !strokes.is_empty() {
        let stroke = Stroke::solid(mark.colour, 1.3 * measures.stroke);
        for [dx, dy] in strokes.iter().map(|[dx, dy]| [dx * size, dy * size]) {
            drawn.line(vec![(x - dx, y - dy), (x + dx, y + dy)], stroke);
        }
        return;
    }
    let (fill, stroke) = match mark.inside {
        Inside::Full => (Fill::plain(mark.colour), None),
        Inside::Hollow | Inside::Dotted => (Fill::plain(WHITE), Some(stroke)),
    };
    let corners: &[(f64, f64)] = match mark.shape {
        Shape::Square => &[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
        Shape::Up => &[(0.0, -1.1), (1.05, 0.8), (-1.05, 0.8)],
        Shape::Down => &[(0.0, 1.1), (1.05, -0.8), (-1.05, -0.8)],
        Shape::Diamond => &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)],
        _ => &[],
    };
    match corners.is_empty() {
        true => drawn.circle((x, y), size, Some(fill), stroke),
        false => drawn.area(corners.iter().map(|(dx, dy)| (x + dx * size, y + dy * size)).collect(), fill, stroke),
    }
    if mark.inside == Inside::Dotted {
        drawn.circle((x, y), 0.35 * size, Some(Fill::plain(mark.colour)), None);
    }
}

/// A black bar: what is the same for all.
pub(super) fn bar(drawn: &mut Drawn, (x, y): Point, measures: &Measures) {
    let (dx, dy) = (0.4 * measures.mark, 1.4 * measures.mark);
    drawn.area(vec![(x - dx, y - dy), (x + dx, y - dy), (x + dx, y + dy), (x - dx, y + dy)], Fill::plain(INK), None);
}

/// A dot, full or hollow.
pub(super) fn dot(drawn: &mut Drawn, at: Point, colour: Rgb, full: bool, measures: &Measures) {
    let inner = if full { colour } else { WHITE };
    let stroke = Stroke::solid(colour, 0.9 * measures.stroke);
    drawn.circle(at, 0.9 * measures.mark, Some(Fill::plain(inner)), Some(stroke));
}

/// Writes texts beside points where they touch neither points nor other texts.
fn names(drawn: &mut Drawn, frame: &Frame, points: &[(Place, String)]) {
    let (size, near) = (frame.measures.text, 1.6 * frame.measures.mark);
    let dots: Vec<Point> = points.iter().map(|point| frame.at(point.0)).collect();
    let mut taken: Vec<(Point, f64)> = Vec::new();
    for ((_, name), (x, y)) in points.iter().zip(&dots) {
        let half = width(name, size) / 2.0;
        let (wide, high) = (near + half, near + 0.5 * size);
        let offsets = [(wide, -0.7 * size), (wide, 0.0), (0.0, -high), (0.0, high), (-wide, 0.7 * size), (-wide, 0.0)];
        let clear = |at: &Point| {
            let apart = |other: &Point, dx: f64, dy: f64| (at.0 - other.0).abs() > dx || (at.1 - other.1).abs() > dy;
            frame.holds(*at, (half, 0.5 * size))
                && dots.iter().all(|dot| apart(dot, half + frame.measures.mark, 0.5 * size + frame.measures.mark))
                && taken.iter().all(|(other, own)| apart(other, half + own, 1.1 * size))
        };
        if let Some(at) = offsets.into_iter().map(|(dx, dy)| (x + dx, y + dy)).find(|at| clear(at)) {
            taken.push((at, half));
            let (content, anchor) = (name.clone(), Anchor::Middle);
            drawn.text(Text { content, at, size, colour: INK, anchor, upright: false, class: "" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_they_leave_the_axis() {
        let parts = within(&[(0.0, 1.5), (1.0, 0.5), (2.0, 0.5), (3.0, 1.5)]);
        assert_eq!(parts, [vec![(0.5, 1.0), (1.0, 0.5), (2.0, 0.5), (2.5, 1.0)]]);
        // Through all of it, between two points.
        assert_eq!(within(&[(0.0, 2.0), (3.0, -1.0)]), [vec![(1.0, 1.0), (2.0, 0.0)]]);
        assert_eq!(within(&[(0.0, 0.5), (1.0, 2.0), (2.0, 0.5)]).len(), 2);
        assert!(within(&[(0.0, 3.0)]).is_empty() && within(&[(0.0, -1.0), (1.0, -0.5)]).is_empty());
    }

    #[test]
    fn thinned_lines_keep_extremes_and_the_end() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|t| (f64::from(t), 0.0)).collect();
        points[4321].1 = 7.0;
        let kept = thin(&points);
        assert!(kept.len() < 900 && kept.contains(&(4321.0, 7.0)) && kept.last() == points.last());
        assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn marks_of_two_turns_stand_apart() {
        let points: Vec<(f64, f64)> = (0..100).map(|t| (f64::from(t) / 99.0, 0.5)).collect();
        let (a, b) = (some(&points, 0), some(&points, 1));
        assert_eq!((a.len(), b.len()), (FEW, FEW));
        assert!(a.iter().zip(&b).all(|(a, b)| (a.0 - b.0).abs() > 0.02 && a.1 == 0.5));
    }
}
