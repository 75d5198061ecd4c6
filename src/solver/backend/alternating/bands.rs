//! Block (c): bandwidths for the powers as they are.
//!
//! A hop whose power is given is one whose power limit binds and whose energy costs by the second: the phase solver's own
//! problem without energy prices.

use super::{BISECTIONS, Iterate, LEAST_SHARE};
use crate::problem::costs::{
    Phase, Transmitter, block_time, boundary_bits, end_stage_time, hop_uses, micro_batch, path_node, stage_time,
};
use crate::problem::{ClusterDecision, Decision, Link};
use crate::solver::hop::{Cap, Hop, Memory};
use crate::solver::phase::{Radio, Scratch};
use crate::units::Hertz;
use std::f64::consts::LN_2;

/// A cluster's choice with new bandwidths, and what its bands are worth.
pub(super) struct Shared {
    pub choice: ClusterDecision,
    /// Forward and backward, per Hz.
    pub prices: (f64, f64),
}

impl AsRef<ClusterDecision> for Shared {
    fn as_ref(&self) -> &ClusterDecision {
        &self.choice
    }
}

/// The slowest compute stage of a phase [s].
pub(super) fn slowest_stage(iterate: &Iterate, n: usize, phase: Phase) -> f64 {
    let (problem, choice) = (iterate.problem, &iterate.decision.clusters[n]);
    let (cluster, plan) = (&problem.clusters[n], &problem.plans[iterate.decision.plan]);
    let samples = micro_batch(cluster, plan);
    let stages = choice.active.iter().zip(&choice.sizes).map(|(&k, &size)| {
        let device = &cluster.devices[k];
        stage_time(device, block_time(&problem.encoder, device, phase, samples), size).0
    });
    let ends = [&cluster.embedding, &cluster.decoder].map(|stage| end_stage_time(stage, phase, samples).0);
    stages.chain(ends).fold(0.0, f64::max)
}

/// The sender of a phase's hop with the link's gain.
pub(super) fn sender(iterate: &Iterate, n: usize, phase: Phase, hop: usize) -> (Transmitter, f64) {
    let (cluster, active) = (&iterate.problem.clusters[n], &iterate.decision.clusters[n].active);
    let (tx, rx) = (phase.sender(hop), phase.receiver(hop));
    let (tx, rx) = (path_node(cluster, active, tx), path_node(cluster, active, rx));
    (Transmitter::of(cluster, tx), cluster.gain_to_noise_hz_per_w.get(tx, rx))
}

/// The bandwidths of a cluster's phases at a price of its latency.
pub(super) fn share(iterate: &Iterate, n: usize, price: f64) -> Shared {
    let problem = iterate.problem;
    let (cluster, plan) = (&problem.clusters[n], &problem.plans[iterate.decision.plan]);
    let nats = boundary_bits(&problem.encoder, micro_batch(cluster, plan)).0 * LN_2;
    let price = price * f64::from(plan.local_iterations);
    let mut choice = iterate.decision.clusters[n].clone();
    let share = |phase: Phase, links: &mut [Link]| {
        let pace_price = price * f64::from(plan.micro_batches - 1);
        let mut radio = Radio::new(cluster.bandwidth_hz.0, pace_price, cluster.hop_latency_s.0);
        for (hop, link) in links.iter().enumerate() {
            let (node, gain) = sender(iterate, n, phase, hop);
            let spent = hop_uses(plan) * node.energy_price * node.drawn(link.power_w).0;
            radio.push(Hop::new(nats, gain, link.power_w.0, price + spent, 0.0));
        }
        let mut scratch = Scratch::default();
        let solved = radio.solve(slowest_stage(iterate, n, phase), None, &mut scratch);
        for (link, sent) in links.iter_mut().zip(radio.sendings(&solved, &mut scratch)) {
            link.bandwidth_hz = Hertz(sent.band);
        }
        solved.prices.band
    };
    let prices = (share(Phase::Forward, &mut choice.forward), share(Phase::Backward, &mut choice.backward));
    Shared { choice, prices }
}

/// One cluster's upload at a given power.
struct Upload {
    hop: Hop,
    /// Latency of everything else [s].
    before: f64,
}

/// The uploads on the common band, and what it is worth per Hz: min V·T + Σ κ t with t ≤ T − before.
///
/// For a given T the clusters separate at a price of the band; V less the prices of their deadlines is the slope in T.
pub(super) fn share_uplink(iterate: &Iterate) -> (Decision, f64) {
    let (problem, mut decision) = (iterate.problem, iterate.decision.clone());
    let (weight, band) = (problem.latency_weight, problem.uplink.bandwidth_hz.0);
    let sending: Vec<usize> =
        (0..problem.clusters.len()).filter(|&n| problem.clusters[n].upload_bits.0 > 0.0).collect();
    let uploads: Vec<Upload> = (sending.iter())
        .map(|&n| {
            let (cluster, link) = (&problem.clusters[n], decision.clusters[n].upload);
            let node = Transmitter::of(cluster, 0);
            let gain = cluster.gain_to_noise_hz_per_w.get(0, cluster.devices.len() + 1);
            let spent = node.energy_price * node.drawn(link.power_w).0;
            let nats = cluster.upload_bits.0 * LN_2;
            let evaluated = &iterate.evaluation.clusters[n];
            Upload {
                hop: Hop::new(nats, gain, link.power_w.0, spent + LEAST_SHARE * weight, 0.0),
                before: evaluated.latency.0 - evaluated.parts.upload.0,
            }
        })
        .collect();
    // Bandwidths, and the sum of the deadlines' prices.
    let at = |deadline: f64, ln_price: f64| {
        let mut deadlines = 0.0;
        let bands: Vec<f64> = (uploads.iter())
            .map(|Upload { hop, before }| {
                let shortest = hop.shortest_time();
                let cap = Cap::new(shortest, (deadline - before) - shortest);
                let sent = hop.send(ln_price.exp(), ln_price, &cap, &mut Memory::default());
                deadlines += sent.cap_price;
                sent.band
            })
            .collect();
        (bands, deadlines)
    };
    // The price that fills the band; `None` where the deadline asks for more than there is.
    let filled = |deadline: f64| {
        let (mut low, mut high) = (-690.0, 690.0);
        if at(deadline, high).0.iter().sum::<f64>() > band {
            return None;
        }
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            if at(deadline, middle).0.iter().sum::<f64>() > band { low = middle } else { high = middle }
        }
        Some((high, at(deadline, high)))
    };
    let (mut low, mut high) = (0.0, iterate.evaluation.round_latency.0);
    // As it is the uploads meet the round latency, up to rounding.
    let Some(mut best) = filled(high * (1.0 + 1e-12)) else { return (decision, iterate.prices.uplink_per_hz) };
    if uploads.is_empty() {
        return (decision, 0.0);
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        match filled(middle) {
            Some(found) if found.1.1 <= weight => (high, best) = (middle, found),
            _ => low = middle,
        }
    }
    let (ln_price, (bands, _)) = best;
    for (&n, share) in sending.iter().zip(bands) {
        decision.clusters[n].upload.bandwidth_hz = Hertz(share);
    }
    (decision, ln_price.exp())
}
