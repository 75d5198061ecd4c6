//! Slots in which no decision keeps every budget, because blocks are whole.

use crate::ground::units::Joules;
use crate::problem::{CandidatePlan, Cluster, Device, Encoder};
use crate::scenario::Scenario;
use crate::text::escaped;

/// The reason, where with every candidate plan the budgets of some cluster pay for fewer whole blocks than there are: by
/// computing alone, at the energy of the cheapest block, on all devices. No decision of any slot then keeps every budget.
pub(super) fn whole_blocks(scenario: &Scenario) -> Option<String> {
    let (spec, budgets) = (scenario.template(), scenario.budgets());
    let mut first = 0;
    let mut most: Option<(u64, String)> = None;
    for (cluster, named) in spec.clusters.iter().zip(&scenario.spec().clusters) {
        let devices = cluster.devices.iter().enumerate();
        let limited: Vec<(&Device, Option<Joules>)> =
            devices.map(|(k, device)| (device, budgets.get(first + 1 + k).copied().flatten())).collect();
        first += cluster.devices.len() + 1 + usize::from(cluster.edge_server.compute_power_w.0 > 0.0);
        let paid = |plan: &CandidatePlan| {
            let of = |(device, budget): &(&Device, Option<Joules>)| {
                blocks_paid(&spec.encoder, cluster, plan, device, *budget)
            };
            limited.iter().map(of).sum::<u64>()
        };
        let best = spec.plans.iter().map(paid).max()?;
        if best < u64::from(spec.encoder.blocks()) && most.as_ref().is_none_or(|(fewest, _)| best < *fewest) {
            most = Some((best, named.name.clone()));
        }
    }
    let (paid, name) = most?;
    Some(format!(
        "blocks are whole: in one slot the budgets of {} pay for {paid} of the {} blocks at most, whatever is decided",
        escaped(&name),
        spec.encoder.blocks()
    ))
}

/// Blocks that a device's budget pays for in a slot, at most as many as it may hold.
fn blocks_paid(
    encoder: &Encoder,
    cluster: &Cluster,
    plan: &CandidatePlan,
    device: &Device,
    budget: Option<Joules>,
) -> u64 {
    let limit = u64::from(device.max_blocks.unwrap_or(u32::MAX).min(encoder.blocks()));
    let flops = (0..encoder.blocks()).filter_map(|index| encoder.block(index)).map(|block| {
        let backward = if plan.schedule.has_backward() { block.backward_flops_per_sample.0 } else { 0.0 };
        block.forward_flops_per_sample.0 + backward
    });
    let samples = f64::from(plan.local_iterations) * f64::from(cluster.batch_size);
    let least = flops.fold(f64::INFINITY, f64::min) * samples * device.joules_per_flop.0;
    match budget {
        Some(Joules(budget)) if least > 0.0 => limit.min((budget / least) as u64),
        _ => limit,
    }
}
