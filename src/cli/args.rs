//! What the command line takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use collapipe::problem::{MAX_MAGNITUDE, MIN_MAGNITUDE};
use collapipe::report::Conflict;
use collapipe::scenario::{Assignment, MAX_SLOTS};
use collapipe::simulation::PolicyKind;
use collapipe::solver::Settings;
use collapipe::tradeoff::MAX_POINTS;

use super::calibrate::CalibrateArguments;
pub use super::compare_args::{CompareArguments, SizeArguments, SweepArguments};
pub use super::figure_args::FigureArguments;
pub use super::file_args::{
    CompletionsArguments, InitArguments, ManArguments, SchemaArguments, SchemaFormat, SchemaName, TemplateName,
    ValidateArguments,
};
use super::partition::PartitionArguments;
use super::plan::PlanArguments;
use super::recommend::RecommendArguments;
use super::report::ReportArguments;
pub use super::reproduce_args::{ExperimentsArguments, JobArguments, MergeArguments, ReproduceArguments};
use super::schedule::ScheduleArguments;

/// Plan collaborative training of Transformers over edge devices: which device holds how many encoder blocks, how many
/// micro-batches, and how bandwidth and transmit power are shared, round after round, within energy budgets.
///
/// Without a command, `run` plays the built-in scenario: BERT-base on two clusters of real boards and phones.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  collapipe                                   play the built-in scenario
  collapipe init --out my.toml                a scenario to start from
  collapipe validate my.toml                  all that is wrong or odd in it
  collapipe plan my.toml                      one round: who does what, and why
  collapipe run my.toml --out here            play it (docs/scenario.md)
  collapipe report here --figures paper       its files again, in another style
  collapipe compare my.toml                   policies against each other
  collapipe sweep my.toml latency_weight=1,2  several values of a field
  collapipe tradeoff my.toml                  latency against overspending
  collapipe problem my.toml --slot 7 > p.json  the problem of slot 7
  collapipe solve p.json > a.json             its optimal decision, with a bound
  collapipe check p.json a.json               evaluate any decision
  collapipe partition p.csv --devices 4x1     cut a chain of measured layers
  collapipe bound b.json                      how small the gradient gets
  collapipe schedule 1f1b --link 0.5          a pipeline event by event
  collapipe budget my.toml                    the least budgets that can be kept
  collapipe calibrate timings.csv             rates and links, from timings
  collapipe recommend --latency-tolerance 30  which V is good enough
  collapipe reproduce --quick                 all experiments on a small scale
  collapipe presets                           models, devices, radio models

