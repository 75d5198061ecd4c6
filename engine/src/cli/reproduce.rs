//! `collapipe-engine reproduce`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::experiments::contrast_text;
use collapipe_engine::data::languages;
use collapipe_engine::emulate::Clock;
use collapipe_engine::reproduce::{
    Constants, Outcome, PartErrors, Provenance, Size, bounds, configurations, errors, execute, headlines, learning,
    of_configurations, of_policies, write,
};
use serde::Serialize;

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
    /// Folder for tables, figures and page; files of an earlier reproduction in it are replaced
    #[arg(long, default_value = "collapipe-engine-reproduce")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SizeName {
    /// Under a minute: 36 rounds of seeded problems, 15 of policies, one seed of learning
    #[default]
    Ci,
    /// Some fifteen minutes on a machine of its own: 120 rounds of seeded problems, 100 of policies, three seeds of learning
    Full,
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'static str,
    virtual_time: bool,
    rounds: usize,
    valid_rounds: usize,
    errors: Vec<PartErrors>,
    errors_of_valid_rounds: Vec<PartErrors>,
    constants: &'a [Constants],
}

/// Tokens of a text of the experiments' model.
const TOKENS: usize = 16;
/// Held-out texts that are classified at every moment.
const HELD_OUT: usize = 400;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut size = if arguments.size == SizeName::Ci { Size::CI } else { Size::FULL };
    size.virtual_time = arguments.virtual_time;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| Failure::input(format_args!("{}: {error}", arguments.out.display())))?;
    let texts = languages().map_err(Failure::machine)?;
    let classes = u32::try_from(texts.classes.len()).unwrap_or(u32::MAX);
    let (training, mut held_out) = texts.split(1);
    held_out.texts.truncate(HELD_OUT);
    let (training, held_out) = (training.samples(TOKENS), held_out.samples(TOKENS));
    let note = |text: &str| eprintln!("{text}");
    let mut outcomes: Vec<Outcome> = Vec::new();
    for case in configurations(size.problems, size.seconds).map_err(Failure::machine)? {
        let clock = if size.virtual_time { Clock::pretended() } else { Clock::real() };
        outcomes.push(execute(&case, clock).map_err(Failure::machine)?);
        note(&case.names.join(", "));
    }
    let mut tables = vec![of_configurations(&outcomes)];
    let of_training = headlines(&size, &training, note).map_err(Failure::machine)?;
    tables.extend([of_policies(&of_training.outcomes), of_training.table]);
    outcomes.extend(of_training.outcomes);
    let learned = learning(&size, &training, &held_out, note).map_err(Failure::machine)?;
    tables.extend([learned.curves, learned.same_time]);
    let (table, constants) = bounds(&size, &training, classes, note).map_err(Failure::machine)?;
    tables.push(table);
    let provenance = Provenance::new(arguments.size == SizeName::Ci, size.virtual_time, &outcomes);
    let lines: Vec<String> = constants.iter().map(Constants::text).collect();
    write(&arguments.out, &tables, &outcomes, &provenance, &lines).map_err(Failure::machine)?;
    let summary = Summary {
        schema: "collapipe.engine-reproduction/2",
        virtual_time: size.virtual_time,
        rounds: provenance.rounds,
        valid_rounds: provenance.valid_rounds,
        errors: errors(&outcomes, false),
        errors_of_valid_rounds: errors(&outcomes, true),
        constants: &constants,
    };
    let json = serde_json::to_string_pretty(&summary).map_err(Failure::machine)? + "\n";
    collapipe::write_text(&arguments.out.join("summary.json"), &json, true).map_err(Failure::machine)?;
    let mut text = parts_text(&summary);
    for table in &tables {
        if let Some(contrast) = contrast_text(table, collapipe::text::WIDTH) {
            let _ = writeln!(text, "\n{}\n{contrast}", table.title);
        }
    }
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    let _ = writeln!(text, "\nBegin with {}", arguments.out.join("report.html").display());
    print(&text)
}

fn parts_text(summary: &Summary<'_>) -> String {
    let mut text = format!("{} rounds, {} of them without late operations\n\n", summary.rounds, summary.valid_rounds);
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "{:<14}{:>7}{:>13}{:>13}{:>7}{:>13}{:>13}",
        "part", "count", "mean error", "largest", "valid", "mean error", "largest"
    );
    for (all, valid) in summary.errors.iter().zip(&summary.errors_of_valid_rounds) {
        let percent = |error: f64| format!("{:.3} %", 100.0 * error);
        let of =
            |part: &PartErrors| format!("{:>7}{:>13}{:>13}", part.count, percent(part.mean), percent(part.largest));
        let _ = writeln!(text, "{:<14}{}{}", all.part, of(all), of(valid));
    }
    text
}
