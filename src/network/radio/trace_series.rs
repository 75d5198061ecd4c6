//! From rows of times and rates to traces.

use std::collections::{HashMap, HashSet};

use super::config::TraceGaps;
use super::trace::RateTrace;
use super::trace_file::{Source, TraceFileError};
use super::trace_rows::Row;
use crate::text::value;
use crate::units::Seconds;

/// A step longer than this many usual ones is a gap.
const GAP: f64 = 1.5;

/// Times beyond this, without a unit, count milliseconds from 1970; up to it and beyond [`EPOCH_SECONDS`], seconds.
const EPOCH_MILLISECONDS: f64 = 1e11;
/// Beyond this they count something finer.
const EPOCH_FINER: f64 = 1e14;
const EPOCH_SECONDS: f64 = 1e8;

/// No trace is sampled this rarely, in seconds: without a unit, steps this long are not understood.
const LONG_STEP: f64 = 100.0;

/// Mahimahi's packets: bits, in millions.
const PACKET_MEGABITS: f64 = 1500.0 * 8.0 / 1e6;

/// The column that says when a sample was taken.
pub(super) struct TimeColumn {
    pub column: usize,
    pub name: String,
    /// Seconds of its unit; none where its name does not say.
    pub unit: Option<f64>,
    /// It numbers samples of one second each.
    pub counts: bool,
}

/// The columns of rates, times and whatever tells runs apart.
pub(super) struct Places {
    /// Fields of a row.
    pub width: usize,
    /// Column, its name, and its unit in Mbit/s.
    pub rate: (usize, String, f64),
    pub time: Option<TimeColumn>,
    pub run: Vec<usize>,
}

impl Places {
    /// Where the rates are, in words.
    pub fn rates(&self) -> String {
        let (_, name, unit) = &self.rate;
        let unit = [(1e3, "Gbit/s"), (1.0, "Mbit/s"), (1e-3, "kbit/s")].iter().find(|(mbps, _)| mbps == unit);
        format!("column {name}, in {}", unit.map_or("bit/s", |(_, unit)| unit))
    }

    /// Where the times of rows that were read are, in words.
    pub fn times(&self, rows: &[Row]) -> String {
        let Some(time) = &self.time else { return "no column, one row per second".into() };
        if time.counts {
            return format!("column {}, which counts seconds", time.name);
        }
        let first = rows.first().and_then(|row| row.field(time.column).parse::<f64>().ok()).unwrap_or(0.0);
        let seconds = time.unit.unwrap_or(if first >= EPOCH_MILLISECONDS { 1e-3 } else { 1.0 });
        let unit = [(1.0, "s"), (1e-3, "ms")].iter().find(|(unit, _)| *unit == seconds);
        format!("column {}, in {}", time.name, unit.map_or("us", |(_, unit)| unit))
    }
}

/// A run's samples: line, time in the column's unit, rate in Mbit/s.
struct Samples<'a> {
    name: String,
    rows: Vec<(&'a Row, f64, f64)>,
}

/// The traces of a table with one sample per row.
pub(super) fn series(
    file: &Source,
    rows: &[Row],
    places: &Places,
    gaps: TraceGaps,
) -> Result<Vec<RateTrace>, TraceFileError> {
    let mut runs: Vec<Samples> = Vec::new();
    let mut numbers: HashMap<Vec<&str>, usize> = HashMap::new();
    for row in rows {
        if row.fields.len() != places.width {
            let found = row.fields.join(" ");
            let allowed = format!(
                "{} field{}, as in the first row, and not {}; numbers take a decimal point and no commas",
                places.width,
                if places.width == 1 { "" } else { "s" },
                row.fields.len()
            );
            return Err(file.field(row, "the row", &found, allowed));
        }
        let key: Vec<&str> = places.run.iter().map(|column| row.field(*column)).collect();
        if let Some(empty) = places.run.iter().find(|column| row.field(**column).is_empty()) {
            return Err(file.field(row, &format!("column {}", empty + 1), "", "the number or name of a run"));
        }
        let time = match &places.time {
            Some(column) => number(file, row, column.column, &column.name, "time")?,
            None => 0.0,
        };
        let (column, name, unit) = &places.rate;
        let rate = number(file, row, *column, name, "rate")? * unit;
        let next = runs.len();
        let run = *numbers.entry(key).or_insert_with_key(|key| {
            runs.push(Samples { name: run_name(file, key), rows: Vec::new() });
            next
        });
        if let Some(samples) = runs.get_mut(run) {
            samples.rows.push((row, time, rate));
        }
    }
    let Some(column) = &places.time else {
        let trace = |run: Samples| {
            let rates = run.rows.iter().map(|(_, _, rate)| *rate).collect();
            RateTrace::new(run.name, rates).map_err(|source| file.trace(source))
        };
        return runs.into_iter().map(trace).collect();
    };
    for run in &runs {
        check_order(file, run, column)?;
    }
    let (unit, step) = clock(file, &runs, column)?;
    runs.iter().map(|run| timed(file, run, column, (unit, step), gaps)).collect()
}

