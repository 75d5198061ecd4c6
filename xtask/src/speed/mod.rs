//! How fast the exact solver is, beside every other backend and beside one evaluation of its answer: nothing can solve
//! faster than it can evaluate.
//!
//! ```text
//! cargo xtask speed [--huge | --replay | --pipelines]
//! ```
//!
//! Every line is a family of seeded problems. The solvers take turns on each of them, so that a busy machine slows all
//! of them; the table shows medians. Times are those of the machine at hand, ratios are the message. `--huge` adds a
//! network of a million devices. `--replay` plays the slots of the built-in scenario with a warm solver and with a cold
//! one, and `--pipelines` times problems of schema 2; both nothing else.

mod cases;
mod pipelines;
mod replay;
pub mod timing;

use std::error::Error;

use cases::{Case, GROWTH_IN_CLUSTERS, GROWTH_IN_DEVICES, cases};
use timing::{exponent, peak_memory, seconds};

/// Time the exact solver beside every other backend and beside one evaluation
#[derive(clap::Args)]
pub struct Arguments {
    /// Add a network of a million devices
    #[arg(long)]
    huge: bool,
    /// Only the built-in scenario's slots, warm and cold
    #[arg(long, conflicts_with = "huge")]
    replay: bool,
    /// Only problems of schema 2: schedules, unequal chains, devices in any order
    #[arg(long, conflicts_with_all = ["huge", "replay"])]
    pipelines: bool,
}

/// Prints the table of `docs/performance.md`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let threads = rayon::current_num_threads();
    if arguments.replay {
        return replay::run();
    }
    if arguments.pipelines {
        return pipelines::run();
    }
    println!("medians on {threads} threads; ratios are times of others over ours, or ours over one evaluation\n");
    println!(
        "{:<40} {:>9} {:>8} {:>8} {:>8} {:>8} {:>11} {:>10}",
        "case", "ours", "/ eval", "conic", "milp", "altern.", "exhaustive", "worst gap"
    );
    for case in cases() {
        println!("{}", case.run()?);
    }
    replay::run()?;
    for (what, sizes, case) in [
        ("clusters of 10 devices, all", GROWTH_IN_CLUSTERS.as_slice(), Case::network as fn(usize) -> Case),
        ("devices of one cluster, all", &GROWTH_IN_DEVICES, Case::devices),
    ] {
        let mut points = Vec::new();
        for &size in sizes {
            points.push((size as f64, case(size).median()?));
        }
        let list: Vec<String> = points.iter().map(|(size, time)| format!("{size}: {}", seconds(*time))).collect();
        println!("\n{what}: {}; time grows to the power {:.2}", list.join(", "), exponent(&points));
    }
    if arguments.huge {
        println!("\n{}", Case::network(100_000).run()?);
    }
    if let Some(bytes) = peak_memory() {
        println!("peak memory {:.2} GB", bytes / 1e9);
    }
    Ok(())
}
