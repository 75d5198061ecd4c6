//! The slot problem as data: field names are those of the exchange format, units in the names.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::encoder::Encoder;
use super::format::PlanForm;
use super::validation::{ProblemError, faults, validate};
use crate::ground::check::FieldError;
use crate::ground::units::{Hertz, Seconds};
use crate::schedule::ScheduleKind;

/// The exchange format's name and version; any other value is rejected when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum Schema {
    /// Version 1: equal blocks, devices in the given order, fill-drain, radio links.
    #[default]
    #[serde(rename = "collapipe.slot-problem/1")]
    V1,
    /// Version 2: all that [`SlotSpec`] holds.
    #[serde(rename = "collapipe.slot-problem/2")]
    V2,
}

impl Schema {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "collapipe.slot-problem/1",
            Self::V2 => "collapipe.slot-problem/2",
        }
    }
}

/// Which devices of a cluster take part in the round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Participation {
    /// Every device holds at least one encoder block.
    #[default]
    All,
    /// The solver chooses the best non-empty subset of every cluster's devices.
    Select,
}

/// In which order the active devices of a cluster stand in its pipeline (schema 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Order {
    /// In that of the problem's list.
    #[default]
    Given,
    /// In any; it is decided.
    Free,
}

/// Whether a stage computes while it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Overlap {
    /// Sending costs the sender no compute time: stages and hops are pipeline stages of their own.
    #[default]
    Full,
    /// A stage computes and then sends.
    None,
}

/// A candidate plan, common to all clusters: I local iterations of M micro-batches, in the order of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(!from, deny_unknown_fields))]
#[serde(from = "PlanForm")]
pub struct CandidatePlan {
    /// I: local iterations of the pipeline in a round.
    pub local_iterations: u32,
    /// M: micro-batches per batch; divides every cluster's batch size.
    pub micro_batches: u32,
    /// In which order the stages run their forward and backward work; schema 1 knows fill-drain alone.
    #[serde(skip_serializing_if = "is_fill_drain")]
    #[cfg_attr(feature = "schema", schemars(default = "fill_drain"))]
    pub schedule: ScheduleKind,
    /// Whether every micro-batch in flight keeps the weights that its forward pass used, as an update per micro-batch asks
    /// for: a stage with f micro-batches in flight holds f versions of its segment's parameters. Only where forward and
    /// backward work take turns; schema 2.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "schema", schemars(default))]
    pub stash_weights: bool,
    /// Added to the objective when this plan is chosen (H·g of the convergence constraint); any sign.
    pub penalty: f64,
}

impl Default for CandidatePlan {
    /// One iteration of one micro-batch, fill-drain, without penalty.
    fn default() -> Self {
        Self {
            local_iterations: 1,
            micro_batches: 1,
            schedule: ScheduleKind::FillDrain,
            stash_weights: false,
            penalty: 0.0,
        }
    }
}

#[cfg(feature = "schema")]
fn fill_drain() -> ScheduleKind {
    ScheduleKind::FillDrain
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_fill_drain(schedule: &ScheduleKind) -> bool {
    *schedule == ScheduleKind::FillDrain
}

/// The band on which all control units upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    /// W_up: shared by all clusters, > 0.
    pub bandwidth_hz: Hertz,
}

