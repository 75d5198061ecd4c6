//! Block (c): bandwidths for the powers as they are.
//!
//! A hop whose power is given is one whose power limit binds and whose energy costs by the second: the phase solver's
//! own problem without energy prices.

use super::{Balanced, CLOSE, Iterate};
use crate::problem::costs::{
    Phase, Transmitter, block_time, boundary_bits, end_stage_time, hop_uses, micro_batch, path_node, stage_time,
};
use crate::problem::{ClusterDecision, Decision, Link, ShadowPrices};
use crate::solver::hop::Hop;
use crate::solver::hop::phase::{Radio, Scratch, falling_root};
use crate::units::Hertz;
use std::f64::consts::LN_2;

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

/// The bandwidths of a cluster's phases at a price of its latency, and what the bands are worth forward and backward.
fn phases(iterate: &Iterate, n: usize, price: f64) -> (ClusterDecision, [f64; 2]) {
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
    let prices = [share(Phase::Forward, &mut choice.forward), share(Phase::Backward, &mut choice.backward)];
    (choice, prices)
}

/// An upload at the power as it is, at a price of its cluster's latency; `None` where nothing is sent.
fn upload(iterate: &Iterate, n: usize, price: f64) -> Option<Hop> {
    let (cluster, link) = (&iterate.problem.clusters[n], iterate.decision.clusters[n].upload);
    let node = Transmitter::of(cluster, 0);
    let gain = cluster.gain_to_noise_hz_per_w.get(0, cluster.devices.len() + 1);
    let spent = node.energy_price * node.drawn(link.power_w).0;
    let nats = cluster.upload_bits.0 * LN_2;
    (nats > 0.0).then(|| Hop::new(nats, gain, link.power_w.0, price + spent, 0.0))
}

/// All bandwidths, and what the bands are worth: the clusters are balanced at a price of the upload band, and that
/// price fills the band.
pub(super) fn share(iterate: &Iterate) -> (Decision, ShadowPrices) {
    let (problem, whole) = (iterate.problem, iterate.problem.uplink.bandwidth_hz.0);
    let at = |band_price: f64| {
        iterate.balance(|iterate, n, price| {
            let mut choice = phases(iterate, n, price).0;
            if let Some(hop) = upload(iterate, n, price) {
                let sent = hop.free(band_price, band_price.ln());
                choice.upload.bandwidth_hz = Hertz(sent.band);
            }
            choice
        })
    };
    // Those that send nothing keep what they have.
    let sending: Vec<usize> = (0..problem.clusters.len()).filter(|&n| upload(iterate, n, 1.0).is_some()).collect();
    let idle = |n: &usize| !sending.contains(n);
    let idle: f64 = (0..problem.clusters.len()).filter(idle).map(|n| band_of(&iterate.decision, n)).sum();
    let used = |decisions: &[ClusterDecision]| sending.iter().map(|&n| decisions[n].upload.bandwidth_hz.0).sum::<f64>();
    let filled = |price: f64| {
        let share = used(&at(price).choices) / (whole - idle);
        if (1.0 - CLOSE..=1.0).contains(&share) { 1.0 } else { share }
    };
    // What a share that is one's own would be worth to the whole round.
    let typical = |&n: &usize| {
        let hop = upload(iterate, n, problem.latency_weight);
        hop.map_or(0.0, |hop| hop.limited_price(whole / sending.len() as f64, 0.0))
    };
    let start = sending.iter().map(typical).fold(0.0, f64::max);
    let mut price = 0.0;
    if start > 0.0 {
        let (mut low, mut high, mut at_high) = (0.25 * start, start, filled(start));
        while at_high > 1.0 && high < 1e12 * start {
            (low, high) = (high, 4.0 * high);
            at_high = filled(high);
        }
        while low > 1e-12 * start && filled(low) <= 1.0 {
            low *= 0.25;
        }
        price = falling_root(low, (high, at_high), filled);
    }
    let Balanced { weights, mut choices } = at(price);
    let scale = (whole - idle) / used(&choices);
    for &n in &sending {
        let band = &mut choices[n].upload.bandwidth_hz;
        *band = *band * scale;
    }
    let bands: Vec<[f64; 2]> = weights.iter().enumerate().map(|(n, &weight)| phases(iterate, n, weight).1).collect();
    let total: f64 = weights.iter().sum();
    let prices = ShadowPrices {
        forward_band_per_hz: bands.iter().map(|band| band[0]).collect(),
        backward_band_per_hz: bands.iter().map(|band| band[1]).collect(),
        uplink_per_hz: price,
        latency_share: weights.iter().map(|weight| weight / total).collect(),
    };
    (iterate.with_clusters(choices), prices)
}

fn band_of(decision: &Decision, n: usize) -> f64 {
    decision.clusters[n].upload.bandwidth_hz.0
}
