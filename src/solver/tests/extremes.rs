//! Inputs far from the usual: everything must still solve, to a small gap and at once.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::problem::CandidatePlan;
use crate::units::{Bits, Seconds, Watts};

const SEEDS: std::ops::Range<u64> = 0..8;

/// Both kinds of participation, several seeds: one cluster of six devices, changed and solved.
fn each(change: impl Fn(&mut SlotSpec, &mut Pcg64)) {
    each_of(InstanceSize { devices: 6, blocks: 12, plans: 4, ..InstanceSize::default() }, change);
}

fn each_of(size: InstanceSize, change: impl Fn(&mut SlotSpec, &mut Pcg64)) {
    for seed in SEEDS {
        for participation in [Participation::All, Participation::Select] {
            let mut spec = sample(InstanceSize { participation, ..size }, seed);
            change(&mut spec, &mut Pcg64::seed_from_u64(seed));
            solved(&built(spec));
        }
    }
}

fn decades(rng: &mut Pcg64, low: f64, high: f64) -> f64 {
    10f64.powf(low + (high - low) * rng.random::<f64>())
}

#[test]
fn gains_over_twelve_decades() {
    each(|spec, rng| {
        for gain in spec.clusters[0].gain_to_noise_hz_per_w.0.iter_mut() {
            *gain = decades(rng, 2.0, 14.0);
        }
    });
}

#[test]
fn prices_from_zero_to_1e9() {
    each(|spec, rng| {
        let cluster = &mut spec.clusters[0];
        let mut draw = || if rng.random::<f64>() < 0.3 { 0.0 } else { decades(rng, -9.0, 9.0) };
        cluster.control_unit.energy_price = draw();
        cluster.devices.iter_mut().for_each(|device| device.energy_price = draw());
    });
}

#[test]
fn no_price_at_all() {
    each(|spec, _| {
        let cluster = &mut spec.clusters[0];
        cluster.control_unit.energy_price = 0.0;
        cluster.devices.iter_mut().for_each(|device| device.energy_price = 0.0);
    });
}

#[test]
fn latency_weights() {
    for weight in [1e-6, 1e-3, 1e3, 1e6, 1e9] {
        each(|spec, _| spec.latency_weight = weight);
    }
}

#[test]
fn no_constant_times_and_no_circuit_power() {
    each(|spec, _| {
        let cluster = &mut spec.clusters[0];
        cluster.fixed_seconds = Seconds(0.0);
        cluster.hop_latency_s = Seconds(0.0).into();
        let nothing = Some(crate::problem::EndStage::default());
        (cluster.embedding, cluster.decoder) = (nothing, nothing);
        cluster.control_unit.circuit_power_w = Watts(0.0);
        for device in &mut cluster.devices {
            device.stage_overhead_s = Seconds(0.0);
            device.block_overhead_s = Seconds(0.0);
            device.circuit_power_w = Watts(0.0);
        }
    });
}

#[test]
fn boundaries_of_any_size() {
    for bits in [1e-6, 1.0, 1e12, 1e18] {
        each(|spec, _| spec.encoder.equal_mut().unwrap().boundary_bits_per_sample = Bits(bits));
    }
}

#[test]
fn nothing_to_collect_or_to_upload() {
    each(|spec, _| spec.encoder.equal_mut().unwrap().parameter_bits_per_block = Bits(0.0));
    each(|spec, _| spec.clusters[0].upload_bits = Bits(0.0));
    each(|spec, _| {
        spec.encoder.equal_mut().unwrap().parameter_bits_per_block = Bits(0.0);
        spec.clusters[0].upload_bits = Bits(0.0);
    });
}

#[test]
fn batches_and_iterations() {
    let plans = |list: &[(u32, u32)]| -> Vec<CandidatePlan> {
        list.iter()
            .map(|&(local_iterations, micro_batches)| CandidatePlan {
                local_iterations,
                micro_batches,
                ..CandidatePlan::default()
            })
            .collect()
    };
    each(|spec, _| {
        spec.clusters[0].batch_size = 1;
        spec.plans = plans(&[(1, 1), (1_000_000, 1)]);
    });
    for micro_batches in [1, 1024] {
        each(|spec, _| {
            spec.clusters[0].batch_size = 1024;
            spec.encoder.equal_mut().unwrap().activation_bytes_per_sample = crate::units::Bytes(0.0);
            spec.plans = plans(&[(1, micro_batches), (7, 512)]);
        });
    }
    each(|spec, _| spec.plans = plans(&[(1_000_000, 16)]));
}