/// The file's name where nothing tells runs apart.
fn run_name(file: &Source, key: &[&str]) -> String {
    match key {
        [] => file.name.clone(),
        // A name stands by itself; a number says little without what it counts.
        [first, ..] if first.starts_with(|c: char| c.is_ascii_digit()) => format!("run_{}", key.join("_")),
        _ => key.join("_"),
    }
}

/// A number that is finite and, a rate, not negative.
fn number(file: &Source, row: &Row, column: usize, name: &str, what: &str) -> Result<f64, TraceFileError> {
    let text = row.field(column);
    let allowed = match what {
        "rate" => "a finite number, at least 0, without unit, quotation marks or thousands separators",
        _ => "a finite number, without unit, quotation marks or thousands separators; dates are not read",
    };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && (what != "rate" || number >= 0.0) => Ok(number),
        _ if text.contains(',') => {
            let allowed = format!("{allowed}, with a decimal point and no commas");
            Err(file.field(row, name, text, allowed))
        }
        _ => Err(file.field(row, name, text, allowed)),
    }
}

fn check_order(file: &Source, run: &Samples, column: &TimeColumn) -> Result<(), TraceFileError> {
    for pair in run.rows.windows(2) {
        let [(before, earlier, _), (row, later, _)] = pair else { continue };
        if later <= earlier {
            let allowed = format!(
                "more than {earlier} in line {} of the same trace; where one table holds several runs, number them in a \
                 column run, or give each a file of its own",
                before.line
            );
            return Err(file.field(row, &column.name, row.field(column.column), allowed));
        }
    }
    Ok(())
}

/// Seconds of the column's unit, and the usual step in that unit.
fn clock(file: &Source, runs: &[Samples], column: &TimeColumn) -> Result<(f64, f64), TraceFileError> {
    let of_run = |run: &Samples| run.rows.windows(2).map(step_of).collect::<Vec<_>>();
    let mut steps: Vec<f64> = runs.iter().flat_map(of_run).collect();
    steps.sort_by(f64::total_cmp);
    let first = runs.first().and_then(|run| run.rows.first());
    let start = first.map_or(0.0, |(_, time, _)| *time);
    let guessed = if start >= EPOCH_MILLISECONDS { 1e-3 } else { 1.0 };
    let unit = column.unit.unwrap_or(guessed);
    let second = if column.counts { 1.0 } else { 1.0 / unit };
    let middle = steps.len().saturating_sub(1) / 2;
    let usual = if column.counts { second } else { steps.get(middle).copied().unwrap_or(second) };
    if column.unit.is_none()
        && ((start < EPOCH_SECONDS && usual >= LONG_STEP) || start >= EPOCH_FINER)
        && let Some((row, _, _)) = first
    {
        let allowed = format!("a time whose unit is known: rows are {usual} apart; call the column time_s or time_ms");
        return Err(file.field(row, &column.name, row.field(column.column), allowed));
    }
    Ok((unit, usual))
}

fn step_of(pair: &[(&Row, f64, f64)]) -> f64 {
    match pair {
        [(_, earlier, _), (_, later, _)] => later - earlier,
        _ => 0.0,
    }
}