Exit codes:
  0    solved, or done
  1    the machine failed: a file could not be written, arithmetic gave up
  2    bad input or usage
  3    infeasible: the problem, the decision checked, or every slot of a run
  75   --deadline came before the end; the same command goes on
  130  stopped by Ctrl-C; files hold the finished slots";

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(RunArguments),
    Report(ReportArguments),
    Compare(CompareArguments),
    Sweep(SweepArguments),
    Tradeoff(TradeoffArguments),
    Promise(PromiseArguments),
    Solve(SolveArguments),
    Check(CheckArguments),
    Problem(ProblemArguments),
    Plan(PlanArguments),
    Partition(PartitionArguments),
    Bound(BoundArguments),
    Schedule(ScheduleArguments),
    Recommend(RecommendArguments),
    #[cfg(feature = "milp")]
    Budget(BudgetArguments),
    Reproduce(ReproduceArguments),
    Merge(MergeArguments),
    Experiments(ExperimentsArguments),
    Presets(PresetsArguments),
    Init(InitArguments),
    Validate(ValidateArguments),
    Schema(SchemaArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
    Calibrate(CalibrateArguments),
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Accuracy of a solve.
#[derive(Clone, Copy, Debug, Args)]
pub struct Accuracy {
    /// Relative gap between objective and proven lower bound at which a slot's search ends, in [1e-9, 1]
    #[arg(long, default_value_t = Settings::default().gap)]
    gap: f64,
    /// Longest time of a slot's search on the wall clock; the best decision until then comes with a proved bound
    #[arg(long, value_name = "SECONDS", value_parser = time_limit)]
    time_limit: Option<Duration>,
    /// Most operations of a slot's search, roughly floating-point operations; the same answer on any machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    work_limit: Option<u64>,
}

fn time_limit(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    limit.ok_or_else(|| "must be a number of seconds > 0".into())
}

impl Default for Accuracy {
    fn default() -> Self {
        let Settings { gap, work_limit, time_limit } = Settings::default();
        Self { gap, time_limit, work_limit }
    }
}

impl Accuracy {
    pub fn settings(self) -> Settings {
        Settings { gap: self.gap, work_limit: self.work_limit, time_limit: self.time_limit }
    }
}

/// What to play.
#[derive(Clone, Debug, Default, Args)]
pub struct ScenarioArguments {
    /// Scenario file (TOML), or `-` for standard input; the built-in scenario if left out
    pub scenario: Option<PathBuf>,
    /// Base of all random numbers, instead of the scenario's
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// V: price of a second of round latency against energy in 1/s, instead of the scenario's; of `tradeoff` the values to
    /// play, separated by commas
    #[arg(long, alias = "v", value_name = "V", value_delimiter = ',', value_parser = latency_weight)]
    pub latency_weight: Vec<f64>,
    /// A value instead of the scenario's, as clusters.workshop.batch_size=16; may be given several times
    ///
    /// The path's steps are separated by dots. An element of a list is named by its place, from 0, by its name, or by *
    /// for all: clusters.0.devices.nano-a.budget_j_per_round=50, clusters.*.bandwidth_hz=10e6. The value is TOML; strings
    /// need no quotation marks.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<Assignment>,
    /// Share of every energy budget to leave unspent, in [0, 0.9], so that the budget itself is kept for sure, instead of
    /// the scenario's; nodes with a margin of their own keep it
    #[arg(long, value_name = "SHARE")]
    pub budget_margin: Option<f64>,
}

/// V, or another number that must be positive.
fn latency_weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (MIN_MAGNITUDE..=MAX_MAGNITUDE).contains(&value) => Ok(value),
        _ => Err(format!("must be a number in [{MIN_MAGNITUDE:e}, {MAX_MAGNITUDE:e}]")),
    }
}

/// Play a scenario slot by slot: every slot is solved exactly at the energy prices of its queues, or decided by another
/// policy.
///
/// Prints a summary and writes the record (JSON), tables (CSV), figures (SVG) and a page (report.html) to the output folder. Slots
/// without a feasible decision are recorded as outages; the exit code is 3 only if every slot was one. Ctrl-C stops
/// after the current slot (twice: at once) and writes the finished ones.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Number of slots, instead of the scenario's
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_SLOTS))]
    pub slots: Option<u64>,
    /// Folder for record, tables and figures
    #[arg(long, value_name = "DIR", default_value = DEFAULT_FOLDER)]
    pub out: PathBuf,
    /// Replace files in that folder that do not belong to a run but have the names of its files
    #[arg(long)]
    pub overwrite: bool,
    /// Print the summary and write nothing
    #[arg(long, conflicts_with_all = ["out", "overwrite"])]
    pub no_files: bool,
    /// Write the tables as Parquet as well
    #[cfg(feature = "parquet")]
    #[arg(long, conflicts_with = "no_files")]
    pub parquet: bool,
    /// How to print the summary
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// How much work to put into the certificates beyond C1: the slots are solved again at other prices
    #[arg(long, value_enum, default_value_t)]
    pub certificates: CertificateEffort,
    /// Who decides the rounds (docs/policies.md)
    #[arg(long, value_name = "NAME", default_value_t = PolicyKind::Exact, help = policy_help())]
    pub policy: PolicyKind,
    /// Start the queues where a pilot run on 100 later slots says they will end up, instead of at zero
    #[arg(long)]
    pub warm_start: bool,
    #[command(flatten)]
    pub figures: FigureArguments,
    #[command(flatten)]
    pub accuracy: Accuracy,
}

fn policy_help() -> String {
    format!("Who decides the rounds (docs/policies.md): {}", PolicyKind::names())
}

