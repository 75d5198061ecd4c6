//! Bounds, optimality against random decisions, and monotony.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::problem::DeviceId;
use crate::problem::shannon_rate;
use crate::strategies::{ProblemParameters, problems_with_decisions, slot_problems};
use crate::units::{Bits, Bytes, Hertz, Watts};

pub(super) fn full(clusters: usize) -> ProblemParameters {
    ProblemParameters { clusters: 1..=clusters, overlap: Some(Overlap::Full), ..ProblemParameters::default() }
}

/// V·T + Σ Z·E + penalty, added up from the decision's links without the crate's evaluation.
fn objective_by_hand(problem: &SlotProblem, decision: &Decision) -> f64 {
    let plan = &problem.plans[decision.plan];
    let (iterations, micro) = (f64::from(plan.local_iterations), f64::from(plan.micro_batches));
    let encoder = problem.encoder.equal().unwrap();
    let (mut round, mut energy) = (0.0f64, 0.0);
    for (cluster, choice) in problem.clusters.iter().zip(&decision.clusters) {
        let batch = f64::from(cluster.batch_size);
        let samples = batch / micro;
        let server = cluster.devices.len() + 1;
        let node = |i: usize| match i {
            0 => {
                let unit = &cluster.control_unit;
                (unit.energy_price, unit.amplifier_efficiency, unit.circuit_power_w.0)
            }
            i if i < server => {
                let device = &cluster.devices[i - 1];
                (device.energy_price, device.amplifier_efficiency, device.circuit_power_w.0)
            }
            _ => (0.0, 1.0, 0.0),
        };
        // (seconds, objective units) of one transmission.
        let sent = |from: usize, to: usize, bits: f64, band: Hertz, power: Watts| {
            if bits == 0.0 {
                return (0.0, 0.0);
            }
            let seconds = bits / shannon_rate(band, power, cluster.gain_to_noise_hz_per_w.0[(from, to)]);
            let (price, efficiency, circuit) = node(from);
            (seconds, price * (power.0 / efficiency + circuit) * seconds)
        };
        let path: Vec<usize> =
            std::iter::once(0).chain(choice.active.iter().map(|k| k.0 + 1)).chain([server]).collect();
        let mut latency = cluster.fixed_seconds.0;
        for forward in [true, false] {
            let end = |stage: &crate::problem::EndStage| {
                let per = if forward { stage.forward_seconds_per_sample } else { stage.backward_seconds_per_sample };
                per.0 * samples
            };
            let mut times = vec![end(&cluster.embedding.unwrap()), end(&cluster.decoder.unwrap())];
            for (&DeviceId(k), &size) in choice.active.iter().zip(&choice.sizes) {
                let device = &cluster.devices[k];
                let block = if forward {
                    encoder.forward_flops_per_sample.0 / device.forward_flops_per_second.0
                } else {
                    encoder.backward_flops_per_sample.0 / device.backward_flops_per_second.0
                };
                let block = device.block_overhead_s.0 + samples * block;
                times.push(device.stage_overhead_s.0 + f64::from(size) * block);
            }
            for (i, link) in (if forward { &choice.forward } else { &choice.backward }).iter().flatten().enumerate() {
                let (from, to) = if forward { (path[i], path[i + 1]) } else { (path[i + 1], path[i]) };
                let bits = samples * encoder.boundary_bits_per_sample.0;
                let (seconds, cost) = sent(from, to, bits, link.bandwidth_hz, link.power_w);
                times.push(cluster.hop_latency_s.same().unwrap().0 + seconds);
                energy += iterations * micro * cost;
            }
            let slowest = times.iter().copied().fold(0.0, f64::max);
            latency += iterations * (times.iter().sum::<f64>() + (micro - 1.0) * slowest);
        }
        for (i, (&DeviceId(k), &size)) in choice.active.iter().zip(&choice.sizes).enumerate() {
            let bits = f64::from(size) * encoder.parameter_bits_per_block.0;
            for (seconds, cost) in [
                sent(k + 1, 0, bits, cluster.bandwidth_hz, choice.collection_power_w[i].unwrap()),
                sent(0, k + 1, bits, cluster.bandwidth_hz, choice.distribution_power_w[i].unwrap()),
            ] {
                latency += seconds;
                energy += cost;
            }
            let device = &cluster.devices[k];
            let flops = encoder.forward_flops_per_sample.0 + encoder.backward_flops_per_sample.0;
            energy += device.energy_price * device.joules_per_flop.0 * iterations * batch * f64::from(size) * flops;
        }
        let link = choice.upload.unwrap();
        let upload = sent(0, server, cluster.upload_bits.0, link.bandwidth_hz, link.power_w);
        latency += upload.0;
        energy += upload.1;
        round = round.max(latency);
    }
    problem.latency_weight * round + energy + plan.penalty
}

