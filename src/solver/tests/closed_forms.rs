//! Problems whose optimum can be written down.

use std::f64::consts::LN_2;

use approx::assert_relative_eq;
use lambert_w::lambert_w0;

use super::*;
use crate::problem::{CandidatePlan, shannon_rate};
use crate::units::{Bits, Hertz, Seconds, Watts};

/// Equal devices with equal links; energy is free; no constant latency is zero.
fn symmetric(devices: usize, blocks: u32, micro_batches: u32) -> SlotSpec {
    let size = InstanceSize { devices, blocks, plans: 1, ..InstanceSize::default() };
    let mut spec = sample(size, 3);
    spec.plans = vec![CandidatePlan { local_iterations: 3, micro_batches, penalty: -2.5, ..CandidatePlan::default() }];
    let cluster = &mut spec.clusters[0];
    cluster.gain_to_noise_hz_per_w.0.fill(3e8);
    cluster.control_unit.energy_price = 0.0;
    cluster.edge_server.max_power_w = Watts(0.2);
    let mut device = cluster.devices[0].clone();
    device.energy_price = 0.0;
    cluster.devices.fill(device);
    spec
}

/// Everything by hand: the hops share the band equally at full power, transfers and upload have a band each.
fn by_hand(spec: &SlotSpec, size: u32) -> f64 {
    let (cluster, encoder, plan) = (&spec.clusters[0], spec.encoder.equal().unwrap(), &spec.plans[0]);
    let device = &cluster.devices[0];
    let (devices, micro) = (cluster.devices.len() as f64, f64::from(plan.micro_batches));
    let samples = f64::from(cluster.batch_size) / micro;
    let hops = devices + 1.0;
    let rate = |band: f64| band * (1.0 + 0.2 * 3e8 / band).log2();
    let hop = cluster.hop_latency_s.same().unwrap().0
        + samples * encoder.boundary_bits_per_sample.0 / rate(cluster.bandwidth_hz.0 / hops);
    let phase = |flops: f64, speed: f64, ends: [f64; 2]| {
        let block = device.block_overhead_s.0 + samples * flops / speed;
        let stage = device.stage_overhead_s.0 + f64::from(size) * block;
        let ends = ends.map(|seconds| seconds * samples);
        let slowest = stage.max(hop).max(ends[0]).max(ends[1]);
        devices * stage + hops * hop + ends[0] + ends[1] + (micro - 1.0) * slowest
    };
    let ends = |forward: bool| {
        [cluster.embedding, cluster.decoder]
            .map(Option::unwrap)
            .map(|end| if forward { end.forward_seconds_per_sample.0 } else { end.backward_seconds_per_sample.0 })
    };
    let pipeline = phase(encoder.forward_flops_per_sample.0, device.forward_flops_per_second.0, ends(true))
        + phase(encoder.backward_flops_per_sample.0, device.backward_flops_per_second.0, ends(false));
    let transfers = 2.0 * f64::from(encoder.blocks) * encoder.parameter_bits_per_block.0 / rate(cluster.bandwidth_hz.0);
    let upload = cluster.upload_bits.0 / rate(spec.uplink.bandwidth_hz.0);
    let latency = cluster.fixed_seconds.0 + transfers + f64::from(plan.local_iterations) * pipeline + upload;
    spec.latency_weight * latency + plan.penalty
}

#[test]
fn one_device_one_block() {
    let spec = symmetric(1, 1, 1);
    let best = solved(&built(spec.clone()));
    assert_relative_eq!(best.objective(), by_hand(&spec, 1), max_relative = 1e-11);
    assert_eq!(best.evaluation.terms.plan_penalty, -2.5);
    let half = spec.clusters[0].bandwidth_hz.0 / 2.0;
    for link in best.decision.clusters[0].forward.iter().chain(&best.decision.clusters[0].backward).flatten() {
        assert_relative_eq!(link.bandwidth_hz.0, half, max_relative = 1e-9);
        assert_relative_eq!(link.power_w.0, 0.2, max_relative = 1e-12);
    }
}

#[test]
fn equal_hops_share_equally() {
    // Where the hops or a stage set the pace, and where there is none.
    for (devices, size, micro_batches) in [(2, 3, 1), (4, 2, 4), (7, 5, 16), (3, 1, 2)] {
        for factor in [1e-3, 1.0, 1e3] {
            let mut spec = symmetric(devices, devices as u32 * size, micro_batches);
            spec.encoder.equal_mut().unwrap().boundary_bits_per_sample.0 *= factor;
            let need = spec.encoder.equal().unwrap().resident_bytes_per_block.0
                + spec.encoder.equal().unwrap().activation_bytes_per_sample.0 * f64::from(spec.clusters[0].batch_size);
            for device in &mut spec.clusters[0].devices {
                device.memory_bytes = crate::units::Bytes(f64::from(size) * need);
            }
            let best = solved(&built(spec.clone()));
            assert_relative_eq!(best.objective(), by_hand(&spec, size), max_relative = 1e-10);
        }
    }
}

