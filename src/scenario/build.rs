//! From plain data to a validated scenario with presets and model resolved.

use std::collections::HashSet;
use std::sync::Arc;

use super::budget::{check_budget, check_margin, nodes};
use super::convergence;
use super::error::{Faults, ScenarioError};
use super::links::BySlot;
use super::model::parts;
use super::nodes::template_cluster;
use super::notes::{self, Note};
use super::sampler::Sampler;
use super::spec::{ClusterSpec, MAX_SLOTS, ScenarioSpec};
use crate::bounds::ConvergenceConstraint;
use crate::ground::digest::of_data;
use crate::model::ModelCosts;
use crate::network::radio::{Channel, ChannelConfig, ChannelError, Position, RateTrace};
use crate::problem::program::{block_memory, compute_time_per_sample};
use crate::problem::{
    Beyond, CandidatePlan, Cluster, Encoder, FieldError, MOST_FAULTS, MediumAccess, Order, PerPair, Schema,
    SlotProblem, SlotSpec,
};
use crate::schedule::ScheduleKind;
use crate::units::{Bytes, Joules, Seconds};

/// What a node is in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Node 0.
    ControlUnit,
    /// The device of this index (from 0) in the cluster's list.
    Device(usize),
    /// Node K+1, where its energy is counted.
    EdgeServer,
}

/// A node whose energy is counted. Nodes are numbered across clusters: control unit, then devices, then the edge server if
/// its energy is counted, cluster by cluster.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// Index of its cluster.
    pub cluster: usize,
    /// What it is there.
    pub role: Role,
    /// `cluster/device`, `cluster/control-unit` or `cluster/edge-server`.
    pub name: String,
    /// Ē(1 − δ), the budget that is played; `None` where its energy is not limited.
    pub budget: Option<Joules>,
    /// Ē, where a margin δ > 0 is kept from it.
    pub stated_budget: Option<Joules>,
    /// What a joule of it costs besides the price of its queue, in seconds of the round.
    pub price_s_per_j: f64,
}

/// A valid long-term problem.
///
/// Everything a slot problem needs but gains, presence and prices is resolved here and checked once. A clone shares it.
#[derive(Clone, Debug)]
pub struct Scenario(Arc<Resolved>);

#[derive(Debug)]
struct Resolved {
    spec: ScenarioSpec,
    model: Option<ModelCosts>,
    template: SlotSpec,
    /// For each cluster the links whose rate changes.
    by_slot: Vec<Vec<BySlot>>,
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
        let mut faults = Faults::of(&spec);
        check_run(&spec, &mut faults);
        if spec.latency_weight == 0.0 {
            let allowed = "given where nobody derives it: `collapipe budget` prints one to start with";
            return Err(field("latency_weight", "(missing)", allowed).into());
        }
        let Some(parts) = faults.take(parts(&spec.model)) else { return Err(faults.error()) };
        let (clusters, by_slot): (Vec<Cluster>, Vec<Vec<BySlot>>) = spec
            .clusters
            .iter()
            .enumerate()
            .filter_map(|(n, cluster)| {
                template_cluster(cluster, (&parts, spec.latency_weight), &format!("clusters[{n}]"), &mut faults)
            })
            .unzip();
        if clusters.len() < spec.clusters.len() {
            return Err(faults.error());
        }
        let template = SlotSpec {
            participation: spec.participation,
            order: spec.order,
            overlap: spec.overlap,
            latency_weight: spec.latency_weight,
            deadline_s: spec.deadline_s,
            plans: spec
                .plans
                .iter()
                .map(|p| CandidatePlan {
                    local_iterations: p.local_iterations,
                    micro_batches: p.micro_batches,
                    schedule: p.schedule,
                    stash_weights: convergence::stashes(&spec, p),
                    penalty: p.penalty,
                })
                .collect(),
            encoder: parts.encoder,
            uplink: spec.uplink,
            clusters,
            ..SlotSpec::default()
        };
        faults.take(check_margin(spec.budget_margin));
        let template = SlotSpec { schema: schema(&template), ..template };
        // Most fields have the same names in both formats, so that the paths of these errors are those of the scenario.
        SlotProblem::faults(&template, MOST_FAULTS).into_iter().for_each(|error| faults.add(renamed(error)));
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
        let model = parts.costs;
        Ok(Self(Arc::new(Resolved { spec, model, template, by_slot, nodes, channels, convergence, notes })))
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