proptest! {
    #![proptest_config(super::seeded(256))]

    #[test]
    fn no_decision_beats_the_bound((problem, decision) in problems_with_decisions(full(2))) {
        let single = problem.clusters.len() == 1;
        let best = if single { solved(&problem) } else { solved_to(&problem, 1e-4) };
        let size = best.evaluation.terms.magnitude();
        let by_hand = objective_by_hand(&problem, &best.decision);
        prop_assert!((by_hand - best.objective()).abs() <= 1e-10 * size, "{} is {by_hand}", best.objective());
        let other = evaluate(&problem, &decision).unwrap().objective;
        prop_assert!(best.lower_bound <= other + 1e-12 * size, "bound {} above {other}", best.lower_bound);
        if single {
            prop_assert!(best.objective() <= other + 1e-9 * size, "objective {} above {other}", best.objective());
        }
        for (cluster, choice) in problem.clusters.iter().zip(&best.decision.clusters) {
            prop_assert_eq!(choice.sizes.iter().sum::<u32>(), problem.encoder.blocks());
            for links in [&choice.forward, &choice.backward] {
                let used: f64 = links.iter().flatten().map(|link| link.bandwidth_hz.0).sum();
                prop_assert!(used <= cluster.bandwidth_hz.0 * (1.0 + 1e-12));
            }
            for (position, &DeviceId(k)) in choice.active.iter().enumerate() {
                let device = &cluster.devices[k];
                let limit = device.max_power_w.0 * (1.0 + 1e-12);
                prop_assert!(choice.forward[position + 1].unwrap().power_w.0 <= limit);
                prop_assert!(choice.backward[position].unwrap().power_w.0 <= limit);
                prop_assert!(choice.collection_power_w[position].unwrap().0 <= limit);
                let need = problem.encoder.equal().unwrap().resident_bytes_per_block.0
                    + problem.encoder.equal().unwrap().activation_bytes_per_sample.0 * f64::from(cluster.batch_size);
                prop_assert!(f64::from(choice.sizes[position]) * need <= device.memory_bytes.0 * (1.0 + 1e-9));
            }
        }
    }

    /// More of a resource never costs more.
    #[test]
    fn growing_a_resource_helps(problem in slot_problems(full(1)), factor in 1.0..4.0, which in 0..6usize) {
        let before = solved(&problem);
        let mut spec = problem.into_spec();
        let cluster = &mut spec.clusters[0];
        match which {
            0 => cluster.bandwidth_hz = cluster.bandwidth_hz * factor,
            1 => spec.uplink.bandwidth_hz = spec.uplink.bandwidth_hz * factor,
            2 => cluster.control_unit.max_power_w = cluster.control_unit.max_power_w * factor,
            3 => cluster.edge_server.max_power_w = cluster.edge_server.max_power_w * factor,
            4 => cluster.devices[0].max_power_w = cluster.devices[0].max_power_w * factor,
            _ => cluster.devices[0].memory_bytes = Bytes(cluster.devices[0].memory_bytes.0 * factor),
        }
        let after = solved(&built(spec));
        let size = before.evaluation.terms.magnitude();
        prop_assert!(after.objective() <= before.objective() + 3e-9 * size, "{} -> {}", before.objective(), after.objective());
    }

    /// The solver need not use a device that is added.
    #[test]
    fn adding_a_device_helps(
        problem in slot_problems(ProblemParameters { participation: Some(Participation::Select), ..full(1) }),
        at in 0.0..1.0,
        gain in 4.0..11.0,
    ) {
        let before = solved(&problem);
        let mut spec = problem.into_spec();
        let cluster = &mut spec.clusters[0];
        let at = (at * (cluster.devices.len() + 1) as f64) as usize;
        let mut device = cluster.devices[0].clone();
        device.forward_flops_per_second = device.forward_flops_per_second * 3.0;
        cluster.devices.insert(at, device);
        let gain = 10f64.powf(gain);
        let gains = &mut cluster.gain_to_noise_hz_per_w.0;
        *gains = gains.clone().insert_row(at + 1, gain).insert_column(at + 1, gain);
        let after = solved(&built(spec));
        let size = before.evaluation.terms.magnitude();
        prop_assert!(after.objective() <= before.objective() + 3e-9 * size, "{} -> {}", before.objective(), after.objective());
    }

    /// For given choices the objective is convex in each band and the price is its slope: f(W') ≥ f(W) − λ (W' − W).
    #[test]
    fn shadow_prices_are_slopes(problem in slot_problems(full(1)), uplink in any::<bool>()) {
        let mut spec = problem.into_spec();
        // Collection and distribution use the cluster's band too, outside the two phases.
        spec.encoder.equal_mut().unwrap().parameter_bits_per_block = Bits(0.0);
        let best = solved(&built(spec.clone()));
        let prices = &best.shadow_prices;
        let price = if uplink { prices.uplink_per_hz } else { prices.forward_band_per_hz[0] + prices.backward_band_per_hz[0] };
        let size = best.evaluation.terms.magnitude();
        for step in [1e-3, -1e-3] {
            let mut spec = spec.clone();
            let band = if uplink { &mut spec.uplink.bandwidth_hz } else { &mut spec.clusters[0].bandwidth_hz };
            let moved = band.0 * step;
            *band = Hertz(band.0 + moved);
            let other = solved(&built(spec));
            let same = |a: &Decision, b: &Decision| {
                let key = |d: &Decision| (d.plan, d.clusters[0].active.clone(), d.clusters[0].sizes.clone());
                key(a) == key(b)
            };
            if !same(&best.decision, &other.decision) {
                continue;
            }
            let linear = best.objective() - price * moved;
            prop_assert!(other.objective() >= linear - 3e-9 * size, "{} below {linear}", other.objective());
            // Second derivatives by ln W are of the order of the slope itself.
            let slack = 10.0 * step * step * price * (moved / step).abs() + 3e-9 * size;
            prop_assert!(other.objective() <= linear + slack, "{} above {linear}", other.objective());
        }
    }

    /// The same for the band that several clusters share.
    #[test]
    fn the_uplink_price_is_a_slope(
        problem in slot_problems(ProblemParameters { clusters: 2..=3, devices: 1..=1, blocks: 1..=1, plans: 1..=1, ..full(1) }),
    ) {
        // One choice: a convex problem.
        let best = solved_to(&problem, 1e-7);
        let size = best.evaluation.terms.magnitude();
        prop_assert!(best.objective() - best.lower_bound <= 1e-7 * size, "gap {:e}", best.gap);
        for step in [1e-2, -1e-2] {
            let mut spec = problem.clone().into_spec();
            let moved = spec.uplink.bandwidth_hz.0 * step;
            spec.uplink.bandwidth_hz = Hertz(spec.uplink.bandwidth_hz.0 + moved);
            let other = solved_to(&built(spec), 1e-7);
            let linear = best.objective() - best.shadow_prices.uplink_per_hz * moved;
            prop_assert!(other.objective() >= linear - 3e-7 * size, "{} below {linear}", other.objective());
        }
    }
}

/// The gap of a network is reported, and met but for rare problems: at most 1 in 50 keeps more than 1e-3, none a tenth.
#[test]
fn networks_close_their_gap() {
    let strategy = slot_problems(ProblemParameters { clusters: 2..=4, devices: 1..=3, ..full(1) });
    let mut runner = TestRunner::deterministic();
    let mut wide = 0;
    for _ in 0..200 {
        let problem = strategy.new_tree(&mut runner).unwrap().current();
        let best = solved_to(&problem, 1e-4);
        let relative = (best.objective() - best.lower_bound) / best.evaluation.terms.magnitude();
        assert!(relative <= 0.1, "gap {relative:e}, {:?}", best.evaluation.terms);
        wide += usize::from(relative > 1e-3);
    }
    assert!(wide <= 4, "{wide} of 200 networks keep a gap above 1e-3");
}
