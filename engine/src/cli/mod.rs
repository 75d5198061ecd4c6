//! The command line of `collapipe-engine`.

mod execute;
mod join;
mod learn;
mod members;
mod profile;
mod reproduce;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Execute collapipe's plans: pipelined training over threads, processes or boards, predicted against measured.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Execute(execute::Arguments),
    Run(run::Arguments),
    Join(join::Arguments),
    Profile(profile::Arguments),
    Reproduce(reproduce::Arguments),
}

/// Why a command failed, and its exit code: 2 for what the user can change, 1 for what the machine could not do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub code: u8,
    pub message: String,
}

impl Failure {
    pub fn input(message: impl std::fmt::Display) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    pub fn machine(message: impl std::fmt::Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }
}

pub(crate) fn read(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::input(format_args!("{}: {error}", path.display())))
}

/// Seconds of the wall clock per planned second.
pub(crate) fn scale(scale: f64) -> Result<f64, Failure> {
    if (1e-9..=1e9).contains(&scale) {
        return Ok(scale);
    }
    Err(Failure::input(format_args!(
        "--scale {scale}: must be in [1e-9, 1e9], seconds of the wall clock per planned second"
    )))
}

pub(crate) fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::machine)
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Execute(arguments) => execute::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Join(arguments) => join::run(&arguments),
        Command::Profile(arguments) => profile::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
