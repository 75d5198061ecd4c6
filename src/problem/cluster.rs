//! A cluster as data: its nodes, what they compute with, and what joins them.

use serde::{Deserialize, Deserializer, Serialize};

use super::format::ClusterForm;
use super::pair::{Gains, PerPair};
use crate::ground::route::NodeId;
use crate::ground::units::{
    Bits, BitsPerSecond, Bytes, FlopsPerSecond, Hertz, JoulesPerBit, JoulesPerFlop, Seconds, SecondsPerByte, Watts,
};

/// Compute time of the first (embedding) or last (decoder) stage of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndStage {
    /// Forward time per sample.
    pub forward_seconds_per_sample: Seconds,
    /// Backward time per sample.
    pub backward_seconds_per_sample: Seconds,
}

/// The node that holds a cluster's data and the embedding (node 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Default for ControlUnit {
    /// Free energy and an ideal amplifier. The largest power is 0, which is no valid one.
    fn default() -> Self {
        Self { max_power_w: Watts(0.0), energy_price: 0.0, circuit_power_w: Watts(0.0), amplifier_efficiency: 1.0 }
    }
}

/// The node that holds the decoder (node K+1). It is mains-powered: what it sends with is not counted, and what it computes
/// with only where `compute_power_w` is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EdgeServer {
    /// Largest transmit power.
    pub max_power_w: Watts,
    /// Power that it draws for this cluster while it computes the cluster's stage (schema 2); absent: not counted.
    #[serde(default, skip_serializing_if = "Watts::is_zero")]
    pub compute_power_w: Watts,
    /// Z: price of the energy of computing, in objective units per joule (schema 2); absent: free.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub energy_price: f64,
    /// Memory that it has for this cluster (schema 2); absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<Bytes>,
    /// Memory that the cluster's decoder stage takes of it, whatever is decided (schema 2); absent: none.
    #[serde(default, skip_serializing_if = "Bytes::is_zero")]
    pub decoder_bytes: Bytes,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl EdgeServer {
    /// Fields of schema 2 that are given, by name.
    pub(super) fn later_fields(&self) -> impl Iterator<Item = &'static str> {
        let fields = [
            ("compute_power_w", self.compute_power_w.0 != 0.0),
            ("energy_price", self.energy_price != 0.0),
            ("memory_bytes", self.memory_bytes.is_some()),
            ("decoder_bytes", self.decoder_bytes.0 != 0.0),
        ];
        fields.into_iter().filter(|(_, given)| *given).map(|(name, _)| name)
    }

    /// Whether anything of it is counted but its time: energy or memory.
    #[must_use]
    pub fn is_accounted(&self) -> bool {
        self.later_fields().next().is_some()
    }
}

/// Measured times of a device for every block of the encoder, per sample (schema 2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BlockSeconds {
    /// Forward, one per block, ≥ 0.
    pub forward: Vec<Seconds>,
    /// Backward, one per block, ≥ 0.
    pub backward: Vec<Seconds>,
}

/// A device (nodes 1..K, in pipeline order).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What it is called; unique in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
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
    /// Least blocks of its segment where it takes part (schema 2); absent: one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_blocks: Option<u32>,
    /// Most blocks of its segment (schema 2); absent: as many as memory holds. With 0 it cannot take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_blocks: Option<u32>,
    /// Measured times instead of work over rate (schema 2). Energy stays work times `joules_per_flop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_seconds_per_sample: Option<BlockSeconds>,
}

impl Default for Device {
    /// Free energy, no overheads, an ideal amplifier, no limits but memory. Rates, memory and the largest power are 0:
    /// rates and power must be set.
    fn default() -> Self {
        Self {
            name: None,
            forward_flops_per_second: FlopsPerSecond(0.0),
            backward_flops_per_second: FlopsPerSecond(0.0),
            joules_per_flop: JoulesPerFlop(0.0),
            memory_bytes: Bytes(0.0),
            stage_overhead_s: Seconds(0.0),
            block_overhead_s: Seconds(0.0),
            max_power_w: Watts(0.0),
            energy_price: 0.0,
            circuit_power_w: Watts(0.0),
            amplifier_efficiency: 1.0,
            min_blocks: None,
            max_blocks: None,
            block_seconds_per_sample: None,
        }
    }
}

