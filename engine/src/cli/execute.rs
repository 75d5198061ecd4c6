//! `collapipe-engine execute`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::problem::{Decision, SlotProblem};
use collapipe::schedule::Sending;
use collapipe_engine::compare::{self, Comparison};
use collapipe_engine::network::Shape;
use collapipe_engine::roles::{Pace, RoundOrder};
use serde::Serialize;

use super::members::{MemberArguments, Members, network};
use super::{Failure, print, read};

/// Execute one decision of a slot problem over real messages, and print what was predicted and what was measured.
///
/// Control unit, devices and edge server of every cluster run as threads (default), as processes, or wherever they join
/// from; they send each other messages over TCP in the order of the plan's schedule. Times are emulated: a stage takes as long as
/// planned, a link sends at the decision's rate. The messages are synthetic, and large ones are shortened: the emulated time
/// is what counts.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The slot problem (collapipe.slot-problem/1 or /2)
    problem: PathBuf,
    /// The answer, as `collapipe solve` prints it
    answer: PathBuf,
    /// Seconds of the wall clock per planned second
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    scale: f64,
    /// Whom transmissions occupy; as the problem says if left out
    #[arg(long, value_enum)]
    sending: Option<SendingName>,
    /// Time passes by itself: nobody sleeps, and what is measured follows from the order of the messages alone
    #[arg(long, conflicts_with_all = ["listen", "processes"])]
    virtual_time: bool,
    /// Links are shaped by the kernel of this machine instead of emulated: every node in a network namespace, every link a token
    /// bucket. Linux, as root or with user namespaces
    #[arg(long, conflicts_with_all = ["listen", "processes", "virtual_time"])]
    kernel_links: bool,
    /// Rounds; all of them are printed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Table or JSON
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    members: MemberArguments,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SendingName {
    Overlapped,
    Blocking,
    Transmitter,
    HalfDuplex,
    Medium,
    Delay,
}

impl From<SendingName> for Sending {
    fn from(name: SendingName) -> Self {
        match name {
            SendingName::Overlapped => Self::Overlapped,
            SendingName::Blocking => Self::Blocking,
            SendingName::Transmitter => Self::Transmitter,
            SendingName::HalfDuplex => Self::HalfDuplex,
            SendingName::Medium => Self::Medium,
            SendingName::Delay => Self::Delay,
        }
    }
}

#[derive(Serialize)]
struct Printed {
    rounds: Vec<Comparison>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    // Before anything is read, because it begins again in a network of its own.
    let mut network = network(arguments.kernel_links)?;
    let scale = super::scale(arguments.scale)?;
    let named = |path: &PathBuf, error: String| Failure::input(format_args!("{}: {error}", path.display()));
    let problem = SlotProblem::from_json(&read(&arguments.problem)?);
    let problem = problem.map_err(|error| named(&arguments.problem, error.to_string()))?;
    let decision = Decision::from_answer_json(&read(&arguments.answer)?);
    let decision = decision.map_err(|error| named(&arguments.answer, error.to_string()))?;
    let order = RoundOrder::synthetic(&problem, &decision, Pace::Emulated { scale });
    let mut order = order.map_err(|error| named(&arguments.answer, error.to_string()))?;
    if let Some(sending) = arguments.sending {
        order = order.sending(sending.into());
    }
    order.patience_s = arguments.members.patience_s()?;
    let mut members = match &mut network {
        None => Members::gather(&arguments.members, &order.members(), arguments.virtual_time)?,
        Some(network) => {
            let mut shape = Shape::new(order).map_err(Failure::input)?;
            let members = Members::shaped(network, &mut shape)?;
            order = shape.order;
            members
        }
    };
    let mut printed = Printed { rounds: Vec::new() };
    for round in 0..arguments.rounds {
        let measured = members.coordinator()?.round(&order, &Default::default());
        let measured = measured.map_err(|error| Failure::machine(format_args!("round {round}: {error}")))?;
        let comparison = Comparison::new(&order, &measured).map_err(Failure::input)?;
        if matches!(arguments.format, Format::Table) {
            print(&format!("{}\n", compare::text(&comparison)))?;
        }
        printed.rounds.push(comparison);
    }
    match arguments.format {
        Format::Table => Ok(()),
        Format::Json => print(&(serde_json::to_string_pretty(&printed).map_err(Failure::machine)? + "\n")),
    }
}
