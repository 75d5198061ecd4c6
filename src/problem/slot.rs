//! The slot problem as data: field names are those of the exchange format, units in the names.

use std::fmt;
use std::ops::Deref;

use nalgebra::DMatrix;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::validation::{ProblemError, faults, validate};
use crate::ground::check::FieldError;
use crate::ground::route::NodeId;
use crate::ground::units::{Bits, Bytes, Flops, FlopsPerSecond, Hertz, JoulesPerFlop, Seconds, Watts};

/// The exchange format's name and version; any other value is rejected when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Schema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.slot-problem/1")]
    V1,
}

/// Which devices of a cluster take part in the round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Participation {
    /// Every device holds at least one encoder block.
    #[default]
    All,
    /// The solver chooses the best non-empty subset of every cluster's devices.
    Select,
}

/// Whether a stage computes while it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Overlap {
    /// Sending costs the sender no compute time: stages and hops are pipeline stages of their own.
    #[default]
    Full,
    /// A stage computes and then sends.
    None,
}

/// A candidate plan, common to all clusters: I local iterations of M micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidatePlan {
    /// I: local iterations of the pipeline in a round.
    pub local_iterations: u32,
    /// M: micro-batches per batch; divides every cluster's batch size.
    pub micro_batches: u32,
    /// Added to the objective when this plan is chosen (H·g of the convergence constraint); any sign.
    pub penalty: f64,
}

/// The L identical encoder blocks that are cut into segments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// L: number of encoder blocks.
    pub blocks: u32,
    /// c_F: forward work per sample and block.
    pub forward_flops_per_sample: Flops,
    /// c_B: backward work per sample and block.
    pub backward_flops_per_sample: Flops,
    /// A: size per sample of the tensor that crosses every cut.
    pub boundary_bits_per_sample: Bits,
    /// w_p: size of a block's parameters as they are sent.
    pub parameter_bits_per_block: Bits,
    /// Memory a block keeps: weights, gradients, optimizer state.
    pub resident_bytes_per_block: Bytes,
    /// Memory of a block's activations per sample.
    pub activation_bytes_per_sample: Bytes,
}

/// The band on which all control units upload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    /// W_up: shared by all clusters.
    pub bandwidth_hz: Hertz,
}

/// Compute time of the first (embedding) or last (decoder) stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndStage {
    /// Forward time per sample.
    pub forward_seconds_per_sample: Seconds,
    /// Backward time per sample.
    pub backward_seconds_per_sample: Seconds,
}

/// The node that holds a cluster's data and the embedding (node 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlUnit {
    /// Largest transmit power.
    pub max_power_w: Watts,
    /// Z: price of the node's energy, in objective units per joule.
    pub energy_price: f64,
    /// p_c: power its radio circuits draw while it sends.
    pub circuit_power_w: Watts,
    /// η in (0, 1]: radiated power over power drawn by the amplifier.
    pub amplifier_efficiency: f64,
}

/// The node that holds the decoder (node K+1). It is mains-powered: its energy is neither priced nor counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeServer {
    /// Largest transmit power.
    pub max_power_w: Watts,
}

/// A device (nodes 1..K, in pipeline order).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Achieved forward rate.
    pub forward_flops_per_second: FlopsPerSecond,
    /// Achieved backward rate.
    pub backward_flops_per_second: FlopsPerSecond,
    /// ε: computing energy.
    pub joules_per_flop: JoulesPerFlop,
    /// Memory for the segment and its activations.
    pub memory_bytes: Bytes,
    /// o: overhead per micro-batch.
    pub stage_overhead_s: Seconds,
    /// q: overhead per micro-batch and block.
    pub block_overhead_s: Seconds,
    /// Largest transmit power.
    pub max_power_w: Watts,
    /// Z: price of the device's energy, in objective units per joule.
    pub energy_price: f64,
    /// p_c: power its radio circuits draw while it sends.
    pub circuit_power_w: Watts,
    /// η in (0, 1]: radiated power over power drawn by the amplifier.
    pub amplifier_efficiency: f64,
}

