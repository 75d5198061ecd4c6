//! Small networks against every choice of plan, devices and sizes in turn.

use std::error::Error;

use collapipe::instances::InstanceSize;
use collapipe::problem::Participation;
use collapipe::solver::backend::{Backend, Exact, Exhaustive, WholeSlot};

/// Two clusters of two devices and of three.
const SIZES: [(&str, InstanceSize); 4] = {
    use Participation::{All, Select};
    let small = InstanceSize { clusters: 2, devices: 2, blocks: 6, plans: 2, participation: All };
    let large = InstanceSize { devices: 3, blocks: 5, ..small };
    [
        ("2 clusters of 2 devices, 6 blocks, all", small),
        ("2 clusters of 2 devices, 6 blocks, select", InstanceSize { participation: Select, ..small }),
        ("2 clusters of 3 devices, 5 blocks, all", large),
        ("2 clusters of 3 devices, 4 blocks, select", InstanceSize { blocks: 4, participation: Select, ..large }),
    ]
};

/// Prints per size how far the exact solver's objective is from the least of all choices, and its bound from its
/// objective.
pub fn print(seeds: u64, each: bool) -> Result<(), Box<dyn Error>> {
    println!(
        "\n| networks, every choice tried | seeds | choices each, at most | worst relative difference | worst gap |"
    );
    println!("|---|---|---|---|---|");
    for (name, size) in SIZES {
        let (mut difference, mut gap, mut choices) = (0.0f64, 0.0f64, 0);
        for seed in 0..seeds {
            let problem = size.sample(seed)?;
            let (tried, found) = (
                Exhaustive::<Exact>::default().solve(&problem, &WholeSlot)?,
                Exact::default().solve(&problem, &WholeSlot)?,
            );
            choices = choices.max(tried.enumerated.unwrap_or(0));
            let (tried, found) = (tried.certified().ok_or("infeasible")?, found.certified().ok_or("infeasible")?);
            let off = (found.objective() - tried.objective()) / tried.objective().abs();
            if each {
                println!("  seed {seed:>4} difference {off:.1e}, gap {:.1e}", found.gap);
            }
            difference = difference.max(off.abs());
            gap = gap.max(found.gap);
        }
        println!("| {name} | {seeds} | {choices} | {difference:.1e} | {gap:.1e} |");
    }
    Ok(())
}
