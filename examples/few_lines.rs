//! A slot problem in a few lines: three boards, of which the best take part, two plans.
//!
//! `cargo run --release --example few_lines`

use collapipe::problem::{Cluster, Device, EqualBlocks, SlotProblem};
use collapipe::solver::{Settings, solve};
use collapipe::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, Watts};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let board = |giga_flops: f64| Device::new(FlopsPerSecond(giga_flops * 1e9), Bytes(2e9), Watts(0.2));
    let problem = SlotProblem::builder(EqualBlocks::new(12, Flops(2e8), Bits(5e5)))
        .plan(1, 4)
        .plan(1, 8)
        .cluster(Cluster::new(16, Hertz(20e6), vec![board(40.0), board(40.0), board(5.0)], 2e9))
        .select()
        .build()?;
    let solution = solve(&problem, &Settings::default())?;
    let best = solution.certified().ok_or("no decision")?;
    let chosen = problem.plans.get(best.decision.plan).ok_or("no plan")?;
    println!("{} micro-batches, {:.3} s per round", chosen.micro_batches, best.evaluation.round_latency.0);
    for cluster in &best.decision.clusters {
        println!("{:?} blocks on devices {:?}", cluster.sizes, cluster.active);
    }
    println!("no decision is better by more than {:.1e} of that", best.gap);
    Ok(())
}
