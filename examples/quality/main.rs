//! Prints how good the certified answers are on seeded random problems: gaps, times and work, one row per family.
//!
//! ```text
//! cargo run --release --example quality -- [--families select,networks,enumerated] [--devices 20,50] [--seeds 10]
//!     [--networks 20] [--enumerated 40] [--each]
//! ```
//!
//! Times are those of the machine at hand; gaps and work are the same everywhere. `--each` prints every problem as
//! well.

mod enumerated;
mod networks;
mod select;

use std::error::Error;
use std::time::Instant;

use collapipe::problem::SlotProblem;
use collapipe::solver::{Settings, solve};

struct Arguments {
    families: Vec<String>,
    devices: Vec<usize>,
    seeds: u64,
    networks: u64,
    enumerated: u64,
    each: bool,
}

const FAMILIES: [&str; 3] = ["select", "networks", "enumerated"];

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments {
        families: FAMILIES.map(String::from).to_vec(),
        devices: vec![20, 50],
        seeds: 10,
        networks: 20,
        enumerated: 40,
        each: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{name}: value missing"));
        match name.as_str() {
            "--families" => parsed.families = value()?.split(',').map(String::from).collect(),
            "--devices" => parsed.devices = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--seeds" => parsed.seeds = value()?.parse()?,
            "--networks" => parsed.networks = value()?.parse()?,
            "--enumerated" => parsed.enumerated = value()?.parse()?,
            "--each" => parsed.each = true,
            _ => {
                let known = "--families, --devices, --seeds, --networks, --enumerated, --each";
                return Err(format!("{name}: unknown; use {known}").into());
            }
        }
    }
    if let Some(family) = parsed.families.iter().find(|family| !FAMILIES.contains(&family.as_str())) {
        return Err(format!("--families {family}: must be of {}", FAMILIES.join(", ")).into());
    }
    for (name, count) in
        [("--seeds", parsed.seeds), ("--networks", parsed.networks), ("--enumerated", parsed.enumerated)]
    {
        if count == 0 {
            return Err(format!("{name} 0: must be at least 1").into());
        }
    }
    Ok(parsed)
}

/// One solved problem.
struct Row {
    seed: u64,
    gap: f64,
    seconds: f64,
    nodes: u64,
    iterations: u64,
}

/// Solves at default settings.
fn solved(problem: &SlotProblem, seed: u64) -> Result<Row, Box<dyn Error>> {
    let start = Instant::now();
    let solution = solve(problem, &Settings::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let best = solution.certified().ok_or_else(|| format!("seed {seed}: infeasible"))?;
    let work = solution.work;
    Ok(Row { seed, gap: best.gap, seconds, nodes: work.nodes, iterations: work.iterations })
}

/// Value at a share of the sorted ones (nearest rank).
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

fn head() {
    println!("| family | seeds | gap: median | 90 % | 99 % | worst | time [s]: median | worst | nodes | iterations |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
}

/// Prints the spread of a family of problems: gaps, times, and the medians of the work.
fn summarize(family: &str, rows: &[Row], each: bool) {
    if each {
        for Row { seed, gap, seconds, nodes, iterations } in rows {
            println!("  seed {seed:>4} gap {gap:.3e} {seconds:.4} s, {nodes} nodes, {iterations} iterations");
        }
    }
    let at = |value: fn(&Row) -> f64, share| quantile(rows.iter().map(value).collect(), share);
    let gaps = [0.5, 0.9, 0.99, 1.0].map(|share| format!("{:.1e}", at(|row| row.gap, share)));
    let times = [0.5, 1.0].map(|share| format!("{:.3}", at(|row| row.seconds, share)));
    let work = [at(|row| row.nodes as f64, 0.5), at(|row| row.iterations as f64, 0.5)];
    let count = rows.len();
    println!("| {family} | {count} | {} | {} | {} | {} |", gaps.join(" | "), times.join(" | "), work[0], work[1]);
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let asked = |family: &str| arguments.families.iter().any(|name| name == family);
    if asked("select") || asked("networks") {
        head();
    }
    if asked("select") {
        for &devices in &arguments.devices {
            let rows = select::rows(devices, arguments.seeds)?;
            summarize(&format!("select, {devices} devices"), &rows, arguments.each);
        }
    }
    if asked("networks") {
        for (name, participation) in networks::KINDS {
            let rows = networks::rows(participation, arguments.networks)?;
            summarize(&format!("networks, {name}"), &rows, arguments.each);
        }
    }
    if asked("enumerated") {
        enumerated::print(arguments.enumerated, arguments.each)?;
    }
    Ok(())
}
