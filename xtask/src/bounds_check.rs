//! Checks every convergence bound against seeded simulations of the training it is about.
//!
//! ```text
//! cargo xtask bounds-check [--configurations 500] [--others 100] [--seed 1] [--starts 60] [--search-only]
//! ```
//!
//! Losses are quadratics and smooth non-convex functions whose constants are known exactly or by proof. Bounds are on
//! expectations, so a configuration is repeated: the bound is kept where the mean plus four standard errors is below
//! it, broken where the mean minus four standard errors is above it, and unresolved in between. The table says by what
//! factor the bound is above the mean. An adversarial search on exact moments then looks for the problems that come
//! closest to each bound. Exit code 1 if a bound is broken.

use std::error::Error;
use std::process::ExitCode;

use crate::training::adversary::{TARGETS, search};
use crate::training::{self, CHECKS, MARGIN};

/// Check every convergence bound against simulated training
#[derive(clap::Args)]
pub struct Arguments {
    /// Configurations of the bound for local steps
    #[arg(long, default_value_t = 500)]
    configurations: u64,
    /// Configurations of every other bound
    #[arg(long, default_value_t = 100)]
    others: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Starts of the adversarial search of every theorem
    #[arg(long, default_value_t = 60)]
    starts: u64,
    /// Problems that every start of the search tries
    #[arg(long, default_value_t = 4000)]
    evaluations: usize,
    /// Only search
    #[arg(long)]
    search_only: bool,
}

fn factor(ratio: f64) -> String {
    if ratio < 1000.0 { format!("{ratio:.3}") } else { format!("{ratio:.1e}") }
}

/// Prints the tables of all bounds; fails if one is broken.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let &Arguments { configurations, others, seed, starts, evaluations, search_only } = arguments;
    let broken = if search_only { 0 } else { simulate(configurations, others, seed)? };
    println!("Adversarial search: the largest measured/bound over {starts} starts of {evaluations} problems each\n");
    println!("| bound | problems | valid ones tried | largest ratio |");
    println!("|---|---|--:|--:|");
    let mut refuted = 0;
    for target in 0..TARGETS.len() {
        let found = search(target, seed, starts, evaluations)?;
        println!("| {} | {} | {} | {:.6} |", found.theorem, found.family, found.problems, found.ratio);
        refuted += usize::from(found.ratio > 1.0 + 1e-9);
    }
    Ok(ExitCode::from(u8::from(broken + refuted > 0)))
}

/// The table of simulations; how many configurations broke a bound.
fn simulate(configurations: u64, others: u64, seed: u64) -> Result<usize, Box<dyn Error>> {
    println!("kept: mean + {MARGIN} standard errors <= bound; broken: mean - {MARGIN} standard errors > bound");
    println!("privacy-delta is a value, not a bound: kept within the standard errors, broken outside\n");
    println!("| bound | form | kept | unresolved | broken | bound/mean: min | 5 % | median | 95 % | max |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut broken = 0;
    for (check, (name, ..)) in CHECKS.iter().enumerate() {
        let configurations = if name.starts_with("local-steps") { configurations } else { others };
        for row in training::run(check, seed, configurations)? {
            let quantiles: Vec<String> = [0.0, 0.05, 0.5, 0.95, 1.0].iter().map(|&f| factor(row.quantile(f))).collect();
            println!(
                "| {} | {} | {} | {} | {} | {} |",
                row.check,
                row.form,
                row.configurations - row.broken.len() - row.unresolved.len(),
                row.unresolved.len(),
                row.broken.len(),
                quantiles.join(" | ")
            );
            if !row.broken.is_empty() {
                broken += row.broken.len();
                eprintln!("{} ({}) broken at seeds {:?}", row.check, row.form, row.broken);
            }
        }
    }
    println!();
    Ok(broken)
}
