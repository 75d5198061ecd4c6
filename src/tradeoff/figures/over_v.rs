//! Latency against overspending, and how excess and backlog scale with V.

use plotters::style::text_anchor::HPos;

use crate::report::figures::frame::{Frame, Scale, Titles, value_name};
use crate::report::figures::panel::{Label, Sample, figure_height, rows};
use crate::report::figures::style::{
    Area, BLUE, FAINT, Figure, INK, Look, VERMILLION, WIDTH, canvas, empty, font, px, text,
};
use crate::tradeoff::{PowerFit, Tradeoff};

const RUNS: Look = Look { line: BLUE, area: BLUE, dashed: false };
const FIT: Look = Look { line: VERMILLION, area: VERMILLION, dashed: false };
const GUIDE: Look = Look { line: FAINT, area: FAINT, dashed: true };
const LIMIT: Look = Look { line: FAINT, area: FAINT, dashed: false };

pub(super) fn latency_and_overspend(tradeoff: &Tradeoff) -> Figure {
    let title = "Latency against overspending";
    let runs: Vec<(f64, (f64, f64))> = tradeoff
        .points
        .iter()
        .filter_map(|point| Some((point.value, (100.0 * point.worst_node()?.mean_overspend, point.latency?.mean_s.0))))
        .collect();
    if runs.is_empty() {
        return empty(title, "no run with rounds and energy budgets");
    }
    let subtitle =
        "Each run by its V [1/s]: a larger V buys latency with energy; left of the line at 0 all budgets are kept";
    let x = Scale::linear(runs.iter().map(|run| run.1.0), Some(0.0));
    let y = Scale::linear(runs.iter().map(|run| run.1.1), None);
    canvas((WIDTH, figure_height(1)), [title, subtitle, &tradeoff.subject()], |root| {
        let titles = Titles {
            heading: "",
            y: "Mean round latency [s]",
            x: Some("Overspend of the worst node: mean of E/budget − 1 over all slots [%]"),
        };
        let row = rows(1).next().unwrap_or_default();
        let (low, high) = y.range();
        let frame = Frame::draw(root, row, &titles, x, y)?;
        frame.line(&[(0.0, low), (0.0, high)], LIMIT, 1.6)?;
        let path: Vec<(f64, f64)> = runs.iter().map(|run| run.1).collect();
        frame.line(&path, RUNS, 1.2)?;
        for run in &runs {
            frame.dot(run.1, RUNS, true)?;
        }
        name_points(root, &frame, &runs)?;
        let sample = |look, stroke| Sample::Line(look, stroke);
        frame.labels(vec![
            Label { value: high, name: "runs, by V".into(), shown: String::new(), sample: sample(RUNS, 1.2) },
            Label { value: high, name: "budgets kept".into(), shown: "≤ 0 %".into(), sample: sample(LIMIT, 1.6) },
        ])
    })
}

/// Writes V beside each point where it touches neither points nor other names; a name without room is left out.
fn name_points(root: &Area, frame: &Frame, runs: &[(f64, (f64, f64))]) -> Result<(), String> {
    let dots: Vec<(i32, i32)> = runs.iter().map(|run| frame.at(run.1)).collect();
    let mut taken: Vec<(i32, i32)> = Vec::new();
    for ((value, _), (x, y)) in runs.iter().zip(&dots) {
        let name = value_name(*value);
        let half = px(4) * i32::try_from(name.chars().count()).unwrap_or(i32::MAX / 64);
        let near = px(9) + half;
        let offsets = [(near, -px(9)), (near, 0), (0, -px(13)), (0, px(13)), (-near, px(11)), (-near, 0)];
        let clear = |&(dx, dy): &(i32, i32)| {
            let (cx, cy) = (x + dx, y + dy);
            let far = |(ox, oy): &(i32, i32), w: i32, h: i32| (cx - ox).abs() > w || (cy - oy).abs() > h;
            frame.holds((cx, cy), px(6))
                && dots.iter().all(|dot| far(dot, half + px(4), px(10)))
                && taken.iter().all(|other| far(other, 2 * half, px(13)))
        };
        if let Some((dx, dy)) = offsets.into_iter().find(clear) {
            taken.push((x + dx, y + dy));
            text(root, &name, (x + dx, y + dy), font(11.5, INK, HPos::Center))?;
        }
    }
    Ok(())
}

