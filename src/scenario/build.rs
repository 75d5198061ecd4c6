//! From plain data to a validated scenario with presets and model resolved.

use std::collections::HashSet;
use std::sync::Arc;

use super::budget::{check_budget, check_margin, nodes};
use super::convergence;
use super::error::{Faults, ScenarioError};
use super::notes::{self, Note};
use super::sampler::Sampler;
use super::spec::{ClusterSpec, ControlUnitSpec, DeviceSpec, EdgeServerSpec, MAX_SLOTS, ModelSpec, ScenarioSpec};
use crate::bounds::ConvergenceConstraint;
use crate::ground::digest::of_data;
use crate::model::{ModelCosts, ModelError, Transformer};
use crate::network::radio::{Channel, ChannelConfig, ChannelError, Position, RateTrace};
use crate::problem::program::{block_memory, compute_time_per_sample};
use crate::problem::{
    CandidatePlan, Cluster, ControlUnit, Device, EdgeServer, EndStage, EqualBlocks, FieldError, Gains, MOST_FAULTS,
    Schema, SlotProblem, SlotSpec,
};
use crate::units::{Bytes, FlopsPerSecond, Joules};

/// What a node is in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Node 0.
    ControlUnit,
    /// The device of this index (from 0) in the cluster's list.
    Device(usize),
}

/// A node whose energy is counted. Nodes are numbered across clusters: control unit, then devices, cluster by cluster.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// Index of its cluster.
    pub cluster: usize,
    /// What it is there.
    pub role: Role,
    /// `cluster/device` or `cluster/control-unit`.
    pub name: String,
    /// Ē(1 − δ), the budget that is played; `None` where its energy is not limited.
    pub budget: Option<Joules>,
    /// Ē, where a margin δ > 0 is kept from it.
    pub stated_budget: Option<Joules>,
}

/// A valid long-term problem.
///
/// Everything a slot problem needs but gains, presence and prices is resolved here and checked once. A clone shares it.
#[derive(Clone, Debug)]
pub struct Scenario(Arc<Resolved>);

#[derive(Debug)]
struct Resolved {
    spec: ScenarioSpec,
    model: ModelCosts,
    template: SlotSpec,
    nodes: Vec<Node>,
    channels: Vec<Channel>,
    convergence: Option<ConvergenceConstraint>,
    notes: Vec<Note>,
}

impl Scenario {
    /// Validates a scenario whose channels need no rate traces.
    ///
    /// # Errors
    /// [`ScenarioError`] names the paths of bad fields, their values and the allowed ranges: all that can be found at
    /// once, up to twenty.
    pub fn new(spec: ScenarioSpec) -> Result<Self, ScenarioError> {
        Self::with_traces(spec, &[])
    }

    /// Validates a scenario; `traces[n]` are those that cluster n's trace channel draws from (missing lists are empty).
    ///
    /// # Errors
    /// As [`Scenario::new`].
    pub fn with_traces(spec: ScenarioSpec, traces: &[Vec<RateTrace>]) -> Result<Self, ScenarioError> {
        Self::with_notes(spec, traces, Vec::new())
    }

