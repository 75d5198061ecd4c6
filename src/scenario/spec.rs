//! The scenario as plain data: the fields of a scenario file.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::chain::{CalibratedSpec, ChainSpec, ProfileSpec};
use super::convergence::ConvergenceSpec;
use super::links::LinkSpec;
use crate::bounds::PrivacyTarget;
use crate::model::{Checkpointing, Head, ModelPreset, Optimizer, Precisions, TransformerSpec};
use crate::network::device::{DevicePreset, EdgeServerPreset};
use crate::network::radio::{ChannelConfig, Position};
use crate::problem::{BlockSeconds, MediumAccess, Order, Overlap, Participation, PerPair, Uplink};
use crate::schedule::ScheduleKind;
use crate::units::{Bits, Bytes, FlopsPerSecond, Hertz, Joules, JoulesPerFlop, Seconds, SecondsPerByte, Watts};

/// Most slots of a run.
pub const MAX_SLOTS: u64 = 10_000_000;

/// Name and version of the scenario format; any other value is rejected when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ScenarioSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.scenario/1")]
    V1,
}

/// A long-term problem as plain data, not yet validated: fill the fields, then [`Scenario::new`](super::Scenario::new).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScenarioSpec {
    /// Name and version of the format.
    pub schema: ScenarioSchema,
    /// Its name in tables and figures.
    #[serde(default)]
    pub name: String,
    /// Number of slots (rounds), in [1, 10_000_000] ([`MAX_SLOTS`]).
    pub slots: u64,
    /// Base of all random numbers.
    pub seed: u64,
    /// V: price of a second of round latency against one unit of scaled queue; finite, > 0. If left out, a short run
    /// derives it from the budgets, which is said.
    #[serde(default, deserialize_with = "not_zero", skip_serializing_if = "is_zero")]
    pub latency_weight: f64,
    /// δ in [0, 0.9]: budgets are played as Ē(1 − δ), so that Ē itself is kept for sure; 0 if left out. A node may have its
    /// own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub budget_margin: f64,
    /// Which of a cluster's devices take part in a round.
    #[serde(default)]
    pub participation: Participation,
    /// Whether the devices of a pipeline stand in the order of the list or in any; given if left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: Order,
    /// Whether stages compute while they send; they do if left out.
    #[serde(default)]
    pub overlap: Overlap,
    /// Longest latency of a round that any cluster may have, > 0; no limit if left out. A slot in which no decision keeps
    /// it is an outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<Seconds>,
    /// What is trained.
    pub model: ModelSpec,
    /// Band on which all control units upload.
    pub uplink: Uplink,
    /// Candidate plans, common to all clusters.
    pub plans: Vec<PlanSpec>,
    /// Long-term constraint on what is learned; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<ConvergenceSpec>,
    /// What every sample is promised: noise that the convergence constraint pays for; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<PrivacyTarget>,
    /// The radio of every cluster that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelConfig>,
    /// The clusters.
    pub clusters: Vec<ClusterSpec>,
}

/// A weight that is given; 0 stands for one that is left out.
fn not_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let weight = f64::deserialize(deserializer)?;
    if weight == 0.0 { Err(D::Error::custom("0: must be > 0, or left out to be derived")) } else { Ok(weight) }
}

fn is_zero(margin: &f64) -> bool {
    *margin == 0.0
}

/// Where the first and the last stage of a pipeline run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ends {
    /// The embedding on the control unit, the decoder on the edge server.
    #[default]
    Apart,
    /// Both on devices, as the first and the last block of the chain that is cut: a pipeline among devices alone.
    OnDevices,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The model: a published architecture by name, changed where fields are given, a custom description, or a chain of
/// blocks as they were measured or counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// A published architecture; either this or `transformer` or `chain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<ModelPreset>,
    /// s: tokens per sample; with `preset` only, that of the preset if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_length: Option<u32>,
    /// Number formats; with `preset` only, 32 bits everywhere if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precisions>,
    /// Optimizer; with `preset` only, AdamW if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<Optimizer>,
    /// What a block keeps for its backward pass; with `preset` only, everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpointing: Option<Checkpointing>,
    /// What is trained on top; with `preset` only, that of the preset if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// A custom description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformer: Option<TransformerSpec>,
    /// Blocks that differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainSpec>,
    /// Where embedding and decoder run; apart from the devices if left out. A chain says it itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ends: Ends,
    /// Parameters stay where they are: nothing is distributed before a round, collected or uploaded after it (unless
    /// `upload_bits` is given). Sent if left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parameters_stay: bool,
}

