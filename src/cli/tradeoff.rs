//! `collapipe tradeoff`.

use std::sync::atomic::Ordering;

use collapipe::report::write_tradeoff;
use collapipe::scenario::{Scenario, ScenarioSpec};
use collapipe::tradeoff::{Axis, KeptError, PointFolder, Sweep, SweepError};
use rayon::ThreadPoolBuilder;

use super::args::{Format, Over, TradeoffArguments};
use super::progress::Progress;
use super::run::{ScenarioText, read, stop_on_signal, wrote};
use super::{Done, Failure, io, run};

pub fn tradeoff(arguments: &TradeoffArguments) -> Result<Done, Failure> {
    let text = read(&arguments.scenario)?;
    let (axis, values) = values(arguments, &text)?;
    let scenarios: Vec<Scenario> =
        values.into_iter().map(|value| variant(arguments, &text, axis, value)).collect::<Result<_, _>>()?;
    let settings = arguments.accuracy.settings();
    settings.validate().map_err(|error| Failure::Input(error.to_string()))?;
    let sweep = Sweep::new(axis, scenarios, settings).map_err(failure)?;
    let folder = PointFolder::new(&arguments.out.join("points")).map_err(|error| failure(error.into()))?;
    let stop = stop_on_signal()?;
    let threads = arguments.threads.map_or(0, usize::from);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Failure::Machine(format!("cannot start threads: {error}")))?;
    let bar = Progress::new(sweep.slots(), true);
    let played = pool.install(|| sweep.play(&folder, &stop, &|slots| bar.add(slots)));
    bar.finish();
    let Some(tradeoff) = played.map_err(failure)? else {
        debug_assert!(stop.load(Ordering::Relaxed));
        io::note("stopped; the same command goes on after the runs that were finished");
        return Ok(Done::Interrupted);
    };
    let written = write_tradeoff(&tradeoff, &arguments.out).map_err(|error| Failure::Machine(error.to_string()))?;
    let wrote = wrote(&arguments.out, &written);
    match arguments.format {
        Format::Table => io::print_text(&format!("{tradeoff}\n{wrote}\n"))?,
        Format::Json => {
            io::note(&wrote);
            io::print_json(&tradeoff)?;
        }
    }
    Ok(if tradeoff.without_rounds() == tradeoff.points.len() { Done::Infeasible } else { Done::Solved })
}

/// What is varied, and its values.
fn values(arguments: &TradeoffArguments, text: &ScenarioText) -> Result<(Axis, Vec<f64>), Failure> {
    if !arguments.v.is_empty() {
        return Ok((Axis::LatencyWeight, arguments.v.clone()));
    }
    if !arguments.epsilon.is_empty() {
        return Ok((Axis::Target, arguments.epsilon.clone()));
    }
    let (axis, factor) = match arguments.over {
        Over::V => (Axis::LatencyWeight, 10.0),
        Over::Epsilon => (Axis::Target, 3.0),
    };
    let own = axis.value(&text.build(|spec| set_slots(spec, arguments))?).ok_or_else(|| missing(text))?;
    let (from, to) = (arguments.from.unwrap_or(round(own / factor)), arguments.to.unwrap_or(round(own * factor)));
    if from >= to {
        return Err(Failure::Input(format!("--from {from:?}: must be below --to {to:?}")));
    }
    let last = arguments.points - 1;
    let value = |k: u16| match k {
        0 => from,
        k if k == last => to,
        k => round(from * (to / from).powf(f64::from(k) / f64::from(last))),
    };
    let values: Vec<f64> = (0..=last).map(value).collect();
    if values.windows(2).any(|pair| pair.first() >= pair.last()) {
        let points = arguments.points;
        return Err(Failure::Input(format!(
            "--points {points}: must be fewer, or --from {from:?} and --to {to:?} further apart: values have three digits"
        )));
    }
    Ok((axis, values))
}

/// Three significant digits: values that can be read, and typed again.
fn round(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
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

fn failure(error: SweepError) -> Failure {
    match error {
        SweepError::Field(error) => Failure::Input(error.to_string()),
        SweepError::Folder(error @ KeptError::Foreign { .. }) => Failure::Input(error.to_string()),
        SweepError::Run { ref source, .. } => run::failure_of(source, error.to_string()),
        error => Failure::Machine(error.to_string()),
    }
}
