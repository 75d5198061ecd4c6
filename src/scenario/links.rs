//! Links that are not radio, by the names of the nodes they join.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nalgebra::{DMatrix, Scalar};
use serde::{Deserialize, Serialize};

use super::build::field;
use super::chain::unread;
use super::spec::ClusterSpec;
use crate::ground::check::{Range, real};
use crate::network::radio::{TraceFormat, TraceGaps};
use crate::problem::{FieldError, FixedLink, NodeId, PerPair};
use crate::text::nearest;
use crate::units::{BitsPerSecond, JoulesPerBit, Seconds, SecondsPerByte};

/// Most nodes of a cluster in which a link may stand for many pairs.
const MOST_NODES: usize = 1_000;
/// Most slots whose rates are taken from a trace; later slots start over.
#[cfg(feature = "scenario")]
const MOST_RATES: u64 = 100_000;

const CONTROL_UNIT: &str = "control-unit";
const EDGE_SERVER: &str = "edge-server";

/// A link that is not radio, between two nodes or many. Everything that is sent from `from` to `to` uses it.
///
/// Exactly one of `bits_per_second`, `bits_per_second_by_slot`, `trace` and `radio` is given, or `calibrated` with a rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkSpec {
    /// Sender: a device's name, `control-unit` or `edge-server`; every node if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Receiver, likewise; every node if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The same from `to` to `from`; not if left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both_ways: bool,
    /// Rate, > 0; of a shared medium when all of it is this link's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits_per_second: Option<BitsPerSecond>,
    /// Rate of every slot, ≥ 0, starting over behind the last one; 0: the link is down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bits_per_second_by_slot: Vec<BitsPerSecond>,
    /// The same from a file of rates, which a scenario file reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<LinkTrace>,
    /// A file that `collapipe calibrate` wrote, which a scenario file reads: rate, latency, overhead and staging of its link,
    /// where they are not given here. A relative one is looked up next to the scenario file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<PathBuf>,
    /// The cluster's radio after all: takes the pair out of an earlier entry, or gives it a latency of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub radio: bool,
    /// Energy of the sender per bit, ≥ 0; 0 if left out. Radio has its powers instead.
    #[serde(default)]
    pub joules_per_bit: JoulesPerBit,
    /// Whether it is a share of one medium, such as Wi-Fi: hops that may run at the same time share it as they would share
    /// the cluster's band. A cable of its own if left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_band: bool,
    /// Propagation, ≥ 0; the cluster's `hop_latency_s` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_s: Option<Seconds>,
    /// What a message takes besides its bits, ≥ 0; the cluster's `hop_overhead_s` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead_s: Option<Seconds>,
    /// For how long a byte keeps the sender busy before it goes out, ≥ 0; the cluster's `staging_s_per_byte` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging_s_per_byte: Option<SecondsPerByte>,
}

impl LinkSpec {
    /// Names of the fields that say what carries it, traces left out.
    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            ("bits_per_second", self.bits_per_second.is_some()),
            ("bits_per_second_by_slot", !self.bits_per_second_by_slot.is_empty()),
            ("radio", self.radio),
        ];
        kinds.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The first of them.
    #[cfg(feature = "scenario")]
    pub(super) fn kind(&self) -> Option<&'static str> {
        self.kinds().first().copied()
    }
}

/// Measured rates of a link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkTrace {
    /// File of traces (`docs/radio.md`); a relative one is looked up next to the scenario file.
    pub file: PathBuf,
    /// How its lines are to be read.
    #[serde(default)]
    pub format: TraceFormat,
    /// What happens to times without a sample.
    #[serde(default)]
    pub gaps: TraceGaps,
    /// The trace's name; may be left out where the file has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Time from one slot to the next, in (0, 1e9] s.
    pub seconds_per_slot: Seconds,
    /// Where in the trace slot 0 begins, in [0, 1e9] s; 0 if left out.
    #[serde(default)]
    pub start_s: Seconds,
}

/// The rates of a link that changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BySlot {
    /// Its place in the cluster's fixed links.
    pub link: usize,
    rates: Vec<BitsPerSecond>,
}

impl BySlot {
    /// The rate in a slot; 0 where the link is down.
    pub fn rate(&self, slot: u64) -> BitsPerSecond {
        let at = slot.checked_rem(self.rates.len() as u64).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.rates.get(at).copied()).unwrap_or_default()
    }
}

