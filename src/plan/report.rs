//! What is said about a plan, as data.

use serde::{Deserialize, Serialize};

use crate::problem::{FieldError, NodeId, ServerUse};
use crate::report::table::plan_in_words;
use crate::schedule::{Durations, ScheduleKind, Sending};

/// Names of clusters and their devices, as people know them, and what a slot's problem does not say of them. Where a name is
/// missing, a number stands for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// One per cluster.
    pub clusters: Vec<NamedCluster>,
}

/// A cluster as people know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedCluster {
    /// Its name.
    pub name: String,
    /// The problem's devices.
    pub devices: Vec<NamedDevice>,
    /// Names of its other devices, which are absent in the slot.
    pub absent: Vec<String>,
}

/// A device as people know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedDevice {
    /// Its name.
    pub name: String,
    /// Energy that it may spend per round, on average over the run, in J; none where it is not limited, or not known.
    pub budget_j: Option<f64>,
}

/// Names of one cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClusterNames<'a> {
    index: usize,
    known: Option<&'a NamedCluster>,
}

impl Names {
    pub(super) fn of(&self, index: usize) -> ClusterNames<'_> {
        ClusterNames { index, known: self.clusters.get(index) }
    }
}

impl ClusterNames<'_> {
    pub fn cluster(&self) -> String {
        self.known.map_or_else(|| format!("cluster {}", self.index), |known| known.name.clone())
    }

    pub fn device(&self, index: usize) -> String {
        let known = self.known.and_then(|known| known.devices.get(index));
        known.map_or_else(|| format!("device {index}"), |known| known.name.clone())
    }

    pub fn budget_j(&self, index: usize) -> Option<f64> {
        self.known.and_then(|known| known.devices.get(index)?.budget_j)
    }

    pub fn absent(&self) -> Vec<String> {
        self.known.map_or_else(Vec::new, |known| known.absent.clone())
    }

    pub fn node(&self, node: NodeId, devices: usize) -> String {
        match node.device() {
            None if node == NodeId::CONTROL_UNIT => "control unit".into(),
            Some(device) if device.0 < devices => self.device(device.0),
            _ => "edge server".into(),
        }
    }
}

/// A plan of one round: who does what, where the time goes, what things are worth, and what else was possible.
///
/// Times are in seconds of the round unless a name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanReport {
    /// Index of the plan that was chosen.
    pub plan: usize,
    /// I.
    pub local_iterations: u32,
    /// M.
    pub micro_batches: u32,
    /// In which order stages work.
    pub schedule: ScheduleKind,
    /// V in 1/s: what a second of the round is worth.
    pub latency_weight: f64,
    /// T: the slowest cluster's latency.
    pub round_latency_s: f64,
    /// V·T + priced energies + the plan's penalty.
    pub objective: f64,
    /// No decision has a smaller objective: proved.
    pub lower_bound: f64,
    /// (objective − lower bound)/|objective|.
    pub gap: f64,
    /// One per cluster.
    pub clusters: Vec<ClusterReport>,
    /// What else was possible, and what it would cost.
    pub variants: Vec<Variant>,
    /// What more of something would be worth.
    pub prices: Vec<Price>,
}

impl PlanReport {
    /// The plan in words.
    pub(super) fn plan_in_words(&self) -> String {
        plan_in_words(self.local_iterations, self.micro_batches, self.schedule)
    }

    /// Index of a cluster by its name or, where none has the name, by its number from 0.
    ///
    /// # Errors
    /// [`FieldError`] lists the names there are.
    pub fn cluster_named(&self, named: &str) -> Result<usize, FieldError> {
        let by_name = self.clusters.iter().position(|cluster| cluster.name == named);
        let by_number = || named.parse().ok().filter(|index| *index < self.clusters.len());
        by_name.or_else(by_number).ok_or_else(|| {
            let names: Vec<&str> = self.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            FieldError::new("cluster", format!("{named:?}"), format!("{}, or a number from 0", names.join(", ")))
        })
    }
}

