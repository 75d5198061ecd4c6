//! A problem small enough for closed forms: one device of a cluster, rates of whole bits per hertz.

use collapipe::problem::*;
use collapipe::units::*;
use nalgebra::DMatrix;

/// One cluster, two devices, four blocks, batches of 8 in 4 micro-batches, 2 local iterations, participation `all`.
///
/// Every gain is 1e6 Hz/W, so that 1 MHz and 3 W give 2 Mbit/s.
pub fn spec() -> SlotSpec {
    let device = Device {
        forward_flops_per_second: FlopsPerSecond(1e9),
        backward_flops_per_second: FlopsPerSecond(0.5e9),
        joules_per_flop: JoulesPerFlop(1e-10),
        memory_bytes: Bytes(3.0e6),
        stage_overhead_s: Seconds(0.01),
        block_overhead_s: Seconds(0.002),
        max_power_w: Watts(3.0),
        energy_price: 2.0,
        circuit_power_w: Watts(0.5),
        amplifier_efficiency: 0.5,
        ..Device::default()
    };
    SlotSpec {
        schema: Schema::V1,
        participation: Participation::All,
        overlap: Overlap::Full,
        latency_weight: 10.0,
        plans: vec![CandidatePlan {
            local_iterations: 2,
            micro_batches: 4,
            penalty: -0.25,
            ..CandidatePlan::default()
        }],
        encoder: EqualBlocks {
            blocks: 4,
            forward_flops_per_sample: Flops(1e7),
            backward_flops_per_sample: Flops(2e7),
            boundary_bits_per_sample: Bits(1e5),
            parameter_bits_per_block: Bits(4e6),
            resident_bytes_per_block: Bytes(6e5),
            activation_bytes_per_sample: Bytes(5e4),
        }
        .into(),
        uplink: Uplink { bandwidth_hz: Hertz(5e6) },
        clusters: vec![Cluster {
            batch_size: 8,
            bandwidth_hz: Hertz(3e6),
            fixed_seconds: Seconds(0.125),
            upload_bits: Bits(1e7),
            embedding: Some(EndStage {
                forward_seconds_per_sample: Seconds(1e-3),
                backward_seconds_per_sample: Seconds(2e-3),
            }),
            decoder: Some(EndStage {
                forward_seconds_per_sample: Seconds(3e-3),
                backward_seconds_per_sample: Seconds(4e-3),
            }),
            hop_latency_s: Seconds(0.005).into(),
            control_unit: ControlUnit {
                max_power_w: Watts(9.0),
                energy_price: 0.5,
                circuit_power_w: Watts(1.0),
                amplifier_efficiency: 0.25,
            },
            edge_server: EdgeServer { max_power_w: Watts(20.0), ..EdgeServer::default() },
            devices: vec![device; 2],
            gain_to_noise_hz_per_w: Gains(DMatrix::from_element(4, 4, 1e6)),
            ..Cluster::default()
        }],
        ..SlotSpec::default()
    }
}

/// A feasible decision for [`spec`]: every hop 1 MHz at 3 W, transfers of segments 3 MHz.
#[allow(dead_code)]
pub fn decision() -> Decision {
    let link = Link { bandwidth_hz: Hertz(1e6), power_w: Watts(3.0) };
    Decision {
        plan: 0,
        clusters: vec![ClusterDecision {
            active: vec![DeviceId(0), DeviceId(1)],
            sizes: vec![1, 3],
            forward: vec![Some(link); 3],
            backward: vec![Some(link); 3],
            collection_power_w: vec![Some(Watts(3.0)); 2],
            distribution_power_w: vec![Some(Watts(9.0)); 2],
            upload: Some(Link { bandwidth_hz: Hertz(5e6), power_w: Watts(5.0) }),
            ..ClusterDecision::default()
        }],
    }
}