/// A cluster's links, resolved.
pub(super) struct Links {
    /// Those of fixed rate, and those of changing rate with their first rate that is not 0.
    pub fixed: Vec<FixedLink>,
    pub by_slot: Vec<BySlot>,
    pub latency: PerPair<Seconds>,
    pub overhead: PerPair<Seconds>,
    pub staging: PerPair<SecondsPerByte>,
}

/// The links of a cluster.
///
/// # Errors
/// The first bad field; paths begin with `links`.
pub(super) fn links(cluster: &ClusterSpec) -> Result<Links, FieldError> {
    let nodes = cluster.devices.len() + 2;
    let mut of_pairs: BTreeMap<(usize, usize), &LinkSpec> = BTreeMap::new();
    let (mut latency, mut overhead) = (cluster.hop_latency_s.clone(), cluster.hop_overhead_s.clone());
    let mut staging = cluster.staging_s_per_byte.clone();
    for (i, link) in cluster.links.iter().enumerate() {
        check(link).map_err(|error| error.within(format_args!("links[{i}]")))?;
        let ends = pairs(link, cluster, nodes).map_err(|error| error.within(format_args!("links[{i}]")))?;
        for pair in ends {
            of_pairs.insert(pair, link);
            for (all, own) in [(&mut latency, link.latency_s), (&mut overhead, link.overhead_s)] {
                if let Some(own) = own {
                    set(all, nodes, pair, own);
                }
            }
            if let Some(own) = link.staging_s_per_byte {
                set(&mut staging, nodes, pair, own);
            }
        }
    }
    let (mut fixed, mut by_slot) = (Vec::new(), Vec::new());
    for ((from, to), link) in of_pairs {
        let rate = match link.bits_per_second {
            Some(rate) => rate,
            None if link.radio => continue,
            None => {
                let rates = link.bits_per_second_by_slot.clone();
                let first = rates.iter().find(|rate| rate.0 > 0.0).copied();
                by_slot.push(BySlot { link: fixed.len(), rates });
                // A link that is always down is taken out in every slot.
                first.unwrap_or(BitsPerSecond(1.0))
            }
        };
        fixed.push(FixedLink {
            from: NodeId(from),
            to: NodeId(to),
            bits_per_second: rate,
            joules_per_bit: link.joules_per_bit,
            shares_band: link.shares_band,
        });
    }
    Ok(Links { fixed, by_slot, latency, overhead, staging })
}

fn check(link: &LinkSpec) -> Result<(), FieldError> {
    if let Some(trace) = &link.trace {
        return Err(field("trace", trace.file.display(), unread("bits_per_second_by_slot")));
    }
    if let Some(calibrated) = &link.calibrated {
        return Err(field("calibrated", calibrated.display(), unread("rate, latency, overhead and staging")));
    }
    match link.kinds()[..] {
        [_] => {}
        [] => {
            let allowed = "given, or bits_per_second_by_slot, or trace, or calibrated with a rate, or radio = true";
            return Err(field("bits_per_second", "(missing)", allowed));
        }
        [first, second, ..] => return Err(field(second, "(given)", format!("left out where {first} is given"))),
    }
    if link.radio && (link.joules_per_bit.0 != 0.0 || link.shares_band) {
        let name = if link.shares_band { "shares_band" } else { "joules_per_bit" };
        return Err(field(name, "(given)", "left out where radio is given: radio has a band and powers"));
    }
    if let Some(rate) = link.bits_per_second {
        real("bits_per_second", rate.0, Range::Positive)?;
    }
    for (slot, rate) in link.bits_per_second_by_slot.iter().enumerate() {
        real(&format!("bits_per_second_by_slot[{slot}]"), rate.0, Range::NonNegative)?;
    }
    real("joules_per_bit", link.joules_per_bit.0, Range::NonNegative)?;
    for (name, own) in [("latency_s", link.latency_s), ("overhead_s", link.overhead_s)] {
        own.map_or(Ok(()), |own| real(name, own.0, Range::NonNegative))?;
    }
    link.staging_s_per_byte.map_or(Ok(()), |own| real("staging_s_per_byte", own.0, Range::NonNegative))
}

