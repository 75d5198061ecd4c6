//! Which problems are the classical one of formulation sections 1 to 3, whatever version they are written in.

use super::cluster::{Cluster, MediumAccess};
use super::encoder::Encoder;
use super::pair::PerPair;
use super::slot::{CandidatePlan, Order, Overlap, Schema, SlotSpec};
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
        if self.plans.iter().any(|plan| plan.stash_weights) {
            return beyond("plans[..].stash_weights", "true", "false");
        }
        self.beyond_phases(false)
    }

    /// Whether a fill-drain plan of the problem falls apart into two phases that are bound by their radio alone, each with a
    /// pace: as in the classical problem, but that messages may arrive later than they occupy their hop, by one number for all,
    /// that those outside the pipeline may take as long, and that devices may have a limit of blocks, as they have one of memory.
    pub(crate) fn falls_into_phases(&self) -> bool {
        let beyond = || self.order == Order::Free || self.deadline_s.is_some() || self.beyond_phases(true).is_some();
        self.overlap == Overlap::Full && (self.schema == Schema::V1 || !beyond())
    }

    /// What the data ask for beyond phases with a pace each, whatever the plans: beyond the classical problem, or as far as
    /// [`Self::falls_into_phases`] goes.
    fn beyond_phases(&self, wide: bool) -> Option<Beyond> {
        let beyond = |field, value, instead| Some(Beyond { field, value, instead });
        let Encoder::Equal(equal) = &self.encoder else {
            return beyond("encoder.blocks", "blocks that differ", "blocks and tensors that are all alike");
        };
        let parameters = equal.parameter_bits_per_block.0 > 0.0;
        self.clusters.iter().find_map(|cluster| cluster.beyond_phases(equal.blocks, parameters, wide))
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

impl CandidatePlan {
    /// Whether its work falls into a forward and a backward phase, and what a device holds does not depend on it.
    pub(crate) fn is_classical(&self) -> bool {
        self.schedule == ScheduleKind::FillDrain && !self.stash_weights
    }
}

impl Cluster {
    fn beyond_phases(&self, blocks: u32, parameters: bool, wide: bool) -> Option<Beyond> {
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
        match &self.hop_latency_s {
            latency if latency.is_zero() => {}
            PerPair::Same(_) if wide => {}
            _ => return beyond("clusters[..].hop_latency_s", "above 0", "0"),
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
            PerPair::Same(_) if wide => {}
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
            if !wide && device.max_blocks.is_some_and(|most| most < blocks) {
                return beyond("clusters[..].devices[..].max_blocks", "below the number of blocks", "no limit");
            }
            if device.block_seconds_per_sample.is_some() {
                return beyond("clusters[..].devices[..].block_seconds_per_sample", "a table", "rates alone");
            }
        }
        None
    }
}
