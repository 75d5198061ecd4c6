//! What `collapipe partition` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::Format;

/// Cut a chain of layers over devices, exactly: links have fixed rates, or none.
///
/// FILE is a problem (JSON, collapipe.partition-problem/1), or a table of measured layers (CSV with a header);
/// docs/partition.md describes both. A table needs --devices; the other options from there on are for tables, too. The
/// exit code is 3 if there is no plan.
#[derive(Clone, Debug, Args)]
pub struct PartitionArguments {
    /// Problem or table of layers, or `-` for standard input
    pub file: PathBuf,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Most operations of a search that may be long; 1e10, some ten seconds, if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub work_limit: Option<u64>,
    #[command(flatten)]
    pub table: TableArguments,
}

/// What a table of layers does not say.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "For tables of layers")]
pub struct TableArguments {
    /// Devices, each by how many times slower than measured it is, separated by commas; 4x1 stands for 1,1,1,1
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = device)]
    pub devices: Vec<(usize, f64)>,
    /// Memory of each device in bytes, separated by commas, or of all
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    pub memory: Vec<f64>,
    /// Rate of the link between any two devices; without it links take no time
    #[arg(long, value_name = "R", value_parser = positive)]
    pub bits_per_second: Option<f64>,
    /// Propagation over every link
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub latency: Option<f64>,
    /// Devices in the order of the list, or in any
    #[arg(long, value_enum)]
    pub order: Option<Order>,
    /// Number of stages; as many as are best if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub stages: Option<u16>,
    /// What is minimized; `bottleneck` if left out
    #[arg(long, value_enum)]
    pub objective: Option<Objective>,
    /// Micro-batches, where the objective counts them
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    pub micro_batches: Option<u32>,
    /// Only rows that hold the value in the column, as model=vgg16; may be given several times
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = pair)]
    pub only: Vec<(String, String)>,
    /// Sort the rows by the number in the column, as node (node12 is 12)
    #[arg(long, value_name = "COLUMN")]
    pub order_by: Option<String>,
    /// Print the problem (JSON) instead of solving it
    #[arg(long)]
    pub print_problem: bool,
}

/// The order of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// As listed; any may be left out.
    Given,
    /// Any.
    Free,
}

/// What is minimized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Objective {
    /// The busiest stage or link.
    Bottleneck,
    /// The sum of all: one micro-batch.
    Latency,
    /// The sum, and M - 1 times the busiest.
    SumPlusMax,
    /// Makespan of all forwards, then all backwards.
    FillDrain,
    /// Makespan of one forward, one backward.
    #[value(name = "1f1b")]
    OneForwardOneBackward,
    /// Makespan of one forward, one backward after twice the warm-up.
    #[value(name = "eager-1f1b")]
    EagerOneForwardOneBackward,
    /// Makespan of inference.
    ForwardOnly,
}

impl Objective {
    /// Whether it counts micro-batches.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Bottleneck | Self::Latency)
    }
}

impl TableArguments {
    /// The first option that was given and that a problem file has its own field for.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--devices", !self.devices.is_empty()),
            ("--memory", !self.memory.is_empty()),
            ("--bits-per-second", self.bits_per_second.is_some()),
            ("--latency", self.latency.is_some()),
            ("--order", self.order.is_some()),
            ("--stages", self.stages.is_some()),
            ("--objective", self.objective.is_some()),
            ("--micro-batches", self.micro_batches.is_some()),
            ("--where", !self.only.is_empty()),
            ("--order-by", self.order_by.is_some()),
            ("--print-problem", self.print_problem),
        ];
        given.into_iter().find_map(|(name, given)| given.then_some(name))
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("must be a finite number > 0".into()),
    }
}

/// `2.5`, or `4x2.5` for four devices.
fn device(text: &str) -> Result<(usize, f64), String> {
    let (count, slowness) = text.split_once('x').unwrap_or(("1", text));
    let slowness = positive(slowness).map_err(|error| format!("{error}, or as 4x2.5 for four devices"))?;
    match count.parse() {
        Ok(count @ 1..=64) => Ok((count, slowness)),
        _ => Err("the number before x must be a whole number in [1, 64]".into()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or("must be COLUMN=VALUE")?;
    Ok((column.trim().into(), value.trim().into()))
}