/// Two unequal hops at full power and M = 1: minimize t₁ + t₂ by golden section over the one free number.
#[test]
fn two_hops_by_golden_section() {
    let mut spec = symmetric(1, 1, 1);
    spec.clusters[0].gain_to_noise_hz_per_w.0[(1, 2)] = 2e5;
    spec.clusters[0].gain_to_noise_hz_per_w.0[(1, 0)] = 5e10;
    let best = solved(&built(spec.clone()));
    let cluster = &spec.clusters[0];
    let (embedding, decoder) = (cluster.embedding.unwrap(), cluster.decoder.unwrap());
    let bits = f64::from(cluster.batch_size) * spec.encoder.equal().unwrap().boundary_bits_per_sample.0;
    let hops = cluster.hop_latency_s.same().unwrap().0 * 2.0;
    for (gains, found) in [
        ([3e8, 2e5], best.evaluation.clusters[0].parts.forward),
        ([5e10, 3e8], best.evaluation.clusters[0].parts.backward),
    ] {
        let time = |share: f64| {
            let rate = |share: f64, gain: f64| shannon_rate(cluster.bandwidth_hz * share, Watts(0.2), gain);
            bits / rate(share, gains[0]) + bits / rate(1.0 - share, gains[1])
        };
        let (mut low, mut high) = (1e-9, 1.0 - 1e-9);
        let golden = 0.5 * (5f64.sqrt() - 1.0);
        for _ in 0..100 {
            let (a, b) = (high - golden * (high - low), low + golden * (high - low));
            if time(a) < time(b) { high = b } else { low = a }
        }
        let device = &cluster.devices[0];
        let forward = gains[0] == 3e8;
        let samples = f64::from(cluster.batch_size);
        let (block, ends) = if forward {
            (
                spec.encoder.equal().unwrap().forward_flops_per_sample.0 / device.forward_flops_per_second.0,
                embedding.forward_seconds_per_sample.0 + decoder.forward_seconds_per_sample.0,
            )
        } else {
            (
                spec.encoder.equal().unwrap().backward_flops_per_sample.0 / device.backward_flops_per_second.0,
                embedding.backward_seconds_per_sample.0 + decoder.backward_seconds_per_sample.0,
            )
        };
        let stages = device.stage_overhead_s.0 + device.block_overhead_s.0 + samples * (block + ends);
        assert_relative_eq!(found.0, 3.0 * (stages + hops + time(low)), max_relative = 1e-11);
    }
}

/// Power of a transfer on the whole band: y = exp(1 + W₀((V'γ/(Z'W) − 1)/e)), p = (y − 1) W/γ, at most P.
#[test]
fn transfers_by_lambert_w() {
    for (price, limit, interior) in [(30.0, 10.0, true), (3e-3, 10.0, false), (1e5, 10.0, true), (1.0, 1e-3, false)] {
        let mut spec = symmetric(2, 4, 1);
        let band = Hertz(5e6);
        spec.uplink.bandwidth_hz = band;
        spec.clusters[0].bandwidth_hz = band;
        let unit = &mut spec.clusters[0].control_unit;
        (unit.energy_price, unit.max_power_w) = (price, Watts(limit));
        let (circuit, efficiency) = (unit.circuit_power_w.0, unit.amplifier_efficiency);
        let best = solved(&built(spec.clone()));
        let (v, z) = (spec.latency_weight + price * circuit, price / efficiency);
        let y = (1.0 + lambert_w0((v * 3e8 / (z * band.0) - 1.0) / 1f64.exp())).exp();
        let power = (y - 1.0) * band.0 / 3e8;
        assert_eq!(power < limit, interior, "{power}");
        let power = power.min(limit);
        let choice = &best.decision.clusters[0];
        assert_relative_eq!(choice.upload.unwrap().power_w.0, power, max_relative = 1e-9);
        for found in choice.distribution_power_w.iter().flatten() {
            assert_relative_eq!(found.0, power, max_relative = 1e-9);
        }
        let upload = spec.clusters[0].upload_bits.0 * LN_2 / (band.0 * (power * 3e8 / band.0).ln_1p());
        assert_relative_eq!(best.evaluation.clusters[0].parts.upload.0, upload, max_relative = 1e-9);
    }
}

