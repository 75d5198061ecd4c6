//! Networks: certified gaps of random ones, and small ones against every discrete choice.

use std::error::Error;
use std::time::Instant;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use collapipe::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};
use collapipe::solver::{Settings, solve};

use super::Row;

/// A network of 2 to 50 clusters with 2 to 10 devices each, solved at the default settings.
pub fn solved(seed: u64) -> Result<Row, Box<dyn Error>> {
    let (clusters, devices) = (2 + (13 * seed % 49) as usize, 2 + (seed % 9) as usize);
    let problem = InstanceSize { clusters, devices, ..InstanceSize::default() }.sample(seed)?;
    let start = Instant::now();
    let solution = solve(&problem, &Settings::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let gap = solution.certified().ok_or("infeasible")?.gap;
    Ok(Row { seed, gap, seconds, nodes: solution.work.nodes, iterations: solution.work.iterations })
}

/// By how much the objective of a small network differs from the best of all discrete choices, relative to it.
pub fn against_enumeration(seed: u64) -> Result<f64, Box<dyn Error>> {
    let participation = if seed.is_multiple_of(2) { Participation::All } else { Participation::Select };
    let (devices, blocks) = (2 + (seed % 3 / 2) as usize, 4 + (seed % 2) as u32);
    let size = InstanceSize { clusters: 2, devices, blocks, plans: 3, participation };
    let problem = size.sample(seed)?;
    let ours = solve(&problem, &Settings::default())?.certified().ok_or("infeasible")?.objective();
    let all = Exhaustive::<Exact>::default().solve(&problem, &WholeSlot)?;
    let best = all.certified().ok_or("infeasible")?.objective();
    Ok((ours - best).abs() / best.abs())
}
