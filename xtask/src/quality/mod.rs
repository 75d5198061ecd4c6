//! Prints how good the certified answers are on seeded random problems: gaps, times and work, one row per family.
//!
//! ```text
//! cargo xtask quality [--families select,networks,enumerated,limits] [--devices 20,50] [--blocks 24] [--seeds 10]
//!     [--work-limit 1000000000] [--networks 20] [--enumerated 40] [--each]
//! ```
//!
//! Times are those of the machine at hand; gaps and work are the same everywhere. `--each` prints every problem as
//! well.

mod enumerated;
mod limits;
mod networks;
mod select;

use std::error::Error;
use std::time::Instant;

use collapipe::problem::SlotProblem;
use collapipe::solver::{Settings, solve};

/// Print gaps, times and work of certified answers on seeded problems
#[derive(clap::Args)]
pub struct Arguments {
    /// Families of problems
    #[arg(long, value_delimiter = ',', default_values = ["select", "networks", "enumerated"])]
    families: Vec<Family>,
    /// Devices of the family `select`, one row for each number
    #[arg(long, value_delimiter = ',', default_values_t = [20, 50])]
    devices: Vec<usize>,
    /// Encoder blocks of the family `select`
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    blocks: u32,
    /// Most operations of a solve of the families `select` and `networks`
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    work_limit: Option<u64>,
    /// Problems of each row of `select`
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Problems of each row of `networks`
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    networks: u64,
    /// Problems of each row of `enumerated`
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    enumerated: u64,
    /// Print every problem as well
    #[arg(long)]
    each: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Family {
    /// One cluster that chooses among its devices
    Select,
    /// Several clusters
    Networks,
    /// Small networks, beside every choice in turn
    Enumerated,
    /// Large clusters under limits of time: how late their answers are
    Limits,
}

/// One solved problem.
struct Row {
    seed: u64,
    gap: f64,
    seconds: f64,
    nodes: u64,
    iterations: u64,
}

/// Solves at default settings but for the limit of work.
fn solved(problem: &SlotProblem, seed: u64, work_limit: Option<u64>) -> Result<Row, Box<dyn Error>> {
    let start = Instant::now();
    let solution = solve(problem, &Settings { work_limit, ..Settings::default() })?;
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

/// Prints a table for every family.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let asked = |family| arguments.families.contains(&family);
    if asked(Family::Select) || asked(Family::Networks) {
        head();
    }
    if asked(Family::Select) {
        for &devices in &arguments.devices {
            let rows = select::rows((devices, arguments.blocks), arguments.seeds, arguments.work_limit)?;
            summarize(&format!("select, {devices} devices"), &rows, arguments.each);
        }
    }
    if asked(Family::Networks) {
        for (name, participation) in networks::KINDS {
            let rows = networks::rows(participation, arguments.networks, arguments.work_limit)?;
            summarize(&format!("networks, {name}"), &rows, arguments.each);
        }
    }
    if asked(Family::Enumerated) {
        enumerated::print(arguments.enumerated, arguments.each)?;
    }
    if asked(Family::Limits) {
        limits::print(arguments.seeds)?;
    }
    Ok(())
}
