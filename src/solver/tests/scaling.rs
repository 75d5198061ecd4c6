//! Symmetries: changes of units, of names, and plans that add nothing.

use proptest::prelude::*;

use super::invariants::full;
use super::*;
use crate::strategies::{ProblemParameters, slot_problems};
use crate::units::{Bits, Hertz, Seconds};

/// The objective of the changed problem, and the original one's with its magnitude.
fn compared(problem: &SlotProblem, change: impl FnOnce(&mut SlotSpec)) -> (f64, f64, f64) {
    let gap = if problem.clusters.len() == 1 { 1e-7 } else { 1e-4 };
    let best = solved_to(problem, gap);
    let mut spec = problem.clone().into_spec();
    change(&mut spec);
    (solved_to(&built(spec), gap).objective(), best.objective(), best.evaluation.terms.magnitude())
}

/// Energies `factor` times as large at prices as many times smaller.
fn scale_energies(spec: &mut SlotSpec, factor: f64) {
    for cluster in &mut spec.clusters {
        let unit = &mut cluster.control_unit;
        unit.max_power_w = unit.max_power_w * factor;
        unit.circuit_power_w = unit.circuit_power_w * factor;
        unit.energy_price /= factor;
        cluster.edge_server.max_power_w = cluster.edge_server.max_power_w * factor;
        for device in &mut cluster.devices {
            device.max_power_w = device.max_power_w * factor;
            device.circuit_power_w = device.circuit_power_w * factor;
            device.joules_per_flop = device.joules_per_flop * factor;
            device.energy_price /= factor;
        }
        cluster.gain_to_noise_hz_per_w.0 /= factor;
    }
}

fn scale_prices(spec: &mut SlotSpec, factor: f64) {
    for cluster in &mut spec.clusters {
        cluster.control_unit.energy_price *= factor;
        cluster.devices.iter_mut().for_each(|device| device.energy_price *= factor);
    }
}

/// Another unit of time: seconds, hertz and FLOP/s change, watts do not, joules do.
fn scale_time(spec: &mut SlotSpec, factor: f64) {
    spec.latency_weight /= factor;
    spec.uplink.bandwidth_hz = spec.uplink.bandwidth_hz / factor;
    scale_prices(spec, 1.0 / factor);
    for cluster in &mut spec.clusters {
        let scale = |time: &mut Seconds| *time = *time * factor;
        cluster.bandwidth_hz = cluster.bandwidth_hz / factor;
        cluster.gain_to_noise_hz_per_w.0 /= factor;
        scale(&mut cluster.fixed_seconds);
        cluster.hop_latency_s = (cluster.hop_latency_s.same().unwrap() * factor).into();
        for stage in [&mut cluster.embedding, &mut cluster.decoder].into_iter().flatten() {
            scale(&mut stage.forward_seconds_per_sample);
            scale(&mut stage.backward_seconds_per_sample);
        }
        for device in &mut cluster.devices {
            scale(&mut device.stage_overhead_s);
            scale(&mut device.block_overhead_s);
            device.forward_flops_per_second = device.forward_flops_per_second / factor;
            device.backward_flops_per_second = device.backward_flops_per_second / factor;
            device.joules_per_flop = device.joules_per_flop * factor;
        }
    }
}

/// Another unit of information: bits and hertz change together.
fn scale_bits(spec: &mut SlotSpec, factor: f64) {
    let scale = |bits: &mut Bits| *bits = *bits * factor;
    scale(&mut spec.encoder.equal_mut().unwrap().boundary_bits_per_sample);
    scale(&mut spec.encoder.equal_mut().unwrap().parameter_bits_per_block);
    spec.uplink.bandwidth_hz = Hertz(spec.uplink.bandwidth_hz.0 * factor);
    for cluster in &mut spec.clusters {
        scale(&mut cluster.upload_bits);
        cluster.bandwidth_hz = cluster.bandwidth_hz * factor;
        cluster.gain_to_noise_hz_per_w.0 *= factor;
    }
}

proptest! {
    #![proptest_config(super::seeded(96))]

    #[test]
    fn units_do_not_matter(problem in slot_problems(full(1)), exponent in -6.0..6.0, which in 0..3usize) {
        let factor = 10f64.powf(exponent);
        let (changed, original, size) = compared(&problem, |spec| match which {
            0 => scale_energies(spec, factor),
            1 => scale_time(spec, factor),
            _ => scale_bits(spec, factor),
        });
        prop_assert!((changed - original).abs() <= 3e-9 * size, "{original} became {changed}");
    }

    #[test]
    fn the_objective_scales(problem in slot_problems(full(1)), exponent in -6.0..6.0) {
        let factor = 10f64.powf(exponent);
        let (changed, original, size) = compared(&problem, |spec| {
            spec.latency_weight *= factor;
            scale_prices(spec, factor);
            spec.plans.iter_mut().for_each(|plan| plan.penalty *= factor);
        });
        prop_assert!((changed / factor - original).abs() <= 3e-9 * size, "{original} became {changed}");
    }

    #[test]
    fn order_of_clusters_does_not_matter(
        problem in slot_problems(ProblemParameters { clusters: 2..=4, devices: 1..=3, ..full(1) }),
        turn in 1..4usize,
    ) {
        let (changed, original, size) = compared(&problem, |spec| {
            let turn = turn % spec.clusters.len();
            spec.clusters.rotate_left(turn);
        });
        prop_assert!((changed - original).abs() <= 3e-4 * size, "{original} became {changed}");
    }

    /// A second copy of a plan and a copy that costs more.
    #[test]
    fn needless_plans_do_not_matter(problem in slot_problems(full(2)), more in 0.0..10.0) {
        let (changed, original, size) = compared(&problem, |spec| {
            let plan = spec.plans[0];
            spec.plans.insert(0, crate::problem::CandidatePlan { penalty: plan.penalty + more, ..plan });
            spec.plans.push(plan);
        });
        let tolerance = if problem.clusters.len() == 1 { 3e-9 } else { 3e-4 };
        prop_assert!((changed - original).abs() <= tolerance * size, "{original} became {changed}");
    }
}
