//! Limits of time that strike: how late the answer is, and what it is worth.

use std::error::Error;
use std::time::{Duration, Instant};

use collapipe::instances::InstanceSize;
use collapipe::problem::{Participation, Status};
use collapipe::solver::{Settings, solve};

use super::quantile;

/// Devices to choose from.
const DEVICES: [usize; 4] = [20, 40, 60, 100];
/// Limits [ms].
const LIMITS: [u64; 3] = [5, 20, 50];

/// Prints, by devices and limit, how many solves of 48 blocks and 8 plans the limit ended, how late all of them returned, and
/// their gaps. An answer without a decision or a finite bound is an error.
pub fn print(seeds: u64) -> Result<(), Box<dyn Error>> {
    println!("| devices | limit [ms] | solves | ended by it | late by [ms]: median | worst | gap: median | worst |");
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    for devices in DEVICES {
        let participation = Participation::Select;
        let size = InstanceSize { devices, blocks: 48, participation, ..InstanceSize::default() };
        for limit in LIMITS {
            let settings = Settings { time_limit: Some(Duration::from_millis(limit)), ..Settings::default() };
            let (mut ended, mut late, mut gaps) = (0, Vec::new(), Vec::new());
            for seed in 0..seeds {
                let problem = size.sample(seed)?;
                let start = Instant::now();
                let solution = solve(&problem, &settings)?;
                let taken = start.elapsed().as_secs_f64() * 1e3;
                let best =
                    solution.certified().ok_or_else(|| format!("{devices} devices, seed {seed}: no decision"))?;
                if !best.lower_bound.is_finite() {
                    return Err(format!("{devices} devices, seed {seed}: no bound").into());
                }
                ended += u64::from(solution.status == Status::TimeLimit);
                late.push((taken - limit as f64).max(0.0));
                gaps.push(best.gap);
            }
            let at = |values: &Vec<f64>, share| quantile(values.clone(), share);
            println!(
                "| {devices} | {limit} | {seeds} | {ended} | {:.2} | {:.2} | {:.1e} | {:.1e} |",
                at(&late, 0.5),
                at(&late, 1.0),
                at(&gaps, 0.5),
                at(&gaps, 1.0)
            );
        }
    }
    Ok(())
}
