//! Optimality conditions of the radio part, from the decision itself and formulas of its own.
//!
//! A transmission of d nats in time t on bandwidth w needs p = (w/γ)(e^s − 1), s = d/(t w), with
//! −∂p/∂w = ((s − 1)e^s + 1)/γ and −∂p/∂t = (w/γ) s e^s/t. With multipliers λ of the band, ν of the pace and π of the
//! power limit, a (t, w) is optimal where
//!
//! ```text
//! λ = (z t + π) ((s−1)e^s + 1)/γ                 π ≥ 0,  π (P − p) = 0
//! ν = (z t + π) (w/γ) s e^s/t − a − z p          ν ≥ 0,  ν (u − ℓ − t) = 0,  Σ ν = A unless u is the floor
//! ```
//!
//! λ is read off a hop below its power limit (there π = 0), so that the others check it. Residuals are multiplied by
//! the variable they belong to and divided by the size of the objective: what a relative change would gain at first
//! order.

use std::f64::consts::LN_2;

use collapipe::problem::{CandidatePlan, Cluster, ClusterDecision, Link, SlotProblem, shannon_rate};
use collapipe::solver::Certified;

/// Residuals relative to the objective.
#[derive(Clone, Copy, Debug, Default)]
pub struct Residual {
    /// Of the conditions on bandwidths and powers, signs included.
    pub bandwidth: f64,
    /// Of the conditions on durations, signs included.
    pub duration: f64,
    /// π (P − p).
    pub power: f64,
    /// ν (u − ℓ − t), and of the sum of the ν.
    pub pace: f64,
    /// λ (W − Σ w).
    pub band: f64,
    /// Price of the latency times the cluster's slack in the round latency.
    pub latency: f64,
}

impl Residual {
    pub fn worst(&self) -> f64 {
        [self.bandwidth, self.duration, self.power, self.pace, self.band, self.latency].into_iter().fold(0.0, f64::max)
    }
}

fn raise(worst: &mut f64, value: f64) {
    // NaN is a failure too.
    *worst = if value.is_nan() { f64::INFINITY } else { worst.max(value.abs()) };
}

/// A transmission at the decision.
struct Sent {
    nats: f64,
    gain: f64,
    max_power: f64,
    /// a.
    time_price: f64,
    /// z.
    energy_price: f64,
    band: f64,
    power: f64,
    time: f64,
}

impl Sent {
    fn s(&self) -> f64 {
        self.nats / (self.time * self.band)
    }

    /// −∂p/∂w.
    fn power_by_band(&self) -> f64 {
        let s = self.s();
        let closed = (s - 1.0) * s.exp() + 1.0;
        let series = s * s * (0.5 + s / 3.0 + s * s / 8.0 + s * s * s / 30.0);
        (if s < 1e-2 { series } else { closed }) / self.gain
    }

    /// −∂p/∂t.
    fn power_by_time(&self) -> f64 {
        let s = self.s();
        self.band / self.gain * s * s.exp() / self.time
    }

    /// The band price at which this is optimal below the power limit.
    fn free_price(&self) -> f64 {
        self.energy_price * self.time * self.power_by_band()
    }
}

/// Price per joule, circuit power, amplifier efficiency and largest power of a node.
fn node(cluster: &Cluster, index: usize) -> (f64, f64, f64, f64) {
    let unit = &cluster.control_unit;
    match index.checked_sub(1).map(|k| cluster.devices.get(k)) {
        None => (unit.energy_price, unit.circuit_power_w.0, unit.amplifier_efficiency, unit.max_power_w.0),
        Some(Some(d)) => (d.energy_price, d.circuit_power_w.0, d.amplifier_efficiency, d.max_power_w.0),
        Some(None) => (0.0, 0.0, 1.0, cluster.edge_server.max_power_w.0),
    }
}

