//! Messages, in words of the run.

use std::fmt;
use std::net::SocketAddr;

use collapipe::schedule::{Operation, ScheduleKind, Sending};
use serde::{Deserialize, Serialize};

use super::frame::{Frame, WireError};
use super::numbers::Numbers;
use crate::work::WorkSpec;

/// A node of a run: cluster and place in it, 0 the control unit, 1..=K its devices, K+1 the edge server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The cluster, from 0.
    pub cluster: usize,
    /// The node.
    pub node: usize,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            0 => write!(f, "cluster {}, control unit", self.cluster),
            node => write!(f, "cluster {}, node {node}", self.cluster),
        }
    }
}

/// What a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TensorKind {
    /// Leaves a stage forward.
    Activation,
    /// The gradient of what entered it.
    Gradient,
    /// What the edge server compares the output with.
    Targets,
    /// Parameters and optimizer state of a segment, to its device.
    Segment,
    /// The same, back to the control unit.
    Collect,
    /// The cluster's model, to the edge server.
    Upload,
    /// A part of the averaged model, or of a cluster's own, between coordinator and node.
    Model,
}

/// Which tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorKey {
    /// The round's attempt, so that what is left of a failed one is never taken for another's.
    pub attempt: u64,
    /// What it is.
    pub kind: TensorKind,
    /// Local iteration; 0 for what a round sends once.
    pub iteration: u32,
    /// Micro-batch, or the node whose segment it is.
    pub index: u32,
}

/// How a transmission travels, in seconds of the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Travel {
    /// For how long it occupies its link, by emulation; none: as long as the link takes.
    pub occupied_s: Option<f64>,
    /// By how much later it arrives.
    pub latency_s: f64,
}

/// The ways from one node to another, where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Of the pipeline: activations and gradients.
    Pipeline,
    /// Of what a round sends once: segments and the model.
    Once,
    /// Of what is no part of the plan.
    Beside,
}

impl TensorKind {
    /// The channel that carries it.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Activation | Self::Gradient => Channel::Pipeline,
            Self::Segment | Self::Collect | Self::Upload => Channel::Once,
            Self::Targets | Self::Model => Channel::Beside,
        }
    }
}

/// A way that a channel between two nodes takes: where the receiver listens on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkRoute {
    /// Who sends.
    pub from: Address,
    /// Who receives.
    pub to: Address,
    /// What.
    pub channel: Channel,
    /// The receiver's address there; its port is the one that it listens on.
    pub ip: std::net::IpAddr,
}

/// A transmission that a round makes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transfer {
    /// The segment of a node.
    Distribution(usize),
    /// Back from a node.
    Collection(usize),
    /// The model.
    Upload,
}

/// An operation in its measured time, on the run's clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Whose.
    pub node: usize,
    /// Which.
    pub operation: Operation,
    /// From when on it was to occupy its stage or link, by the times of what came before; where times are not emulated, when it began.
    pub begin_s: f64,
    /// When it began.
    pub start_s: f64,
    /// When it ended; of a transmission, when the last bit was out.
    pub end_s: f64,
    /// By how much later than planned it ended, where that is over the tolerance; else 0.
    pub late_s: f64,
}

/// What a node is to do in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Counts every attempt of every round.
    pub attempt: u64,
    /// The nodes of the pipeline's stages.
    pub stages: Vec<Address>,
    /// The node's place among them; none for a control unit or an edge server that is no stage.
    pub stage: Option<usize>,
    /// Order of the work.
    pub schedule: ScheduleKind,
    /// M.
    pub micro_batches: u32,
    /// Whom transmissions occupy.
    pub sending: Sending,
    /// Planned times of the stage's forward and backward; none: as long as it takes.
    pub compute_s: Option<[f64; 2]>,
    /// Its hops forward and backward.
    pub travel: [Travel; 2],
    /// Whether every stage trains the whole model by itself.
    pub alone: bool,
    /// The blocks of every device that takes part, by node.
    pub segments: Vec<(usize, std::ops::Range<u32>)>,
    /// Where the others listen.
    pub peers: Vec<(Address, SocketAddr)>,
    /// Links of their own for what the node sends; all else goes where the others listen.
    pub routes: Vec<LinkRoute>,
    /// How tensors of the pipeline are sent.
    pub numbers: Numbers,
    /// What is computed.
    pub work: WorkSpec,
}

