//! Prices that a search begins with.

use super::block::Prices;
use super::instance::Instance;
use super::paths::Pool;
use super::radio::{UNUSED, price_of_band};

/// Prices to begin with: every stage on the pace for its share, every link at a price of an equal share.
pub(super) fn rough(instance: &Instance, pool: &mut Pool, positions: usize, price: f64) -> Prices {
    let layout = pool.layout;
    // Paths on which one stage is slow each.
    let mut shares = vec![(0, 0.3)];
    let mut durations = vec![1e-3; layout.len()];
    for stage in 0..layout.stages {
        for phase in 0..2 {
            durations[layout.stage(phase, stage)] = 1.0;
        }
        pool.makespan(&durations);
        let path = pool.critical();
        for phase in 0..2 {
            durations[layout.stage(phase, stage)] = 1e-3;
        }
        match shares.iter_mut().find(|(known, _)| *known == path) {
            Some((_, share)) => *share += 0.7 / layout.stages as f64,
            None => shares.push((path, 0.7 / layout.stages as f64)),
        }
    }
    let weight = instance.iterations * price;
    let mut ln_band = [UNUSED; 2];
    let hops = (layout.links() * if instance.kind.alternates() { 2 } else { 1 }) as f64;
    for (band, ln) in ln_band.iter_mut().enumerate().take(instance.bands()) {
        let (mut sum, mut count) = (0.0, 0.0);
        for near in 0..instance.devices {
            for far in 1..=instance.devices {
                let (from, to) = if band == 0 { (near, far) } else { (far, near) };
                let bits = instance.boundary[(near.min(1) * (instance.blocks / 2)).min(instance.blocks)];
                if from == to || bits == 0.0 {
                    continue;
                }
                let uses = instance.uses();
                let hop_price = weight * (1.0 + f64::from(instance.micro_batches - 1) / positions as f64);
                let share = instance.band / hops.max(1.0);
                let pair = instance.pair(from, to);
                let found = price_of_band(&pair.medium, bits, uses, share, instance.band, hop_price);
                if found > 0.0 {
                    sum += found.ln();
                    count += 1.0;
                }
            }
        }
        if count > 0.0 {
            *ln = sum / count;
        }
    }
    Prices { ln_band, shares, price }
}
