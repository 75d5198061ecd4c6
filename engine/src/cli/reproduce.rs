//! `collapipe-engine reproduce`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::experiments::{ResultTable, contrast_text};
use collapipe::report::{Conflict, RunFolder};
use collapipe::simulation::RunRecord;
use collapipe_engine::data::{Samples, languages};
use collapipe_engine::emulate::Clock;
use collapipe_engine::network::PrivateNetwork;
use collapipe_engine::reproduce::{
    Constants, Outcome, PartErrors, Provenance, Size, bounds, configurations, energy, errors, execute, execute_shaped,
    headlines, kernel_configurations, learning, of_configurations, of_kernel_links, of_policies, write,
};
use serde::Serialize;

use super::members::{network, program};
use super::{Failure, print};

/// Execute many rounds, hold what was measured against what was predicted, and measure what plans are good for.
///
/// Seeded problems under every schedule and overlap; policies that train a small Transformer, by latency, efficiency and
/// memory; micro-batches against learning; gradients against their bounds. Writes report.html, predicted_measured.csv,
/// summary.json, and a folder per experiment with data, result and figure. docs/engine-training.md says what the numbers mean.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How much
    #[arg(long, value_enum, default_value_t)]
    size: SizeName,
    /// Time passes by itself: nobody sleeps, and every error is one of arithmetic
    #[arg(long)]
    virtual_time: bool,
    /// Also over links that this machine's kernel shapes: every node in a network namespace, every link a token bucket. Linux, as
    /// root or with user namespaces
    #[arg(long, conflicts_with = "virtual_time")]
    kernel_links: bool,
    /// End with exit code 1 where a part's mean error, over the rounds without late operations, is above so many per cent. Where
    /// every round had some, the machine was too busy for a judgement, which is said
    #[arg(long, value_name = "PERCENT")]
    most_error: Option<f64>,
    /// Folder for tables, figures and page; files of an earlier reproduction in it are replaced
    #[arg(long, default_value = "collapipe-engine-reproduce")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SizeName {
    /// Under a minute: 36 rounds of seeded problems, 21 of policies, one seed of learning
    #[default]
    Ci,
    /// Under twenty minutes: 360 rounds of 30 seeded problems, 168 of policies on six, three seeds of learning
    Full,
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'static str,
    virtual_time: bool,
    emulated: Errors,
    /// None where they were not asked for.
    kernel_links: Option<Errors>,
    constants: &'a [Constants],
}

/// Tokens of a text of the experiments' model.
const TOKENS: usize = 16;
/// Held-out texts that are classified at every moment.
const HELD_OUT: usize = 400;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(most) = arguments.most_error.filter(|most| !(most.is_finite() && *most > 0.0)) {
        return Err(Failure::input(format_args!("--most-error {most}: must be above 0, in per cent")));
    }
    // Before anything is done, because it begins again in a network of its own.
    let mut network = network(arguments.kernel_links)?;
    let mut size = if arguments.size == SizeName::Ci { Size::CI } else { Size::FULL };
    size.virtual_time = arguments.virtual_time;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| Failure::input(format_args!("{}: {error}", arguments.out.display())))?;
    let texts = languages().map_err(Failure::machine)?;
    let classes = u32::try_from(texts.classes.len()).unwrap_or(u32::MAX);
    let (training, mut held_out) = texts.split(1);
    held_out.texts.truncate(HELD_OUT);
    let (training, held_out) = (training.samples(TOKENS), held_out.samples(TOKENS));
    let mut done = Done::default();
    let keep = |done: &Done| done.keep(arguments, &size);
    let ended = experiments(&size, &mut network, [&training, &held_out], classes, &mut done, &keep);
    keep(&done)?;
    let summary = done.summary(&size);
    let mut text = summary.emulated.text("Emulated links");
    if let Some(shaped) = &summary.kernel_links {
        text += &format!("\n{}", shaped.text("Links that the kernel shapes"));
    }
    for table in &done.tables {
        if let Some(contrast) = contrast_text(table, collapipe::text::WIDTH) {
            let _ = writeln!(text, "\n{}\n{contrast}", table.title);
        }
    }
    done.lines.iter().for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    let _ = writeln!(text, "\nBegin with {}", arguments.out.join("report.html").display());
    print(&text)?;
    ended.map_err(|failure| Failure {
        message: format!("{}; the experiments before it are in {}", failure.message, arguments.out.display()),
        ..failure
    })?;
    let Some(most) = arguments.most_error else { return Ok(()) };
    summary.emulated.judge("emulated links", most)?;
    summary.kernel_links.iter().try_for_each(|errors| errors.judge("links of the kernel", most))
}

impl Done {
    fn summary(&self, size: &Size) -> Summary<'_> {
        Summary {
            schema: "collapipe.engine-reproduction/3",
            virtual_time: size.virtual_time,
            emulated: Errors::of(&self.outcomes),
            kernel_links: (!self.shaped.is_empty()).then(|| Errors::of(&self.shaped)),
            constants: &self.constants,
        }
    }

    /// Writes what there is, in place of what was written before: whoever interrupts a long reproduction keeps its beginning.
    fn keep(&self, arguments: &Arguments, size: &Size) -> Result<(), Failure> {
        let outcomes = || self.outcomes.iter().chain(&self.shaped);
        let provenance = Provenance::new(arguments.size == SizeName::Ci, size.virtual_time, outcomes());
        let written = write(&arguments.out, &self.tables, outcomes(), &provenance, &self.lines);
        written.map_err(Failure::machine)?;
        if let Some(record) = &self.record {
            let folder = RunFolder::claim(&arguments.out.join("energy-run"), Conflict::Overwrite);
            folder.map_err(Failure::machine)?.write(record).map_err(Failure::machine)?;
        }
        let json = serde_json::to_string_pretty(&self.summary(size)).map_err(Failure::machine)? + "\n";
        collapipe::write_text(&arguments.out.join("summary.json"), &json, true).map_err(Failure::machine)
    }
}