fn sent(cluster: &Cluster, (from, to): (usize, usize), bits: f64, link: Link, uses: f64, latency_price: f64) -> Sent {
    let (price, circuit, efficiency, max_power) = node(cluster, from);
    let gain = cluster.gain_to_noise_hz_per_w.0[(from, to)];
    Sent {
        nats: bits * LN_2,
        gain,
        max_power,
        time_price: latency_price + uses * price * circuit,
        energy_price: uses * price / efficiency,
        band: link.bandwidth_hz.0,
        power: link.power_w.0,
        time: bits / shannon_rate(link.bandwidth_hz, link.power_w, gain),
    }
}

/// The price of a band that these share, from the decision; `reported` where all of them are at full power.
fn band_price(sent: &[Sent], reported: f64) -> f64 {
    let free = sent.iter().filter(|one| one.power < 0.999 * one.max_power && one.energy_price > 0.0);
    free.max_by(|a, b| (a.band * a.free_price()).total_cmp(&(b.band * b.free_price())))
        .map_or(reported, Sent::free_price)
}

/// Conditions of one transmission at a band price; its ν, up to the sign.
fn conditions(one: &Sent, band_price: f64, size: f64, residual: &mut Residual) -> f64 {
    let limit_price = band_price / one.power_by_band() - one.energy_price * one.time;
    let shortfall = limit_price.min(0.0) * one.power_by_band() * one.band;
    raise(&mut residual.bandwidth, shortfall / size);
    raise(&mut residual.power, limit_price.max(0.0) * (one.max_power - one.power) / size);
    let factor = one.energy_price * one.time + limit_price.max(0.0);
    factor * one.power_by_time() - one.time_price - one.energy_price * one.power
}

/// Residuals of the decision's bandwidths, powers and durations; `size` is what they are relative to.
pub fn residual(problem: &SlotProblem, found: &Certified, size: f64) -> Residual {
    let mut residual = Residual::default();
    let plan = &problem.plans[found.decision.plan];
    let mut uploads = Vec::new();
    for (n, (cluster, choice)) in problem.clusters.iter().zip(&found.decision.clusters).enumerate() {
        let price = problem.latency_weight * found.shadow_prices.latency_share[n];
        let slack = found.evaluation.round_latency.0 - found.evaluation.clusters[n].latency.0;
        raise(&mut residual.latency, price * slack / size);
        for forward in [true, false] {
            let prices = &found.shadow_prices;
            let reported = if forward { &prices.forward_band_per_hz } else { &prices.backward_band_per_hz };
            phase(problem, plan, cluster, choice, (forward, price, reported[n]), size, &mut residual);
        }
        transfers(problem, cluster, choice, price, size, &mut residual);
        if cluster.upload_bits.0 > 0.0 {
            let link = (0, cluster.devices.len() + 1);
            uploads.push(sent(cluster, link, cluster.upload_bits.0, choice.upload.unwrap(), 1.0, price));
        }
    }
    let price = band_price(&uploads, found.shadow_prices.uplink_per_hz);
    for one in &uploads {
        let excess = conditions(one, price, size, &mut residual);
        raise(&mut residual.duration, excess * one.time / size);
    }
    if !uploads.is_empty() {
        let used: f64 = uploads.iter().map(|one| one.band).sum();
        raise(&mut residual.band, price * (problem.uplink.bandwidth_hz.0 - used) / size);
    }
    residual
}

