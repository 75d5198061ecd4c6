//! Checks every convergence bound against seeded simulations of the training it is about.
//!
//! ```text
//! cargo run --release --example bounds_check -- [--configurations 500] [--others 100] [--seed 1]
//! ```
//!
//! Losses are quadratics and smooth non-convex functions whose constants are known exactly or by proof. Bounds are on
//! expectations, so a configuration is repeated: the bound is kept where the mean plus four standard errors is below
//! it, broken where the mean minus four standard errors is above it, and unresolved in between. The table says by what
//! factor the bound is above the mean. Exit code 1 if a bound is broken.

#[path = "../../tests/theory/training/mod.rs"]
#[allow(dead_code, reason = "the tests ask for more")]
mod training;

use std::error::Error;
use std::process::ExitCode;

use training::{CHECKS, MARGIN, run};

struct Arguments {
    configurations: u64,
    others: u64,
    seed: u64,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments { configurations: 500, others: 100, seed: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name}: value missing"))?.parse()?;
        match name.as_str() {
            "--configurations" => parsed.configurations = value,
            "--others" => parsed.others = value,
            "--seed" => parsed.seed = value,
            _ => return Err(format!("{name}: unknown; use --configurations, --others, --seed").into()),
        }
    }
    Ok(parsed)
}

fn factor(ratio: f64) -> String {
    if ratio < 1000.0 { format!("{ratio:.3}") } else { format!("{ratio:.1e}") }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { configurations, others, seed } = arguments()?;
    println!("kept: mean + {MARGIN} standard errors <= bound; broken: mean - {MARGIN} standard errors > bound");
    println!("privacy-delta is a value, not a bound: kept within the standard errors, broken outside\n");
    println!("| bound | form | kept | unresolved | broken | bound/mean: min | 5 % | median | 95 % | max |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut broken = 0;
    for check in 0..CHECKS.len() {
        for row in run(check, seed, if check == 0 { configurations } else { others })? {
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