/// Work for the certificates beyond C1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CertificateEffort {
    /// Every slot again, usually twice, to gaps of 1e-2 and 1e-1.
    #[default]
    Quick,
    /// Until the bounds are within 1e-3 (usually some twenty times), to a gap of 1e-4; takes several times as long as
    /// the run.
    Full,
    /// C1 alone.
    Off,
}

/// What `--overwrite` means.
pub fn conflict(overwrite: bool) -> Conflict {
    if overwrite { Conflict::Overwrite } else { Conflict::Refuse }
}

const DEFAULT_FOLDER: &str = "collapipe-out";

impl Default for RunArguments {
    fn default() -> Self {
        Self {
            scenario: ScenarioArguments::default(),
            slots: None,
            out: DEFAULT_FOLDER.into(),
            overwrite: false,
            no_files: false,
            #[cfg(feature = "parquet")]
            parquet: false,
            format: Format::default(),
            certificates: CertificateEffort::default(),
            policy: PolicyKind::Exact,
            warm_start: false,
            figures: FigureArguments::default(),
            accuracy: Accuracy::default(),
        }
    }
}

/// Run a scenario at several V, or several targets ε of its convergence constraint, and show how one trades against
/// the other.
///
/// Prints a table and writes tradeoff.json, tradeoff.csv, figures and a page (report.html) to the output folder. Runs go on in parallel; each
/// finished one is kept in the folder's `points`, so that the same command continues where it was after a Ctrl-C or a
/// kill, and further values can be added later. Points of another scenario, seed, setting or version are refused.
#[derive(Clone, Debug, Args)]
pub struct TradeoffArguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Targets ε in loss²/par², separated by commas; the scenario must have a section [convergence]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = latency_weight, conflicts_with_all = ["over", "from", "to", "points"])]
    pub epsilon: Vec<f64>,
    /// What to vary if no list is given
    #[arg(long, value_enum, default_value_t)]
    pub over: Over,
    /// Least value; a tenth (V) or a third (ε) of the scenario's if left out
    #[arg(long, value_name = "A", value_parser = latency_weight)]
    pub from: Option<f64>,
    /// Greatest value; ten (V) or three (ε) times the scenario's if left out
    #[arg(long, value_name = "B", value_parser = latency_weight)]
    pub to: Option<f64>,
    /// Number of values, evenly spaced in their logarithm; 9 if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=MAX_POINTS as i64))]
    pub points: Option<u16>,
    /// Number of slots of every run, instead of the scenario's
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_SLOTS))]
    pub slots: Option<u64>,
    /// Who decides the rounds (docs/policies.md)
    #[arg(long, value_name = "NAME", default_value_t = PolicyKind::Exact, help = policy_help())]
    pub policy: PolicyKind,
    /// Threads; as many as the machine has if left out. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Folder for points, tables and figures
    #[arg(long, value_name = "DIR", default_value = "collapipe-tradeoff")]
    pub out: PathBuf,
    /// Replace files in that folder that do not belong to a sweep but have the names of its files
    #[arg(long)]
    pub overwrite: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub figures: FigureArguments,
    #[command(flatten)]
    pub accuracy: Accuracy,
}

/// Run a scenario at as many seeds as it takes to promise, before a run, what runs at other seeds will do: worst
/// overspend, mean latency and queues.
///
/// Prints a table and writes promise.json, a page and a figure to the output folder. Runs go on in parallel; each finished one is kept in the
/// folder's `runs`, so that the same command continues where it was after a Ctrl-C or a kill.
#[derive(Clone, Debug, Args)]
pub struct PromiseArguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Probability with which the statement is true, above 0 and below 1
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    pub confidence: f64,
    /// Share of the runs that the statement is about, above 0 and below 1; 59 runs for 0.95 and 0.95
    #[arg(long, value_name = "P", default_value_t = 0.95)]
    pub coverage: f64,
    /// Number of slots of every run, instead of the scenario's
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_SLOTS))]
    pub slots: Option<u64>,
    /// Threads; as many as the machine has if left out. The results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Folder for runs and result
    #[arg(long, value_name = "DIR", default_value = "collapipe-promise")]
    pub out: PathBuf,
    /// Replace files in that folder that are of something else but have the names of these
    #[arg(long)]
    pub overwrite: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub figures: FigureArguments,
    #[command(flatten)]
    pub accuracy: Accuracy,
}