fn phase(
    problem: &SlotProblem,
    plan: &CandidatePlan,
    cluster: &Cluster,
    choice: &ClusterDecision,
    (forward, latency_price, reported): (bool, f64, f64),
    size: f64,
    residual: &mut Residual,
) {
    let encoder = problem.encoder.equal().unwrap();
    let samples = f64::from(cluster.batch_size) / f64::from(plan.micro_batches);
    let bits = samples * encoder.boundary_bits_per_sample.0;
    let iterations = f64::from(plan.local_iterations);
    let uses = iterations * f64::from(plan.micro_batches);
    let server = cluster.devices.len() + 1;
    let path: Vec<usize> = [0].into_iter().chain(choice.active.iter().map(|k| k.node().0)).chain([server]).collect();
    let links = if forward { &choice.forward } else { &choice.backward };
    let hops: Vec<Sent> = (path.windows(2).zip(links.iter().flatten()))
        .map(|(ends, &link)| {
            let ends = if forward { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
            sent(cluster, ends, bits, link, uses, iterations * latency_price)
        })
        .collect();
    let pick = |forward_value: f64, backward_value: f64| if forward { forward_value } else { backward_value };
    let end = |stage: &collapipe::problem::EndStage| {
        samples * pick(stage.forward_seconds_per_sample.0, stage.backward_seconds_per_sample.0)
    };
    let stages = choice.active.iter().zip(&choice.sizes).map(|(&k, &blocks)| {
        let device = &cluster.devices[k.0];
        let forward = encoder.forward_flops_per_sample.0 / device.forward_flops_per_second.0;
        let backward = encoder.backward_flops_per_sample.0 / device.backward_flops_per_second.0;
        let block = device.block_overhead_s.0 + samples * pick(forward, backward);
        device.stage_overhead_s.0 + f64::from(blocks) * block
    });
    let floor = stages.chain([end(&cluster.embedding.unwrap()), end(&cluster.decoder.unwrap())]).fold(0.0, f64::max);
    let latency = cluster.hop_latency_s.same().unwrap().0;
    let pace = hops.iter().map(|hop| latency + hop.time).fold(floor, f64::max);
    let pace_price = latency_price * iterations * f64::from(plan.micro_batches - 1);
    let price = band_price(&hops, reported);
    let mut spent = 0.0;
    for hop in &hops {
        let cap_price = conditions(hop, price, size, residual);
        raise(&mut residual.duration, cap_price.min(0.0) * hop.time / size);
        raise(&mut residual.pace, cap_price.max(0.0) * (pace - latency - hop.time) / size);
        spent += cap_price.max(0.0);
        if pace_price == 0.0 {
            raise(&mut residual.duration, cap_price * hop.time / size);
        }
    }
    if pace_price > 0.0 {
        let most = hops.iter().map(|hop| hop.time).fold(0.0, f64::max);
        raise(&mut residual.duration, (spent - pace_price).max(0.0) * most / size);
        raise(&mut residual.pace, (pace_price - spent).max(0.0) * (pace - floor) / size);
    }
    let used: f64 = hops.iter().map(|hop| hop.band).sum();
    raise(&mut residual.band, price * (cluster.bandwidth_hz.0 - used) / size);
}

/// Collection and distribution: one transmission at a time on the whole band.
fn transfers(
    problem: &SlotProblem,
    cluster: &Cluster,
    choice: &ClusterDecision,
    latency_price: f64,
    size: f64,
    residual: &mut Residual,
) {
    let per_block = problem.encoder.equal().unwrap().parameter_bits_per_block.0;
    if per_block == 0.0 {
        return;
    }
    for (position, (&k, &blocks)) in choice.active.iter().zip(&choice.sizes).enumerate() {
        let powers = [
            ((k.node().0, 0), choice.collection_power_w[position].unwrap()),
            ((0, k.node().0), choice.distribution_power_w[position].unwrap()),
        ];
        for (ends, power_w) in powers {
            let link = Link { bandwidth_hz: cluster.bandwidth_hz, power_w };
            let one = sent(cluster, ends, per_block * f64::from(blocks), link, 1.0, latency_price);
            // What a shorter duration would gain at first order; only full power may leave some.
            let gain =
                one.time_price + one.energy_price * one.power - one.energy_price * one.time * one.power_by_time();
            raise(&mut residual.duration, gain.min(0.0) * one.time / size);
            raise(&mut residual.power, gain.max(0.0) / one.power_by_time() * (one.max_power - one.power) / size);
        }
    }
}
