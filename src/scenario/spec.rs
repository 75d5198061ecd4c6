//! The scenario as plain data: the fields of a scenario file.

use serde::{Deserialize, Serialize};

use super::convergence::ConvergenceSpec;
use crate::bounds::PrivacyTarget;
use crate::model::{Checkpointing, Head, ModelPreset, Optimizer, Precisions, TransformerSpec};
use crate::network::device::{DevicePreset, EdgeServerPreset};
use crate::network::radio::{ChannelConfig, Position};
use crate::problem::{Overlap, Participation, Uplink};
use crate::units::{Bits, Bytes, FlopsPerSecond, Hertz, Joules, JoulesPerFlop, Seconds, Watts};

/// Most slots of a run.
pub const MAX_SLOTS: u64 = 10_000_000;

/// Name and version of the scenario format; any other value is rejected when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ScenarioSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.scenario/1")]
    V1,
}

/// A long-term problem as plain data, not yet validated: fill the fields, then [`Scenario::new`](super::Scenario::new).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSpec {
    /// Name and version of the format.
    pub schema: ScenarioSchema,
    /// Its name in tables and figures.
    #[serde(default)]
    pub name: String,
    /// Number of slots (rounds), in [1, [`MAX_SLOTS`]].
    pub slots: u64,
    /// Base of all random numbers.
    pub seed: u64,
    /// V: price of a second of round latency against one unit of scaled queue; finite, > 0.
    pub latency_weight: f64,
    /// δ in [0, 1): budgets are played as Ē(1 − δ), so that Ē itself is kept for sure; 0 if left out. A node may have its
    /// own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub budget_margin: f64,
    /// Which of a cluster's devices take part in a round.
    #[serde(default)]
    pub participation: Participation,
    /// Whether stages compute while they send.
    #[serde(default)]
    pub overlap: Overlap,
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

fn is_zero(margin: &f64) -> bool {
    *margin == 0.0
}

/// The model: a published architecture by name, changed where fields are given, or a custom description.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// A published architecture; either this or `transformer`.
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
}

/// A candidate plan: I local iterations of M micro-batches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// I.
    pub local_iterations: u32,
    /// M; divides every cluster's batch size.
    pub micro_batches: u32,
    /// Added to the slot's objective when the plan is chosen; any sign.
    #[serde(default)]
    pub penalty: f64,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its name; unique.
    pub name: String,
    /// B: samples per batch.
    pub batch_size: u32,
    /// W: band that the hops of the running phase share.
    pub bandwidth_hz: Hertz,
    /// Part of the cluster's latency that no decision changes.
    #[serde(default)]
    pub fixed_seconds: Seconds,
    /// ℓ: constant latency per message of a hop.
    #[serde(default)]
    pub hop_latency_s: Seconds,
    /// What the control unit uploads per round; all parameters that the cluster trains away from the server (embedding
    /// and encoder) if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_bits: Option<Bits>,
    /// A radio of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelConfig>,
    /// Node 0.
    pub control_unit: ControlUnitSpec,
    /// Node K+1.
    pub edge_server: EdgeServerSpec,
    /// Nodes 1..K, in pipeline order.
    pub devices: Vec<DeviceSpec>,
}

/// A control unit: a preset, changed where fields are given, or all fields. Computing the embedding takes time, but its
/// energy is not counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlUnitSpec {
    /// Preset: a real machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<DevicePreset>,
    /// Where it stands; asked for by a geometric channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Ē: energy for sending that it may spend per round on average; no limit if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_j_per_round: Option<Joules>,
    /// δ of this budget, instead of the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_margin: Option<f64>,
    /// Achieved forward rate of the embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_flops_per_second: Option<FlopsPerSecond>,
    /// Achieved backward rate of the embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward_flops_per_second: Option<FlopsPerSecond>,
    /// Largest transmit power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watts>,
    /// p_c.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_power_w: Option<Watts>,
    /// η.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplifier_efficiency: Option<f64>,
}

/// An edge server: a preset, changed where fields are given, or all fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeServerSpec {
    /// Preset: a real machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<EdgeServerPreset>,
    /// Where its antenna stands; asked for by a geometric channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Achieved forward rate of the decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_flops_per_second: Option<FlopsPerSecond>,
    /// Achieved backward rate of the decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward_flops_per_second: Option<FlopsPerSecond>,
    /// Largest transmit power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watts>,
}

/// A device: a preset, changed where fields are given, or all fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceSpec {
    /// Its name; unique in the cluster.
    pub name: String,
    /// Preset: a real machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<DevicePreset>,
    /// Where it stands; asked for by a geometric channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Ē: energy that it may spend per round on average; no limit if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_j_per_round: Option<Joules>,
    /// δ of this budget, instead of the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_margin: Option<f64>,
    /// Probability of being absent in a slot, drawn anew for every slot; in [0, 1].
    #[serde(default)]
    pub absence_probability: f64,
    /// Slots (from 0) in which it is absent in any case.
    #[serde(default)]
    pub absent_slots: Vec<u64>,
    /// Achieved forward rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_flops_per_second: Option<FlopsPerSecond>,
    /// Achieved backward rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward_flops_per_second: Option<FlopsPerSecond>,
    /// ε.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules_per_flop: Option<JoulesPerFlop>,
    /// Memory for the segment and its activations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<Bytes>,
    /// o.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_overhead_s: Option<Seconds>,
    /// q.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_overhead_s: Option<Seconds>,
    /// Largest transmit power.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_power_w: Option<Watts>,
    /// p_c.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_power_w: Option<Watts>,
    /// η.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amplifier_efficiency: Option<f64>,
}
