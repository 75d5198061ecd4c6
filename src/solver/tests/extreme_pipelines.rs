//! Pipelines far from the usual: what is weighed, sent and paid for may be twenty decades apart, and no solve may end where
//! it has hardly begun.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::*;
use crate::problem::{Order, Schema};
use crate::schedule::ScheduleKind;
use crate::units::{Hertz, Watts};

fn decades(rng: &mut Pcg64, low: f64, high: f64) -> f64 {
    10f64.powf(low + (high - low) * rng.random::<f64>())
}

/// One cluster and two, several seeds: plans of schedules in play, changed and solved to a gap.
fn each(change: impl Fn(&mut SlotSpec, &mut Pcg64)) {
    for seed in 0..12 {
        for (clusters, gap) in [(1, 1e-7), (2, 1e-6)] {
            let size = InstanceSize { clusters, devices: 3, blocks: 6, plans: 2, ..InstanceSize::default() };
            let mut spec = sample(size, seed);
            spec.schema = Schema::V2;
            spec.order = if seed % 3 == 2 { Order::Free } else { Order::Given };
            for (plan, kind) in spec.plans.iter_mut().zip(ScheduleKind::ALL.into_iter().cycle().skip(seed as usize)) {
                (plan.schedule, plan.micro_batches) = (kind, 1 << (seed % 4));
            }
            change(&mut spec, &mut Pcg64::seed_from_u64(seed));
            let problem = built(spec);
            let solution = solve(&problem, &Settings { gap: 1e-7, ..Settings::default() }).unwrap();
            let best = solution.certified().unwrap();
            assert!(best.gap <= gap, "seed {seed}, {clusters} clusters: gap {:e} of {:e}", best.gap, best.objective());
        }
    }
}

#[test]
fn seconds_worth_next_to_nothing_or_everything() {
    each(|spec, rng| spec.latency_weight = decades(rng, -14.0, 9.0));
}

#[test]
fn energies_that_dwarf_every_second() {
    each(|spec, rng| {
        for cluster in &mut spec.clusters {
            cluster.control_unit.energy_price = decades(rng, 0.0, 18.0);
            cluster.devices.iter_mut().for_each(|device| device.energy_price = decades(rng, 0.0, 18.0));
        }
    });
}

#[test]
fn bands_of_a_few_hertz() {
    each(|spec, rng| {
        for cluster in &mut spec.clusters {
            cluster.bandwidth_hz = Hertz(decades(rng, 1.0, 11.0));
        }
        spec.latency_weight = decades(rng, -6.0, 2.0);
    });
}

#[test]
fn gains_and_powers_over_twelve_decades() {
    each(|spec, rng| {
        for cluster in &mut spec.clusters {
            cluster.gain_to_noise_hz_per_w.0.iter_mut().for_each(|gain| *gain = decades(rng, 2.0, 14.0));
            cluster.edge_server.max_power_w = Watts(decades(rng, -6.0, 6.0));
            for device in &mut cluster.devices {
                device.max_power_w = Watts(decades(rng, -6.0, 6.0));
                device.circuit_power_w = Watts(decades(rng, -9.0, 3.0));
            }
        }
    });
}
