//! What `reproduce`, `merge` and `experiments` take.

use std::path::PathBuf;

use clap::Args;
use collapipe::experiments::{MAX_SEEDS, Shard};
use collapipe::simulation::MOST_COMPARED;

use super::args::{FigureArguments, Format};

/// Play experiments: policies against each other in many scenarios, with tables, figures and one report.
///
/// Runs go on in parallel; each finished one is kept, so that the same command continues where it was after a Ctrl-C or
/// a kill. Results do not depend on the number of threads. `collapipe experiments` lists the names; docs/reproduce.md
/// says how to read the results.
#[derive(Clone, Debug, Args)]
pub struct ReproduceArguments {
    /// Experiments by name; all if left out
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Short runs, two seeds, few values of what is varied: to see that it works
    #[arg(long)]
    pub quick: bool,
    /// Folder for results, one folder per experiment in it
    #[arg(long, value_name = "DIR", default_value = "collapipe-reproduce")]
    pub out: PathBuf,
    #[command(flatten)]
    pub job: JobArguments,
    /// Number of seeds; 5 if left out, 2 with --quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_SEEDS))]
    pub seeds: Option<u64>,
    /// Number of slots of every run; 100 if left out, 10 with --quick; at most 2000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_COMPARED as u64))]
    pub slots: Option<u64>,
    /// Folder with lumos5g_traces.csv, for the experiment `traces`, which is left out otherwise
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,
    #[command(flatten)]
    pub figures: FigureArguments,
}

/// How the runs are played: by one job, or by several.
#[derive(Clone, Debug, Args)]
pub struct JobArguments {
    /// Play part i of n, from 1, and write no tables: one job of several, to be merged with `collapipe merge`
    #[arg(long, value_name = "i/n", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Threads; as many as the machine has if left out. The results do not depend on it, measured times excepted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Begin no run after so many seconds, and exit with 75 where runs are left, for schedulers that then queue the job again
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub deadline: Option<u64>,
    /// Play nothing, but list the runs in this file (JSON), each with its effort and the part that plays it: for `collapipe sweep --go`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["shard", "threads", "deadline"])]
    pub plan: Option<PathBuf>,
    /// Number of parts in that file; 1 if left out
    #[arg(long, value_name = "N", requires = "plan", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub parts: Option<u32>,
}

pub fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    let (index, count) = parts.ok_or("must be i/n, as 1/4")?;
    Shard::new(index, count).map_err(|_| "must be i/n with 1 <= i <= n".into())
}

/// Gather the parts that `reproduce --shard` played, and write the tables and figures of all.
#[derive(Clone, Debug, Args)]
pub struct MergeArguments {
    /// Output folders of the parts
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// Folder for the results of all
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Folder of traces, if it is not where the parts had it
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,
    #[command(flatten)]
    pub figures: FigureArguments,
}

/// List the experiments that `reproduce` knows, with what they ask.
#[derive(Clone, Debug, Args)]
pub struct ExperimentsArguments {
    /// Table or JSON
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
