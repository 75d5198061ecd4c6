//! `collapipe-engine run`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use collapipe::report::{Conflict, RunFolder, summary};
use collapipe::scenario::{BUILTIN, ScenarioFile};
use collapipe::simulation::PolicyKind;
use collapipe::solver::Settings;

use collapipe_engine::roles::Pace;
use collapipe_engine::training::{TrainError, TrainingSettings, members, rounds_csv, train};

use super::learn::LearnArguments;
use super::members::{MemberArguments, Members};
use super::{Failure, print, read};

/// Plan every round of a scenario with its queues, budgets and absences, execute it, and write what was planned and what was
/// measured.
///
/// A device that dies or stalls fails its round by name: the round is recorded as an outage, the next one is planned
/// without the device, and with it again once it is back.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Scenario file (TOML); the built-in scenario if left out
    scenario: Option<PathBuf>,
    /// Rounds; as many as the scenario has slots if left out
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// Who decides
    #[arg(long, default_value = "exact")]
    policy: PolicyKind,
    /// Times are emulated as planned (the default)
    #[arg(long, conflicts_with = "real")]
    emulate: bool,
    /// As fast as it goes, without emulation
    #[arg(long)]
    real: bool,
    /// Seconds of the wall clock per planned second
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", conflicts_with = "real")]
    scale: f64,
    /// Time passes by itself: nobody sleeps
    #[arg(long, conflicts_with_all = ["listen", "processes", "real"])]
    virtual_time: bool,
    /// Folder for record, tables and figures
    #[arg(long, default_value = "collapipe-engine-out")]
    out: PathBuf,
    /// Replace files of others in the folder
    #[arg(long)]
    overwrite: bool,
    /// Keep the run in this file after every slot, and go on from it if it is there
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    #[command(flatten)]
    learn: LearnArguments,
    #[command(flatten)]
    members: MemberArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let file = match &arguments.scenario {
        Some(path) => ScenarioFile::parse(&read(path)?, path.parent().unwrap_or(Path::new(""))),
        None => ScenarioFile::parse(BUILTIN, Path::new("")),
    };
    let mut file = file.map_err(Failure::input)?;
    if let Some(rounds) = arguments.rounds {
        file.spec.slots = rounds;
    }
    let scenario = file.build().map_err(Failure::input)?;
    let pace = match arguments.real {
        true => Pace::Free,
        false => Pace::Emulated { scale: super::scale(arguments.scale)? },
    };
    let conflict = if arguments.overwrite { Conflict::Overwrite } else { Conflict::Refuse };
    let lesson = arguments.learn.lesson(&scenario)?;
    // Better now than after a long run.
    let folder = RunFolder::claim(&arguments.out, conflict).map_err(Failure::input)?;
    let policy = arguments.policy.build(Settings::default(), scenario.spec().seed).map_err(Failure::input)?;
    let mut settings = TrainingSettings::default();
    (settings.pace, settings.patience_s) = (pace, arguments.members.patience_s()?);
    settings.checkpoint.clone_from(&arguments.checkpoint);
    settings.learning = lesson.as_ref().map(|lesson| lesson.spec.clone());
    let mut nodes = Members::gather(&arguments.members, &members(&scenario), arguments.virtual_time)?;
    let trained = train(&scenario, policy, nodes.coordinator()?, &settings, |slot, _| {
        let line = match (slot.planned(), &slot.measured) {
            (Some(planned), Some(measured)) => {
                let (planned_s, measured_s) = (planned.latency_s.0, measured.latency_s.0);
                let error = 100.0 * (measured_s / planned_s - 1.0);
                let late = if measured.late > 0 { format!(", {} late", measured.late) } else { String::new() };
                let loss = measured.loss.map_or(String::new(), |loss| format!(", loss {loss:.4}"));
                format!(
                    "round {}: planned {planned_s:.4} s, measured {measured_s:.4} s ({error:+.2} %){late}{loss}",
                    slot.slot
                )
            }
            _ => match &slot.outcome {
                collapipe::simulation::SlotOutcome::Outage(outage) => format!("round {}: {}", slot.slot, outage.reason),
                _ => format!("round {}: not measured", slot.slot),
            },
        };
        eprintln!("{line}");
        ControlFlow::Continue(())
    });
    let trained = trained.map_err(|error| match error {
        TrainError::Checkpoint(error) => Failure::input(error),
        error => Failure::machine(error),
    })?;
    let record = &trained.record;
    let mut files = folder.write(record).map_err(Failure::machine)?;
    let table = arguments.out.join("predicted_measured.csv");
    let rows = rounds_csv(&record.provenance.scenario, &record.provenance.policy, &trained.rounds);
    collapipe::write_text(&table, &rows, true).map_err(Failure::machine)?;
    files.push(table);
    print(&format!("{}\n", summary(record)))?;
    let (mut errors, mut largest) = (0.0, 0.0_f64);
    for round in &trained.rounds {
        let error = round.comparison.parts.last().and_then(|part| part.relative_error()).map_or(0.0, f64::abs);
        errors += error / trained.rounds.len() as f64;
        largest = largest.max(error);
    }
    let invalid = trained.rounds.iter().filter(|round| !round.comparison.valid).count();
    print(&format!(
        "{} rounds executed, {invalid} of them with late operations | round latency against the plan: mean error {:.3} %, \
         largest {:.3} %\n",
        trained.rounds.len(),
        100.0 * errors,
        100.0 * largest
    ))?;
    if let Some(lesson) = &lesson {
        print(&lesson.learned(&trained.parts)?)?;
    }
    match trained.ended {
        Some(error) => Err(Failure::machine(format_args!("the run ended early, its rounds so far are kept: {error}"))),
        None => Ok(()),
    }
}
