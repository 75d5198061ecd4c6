//! Solves random small problems by seed and checks every answer: feasibility, bounds, local optimality, and the best of
//! all discrete choices solved one by one.
//!
//! ```text
//! cargo xtask fuzz --count 20000 --seed 1 [--clusters N] [--choices N] [--pipelines] [--out DIR]
//! ```
//!
//! Problems with more than `--choices` discrete choices (default 3000) are not enumerated; fewer make a long run
//! faster.
//!
//! A problem that fails is saved as `DIR/fuzz-SEED.json` (default: the current directory) for
//! `collapipe solve`. Exit code 1 if any fails. A network whose certified gap exceeds 1e-3 is reported and saved as
//! well, but fails only if there are more of them than one in 5,000 problems.

mod checks;
mod pipelines;
mod problems;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use checks::{Summary, check};
use collapipe::problem::{ProblemError, SlotProblem};
use indicatif::{ProgressBar, ProgressStyle};
use problems::Draw;
use rayon::prelude::*;

/// Solve random small problems and check every answer
#[derive(clap::Args)]
pub struct Arguments {
    /// Number of problems
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Clusters of every problem [default: drawn]
    #[arg(long)]
    clusters: Option<u32>,
    /// Most discrete choices of a problem that are all tried
    #[arg(long, default_value_t = 3000)]
    choices: usize,
    /// Problems of schema 2: schedules, chains, links, media, staging, orders, limits, deadlines
    #[arg(long)]
    pipelines: bool,
    /// Folder for problems that fail
    #[arg(long, default_value = ".")]
    out: PathBuf,
}

/// Seeds that are checked together.
const CHUNK: usize = 500;

/// A problem whose answer is wrong.
struct Wrong {
    seed: u64,
    text: String,
    problem: SlotProblem,
    wide_gap: bool,
}

fn check_seed(
    seed: u64,
    (clusters, pipelines): (Option<u32>, bool),
    choices: usize,
) -> Result<(Summary, Option<Wrong>), ProblemError> {
    let mut draw = Draw::new(seed);
    let mut summary = Summary::default();
    let (problem, checked) = if pipelines {
        let problem = draw.pipelines(clusters)?;
        let checked = pipelines::check(&problem, seed, choices, &mut summary);
        (problem, checked)
    } else {
        let problem = draw.problem(clusters)?;
        let checked = check(&problem, seed, choices, &mut summary);
        (problem, checked)
    };
    let wrong = checked.err().map(|failure| {
        let problem = failure.problem.map_or(problem, |problem| *problem);
        Wrong { seed, text: failure.text, problem, wide_gap: failure.wide_gap }
    });
    Ok((summary, wrong))
}

/// Prints what was checked; fails if any answer is wrong.
pub fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { count, seed, clusters, choices, pipelines, out } = arguments;
    std::fs::create_dir_all(&out)?;
    let mut summary = Summary::default();
    let (mut failures, mut wide_gaps) = (0, 0);
    let last = seed + count;
    let bar = ProgressBar::new(count).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len}, {eta} left")?);
    for chunk in (seed..last).step_by(CHUNK) {
        let seeds = chunk..(chunk + CHUNK as u64).min(last);
        let size = seeds.end - seeds.start;
        let checked: Vec<(Summary, Option<Wrong>)> = seeds
            .into_par_iter()
            .map(|seed| check_seed(seed, (clusters, pipelines), choices))
            .collect::<Result<_, _>>()?;
        for (seen, wrong) in checked {
            summary.merge(seen);
            let Some(Wrong { seed, text, problem, wide_gap }) = wrong else { continue };
            *if wide_gap { &mut wide_gaps } else { &mut failures } += 1;
            let path = out.join(format!("fuzz-{seed}.json"));
            std::fs::write(&path, problem.to_json()?)?;
            bar.suspend(|| println!("seed {seed}: {text} ({})", path.display()));
        }
        bar.inc(size);
    }
    bar.finish_and_clear();
    println!(
        "{count} problems: {} solved, {} infeasible, {failures} failed, {wide_gaps} with a wide gap",
        summary.solved, summary.infeasible
    );
    println!("{} of them enumerated, {} choices in all", summary.enumerated, summary.choices);
    println!("mean time {:.3e} s", summary.total.as_secs_f64() / count.max(1) as f64);
    for (name, (value, seed)) in [
        ("worst gap, one cluster", summary.gap_single),
        ("the same, relative to the sum of |terms|", summary.gap_of_size),
        ("worst gap, several clusters", summary.gap_network),
        ("worst violation", summary.violation),
        ("most saved by a perturbation", summary.gain_by_perturbation),
        ("most above the best enumerated choice", summary.excess_over_enumeration),
        ("slowest, one cluster [s]", summary.slowest_single),
        ("slowest, several clusters [s]", summary.slowest_network),
    ] {
        println!("{name}: {value:.3e} (seed {seed})");
    }
    Ok(if failures == 0 && wide_gaps * 5_000 <= count { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
