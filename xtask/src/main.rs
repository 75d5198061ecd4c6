//! The developers' programs: `cargo xtask --help`.

mod architecture;
mod backend_gaps;
mod backends;
mod bounds_check;
mod doc_examples;
/// Shared with the tests, which run the quick ones.
#[path = "../../tests/support/examples.rs"]
mod examples;
mod fuzz;
mod quality;
mod shards;
mod speed;
/// Shared with the tests, which run a part of it.
#[path = "../../tests/theory/training/mod.rs"]
mod training;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

/// The developers' programs
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Check the imports of the library's rooms against the table in docs/architecture.md
    Architecture,
    BackendGaps(backend_gaps::Arguments),
    /// Time the conic backend beside the exact solver
    Backends,
    BoundsCheck(bounds_check::Arguments),
    DocExamples(doc_examples::Arguments),
    Fuzz(fuzz::Arguments),
    Quality(quality::Arguments),
    Shards(shards::Arguments),
    Speed(speed::Arguments),
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match Task::parse() {
        Task::Architecture => return architecture::run(),
        Task::BoundsCheck(arguments) => return bounds_check::run(&arguments),
        Task::DocExamples(arguments) => return doc_examples::run(&arguments),
        Task::Fuzz(arguments) => return fuzz::run(arguments),
        Task::Shards(arguments) => return shards::run(&arguments),
        Task::BackendGaps(arguments) => backend_gaps::run(&arguments)?,
        Task::Backends => backends::run()?,
        Task::Quality(arguments) => quality::run(&arguments)?,
        Task::Speed(arguments) => speed::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
