//! Seeded random slot problems of any size.
//!
//! The distribution is that of a small Transformer (width 256, sequence 128) on devices of 10 to 200 GFLOP/s with 20
//! MHz per cluster: device speeds over 1.3 decades, link gains over 2.2, energy prices over 2 with one device in seven
//! free.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use nalgebra::DMatrix;

use crate::problem::{
    CandidatePlan, Cluster, ControlUnit, Device, EdgeServer, EndStage, EqualBlocks, Gains, Overlap, Participation,
    ProblemError, Schema, SlotProblem, SlotSpec, Uplink,
};
use crate::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, JoulesPerFlop, Seconds, Watts};

/// Size of the problems to draw.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// let problem = InstanceSize { clusters: 2, ..InstanceSize::default() }.sample(7)?;
/// assert_eq!(problem.clusters.len(), 2);
/// assert_eq!(problem, InstanceSize { clusters: 2, ..InstanceSize::default() }.sample(7)?);
/// # Ok::<(), collapipe::problem::ProblemError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceSize {
    /// N, default 1.
    pub clusters: usize,
    /// K per cluster, default 10.
    pub devices: usize,
    /// L, default 24.
    pub blocks: u32,
    /// Candidate plans: micro-batches 1, 2, 4, … of a batch of 2^(plans−1) or at least 16 samples; default 8.
    pub plans: u32,
    /// Which devices take part, default all.
    pub participation: Participation,
}

impl Default for InstanceSize {
    fn default() -> Self {
        Self { clusters: 1, devices: 10, blocks: 24, plans: 8, participation: Participation::All }
    }
}

impl InstanceSize {
    /// Draws a problem; the same seed gives the same problem on every machine.
    ///
    /// # Errors
    /// [`ProblemError`] for a size of zero or one beyond the limits of the format.
    pub fn sample(&self, seed: u64) -> Result<SlotProblem, ProblemError> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let (width, sequence) = (256.0, 128.0);
        let forward = 24.0 * sequence * width * width + 4.0 * sequence * sequence * width;
        let parameter_bits = 16.0 * (12.0 * width * width + 13.0 * width);
        let mut draw = Draw(&mut rng);
        let batch_size = 1 << self.plans.saturating_sub(1).clamp(4, 29);
        let spec = SlotSpec {
            schema: Schema::V1,
            participation: self.participation,
            overlap: Overlap::Full,
            latency_weight: draw.decades(0.0, 2.0),
            plans: (0..self.plans)
                .map(|i| CandidatePlan {
                    local_iterations: 1,
                    micro_batches: 1 << i.min(30),
                    penalty: draw.uniform(0.0, 1.0),
                    ..CandidatePlan::default()
                })
                .collect(),
            encoder: EqualBlocks {
                blocks: self.blocks,
                forward_flops_per_sample: Flops(forward),
                backward_flops_per_sample: Flops(2.0 * forward),
                boundary_bits_per_sample: Bits(sequence * width * 16.0),
                parameter_bits_per_block: Bits(parameter_bits),
                resident_bytes_per_block: Bytes(parameter_bits),
                activation_bytes_per_sample: Bytes(34.0 * sequence * width),
            }
            .into(),
            uplink: Uplink { bandwidth_hz: Hertz(20e6) },
            clusters: (0..self.clusters)
                .map(|_| draw.cluster(self, parameter_bits, f64::from(batch_size), batch_size))
                .collect(),
            ..SlotSpec::default()
        };
        SlotProblem::new(spec)
    }
}

struct Draw<'a>(&'a mut Pcg64);

impl Draw<'_> {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// 10^x with x uniform.
    fn decades(&mut self, low: f64, high: f64) -> f64 {
        10f64.powf(self.uniform(low, high))
    }

    fn cluster(&mut self, size: &InstanceSize, parameter_bits: f64, samples: f64, batch_size: u32) -> Cluster {
        let nodes = size.devices + 2;
        let mut gains = DMatrix::from_element(nodes, nodes, 0.0);
        for i in 0..nodes {
            for j in 0..i {
                // Geometric mean of two draws, as of two independent directions.
                let gain = (self.decades(0.3, 2.5) * self.decades(0.3, 2.5)).sqrt() * 20e6 / 0.2;
                gains[(i, j)] = gain;
                gains[(j, i)] = gain;
            }
        }
        let block_bytes = parameter_bits + 34.0 * 128.0 * 256.0 * samples;
        let least = f64::from(size.blocks).max(1.0) / size.devices.max(1) as f64;
        Cluster {
            batch_size,
            bandwidth_hz: Hertz(20e6),
            fixed_seconds: Seconds(self.uniform(0.0, 0.05)),
            upload_bits: Bits(f64::from(size.blocks) * parameter_bits),
            embedding: Some(EndStage {
                forward_seconds_per_sample: Seconds(1e-5),
                backward_seconds_per_sample: Seconds(2e-5),
            }),
            decoder: Some(EndStage {
                forward_seconds_per_sample: Seconds(2e-4),
                backward_seconds_per_sample: Seconds(4e-4),
            }),
            hop_latency_s: Seconds(self.uniform(0.0, 3e-2)).into(),
            control_unit: ControlUnit {
                max_power_w: Watts(0.2),
                energy_price: self.decades(-1.0, 1.0),
                circuit_power_w: Watts(0.05),
                amplifier_efficiency: 0.4,
            },
            edge_server: EdgeServer { max_power_w: Watts(10.0), ..EdgeServer::default() },
            devices: (0..size.devices)
                .map(|_| self.device(block_bytes, least.ceil(), f64::from(size.blocks)))
                .collect(),
            gain_to_noise_hz_per_w: Gains(gains),
            ..Cluster::default()
        }
    }

    fn device(&mut self, block_bytes: f64, least: f64, most: f64) -> Device {
        let forward = self.decades(10.0, 11.3);
        Device {
            forward_flops_per_second: FlopsPerSecond(forward),
            backward_flops_per_second: FlopsPerSecond(forward * self.uniform(0.4, 1.2)),
            joules_per_flop: JoulesPerFlop(self.decades(-11.0, -10.0)),
            memory_bytes: Bytes(block_bytes * (self.uniform(least, most + 1.0).floor() + 0.5)),
            stage_overhead_s: Seconds(self.uniform(0.0, 2e-2)),
            block_overhead_s: Seconds(self.uniform(0.0, 2e-3)),
            max_power_w: Watts(0.2),
            energy_price: if self.uniform(0.0, 1.0) < 0.15 { 0.0 } else { self.decades(-1.0, 1.0) },
            circuit_power_w: Watts(self.uniform(0.0, 0.1)),
            amplifier_efficiency: 0.4,
            ..Device::default()
        }
    }
}