/// Two clusters alike but for a constant: the later one takes the whole price of the latency.
#[test]
fn a_cluster_that_waits_has_no_share() {
    let mut spec = symmetric(1, 1, 1);
    spec.clusters[0].upload_bits = Bits(0.0);
    let alone = solved(&built(spec.clone()));
    let mut late = spec.clusters[0].clone();
    late.fixed_seconds += Seconds(5.0);
    spec.clusters.push(late);
    let both = solved_to(&built(spec.clone()), 1e-7);
    assert_relative_eq!(both.objective(), alone.objective() + 5.0 * spec.latency_weight, max_relative = 1e-9);
    assert!(both.gap <= 1e-7, "gap {:e}", both.gap);
    assert_relative_eq!(both.shadow_prices.latency_share[1], 1.0, max_relative = 1e-6);
    assert_eq!(both.shadow_prices.uplink_per_hz, 0.0);
}

/// With the integers of the optimum given, the radio alone gives the optimum back, in the given plan.
#[test]
fn the_radio_for_the_best_integers_is_the_optimum() {
    use crate::solver::backend::{Backend, Exact, RadioFor, WholeSlot};
    for (clusters, seed) in [(1, 1), (1, 2), (3, 3), (4, 4)] {
        let problem = InstanceSize { clusters, devices: 4, ..InstanceSize::default() }.sample(seed).unwrap();
        let best = Exact::default().solve(&problem, &WholeSlot).unwrap().outcome.unwrap();
        let radio = Exact::default().solve(&problem, &RadioFor::decision(&best.decision)).unwrap().outcome.unwrap();
        assert_eq!(RadioFor::decision(&radio.decision), RadioFor::decision(&best.decision));
        assert!((radio.objective() - best.objective()).abs() <= 1e-9 * best.objective().abs());
        assert!(radio.gap <= 1e-7, "gap {:e}", radio.gap);
    }
}

/// Integers that do not fit, and integers that no radio can serve, are told apart and named.
#[test]
fn bad_integers_are_named() {
    use crate::problem::DeviceId;
    use crate::solver::backend::{Backend, Exact, RadioFor, Segments};
    let problem = InstanceSize { devices: 2, blocks: 4, ..InstanceSize::default() }.sample(1).unwrap();
    let given = |plan, active: &[usize], sizes: &[u32]| RadioFor {
        plan,
        clusters: vec![Segments { active: active.iter().copied().map(DeviceId).collect(), sizes: sizes.to_vec() }],
    };
    let error = |question: RadioFor| Exact::default().solve(&problem, &question).unwrap_err().to_string();
    assert_eq!(error(given(8, &[0, 1], &[2, 2])), "plan = 8: must be below 8, the number of plans");
    assert!(error(given(0, &[1], &[4])).starts_with("clusters[0].active = [1]: must be all 2 devices"));
    assert!(error(given(0, &[0, 2], &[2, 2])).starts_with("clusters[0].active = [0, 2]: must be"));
    assert!(
        error(given(0, &[0, 1], &[4, 0])).starts_with("clusters[0].sizes = [4, 0]: must be one size of at least 1")
    );
    assert!(error(given(0, &[0, 1], &[2, 1])).contains("4 blocks in all"));
    let mut spec = problem.into_spec();
    spec.clusters[0].devices[1].memory_bytes.0 *= 1e-3;
    let starved = SlotProblem::new(spec).unwrap();
    let solution = Exact::default().solve(&starved, &given(0, &[0, 1], &[2, 2])).unwrap();
    let reasons = solution.outcome.unwrap_err().reasons;
    assert_eq!(reasons, [Reason::SegmentMemory { cluster: 0, device: DeviceId(1), size: 2, fit: 0 }]);
}

/// Without micro-batches there is no pace, so that all sizes cost the same: the even ones are returned.
#[test]
fn equal_devices_hold_equal_segments() {
    for (blocks, even) in [(24, [6, 6, 6, 6]), (26, [7, 7, 6, 6]), (4, [1, 1, 1, 1])] {
        for micro_batches in [1, 8] {
            let best = solved(&built(symmetric(4, blocks, micro_batches)));
            assert_eq!(best.decision.clusters[0].sizes, even, "{micro_batches} micro-batches");
        }
    }
    let spec = symmetric(4, 24, 1);
    assert_relative_eq!(solved(&built(spec.clone())).objective(), by_hand(&spec, 6), max_relative = 1e-11);
    let mut network = symmetric(4, 24, 1);
    network.clusters = vec![network.clusters[0].clone(); 3];
    for cluster in solved_to(&built(network), 1e-6).decision.clusters {
        assert_eq!(cluster.sizes, [6, 6, 6, 6]);
    }
}
