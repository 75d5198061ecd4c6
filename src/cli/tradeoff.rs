//! `collapipe tradeoff`.

use collapipe::scenario::{Scenario, ScenarioSpec};
use collapipe::text::rounded;
use collapipe::tradeoff::{Axis, PointFolder, Sweep, TradeoffFolder};

use super::args::{Format, Over, TradeoffArguments, conflict};
use super::progress::Progress;
use super::run::{ScenarioText, read, wrote};
use super::work::{in_parallel, stopped};
use super::{Done, Failure, io};

pub fn tradeoff(arguments: &TradeoffArguments) -> Result<Done, Failure> {
    let mut given = arguments.scenario.clone();
    let listed = match arguments.epsilon.is_empty() && arguments.over == Over::LatencyWeight {
        true => std::mem::take(&mut given.latency_weight),
        // With targets it is the V of all.
        false => Vec::new(),
    };
    let text = read(&given)?;
    let (axis, values) = values(arguments, &text, listed)?;
    let scenarios: Vec<Scenario> =
        values.into_iter().map(|value| variant(arguments, &text, axis, value)).collect::<Result<_, _>>()?;
    let settings = arguments.accuracy.settings();
    settings.validate()?;
    let sweep = Sweep::new(axis, scenarios, settings)?.with_policy(arguments.policy);
    // Better now than after long runs.
    let out =
        TradeoffFolder::claim(&arguments.out, conflict(arguments.overwrite))?.with_figures(arguments.figures.style());
    let folder = PointFolder::new(&arguments.out.join("points"))?;
    let bar = Progress::new(sweep.slots(), true);
    let played = in_parallel(arguments.threads, &bar, |stop| sweep.play(&folder, stop, &|slots| bar.add(slots)))?;
    let Some(tradeoff) = played? else { return Ok(stopped()) };
    let written = out.write(&tradeoff)?;
    let wrote = wrote(&arguments.out, &written);
    match arguments.format {
        Format::Table => io::print_text(&format!("{tradeoff:width$}\n{wrote}\n", width = io::width()))?,
        Format::Json => {
            io::note(&wrote);
            io::print_json(&tradeoff)?;
        }
    }
    Ok(if tradeoff.without_rounds() == tradeoff.points.len() { Done::Infeasible } else { Done::Solved })
}

/// Values if nothing else is said.
const POINTS: u16 = 9;

/// What is varied, and its values.
fn values(arguments: &TradeoffArguments, text: &ScenarioText, weights: Vec<f64>) -> Result<(Axis, Vec<f64>), Failure> {
    if !weights.is_empty() {
        if arguments.from.is_some() || arguments.to.is_some() || arguments.points.is_some() {
            return Err(Failure::input(
                "--latency-weight: names the values to play; leave out --from, --to and --points",
            ));
        }
        return Ok((Axis::LatencyWeight, weights));
    }
    if !arguments.epsilon.is_empty() {
        return Ok((Axis::Target, arguments.epsilon.clone()));
    }
    let (axis, factor) = match arguments.over {
        Over::LatencyWeight => (Axis::LatencyWeight, 10.0),
        Over::Epsilon => (Axis::Target, 3.0),
    };
    let own = axis.value(&text.build(|spec| set_slots(spec, arguments))?).ok_or_else(|| missing(text))?;
    let (from, to) = (arguments.from.unwrap_or(round(own / factor)), arguments.to.unwrap_or(round(own * factor)));
    if from >= to {
        return Err(Failure::input(format!("--from {from:?}: must be below --to {to:?}")));
    }
    let points = arguments.points.unwrap_or(POINTS);
    let last = points - 1;
    let value = |k: u16| match k {
        0 => from,
        k if k == last => to,
        k => round(from * (to / from).powf(f64::from(k) / f64::from(last))),
    };
    let values: Vec<f64> = (0..=last).map(value).collect();
    if values.windows(2).any(|pair| pair.first() >= pair.last()) {
        return Err(Failure::input(format!(
            "--points {points}: must be fewer, or --from {from:?} and --to {to:?} further apart: values have three digits"
        )));
    }
    Ok((axis, values))
}

/// Values have three significant digits.
fn round(value: f64) -> f64 {
    rounded(value, 3)
}

fn missing(text: &ScenarioText) -> Failure {
    text.bad(&"convergence = (missing): must be given where epsilon is to be varied")
}

fn set_slots(spec: &mut ScenarioSpec, arguments: &TradeoffArguments) {
    spec.slots = arguments.slots.unwrap_or(spec.slots);
}

/// The scenario at one value.
fn variant(arguments: &TradeoffArguments, text: &ScenarioText, axis: Axis, value: f64) -> Result<Scenario, Failure> {
    let scenario = text.build(|spec| {
        set_slots(spec, arguments);
        match axis {
            Axis::Target => spec.convergence.iter_mut().for_each(|convergence| convergence.target = value),
            _ => spec.latency_weight = value,
        }
    })?;
    if axis.value(&scenario).is_none() { Err(missing(text)) } else { Ok(scenario) }
}
