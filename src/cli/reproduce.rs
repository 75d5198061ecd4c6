//! `collapipe reproduce`, `merge` and `experiments`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use collapipe::experiments::{JobArray, Reproduction, Request, ResultTable, catalogue, contrast_text};
use collapipe::report::FigureStyle;
use collapipe::write_text;

use super::args::{ExperimentsArguments, Format, JobArguments, MergeArguments, ReproduceArguments};
use super::progress::Progress;
use super::work::{deferred, in_parallel_until, stopped};
use super::{Done, Failure, io};

pub fn reproduce(arguments: &ReproduceArguments) -> Result<Done, Failure> {
    let mut request = Request::new(&arguments.names, arguments.quick)?;
    request.seeds = arguments.seeds.unwrap_or(request.seeds);
    request.slots = arguments.slots.unwrap_or(request.slots);
    request.traces = absolute(arguments.traces.as_deref())?;
    play(request.going_on_in(&arguments.out)?, &arguments.out, &arguments.job, arguments.figures.style())
}

/// Plays what a request asks for and `out` does not hold yet, and writes the results, unless it is a part of them. Where the runs are
/// only to be listed, lists them.
pub fn play(request: Request, out: &Path, job: &JobArguments, figures: FigureStyle) -> Result<Done, Failure> {
    let shard = job.shard;
    if let Some(file) = &job.plan {
        return list(request, file, job.parts.unwrap_or(1) as usize);
    }
    let reproduction = Reproduction::new(request)?.with_figures(figures);
    for reason in reproduction.left_out() {
        io::note(&format!("note: left out: {reason}"));
    }
    let (cells, effort) = reproduction.size(shard);
    let bar = Progress::new(effort, false);
    let progress = |effort, now: bool| if now { bar.add(effort) } else { bar.find(effort) };
    let play = |stop: &AtomicBool| reproduction.play(out, shard, stop, &progress);
    let (played, late) = in_parallel_until(job.threads, job.deadline.map(Duration::from_secs), &bar, play)?;
    if !played? {
        return Ok(if late { deferred() } else { stopped() });
    }
    if shard.is_some() {
        let out = out.display();
        io::print_text(&format!(
            "Played {cells} runs into {out}; when all parts are played: collapipe merge DIR... --out DIR\n"
        ))?;
        return Ok(Done::Solved);
    }
    write(&reproduction, out)
}

/// Lists the runs of a request in a file.
fn list(request: Request, file: &Path, parts: usize) -> Result<Done, Failure> {
    let array = JobArray::new(request, parts)?;
    write_text(file, &io::json(&array)?, false)?;
    let mut efforts = vec![0_u64; parts];
    for run in &array.runs {
        efforts[run.part - 1] += run.effort;
    }
    let (total, most) = (efforts.iter().sum::<u64>(), efforts.iter().max().copied().unwrap_or_default());
    let most = most as f64 * parts as f64 / total.max(1) as f64;
    let runs = array.runs.len();
    let (file, empty) = (file.display(), efforts.iter().filter(|effort| **effort == 0).count());
    let without = if empty > 0 { format!(", {empty} of them without any") } else { String::new() };
    io::print_text(&format!(
        "Listed {runs} runs in {parts} parts{without}; the longest part has {most:.2} times the mean effort.\n\
         Play part i, from 1, with: collapipe sweep --go {file} --shard i/{parts} --out DIR-OF-PART\n"
    ))?;
    Ok(Done::Solved)
}

pub fn merge(arguments: &MergeArguments) -> Result<Done, Failure> {
    let Some(first) = arguments.folders.first() else {
        return Err(Failure::input("DIR: name the folders to merge"));
    };
    let mut request = Request::of_folder(first)?;
    if arguments.traces.is_some() {
        request.traces = absolute(arguments.traces.as_deref())?;
    }
    let reproduction = Reproduction::new(request)?.with_figures(arguments.figures.style());
    reproduction.gather(&arguments.folders, &arguments.out)?;
    write(&reproduction, &arguments.out)
}

/// The folder's path from the root, so that a later command finds it from anywhere.
fn absolute(folder: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let path = |folder| std::path::absolute(folder).map_err(|error| Failure::input(format!("--traces: {error}")));
    folder.map(path).transpose()
}

pub fn experiments(arguments: &ExperimentsArguments) -> Result<Done, Failure> {
    match arguments.format {
        Format::Json => {
            let list = catalogue::ALL.iter().map(|experiment| {
                serde_json::json!({
                    "name": experiment.name,
                    "title": experiment.title,
                    "question": experiment.question,
                    "expectation": experiment.expectation,
                })
            });
            io::print_json(&list.collect::<Vec<_>>())?;
        }
        Format::Table => {
            // Questions do not fit beside the longest name: the rest of one stands below its beginning.
            let width = catalogue::ALL.iter().map(|experiment| experiment.name.len()).max().unwrap_or_default();
            let mut text = String::new();
            for experiment in catalogue::ALL {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{:width$}  {}", experiment.name, experiment.question);
            }
            io::print_text(&text)?;
        }
    }
    Ok(Done::Solved)
}

/// Tables, figures and report, and where they are.
fn write(reproduction: &Reproduction, out: &Path) -> Result<Done, Failure> {
    let written = reproduction.write(out)?;
    written.left_out.iter().for_each(|reason| io::note(&format!("note: {reason}")));
    let mut text = String::new();
    for ResultTable { name, skipped, rows, .. } in &written.tables {
        let _ = match skipped {
            Some(reason) => writeln!(text, "{name}: left out: {reason}"),
            None => writeln!(text, "{name}: {} rows", rows.len()),
        };
    }
    for table in &written.tables {
        if let Some(contrast) = contrast_text(table, io::width()) {
            let _ = writeln!(text, "\n{}\n{contrast}", table.title);
        }
    }
    let _ = writeln!(
        text,
        "Wrote {} files to {}; begin with {}",
        written.files.len(),
        out.display(),
        out.join("report.html").display()
    );
    io::print_text(&text)?;
    Ok(Done::Solved)
}