/// A slot problem as plain data, not yet validated: fill the fields, then [`SlotProblem::new`].
///
/// One type for both versions of the exchange format; [`schema`](Self::schema) says which one it is written in, and
/// version 1 cannot hold the fields marked as schema 2 (all fields with their ranges: `docs/slot-problem.md`). Inputs
/// have a `Default`, whose numbers are neutral where there is a neutral number, and otherwise 0, which validation
/// rejects.
///
/// ```
/// use collapipe::nalgebra::DMatrix;
/// use collapipe::problem::*;
/// use collapipe::units::*;
///
/// let board = Device {
///     forward_flops_per_second: FlopsPerSecond(40e9),
///     backward_flops_per_second: FlopsPerSecond(25e9),
///     memory_bytes: Bytes(2e9),
///     max_power_w: Watts(0.2),
///     ..Device::default()
/// };
/// let mut spec = SlotSpec {
///     latency_weight: 10.0,
///     plans: vec![CandidatePlan { micro_batches: 4, ..CandidatePlan::default() }],
///     encoder: EqualBlocks {
///         blocks: 4,
///         forward_flops_per_sample: Flops(2e8),
///         backward_flops_per_sample: Flops(4e8),
///         boundary_bits_per_sample: Bits(5e5),
///         ..EqualBlocks::default()
///     }
///     .into(),
///     uplink: Uplink { bandwidth_hz: Hertz(20e6) },
///     clusters: vec![Cluster {
///         batch_size: 16,
///         bandwidth_hz: Hertz(20e6),
///         embedding: Some(EndStage::default()),
///         decoder: Some(EndStage::default()),
///         control_unit: ControlUnit { max_power_w: Watts(0.2), ..ControlUnit::default() },
///         edge_server: EdgeServer { max_power_w: Watts(10.0), ..EdgeServer::default() },
///         devices: vec![board; 2],
///         gain_to_noise_hz_per_w: Gains(DMatrix::from_element(4, 4, 2e9)),
///         ..Cluster::default()
///     }],
///     ..SlotSpec::default()
/// };
/// let problem = SlotProblem::new(spec.clone())?;
/// assert_eq!(SlotProblem::from_json(&problem.to_json()?)?, problem);
///
/// spec.clusters[0].devices[1].memory_bytes = Bytes(-1.0);
/// assert_eq!(
///     SlotProblem::new(spec).unwrap_err().to_string(),
///     "clusters[0].devices[1].memory_bytes = -1.0: must be 0 or a finite number in [1e-30, 1e30]",
/// );
/// # Ok::<(), JsonError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct SlotSpec {
    /// Name and version of the format.
    pub schema: Schema,
    /// Which devices take part.
    pub participation: Participation,
    /// In which order they stand (schema 2).
    #[cfg_attr(feature = "schema", schemars(default))]
    pub order: Order,
    /// Whether stages compute while they send.
    pub overlap: Overlap,
    /// V: price of a second of round latency.
    pub latency_weight: f64,
    /// Longest latency that any cluster may have (schema 2).
    pub deadline_s: Option<Seconds>,
    /// Candidate plans.
    pub plans: Vec<CandidatePlan>,
    /// The encoder to be cut.
    pub encoder: Encoder,
    /// The clusters' common upload band.
    pub uplink: Uplink,
    /// The clusters.
    pub clusters: Vec<Cluster>,
}

/// A valid slot problem: every number finite and in range, dimensions consistent.
///
/// Reads through to [`SlotSpec`]; to change it, take the data out with [`SlotProblem::into_spec`] and build anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SlotSpec", into = "SlotSpec")]
pub struct SlotProblem(SlotSpec);

impl SlotProblem {
    /// Validates the data, and turns a chain of blocks that are all alike into equal blocks.
    ///
    /// # Errors
    /// [`ProblemError`] names the path of the first bad field, its value and the allowed range.
    pub fn new(mut spec: SlotSpec) -> Result<Self, ProblemError> {
        validate(&spec)?;
        spec.encoder = spec.encoder.normalised();
        Ok(Self(spec))
    }

    /// The problem with some of its plans, of which there is at least one.
    pub(crate) fn with_plans(&self, plans: &[usize]) -> Self {
        let plans = plans.iter().filter_map(|&plan| self.0.plans.get(plan).copied()).collect();
        Self(SlotSpec { plans, ..self.0.clone() })
    }

    /// All bad fields of data, as many as `most`; none where the data are a problem.
    #[must_use]
    pub fn faults(spec: &SlotSpec, most: usize) -> Vec<FieldError> {
        faults(spec, most)
    }

    /// The data, to be changed and validated again.
    #[must_use]
    pub fn into_spec(self) -> SlotSpec {
        self.0
    }
}

impl Deref for SlotProblem {
    type Target = SlotSpec;
    fn deref(&self) -> &SlotSpec {
        &self.0
    }
}

impl TryFrom<SlotSpec> for SlotProblem {
    type Error = ProblemError;
    fn try_from(spec: SlotSpec) -> Result<Self, ProblemError> {
        Self::new(spec)
    }
}

impl From<SlotProblem> for SlotSpec {
    fn from(problem: SlotProblem) -> Self {
        problem.0
    }
}
