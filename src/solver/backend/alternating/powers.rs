//! Block (d): powers for the bandwidths as they are.

use super::Iterate;
use super::bands::{sender, slowest_stage};
use crate::problem::costs::{Phase, Transmitter, boundary_bits, hop_uses, micro_batch};
use crate::problem::{ClusterDecision, Link};
use crate::solver::cluster::PricedCluster;
use crate::solver::hop::efficiency::Efficiency;
use crate::solver::hop::whole_band_efficiency;
use crate::units::Watts;
use std::f64::consts::LN_2;

/// Steps of a bisection: to the resolution of floating-point numbers.
const BISECTIONS: usize = 60;

/// A transmission on a bandwidth of its own.
struct Sender {
    nats: f64,
    gain: f64,
    band: f64,
    max_power: f64,
    /// Objective units per second on air, and per joule radiated.
    time_price: f64,
    energy_price: f64,
}

impl Sender {
    fn new(node: Transmitter, (gain, nats, band): (f64, f64, f64), latency_price: f64, uses: f64) -> Self {
        Self {
            nats,
            gain,
            band,
            max_power: node.max_power.0,
            time_price: latency_price + uses * node.energy_price * node.circuit_power.0,
            energy_price: uses * node.energy_price / node.amplifier_efficiency,
        }
    }

    /// Time on air at full power [s].
    fn shortest(&self) -> f64 {
        self.nats / (self.band * (self.max_power * self.gain / self.band).ln_1p())
    }

    /// The cheapest time on air without a pace [s].
    fn free(&self) -> f64 {
        let (a, z) = (self.time_price, self.energy_price);
        self.nats / (self.band * whole_band_efficiency(a, z, self.gain, self.band, self.max_power).0)
    }

    /// What one more second would save at a time on air: −d(a t + z p t)/dt.
    fn saving(&self, time: f64) -> f64 {
        let s = self.nats / (time * self.band);
        self.energy_price * self.band / self.gain * Efficiency::new(s).m * s.exp() - self.time_price
    }

    /// The power that takes this long.
    fn power(&self, time: f64) -> Watts {
        let power = self.band / self.gain * (self.nats / (time * self.band)).exp_m1();
        Watts(power.min(self.max_power))
    }
}

/// The powers of a cluster's transmissions at a price of its latency.
pub(super) fn set(iterate: &Iterate, n: usize, price: f64) -> ClusterDecision {
    let problem = iterate.problem;
    let (cluster, plan) = (&problem.clusters[n], &problem.plans[iterate.decision.plan]);
    let mut choice = iterate.decision.clusters[n].clone();
    let nats = boundary_bits(&problem.encoder, micro_batch(cluster, plan)).0 * LN_2;
    let phase_price = price * f64::from(plan.local_iterations);
    let pace_price = phase_price * f64::from(plan.micro_batches - 1);
    let set = |phase: Phase, links: &mut [Link]| {
        let senders: Vec<Sender> = (links.iter().enumerate())
            .map(|(hop, link)| {
                let (node, gain) = sender(iterate, n, phase, hop);
                Sender::new(node, (gain, nats, link.bandwidth_hz.0), phase_price, hop_uses(plan))
            })
            .collect();
        let pace = pace(&senders, pace_price, slowest_stage(iterate, n, phase) - cluster.hop_latency_s.0);
        for (link, sender) in links.iter_mut().zip(&senders) {
            link.power_w = sender.power(sender.free().min(pace).max(sender.shortest()));
        }
    };
    set(Phase::Forward, &mut choice.forward);
    set(Phase::Backward, &mut choice.backward);
    let priced = PricedCluster::new(problem, cluster, price);
    choice.collection_power_w = choice.active.iter().map(|&k| Watts(priced.collection[k].power)).collect();
    choice.distribution_power_w = choice.active.iter().map(|&k| Watts(priced.distribution[k].power)).collect();
    if cluster.upload_bits.0 > 0.0 {
        let gain = cluster.gain_to_noise_hz_per_w.get(0, cluster.devices.len() + 1);
        let sent = (gain, cluster.upload_bits.0 * LN_2, choice.upload.bandwidth_hz.0);
        let sender = Sender::new(Transmitter::of(cluster, 0), sent, price, 1.0);
        choice.upload.power_w = sender.power(sender.free());
    }
    choice
}

/// The longest time on air that the pace leaves the hops, where `floor` is free of charge: the sum of what they would
/// save by more time falls to the pace's price there.
fn pace(senders: &[Sender], pace_price: f64, floor: f64) -> f64 {
    if pace_price <= 0.0 {
        return f64::INFINITY;
    }
    let longest = |time: fn(&Sender) -> f64| senders.iter().map(time).fold(0.0, f64::max);
    let (mut low, mut high) = (floor.max(longest(Sender::shortest)), longest(Sender::free));
    let saved = |time: f64| -> f64 {
        senders.iter().filter(|sender| sender.free() > time).map(|sender| sender.saving(time).max(0.0)).sum()
    };
    if high <= low || saved(low) <= pace_price {
        return low;
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if saved(middle) > pace_price { low = middle } else { high = middle }
    }
    high
}
