//! Prints how good the certified answers are on seeded random problems: gaps, times and work, one table per family.
//!
//! ```text
//! cargo run --release --example quality -- [--devices 20,50] [--seeds 20] [--networks 200] [--small 40] [--each]
//! ```
//!
//! Times are those of the machine at hand; gaps and work are the same everywhere. `--each` prints every problem as well.

mod networks;
mod select;

use std::error::Error;

struct Arguments {
    devices: Vec<usize>,
    seeds: u64,
    networks: u64,
    small: u64,
    each: bool,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut parsed = Arguments { devices: vec![20, 50], seeds: 20, networks: 200, small: 40, each: false };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{name}: value missing"));
        match name.as_str() {
            "--devices" => parsed.devices = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "--seeds" => parsed.seeds = value()?.parse()?,
            "--networks" => parsed.networks = value()?.parse()?,
            "--small" => parsed.small = value()?.parse()?,
            "--each" => parsed.each = true,
            _ => return Err(format!("{name}: unknown; use --devices, --seeds, --networks, --small, --each").into()),
        }
    }
    if parsed.seeds == 0 {
        return Err("--seeds 0: must be at least 1".into());
    }
    Ok(parsed)
}

/// One solved problem.
struct Row {
    seed: u64,
    gap: f64,
    seconds: f64,
    nodes: u64,
    iterations: u64,
}

/// Prints the median and the worst of a family of problems.
fn summarize(family: &str, rows: &[Row]) {
    let spread = |value: fn(&Row) -> f64| {
        let mut values: Vec<f64> = rows.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        (values[values.len() / 2], values[values.len() - 1])
    };
    let (gap, seconds) = (spread(|row| row.gap), spread(|row| row.seconds));
    let (nodes, iterations) = (spread(|row| row.nodes as f64), spread(|row| row.iterations as f64));
    let row = format!("{family:<28} {:>5} {:>9.1e} {:>9.1e}", rows.len(), gap.0, gap.1);
    let row = format!("{row} {:>10.4} {:>10.4} {:>11} {:>11}", seconds.0, seconds.1, nodes.0, nodes.1);
    println!("{row} {:>12} {:>12}", iterations.0, iterations.1);
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { devices, seeds, networks, small, each } = arguments()?;
    let heads = ["family", "seeds", "gap", "worst", "seconds", "worst", "nodes", "worst", "iterations", "worst"];
    let [family, count, head @ ..] = heads;
    let numbers: String = head.iter().zip([9, 9, 10, 10, 11, 11, 12, 12]).map(|(h, w)| format!(" {h:>w$}")).collect();
    println!("{family:<28} {count:>5}{numbers}");
    for devices in devices {
        let mut rows = Vec::new();
        for seed in 0..seeds {
            let row = select::solved(devices, seed)?;
            if each {
                let Row { seed, gap, seconds, nodes, iterations } = row;
                println!("  {seed:>4} gap {gap:.3e} {seconds:.4} s, {nodes} nodes, {iterations} iterations");
            }
            rows.push(row);
        }
        summarize(&format!("select, {devices} devices"), &rows);
    }
    let rows = (0..networks).map(networks::solved).collect::<Result<Vec<Row>, _>>()?;
    if !rows.is_empty() {
        summarize("networks, 2 to 50 clusters", &rows);
        let mut gaps: Vec<f64> = rows.iter().map(|row| row.gap).collect();
        gaps.sort_by(f64::total_cmp);
        println!("  gap: 90 % below {:.1e}, 99 % below {:.1e}", gaps[gaps.len() * 9 / 10], gaps[gaps.len() * 99 / 100]);
    }
    let mut worst = 0.0f64;
    for seed in 0..small {
        worst = worst.max(networks::against_enumeration(seed)?);
    }
    println!("{small} networks of 2 clusters against every discrete choice: objectives differ by at most {worst:.1e}");
    Ok(())
}
