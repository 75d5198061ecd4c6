//! The partition problem as data: field names are those of the exchange format, units in the names.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::links::Links;
use super::validation::validate;
use crate::ground::check::FieldError;
use crate::schedule::{ScheduleKind, Sending};

/// The exchange format's name and version; any other value is rejected when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PartitionSchema {
    /// Version 1.
    #[default]
    #[serde(rename = "collapipe.partition-problem/1")]
    V1,
}

/// One layer of the chain: what it sends on and what it keeps, on whichever device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its name in reports; may be empty.
    #[serde(default)]
    pub name: String,
    /// What leaves the layer forward, per micro-batch.
    #[serde(default)]
    pub output_bytes: f64,
    /// What comes back over the same cut in the backward pass, per micro-batch.
    #[serde(default)]
    pub gradient_bytes: f64,
    /// Memory that the layer keeps on its device.
    #[serde(default)]
    pub resident_bytes: f64,
}

/// A device: how long each layer takes on it, and what it can hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionDevice {
    /// Its name in reports; may be empty.
    #[serde(default)]
    pub name: String,
    /// Seconds of every layer's forward pass, per micro-batch.
    pub forward_seconds: Vec<f64>,
    /// Seconds of every layer's backward pass, per micro-batch; empty for none.
    #[serde(default)]
    pub backward_seconds: Vec<f64>,
    /// Memory; `None` for as much as is needed.
    #[serde(default)]
    pub memory_bytes: Option<f64>,
    /// Least number of layers, where the device takes part.
    #[serde(default)]
    pub min_layers: Option<usize>,
    /// Greatest number of layers.
    #[serde(default)]
    pub max_layers: Option<usize>,
}

impl PartitionDevice {
    /// A device that takes `slowness` times the given seconds for every layer.
    #[must_use]
    pub fn scaled(name: impl Into<String>, forward_seconds: &[f64], backward_seconds: &[f64], slowness: f64) -> Self {
        let times = |seconds: &[f64]| seconds.iter().map(|second| second * slowness).collect();
        Self {
            name: name.into(),
            forward_seconds: times(forward_seconds),
            backward_seconds: times(backward_seconds),
            ..Self::default()
        }
    }

    /// The same device with a limit on its memory.
    #[must_use]
    pub fn with_memory(self, memory_bytes: f64) -> Self {
        Self { memory_bytes: Some(memory_bytes), ..self }
    }
}

/// In which order devices may stand in the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceOrder {
    /// That of the list.
    #[default]
    Given,
    /// Any.
    Free,
}

/// Which devices must hold layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceUse {
    /// Any of them may be left out.
    #[default]
    Any,
    /// Each holds at least one layer.
    All,
}

/// How many stages the pipeline has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageCount {
    /// As many as are best.
    #[default]
    Any,
    /// So many or fewer.
    AtMost(usize),
    /// Just so many.
    Exactly(usize),
}

/// What a stage holds besides its layers, and when it fits.
///
/// A stage needs `Σ resident_bytes + input copies · bytes that enter + output copies · bytes that leave`. The first
/// stage and the last one may count their outer side otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryRule {
    /// How often a stage holds what enters it.
    pub input_copies: f64,
    /// How often a stage holds what leaves it.
    pub output_copies: f64,
    /// The same for what enters the first stage; `None`: like any other.
    pub first_input_copies: Option<f64>,
    /// The same for what leaves the last stage; `None`: like any other.
    pub last_output_copies: Option<f64>,
    /// Whether a stage that needs just the memory of its device does not fit.
    pub strict: bool,
}

impl MemoryRule {
    /// PipeEdge's: two buffers to receive (not before the first layer), two to send, and both ends' data themselves;
    /// strict.
    pub const PIPE_EDGE: Self = Self {
        input_copies: 3.0,
        output_copies: 3.0,
        first_input_copies: Some(1.0),
        last_output_copies: None,
        strict: true,
    };
}