/// γ(i, j): gain-to-noise ratio |h|²/N0 from node i to node j, in Hz/W; zero where there is no link.
///
/// A square matrix over the K+2 nodes (0 control unit, 1..=K devices, K+1 edge server), row = sender, column =
/// receiver; the diagonal is not used. In JSON a list of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Gains(pub DMatrix<f64>);

impl Gains {
    /// γ from a sender to a receiver; zero (no link) also for nodes that the matrix does not have.
    #[must_use]
    pub fn get(&self, sender: NodeId, receiver: NodeId) -> f64 {
        self.0.get((sender.0, receiver.0)).copied().unwrap_or(0.0)
    }
}

impl Serialize for Gains {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Row<'a>(&'a DMatrix<f64>, usize);
        impl Serialize for Row<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.row(self.1).iter())
            }
        }
        serializer.collect_seq((0..self.0.nrows()).map(|row| Row(&self.0, row)))
    }
}

impl<'de> Deserialize<'de> for Gains {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Gains;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a matrix as a list of rows of equal length")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Gains, A::Error> {
                let (mut entries, mut nrows, mut ncols) = (Vec::new(), 0, 0);
                while let Some(row) = rows.next_element::<Vec<f64>>()? {
                    if nrows == 0 {
                        ncols = row.len();
                    } else if row.len() != ncols {
                        let found = row.len();
                        return Err(A::Error::custom(format_args!(
                            "matrix row {nrows} has {found} entries, row 0 has {ncols}: rows must be equally long"
                        )));
                    }
                    nrows += 1;
                    entries.extend(row);
                }
                Ok(Gains(DMatrix::from_row_iterator(nrows, ncols, entries)))
            }
        }
        deserializer.deserialize_seq(Rows)
    }
}

/// One cluster: control unit, devices in pipeline order, edge server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// B: samples per batch.
    pub batch_size: u32,
    /// W: band that the hops of the running phase share.
    pub bandwidth_hz: Hertz,
    /// Part of the cluster's latency that no decision changes.
    pub fixed_seconds: Seconds,
    /// Size of the upload to the edge server; zero where nothing is uploaded.
    pub upload_bits: Bits,
    /// Embedding stage, on the control unit.
    pub embedding: EndStage,
    /// Decoder stage, on the edge server.
    pub decoder: EndStage,
    /// ℓ: constant latency per message of a hop.
    pub hop_latency_s: Seconds,
    /// Node 0.
    pub control_unit: ControlUnit,
    /// Node K+1.
    pub edge_server: EdgeServer,
    /// Nodes 1..K.
    pub devices: Vec<Device>,
    /// γ between all nodes.
    pub gain_to_noise_hz_per_w: Gains,
}

