//! Which problems are the classical one of formulation sections 1 to 3, whatever version they are written in.

use super::cluster::{Cluster, MediumAccess};
use super::encoder::Encoder;
use super::pair::PerPair;
use super::slot::{CandidatePlan, Order, Schema, SlotSpec};
use crate::ground::units::Seconds;
use crate::schedule::ScheduleKind;

/// What a problem asks for beyond the classical one: the first such field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Beyond {
    /// The field, indices left out.
    pub field: &'static str,
    /// What it holds, as far as it matters.
    pub value: &'static str,
    /// What the classical problem has there.
    pub instead: &'static str,
}

impl SlotSpec {
    /// What the problem asks for beyond the classical one; `None` where it is the classical one, exactly.
    ///
    /// That is: equal blocks, devices in the given order, fill-drain, both end stages, radio links, no deadline, no limits
    /// or tables of devices, no propagation, no staging, bands of their own for all messages, and one overhead for all hops. Schema 2 charges the overhead for
    /// collection, distribution and upload as well, so that it must be zero there, or nothing else be sent. Every problem
    /// of schema 1 is classical. Sending may block or not.
    #[must_use]
    pub fn beyond_classical(&self) -> Option<Beyond> {
        self.beyond(false)
    }

    /// Whether the problem is the classical one but for [`max_blocks`](super::Device::max_blocks), which limits segments as memory does.
    pub(crate) fn is_classical_with_limits(&self) -> bool {
        self.beyond(true).is_none()
    }

    /// The first field beyond the classical problem; those that limit blocks from above may be let pass.
    fn beyond(&self, limits: bool) -> Option<Beyond> {
        if self.schema == Schema::V1 {
            return None;
        }
        let beyond = |field, value, instead| Some(Beyond { field, value, instead });
        if self.order == Order::Free {
            return beyond("order", "\"free\"", "\"given\"");
        }
        if self.deadline_s.is_some() {
            return beyond("deadline_s", "a number", "no deadline");
        }
        if let Some(schedule) = self.plans.iter().find_map(other_schedule) {
            return beyond("plans[..].schedule", schedule, "\"fill-drain\"");
        }
        let Encoder::Equal(equal) = &self.encoder else {
            return beyond("encoder.blocks", "blocks that differ", "blocks and tensors that are all alike");
        };
        let parameters = equal.parameter_bits_per_block.0 > 0.0;
        self.clusters
            .iter()
            .find_map(|cluster| cluster.beyond_classical(if limits { 0 } else { equal.blocks }, parameters))
    }

    /// Whether the problem is the classical one: [`beyond_classical`](Self::beyond_classical) finds nothing.
    #[must_use]
    pub fn is_classical(&self) -> bool {
        self.beyond_classical().is_none()
    }
}

/// The name of a plan's schedule, unless it is fill-drain.
fn other_schedule(plan: &CandidatePlan) -> Option<&'static str> {
    match plan.schedule {
        ScheduleKind::FillDrain => None,
        other => Some(other.name()),
    }
}

impl Cluster {
    /// A limit of so many blocks, or of more, is none.
    fn beyond_classical(&self, blocks: u32, parameters: bool) -> Option<Beyond> {
        let beyond = |field, value, instead| Some(Beyond { field, value, instead });
        if self.embedding.is_none() {
            return beyond("clusters[..].embedding", "null", "an embedding stage");
        }
        if self.decoder.is_none() {
            return beyond("clusters[..].decoder", "null", "a decoder stage");
        }
        if !self.fixed_links.is_empty() {
            return beyond("clusters[..].fixed_links", "a list of links", "radio links alone");
        }
        if !self.hop_latency_s.is_zero() {
            return beyond("clusters[..].hop_latency_s", "above 0", "0");
        }
        if !self.staging_s_per_byte.is_zero() {
            return beyond("clusters[..].staging_s_per_byte", "above 0", "0");
        }
        match self.medium {
            MediumAccess::Bands => {}
            MediumAccess::HalfDuplex => return beyond("clusters[..].medium", "\"half-duplex\"", "\"bands\""),
            MediumAccess::Turns => return beyond("clusters[..].medium", "\"turns\"", "\"bands\""),
        }
        match self.hop_overhead_s {
            PerPair::Same(Seconds(0.0)) => {}
            PerPair::Same(_) if parameters || self.upload_bits.0 > 0.0 => {
                return beyond("clusters[..].hop_overhead_s", "above 0", "0, or nothing to send but the hops");
            }
            PerPair::Same(_) => {}
            PerPair::Pairs(_) if !self.hop_overhead_s.is_zero() => {
                return beyond("clusters[..].hop_overhead_s", "a matrix", "one number");
            }
            PerPair::Pairs(_) => {}
        }
        for device in &self.devices {
            if device.min_blocks.is_some_and(|least| least > 1) {
                return beyond("clusters[..].devices[..].min_blocks", "above 1", "no limit");
            }
            if device.max_blocks.is_some_and(|most| most < blocks) {
                return beyond("clusters[..].devices[..].max_blocks", "below the number of blocks", "no limit");
            }
            if device.block_seconds_per_sample.is_some() {
                return beyond("clusters[..].devices[..].block_seconds_per_sample", "a table", "rates alone");
            }
        }
        None
    }
}
