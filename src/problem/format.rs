//! The exchange format: how the one type in memory is read from and written in either version.
//!
//! Reading keeps apart what a file leaves out and what it gives: version 1 must not hold fields of version 2, not even
//! with their default values. In memory the difference is gone.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cluster::{Cluster, ControlUnit, Device, EdgeServer, EndStage, FixedLink, MediumAccess, nullable};
use super::encoder::{AsChain, Encoder};
use super::pair::{Gains, PerPair};
use super::slot::{CandidatePlan, Order, Overlap, Participation, Schema, SlotSpec, Uplink};
use crate::ground::check::FieldError;
use crate::ground::units::{Bits, Hertz, Seconds, SecondsPerByte};
use crate::schedule::ScheduleKind;

/// A plan as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanForm {
    local_iterations: u32,
    micro_batches: u32,
    schedule: Option<ScheduleKind>,
    stash_weights: Option<bool>,
    penalty: f64,
}

impl From<PlanForm> for CandidatePlan {
    fn from(form: PlanForm) -> Self {
        let PlanForm { local_iterations, micro_batches, schedule, stash_weights, penalty } = form;
        let schedule = schedule.unwrap_or(ScheduleKind::FillDrain);
        Self { local_iterations, micro_batches, schedule, stash_weights: stash_weights.unwrap_or(false), penalty }
    }
}

/// A cluster as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterForm {
    name: Option<String>,
    batch_size: u32,
    bandwidth_hz: Hertz,
    fixed_seconds: Seconds,
    upload_bits: Bits,
    #[serde(deserialize_with = "nullable")]
    embedding: Option<EndStage>,
    #[serde(deserialize_with = "nullable")]
    decoder: Option<EndStage>,
    hop_latency_s: PerPair<Seconds>,
    hop_overhead_s: Option<PerPair<Seconds>>,
    staging_s_per_byte: Option<PerPair<SecondsPerByte>>,
    medium: Option<MediumAccess>,
    control_unit: ControlUnit,
    edge_server: EdgeServer,
    devices: Vec<Device>,
    gain_to_noise_hz_per_w: Gains,
    fixed_links: Option<Vec<FixedLink>>,
}

impl From<ClusterForm> for Cluster {
    fn from(form: ClusterForm) -> Self {
        Self {
            name: form.name,
            batch_size: form.batch_size,
            bandwidth_hz: form.bandwidth_hz,
            fixed_seconds: form.fixed_seconds,
            upload_bits: form.upload_bits,
            embedding: form.embedding,
            decoder: form.decoder,
            hop_latency_s: form.hop_latency_s,
            hop_overhead_s: form.hop_overhead_s.unwrap_or_default(),
            staging_s_per_byte: form.staging_s_per_byte.unwrap_or_default(),
            medium: form.medium.unwrap_or_default(),
            control_unit: form.control_unit,
            edge_server: form.edge_server,
            devices: form.devices,
            gain_to_noise_hz_per_w: form.gain_to_noise_hz_per_w,
            fixed_links: form.fixed_links.unwrap_or_default(),
        }
    }
}

/// A problem as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotForm {
    schema: Schema,
    participation: Participation,
    order: Option<Order>,
    overlap: Overlap,
    latency_weight: f64,
    deadline_s: Option<Seconds>,
    plans: Vec<PlanForm>,
    encoder: Encoder,
    uplink: Uplink,
    clusters: Vec<ClusterForm>,
}

impl SlotForm {
    /// The problem, as one of the version that the file names.
    ///
    /// # Errors
    /// The first field that the version does not have.
    pub fn into_spec(self) -> Result<SlotSpec, FieldError> {
        match self.schema {
            Schema::V1 => self.without_later_fields()?,
            Schema::V2 => {
                if let Encoder::Equal(equal) = &self.encoder {
                    let allowed = format!("a list of blocks in {}", Schema::V2.name());
                    return Err(FieldError::new("encoder.blocks", equal.blocks, allowed));
                }
            }
        }
        let encoder = match self.schema {
            // Validation refuses a chain, even or not.
            Schema::V1 => self.encoder,
            Schema::V2 => self.encoder.normalised(),
        };
        Ok(SlotSpec {
            schema: self.schema,
            participation: self.participation,
            order: self.order.unwrap_or_default(),
            overlap: self.overlap,
            latency_weight: self.latency_weight,
            deadline_s: self.deadline_s,
            plans: self.plans.into_iter().map(Into::into).collect(),
            encoder,
            uplink: self.uplink,
            clusters: self.clusters.into_iter().map(Into::into).collect(),
        })
    }