/// A candidate plan: I local iterations of M micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// I: batches that a cluster trains in a round, in [1, 1_000_000].
    pub local_iterations: u32,
    /// M: pieces of a batch, in [1, 1_000_000_000]; divides every cluster's batch size.
    pub micro_batches: u32,
    /// In which order the stages run their forward and backward work; fill-drain if left out.
    #[serde(default = "fill_drain", skip_serializing_if = "is_fill_drain")]
    pub schedule: ScheduleKind,
    /// Added to the slot's objective when the plan is chosen; any sign.
    #[serde(default)]
    pub penalty: f64,
}

impl Default for PlanSpec {
    /// One iteration of one micro-batch, fill-drain, without penalty.
    fn default() -> Self {
        Self { local_iterations: 1, micro_batches: 1, schedule: fill_drain(), penalty: 0.0 }
    }
}

const fn fill_drain() -> ScheduleKind {
    ScheduleKind::FillDrain
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_fill_drain(schedule: &ScheduleKind) -> bool {
    *schedule == fill_drain()
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its name; unique.
    pub name: String,
    /// B: samples per batch, in [1, 1_000_000_000].
    pub batch_size: u32,
    /// W: band that the hops of the running phase share, > 0.
    pub bandwidth_hz: Hertz,
    /// Part of the cluster's latency that no decision changes, ≥ 0.
    #[serde(default)]
    pub fixed_seconds: Seconds,
    /// Propagation: by how much later every message arrives; it occupies nobody. A number, or a matrix `[from][to]` over
    /// control unit, devices and edge server; 0 if left out. A link's own `latency_s` comes first.
    #[serde(default)]
    pub hop_latency_s: PerPair<Seconds>,
    /// What every message takes besides its bits: it occupies the link, and the sender where sending blocks. A number or a
    /// matrix as `hop_latency_s`; 0 if left out. A link's own `overhead_s` comes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hop_overhead_s: PerPair<Seconds>,
    /// For how long a byte keeps its sender busy before it goes out: copying, packing. A number or a matrix as
    /// `hop_latency_s`; 0 if left out. A link's own `staging_s_per_byte` comes first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub staging_s_per_byte: PerPair<SecondsPerByte>,
    /// Which of the pipeline's messages may be on the air at the same time: all, on bands of their own; all, but a node
    /// sends or receives; or one, on the whole band.
    #[serde(default, skip_serializing_if = "is_default")]
    pub medium: MediumAccess,
    /// What the control unit uploads per round; all parameters that the cluster trains away from the server (embedding
    /// and encoder, or the chain's blocks) if left out, and 0 where parameters stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_bits: Option<Bits>,
    /// A radio of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelConfig>,
    /// Links that are not radio: cables, Wi-Fi, measured rates. Where two are for the same pair, the later one counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkSpec>,
    /// Node 0; may be left out where the ends are on devices and parameters stay.
    #[serde(default, skip_serializing_if = "is_default")]
    pub control_unit: ControlUnitSpec,
    /// Node K+1; may be left out where the ends are on devices and nothing is uploaded.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edge_server: EdgeServerSpec,
    /// Nodes 1..K, in pipeline order.
    pub devices: Vec<DeviceSpec>,
}

/// A control unit: a preset, changed where fields are given, or all fields. Computing the embedding takes time, but its
/// energy is not counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ControlUnitSpec {
    /// Preset: a real machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<DevicePreset>,
    /// Where it stands; asked for by a geometric channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Ē: energy for sending that it may spend per round on average, in [1e-12, 1e18]; no limit if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_j_per_round: Option<Joules>,
    /// δ of this budget, in [0, 0.9]; the scenario's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_margin: Option<f64>,
    /// Achieved forward rate of the embedding, in [1e-3, 1e24]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_flops_per_second: Option<FlopsPerSecond>,
    /// Achieved backward rate of the embedding, in [1e-3, 1e24]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward_flops_per_second: Option<FlopsPerSecond>,
    /// Largest transmit power, > 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watts>,
    /// p_c: power that its radio circuits draw while it sends, ≥ 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_power_w: Option<Watts>,
    /// η: radiated power over power drawn by the amplifier, in (0, 1]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplifier_efficiency: Option<f64>,
}

