//! Which plans are chosen against V or ε, and what they make of latency and learning.

use plotters::prelude::*;

use crate::report::figures::frame::{Frame, Scale, Titles, value_name};
use crate::report::figures::panel::{Label, Sample, figure_height, rows};
use crate::report::figures::style::{BLUE, FAINT, Figure, LOOKS, Look, VERMILLION, WIDTH, canvas, device_look, empty};
use crate::report::table::significant;
use crate::tradeoff::{Axis, SweepPoint, Tradeoff};

const OTHERS: RGBColor = RGBColor(200, 200, 200);
const LINE: Look = Look { line: BLUE, area: BLUE, dashed: false };
const SUM: Look = Look { line: VERMILLION, area: VERMILLION, dashed: true };
const LIMIT: Look = Look { line: FAINT, area: FAINT, dashed: false };

pub(super) fn draw(tradeoff: &Tradeoff) -> Figure {
    let (title, x_title) = match tradeoff.axis {
        Axis::Target => ("Plans chosen against ε", "Target ε for the mean of E|∇F|² [loss²/par²]"),
        _ => ("Plans chosen against V", "V [1/s]"),
    };
    if tradeoff.points.iter().all(|point| point.planned == 0) {
        return empty(title, "no planned round in any run");
    }
    let learned = |point: &SweepPoint| {
        let convergence = point.convergence.as_ref()?;
        Some(convergence.certified_mean? / convergence.target)
    };
    let summed = |point: &SweepPoint| {
        let convergence = point.convergence.as_ref()?;
        Some(convergence.certified_mean_of_sum? / convergence.target)
    };
    let certified = tradeoff.points.iter().any(|point| learned(point).is_some());
    let panels = if certified { 3 } else { 2 };
    let places = || Scale::places(tradeoff.points.iter().map(|point| value_name(point.value)));
    let subtitle = "Share of the rounds with I local iterations and M micro-batches; below: what follows from it";
    canvas((WIDTH, figure_height(panels)), [title, subtitle, &tradeoff.subject()], |root| {
        let mut rows = rows(panels);
        let mut next = || rows.next().unwrap_or_default();
        let titles = Titles { heading: "Plans", y: "Rounds [%]", x: None };
        shares(&Frame::draw(root, next(), &titles, places(), Scale::shares())?, tradeoff)?;
        let latency = points(tradeoff, |point| point.latency.map(|latency| latency.mean_s.0));
        let titles = Titles { heading: "Round latency", y: "Mean [s]", x: (!certified).then_some(x_title) };
        let scale = Scale::linear(latency.iter().map(|point| point.1), None);
        let frame = Frame::draw(root, next(), &titles, places(), scale)?;
        let latency = series(&frame, &latency, LINE, "latency", "s")?;
        frame.labels(latency.into_iter().collect())?;
        if certified {
            let (by_queue, by_sum) = (points(tradeoff, learned), points(tradeoff, summed));
            let heading = "Certified mean of E|∇F|² over the target ε: met at or below 1";
            let titles = Titles { heading, y: "Certified / ε", x: Some(x_title) };
            let scale = Scale::linear(by_queue.iter().chain(&by_sum).map(|point| point.1), Some(1.0));
            let frame = Frame::draw(root, next(), &titles, places(), scale)?;
            let (from, to) = frame.x_range();
            frame.line(&[(from, 1.0), (to, 1.0)], LIMIT, 1.6)?;
            let by_sum = series(&frame, &by_sum, SUM, "by sum of g", "")?;
            let by_queue = series(&frame, &by_queue, LINE, "by C1", "")?;
            frame.labels(by_queue.into_iter().chain(by_sum).collect())?;
        }
        Ok(())
    })
}

fn points(tradeoff: &Tradeoff, value: impl Fn(&SweepPoint) -> Option<f64>) -> Vec<(f64, f64)> {
    let places = (0u32..).map(f64::from).zip(&tradeoff.points);
    places.filter_map(|(place, point)| Some((place, value(point)?))).collect()
}

/// Draws a line with a dot at every value; its label.
fn series(frame: &Frame, points: &[(f64, f64)], look: Look, name: &str, unit: &str) -> Result<Option<Label>, String> {
    frame.line(points, look, 1.4)?;
    for point in points {
        frame.dot(*point, look, !look.dashed)?;
    }
    Ok(points.last().map(|last| {
        let shown = format!("{} {unit}", significant(last.1, 4));
        let sample = Sample::Line(look, 1.4);
        Label { value: last.1, name: name.into(), shown: shown.trim().into(), sample }
    }))
}

fn shares(frame: &Frame, tradeoff: &Tradeoff) -> Result<(), String> {
    let plans = tradeoff.points.first().map(|point| point.plans.as_slice()).unwrap_or_default();
    let share = |point: &SweepPoint, plan: usize| point.plans.get(plan).map_or(0.0, |plan| plan.share);
    let chosen: Vec<usize> =
        (0..plans.len()).filter(|plan| tradeoff.points.iter().any(|point| share(point, *plan) > 0.0)).collect();
    // Bars touch where there are many.
    let half = if tradeoff.points.len() > 60 { 0.5 } else { 0.38 };
    let color = |rank: usize| if rank < LOOKS { device_look(rank).area } else { OTHERS };
    let mut means = vec![0.0; chosen.len()];
    for (place, point) in (0u32..).map(f64::from).zip(&tradeoff.points) {
        let mut low = 0.0;
        for (rank, (plan, mean)) in chosen.iter().zip(&mut means).enumerate() {
            let high = low + share(point, *plan);
            if high > low {
                frame.rectangle((place - half, low), (place + half, high), color(rank))?;
            }
            *mean += (high - low) / tradeoff.points.len() as f64;
            low = high;
        }
    }
    let mut low = 0.0;
    let mut labels = Vec::new();
    for (rank, (plan, mean)) in chosen.iter().zip(&means).enumerate().take(LOOKS) {
        let name = plans.get(*plan).map(|plan| format!("I = {}, M = {}", plan.local_iterations, plan.micro_batches));
        let sample = Sample::Square(color(rank));
        labels.push(Label { value: low + mean / 2.0, name: name.unwrap_or_default(), shown: String::new(), sample });
        low += mean;
    }
    if chosen.len() > LOOKS {
        let name = format!("{} others", chosen.len() - LOOKS);
        labels.push(Label { value: 1.0, name, shown: String::new(), sample: Sample::Square(OTHERS) });
    }
    frame.labels(labels)
}