/// What is minimized.
///
/// The steps of a pipeline are its stages and the links between them (and from and to the data host); a step is busy
/// for its forward and its backward work of a micro-batch together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PartitionObjective {
    /// Seconds of the busiest step: what many micro-batches take each.
    Bottleneck,
    /// Sum of all steps and latencies: one micro-batch by itself.
    Latency,
    /// Sum of all steps and latencies, and (M−1) times the busiest step: fill-drain where only one pass has work, an
    /// estimate of other schedules.
    SumPlusMax {
        /// M.
        micro_batches: u32,
    },
    /// Makespan of a schedule's event timeline, from the first start to the last end: exact for that schedule.
    Schedule {
        /// The order of every stage's work.
        schedule: ScheduleKind,
        /// M.
        micro_batches: u32,
        /// Whom a message occupies.
        #[serde(default)]
        sending: Sending,
    },
}

/// The partition problem as plain data; [`PartitionProblem`] is the same once it has been validated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionSpec {
    /// Name and version of the format.
    pub schema: PartitionSchema,
    /// The chain, from the first layer to the last.
    pub layers: Vec<Layer>,
    /// What enters the first layer, per micro-batch.
    #[serde(default)]
    pub input_bytes: f64,
    /// The devices, in pipeline order if that is given.
    pub devices: Vec<PartitionDevice>,
    /// The links between them.
    #[serde(default)]
    pub links: Links,
    /// Index of the device where the input comes from and the output goes to; `None`: both are where they are needed.
    #[serde(default)]
    pub data_host: Option<usize>,
    /// Whether the devices' order is given.
    #[serde(default)]
    pub order: DeviceOrder,
    /// Whether each device must hold layers.
    #[serde(default)]
    pub use_devices: DeviceUse,
    /// How many stages.
    #[serde(default)]
    pub stages: StageCount,
    /// What must fit into a device's memory.
    #[serde(default)]
    pub memory: MemoryRule,
    /// What is minimized.
    pub objective: PartitionObjective,
}

impl PartitionSpec {
    /// Layers that send and keep nothing, on devices in the given order that may be left out, over links that take no
    /// time.
    ///
    /// All else is set by name: `PartitionSpec { order: DeviceOrder::Free, ..PartitionSpec::new(devices, objective) }`.
    /// The number of layers is that of the first device's forward times.
    #[must_use]
    pub fn new(devices: Vec<PartitionDevice>, objective: PartitionObjective) -> Self {
        let layers = devices.first().map_or(0, |device| device.forward_seconds.len());
        Self {
            schema: PartitionSchema::V1,
            layers: vec![Layer::default(); layers],
            input_bytes: 0.0,
            devices,
            links: Links::none(),
            data_host: None,
            order: DeviceOrder::Given,
            use_devices: DeviceUse::Any,
            stages: StageCount::Any,
            memory: MemoryRule::default(),
            objective,
        }
    }

    /// Whether there is a backward pass: some layer has work or bytes in it. Every cut is then crossed twice by a
    /// micro-batch.
    #[must_use]
    pub fn has_backward(&self) -> bool {
        self.devices.iter().any(|device| device.backward_seconds.iter().any(|second| *second > 0.0))
            || self.layers.iter().any(|layer| layer.gradient_bytes > 0.0)
    }
}

/// A valid partition problem: every list has its length, every number its range.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct PartitionProblem(PartitionSpec);

impl PartitionProblem {
    /// Validates.
    ///
    /// # Errors
    /// [`FieldError`] with the path of the first bad field.
    pub fn new(spec: PartitionSpec) -> Result<Self, FieldError> {
        validate(&spec)?;
        Ok(Self(spec))
    }

    /// The plain data.
    #[must_use]
    pub fn into_spec(self) -> PartitionSpec {
        self.0
    }
}

impl Deref for PartitionProblem {
    type Target = PartitionSpec;

    fn deref(&self) -> &PartitionSpec {
        &self.0
    }
}