    /// As [`Scenario::with_traces`], with notes on how the traces were read.
    pub(super) fn with_notes(
        spec: ScenarioSpec,
        traces: &[Vec<RateTrace>],
        traced: Vec<Note>,
    ) -> Result<Self, ScenarioError> {
        let mut faults = Faults::default();
        check_run(&spec, &mut faults);
        let Some(model) = faults.take(model(&spec.model)) else { return Err(faults.error()) };
        let model = model.costs();
        let clusters: Vec<Cluster> = spec
            .clusters
            .iter()
            .enumerate()
            .filter_map(|(n, cluster)| template_cluster(cluster, &model, &format!("clusters[{n}]"), &mut faults))
            .collect();
        if clusters.len() < spec.clusters.len() {
            return Err(faults.error());
        }
        let template = SlotSpec {
            schema: Schema::V1,
            participation: spec.participation,
            overlap: spec.overlap,
            latency_weight: spec.latency_weight,
            plans: spec
                .plans
                .iter()
                .map(|p| CandidatePlan {
                    local_iterations: p.local_iterations,
                    micro_batches: p.micro_batches,
                    penalty: p.penalty,
                    ..CandidatePlan::default()
                })
                .collect(),
            encoder: EqualBlocks {
                blocks: model.blocks,
                forward_flops_per_sample: model.block.forward_flops_per_sample,
                backward_flops_per_sample: model.block.backward_flops_per_sample,
                boundary_bits_per_sample: model.block.boundary_bits_per_sample,
                parameter_bits_per_block: model.block.parameter_bits_per_block,
                resident_bytes_per_block: model.block.resident_bytes_per_block,
                activation_bytes_per_sample: model.block.activation_bytes_per_sample,
            }
            .into(),
            uplink: spec.uplink,
            clusters,
            ..SlotSpec::default()
        };
        faults.take(check_margin(spec.budget_margin));
        // Fields have the same names in both formats, so that the paths of these errors are those of the scenario.
        SlotProblem::faults(&template, MOST_FAULTS).into_iter().for_each(|error| faults.add(error));
        let mut channels = Vec::with_capacity(spec.clusters.len());
        for (n, cluster) in spec.clusters.iter().enumerate() {
            let traces = traces.get(n).map_or(&[][..], Vec::as_slice);
            channels.extend(faults.take(channel(&spec, n, cluster, traces)));
        }
        if spec.privacy.is_some() && spec.convergence.is_none() {
            let allowed = "left out without [convergence]: privacy is a price in what is learned";
            faults.add(field("privacy", "given", allowed));
        }
        // The convergence constraint depends on numbers that must be valid first.
        let convergence = match &spec.convergence {
            Some(wanted) if faults.is_empty() => faults.take(convergence::constraint(&spec, wanted, &template.plans)),
            _ => None,
        };
        if !faults.is_empty() {
            return Err(faults.error());
        }
        let nodes =
            spec.clusters.iter().enumerate().flat_map(|(n, cluster)| nodes(n, cluster, spec.budget_margin)).collect();
        let mut notes = traced;
        notes.extend(notes::notes(&spec));
        notes::say(&notes, &spec);
        Ok(Self(Arc::new(Resolved { spec, model, template, nodes, channels, convergence, notes })))
    }

    /// What its author may not have meant, and how its rate traces were read.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.0.notes
    }

    /// The data.
    #[must_use]
    pub fn spec(&self) -> &ScenarioSpec {
        &self.0.spec
    }

    /// What the model's parts cost.
    #[must_use]
    pub fn model(&self) -> &ModelCosts {
        &self.0.model
    }

    /// All nodes whose energy is counted, in their numbering.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.0.nodes
    }

    /// The candidate plans.
    #[must_use]
    pub fn plans(&self) -> &[CandidatePlan] {
        &self.0.template.plans
    }

    /// Ē of every node, in their numbering.
    #[must_use]
    pub fn budgets(&self) -> Vec<Option<Joules>> {
        self.0.nodes.iter().map(|node| node.budget).collect()
    }

    /// The convergence constraint, where the scenario has one; every candidate plan has a g.
    #[must_use]
    pub fn convergence(&self) -> Option<&ConvergenceConstraint> {
        self.0.convergence.as_ref()
    }

    /// FNV-1a digest (64 bits, in hex) of the compact JSON of the data, as in a run's provenance.
    #[must_use]
    pub fn digest(&self) -> String {
        of_data(&self.0.spec)
    }

    /// As [`Scenario::digest`], of all that decides the states of the slots: the data, and the rate traces that links
    /// replay.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        of_data(&(&self.0.spec, self.0.channels.iter().map(Channel::replayed).collect::<Vec<_>>()))
    }

    /// The states of the slots, from slot 0 on.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        Sampler::new(self.clone(), self.0.channels.clone())
    }

    /// 1/(c_F/f_F + c_B/f_B): encoder blocks of one sample that a cluster's device computes per second, forward and
    /// backward; none where there is no such device.
    #[must_use]
    pub fn blocks_per_second(&self, cluster: usize, device: usize) -> Option<f64> {
        let device = self.0.template.clusters.get(cluster)?.devices.get(device)?;
        Some(1.0 / compute_time_per_sample(&self.0.template.encoder.mean_block(), device).0)
    }

    /// L(resident + activation·B): memory that the whole encoder and a cluster's whole batch would need on one device.
    #[must_use]
    pub fn encoder_memory(&self, cluster: usize) -> Option<Bytes> {
        let per_block = block_memory(&self.0.template.encoder.mean_block(), self.0.template.clusters.get(cluster)?);
        Some(Bytes(f64::from(self.0.model.blocks) * per_block))
    }

    /// The slot problem with all devices, prices zero and no links.
    pub(crate) fn template(&self) -> &SlotSpec {
        &self.0.template
    }
}

