//! What `compare` and `sweep` take.

use std::path::PathBuf;

use clap::Args;
use collapipe::experiments::{MAX_SEEDS, Vary};
use collapipe::simulation::{MOST_COMPARED, PolicyKind};

use super::args::{FigureArguments, ScenarioArguments};
use super::reproduce_args::JobArguments;

/// Play policies against each other in a scenario of your own, with tables, a figure and a report.
///
/// Every policy plays the same states, for several seeds from the scenario's own on. Runs go on in parallel; each finished
/// one is kept, so that the same command continues where it was after a Ctrl-C or a kill. The output folder is laid
/// out as that of `reproduce` (docs/reproduce.md).
#[derive(Clone, Debug, Args)]
pub struct CompareArguments {
    #[command(flatten)]
    pub scenario: ScenarioArguments,
    /// Who decides, separated by commas (docs/policies.md); exact, uniform-segments, proportional-speed, fixed-radio and
    /// no-pipeline if left out, as far as they know all that the scenario asks for
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub policies: Vec<PolicyKind>,
    #[command(flatten)]
    pub size: SizeArguments,
    /// Folder for results
    #[arg(long, value_name = "DIR", default_value = "collapipe-compare")]
    pub out: PathBuf,
}

/// Play a scenario of your own at several values of its fields, with tables, a figure and a report.
///
/// Each path=a,b,c names a field as --set does, and its values; fields joined by + take the same value. The first one is
/// the axis of the figure, of further ones each combination is a curve of its own. Instead of a scenario, SCENARIO may be an
/// experiment described in TOML (schema collapipe.experiment/1; docs/reproduce.md).
///
/// Example: collapipe sweep my.toml uplink.bandwidth_hz+clusters.*.bandwidth_hz=5e6,10e6,20e6 --policies exact,no-pipeline
#[derive(Clone, Debug, Args)]
pub struct SweepArguments {
    /// Scenario or experiment (TOML), or `-` for standard input
    #[arg(value_name = "SCENARIO", required_unless_present = "go")]
    pub file: Option<PathBuf>,
    /// Fields and their values
    #[arg(value_name = "PATH=LIST", value_parser = vary)]
    pub vary: Vec<Vary>,
    /// A value instead of the scenario's, as clusters.workshop.batch_size=16; may be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Who decides, separated by commas (docs/policies.md); `exact` if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub policies: Vec<PolicyKind>,
    #[command(flatten)]
    pub size: SizeArguments,
    /// Play what --plan of `sweep`, `compare` or `reproduce` listed in this file; with --shard i/n a part, n as it was listed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "set", "policies", "seeds", "slots", "plan"])]
    pub go: Option<PathBuf>,
    /// Folder for results
    #[arg(long, value_name = "DIR", default_value = "collapipe-sweep")]
    pub out: PathBuf,
}

fn vary(text: &str) -> Result<Vary, String> {
    Vary::parse(text).map_err(|error| error.to_string())
}

/// How much is played, and where.
#[derive(Clone, Debug, Args)]
pub struct SizeArguments {
    /// Number of seeds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=MAX_SEEDS))]
    pub seeds: u64,
    /// Number of slots of every run, at most 2000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=MOST_COMPARED as u64))]
    pub slots: u64,
    #[command(flatten)]
    pub job: JobArguments,
    #[command(flatten)]
    pub figures: FigureArguments,
}
