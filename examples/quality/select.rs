//! One cluster that chooses among its devices.

use std::error::Error;
use std::time::Instant;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use collapipe::solver::{Settings, solve};

use crate::Row;

/// Solves the seeded problem of 24 blocks and 8 plans.
pub fn solved(devices: usize, seed: u64) -> Result<Row, Box<dyn Error>> {
    let size = InstanceSize { devices, participation: Participation::Select, ..InstanceSize::default() };
    let problem = size.sample(seed)?;
    let start = Instant::now();
    let solution = solve(&problem, &Settings::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let best = solution.certified().ok_or_else(|| format!("{devices} devices, seed {seed}: infeasible"))?;
    let work = solution.work;
    Ok(Row { seed, gap: best.gap, seconds, nodes: work.nodes, iterations: work.iterations })
}