/// The trace of a run.
fn timed(
    file: &Source,
    run: &Samples,
    column: &TimeColumn,
    (unit, usual): (f64, f64),
    gaps: TraceGaps,
) -> Result<RateTrace, TraceFileError> {
    let (mut times, mut rates) = (Vec::with_capacity(run.rows.len()), Vec::with_capacity(run.rows.len()));
    let mut add = |time: f64, rate: f64| {
        times.push(Seconds(time * unit));
        rates.push(rate);
    };
    for (k, (row, time, rate)) in run.rows.iter().enumerate() {
        let before = k.checked_sub(1).and_then(|k| run.rows.get(k)).map(|(_, time, _)| *time);
        if let Some(before) = before.filter(|before| time - before > GAP * usual) {
            match gaps {
                TraceGaps::Hold => {}
                TraceGaps::Outage => add(before + usual, 0.0),
                TraceGaps::Refuse => {
                    let of_run =
                        if run.name == file.name { String::new() } else { format!(" of {}", value(&run.name)) };
                    let allowed = format!(
                        "about {}: the row before{of_run} has {before}, and rows are {usual} apart; fill the gap, or set \
                         gaps = \"hold\" (the rate before holds) or gaps = \"outage\" (rate 0)",
                        before + usual
                    );
                    return Err(file.field(row, &column.name, row.field(column.column), allowed));
                }
            }
        }
        add(*time, *rate);
    }
    RateTrace::at_times(run.name.clone(), rates, &times, Seconds(usual * unit)).map_err(|source| file.trace(source))
}

/// The traces of a table with one trace per row.
pub(super) fn table(
    file: &Source,
    rows: &[Row],
    trace: usize,
    rates: usize,
    seconds: Option<usize>,
) -> Result<Vec<RateTrace>, TraceFileError> {
    let mut names = HashSet::new();
    let mut traces = Vec::new();
    for row in rows {
        let name = row.field(trace);
        if name.is_empty() || !names.insert(name) {
            return Err(file.field(row, "trace", name, "a name that no other row has"));
        }
        let text = row.field(rates);
        let rate = |text: &str| match text.parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
            _ => Err(file.field(row, "mbps_per_second", text, "a finite number of Mbit/s, at least 0")),
        };
        let rates = text.split_whitespace().map(rate).collect::<Result<Vec<f64>, _>>()?;
        if let Some(seconds) = seconds.map(|column| row.field(column))
            && seconds.parse() != Ok(rates.len())
        {
            let allowed = format!("{}, the number of rates in the row", rates.len());
            return Err(file.field(row, "seconds", seconds, allowed));
        }
        let trace = RateTrace::new(name, rates)
            .map_err(|_| file.field(row, "mbps_per_second", text, "at least one rate, separated by spaces"))?;
        traces.push(trace);
    }
    Ok(traces)
}

/// The trace of Mahimahi's packet-delivery times: the rate of each second, as often as packets arrive in it. The last
/// time is the length, as Mahimahi starts over there.
pub(super) fn mahimahi(file: &Source, rows: &[Row]) -> Result<RateTrace, TraceFileError> {
    // A day in milliseconds: what has to be counted second by second stays small.
    const LONGEST: u64 = 24 * 3600 * 1000;
    let mut times = Vec::with_capacity(rows.len());
    for row in rows {
        let allowed = format!(
            "a whole number of ms up to {LONGEST}, at least the one before: the time at which 1500 bytes arrive (Mahimahi)"
        );
        let found = row.fields.join(" ");
        let before = times.last().copied().unwrap_or(0);
        match found.parse::<u64>() {
            Ok(time) if time >= before && time <= LONGEST => times.push(time),
            _ => return Err(file.field(row, "time", &found, allowed)),
        }
    }
    let (Some(&length), Some(last)) = (times.last(), rows.last()) else {
        return RateTrace::new(file.name.clone(), Vec::new()).map_err(|source| file.trace(source));
    };
    if length == 0 {
        return Err(file.field(last, "time", "0", "after 0 ms: the last time is the length of the trace"));
    }
    let seconds = length.div_ceil(1000);
    let mut packets = vec![0_u64; usize::try_from(seconds).unwrap_or(1)];
    for time in times {
        // A packet at the very end of a second arrived in it.
        let second = usize::try_from(time.saturating_sub(1) / 1000).unwrap_or(0);
        if let Some(count) = packets.get_mut(second) {
            *count += 1;
        }
    }
    let rest = length - (seconds - 1) * 1000;
    let last = packets.len() - 1;
    let length_of = |second: usize| if second == last { rest as f64 / 1000.0 } else { 1.0 };
    let rates = packets.iter().enumerate();
    let rates = rates.map(|(second, count)| *count as f64 * PACKET_MEGABITS / length_of(second)).collect();
    let times: Vec<Seconds> = (0..packets.len()).map(|second| Seconds(second as f64)).collect();
    RateTrace::at_times(file.name.clone(), rates, &times, Seconds(length_of(last))).map_err(|source| file.trace(source))
}