fn field(path: impl Into<String>, value: impl ToString, allowed: impl Into<String>) -> FieldError {
    FieldError { path: path.into(), value: value.to_string(), allowed: allowed.into() }
}

fn within(parent: String, error: FieldError) -> FieldError {
    FieldError { path: format!("{parent}.{}", error.path), ..error }
}

fn check_run(spec: &ScenarioSpec, faults: &mut Faults) {
    if !(1..=MAX_SLOTS).contains(&spec.slots) {
        faults.add(field("slots", spec.slots, format!("an integer in [1, {MAX_SLOTS}]")));
    }
    let mut names = HashSet::new();
    for (n, cluster) in spec.clusters.iter().enumerate() {
        if cluster.name.is_empty() || !names.insert(cluster.name.as_str()) {
            let value = format!("{:?}", cluster.name);
            faults.add(field(format!("clusters[{n}].name"), value, "a name that no other cluster has"));
        }
        let mut names = HashSet::new();
        for (k, device) in cluster.devices.iter().enumerate() {
            let path = |error| within(format!("clusters[{n}].devices[{k}]"), error);
            if device.name.is_empty() || !names.insert(device.name.as_str()) {
                let allowed = "a name that no other device of the cluster has";
                faults.add(path(field("name", format!("{:?}", device.name), allowed)));
            }
            if !(0.0..=1.0).contains(&device.absence_probability) {
                faults.add(path(field(
                    "absence_probability",
                    format!("{:?}", device.absence_probability),
                    "in [0, 1]",
                )));
            }
            faults.take(check_budget(device.budget_j_per_round, device.budget_margin).map_err(path));
        }
        let unit = &cluster.control_unit;
        let unit = check_budget(unit.budget_j_per_round, unit.budget_margin);
        faults.take(unit.map_err(|error| within(format!("clusters[{n}].control_unit"), error)));
    }
}

fn model(spec: &ModelSpec) -> Result<Transformer, FieldError> {
    let given = [
        ("sequence_length", spec.sequence_length.is_some()),
        ("precision", spec.precision.is_some()),
        ("optimizer", spec.optimizer.is_some()),
        ("checkpointing", spec.checkpointing.is_some()),
        ("head", spec.head.is_some()),
    ];
    let (transformer, path) = match (spec.preset, &spec.transformer) {
        (Some(preset), None) => {
            let mut model = preset.spec(spec.sequence_length.unwrap_or(preset.default_sequence_length()));
            model.precision = spec.precision.unwrap_or(model.precision);
            model.optimizer = spec.optimizer.unwrap_or(model.optimizer);
            model.checkpointing = spec.checkpointing.unwrap_or(model.checkpointing);
            model.head = spec.head.unwrap_or(model.head);
            (model, "model")
        }
        (None, Some(transformer)) => match given.iter().find(|(_, given)| *given) {
            None => (transformer.clone(), "model.transformer"),
            Some((name, _)) => {
                let allowed = format!("left out, beside model.transformer, or given as model.transformer.{name}");
                return Err(field(format!("model.{name}"), "(given)", allowed));
            }
        },
        (Some(preset), Some(_)) => {
            return Err(field("model.preset", preset, "left out where model.transformer is given"));
        }
        (None, None) => return Err(field("model.preset", "(missing)", "given, or model.transformer")),
    };
    Transformer::new(transformer).map_err(|error| within(path.into(), model_field(error)))
}

