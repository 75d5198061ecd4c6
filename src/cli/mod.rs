//! The command line, thin: read, call the library, print.

mod args;
mod bound;
#[cfg(feature = "milp")]
mod budget;
mod calibrate;
mod compare;
mod compare_args;
mod figure_args;
mod file_args;
mod files;
mod io;
mod long_run;
mod partition;
mod plan;
mod presets;
mod progress;
mod promise;
mod recommend;
mod report;
mod reproduce;
mod reproduce_args;
mod run;
mod schedule;
mod shell;
mod slot;
mod tradeoff;
mod work;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use collapipe::{Blame, Blamed};

use args::{Arguments, Command, RunArguments};

/// How a command ended, where it did not fail.
enum Done {
    /// A feasible decision, or what was asked for.
    Solved,
    /// What was asked about is not valid; what is wrong was printed.
    Refused,
    /// No feasible decision.
    Infeasible,
    /// Ctrl-C.
    Interrupted,
    /// A deadline came, and there is more to do.
    Deferred,
}

/// Why a command failed.
enum Failure {
    /// To be reported to the user.
    Error(Blame, String),
    /// The reader of our output has seen enough; not an error.
    ClosedPipe,
}

impl Failure {
    fn input(message: impl Into<String>) -> Self {
        Self::Error(Blame::Input, message.into())
    }

    fn machine(message: impl Into<String>) -> Self {
        Self::Error(Blame::Machine, message.into())
    }
}

impl<E: Blamed> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.blame(), error.to_string())
    }
}

/// Lines of `--help` that are longer are hard to read.
const WIDEST_HELP: usize = 110;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let matches = Arguments::command().term_width(io::width().min(WIDEST_HELP)).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match arguments.command.unwrap_or_else(|| Command::Run(RunArguments::default())) {
        Command::Run(arguments) => run::run(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Sweep(arguments) => compare::sweep(&arguments),
        Command::Tradeoff(arguments) => tradeoff::tradeoff(&arguments),
        Command::Promise(arguments) => promise::promise(&arguments),
        Command::Solve(arguments) => slot::solve(&arguments),
        Command::Check(arguments) => slot::check(&arguments),
        Command::Problem(arguments) => slot::problem(&arguments),
        Command::Partition(arguments) => partition::partition(&arguments),
        Command::Bound(arguments) => bound::bound(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Schedule(arguments) => schedule::schedule(&arguments),
        Command::Recommend(arguments) => recommend::recommend(&arguments),
        #[cfg(feature = "milp")]
        Command::Budget(arguments) => budget::budget(&arguments),
        Command::Reproduce(arguments) => reproduce::reproduce(&arguments),
        Command::Merge(arguments) => reproduce::merge(&arguments),
        Command::Experiments(arguments) => reproduce::experiments(&arguments),
        Command::Presets(arguments) => presets::presets(&arguments),
        Command::Init(arguments) => files::init(&arguments),
        Command::Validate(arguments) => files::validate(&arguments),
        Command::Schema(arguments) => files::schema(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
        Command::Calibrate(arguments) => calibrate::calibrate(&arguments),
    };
    let (code, message) = match done {
        Ok(Done::Solved) | Err(Failure::ClosedPipe) => (0, None),
        Ok(Done::Refused) => (2, None),
        Ok(Done::Infeasible) => (3, None),
        Ok(Done::Interrupted) => (130, None),
        Ok(Done::Deferred) => (75, None),
        Err(Failure::Error(Blame::Input, message)) => (2, Some(message)),
        Err(Failure::Error(Blame::Infeasible, message)) => (3, Some(message)),
        Err(Failure::Error(Blame::Machine, message)) => (1, Some(message)),
    };
    if let Some(message) = message {
        io::error(&message);
    }
    ExitCode::from(code)
}
