//! How far block-coordinate descent stays from the optimum, and what outer approximation by linear programs takes to
//! get there.
//!
//! ```text
//! cargo xtask backend-gaps [--full]
//! ```
//!
//! Few seeds of every family; with `--full` all that the tables of `docs/backends.md` are made from, which takes
//! minutes.

use std::error::Error;
use std::ops::Range;
use std::time::Instant;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use collapipe::solver::backend::{Alternating, Backend, Exact, Milp, WholeSlot};

/// Print how far block-coordinate descent stays from the optimum, and what outer approximation takes
#[derive(clap::Args)]
pub struct Arguments {
    /// All seeds that the documented tables are made from
    #[arg(long)]
    full: bool,
}

/// What one backend made of one problem.
struct Outcome {
    gap: f64,
    rounds: u64,
    seconds: f64,
}

/// Median, 90 % quantile (nearest rank) and maximum.
fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [last / 2, last * 9 / 10, last].map(|at| values[at])
}

fn outcomes(
    size: InstanceSize,
    seeds: &Range<u64>,
    backend: &impl Backend<WholeSlot>,
) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let mut found = Vec::new();
    for seed in seeds.clone() {
        let problem = size.sample(seed)?;
        let start = Instant::now();
        let solution = backend.solve(&problem, &WholeSlot)?;
        let seconds = start.elapsed().as_secs_f64();
        // Some seeds draw problems without a feasible decision.
        if let Some(best) = solution.certified() {
            found.push(Outcome { gap: best.gap, rounds: solution.work.rounds, seconds });
        }
    }
    if found.is_empty() { Err("no feasible instance".into()) } else { Ok(found) }
}

fn row(name: &str, outcomes: &[Outcome]) {
    let [median, most, worst] = quantiles(outcomes.iter().map(|found| found.gap).collect());
    let [rounds, _, most_rounds] = quantiles(outcomes.iter().map(|found| found.rounds as f64).collect());
    let [time, _, longest] = quantiles(outcomes.iter().map(|found| found.seconds).collect());
    let count = outcomes.len();
    println!(
        "| {name} | {count} | {median:.1e} | {most:.1e} | {worst:.1e} | {rounds} ({most_rounds}) | {time:.2} ({longest:.2}) |"
    );
}

fn table(title: &str) {
    println!("\n{title}\n\n| problems | solved | gap: median | 90 % | max | rounds (max) | seconds (max) |");
    println!("|---|---|---|---|---|---|---|");
}

/// The seeds of each family.
struct Seeds {
    alternating: Range<u64>,
    alternating_networks: Range<u64>,
    milp: Range<u64>,
    many_devices: Range<u64>,
}

/// Without the first two, whose linear programs take long.
const FEW: Seeds = Seeds { alternating: 0..20, alternating_networks: 0..6, milp: 2..5, many_devices: 2..3 };
const FULL: Seeds = Seeds { alternating: 0..50, alternating_networks: 0..20, milp: 0..20, many_devices: 2..5 };

/// Prints the tables of `docs/backends.md`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let seeds = if arguments.full { FULL } else { FEW };
    let all = InstanceSize::default();
    let select = |devices| InstanceSize { devices, participation: Participation::Select, ..all };
    let network = InstanceSize { clusters: 3, devices: 4, blocks: 12, plans: 4, ..all };

    table("Alternating: gap to the exact solver's bound (the time of its solve included)");
    row("10 devices, all", &outcomes(all, &seeds.alternating, &Alternating::<Milp>::default())?);
    row("10 devices, select", &outcomes(select(10), &seeds.alternating, &Alternating::<Milp>::default())?);
    row("3 clusters of 4, all", &outcomes(network, &seeds.alternating_networks, &Alternating::<Milp>::default())?);

    table("Milp: outer approximation of the whole slot to a gap of 1e-4");
    let milp = Milp::default();
    row("10 devices, all", &outcomes(all, &seeds.milp, &milp)?);
    row("6 devices, select", &outcomes(select(6), &seeds.milp, &milp)?);
    row("8 devices, select", &outcomes(select(8), &seeds.milp, &milp)?);
    row("3 clusters of 4, all", &outcomes(network, &seeds.milp, &milp)?);
    let network = InstanceSize { clusters: 2, participation: Participation::Select, ..network };
    row("2 clusters of 4, select", &outcomes(network, &seeds.milp, &milp)?);

    println!("\nOne cluster of 24 devices, select, beyond the reach of enumeration\n");
    println!("| seed | backend | objective | gap | seconds |\n|---|---|---|---|---|");
    let many = InstanceSize { plans: 4, ..select(24) };
    for seed in seeds.many_devices {
        let problem = many.sample(seed)?;
        let exact = Exact::default();
        for backend in [&exact as &dyn Backend<WholeSlot>, &milp] {
            let start = Instant::now();
            let solution = backend.solve(&problem, &WholeSlot)?;
            let best = solution.certified().ok_or("infeasible")?;
            let (time, gap, objective) = (start.elapsed().as_secs_f64(), best.gap, best.objective());
            println!("| {seed} | {} | {objective:.6} | {gap:.1e} | {time:.2} |", backend.name());
        }
    }
    Ok(())
}
