//! What the parts of a job array cost: the processor time of every run, beside the effort by which runs are dealt out.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Args;
use collapipe::experiments::{JobArray, ListedRun, Reproduction, Request};
use rayon::ThreadPoolBuilder;

use crate::speed::timing::median;

/// Play experiments in parts on one thread, and print the processor time of each part and of each policy's runs
#[derive(Args)]
pub struct Arguments {
    /// The experiments
    #[arg(default_value = "headline")]
    names: Vec<String>,
    /// At full size instead of the small one
    #[arg(long)]
    full: bool,
    /// Number of parts
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    parts: u16,
    /// Fail where a part takes more than so many times the mean
    #[arg(long)]
    most: Option<f64>,
}

/// A run and what it took.
struct Played<'a> {
    listed: &'a ListedRun,
    seconds: f64,
}

impl Played<'_> {
    /// Runs are named by what is varied, the policy with what else is varied, and the seed.
    fn policy(&self) -> &str {
        let mut parts = self.listed.run.rsplitn(3, '_');
        parts.nth(1).unwrap_or(&self.listed.run)
    }
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let request = Request::new(&arguments.names, !arguments.full)?;
    let parts = usize::from(arguments.parts);
    let array = JobArray::new(request.clone(), parts)?;
    let reproduction = Reproduction::new(request)?;
    let root = std::env::temp_dir().join(format!("collapipe-shards-{}", std::process::id()));
    let played = (1..=parts).map(|part| play(&array, &reproduction, part, &root.join(part.to_string())));
    let played = played.collect::<Result<Vec<_>, _>>();
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    let played = played?;
    let loads: Vec<f64> = played.iter().map(|(seconds, _)| *seconds).collect();
    let mean = loads.iter().sum::<f64>() / loads.len() as f64;
    by_policy(&played.iter().flat_map(|(_, runs)| runs).collect::<Vec<_>>(), mean);
    let mut longest: Vec<&Played<'_>> = played.iter().flat_map(|(_, runs)| runs).collect();
    longest.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    println!("\nlongest runs                                          CPU [ms]  of the mean part     effort");
    for run in longest.iter().take(2 * parts) {
        let ListedRun { experiment, run: name, effort, .. } = run.listed;
        println!(
            "{:50} {:11.2} {:17.3} {effort:10}",
            format!("{experiment}/{name}"),
            1e3 * run.seconds,
            run.seconds / mean
        );
    }
    println!("\npart  runs    CPU [s]  of the mean");
    for (part, (seconds, runs)) in (1..).zip(&played) {
        println!("{part:4} {:5} {seconds:10.3} {:12.2}", runs.len(), seconds / mean);
    }
    let longest = loads.iter().copied().fold(0.0, f64::max) / mean;
    let run = played.iter().flat_map(|(_, runs)| runs).map(|run| run.seconds).fold(0.0, f64::max) / mean;
    println!("\nThe longest part takes {longest:.2} times the mean, the longest run alone {run:.2} times.");
    Ok(if arguments.most.is_some_and(|most| longest > most) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Processor time of a part and of each of its runs [s].
fn play<'a>(
    array: &'a JobArray,
    reproduction: &Reproduction,
    part: usize,
    folder: &std::path::Path,
) -> Result<(f64, Vec<Played<'a>>), Box<dyn Error>> {
    let mut runs: Vec<&ListedRun> = array.runs.iter().filter(|run| run.part == part).collect();
    // The order in which they are played.
    runs.sort_by_key(|run| std::cmp::Reverse(run.effort));
    let shard = array.shard(part)?;
    let moments: Mutex<Vec<(u64, Option<f64>)>> = Mutex::default();
    let note = |effort: u64| moments.lock().map(|mut moments| moments.push((effort, processor_time())));
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    let done = pool.install(|| {
        let _ = note(0);
        reproduction.play(folder, Some(shard), &false.into(), &|effort, _| drop(note(effort)))
    })?;
    let moments = moments.into_inner().map_err(|_| "a run panicked")?;
    if !done || moments.len() != runs.len() + 1 {
        return Err(format!("part {part}: {} runs of {}", moments.len() - 1, runs.len()).into());
    }
    let times: Option<Vec<f64>> = moments.iter().map(|(_, time)| *time).collect();
    let times = times.ok_or("this system does not say what time a thread took: no /proc/thread-self/schedstat")?;
    let mut played = Vec::with_capacity(runs.len());
    for ((listed, (effort, _)), ends) in runs.into_iter().zip(&moments[1..]).zip(times.windows(2)) {
        if listed.effort != *effort {
            return Err(format!("{}: played in another order than by effort", listed.run).into());
        }
        played.push(Played { listed, seconds: ends[1] - ends[0] });
    }
    Ok((times[times.len() - 1] - times[0], played))
}

/// What the runs of each policy took, the longest first.
fn by_policy(runs: &[&Played<'_>], mean: f64) {
    let mut policies: BTreeMap<&str, Vec<&Played<'_>>> = BTreeMap::new();
    runs.iter().for_each(|run| policies.entry(run.policy()).or_default().push(run));
    let whole: f64 = runs.iter().map(|run| run.seconds).sum();
    let mut rows: Vec<_> = policies.into_iter().collect();
    let sum = |runs: &[&Played<'_>]| runs.iter().map(|run| run.seconds).sum::<f64>();
    rows.sort_by(|(_, a), (_, b)| sum(b).total_cmp(&sum(a)));
    println!(
        "policy                         runs  CPU [ms]: median      most  of the mean part  of all [%]  per million of effort"
    );
    for (policy, runs) in rows {
        let times: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
        let most = times.iter().copied().fold(0.0, f64::max);
        let effort: u64 = runs.iter().map(|run| run.listed.effort).sum();
        println!(
            "{policy:30} {:4} {:17.2} {:9.2} {:17.3} {:11.1} {:22.1}",
            runs.len(),
            1e3 * median(times).unwrap_or_default(),
            1e3 * most,
            most / mean,
            100.0 * sum(&runs) / whole,
            1e9 * sum(&runs) / effort.max(1) as f64,
        );
    }
}

/// What this thread has had of a processor [s].
fn processor_time() -> Option<f64> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| 1e-9 * nanoseconds)
}