fn model_field(error: ModelError) -> FieldError {
    match error {
        ModelError::OutOfRange { field: name, value, min, max } => {
            field(name, value, format!("an integer in [{min}, {max}]"))
        }
        ModelError::NotDivisible { field: name, value, divisor_field, divisor } => {
            field(name, value, format!("a multiple of {divisor_field} = {divisor}"))
        }
        ModelError::SequenceLength { value, expected } => {
            field("sequence_length", value, format!("{expected}, (image_size/patch_size)^2 + 1"))
        }
        ModelError::Head { head, family, allowed } => {
            field("head.kind", format!("{head:?}"), format!("{allowed:?} for family.kind = {family:?}"))
        }
    }
}

/// The field's value if given, otherwise that of the preset.
fn resolve<T>(name: &str, given: Option<T>, preset: Option<T>) -> Result<T, FieldError> {
    given.or(preset).ok_or_else(|| field(name, "(missing)", "given, or a preset that has it"))
}

fn rate(
    name: &str,
    given: Option<FlopsPerSecond>,
    preset: Option<FlopsPerSecond>,
) -> Result<FlopsPerSecond, FieldError> {
    let rate = resolve(name, given, preset)?;
    // Stage times are work over rate: within what a slot problem admits for any model.
    if (1e-3..=1e24).contains(&rate.0) {
        Ok(rate)
    } else {
        Err(field(name, format!("{:?}", rate.0), "in [1e-3, 1e24] FLOP/s"))
    }
}

/// The cluster with its presets resolved; none where a node's fields are missing.
fn template_cluster(spec: &ClusterSpec, model: &ModelCosts, path: &str, faults: &mut Faults) -> Option<Cluster> {
    let unit = control_unit(&spec.control_unit, model).map_err(|e| within(format!("{path}.control_unit"), e));
    let unit = faults.take(unit);
    let server = edge_server(&spec.edge_server, model).map_err(|e| within(format!("{path}.edge_server"), e));
    let server = faults.take(server);
    let resolved = spec.devices.iter().enumerate();
    let resolved = resolved
        .filter_map(|(k, spec)| faults.take(device(spec).map_err(|e| within(format!("{path}.devices[{k}]"), e))));
    let devices: Vec<Device> = resolved.collect();
    let ((control_unit, embedding), (edge_server, decoder)) = unit.zip(server)?;
    let nodes = spec.devices.len() + 2;
    (devices.len() + 2 == nodes).then(|| Cluster {
        batch_size: spec.batch_size,
        bandwidth_hz: spec.bandwidth_hz,
        fixed_seconds: spec.fixed_seconds,
        upload_bits: spec.upload_bits.unwrap_or(model.encoder_parameter_bits() + model.embedding.parameter_bits),
        embedding: Some(embedding),
        decoder: Some(decoder),
        hop_latency_s: spec.hop_latency_s.into(),
        control_unit,
        edge_server,
        devices,
        gain_to_noise_hz_per_w: Gains(nalgebra::DMatrix::zeros(nodes, nodes)),
        ..Cluster::default()
    })
}

fn control_unit(spec: &ControlUnitSpec, model: &ModelCosts) -> Result<(ControlUnit, EndStage), FieldError> {
    let preset = spec.preset.map(|preset| preset.profile());
    let preset = preset.as_ref();
    let forward =
        rate("forward_flops_per_second", spec.forward_flops_per_second, preset.map(|p| p.forward_flops_per_second))?;
    let backward =
        rate("backward_flops_per_second", spec.backward_flops_per_second, preset.map(|p| p.backward_flops_per_second))?;
    let unit = ControlUnit {
        max_power_w: resolve("max_power_w", spec.max_power_w, preset.map(|p| p.max_power_w))?,
        energy_price: 0.0,
        circuit_power_w: resolve("circuit_power_w", spec.circuit_power_w, preset.map(|p| p.circuit_power_w))?,
        amplifier_efficiency: resolve(
            "amplifier_efficiency",
            spec.amplifier_efficiency,
            preset.map(|p| p.amplifier_efficiency),
        )?,
    };
    let embedding = EndStage {
        forward_seconds_per_sample: model.embedding.forward_flops_per_sample / forward,
        backward_seconds_per_sample: model.embedding.backward_flops_per_sample / backward,
    };
    Ok((unit, embedding))
}

