//! The conic backend beside the exact solver, on seeded instances: times, gaps, differences.
//!
//! `cargo xtask backends`

use std::error::Error;
use std::time::Instant;

use collapipe::instances::InstanceSize;
use collapipe::solver::backend::{Backend, Conic, Exact, RadioFor};
use collapipe::solver::{Settings, Solution, solve};

/// What one instance gives.
struct Row {
    exact_s: f64,
    conic_s: f64,
    gap: f64,
    excess: f64,
    rungs: u64,
    iterations: u64,
}

/// Prints the table of `docs/backends.md`.
pub fn run() -> Result<(), Box<dyn Error>> {
    println!("radio for the integers of the optimum, 30 seeded instances each; medians, gap and excess: worst");
    println!(
        "clusters devices   exact [s]   conic [s]    ratio       gap    excess  iterations  optimal at the first rung"
    );
    for (clusters, devices) in [(1, 3), (1, 9), (1, 10), (3, 5)] {
        let size = InstanceSize { clusters, devices, ..InstanceSize::default() };
        let rows = (0..30).map(|seed| row(size, seed)).collect::<Result<Vec<Row>, _>>()?;
        let median = |value: fn(&Row) -> f64| {
            let mut values: Vec<f64> = rows.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let worst = |value: fn(&Row) -> f64| rows.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
        println!(
            "{clusters:8} {devices:7} {:11.1e} {:11.1e} {:8.0} {:9.1e} {:9.1e} {:11} {:10} of {}",
            median(|row| row.exact_s),
            median(|row| row.conic_s),
            median(|row| row.conic_s / row.exact_s),
            worst(|row| row.gap),
            worst(|row| row.excess),
            median(|row| row.iterations as f64),
            rows.iter().filter(|row| row.rungs == 1 && row.gap <= 1e-6).count(),
            rows.len(),
        );
    }
    Ok(())
}

fn row(size: InstanceSize, seed: u64) -> Result<Row, Box<dyn Error>> {
    let problem = size.sample(seed)?;
    let optimum = solve(&problem, &Settings { gap: 1e-4, ..Settings::default() })?;
    let question = RadioFor::decision(&optimum.certified().ok_or("infeasible")?.decision);
    let timed = |backend: &dyn Backend<RadioFor>| -> Result<(Solution, f64), Box<dyn Error>> {
        // Once to warm up, then the shorter of two.
        backend.solve(&problem, &question)?;
        let mut shortest = f64::INFINITY;
        let mut last = None;
        for _ in 0..2 {
            let start = Instant::now();
            last = Some(backend.solve(&problem, &question)?);
            shortest = shortest.min(start.elapsed().as_secs_f64());
        }
        Ok((last.ok_or("not solved")?, shortest))
    };
    let (exact, exact_s) = timed(&Exact::default())?;
    let (conic, conic_s) = timed(&Conic::default())?;
    let (best, found) = (exact.certified().ok_or("infeasible")?, conic.certified().ok_or("infeasible")?);
    Ok(Row {
        exact_s,
        conic_s,
        gap: found.gap,
        excess: (found.objective() - best.objective()) / best.objective(),
        rungs: conic.work.nodes,
        iterations: conic.work.iterations,
    })
}
