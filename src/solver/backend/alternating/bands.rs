//! Block (c): bandwidths for the powers as they are.
//!
//! A hop whose power is given is one whose power limit binds and whose energy costs by the second: the phase solver's
//! own problem without energy prices.

use std::cell::RefCell;
use std::collections::HashMap;

use super::{BalancedBlocks, Iterate, within};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::units::{Hertz, Watts};
use crate::problem::program::Transmission;
use crate::problem::{ClusterDecision, Decision, Link, ShadowPrices};
use crate::solver::hop::Hop;
use crate::solver::hop::phase::{PhaseRadio, Prices, Scratch, falling_root};

/// The slowest compute stage of a phase [s].
pub(super) fn slowest_stage(iterate: &Iterate, n: usize, phase: Phase) -> f64 {
    let (program, choice) = (iterate.program(n), &iterate.decision.clusters[n]);
    let times = program.stage_times(phase, program.at.route(&choice.active), &choice.sizes);
    times.fold(0.0, |slowest, time| slowest.max(time.0))
}

/// A message over a link of given power, as a hop without an energy price: its energy costs by the second.
fn at_power(sent: &Transmission, power: Watts, latency_price: f64) -> Hop {
    let time_price = sent.latency_uses * latency_price + sent.drawn_price(power);
    Hop::new(sent.nats(), sent.gain, power.0, time_price, 0.0)
}

/// The bandwidths of a cluster's phases at a price of its latency, and what the bands are worth; `start` are prices of similar phases, in the
/// place of which it leaves its own.
fn phases(
    iterate: &Iterate,
    n: usize,
    price: f64,
    start: &mut PerPhase<Option<Prices>>,
) -> (ClusterDecision, [f64; 2]) {
    let program = iterate.program(n);
    let mut choice = iterate.decision.clusters[n].clone();
    let route = program.at.route(&iterate.decision.clusters[n].active);
    let mut share = |phase: Phase, links: &mut [Option<Link>]| {
        let band = program.at.cluster.bandwidth_hz.0;
        let mut radio = PhaseRadio::new(band, program.pacing.pace_price(price), program.hop_latency().0);
        for ((near, far), link) in route.hops().zip(links.iter().flatten()) {
            radio.push(at_power(&program.hop(phase, near, far), link.power_w, price));
        }
        let mut scratch = Scratch::default();
        let solved = radio.solve(slowest_stage(iterate, n, phase), start[phase], &mut scratch);
        start[phase] = Some(solved.prices);
        for (link, sent) in links.iter_mut().flatten().zip(radio.sendings(&solved, &mut scratch)) {
            link.bandwidth_hz = Hertz(sent.band);
        }
        solved.prices.band
    };
    let prices = [share(Phase::Forward, &mut choice.forward), share(Phase::Backward, &mut choice.backward)];
    (choice, prices)
}

/// An upload at the power as it is, at a price of its cluster's latency; `None` where nothing is sent.
fn upload(iterate: &Iterate, n: usize, price: f64) -> Option<Hop> {
    let sent = iterate.program(n).at.upload();
    let link = iterate.decision.clusters[n].upload.filter(|_| sent.bits.0 > 0.0)?;
    Some(at_power(&sent, link.power_w, price))
}

/// A cluster's phases at a price of its latency, and what their bands cost.
type Phases = (ClusterDecision, [f64; 2]);

/// What the phases of clusters do at prices of their latencies: the same at every price of the upload band, and asked for again at many of
/// them.
#[derive(Default)]
struct KnownPhases {
    known: RefCell<HashMap<(usize, u64), Phases>>,
    /// Where each cluster's phases were solved last.
    starts: RefCell<HashMap<usize, PerPhase<Option<Prices>>>>,
}

impl KnownPhases {
    fn at(&self, iterate: &Iterate, n: usize, price: f64) -> (ClusterDecision, [f64; 2]) {
        let (mut known, mut starts) = (self.known.borrow_mut(), self.starts.borrow_mut());
        let start = starts.entry(n).or_default();
        known.entry((n, price.to_bits())).or_insert_with(|| phases(iterate, n, price, start)).clone()
    }
}

/// All bandwidths, and what the bands are worth: the clusters are balanced at a price of the upload band, and that
/// price fills the band.
pub(super) fn share(iterate: &Iterate) -> (Decision, ShadowPrices) {
    let (problem, whole) = (iterate.problem, iterate.problem.uplink.bandwidth_hz.0);
    let known = KnownPhases::default();
    let at = |band_price: f64| {
        iterate.balance(|iterate, n, price| {
            let mut choice = known.at(iterate, n, price).0;
            if let Some(hop) = upload(iterate, n, price) {
                let sent = hop.free(band_price, band_price.ln());
                choice.upload.iter_mut().for_each(|link| link.bandwidth_hz = Hertz(sent.band));
            }
            choice
        })
    };
    // Those that send nothing keep what they have.
    let sending: Vec<usize> = (0..problem.clusters.len()).filter(|&n| upload(iterate, n, 1.0).is_some()).collect();
    let idle = |n: &usize| !sending.contains(n);
    let idle: f64 = (0..problem.clusters.len()).filter(idle).map(|n| band_of(&iterate.decision, n)).sum();
    let used = |decisions: &[ClusterDecision]| sending.iter().map(|&n| upload_band(&decisions[n])).sum::<f64>();
    let mut tried: Vec<(f64, BalancedBlocks)> = Vec::new();
    let mut filled = |price: f64| {
        let blocks = at(price);
        let share = used(&blocks.choices) / (whole - idle);
        tried.push((price, blocks));
        within(share)
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
        price = falling_root(low, (high, at_high), &mut filled);
    }
    let seen = tried.into_iter().find(|(tried, _)| *tried == price).map(|(_, blocks)| blocks);
    let BalancedBlocks { weights, mut choices } = seen.unwrap_or_else(|| at(price));
    let scale = (whole - idle) / used(&choices);
    for &n in &sending {
        choices[n].upload.iter_mut().for_each(|link| link.bandwidth_hz = link.bandwidth_hz * scale);
    }
    let bands = weights.iter().enumerate().map(|(n, &weight)| known.at(iterate, n, weight).1);
    let bands: Vec<[f64; 2]> = bands.collect();
    let total: f64 = weights.iter().sum();
    let prices = ShadowPrices {
        forward_band_per_hz: bands.iter().map(|band| band[0]).collect(),
        backward_band_per_hz: bands.iter().map(|band| band[1]).collect(),
        uplink_per_hz: price,
        latency_share: weights.iter().map(|weight| weight / total).collect(),
        ..ShadowPrices::default()
    };
    (iterate.with_clusters(choices), prices)
}

fn band_of(decision: &Decision, n: usize) -> f64 {
    upload_band(&decision.clusters[n])
}

fn upload_band(choice: &ClusterDecision) -> f64 {
    choice.upload.map_or(0.0, |link| link.bandwidth_hz.0)
}
