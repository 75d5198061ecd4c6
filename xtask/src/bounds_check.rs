//! Checks every convergence bound against seeded simulations of the training it is about.
//!
//! ```text
//! cargo xtask bounds-check [--configurations 500] [--others 100] [--seed 1]
//! ```
//!
//! Losses are quadratics and smooth non-convex functions whose constants are known exactly or by proof. Bounds are on
//! expectations, so a configuration is repeated: the bound is kept where the mean plus four standard errors is below
//! it, broken where the mean minus four standard errors is above it, and unresolved in between. The table says by what
//! factor the bound is above the mean. Exit code 1 if a bound is broken.

use std::error::Error;
use std::process::ExitCode;

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
}

fn factor(ratio: f64) -> String {
    if ratio < 1000.0 { format!("{ratio:.3}") } else { format!("{ratio:.1e}") }
}

/// Prints a table of all bounds; fails if one is broken.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let &Arguments { configurations, others, seed } = arguments;
    println!("kept: mean + {MARGIN} standard errors <= bound; broken: mean - {MARGIN} standard errors > bound");
    println!("privacy-delta is a value, not a bound: kept within the standard errors, broken outside\n");
    println!("| bound | form | kept | unresolved | broken | bound/mean: min | 5 % | median | 95 % | max |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut broken = 0;
    for check in 0..CHECKS.len() {
        for row in training::run(check, seed, if check == 0 { configurations } else { others })? {
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
    Ok(ExitCode::from(u8::from(broken > 0)))
}