fn edge_server(spec: &EdgeServerSpec, model: &ModelCosts) -> Result<(EdgeServer, EndStage), FieldError> {
    let preset = spec.preset.map(|preset| preset.profile());
    let preset = preset.as_ref();
    let forward =
        rate("forward_flops_per_second", spec.forward_flops_per_second, preset.map(|p| p.forward_flops_per_second))?;
    let backward =
        rate("backward_flops_per_second", spec.backward_flops_per_second, preset.map(|p| p.backward_flops_per_second))?;
    let server = EdgeServer { max_power_w: resolve("max_power_w", spec.max_power_w, preset.map(|p| p.max_power_w))? };
    let decoder = EndStage {
        forward_seconds_per_sample: model.decoder.forward_flops_per_sample / forward,
        backward_seconds_per_sample: model.decoder.backward_flops_per_sample / backward,
    };
    Ok((server, decoder))
}

fn device(spec: &DeviceSpec) -> Result<Device, FieldError> {
    let preset = spec.preset.map(|preset| preset.profile());
    let preset = preset.as_ref();
    Ok(Device {
        forward_flops_per_second: rate(
            "forward_flops_per_second",
            spec.forward_flops_per_second,
            preset.map(|p| p.forward_flops_per_second),
        )?,
        backward_flops_per_second: rate(
            "backward_flops_per_second",
            spec.backward_flops_per_second,
            preset.map(|p| p.backward_flops_per_second),
        )?,
        joules_per_flop: resolve("joules_per_flop", spec.joules_per_flop, preset.map(|p| p.joules_per_flop))?,
        memory_bytes: resolve("memory_bytes", spec.memory_bytes, preset.map(|p| p.memory_bytes))?,
        stage_overhead_s: resolve("stage_overhead_s", spec.stage_overhead_s, preset.map(|p| p.stage_overhead_s))?,
        block_overhead_s: resolve("block_overhead_s", spec.block_overhead_s, preset.map(|p| p.block_overhead_s))?,
        max_power_w: resolve("max_power_w", spec.max_power_w, preset.map(|p| p.max_power_w))?,
        energy_price: 0.0,
        circuit_power_w: resolve("circuit_power_w", spec.circuit_power_w, preset.map(|p| p.circuit_power_w))?,
        amplifier_efficiency: resolve(
            "amplifier_efficiency",
            spec.amplifier_efficiency,
            preset.map(|p| p.amplifier_efficiency),
        )?,
        ..Device::default()
    })
}

fn channel(
    spec: &ScenarioSpec,
    n: usize,
    cluster: &ClusterSpec,
    traces: &[RateTrace],
) -> Result<Channel, ScenarioError> {
    let (config, path): (&ChannelConfig, String) = match (&cluster.channel, &spec.channel) {
        (Some(own), _) => (own, format!("clusters[{n}].channel")),
        (None, Some(common)) => (common, "channel".into()),
        (None, None) => {
            let allowed = format!("given, or channel for all clusters (cluster {:?} has none)", cluster.name);
            return Err(field(format!("clusters[{n}].channel"), "(missing)", allowed).into());
        }
    };
    let positions: Vec<Option<Position>> = std::iter::once(cluster.control_unit.position)
        .chain(cluster.devices.iter().map(|device| device.position))
        .chain([cluster.edge_server.position])
        .collect();
    config.channel(&positions, traces, n as u64, spec.seed).map_err(|error| match error {
        ChannelError::Trace(source) => ScenarioError::Trace { path, source },
        ChannelError::Field(error) => match node_path(&error.path, n, cluster.devices.len()) {
            Some(node) => FieldError { path: node, ..error }.into(),
            None => within(path, error).into(),
        },
    })
}

/// The scenario's path of the channel's `nodes[i].…`.
fn node_path(path: &str, n: usize, devices: usize) -> Option<String> {
    let (index, rest) = path.strip_prefix("nodes[")?.split_once(']')?;
    let node: usize = index.parse().ok()?;
    Some(match node.checked_sub(1) {
        None => format!("clusters[{n}].control_unit{rest}"),
        Some(k) if k < devices => format!("clusters[{n}].devices[{k}]{rest}"),
        Some(_) => format!("clusters[{n}].edge_server{rest}"),
    })
}