/// A quantity with a power law in V.
struct Law<'t> {
    heading: &'t str,
    y: &'t str,
    /// Value by V, and whether the run's queues have settled.
    runs: Vec<(f64, f64, bool)>,
    fit: Option<&'t PowerFit>,
    /// Exponent that theory promises, and its name.
    promised: (f64, &'t str),
}

pub(super) fn scaling(tradeoff: &Tradeoff) -> Figure {
    let title = "How latency excess and queues scale with V";
    let settled = |value: f64, y: Option<f64>, settled: bool| Some((value, y.filter(|y| *y > 0.0)?, settled));
    let excess = tradeoff.points.iter().zip(&tradeoff.excess_s);
    let excess = excess.filter_map(|(point, excess)| settled(point.value, *excess, point.second_half.settled()));
    let backlog = tradeoff.points.iter().map(|point| &point.second_half).zip(&tradeoff.points);
    let backlog = backlog.filter_map(|(part, point)| settled(point.value, Some(part.backlog()), part.settled()));
    let laws = [
        Law {
            heading: "Latency above the certified bound, overspending charged",
            y: "Excess [s]",
            runs: excess.collect(),
            fit: tradeoff.fits.excess.as_ref(),
            promised: (-1.0, "O(1/V) guide"),
        },
        Law {
            heading: "Sum of all queues",
            y: "Backlog [budgets]",
            runs: backlog.collect(),
            fit: tradeoff.fits.backlog.as_ref(),
            promised: (1.0, "O(V) guide"),
        },
    ];
    if laws.iter().all(|law| law.runs.is_empty()) {
        return empty(title, "no run with an excess or a queue");
    }
    let subtitle = "Means over the second half of each run; hollow: queues still growing, not fitted";
    let note = format!("{}; fits: least squares of logs", tradeoff.subject());
    canvas((WIDTH, figure_height(2)), [title, subtitle, &note], |root| {
        for (index, (row, law)) in rows(2).zip(&laws).enumerate() {
            let x = Scale::log(tradeoff.points.iter().map(|point| point.value));
            let y = Scale::log(law.runs.iter().map(|run| run.1));
            let titles = Titles { heading: law.heading, y: law.y, x: (index == 1).then_some("V [1/s]") };
            law.draw(&Frame::draw(root, row, &titles, x, y)?)?;
        }
        Ok(())
    })
}

impl Law<'_> {
    fn draw(&self, frame: &Frame) -> Result<(), String> {
        // Many points, because lines are cut off at points.
        let curve = |law: &dyn Fn(f64) -> f64, (from, to): (f64, f64)| -> Vec<(f64, f64)> {
            let at = |k: u32| from * (to / from).powf(f64::from(k) / 400.0);
            (0..=400).map(at).map(|x| (x, law(x))).collect()
        };
        let mut labels = Vec::new();
        let anchor = self.runs.iter().filter(|run| run.2).map(|run| (run.0.ln(), run.1.ln()));
        let (count, sum) = anchor.fold((0.0, (0.0, 0.0)), |(n, s), point| (n + 1.0, (s.0 + point.0, s.1 + point.1)));
        let (exponent, name) = self.promised;
        if count > 0.0 {
            // Through the middle of the settled runs.
            let (x0, y0) = ((sum.0 / count).exp(), (sum.1 / count).exp());
            let guide = |x: f64| y0 * (x / x0).powf(exponent);
            frame.line(&curve(&guide, frame.x_range()), GUIDE, 1.2)?;
            let value = guide(frame.x_range().1);
            labels.push(Label { value, name: name.into(), shown: String::new(), sample: Sample::Line(GUIDE, 1.2) });
        }
        if let Some(fit) = self.fit
            && let (Some(&from), Some(&to)) = (fit.over.first(), fit.over.last())
        {
            frame.line(&curve(&|x| fit.at(x), (from, to)), FIT, 1.8)?;
            let name = format!("fit ~ V^{:.2}", fit.exponent);
            labels.push(Label { value: fit.at(to), name, shown: String::new(), sample: Sample::Line(FIT, 1.8) });
        }
        for (x, y, settled) in &self.runs {
            frame.dot((*x, *y), RUNS, *settled)?;
        }
        frame.labels(labels)
    }
}