    /// Fields of version 2 whose presence is not seen in memory; validation finds the others.
    fn without_later_fields(&self) -> Result<(), FieldError> {
        if self.order.is_some() {
            return Err(later("order"));
        }
        for (i, plan) in self.plans.iter().enumerate() {
            if plan.schedule.is_some() {
                return Err(later(&format!("plans[{i}].schedule")));
            }
            if plan.stash_weights.is_some() {
                return Err(later(&format!("plans[{i}].stash_weights")));
            }
        }
        for (n, cluster) in self.clusters.iter().enumerate() {
            let fields = [
                ("hop_overhead_s", cluster.hop_overhead_s.is_some()),
                ("staging_s_per_byte", cluster.staging_s_per_byte.is_some()),
                ("medium", cluster.medium.is_some()),
                ("fixed_links", cluster.fixed_links.is_some()),
            ];
            if let Some((name, _)) = fields.iter().find(|(_, given)| *given) {
                return Err(later(&format!("clusters[{n}].{name}")));
            }
        }
        Ok(())
    }
}

/// The error of a field that version 1 does not have.
pub(super) fn later(path: &str) -> FieldError {
    FieldError::new(path, "given", format!("left out in {}; only {} has it", Schema::V1.name(), Schema::V2.name()))
}

impl<'de> Deserialize<'de> for SlotSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SlotForm::deserialize(deserializer)?.into_spec().map_err(D::Error::custom)
    }
}

impl Serialize for SlotSpec {
    /// In the form of its own version, the fields in the order of the format's description.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Version1<'a> {
            schema: Schema,
            participation: Participation,
            overlap: Overlap,
            latency_weight: f64,
            plans: &'a [CandidatePlan],
            encoder: &'a Encoder,
            uplink: Uplink,
            clusters: &'a [Cluster],
        }
        #[derive(Serialize)]
        struct Plan {
            local_iterations: u32,
            micro_batches: u32,
            schedule: ScheduleKind,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            stash_weights: bool,
            penalty: f64,
        }
        #[derive(Serialize)]
        struct Version2<'a> {
            schema: Schema,
            participation: Participation,
            order: Order,
            overlap: Overlap,
            latency_weight: f64,
            #[serde(skip_serializing_if = "Option::is_none")]
            deadline_s: Option<Seconds>,
            plans: Vec<Plan>,
            encoder: AsChain<'a>,
            uplink: Uplink,
            clusters: &'a [Cluster],
        }
        let Self { schema, participation, order, overlap, latency_weight, deadline_s, uplink, .. } = *self;
        let (encoder, clusters) = (&self.encoder, self.clusters.as_slice());
        match schema {
            // Nothing is left out without a word: what a valid problem of version 1 cannot hold is not written.
            Schema::V1 if order != Order::Given => Err(S::Error::custom(later("order"))),
            Schema::V1 if deadline_s.is_some() => Err(S::Error::custom(later("deadline_s"))),
            Schema::V1 => {
                let plans = self.plans.as_slice();
                Version1 { schema, participation, overlap, latency_weight, plans, encoder, uplink, clusters }
                    .serialize(serializer)
            }
            Schema::V2 => {
                let plan = |of: &CandidatePlan| Plan {
                    local_iterations: of.local_iterations,
                    micro_batches: of.micro_batches,
                    schedule: of.schedule,
                    stash_weights: of.stash_weights,
                    penalty: of.penalty,
                };
                let (plans, encoder) = (self.plans.iter().map(plan).collect(), AsChain(encoder));
                Version2 {
                    schema,
                    participation,
                    order,
                    overlap,
                    latency_weight,
                    deadline_s,
                    plans,
                    encoder,
                    uplink,
                    clusters,
                }
                .serialize(serializer)
            }
        }
    }
}
