//! Builds one round's problem in code, solves it, and prints the decision, its proof and the prices of the resources.
//!
//! `cargo run --release --example plan_round`

use collapipe::nalgebra::DMatrix;
use collapipe::problem::{
    CandidatePlan, Cluster, ControlUnit, Device, EdgeServer, EndStage, EqualBlocks, Gains, Overlap, Participation,
    Schema, SlotProblem, SlotSpec, Uplink,
};
use collapipe::solver::{Settings, solve};
use collapipe::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, Joules, JoulesPerFlop, Seconds, Watts};

/// A device with 2 GB, of a given rate and energy per FLOP.
fn device(gigaflops: f64, nanojoules_per_flop: f64, energy_price: f64) -> Device {
    Device {
        forward_flops_per_second: FlopsPerSecond(gigaflops * 1e9),
        backward_flops_per_second: FlopsPerSecond(gigaflops * 1e9),
        joules_per_flop: JoulesPerFlop(nanojoules_per_flop * 1e-9),
        memory_bytes: Bytes(2e9),
        stage_overhead_s: Seconds(5e-3),
        block_overhead_s: Seconds(1e-3),
        max_power_w: Watts(0.2),
        energy_price,
        circuit_power_w: Watts(0.6),
        amplifier_efficiency: 0.4,
        ..Device::default()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let devices = vec![device(100.0, 0.08, 0.05), device(30.0, 0.5, 0.01), device(60.0, 0.1, 0.02)];
    // Gain-to-noise ratios |h|²/N0 in Hz/W: control unit, three devices in a row, edge server.
    let nodes = devices.len() + 2;
    let gains =
        DMatrix::from_fn(
            nodes,
            nodes,
            |from, to| {
                if from == to { 0.0 } else { 1e12 / (1.0 + (from as f64 - to as f64).powi(2)) }
            },
        );
    let stage = |forward, backward| EndStage {
        forward_seconds_per_sample: Seconds(forward),
        backward_seconds_per_sample: Seconds(backward),
    };
    let problem = SlotProblem::new(SlotSpec {
        schema: Schema::V1,
        participation: Participation::Select,
        overlap: Overlap::Full,
        latency_weight: 1.0,
        plans: [1, 4, 8, 16]
            .map(|micro_batches| CandidatePlan { local_iterations: 1, micro_batches, ..CandidatePlan::default() })
            .to_vec(),
        // About BERT-base on sequences of 128 tokens.
        encoder: EqualBlocks {
            blocks: 12,
            forward_flops_per_sample: Flops(1.9e9),
            backward_flops_per_sample: Flops(3.8e9),
            boundary_bits_per_sample: Bits(1.6e6),
            parameter_bits_per_block: Bits(113e6),
            resident_bytes_per_block: Bytes(113e6),
            activation_bytes_per_sample: Bytes(8.3e6),
        }
        .into(),
        uplink: Uplink { bandwidth_hz: Hertz(20e6) },
        clusters: vec![Cluster {
            batch_size: 16,
            bandwidth_hz: Hertz(20e6),
            fixed_seconds: Seconds(0.5),
            upload_bits: Bits(1.7e9),
            embedding: Some(stage(1e-4, 1e-4)),
            decoder: Some(stage(1e-5, 2e-5)),
            hop_latency_s: Seconds(5e-3).into(),
            control_unit: ControlUnit {
                max_power_w: Watts(0.2),
                energy_price: 0.1,
                circuit_power_w: Watts(0.6),
                amplifier_efficiency: 0.4,
            },
            edge_server: EdgeServer { max_power_w: Watts(10.0), ..EdgeServer::default() },
            devices,
            gain_to_noise_hz_per_w: Gains(gains),
            ..Cluster::default()
        }],
        ..SlotSpec::default()
    })?;

    let solution = solve(&problem, &Settings::default())?;
    let best = solution.outcome.map_err(|reasons| reasons.to_string())?;
    let plan = &problem.plans[best.decision.plan];
    println!(
        "{:?}: {} local iteration(s) of {} micro-batches",
        solution.status, plan.local_iterations, plan.micro_batches
    );
    let (choice, costs) = (&best.decision.clusters[0], &best.evaluation.clusters[0]);
    for (k, blocks) in choice.active.iter().zip(&choice.sizes) {
        let energy: Joules = costs.device_energy[k.0].total();
        println!("  device {k}: {blocks} blocks, {:.1} J", energy.value());
    }
    for (hop, link) in choice.forward.iter().flatten().enumerate() {
        println!(
            "  forward hop {hop}: {:.2} MHz, {:.0} mW",
            link.bandwidth_hz.value() / 1e6,
            link.power_w.value() * 1e3
        );
    }
    println!("round latency {:.3} s", best.evaluation.round_latency.value());
    println!("objective {:.6} >= proven bound {:.6} (gap {:.1e})", best.objective(), best.lower_bound, best.gap);
    println!(
        "one more MHz would save {:.4} forward, {:.4} backward, {:.4} on the uplink",
        1e6 * best.shadow_prices.forward_band_per_hz[0],
        1e6 * best.shadow_prices.backward_band_per_hz[0],
        1e6 * best.shadow_prices.uplink_per_hz
    );
    Ok(())
}