/// From the coordinator.
#[allow(missing_docs, reason = "the fields are what the variant says they are")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Prepare for a round.
    Plan(Box<Plan>),
    /// Run an iteration; nothing begins before `at_s`.
    Begin { attempt: u64, iteration: u32, at_s: f64 },
    /// Send a segment or the model, from `at_s` on.
    Send { attempt: u64, what: Transfer, at_s: f64, to: Address, travel: Travel },
    /// Receive one.
    Receive { attempt: u64, what: Transfer },
    /// The air is a transmission's from `start_s` to `end_s`.
    Grant { attempt: u64, operation: Operation, start_s: f64, end_s: f64 },
    /// Send the part of the model that the node keeps.
    Give { attempt: u64 },
    /// Take a part of the model that follows as a tensor.
    Take { attempt: u64 },
    /// The round is over: what was collected counts.
    Commit { attempt: u64 },
    /// The round has failed: forget it.
    Abort { attempt: u64 },
    /// Are you there?
    Ping { number: u64 },
    /// The run is over.
    Stop,
}

/// To the coordinator.
#[allow(missing_docs, reason = "the fields are what the variant says they are")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Prepared.
    Ready { attempt: u64 },
    /// An operation of an iteration is over, or was cut short because the round has failed.
    Did { attempt: u64, iteration: u32, span: Span },
    /// An iteration is over on this stage, as planned at `until_s`.
    Done { attempt: u64, iteration: u32, until_s: f64, learned: Option<Learned> },
    /// A failed round is forgotten.
    Forgot { attempt: u64 },
    /// Something that is sent once has left: from when on it was to be sent, begin, and end.
    Left { attempt: u64, what: Transfer, begin_s: f64, start_s: f64, end_s: f64, late_s: f64 },
    /// It has arrived; as planned at `planned_s`.
    Arrived { attempt: u64, what: Transfer, at_s: f64, planned_s: f64 },
    /// May a transmission that is ready at `ready_s` go on air?
    Ask { attempt: u64, operation: Operation, ready_s: f64, occupied_s: f64 },
    /// The model was taken, or the round committed: bytes sent, and bytes of memory used by the stage at most.
    Kept { attempt: u64, sent_bytes: u64, memory_bytes: u64 },
    /// I am; whether it waits for somebody else.
    Pong { number: u64, waits_for: Option<Address> },
    /// It could not be done.
    Failed { attempt: u64, reason: String },
}

/// What an edge server learned from an iteration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// Mean loss of the batch.
    pub loss: f64,
    /// Targets that were met.
    pub correct: u64,
    /// Targets.
    pub counted: u64,
}

impl Learned {
    /// What several learned together, each weighted by its targets; none without any.
    pub fn of(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let (mut sum, mut loss) = (Self::default(), 0.0);
        for learned in all {
            loss += learned.loss * learned.counted as f64;
            sum.correct += learned.correct;
            sum.counted += learned.counted;
        }
        (sum.counted > 0).then(|| Self { loss: loss / sum.counted as f64, ..sum })
    }
}

/// Anything that is said.
#[allow(missing_docs, reason = "the fields are what the variant says they are")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// First word of a caller: the shared token, who it is (none: whoever is needed), and where it listens.
    Hello { token: String, address: Option<Address>, listens: Option<SocketAddr> },
    /// Answer: who the caller is, and the time of the run's clock.
    Welcome { address: Address, now_s: Option<f64> },
    /// Answer: the caller is refused.
    Refused { reason: String },
    /// What time is it?
    Clock,
    /// The time of the run's clock; virtual clocks have none.
    Now { now_s: f64 },
    /// The caller has the time, and takes orders.
    Joined,
    /// From the coordinator.
    Order(Order),
    /// To the coordinator.
    Report(Report),
    /// Numbers in the payload; they arrive at `arrives_s`, not before (none: `later_s` after they have come).
    Tensor { key: TensorKey, from: Address, numbers: Numbers, arrives_s: Option<f64>, later_s: f64 },
    /// A tensor whose way is not emulated had come at `at_s`.
    Got { key: TensorKey, at_s: f64 },
}

impl Message {
    /// The message as a frame.
    ///
    /// # Errors
    /// [`WireError::Head`] for numbers that JSON does not have.
    pub fn frame(&self, payload: Vec<u8>) -> Result<Frame, WireError> {
        let head = serde_json::to_vec(self).map_err(|error| WireError::Head(error.to_string()))?;
        Ok(Frame { head, payload })
    }

    /// The message of a frame.
    ///
    /// # Errors
    /// [`WireError::Head`] for what is no message.
    pub fn of(frame: &Frame) -> Result<Self, WireError> {
        serde_json::from_slice(&frame.head).map_err(|error| WireError::Head(error.to_string()))
    }

    /// The kind of the message, for errors.
    #[must_use]
    pub fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split([' ', '{']).next().unwrap_or_default().into()
    }
}