/// An edge server: a preset, changed where fields are given, or all fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EdgeServerSpec {
    /// Preset: a real machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<EdgeServerPreset>,
    /// Where its antenna stands; asked for by a geometric channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Achieved forward rate of the decoder, in [1e-3, 1e24]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_flops_per_second: Option<FlopsPerSecond>,
    /// Achieved backward rate of the decoder, in [1e-3, 1e24]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward_flops_per_second: Option<FlopsPerSecond>,
    /// Largest transmit power, > 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watts>,
    /// How many clusters share the machine, this one included, in [1, 1_000_000]: each has an equal, fixed share of its
    /// time and of its memory; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_by: Option<u32>,
    /// Power that the whole machine draws while it computes, > 0. If left out its energy is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_power_w: Option<Watts>,
    /// Price of a joule of its computing, in seconds of the round, ≥ 0: what is minimized is latency + price × energy; 0 if
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_price_s_per_j: Option<f64>,
    /// Ē: energy of computing for this cluster that it may spend per round on average, in [1e-12, 1e18]; no limit if left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_j_per_round: Option<Joules>,
    /// δ of this budget, in [0, 0.9]; the scenario's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_margin: Option<f64>,
    /// Memory of the whole machine for what it trains, of which the cluster has its share, ≥ 0; no limit if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<Bytes>,
}

impl EdgeServerSpec {
    /// How many clusters share the machine, as a number to divide by.
    #[must_use]
    pub fn sharers(&self) -> f64 {
        f64::from(self.shared_by.unwrap_or(1).max(1))
    }
}

/// A device: a preset, changed where fields are given, or all fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceSpec {
    /// Its name; unique in the cluster.
    pub name: String,
    /// Preset: a real machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<DevicePreset>,
    /// Rates and overheads from a file that `collapipe calibrate` wrote, where no number is given here; before the preset's.
    /// A scenario file reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<CalibratedSpec>,
    /// Where it stands; asked for by a geometric channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Ē: energy that it may spend per round on average, in [1e-12, 1e18]; no limit if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_j_per_round: Option<Joules>,
    /// δ of this budget, in [0, 0.9]; the scenario's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_margin: Option<f64>,
    /// Probability of being absent in a slot, drawn anew for every slot; in [0, 1].
    #[serde(default)]
    pub absence_probability: f64,
    /// Slots (from 0) in which it is absent in any case.
    #[serde(default)]
    pub absent_slots: Vec<u64>,
    /// Achieved forward rate, in [1e-3, 1e24]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_flops_per_second: Option<FlopsPerSecond>,
    /// Achieved backward rate, in [1e-3, 1e24]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward_flops_per_second: Option<FlopsPerSecond>,
    /// ε: energy of computing, ≥ 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules_per_flop: Option<JoulesPerFlop>,
    /// Memory for the segment and its activations, ≥ 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<Bytes>,
    /// Least blocks of its segment where it takes part, at most `max_blocks`; one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_blocks: Option<u32>,
    /// Most blocks of its segment, in [0, 65_536]; as many as memory holds if left out. With 0 it cannot take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_blocks: Option<u32>,
    /// Measured times of every block, in s, instead of work over rate: two lists of one number ≥ 0 per block. Energy stays
    /// work times `joules_per_flop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_seconds_per_sample: Option<BlockSeconds>,
    /// The same from a table of layers, which a scenario file reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileSpec>,
    /// o: what every forward and backward of a stage takes besides its work, ≥ 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_overhead_s: Option<Seconds>,
    /// q: what every block adds to that, ≥ 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_overhead_s: Option<Seconds>,
    /// Largest transmit power, > 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watts>,
    /// p_c: power that its radio circuits draw while it sends, ≥ 0; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_power_w: Option<Watts>,
    /// η: radiated power over power drawn by the amplifier, in (0, 1]; the preset's if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplifier_efficiency: Option<f64>,
}
