//! `collapipe-engine reproduce`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use collapipe::simulation::PolicyKind;
use collapipe_engine::emulate::Clock;
use collapipe_engine::reproduce::{Outcome, PartErrors, PolicyRound, configurations, errors, execute, policies};
use collapipe_engine::training::csv;
use serde::Serialize;

use super::{Failure, print};

/// Execute many rounds and hold what was measured against what was predicted, part by part.
///
/// Seeded problems under every schedule and overlap, and the built-in scenario under policies. Writes
/// predicted_measured.csv and summary.json. docs/engine-training.md says what the numbers mean.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How much
    #[arg(long, value_enum, default_value_t)]
    size: Size,
    /// Time passes by itself: nobody sleeps, and every error is one of arithmetic
    #[arg(long)]
    virtual_time: bool,
    /// Folder for the tables; files of an earlier reproduction in it are replaced
    #[arg(long, default_value = "collapipe-engine-reproduce")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Size {
    /// 24 configurations of half a second each and 4 policies: under a minute
    #[default]
    Ci,
    /// 120 configurations of three seconds each and 4 policies
    Full,
}

/// Policies whose decisions are of the pipeline.
const POLICIES: [PolicyKind; 4] =
    [PolicyKind::Exact, PolicyKind::UniformSegments, PolicyKind::ProportionalSpeed, PolicyKind::NoPipeline];

#[derive(Serialize)]
struct Summary {
    schema: &'static str,
    virtual_time: bool,
    rounds: usize,
    valid_rounds: usize,
    errors: Vec<PartErrors>,
    errors_of_valid_rounds: Vec<PartErrors>,
    policies: Vec<Headline>,
}

/// A policy's rounds on the built-in scenario.
#[derive(Serialize)]
struct Headline {
    policy: String,
    rounds: usize,
    mean_latency_s: f64,
    mean_efficiency: f64,
}

fn headlines(rounds: &[PolicyRound], kinds: &[PolicyKind]) -> Vec<Headline> {
    let of = |kind: &PolicyKind| {
        let policy = kind.to_string();
        let of = || rounds.iter().filter(|round| round.outcome.names[1] == policy);
        let count = of().count();
        let mean = |value: fn(&PolicyRound) -> f64| of().map(value).sum::<f64>() / count.max(1) as f64;
        let (mean_latency_s, mean_efficiency) = (mean(|round| round.latency_s), mean(|round| round.efficiency));
        Headline { policy, rounds: count, mean_latency_s, mean_efficiency }
    };
    kinds.iter().map(of).collect()
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (problems, seconds, rounds) = match arguments.size {
        Size::Ci => (2, 0.5, 2),
        Size::Full => (10, 3.0, 6),
    };
    std::fs::create_dir_all(&arguments.out)
        .map_err(|error| Failure::input(format_args!("{}: {error}", arguments.out.display())))?;
    let kinds = POLICIES;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for case in configurations(problems, seconds).map_err(Failure::machine)? {
        let clock = if arguments.virtual_time { Clock::pretended() } else { Clock::real() };
        outcomes.push(execute(&case, clock).map_err(Failure::machine)?);
        eprint!("\r{} rounds", outcomes.len());
    }
    let played = policies(&kinds, rounds, seconds, !arguments.virtual_time).map_err(Failure::machine)?;
    let headlines = headlines(&played, &kinds);
    outcomes.extend(played.into_iter().map(|round| round.outcome));
    eprintln!("\r{} rounds", outcomes.len());
    let summary = Summary {
        schema: "collapipe.engine-reproduction/1",
        virtual_time: arguments.virtual_time,
        rounds: outcomes.len(),
        valid_rounds: outcomes.iter().filter(|outcome| outcome.comparison.valid).count(),
        errors: errors(&outcomes, false),
        errors_of_valid_rounds: errors(&outcomes, true),
        policies: headlines,
    };
    let rows = csv(outcomes.iter().map(|outcome| (outcome.names.clone(), &outcome.comparison)));
    let json = serde_json::to_string_pretty(&summary).map_err(Failure::machine)? + "\n";
    for (name, text) in [("predicted_measured.csv", &rows), ("summary.json", &json)] {
        collapipe::write_text(&arguments.out.join(name), text, true).map_err(Failure::machine)?;
    }
    print(&text(&summary))
}

fn text(summary: &Summary) -> String {
    let mut text = format!("{} rounds, {} of them without late operations\n\n", summary.rounds, summary.valid_rounds);
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{:<14}{:>7}{:>13}{:>13}", "part", "count", "mean error", "largest");
    for part in &summary.errors {
        let percent = |error: f64| format!("{:.3} %", 100.0 * error);
        let _ =
            writeln!(text, "{:<14}{:>7}{:>13}{:>13}", part.part, part.count, percent(part.mean), percent(part.largest));
    }
    let _ =
        writeln!(text, "\n{:<16}{:>8}{:>16}{:>8}{:>14}", "policy", "rounds", "mean latency s", "ratio", "efficiency %");
    let first = summary.policies.first().map_or(1.0, |policy| policy.mean_latency_s);
    for policy in &summary.policies {
        let _ = writeln!(
            text,
            "{:<16}{:>8}{:>16.4}{:>8.3}{:>14.1}",
            policy.policy,
            policy.rounds,
            policy.mean_latency_s,
            policy.mean_latency_s / first,
            100.0 * policy.mean_efficiency
        );
    }
    text
}