/// A cluster in the round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClusterReport {
    /// Its name.
    pub name: String,
    /// T_n.
    pub latency_s: f64,
    /// T_n by what happens; the parts sum to it.
    pub parts: Vec<Part>,
    /// The busiest machine of the pipeline, in words.
    pub bottleneck: String,
    /// For which share of a batch's makespan it is busy.
    pub bottleneck_busy: f64,
    /// Devices, those that hold nothing as well.
    pub devices: Vec<DeviceReport>,
    /// Devices of the cluster that are absent in the slot, by name: the plan is made without them.
    pub absent: Vec<String>,
    /// Messages of the pipeline, forward then backward.
    pub hops: Vec<HopReport>,
    /// Messages before and after it: distribution, collection, upload.
    pub transfers: Vec<HopReport>,
    /// What the edge server does for it; left out where nobody counts it.
    #[serde(default, skip_serializing_if = "ServerUse::is_none")]
    pub edge_server: ServerUse,
    /// One batch through the pipeline, to be played, drawn or traced; none for a pipeline with too many events.
    pub pipeline: Option<Pipeline>,
}

/// One batch through a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pipeline {
    /// Names of the stages.
    pub stages: Vec<String>,
    /// Whom messages occupy.
    pub sending: Sending,
    /// Of stages and messages.
    pub durations: Durations,
    /// From the first operation to the last.
    pub makespan_s: f64,
    /// What no order of the same work could beat.
    pub least_makespan_s: f64,
    /// Share of the makespan in which the stages wait, on average over them.
    pub bubble: f64,
}

impl Pipeline {
    /// How its messages take turns, in words; none where each has a band or a link of its own.
    pub(super) const fn turns(&self) -> Option<&'static str> {
        match self.sending {
            Sending::HalfDuplex => Some("A node sends or receives one message at a time, in a fixed order."),
            Sending::Medium => Some("Messages take turns on the medium, in a fixed order."),
            Sending::Overlapped | Sending::Blocking | Sending::Transmitter | Sending::Delay => None,
        }
    }
}

/// A part of a cluster's latency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What happens.
    pub step: Step,
    /// How long it takes.
    pub seconds: f64,
}

/// What happens in a round, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// What no decision changes.
    Fixed,
    /// Segments go out.
    Distribution,
    /// Forward work of all iterations.
    Forward,
    /// Backward work of all iterations.
    Backward,
    /// Segments come back.
    Collection,
    /// The model goes to the edge server.
    Upload,
}

impl Step {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Distribution => "distribution",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Collection => "collection",
            Self::Upload => "upload",
        }
    }
}

/// A device in the round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DeviceReport {
    /// Its name.
    pub name: String,
    /// First block that it holds and the one behind its last, from 0; none for a device that is left out.
    pub blocks: Option<[u32; 2]>,
    /// Bytes that its segment takes.
    pub memory_bytes: f64,
    /// Bytes that it has.
    pub memory_limit_bytes: f64,
    /// Forward and backward time of one micro-batch.
    pub stage_s: [f64; 2],
    /// Share of a batch's makespan in which it computes.
    pub busy: f64,
    /// Energy in the round, computing and sending.
    pub energy_j: [f64; 2],
    /// Energy that it may spend per round, on average over the run; none where it is not limited, and where a problem stands
    /// alone: that has prices in the place of budgets.
    pub energy_budget_j: Option<f64>,
    /// Z in 1/J: what a joule of it costs.
    pub energy_price: f64,
    /// What it is up against.
    pub limits: Vec<Limit>,
}

/// What keeps a device from doing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// Another block does not fit.
    Memory,
    /// Its `max_blocks`.
    MaxBlocks,
    /// It sends as loudly as it may.
    Power,
    /// Its energy has a price.
    Energy,
    /// It is the busiest machine of the pipeline.
    Pace,
}

impl Limit {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::MaxBlocks => "max_blocks",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Pace => "pace",
        }
    }
}