impl Device {
    /// Whether the devices differ in nothing but their names.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Self {
            name: _,
            forward_flops_per_second,
            backward_flops_per_second,
            joules_per_flop,
            memory_bytes,
            stage_overhead_s,
            block_overhead_s,
            max_power_w,
            energy_price,
            circuit_power_w,
            amplifier_efficiency,
            min_blocks,
            max_blocks,
            block_seconds_per_sample,
        } = self;
        *forward_flops_per_second == other.forward_flops_per_second
            && *backward_flops_per_second == other.backward_flops_per_second
            && *joules_per_flop == other.joules_per_flop
            && *memory_bytes == other.memory_bytes
            && *stage_overhead_s == other.stage_overhead_s
            && *block_overhead_s == other.block_overhead_s
            && *max_power_w == other.max_power_w
            && *energy_price == other.energy_price
            && *circuit_power_w == other.circuit_power_w
            && *amplifier_efficiency == other.amplifier_efficiency
            && *min_blocks == other.min_blocks
            && *max_blocks == other.max_blocks
            && *block_seconds_per_sample == other.block_seconds_per_sample
    }
}

/// Which messages of a cluster's pipeline may be on the air at the same time (schema 2).
///
/// `half-duplex` and `turns` need an order of the messages that share a radio, or the medium: the fixed one of
/// [`Sending`](crate::schedule::Sending). What a decision costs is that order's timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MediumAccess {
    /// All: each message has a band of its own, and nodes receive while they send.
    #[default]
    Bands,
    /// Each message has a band of its own, and a node sends or receives one message at a time.
    HalfDuplex,
    /// One: messages take turns, each on the whole band.
    Turns,
}

impl MediumAccess {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bands => "bands",
            Self::HalfDuplex => "half-duplex",
            Self::Turns => "turns",
        }
    }

    /// Whether it is the default.
    #[must_use]
    pub fn is_bands(&self) -> bool {
        *self == Self::Bands
    }
}

/// A link of fixed rate in one direction (schema 2): a cable, or a share of a medium such as Wi-Fi.
///
/// Every transmission from `from` to `to` uses it instead of the radio: hops, collection, distribution, upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FixedLink {
    /// Sender: 0 control unit, k+1 device k, K+1 edge server.
    pub from: NodeId,
    /// Receiver.
    pub to: NodeId,
    /// Rate; of a shared medium when all of it is this link's.
    pub bits_per_second: BitsPerSecond,
    /// Energy of the sender per bit.
    pub joules_per_bit: JoulesPerBit,
    /// Whether it is a share of a medium: the `bandwidth_hz` of a hop or upload is then its share of the band, and its
    /// rate is in proportion. Collection and distribution have the medium alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_band: bool,
}

/// Reads a field that may be null, but not missing.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// One cluster: control unit, devices in pipeline order, edge server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(!from, deny_unknown_fields))]
#[serde(from = "ClusterForm")]
pub struct Cluster {
    /// What it is called; unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// B: samples per batch.
    pub batch_size: u32,
    /// W: band that the hops of the running phase share.
    pub bandwidth_hz: Hertz,
    /// Part of the cluster's latency that no decision changes.
    pub fixed_seconds: Seconds,
    /// Size of the upload to the edge server; zero where nothing is uploaded.
    pub upload_bits: Bits,
    /// Embedding stage, on the control unit. Without one (schema 2) the pipeline begins on its first device.
    pub embedding: Option<EndStage>,
    /// Decoder stage, on the edge server. Without one (schema 2) the pipeline ends on its last device.
    pub decoder: Option<EndStage>,
    /// Schema 1: ℓ, what every message of a hop takes besides its bits; it occupies the link, and other transmissions
    /// do not pay it; one number.
    ///
    /// Schema 2: propagation. It delays every message and occupies nobody; a number or a matrix.
    pub hop_latency_s: PerPair<Seconds>,
    /// What a message costs besides its bits (schema 2). It occupies the link, and the sender where sending blocks.
    #[serde(skip_serializing_if = "no_overhead")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub hop_overhead_s: PerPair<Seconds>,
    /// For how long a byte keeps its sender busy before it goes out (schema 2): copying, packing. Per message it is in
    /// proportion to its size, and part of the sender's stage; transmissions outside the pipeline take that much longer.
    #[serde(skip_serializing_if = "no_staging")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub staging_s_per_byte: PerPair<SecondsPerByte>,
    /// Which of the pipeline's messages may be on the air at the same time (schema 2).
    #[serde(skip_serializing_if = "MediumAccess::is_bands")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub medium: MediumAccess,
    /// Node 0.
    pub control_unit: ControlUnit,
    /// Node K+1.
    pub edge_server: EdgeServer,
    /// Nodes 1..K.
    pub devices: Vec<Device>,
    /// γ between all nodes.
    pub gain_to_noise_hz_per_w: Gains,
    /// Links that are not radio (schema 2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub fixed_links: Vec<FixedLink>,
}

fn no_overhead(overhead: &PerPair<Seconds>) -> bool {
    *overhead == PerPair::Same(Seconds(0.0))
}

fn no_staging(staging: &PerPair<SecondsPerByte>) -> bool {
    *staging == PerPair::Same(SecondsPerByte(0.0))
}
