//! Slot problems in a few lines: what is not said has a default that is.

use nalgebra::DMatrix;

use super::cluster::{Cluster, ControlUnit, Device, EdgeServer, EndStage};
use super::encoder::{Encoder, EqualBlocks};
use super::pair::Gains;
use super::slot::{CandidatePlan, Order, Participation, Schema, SlotProblem, SlotSpec, Uplink};
use super::validation::{ProblemError, fits_first_version};
use crate::ground::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, Seconds, Watts};

/// Builds a [`SlotProblem`]; made by [`SlotProblem::builder`].
#[derive(Clone, Debug, PartialEq)]
#[must_use = "nothing is a problem before it is built"]
pub struct SlotBuilder {
    spec: SlotSpec,
    uplink: Option<Hertz>,
}

impl SlotProblem {
    /// A problem in a few lines. Unless said otherwise a second costs 1, all devices take part in the given order, the only
    /// plan is one iteration of one micro-batch, and the upload band is as wide as those of all clusters together.
    ///
    /// ```
    /// use collapipe::problem::{Cluster, Device, EqualBlocks, SlotProblem};
    /// use collapipe::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, Watts};
    ///
    /// let board = Device::new(FlopsPerSecond(40e9), Bytes(2e9), Watts(0.2));
    /// let problem = SlotProblem::builder(EqualBlocks::new(4, Flops(2e8), Bits(5e5)))
    ///     .plan(1, 4)
    ///     .cluster(Cluster::new(16, Hertz(20e6), vec![board.clone(); 2], 2e9))
    ///     .build()?;
    /// let best = collapipe::solver::solve(&problem, &Default::default())?;
    /// assert_eq!(best.certified().ok_or("infeasible")?.decision.clusters[0].sizes, [2, 2]);
    ///
    /// // Whatever is wrong is said by its field, when the problem is built.
    /// let odd = SlotProblem::builder(EqualBlocks::new(4, Flops(2e8), Bits(5e5)))
    ///     .plan(1, 3)
    ///     .cluster(Cluster::new(16, Hertz(20e6), vec![board; 2], 2e9));
    /// assert_eq!(
    ///     odd.build().unwrap_err().to_string(),
    ///     "plans[0].micro_batches = 3: must be a divisor of clusters[0].batch_size = 16",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(encoder: impl Into<Encoder>) -> SlotBuilder {
        let spec = SlotSpec { latency_weight: 1.0, encoder: encoder.into(), ..SlotSpec::default() };
        SlotBuilder { spec, uplink: None }
    }
}

impl SlotBuilder {
    /// V: what a second of round latency costs.
    pub fn latency_weight(mut self, per_second: f64) -> Self {
        self.spec.latency_weight = per_second;
        self
    }

    /// One more plan to choose from: I local iterations of M micro-batches, fill-drain, without a penalty.
    pub fn plan(self, local_iterations: u32, micro_batches: u32) -> Self {
        self.candidate(CandidatePlan { local_iterations, micro_batches, ..CandidatePlan::default() })
    }

    /// One more plan to choose from.
    pub fn candidate(mut self, plan: CandidatePlan) -> Self {
        self.spec.plans.push(plan);
        self
    }

    /// One more cluster.
    pub fn cluster(mut self, cluster: Cluster) -> Self {
        self.spec.clusters.push(cluster);
        self
    }

    /// W_up: the band on which all clusters upload.
    pub fn uplink(mut self, bandwidth: Hertz) -> Self {
        self.uplink = Some(bandwidth);
        self
    }

    /// The best devices take part, not all.
    pub fn select(mut self) -> Self {
        self.spec.participation = Participation::Select;
        self
    }

    /// Devices stand in the best order, not the given one (schema 2).
    pub fn free_order(mut self) -> Self {
        self.spec.order = Order::Free;
        self
    }

    /// Longest latency that any cluster may have (schema 2).
    pub fn deadline(mut self, seconds: Seconds) -> Self {
        self.spec.deadline_s = Some(seconds);
        self
    }

    /// The data, of version 1 of the exchange format where it can hold them.
    #[must_use]
    pub fn into_spec(self) -> SlotSpec {
        let Self { mut spec, uplink } = self;
        if spec.plans.is_empty() {
            spec.plans.push(CandidatePlan::default());
        }
        let bands = spec.clusters.iter().map(|cluster| cluster.bandwidth_hz.0);
        spec.uplink = Uplink { bandwidth_hz: uplink.unwrap_or_else(|| Hertz(bands.sum())) };
        spec.schema = if fits_first_version(&spec) { Schema::V1 } else { Schema::V2 };
        spec
    }

    /// The problem.
    ///
    /// # Errors
    /// [`ProblemError`] names the path of the first bad field, its value and the allowed range.
    pub fn build(self) -> Result<SlotProblem, ProblemError> {
        SlotProblem::new(self.into_spec())
    }
}

impl EqualBlocks {
    /// Blocks of so much forward work, with messages of so many bits between them, per sample. Backward work is twice the forward
    /// work, as of a Transformer's block; parameters and activations take no memory, and segments are not sent.
    #[must_use]
    pub fn new(blocks: u32, forward_per_sample: Flops, boundary_per_sample: Bits) -> Self {
        Self {
            blocks,
            forward_flops_per_sample: forward_per_sample,
            backward_flops_per_sample: Flops(2.0 * forward_per_sample.0),
            boundary_bits_per_sample: boundary_per_sample,
            ..Self::default()
        }
    }
}

impl Device {
    /// A device that computes forward and backward at one rate, for nothing; all else is as in its `Default`.
    #[must_use]
    pub fn new(rate: FlopsPerSecond, memory: Bytes, max_power: Watts) -> Self {
        Self {
            forward_flops_per_second: rate,
            backward_flops_per_second: rate,
            memory_bytes: memory,
            max_power_w: max_power,
            ..Self::default()
        }
    }
}

impl Cluster {
    /// A cluster of which every node hears every other one with the gain-to-noise ratio γ \[Hz/W\]. Control unit and edge
    /// server send with as much power as the strongest device; embedding and decoder take no time, and nothing is uploaded.
    #[must_use]
    pub fn new(batch_size: u32, bandwidth: Hertz, devices: Vec<Device>, gain_to_noise_hz_per_w: f64) -> Self {
        let max_power_w = Watts(devices.iter().map(|device| device.max_power_w.0).fold(0.0, f64::max));
        let nodes = devices.len() + 2;
        Self {
            batch_size,
            bandwidth_hz: bandwidth,
            embedding: Some(EndStage::default()),
            decoder: Some(EndStage::default()),
            control_unit: ControlUnit { max_power_w, ..ControlUnit::default() },
            edge_server: EdgeServer { max_power_w, ..EdgeServer::default() },
            devices,
            gain_to_noise_hz_per_w: Gains(DMatrix::from_element(nodes, nodes, gain_to_noise_hz_per_w)),
            ..Self::default()
        }
    }
}