/// What a sweep varies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Over {
    /// V, the price of a second.
    #[default]
    #[value(alias = "v")]
    LatencyWeight,
    /// ε, the target of the convergence constraint.
    Epsilon,
}

/// Solve one slot problem and print the answer as JSON: status, decision, objective, lower bound, gap, shadow prices.
///
/// For an infeasible problem the answer is status `infeasible` and the reason; the exit code is then 3.
#[derive(Clone, Debug, Args)]
pub struct SolveArguments {
    /// Slot problem (JSON, collapipe.slot-problem/1 or /2; docs/slot-problem.md), or `-` for standard input
    pub problem: PathBuf,
    #[command(flatten)]
    pub accuracy: Accuracy,
}

/// Evaluate a decision: latencies, energies, every term of the objective, and each constraint it breaks.
///
/// Objective and lower bound of an answer are compared with the decision's own cost, and for one cluster the bound is
/// recomputed from the answer's prices.
///
/// The exit code is 3 if the decision breaks a constraint by more than the tolerance, or if the answer's objective or lower
/// bound is wrong.
#[derive(Clone, Debug, Args)]
pub struct CheckArguments {
    /// Slot problem (JSON), or `-` for standard input
    pub problem: PathBuf,
    /// Answer of any solver, or a bare decision (JSON), or `-` for standard input
    pub answer: PathBuf,
    /// Largest relative violation that counts as rounding
    #[arg(long, default_value_t = 1e-9, value_parser = tolerance)]
    pub tolerance: f64,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value.is_finite() => Ok(value),
        _ => Err("must be a finite number >= 0".into()),
    }
}

/// Print one slot's problem as JSON, exactly as it occurs in the run.
///
/// The slots before it are played first, because their energies set its prices. The exit code is 3 if the slot has no
/// problem: all devices of a cluster are absent.
#[derive(Clone, Debug, Args)]
pub struct ProblemArguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// The slot, from 0
    #[arg(long)]
    pub slot: u64,
    #[command(flatten)]
    pub accuracy: Accuracy,
}

/// Print a convergence bound of a training schedule as JSON.
///
/// The field `bound` names it: local-steps, partial-participation, virtual-average, pipeline-depth, plans (several side by side),
/// mini-batch-sgd, local-sgd-bounded-gradients, strongly-convex-fedavg, gaussian-mechanism or compressed-activations; the other
/// fields are its parameters
/// (docs/cli.md). A step size too large for the bound's assumptions is refused, with the largest one allowed.
#[derive(Clone, Debug, Args)]
pub struct BoundArguments {
    /// Parameters (JSON), or `-` for standard input
    pub parameters: PathBuf,
    /// Also print the bound by performance estimation (`local-steps` with a sum of 2K+1 of at most 40; takes seconds)
    #[arg(long)]
    pub certify: bool,
}

/// The least energy budgets that can be kept, by proof from both sides, and which V to start with.
///
/// Plays the scenario's first slots, then looks for the decisions that spend least in them: the least common factor of
/// all budgets, and the least budget of every node with the others as they are. Says what a joule more would buy. Where no
/// node has a budget, what each spends where nothing limits it is taken as one.
#[cfg(feature = "milp")]
#[derive(Clone, Debug, Args)]
pub struct BudgetArguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Number of slots to look at; the scenario's, but at most 100, if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=collapipe::simulation::MOST_COMPARED as u64))]
    pub slots: Option<u64>,
    /// Write the scenario to this new file, with budgets of 1.25 times the least common ones; comments are left out
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(flatten)]
    pub accuracy: Accuracy,
}

pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("must be a finite number > 0".into()),
    }
}

/// List what scenario files can name: models, devices, edge servers, path loss, with numbers and sources.
#[derive(Clone, Debug, Args)]
pub struct PresetsArguments {
    /// Markdown tables or JSON
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
