//! `collapipe schedule`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::schedule::{Account, Drawing, Durations, MAX_OPERATIONS, ScheduleName, ScheduleSpec, Sending};
use collapipe::write_bytes;
use serde::Serialize;

use super::figure_args::Figures;
use super::{Done, Failure, io};

/// Play a pipeline schedule event by event: makespan, critical path, bubbles and memory, as a table, JSON, a Gantt
/// chart or a trace.
///
/// A schedule is an order of work for every stage; the durations say how long each piece takes. The makespan is exact,
/// and the table says what no other order of the same work could beat. docs/pipelines.md has the schedules in pictures
/// and the format of files.
///
/// A list of durations has one number per stage, or per link from each stage to the next one; a single number stands
/// for all of them. With --chunks v, stage s of P holds parts s, s + P, s + 2 P, ... of the model: lists are per part.
/// With --slices n, lists have n numbers per stage, those of a stage side by side.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ScheduleArguments {
    /// The schedule
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    kind: Option<Kind>,
    /// Schedule, durations and memory from a file (JSON), or `-` for standard input, instead of the options below
    #[arg(long, value_name = "FILE", conflicts_with_all = OPTIONS)]
    file: Option<PathBuf>,
    /// Number of stages
    #[arg(long, value_name = "P", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    stages: u32,
    /// Micro-batches of an iteration
    #[arg(long, value_name = "M", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    micro_batches: u32,
    /// Parts of the model on each stage (interleaved; 2 there if left out)
    #[arg(long, value_name = "V", value_parser = clap::value_parser!(u32).range(1..=1000))]
    chunks: Option<u32>,
    /// Slices of each micro-batch along its tokens (token-slices; 4 there if left out)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    slices: Option<u32>,
    /// Whom a message on its way occupies
    #[arg(long, value_enum, default_value_t)]
    sending: Mode,
    /// Seconds of a forward
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [1.0])]
    forward: Vec<f64>,
    /// Seconds of a backward; twice the forward if left out, or as long as it where W is split off
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    backward: Vec<f64>,
    /// Seconds of W, the gradient of weights (zero-bubble-h1); as long as the forward if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    weight: Vec<f64>,
    /// Seconds that a message occupies its link, or whom --sending says
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [0.0])]
    link: Vec<f64>,
    /// The same of messages back; as --link if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    back_link: Vec<f64>,
    /// Seconds that a message arrives later, which occupy nobody
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [0.0])]
    latency: Vec<f64>,
    /// The same of messages back; as --latency if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    back_latency: Vec<f64>,
    /// What to print
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace that file if it is there
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Where the chart will be seen (svg, pdf)
    #[arg(long, value_name = "STYLE", value_enum, default_value_t = Figures::Paper)]
    figures: Figures,
    /// Width of the chart in inches, instead of the style's
    #[arg(long, value_name = "INCHES")]
    width: Option<f64>,
    /// Leave the rows of links out of the chart
    #[arg(long)]
    no_links: bool,
}

const OPTIONS: [&str; 12] = [
    "stages",
    "micro_batches",
    "chunks",
    "slices",
    "sending",
    "forward",
    "backward",
    "weight",
    "link",
    "back_link",
    "latency",
    "back_latency",
];

const EXAMPLES: &str = "\
Examples:
  collapipe schedule 1f1b                    4 stages, 8 micro-batches
  collapipe schedule 1f1b --stages 3 --forward 1,2,1 --backward 2,4,2
  collapipe schedule fill-drain --link 0.5 --sending blocking
  collapipe schedule interleaved --chunks 2 --format svg --out chart.svg
  collapipe schedule zero-bubble-h1 --format trace --out trace.json
                                             for https://ui.perfetto.dev
  collapipe schedule --file mine.json --format json
                                             your own (docs/pipelines.md)";

/// Schedules that options can describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// All forwards, then all backwards (GPipe).
    FillDrain,
    /// As many forwards as there are stages behind, then one forward, one backward.
    #[value(name = "1f1b")]
    OneForwardOneBackward,
    /// Twice as many forwards first: hides links.
    #[value(name = "eager-1f1b")]
    EagerOneForwardOneBackward,
    /// Inference.
    ForwardOnly,
    /// 1F1B with several parts of the model on each stage.
    Interleaved,
    /// 1F1B with the gradients of weights split off to fill bubbles.
    #[value(name = "zero-bubble-h1")]
    ZeroBubble,
    /// Micro-batches cut along their tokens, forward and backward (TeraPipe).
    TokenSlices,
    /// The same, forward only.
    TokenSlicesForward,
}

impl Kind {
    fn name(self) -> ScheduleName {
        match self {
            Self::FillDrain => ScheduleName::FillDrain,
            Self::OneForwardOneBackward => ScheduleName::OneForwardOneBackward,
            Self::EagerOneForwardOneBackward => ScheduleName::EagerOneForwardOneBackward,
            Self::ForwardOnly => ScheduleName::ForwardOnly,
            Self::Interleaved => ScheduleName::Interleaved,
            Self::ZeroBubble => ScheduleName::ZeroBubble,
            Self::TokenSlices => ScheduleName::TokenSlices,
            Self::TokenSlicesForward => ScheduleName::TokenSlicesForward,
        }
    }
}