/// A slot problem as plain data, not yet validated: fill the fields, then [`SlotProblem::new`].
///
/// ```
/// use collapipe::problem::*;
/// use collapipe::units::*;
/// use nalgebra::DMatrix;
///
/// let board = Device {
///     forward_flops_per_second: FlopsPerSecond(40e9),
///     backward_flops_per_second: FlopsPerSecond(25e9),
///     joules_per_flop: JoulesPerFlop(5e-11),
///     memory_bytes: Bytes(2e9),
///     stage_overhead_s: Seconds(0.01),
///     block_overhead_s: Seconds(0.001),
///     max_power_w: Watts(0.2),
///     energy_price: 1.5,
///     circuit_power_w: Watts(0.05),
///     amplifier_efficiency: 0.4,
/// };
/// let mut spec = SlotSpec {
///     schema: Schema::V1,
///     participation: Participation::All,
///     overlap: Overlap::Full,
///     latency_weight: 10.0,
///     plans: vec![CandidatePlan { local_iterations: 1, micro_batches: 4, penalty: 0.0 }],
///     encoder: Encoder {
///         blocks: 4,
///         forward_flops_per_sample: Flops(2e8),
///         backward_flops_per_sample: Flops(4e8),
///         boundary_bits_per_sample: Bits(5e5),
///         parameter_bits_per_block: Bits(1.3e7),
///         resident_bytes_per_block: Bytes(1.3e7),
///         activation_bytes_per_sample: Bytes(1e6),
///     },
///     uplink: Uplink { bandwidth_hz: Hertz(20e6) },
///     clusters: vec![Cluster {
///         batch_size: 16,
///         bandwidth_hz: Hertz(20e6),
///         fixed_seconds: Seconds(0.0),
///         upload_bits: Bits(5.2e7),
///         embedding: EndStage { forward_seconds_per_sample: Seconds(1e-5), backward_seconds_per_sample: Seconds(2e-5) },
///         decoder: EndStage { forward_seconds_per_sample: Seconds(2e-4), backward_seconds_per_sample: Seconds(4e-4) },
///         hop_latency_s: Seconds(0.005),
///         control_unit: ControlUnit {
///             max_power_w: Watts(0.2),
///             energy_price: 1.0,
///             circuit_power_w: Watts(0.05),
///             amplifier_efficiency: 0.4,
///         },
///         edge_server: EdgeServer { max_power_w: Watts(10.0) },
///         devices: vec![board; 2],
///         gain_to_noise_hz_per_w: Gains(DMatrix::from_element(4, 4, 2e9)),
///     }],
/// };
/// let problem = SlotProblem::new(spec.clone())?;
/// assert_eq!(SlotProblem::from_json(&problem.to_json()?)?, problem);
///
/// spec.clusters[0].devices[1].memory_bytes = Bytes(-1.0);
/// assert_eq!(
///     SlotProblem::new(spec).unwrap_err().to_string(),
///     "clusters[0].devices[1].memory_bytes = -1.0: must be 0 or a finite number in [1e-30, 1e30]",
/// );
/// # Ok::<(), JsonError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotSpec {
    /// Name and version of the format.
    pub schema: Schema,
    /// Which devices take part.
    pub participation: Participation,
    /// Whether stages compute while they send.
    pub overlap: Overlap,
    /// V: price of a second of round latency.
    pub latency_weight: f64,
    /// Candidate plans.
    pub plans: Vec<CandidatePlan>,
    /// The encoder to be cut.
    pub encoder: Encoder,
    /// The clusters' common upload band.
    pub uplink: Uplink,
    /// The clusters.
    pub clusters: Vec<Cluster>,
}

/// A valid slot problem: every number finite and in range, dimensions consistent.
///
/// Reads through to [`SlotSpec`]; to change it, take the data out with [`SlotProblem::into_spec`] and build anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SlotSpec", into = "SlotSpec")]
pub struct SlotProblem(SlotSpec);

impl SlotProblem {
    /// Validates the data.
    ///
    /// # Errors
    /// [`ProblemError`] names the path of the first bad field, its value and the allowed range.
    pub fn new(spec: SlotSpec) -> Result<Self, ProblemError> {
        validate(&spec)?;
        Ok(Self(spec))
    }

    /// All bad fields of data, as many as `most`; none where the data are a problem.
    #[must_use]
    pub fn faults(spec: &SlotSpec, most: usize) -> Vec<FieldError> {
        faults(spec, most)
    }

    /// The data, to be changed and validated again.
    #[must_use]
    pub fn into_spec(self) -> SlotSpec {
        self.0
    }
}

impl Deref for SlotProblem {
    type Target = SlotSpec;
    fn deref(&self) -> &SlotSpec {
        &self.0
    }
}

impl TryFrom<SlotSpec> for SlotProblem {
    type Error = ProblemError;
    fn try_from(spec: SlotSpec) -> Result<Self, ProblemError> {
        Self::new(spec)
    }
}

impl From<SlotProblem> for SlotSpec {
    fn from(problem: SlotProblem) -> Self {
        problem.0
    }
}
