//! What a timeline comes to: machines, critical path, memory.

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::operation::{Operation, OperationKind};
use super::timeline::Timeline;
use crate::ground::check::{Checked, FieldError, Range, real, same_length};

/// Memory of the stages, per position of the model: empty lists mean 0.
///
/// [`Memory::counting`] counts micro-batches (or slices) instead of bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Always there: weights, gradients, state of the optimizer.
    pub resident_bytes: Vec<f64>,
    /// Of a micro-batch (or slice) from the start of its F to the end of its B; without backward work, to the end of F.
    pub activation_bytes: Vec<f64>,
    /// Of a micro-batch from the end of its B to the end of its W, where W is split off.
    pub weight_bytes: Vec<f64>,
}

impl Memory {
    /// One unit for each micro-batch (or slice) from the start of its F to its last operation.
    #[must_use]
    pub fn counting(positions: usize) -> Self {
        let one = vec![1.0; positions];
        Self { resident_bytes: Vec::new(), activation_bytes: one.clone(), weight_bytes: one }
    }

    fn check(&self, positions: usize) -> Checked {
        let lists = [
            ("resident_bytes", &self.resident_bytes),
            ("activation_bytes", &self.activation_bytes),
            ("weight_bytes", &self.weight_bytes),
        ];
        for (name, values) in lists {
            if !values.is_empty() {
                same_length(name, values.len(), positions, "one per position")?;
            }
            for (index, &value) in values.iter().enumerate() {
                real(&format!("{name}[{index}]"), value, Range::NonNegative)?;
            }
        }
        Ok(())
    }
}

/// Memory of a stage over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageMemory {
    /// The stage.
    pub stage: u32,
    /// The most it holds. The order of its work gives it: no duration changes it.
    pub peak: f64,
    /// What it holds from a time on (in seconds), at every time when that changes.
    pub levels: Vec<(f64, f64)>,
}

/// How a machine spends its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MachineUse {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub machine: Machine,
    /// Seconds in which it works.
    pub busy_s: f64,
    /// Seconds of the makespan in which it does not.
    pub bubble_s: f64,
    /// The bubble as a share of the makespan; 0 where that is 0.
    pub bubble_share: f64,
}

/// A duration on a critical path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// Name of the duration: that of the operation without its micro-batch, or of a latency: `F@1`, `latency f@0`.
    pub duration: String,
    /// How often it stands on the path.
    pub count: u32,
    /// How long it is, in seconds.
    pub seconds: f64,
}

/// A piece of a critical path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathPiece {
    /// The operation.
    #[serde(serialize_with = "as_text")]
    pub operation: Operation,
    /// When it begins, in seconds.
    pub start_s: f64,
    /// When it ends.
    pub end_s: f64,
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Everything there is to say about a run of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    /// Seconds from the first start to the last end.
    pub makespan_s: f64,
    /// Seconds that no order of the same work on the same machines can beat.
    pub least_makespan_s: f64,
    /// The machines, those of the stages first.
    pub machines: Vec<MachineUse>,
    /// How often each duration stands on a critical path, those that stand on it.
    pub counts: Vec<Count>,
    /// That path.
    pub critical_path: Vec<PathPiece>,
    /// Memory of each stage.
    pub memory: Vec<StageMemory>,
}

impl Timeline {
    /// Memory of every stage over the last run.
    ///
    /// # Errors
    /// [`FieldError`] for lists that do not have one number per position, and for numbers out of range.
    pub fn memory(&self, of: &Memory) -> Result<Vec<StageMemory>, FieldError> {
        of.check(self.shape().positions())?;
        let at = |list: &[f64], position: usize| list.get(position).copied().unwrap_or_default();
        let shape = self.shape();
        let mut stages = Vec::new();
        for (machine, events) in self.machines() {
            let Machine::Stage(stage) = machine else { continue };
            let held = shape.placement.iter().enumerate().filter(|(_, holder)| **holder == stage);
            let mut level: f64 = held.map(|(position, _)| at(&of.resident_bytes, position)).sum();
            let mut levels = vec![(0.0, level)];
            let mut peak = level;
            // A machine does one thing after another, so that its program gives the order of the changes.
            for event in events {
                let position = event.operation.position as usize;
                let activation = at(&of.activation_bytes, position);
                let weight = if shape.weight { at(&of.weight_bytes, position) } else { 0.0 };
                let (start, end) = match event.operation.kind {
                    OperationKind::Forward if shape.backward => (activation, 0.0),
                    OperationKind::Forward => (activation, -activation),
                    OperationKind::Backward => (0.0, weight - activation),
                    OperationKind::Weight => (0.0, -weight),
                    OperationKind::SendForward | OperationKind::SendBackward => (0.0, 0.0),
                };
                for (time, change) in [(event.start_s, start), (event.end_s, end)] {
                    if change != 0.0 {
                        level += change;
                        peak = peak.max(level);
                        match levels.last_mut() {
                            Some(last) if last.0 == time => last.1 = level,
                            _ => levels.push((time, level)),
                        }
                    }
                }
            }
            stages.push(StageMemory { stage, peak, levels });
        }
        Ok(stages)
    }

    /// How each machine spends the makespan of the last run.
    #[must_use]
    pub fn machine_use(&self) -> Vec<MachineUse> {
        let makespan = self.makespan_s();
        let of = |(machine, places): (Machine, _)| {
            let busy_s: f64 = self.seconds(places);
            let bubble_s = (makespan - busy_s).max(0.0);
            let bubble_share = if makespan > 0.0 { bubble_s / makespan } else { 0.0 };
            MachineUse { machine, busy_s, bubble_s, bubble_share }
        };
        self.machine_names().zip(self.machine_places()).map(of).collect()
    }

    fn seconds(&self, places: impl Iterator<Item = usize>) -> f64 {
        places.map(|place| self.durations()[place]).sum()
    }

    /// The durations that stand on a critical path of the last run.
    pub fn named_counts(&mut self) -> Vec<Count> {
        let names = self.layout().names();
        let counts = self.critical_counts().to_vec();
        let on_path = names.into_iter().zip(counts).zip(self.durations()).filter(|((_, count), _)| *count > 0);
        on_path.map(|((duration, count), &seconds)| Count { duration, count, seconds }).collect()
    }

    /// Everything about the last run.
    ///
    /// # Errors
    /// As [`memory`](Self::memory).
    pub fn account(&mut self, memory: &Memory) -> Result<Account, FieldError> {
        let piece =
            |event: super::Event| PathPiece { operation: event.operation, start_s: event.start_s, end_s: event.end_s };
        Ok(Account {
            makespan_s: self.makespan_s(),
            least_makespan_s: self.least_makespan_s(),
            machines: self.machine_use(),
            counts: self.named_counts(),
            critical_path: self.critical_path().into_iter().map(piece).collect(),
            memory: self.memory(memory)?,
        })
    }
}