/// The pairs of nodes that a link joins.
fn pairs(link: &LinkSpec, cluster: &ClusterSpec, nodes: usize) -> Result<Vec<(usize, usize)>, FieldError> {
    let ends = |name: &str, end: &Option<String>| match end {
        Some(end) => node(name, end, cluster).map(|node| node..node + 1),
        None if nodes > MOST_NODES => {
            let allowed = format!("given in a cluster of more than {MOST_NODES} nodes");
            Err(field(name, "(missing)", allowed))
        }
        None => Ok(0..nodes),
    };
    let (from, to) = (ends("from", &link.from)?, ends("to", &link.to)?);
    let pairs = from.flat_map(|from| to.clone().map(move |to| (from, to))).filter(|(from, to)| from != to);
    let mut pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() {
        let value = link.to.as_deref().unwrap_or_default();
        return Err(field("to", format!("{value:?}"), "another node than from"));
    }
    if link.both_ways {
        pairs.extend(pairs.clone().into_iter().map(|(from, to)| (to, from)));
    }
    Ok(pairs)
}

/// The node of a name: 0 control unit, k + 1 device k, K + 1 edge server.
fn node(path: &str, name: &str, cluster: &ClusterSpec) -> Result<usize, FieldError> {
    let devices = cluster.devices.iter().map(|device| device.name.as_str());
    let names: Vec<&str> = std::iter::once(CONTROL_UNIT).chain(devices).chain([EDGE_SERVER]).collect();
    names.iter().position(|known| *known == name).ok_or_else(|| {
        let meant = nearest(name, &names).map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
        let allowed = format!("the name of a device, {CONTROL_UNIT:?} or {EDGE_SERVER:?}{meant}");
        field(path, format!("{name:?}"), allowed)
    })
}

/// Gives a pair a value of its own. A matrix of another shape stays as it is, to be refused by its name.
fn set<T: Scalar + Copy>(all: &mut PerPair<T>, nodes: usize, pair: (usize, usize), own: T) {
    if let PerPair::Same(value) = *all {
        *all = PerPair::Pairs(DMatrix::from_element(nodes, nodes, value));
    }
    if let PerPair::Pairs(matrix) = all
        && let Some(entry) = matrix.get_mut(pair)
    {
        *entry = own;
    }
}

#[cfg(feature = "scenario")]
pub(super) use from_file::ReadLink;

#[cfg(feature = "scenario")]
mod from_file {
    use std::path::Path;

    use super::{BitsPerSecond, LinkTrace, MOST_RATES, Seconds, field};
    use crate::network::radio::{RateTrace, TraceError, TraceFile, TraceFileError};
    use crate::problem::FieldError;

    /// Why a link's rates could not be read.
    pub(in super::super) enum ReadLink {
        File(TraceFileError),
        Trace(TraceError),
        Field(FieldError),
    }

    impl LinkTrace {
        /// The rates at the beginnings of the slots.
        pub(in super::super) fn rates(&self, folder: &Path, slots: u64) -> Result<Vec<BitsPerSecond>, ReadLink> {
            if !(self.seconds_per_slot.0 > 0.0 && self.seconds_per_slot.0 <= 1e9) {
                let value = format!("{:?}", self.seconds_per_slot.0);
                return Err(ReadLink::Field(field("seconds_per_slot", value, "in (0, 1e9] s")));
            }
            if !(0.0..=1e9).contains(&self.start_s.0) {
                let value = format!("{:?}", self.start_s.0);
                return Err(ReadLink::Field(field("start_s", value, "in [0, 1e9] s")));
            }
            let file = TraceFile::read(&folder.join(&self.file), self.format, self.gaps).map_err(ReadLink::File)?;
            let trace = match (&self.name, file.traces.as_slice()) {
                (Some(name), traces) => RateTrace::find(traces, name).map_err(ReadLink::Trace)?,
                (None, [only]) => only,
                (None, traces) => {
                    let names: Vec<&str> = traces.iter().take(5).map(RateTrace::name).collect();
                    let allowed = format!("given: the file has {} traces, {} first", traces.len(), names.join(", "));
                    return Err(ReadLink::Field(field("name", "(missing)", allowed)));
                }
            };
            let at = |slot: u64| Seconds(self.start_s.0 + self.seconds_per_slot.0 * slot as f64);
            Ok((0..slots.min(MOST_RATES)).map(|slot| BitsPerSecond(1e6 * trace.mbps_at(at(slot)))).collect())
        }
    }
}