/// A message of the round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HopReport {
    /// When it is sent.
    pub part: Step,
    /// Who sends.
    pub from: String,
    /// Who receives.
    pub to: String,
    /// Bandwidth, or share of a medium, in Hz; none over a cable.
    pub bandwidth_hz: Option<f64>,
    /// Transmit power in W; none where nothing is sent by radio.
    pub power_w: Option<f64>,
    /// Rate in bit/s; none where nothing is sent.
    pub bits_per_second: Option<f64>,
    /// Time on air of one message.
    pub air_s: f64,
    /// How often it is sent in the round.
    pub uses: f64,
    /// Energy of the sender in the round.
    pub energy_j: f64,
}

impl HopReport {
    /// Who sends to whom; outside the pipeline what is sent, and where to or from.
    pub(super) fn name(&self) -> String {
        match self.part {
            Step::Distribution => format!("distribution to {}", self.to),
            Step::Collection => format!("collection from {}", self.from),
            Step::Upload => format!("upload to {}", self.to),
            Step::Fixed | Step::Forward | Step::Backward => format!("{} \u{2192} {}", self.from, self.to),
        }
    }
}

impl ClusterReport {
    /// All messages, in the order of the round.
    pub(super) fn messages(&self) -> impl Iterator<Item = &HopReport> {
        let before = self.transfers.iter().filter(|of| of.part == Step::Distribution);
        let after = self.transfers.iter().filter(|of| of.part != Step::Distribution);
        before.chain(&self.hops).chain(after)
    }

    /// What its devices are up against, in words; none where they are up against nothing.
    pub(super) fn up_against(&self) -> Option<String> {
        let limited = self.devices.iter().filter(|device| !device.limits.is_empty());
        let of = |device: &DeviceReport| {
            let limits: Vec<&str> = device.limits.iter().map(|limit| limit.name()).collect();
            format!("{} {}", device.name, limits.join(", "))
        };
        let all: Vec<String> = limited.map(of).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// What else was possible, and what more would be worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Why {
    /// What else was possible, and what it would cost.
    pub variants: Vec<Variant>,
    /// What more of something would be worth.
    pub prices: Vec<Price>,
}

/// Something else that could have been decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Variant {
    /// Whose cluster.
    pub cluster: String,
    /// Which device.
    pub device: String,
    /// What is different, in words: `left out`, `taking part`, `at least 5 blocks`, `at most 3 blocks`.
    pub change: String,
    /// What the best such decision costs more, in seconds of the round: the difference of the objectives over V. None
    /// where there is no such decision.
    pub cost_s: Option<f64>,
    /// By how much the round would take longer (negative: shorter).
    pub latency_change_s: Option<f64>,
    /// Gap of that decision, relative to its objective.
    pub gap: Option<f64>,
    /// Why there is none.
    pub reason: Option<String>,
}

/// What more of a resource is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Price {
    /// Whose: a cluster, or a node as `cluster/node`; empty for the uplink.
    pub of: String,
    /// What.
    pub resource: Resource,
    /// How much more was tried, in the resource's unit.
    pub more: f64,
    /// What that saves, in seconds of the round: the difference of the optima over V.
    pub saves_s: f64,
    /// Gap of that optimum, relative to its objective.
    pub gap: f64,
}

/// What may be scarce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resource {
    /// A cluster's band, in MHz.
    BandMhz,
    /// The band of all uploads, in MHz.
    UplinkMhz,
    /// Memory, in GiB.
    MemoryGib,
    /// Largest transmit power, in W.
    PowerW,
    /// Energy, in J: at the price that the problem gives it.
    EnergyJ,
}

impl Resource {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BandMhz => "band",
            Self::UplinkMhz => "uplink",
            Self::MemoryGib => "memory",
            Self::PowerW => "transmit power",
            Self::EnergyJ => "energy",
        }
    }

    /// Its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::BandMhz | Self::UplinkMhz => "MHz",
            Self::MemoryGib => "GiB",
            Self::PowerW => "W",
            Self::EnergyJ => "J",
        }
    }
}
