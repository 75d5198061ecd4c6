//! `collapipe plan`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use collapipe::plan::{Names, PlanReport, Typical, explain, lasting};
use collapipe::problem::SlotProblem;
use collapipe::scenario::SlotError;
use collapipe::schedule::Drawing;
use collapipe::simulation::{Run, RunError};
use collapipe::text::{WIDTH, printable, wrapped};
use collapipe::{solver, write_bytes};

use super::args::{Accuracy, ScenarioArguments};
use super::figure_args::Figures;
use super::run::load;
use super::{Done, Failure, io};

/// Show the plan of one round: who does what, where the time goes, what limits it, what everything is worth, and why nobody does
/// something else.
///
/// Per device its blocks, memory, stage times and energy; per message bandwidth, power and rate; the round by part; the busiest machine. Then
/// what leaving each device out, taking it in, or moving a block would cost, and what a MHz, a GiB, a watt or a joule more would save:
/// each by solving again, so that these are optima with a proved gap too. docs/plan.md explains the words.
///
/// A slot's energy prices are those of the run up to it, which is played first. The built-in scenario is used if none is given; a file whose
/// name ends in .json is a slot problem, as `collapipe problem` prints it.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PlanArguments {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// The slot, from 0
    #[arg(long, default_value_t = 0, conflicts_with = "lasting")]
    slot: u64,
    /// One plan for good instead of a slot's, for links that do not fade: at the mean, or the worst, gains of the scenario's first 200 slots, with
    /// energy prices at which a run on them settles
    #[arg(long = "static", value_name = "GAINS", value_enum, num_args = 0..=1, default_missing_value = "mean")]
    lasting: Option<Gains>,
    /// What to print
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    /// The cluster that is drawn or traced, by name or number from 0 (svg, pdf, trace)
    #[arg(long, value_name = "CLUSTER", default_value = "0")]
    cluster: String,
    /// Where the chart will be seen (svg, pdf)
    #[arg(long, value_name = "STYLE", value_enum, default_value_t = Figures::PaperWide)]
    figures: Figures,
    /// Width of the chart in inches, instead of the style's
    #[arg(long, value_name = "INCHES")]
    width: Option<f64>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace that file if it is there
    #[arg(long, requires = "out")]
    overwrite: bool,
    #[command(flatten)]
    accuracy: Accuracy,
}

const EXAMPLES: &str = "\
Examples:
  collapipe plan                                     first round, built in
  collapipe plan my.toml --slot 100                  as it occurs in the run
  collapipe plan my.toml --static worst              one plan for good
  collapipe plan --format html --out plan.html       a page for desk and phone
  collapipe plan --format svg --cluster lab > p.svg  a batch as a chart
  collapipe plan --format trace > trace.json         for https://ui.perfetto.dev
  collapipe plan problem.json --format json          of a slot problem";

/// Gains that stand for all slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Gains {
    /// The mean of each link.
    Mean,
    /// The least of each link.
    Worst,
}

/// What to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For reading.
    #[default]
    Table,
    /// For programs.
    Json,
    /// A trace for Perfetto or chrome://tracing (Trace Event Format).
    Trace,
    /// A Gantt chart of one batch.
    Svg,
    /// The same chart for a paper or slides, with its font.
    Pdf,
    /// One page with everything.
    Html,
}

/// A problem with its names, and what it is called.
struct Asked {
    problem: SlotProblem,
    names: Names,
    title: String,
}

pub fn plan(arguments: &PlanArguments) -> Result<Done, Failure> {
    let file = arguments.scenario.scenario.as_deref();
    let of_problem = file.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let asked = match of_problem {
        Some(path) => arguments.of_problem(path)?,
        None => match arguments.of_scenario()? {
            Some(asked) => asked,
            None => return Ok(Done::Infeasible),
        },
    };
    let settings = arguments.accuracy.settings();
    let solution = solver::solve(&asked.problem, &settings)?;
    let best = match &solution.outcome {
        Ok(best) => best,
        Err(reasons) => {
            io::note(&format!("error: {}: no plan: {reasons}", asked.title));
            return Ok(Done::Infeasible);
        }
    };
    let report = explain(&asked.problem, best, &asked.names, &settings)?;
    let content = arguments.content(&report, &asked.title)?;
    match &arguments.out {
        Some(path) => write_bytes(path, &content, arguments.overwrite)?,
        None => io::print_bytes(&content)?,
    }
    Ok(Done::Solved)
}

impl PlanArguments {
    fn of_problem(&self, path: &Path) -> Result<Asked, Failure> {
        if self.slot != 0 || self.lasting.is_some() {
            return Err(Failure::input("--slot and --static are of scenarios; a problem is that of one slot"));
        }
        let problem =
            SlotProblem::from_json(&io::read_json(path, io::PROBLEM)?).map_err(|error| io::bad_input(path, &error))?;
        Ok(Asked { problem, names: Names::default(), title: path.display().to_string() })
    }

    /// None for a slot without a problem.
    fn of_scenario(&self) -> Result<Option<Asked>, Failure> {
        let scenario = load(&self.scenario, None)?;
        let settings = self.accuracy.settings();
        let name = &scenario.spec().name;
        if let Some(gains) = self.lasting {
            let (typical, word) = match gains {
                Gains::Mean => (Typical::Mean, "mean"),
                Gains::Worst => (Typical::Worst, "worst"),
            };
            let problem = lasting(&scenario, typical, &settings)?;
            let title = format!("{name}: one plan at {word} gains");
            return Ok(Some(Asked { problem, names: Names::of_scenario(&scenario, &[]), title }));
        }
        let slots = scenario.spec().slots;
        if self.slot >= slots {
            return Err(Failure::input(format!("--slot {}: must be below {slots}, the scenario's slots", self.slot)));
        }
        match Run::up_to(&scenario, settings, self.slot)?.next_problem() {
            Ok(instance) => {
                let names = Names::of_scenario(&scenario, &instance.present);
                let title = format!("{name}: slot {}", self.slot);
                Ok(Some(Asked { problem: instance.problem, names, title }))
            }
            Err(RunError::Slot(reason @ SlotError::NoDevices { .. })) => {
                io::note(&format!("error: slot {} is an outage: {reason}", self.slot));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn content(&self, report: &PlanReport, title: &str) -> Result<Vec<u8>, Failure> {
        fn drawn<T>(chart: Option<T>) -> Result<T, Failure> {
            let reason = "the pipeline has too many micro-batches to be drawn; use --format json";
            chart.ok_or_else(|| Failure::input(reason))
        }
        let drawing = Drawing { style: self.figures.style(), width_in: self.width, links: true };
        let text = match self.format {
            Output::Table => {
                let width = self.out.as_ref().map_or_else(io::width, |_| WIDTH);
                format!("{}\n\n{report:width$}", wrapped(&printable(title), width))
            }
            Output::Json => io::json(report)?,
            Output::Trace => drawn(report.to_chrome_trace(report.cluster_named(&self.cluster)?)?)? + "\n",
            Output::Svg => drawn(report.to_svg(report.cluster_named(&self.cluster)?, drawing)?)?,
            Output::Pdf => return drawn(report.to_pdf(report.cluster_named(&self.cluster)?, drawing)?),
            Output::Html => report.to_html(title)?,
        };
        Ok(text.into_bytes())
    }
}