/// What the experiments left so far.
#[derive(Default)]
struct Done {
    outcomes: Vec<Outcome>,
    /// Over links of the kernel.
    shaped: Vec<Outcome>,
    tables: Vec<ResultTable>,
    constants: Vec<Constants>,
    lines: Vec<String>,
    record: Option<RunRecord>,
}

fn experiments(
    size: &Size,
    network: &mut Option<PrivateNetwork>,
    [training, held_out]: [&Samples; 2],
    classes: u32,
    done: &mut Done,
    keep: &dyn Fn(&Done) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let note = |text: &str| eprintln!("{text}");
    for case in configurations(size.problems, size.seconds).map_err(Failure::machine)? {
        let clock = if size.virtual_time { Clock::pretended() } else { Clock::real() };
        done.outcomes.push(execute(&case, clock).map_err(Failure::machine)?);
        note(&case.names.join(", "));
    }
    done.tables.push(of_configurations(&done.outcomes));
    if let Some(network) = network {
        for case in kernel_configurations(size.kernel_problems, size.kernel_seconds).map_err(Failure::machine)? {
            done.shaped.push(execute_shaped(&case, network, &program()?).map_err(Failure::machine)?);
            note(&case.names.join(", "));
        }
        done.tables.push(of_kernel_links(&done.shaped));
    }
    keep(done)?;
    let of_training = headlines(size, training, note).map_err(Failure::machine)?;
    done.tables.extend([of_policies(&of_training.outcomes), of_training.table]);
    done.outcomes.extend(of_training.outcomes);
    keep(done)?;
    let measured = energy(size, training, note).map_err(Failure::machine)?;
    done.lines.extend(measured.lines());
    done.tables.push(measured.table);
    done.record = Some(measured.record);
    keep(done)?;
    let learned = learning(size, training, held_out, note).map_err(Failure::machine)?;
    done.tables.extend([learned.curves, learned.same_time]);
    keep(done)?;
    let (table, constants) = bounds(size, training, classes, note).map_err(Failure::machine)?;
    done.tables.push(table);
    done.lines.extend(constants.iter().map(Constants::text));
    done.constants = constants;
    Ok(())
}

/// Errors of some rounds: all of them, and those in which nothing was late.
#[derive(Serialize)]
struct Errors {
    rounds: usize,
    valid_rounds: usize,
    errors: Vec<PartErrors>,
    errors_of_valid_rounds: Vec<PartErrors>,
}

impl Errors {
    fn of(outcomes: &[Outcome]) -> Self {
        Self {
            rounds: outcomes.len(),
            valid_rounds: outcomes.iter().filter(|outcome| outcome.comparison.valid).count(),
            errors: errors(outcomes, false),
            errors_of_valid_rounds: errors(outcomes, true),
        }
    }

    /// Fails where a part's mean error over the valid rounds is above so many per cent.
    fn judge(&self, links: &str, most: f64) -> Result<(), Failure> {
        if self.valid_rounds == 0 {
            eprintln!("{links}: not judged, every one of {} rounds had late operations", self.rounds);
            return Ok(());
        }
        let above = self.errors_of_valid_rounds.iter().find(|part| 100.0 * part.mean > most);
        above.map_or(Ok(()), |part| {
            Err(Failure::machine(format_args!(
                "{links}: the mean error of {} is {:.3} % over {} measurements, above --most-error {most}",
                part.part,
                100.0 * part.mean,
                part.count
            )))
        })
    }

    fn text(&self, title: &str) -> String {
        let mut text =
            format!("{title}: {} rounds, {} of them without late operations\n\n", self.rounds, self.valid_rounds);
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "{:<14}{:>7}{:>13}{:>13}{:>7}{:>13}{:>13}",
            "part", "count", "mean error", "largest", "valid", "mean error", "largest"
        );
        for (all, valid) in self.errors.iter().zip(&self.errors_of_valid_rounds) {
            let of = |part: &PartErrors| {
                let percent = |error: f64| match part.count {
                    0 => "-".to_owned(),
                    _ => format!("{:.3} %", 100.0 * error),
                };
                format!("{:>7}{:>13}{:>13}", part.count, percent(part.mean), percent(part.largest))
            };
            let _ = writeln!(text, "{:<14}{}{}", all.part, of(all), of(valid));
        }
        for (name, errors) in [("all rounds", &self.errors), ("valid rounds", &self.errors_of_valid_rounds)] {
            let _ = writeln!(text, "{}", aims(name, errors));
        }
        text
    }
}

/// What part of the aim is met: the mean error of every part at most 1 %, that of the round at most 0.5 %, no round's over 2 %.
fn aims(name: &str, errors: &[PartErrors]) -> String {
    if errors.iter().all(|part| part.count == 0) {
        return format!("aim, {name}: there are none");
    }
    let said = |met: bool| if met { "met" } else { "not met" };
    let round = errors.iter().find(|part| part.part == "round");
    let parts = errors.iter().all(|part| part.mean <= 0.01);
    format!(
        "aim, {name}: every part's mean error at most 1 %: {}; the round's at most 0.5 %: {}; no round's above 2 %: {}",
        said(parts),
        said(round.is_some_and(|round| round.mean <= 0.005)),
        said(round.is_some_and(|round| round.largest <= 0.02))
    )
}
