//! Small random problems, from tame to extreme.

use collapipe::problem::{
    CandidatePlan, Cluster, ControlUnit, Device, EdgeServer, EndStage, EqualBlocks, Gains, Overlap, Participation,
    ProblemError, Schema, SlotProblem, SlotSpec, Uplink,
};
use collapipe::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, JoulesPerFlop, Seconds, Watts};
use nalgebra::DMatrix;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// How far apart a problem's numbers are.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Half a decade around typical values.
    Tame,
    /// Two decades either way, some zeros.
    Wild,
    /// Six decades either way, many zeros.
    Extreme,
    /// As `Wild`, with missing links and tight memories.
    Scarce,
}

pub struct Draw {
    rng: Pcg64,
    kind: Kind,
}

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self { rng: Pcg64::seed_from_u64(seed), kind: Kind::Tame }
    }

    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.random::<f64>()
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random::<f64>() < probability
    }

    pub fn integer(&mut self, low: u32, high: u32) -> u32 {
        low + (self.rng.random::<f64>() * f64::from(high - low + 1)) as u32
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.rng.random::<f64>() * choices.len() as f64) as usize]
    }

    /// A positive number around `typical`.
    pub fn positive(&mut self, typical: f64) -> f64 {
        let decades = match self.kind {
            Kind::Tame => 0.5,
            Kind::Wild | Kind::Scarce => 2.0,
            Kind::Extreme => 6.0,
        };
        let exponent = self.uniform(-decades, decades);
        typical * 10f64.powf(exponent)
    }

    /// As `positive`, or zero.
    pub fn or_zero(&mut self, typical: f64) -> f64 {
        let zero = match self.kind {
            Kind::Tame => 0.0,
            Kind::Wild | Kind::Scarce => 0.15,
            Kind::Extreme => 0.3,
        };
        if self.chance(zero) { 0.0 } else { self.positive(typical) }
    }

    fn node(&mut self) -> (Watts, f64, Watts, f64) {
        let price = self.or_zero(1.0);
        let price = if self.kind == Kind::Extreme && price > 0.0 { price * self.pick(&[1.0, 1e3]) } else { price };
        (Watts(self.positive(0.2)), price, Watts(self.or_zero(0.05)), self.uniform(0.05, 1.0))
    }

    fn device(&mut self, blocks: u32) -> Device {
        let (max_power_w, energy_price, circuit_power_w, amplifier_efficiency) = self.node();
        let rate = self.positive(5e10);
        let most = if self.kind == Kind::Scarce { blocks.div_ceil(2) } else { blocks };
        let least = if self.kind != Kind::Scarce && self.chance(0.5) { blocks } else { u32::from(self.chance(0.9)) };
        Device {
            forward_flops_per_second: FlopsPerSecond(rate),
            backward_flops_per_second: FlopsPerSecond(rate * self.uniform(0.2, 1.2)),
            joules_per_flop: JoulesPerFlop(self.or_zero(3e-11)),
            memory_bytes: Bytes(f64::from(self.integer(least, most.max(least))) + self.uniform(0.01, 0.99)),
            stage_overhead_s: Seconds(self.or_zero(0.01)),
            block_overhead_s: Seconds(self.or_zero(0.001)),
            max_power_w,
            energy_price,
            circuit_power_w,
            amplifier_efficiency,
            ..Device::default()
        }
    }

    fn cluster(&mut self, devices: u32, blocks: u32, batch: u32) -> Cluster {
        let nodes = devices as usize + 2;
        let missing = if self.kind == Kind::Scarce { 0.15 } else { 0.0 };
        let mut gains = DMatrix::from_element(nodes, nodes, 0.0);
        for gain in gains.iter_mut() {
            *gain = if self.chance(missing) { 0.0 } else { self.positive(1e9) };
        }
        let (max_power_w, energy_price, circuit_power_w, amplifier_efficiency) = self.node();
        let mut end = |typical| EndStage {
            forward_seconds_per_sample: Seconds(self.or_zero(typical)),
            backward_seconds_per_sample: Seconds(self.or_zero(typical)),
        };
        let (embedding, decoder) = (end(1e-5), end(3e-4));
        let mut list: Vec<Device> = (0..devices).map(|_| self.device(blocks)).collect();
        if self.chance(0.1) {
            list = vec![list[0].clone(); devices as usize];
        }
        Cluster {
            batch_size: batch * self.pick(&[1, 1, 2, 3]),
            bandwidth_hz: Hertz(self.positive(2e7)),
            fixed_seconds: Seconds(self.or_zero(0.01)),
            upload_bits: Bits(self.or_zero(5e7)),
            embedding: Some(embedding),
            decoder: Some(decoder),
            hop_latency_s: Seconds(self.or_zero(0.01)).into(),
            control_unit: ControlUnit { max_power_w, energy_price, circuit_power_w, amplifier_efficiency },
            edge_server: EdgeServer { max_power_w: Watts(self.positive(10.0)), ..EdgeServer::default() },
            devices: list,
            gain_to_noise_hz_per_w: Gains(gains),
            ..Cluster::default()
        }
    }

    /// A block needs one byte, so that a device's memory is the number of blocks it holds.
    pub fn problem(&mut self, clusters: Option<u32>) -> Result<SlotProblem, ProblemError> {
        self.kind = self.pick(&[Kind::Tame, Kind::Wild, Kind::Extreme, Kind::Scarce]);
        let clusters = clusters.unwrap_or_else(|| self.pick(&[1, 1, 1, 2, 3]));
        let most = if clusters > 1 { 3 } else { 4 };
        let devices: Vec<u32> = (0..clusters).map(|_| self.integer(1, most)).collect();
        let participation = self.pick(&[Participation::All, Participation::Select]);
        let least = if participation == Participation::All && !self.chance(0.03) {
            devices.iter().copied().max().unwrap_or(1)
        } else {
            1
        };
        let blocks = self.integer(least, if clusters > 1 { least.max(5) } else { 9 });
        let batch: u32 = self.pick(&[1, 2, 4, 6, 12, 16, 64, 1024]);
        let penalty = self.pick(&[0.0, 0.0, 1.0, 100.0]);
        let plans = (0..self.integer(1, 4))
            .map(|_| {
                let divisors: Vec<u32> = (1..=batch).filter(|m| batch.is_multiple_of(*m)).collect();
                CandidatePlan {
                    local_iterations: self.pick(&[1, 1, 2, 5, 1000]),
                    micro_batches: self.pick(&divisors),
                    penalty: penalty * self.uniform(-1.0, 1.0),
                    ..CandidatePlan::default()
                }
            })
            .collect();
        let encoder = EqualBlocks {
            blocks,
            forward_flops_per_sample: Flops(self.positive(2e8)),
            backward_flops_per_sample: Flops(self.positive(4e8)),
            boundary_bits_per_sample: Bits(self.positive(5e5)),
            parameter_bits_per_block: Bits(self.or_zero(1e7)),
            resident_bytes_per_block: Bytes(1.0),
            activation_bytes_per_sample: Bytes(0.0),
        };
        SlotProblem::new(SlotSpec {
            schema: Schema::V1,
            participation,
            overlap: Overlap::Full,
            latency_weight: self.positive(10.0),
            plans,
            encoder: encoder.into(),
            uplink: Uplink { bandwidth_hz: Hertz(self.positive(2e7)) },
            clusters: devices.into_iter().map(|k| self.cluster(k, blocks, batch)).collect(),
            ..SlotSpec::default()
        })
    }
}
