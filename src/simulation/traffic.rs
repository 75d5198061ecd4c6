//! What a round sends and what a micro-batch takes, as a record keeps it: rates and times that a decision alone does not tell.

use serde::{Deserialize, Serialize};

use crate::ground::phase::Phase;
use crate::ground::route::Route;
use crate::problem::program::{PlanProgram, Sent};
use crate::problem::{ClusterDecision, NodeId};
use crate::schedule::{Durations, Sending};
use crate::units::{Hertz, Seconds, Watts};

/// When in a round something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RoundPart {
    /// Segments go out.
    Distribution,
    /// Forward, between stages.
    Forward,
    /// Backward, between stages.
    Backward,
    /// Segments come back.
    Collection,
    /// The model goes to the edge server.
    Upload,
}

impl RoundPart {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Collection => "collection",
            Self::Upload => "upload",
        }
    }
}

/// Something that a round sends from one node to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MessageRecord {
    /// When.
    pub part: RoundPart,
    /// Who sends: 0 the control unit, k+1 the scenario's device k of the cluster, behind them the edge server.
    pub from: NodeId,
    /// Who receives.
    pub to: NodeId,
    /// Bandwidth, or share of a medium; none over a cable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_hz: Option<Hertz>,
    /// Transmit power; none where nothing is sent by radio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_w: Option<Watts>,
    /// Rate.
    pub bits_per_second: f64,
    /// Time on air of one message.
    pub air_s: Seconds,
    /// How often the round sends it.
    pub times: f64,
}

/// One micro-batch on its way through a cluster's pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PipelineRecord {
    /// Its stages: 0 the control unit, k+1 the scenario's device k of the cluster, behind them the edge server.
    pub stages: Vec<NodeId>,
    /// Whom messages occupy.
    pub sending: Sending,
    /// Of stages and messages.
    pub durations: Durations,
}

/// What a cluster's part of a decided round sends; `name` turns a node of the slot's problem into one of the scenario's cluster.
pub(super) fn traffic(
    program: &PlanProgram,
    choice: &ClusterDecision,
    name: impl Fn(NodeId) -> NodeId,
) -> (PipelineRecord, Vec<MessageRecord>) {
    let cluster = program.at.cluster;
    let route = Route::through(&choice.active, cluster.devices.len());
    let hops = program.sent_hops(route, choice);
    let once = program.sent_once(choice);
    let ends = [cluster.embedding.map(|_| NodeId::CONTROL_UNIT), cluster.decoder.map(|_| program.at.edge_server())];
    let devices = choice.active.iter().map(|device| device.node());
    let stages = ends[0].into_iter().chain(devices).chain(ends[1]).map(&name).collect();
    let pipeline = PipelineRecord {
        stages,
        sending: program.at.sending(),
        durations: program.durations(route, &choice.sizes, &hops),
    };
    let record = |part: RoundPart, Sent { sent, link, air }: &Sent| MessageRecord {
        part,
        from: name(sent.sender),
        to: name(sent.receiver),
        bandwidth_hz: sent.is_decided().then_some(link.bandwidth_hz),
        power_w: (sent.is_decided() && sent.wire.is_none()).then_some(link.power_w),
        bits_per_second: sent.rate(*link),
        air_s: *air,
        times: sent.uses,
    };
    let parts = [
        (RoundPart::Distribution, &once.distribution),
        (RoundPart::Forward, &hops[Phase::Forward]),
        (RoundPart::Backward, &hops[Phase::Backward]),
        (RoundPart::Collection, &once.collection),
    ];
    let all = parts.into_iter().flat_map(|(part, list)| list.iter().map(move |sent| (part, sent)));
    // What has no bits is not sent.
    let sent = all.chain([(RoundPart::Upload, &once.upload)]).filter(|(_, sent)| sent.sent.bits.0 > 0.0);
    (pipeline, sent.map(|(part, sent)| record(part, sent)).collect())
}