#[test]
fn one_device_or_one_block() {
    let size = InstanceSize { plans: 4, ..InstanceSize::default() };
    each_of(InstanceSize { devices: 1, blocks: 1, ..size }, |_, _| ());
    each_of(InstanceSize { devices: 1, blocks: 200, ..size }, |_, _| ());
    each_of(InstanceSize { devices: 8, blocks: 8, ..size }, |_, _| ());
    for seed in SEEDS {
        for blocks in [1, 3, 7] {
            let size = InstanceSize { devices: 8, blocks, participation: Participation::Select, ..size };
            let best = solved(&size.sample(seed).unwrap());
            assert!(best.decision.clusters[0].active.len() <= blocks as usize);
        }
    }
}

#[test]
fn equal_devices() {
    each(|spec, _| {
        let cluster = &mut spec.clusters[0];
        let device = cluster.devices[0].clone();
        cluster.devices.fill(device);
        cluster.gain_to_noise_hz_per_w.0.fill(1e9);
    });
}

/// Penalties that cancel the rest of the objective: the gap is judged by the size of its parts.
#[test]
fn objectives_near_zero_and_below() {
    each(|spec, _| {
        let objective = solved(&built(spec.clone())).objective();
        for plan in &mut spec.plans {
            plan.penalty -= objective;
        }
        let best = solved(&built(spec.clone()));
        assert!(best.objective().abs() <= 1e-8 * objective, "{}", best.objective());
        for plan in &mut spec.plans {
            plan.penalty -= 10.0 * objective;
        }
    });
}

#[test]
fn a_hundred_devices() {
    for seed in 0..3 {
        solved(&InstanceSize { devices: 100, blocks: 200, ..InstanceSize::default() }.sample(seed).unwrap());
    }
}

#[test]
fn fifteen_devices_to_select_from() {
    for seed in 0..3 {
        let size = InstanceSize { devices: 15, participation: Participation::Select, ..InstanceSize::default() };
        let best = solved_to(&size.sample(seed).unwrap(), 1e-3);
        println!("seed {seed}: gap {:.1e}", best.gap);
    }
}

#[test]
fn fifty_clusters() {
    let best = solved_to(&InstanceSize { clusters: 50, ..InstanceSize::default() }.sample(1).unwrap(), 1e-3);
    assert!(best.gap <= 1e-3, "gap {:e}", best.gap);
}

#[test]
fn equal_clusters() {
    for upload in [0.0, 1e8] {
        let mut spec = sample(InstanceSize { devices: 4, blocks: 8, ..InstanceSize::default() }, 2);
        spec.clusters[0].upload_bits = Bits(upload);
        spec.clusters = vec![spec.clusters[0].clone(); 5];
        let best = solved_to(&built(spec), 1e-3);
        assert!(best.gap <= 1e-3, "upload {upload}: gap {:e}", best.gap);
    }
}

#[test]
fn clusters_six_decades_apart() {
    for seed in SEEDS {
        let mut spec = sample(InstanceSize { clusters: 3, devices: 4, blocks: 8, ..InstanceSize::default() }, seed);
        for (cluster, factor) in spec.clusters.iter_mut().zip([1.0, 1e3, 1e-3]) {
            for device in &mut cluster.devices {
                device.forward_flops_per_second = device.forward_flops_per_second * factor;
                device.backward_flops_per_second = device.backward_flops_per_second * factor;
            }
            cluster.bandwidth_hz = cluster.bandwidth_hz * factor;
        }
        let best = solved_to(&built(spec), 1e-3);
        assert!(best.gap <= 1e-3, "seed {seed}: gap {:e}", best.gap);
    }
}

/// A cluster with nothing to upload beside one that uploads, no latency of which depends on its price.
#[test]
fn one_of_two_clusters_uploads() {
    for seed in SEEDS {
        let mut spec =
            sample(InstanceSize { clusters: 2, devices: 1, blocks: 1, plans: 1, ..InstanceSize::default() }, seed);
        for cluster in &mut spec.clusters {
            cluster.control_unit.energy_price = 0.0;
            cluster.devices[0].energy_price = 0.0;
        }
        spec.clusters[1].upload_bits = Bits(0.0);
        let best = solved_to(&built(spec), 1e-4);
        assert!(best.gap <= 1e-4, "seed {seed}: gap {:e}", best.gap);
    }
}

/// A band so wide that every transmission takes its shortest time, to the last digit.
#[test]
fn bands_without_end() {
    each(|spec, _| spec.clusters[0].bandwidth_hz = crate::units::Hertz(1e24));
}

/// Constant latencies beside which transmissions vanish.
#[test]
fn latencies_that_dwarf_transmissions() {
    each(|spec, _| {
        spec.clusters[0].hop_latency_s = Seconds(1e4).into();
        spec.encoder.equal_mut().unwrap().boundary_bits_per_sample = Bits(1e-3);
        spec.clusters[0].control_unit.energy_price = 1e9;
        spec.clusters[0].devices.iter_mut().for_each(|device| device.energy_price = 1e9);
    });
}
