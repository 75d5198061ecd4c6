//! Latency against overspending, and how excess and backlog scale with V.

use crate::drawing::figure::{Axis, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{BLUE, Dash, FAINT, LIMIT, Look, VERMILLION};
use crate::drawing::scale::Scale;
use crate::tradeoff::figures::value_name;
use crate::tradeoff::{PowerFit, Tradeoff};

const PATH: Look = Look::plain(BLUE, Dash::Solid, 1.0);
const FIT: Look = Look::plain(VERMILLION, Dash::Solid, 1.4);
const GUIDE: Look = Look::plain(FAINT, Dash::Short, 1.0);

pub(super) fn latency_and_overspend(tradeoff: &Tradeoff) -> Figure {
    let title = "Latency against overspending";
    let runs: Vec<(f64, (f64, f64))> = tradeoff
        .points
        .iter()
        .filter_map(|point| Some((point.value, (100.0 * point.worst_node()?.mean_overspend, point.latency?.mean_s.0))))
        .collect();
    if runs.is_empty() {
        return Figure::empty(title, "no run with rounds and energy budgets");
    }
    let x = Scale::linear(runs.iter().map(|run| run.1.0), Some(0.0));
    let y = Scale::linear(runs.iter().map(|run| run.1.1), None);
    let (low, high) = y.range();
    let line = |points: Vec<(f64, f64)>, look| Layer::Line { points, look, marks: Marks::Every };
    let mut layers =
        vec![line(vec![(0.0, low), (0.0, high)], LIMIT), line(runs.iter().map(|run| run.1).collect(), PATH)];
    layers.extend(runs.iter().map(|run| Layer::Dot { at: run.1, colour: BLUE, full: true }));
    layers.push(Layer::Names { points: runs.iter().map(|(value, at)| (*at, value_name(*value))).collect() });
    let panel = Panel {
        heading: String::new(),
        x: Axis::new("Overspend of the worst node: mean of E/budget − 1 over all slots [%]", x),
        y: Axis::new("Mean round latency [s]", y),
        layers,
        legend: vec![
            Entry::new(high, "runs, by V [1/s]", Sample::Dot(BLUE, true)),
            Entry::new(high, "budgets kept up to here", Sample::Line(LIMIT)).showing("≤ 0 %"),
        ],
        height: Height::Usual,
    };
    Figure {
        title: title.into(),
        subtitle:
            "Each run by its V [1/s]: a larger V buys latency with energy; left of the line at 0 all budgets are kept"
                .into(),
        note: tradeoff.subject(),
        panels: vec![panel],
        ..Figure::default()
    }
}

/// A quantity with a power law in V.
struct Law<'t> {
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
            y: "Latency above the certified bound [s]",
            runs: excess.collect(),
            fit: tradeoff.fits.excess.as_ref(),
            promised: (-1.0, "O(1/V) guide"),
        },
        Law {
            y: "Sum of all queues [budgets]",
            runs: backlog.collect(),
            fit: tradeoff.fits.backlog.as_ref(),
            promised: (1.0, "O(V) guide"),
        },
    ];
    if laws.iter().all(|law| law.runs.is_empty()) {
        return Figure::empty(title, "no run with an excess or a queue");
    }
    Figure {
        title: title.into(),
        subtitle:
            "Means over the second half of each run, overspending charged; hollow: queues still growing, not fitted"
                .into(),
        note: format!("{}; fits: least squares of logs", tradeoff.subject()),
        panels: laws.iter().map(|law| law.panel(tradeoff)).collect(),
        ..Figure::default()
    }
}

impl Law<'_> {
    fn panel(&self, tradeoff: &Tradeoff) -> Panel {
        let x = Scale::log(tradeoff.points.iter().map(|point| point.value));
        let y = Scale::log(self.runs.iter().map(|run| run.1));
        // A power law is straight between its ends, where both axes are logarithmic.
        let line = |law: &dyn Fn(f64) -> f64, (from, to): (f64, f64), look| Layer::Line {
            points: vec![(from, law(from)), (to, law(to))],
            look,
            marks: Marks::Every,
        };
        let (mut layers, mut legend) = (Vec::new(), Vec::new());
        let anchor = self.runs.iter().filter(|run| run.2).map(|run| (run.0.ln(), run.1.ln()));
        let (count, sum) = anchor.fold((0.0, (0.0, 0.0)), |(n, s), point| (n + 1.0, (s.0 + point.0, s.1 + point.1)));
        let (exponent, name) = self.promised;
        if count > 0.0 {
            // Through the middle of the settled runs.
            let (x0, y0) = ((sum.0 / count).exp(), (sum.1 / count).exp());
            let guide = |x: f64| y0 * (x / x0).powf(exponent);
            layers.push(line(&guide, x.range(), GUIDE));
            legend.push(Entry::new(guide(x.range().1), name, Sample::Line(GUIDE)));
        }
        if let Some(fit) = self.fit
            && let (Some(&from), Some(&to)) = (fit.over.first(), fit.over.last())
        {
            layers.push(line(&|x| fit.at(x), (from, to), FIT));
            legend.push(Entry::new(fit.at(to), format!("fit ~ V^{:.2}", fit.exponent), Sample::Line(FIT)));
        }
        for (full, name) in [(true, "runs"), (false, "queues still growing")] {
            let mut own = self.runs.iter().filter(|run| run.2 == full).map(|run| (run.0, run.1)).peekable();
            if let Some((_, value)) = own.peek() {
                legend.push(Entry::new(*value, name, Sample::Dot(BLUE, full)));
            }
            layers.extend(own.map(|at| Layer::Dot { at, colour: BLUE, full }));
        }
        Panel {
            heading: String::new(),
            x: Axis::new("V [1/s]", x),
            y: Axis::new(self.y, y),
            layers,
            legend,
            height: Height::Usual,
        }
    }
}