    /// What the parts of its Transformer cost; none where it has a chain instead.
    #[must_use]
    pub fn model(&self) -> Option<&ModelCosts> {
        self.0.model.as_ref()
    }

    /// L: number of blocks that are cut into segments; with the ends on devices, two more than the model's.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.0.template.encoder.blocks()
    }

    /// What its slot problems ask for beyond the classical one, in the scenario's keys; `None` where they are classical.
    #[must_use]
    pub fn beyond_classical(&self) -> Option<Beyond> {
        self.0.template.beyond_classical().map(|beyond| Beyond {
            field: match beyond.field {
                "encoder.blocks" => "model.chain or model.ends",
                "clusters[..].fixed_links" => "clusters[..].links",
                "clusters[..].embedding" | "clusters[..].decoder" => "model.ends",
                field => field,
            },
            ..beyond
        })
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
        Some(Bytes(f64::from(self.blocks()) * per_block))
    }

    /// The slot problem with all devices, prices of queues zero and no radio.
    pub(crate) fn template(&self) -> &SlotSpec {
        &self.0.template
    }

    /// A cluster's links whose rate changes from slot to slot.
    pub(super) fn by_slot(&self, cluster: usize) -> &[BySlot] {
        self.0.by_slot.get(cluster).map_or(&[], Vec::as_slice)
    }
}

/// The first version that holds the problem.
fn schema(template: &SlotSpec) -> Schema {
    let zero = PerPair::Same(Seconds(0.0));
    let first = template.order == Order::Given
        && template.deadline_s.is_none()
        && template.plans.iter().all(|plan| plan.schedule == ScheduleKind::FillDrain)
        && matches!(template.encoder, Encoder::Equal(_))
        && template.clusters.iter().all(|cluster| {
            cluster.embedding.is_some()
                && cluster.decoder.is_some()
                && cluster.hop_latency_s == zero
                && cluster.hop_overhead_s == zero
                && cluster.staging_s_per_byte == PerPair::default()
                && cluster.medium == MediumAccess::Bands
                && cluster.fixed_links.is_empty()
                && !cluster.edge_server.is_accounted()
                && cluster.devices.iter().all(|device| {
                    device.min_blocks.is_none()
                        && device.max_blocks.is_none()
                        && device.block_seconds_per_sample.is_none()
                })
        });
    if first { Schema::V1 } else { Schema::V2 }
}

/// A slot problem's error in the scenario's names.
fn renamed(error: FieldError) -> FieldError {
    match error.path.strip_prefix("encoder.") {
        Some(rest) => FieldError { path: format!("model.chain.{rest}"), ..error },
        None => error,
    }
}

pub(super) fn field(path: impl Into<String>, value: impl ToString, allowed: impl Into<String>) -> FieldError {
    FieldError { path: path.into(), value: value.to_string(), allowed: allowed.into(), owner: None }
}

pub(super) fn within(parent: String, error: FieldError) -> FieldError {
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
        let server = &cluster.edge_server;
        let server = check_budget(server.budget_j_per_round, server.budget_margin);
        faults.take(server.map_err(|error| within(format!("clusters[{n}].edge_server"), error)));
        let unit = &cluster.control_unit;
        let unit = check_budget(unit.budget_j_per_round, unit.budget_margin);
        faults.take(unit.map_err(|error| within(format!("clusters[{n}].control_unit"), error)));
    }
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
        // Links that are not radio, or none at all, which the first slot says.
        (None, None) if !cluster.links.is_empty() => (&ChannelConfig::Measured, String::new()),
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
