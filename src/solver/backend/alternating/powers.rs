//! Block (d): powers for the bandwidths as they are.

use super::Iterate;
use super::bands::slowest_stage;
use crate::ground::phase::Phase;
use crate::ground::units::{Hertz, Watts};
use crate::problem::program::Transmission;
use crate::problem::{ClusterDecision, Link};
use crate::solver::cluster::PricedCluster;
use crate::solver::hop::efficiency::Efficiency;
use crate::solver::hop::whole_band_efficiency;

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
    /// Time on air at full power [s].
    shortest: f64,
    /// The cheapest time on air without a pace [s].
    free: f64,
}

impl Sender {
    fn new(sent: &Transmission, band: Hertz, latency_price: f64) -> Self {
        let (nats, gain, band, max_power) = (sent.nats(), sent.gain, band.0, sent.transmitter.max_power.0);
        let (time_price, energy_price) = (sent.time_price(latency_price), sent.energy_price());
        let shortest = nats / (band * (max_power * gain / band).ln_1p());
        let free = nats / (band * whole_band_efficiency(time_price, energy_price, gain, band, max_power).0);
        Self { nats, gain, band, max_power, time_price, energy_price, shortest, free }
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
    let program = iterate.program(n);
    let mut choice = iterate.decision.clusters[n].clone();
    let route = program.at.route(&iterate.decision.clusters[n].active);
    let set = |phase: Phase, links: &mut [Option<Link>]| {
        let hops = route.hops().map(|(near, far)| program.hop(phase, near, far));
        let senders: Vec<Sender> =
            hops.zip(links.iter().flatten()).map(|(sent, link)| Sender::new(&sent, link.bandwidth_hz, price)).collect();
        let floor = slowest_stage(iterate, n, phase) - program.hop_latency().0;
        let pace = pace(&senders, program.pacing.pace_price(price), floor);
        for (link, sender) in links.iter_mut().flatten().zip(&senders) {
            link.power_w = sender.power(sender.free.min(pace).max(sender.shortest));
        }
    };
    set(Phase::Forward, &mut choice.forward);
    set(Phase::Backward, &mut choice.backward);
    let priced = PricedCluster::new(iterate.problem, program.at.cluster, price);
    choice.collection_power_w = choice.active.iter().map(|k| Some(Watts(priced.collection[k.0].power))).collect();
    choice.distribution_power_w = choice.active.iter().map(|k| Some(Watts(priced.distribution[k.0].power))).collect();
    let upload = program.at.upload();
    if let Some(link) = choice.upload.as_mut().filter(|_| upload.bits.0 > 0.0) {
        let sender = Sender::new(&upload, link.bandwidth_hz, price);
        link.power_w = sender.power(sender.free);
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
    let (mut low, mut high) = (floor.max(longest(|sender| sender.shortest)), longest(|sender| sender.free));
    let saved = |time: f64| -> f64 {
        senders.iter().filter(|sender| sender.free > time).map(|sender| sender.saving(time).max(0.0)).sum()
    };
    if high <= low || saved(low) <= pace_price {
        return low;
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if saved(middle) > pace_price { low = middle } else { high = middle }
    }
    high
}
