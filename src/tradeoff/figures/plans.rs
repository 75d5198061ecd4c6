//! Which plans are chosen against V or ε, and what they make of latency and learning.

use crate::drawing::figure::{Axis, Bar, Entry, Figure, Height, Layer, Marks, Panel, Sample};
use crate::drawing::look::{Fill, LIMIT, LOOKS, Look, WHITE};
use crate::drawing::scale::Scale;
use crate::report::table::significant;
use crate::tradeoff::figures::value_name;
use crate::tradeoff::{Axis as Varied, SweepPoint, Tradeoff};

pub(super) fn draw(tradeoff: &Tradeoff) -> Figure {
    let (title, x_title) = match tradeoff.axis {
        Varied::Target => ("Plans chosen against ε", "Target ε for the mean of E|∇F|² [loss²/par²]"),
        _ => ("Plans chosen against V", "V [1/s]"),
    };
    if tradeoff.points.iter().all(|point| point.planned == 0) {
        return Figure::empty(title, "no planned round in any run");
    }
    let learned = |point: &SweepPoint| {
        let convergence = point.convergence.as_ref()?;
        Some(convergence.certified_mean? / convergence.target)
    };
    let summed = |point: &SweepPoint| {
        let convergence = point.convergence.as_ref()?;
        Some(convergence.certified_mean_of_sum? / convergence.target)
    };
    let x = Axis::new(x_title, Scale::places(tradeoff.points.iter().map(|point| value_name(point.value))));
    let mut panels = vec![shares(tradeoff, x.clone())];
    let (line, sum) = (Look::at(0), Look::at(1));
    let latency = points(tradeoff, |point| point.latency.map(|latency| latency.mean_s.0));
    let scale = Scale::linear(latency.iter().map(|point| point.1), None);
    panels.push(Panel {
        heading: String::new(),
        x: x.clone(),
        y: Axis::new("Mean round latency [s]", scale),
        legend: entry(&latency, "latency", line, "s").into_iter().collect(),
        layers: vec![Layer::Line { points: latency, look: line, marks: Marks::Every }],
        height: Height::Usual,
    });
    if tradeoff.points.iter().any(|point| learned(point).is_some()) {
        let (by_queue, by_sum) = (points(tradeoff, learned), points(tradeoff, summed));
        let scale = Scale::linear(by_queue.iter().chain(&by_sum).map(|point| point.1), Some(1.0));
        let (from, to) = x.scale.range();
        let own = [entry(&by_queue, "by C1", line, ""), entry(&by_sum, "by sum of g", sum, "")];
        panels.push(Panel {
            heading: String::new(),
            x,
            y: Axis::new("Certified mean of E|∇F|² / ε", scale),
            legend: own.into_iter().flatten().collect(),
            layers: vec![
                Layer::Line { points: vec![(from, 1.0), (to, 1.0)], look: LIMIT, marks: Marks::Every },
                Layer::Line { points: by_sum, look: sum, marks: Marks::Every },
                Layer::Line { points: by_queue, look: line, marks: Marks::Every },
            ],
            height: Height::Usual,
        });
    }
    Figure {
        title: title.into(),
        subtitle: "Share of the rounds with I local iterations and M micro-batches; below: what follows from it".into(),
        note: tradeoff.subject(),
        panels,
        ..Figure::default()
    }
}

fn points(tradeoff: &Tradeoff, value: impl Fn(&SweepPoint) -> Option<f64>) -> Vec<(f64, f64)> {
    let places = (0u32..).map(f64::from).zip(&tradeoff.points);
    places.filter_map(|(place, point)| Some((place, value(point)?))).collect()
}

fn entry(points: &[(f64, f64)], name: &str, look: Look, unit: &str) -> Option<Entry> {
    let last = points.last()?.1;
    Some(Entry::new(last, name, Sample::Line(look)).showing(format!("{} {unit}", significant(last, 4)).trim()))
}

fn shares(tradeoff: &Tradeoff, x: Axis) -> Panel {
    let plans = tradeoff.points.first().map(|point| point.plans.as_slice()).unwrap_or_default();
    let share = |point: &SweepPoint, plan: usize| point.plans.get(plan).map_or(0.0, |plan| plan.share);
    let chosen: Vec<usize> =
        (0..plans.len()).filter(|plan| tradeoff.points.iter().any(|point| share(point, *plan) > 0.0)).collect();
    // Bars touch where there are many.
    let half = if tradeoff.points.len() > 60 { 0.5 } else { 0.38 };
    let mut means = vec![0.0; chosen.len()];
    let mut layers = Vec::new();
    for (place, point) in (0u32..).map(f64::from).zip(&tradeoff.points) {
        let mut low = 0.0;
        for (rank, (plan, mean)) in chosen.iter().zip(&mut means).enumerate() {
            let high = low + share(point, *plan);
            if high > low {
                layers.push(Layer::Bar(Box::new(Bar {
                    from: (place - half, low),
                    to: (place + half, high),
                    fill: Fill::at(rank),
                    edge: Some(WHITE),
                    heavy: false,
                    text: String::new(),
                    name: String::new(),
                })));
            }
            *mean += (high - low) / tradeoff.points.len() as f64;
            low = high;
        }
    }
    let mut low = 0.0;
    let mut legend = Vec::new();
    for (rank, (plan, mean)) in chosen.iter().zip(&means).enumerate().take(LOOKS) {
        let name = plans.get(*plan).map(|plan| format!("I = {}, M = {}", plan.local_iterations, plan.micro_batches));
        legend.push(Entry::new(low + mean / 2.0, name.unwrap_or_default(), Sample::Area(Fill::at(rank))));
        low += mean;
    }
    if chosen.len() > LOOKS {
        let name = format!("{} others", chosen.len() - LOOKS);
        legend.push(Entry::new(1.0, name, Sample::Area(Fill::at(LOOKS))));
    }
    Panel {
        heading: String::new(),
        x,
        y: Axis::new("Share of the rounds [%]", Scale::shares()),
        layers,
        legend,
        height: Height::Usual,
    }
}