/// Whom a message occupies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The link, one machine for each direction.
    #[default]
    Overlapped,
    /// The sender, right after the computation.
    Blocking,
    /// The sender's transmitter, whomever the message is for.
    Transmitter,
    /// The radios of sender and receiver.
    HalfDuplex,
    /// One medium for all, in turn.
    Medium,
    /// Nobody: it arrives later.
    Delay,
}

impl Mode {
    fn sending(self) -> Sending {
        match self {
            Self::Overlapped => Sending::Overlapped,
            Self::Blocking => Sending::Blocking,
            Self::Transmitter => Sending::Transmitter,
            Self::HalfDuplex => Sending::HalfDuplex,
            Self::Medium => Sending::Medium,
            Self::Delay => Sending::Delay,
        }
    }
}

/// What to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For reading.
    #[default]
    Table,
    /// For programs.
    Json,
    /// A Gantt chart.
    Svg,
    /// The same chart for a paper or slides, with its font.
    Pdf,
    /// A trace for Perfetto or chrome://tracing (Trace Event Format).
    Trace,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Answer {
    memory_unit: &'static str,
    #[serde(flatten)]
    account: Account,
}

impl ScheduleArguments {
    fn spec(&self) -> Result<ScheduleSpec, Failure> {
        let Some(kind) = self.kind else {
            let file = self.file.as_deref().ok_or_else(|| Failure::input("name a schedule, or a --file"))?;
            return ScheduleSpec::from_json(&io::read(file)?).map_err(|error| io::bad_input(file, &error));
        };
        let slices = match kind {
            Kind::TokenSlices | Kind::TokenSlicesForward => self.slices.unwrap_or(4),
            _ => self.slices.unwrap_or(1),
        };
        let chunks = self.chunks.unwrap_or(if kind == Kind::Interleaved { 2 } else { 1 });
        let positions = self.stages as usize * chunks as usize;
        // A pipeline that is too large is refused by its sizes, before its lists are looked at.
        let most = usize::try_from(MAX_OPERATIONS).unwrap_or(usize::MAX);
        let each = |list: &[f64], number: usize| match list {
            [one] => vec![*one; number.min(most)],
            _ => list.to_vec(),
        };
        let stages = |list: &[f64]| each(list, positions * slices as usize);
        let or = |list: &[f64], other: &[f64], factor: f64| match list {
            [] => other.iter().map(|value| factor * value).collect(),
            _ => list.to_vec(),
        };
        let split = kind == Kind::ZeroBubble;
        let backward = !matches!(kind, Kind::ForwardOnly | Kind::TokenSlicesForward);
        let when = |there: bool, list: Vec<f64>| if there { list } else { Vec::new() };
        let links = |list: &[f64]| each(list, (positions - 1) * slices as usize);
        let latencies = |list: &[f64]| each(list, positions - 1);
        let back = |list: &[f64]| !list.is_empty();
        if !split && back(&self.weight) {
            return Err(Failure::input("--weight: only zero-bubble-h1 splits W off"));
        }
        if !backward && (back(&self.backward) || back(&self.back_link) || back(&self.back_latency)) {
            return Err(Failure::input("--backward, --back-link, --back-latency: the schedule has no backward work"));
        }
        Ok(ScheduleSpec {
            schedule: kind.name(),
            stages: self.stages,
            micro_batches: self.micro_batches,
            chunks,
            slices,
            sending: self.sending.sending(),
            durations: Durations {
                forward: stages(&self.forward),
                backward: when(backward, stages(&or(&self.backward, &self.forward, if split { 1.0 } else { 2.0 }))),
                forward_link: links(&self.link),
                backward_link: when(backward, links(&or(&self.back_link, &self.link, 1.0))),
                forward_latency: latencies(&self.latency),
                backward_latency: when(backward, latencies(&or(&self.back_latency, &self.latency, 1.0))),
                weight: when(split, stages(&or(&self.weight, &self.forward, 1.0))),
            },
            memory: None,
            programs: Vec::new(),
            links: Vec::new(),
            placement: Vec::new(),
        })
    }
}

pub fn schedule(arguments: &ScheduleArguments) -> Result<Done, Failure> {
    let spec = arguments.spec()?;
    let named = |error: &dyn std::fmt::Display| match &arguments.file {
        Some(file) => io::bad_input(file, error),
        None => Failure::input(error.to_string()),
    };
    let (mut timeline, _) = spec.play().map_err(|error| named(&error))?;
    let memory = spec.memory();
    let style = arguments.figures.style();
    let drawing = Drawing { style, width_in: arguments.width, links: !arguments.no_links };
    let content = match arguments.format {
        Output::Table => {
            let account = timeline.account(&memory).map_err(|error| named(&error))?;
            account.to_table(spec.memory_unit(), io::width()).into_bytes()
        }
        Output::Json => {
            let account = timeline.account(&memory).map_err(|error| named(&error))?;
            let answer = Answer { memory_unit: spec.memory_unit(), account };
            io::json(&answer)?.into_bytes()
        }
        Output::Svg => timeline.to_svg(drawing)?.into_bytes(),
        Output::Pdf => timeline.to_pdf(drawing)?,
        Output::Trace => {
            let trace = timeline.to_chrome_trace(&memory).map_err(|error| named(&error))?;
            (trace + "\n").into_bytes()
        }
    };
    match &arguments.out {
        Some(path) => write_bytes(path, &content, arguments.overwrite)?,
        None => io::print_bytes(&content)?,
    }
    Ok(Done::Solved)
}
