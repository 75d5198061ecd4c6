//! Timed iterations, and what the model says that they take.

use std::collections::BTreeMap;

use super::error::CalibrationError;
use super::quantity::Quantity;
use crate::ground::check::{FieldError, Range, count, length, real, same_length};
use crate::schedule::{Durations, Schedule, ScheduleKind, Sending, Timeline};

/// Most rows.
const MAX_ROWS: usize = 100_000;
/// Most stages of a row.
const MAX_STAGES: usize = 1_000;
/// Most micro-batches times stages of a row.
const MAX_EVENTS: u64 = 1_000_000;

/// An iteration that was timed.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// What its stages do.
    pub work: Work,
    /// M, from 1.
    pub micro_batches: u32,
    /// In which order stages run their work.
    pub schedule: ScheduleKind,
    /// Copies of the pipeline that work side by side and wait for each other, from 1.
    pub replicas: u32,
    /// What it took, in s; positive.
    pub seconds: f64,
}

/// What the stages of a pipeline do with a micro-batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Work {
    /// Blocks on devices, all alike.
    Blocks {
        /// The device of each stage.
        devices: Vec<String>,
        /// How many blocks it holds, from 1.
        blocks: Vec<u32>,
        /// Samples of a micro-batch; positive.
        samples: f64,
    },
    /// Seconds that are known, of each stage: computing, forward and backward together, and on the link behind it, there and
    /// back together (of the last one not used).
    Known {
        /// Computing.
        computing: Vec<f64>,
        /// Sending.
        sending: Vec<f64>,
    },
}

impl Work {
    fn stages(&self) -> usize {
        match self {
            Self::Blocks { devices, .. } => devices.len(),
            Self::Known { computing, .. } => computing.len(),
        }
    }
}

/// What is to be fitted, to what.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationSpec {
    /// What was timed.
    pub rows: Vec<Timing>,
    /// Whom sending occupies.
    pub sending: Sending,
    /// Size of the message between two stages, per sample; ≥ 0.
    pub boundary_bytes_per_sample: f64,
    /// Share of the backward pass in a block's time, in [0, 1].
    pub backward_share: f64,
    /// What is fitted.
    pub fit: Vec<Quantity>,
    /// Numbers of what is not fitted, ≥ 0; 0 where there is none.
    pub fixed: BTreeMap<Quantity, f64>,
}

impl Default for CalibrationSpec {
    /// No rows, overlapped sending of nothing, twice as much work backward as forward, everything but the staging factor is
    /// fitted.
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            sending: Sending::Overlapped,
            boundary_bytes_per_sample: 0.0,
            backward_share: 2.0 / 3.0,
            fit: Quantity::ALL.into_iter().filter(|quantity| *quantity != Quantity::StagingFactor).collect(),
            fixed: BTreeMap::new(),
        }
    }
}

impl CalibrationSpec {
    /// # Errors
    /// The first field out of range.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        length("rows", self.rows.len(), MAX_ROWS)?;
        real("boundary_bytes_per_sample", self.boundary_bytes_per_sample, Range::NonNegative)?;
        if !(0.0..=1.0).contains(&self.backward_share) {
            return Err(FieldError::new("backward_share", format!("{:?}", self.backward_share), "in [0, 1]"));
        }
        for (quantity, value) in &self.fixed {
            real(&format!("fixed.{quantity}"), *value, Range::NonNegative)?;
            if self.fit.contains(quantity) {
                return Err(FieldError::new(format!("fixed.{quantity}"), value, "left out where it is fitted"));
            }
        }
        self.rows
            .iter()
            .enumerate()
            .try_for_each(|(i, row)| row.check().map_err(|e| e.within(format_args!("rows[{i}]"))))
    }

    /// The devices of all rows, in the order in which they come.
    pub(super) fn devices(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for row in &self.rows {
            if let Work::Blocks { devices, .. } = &row.work {
                for name in devices {
                    if !names.contains(name) {
                        names.push(name.clone());
                    }
                }
            }
        }
        names
    }
}

impl Timing {
    fn check(&self) -> Result<(), FieldError> {
        count("micro_batches", self.micro_batches, u32::MAX)?;
        count("replicas", self.replicas, u32::MAX)?;
        real("seconds", self.seconds, Range::Positive)?;
        let stages = self.work.stages();
        length("stages", stages, MAX_STAGES)?;
        if u64::from(self.micro_batches) * stages as u64 > MAX_EVENTS {
            let allowed = format!("at most {} with {stages} stages", MAX_EVENTS / stages as u64);
            return Err(FieldError::new("micro_batches", self.micro_batches, allowed));
        }
        match &self.work {
            Work::Blocks { blocks, samples, .. } => {
                same_length("blocks", blocks.len(), stages, "one entry per device")?;
                real("samples", *samples, Range::Positive)?;
                blocks.iter().enumerate().try_for_each(|(i, of)| count(&format!("blocks[{i}]"), *of, 65_536_u32))
            }
            Work::Known { computing, sending } => {
                same_length("send_seconds", sending.len(), stages, "one entry per stage")?;
                for (name, list) in [("stage_seconds", computing), ("send_seconds", sending)] {
                    for (i, seconds) in list.iter().enumerate() {
                        real(&format!("{name}[{i}]"), *seconds, Range::NonNegative)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// The numbers that are looked for: their quantities, and the devices they belong to.
#[derive(Clone, Debug)]
pub(super) struct Unknowns {
    pub names: Vec<(Quantity, Option<String>)>,
    devices: Vec<String>,
    /// Where each quantity stands, and what it is where it is not looked for.
    places: BTreeMap<Quantity, usize>,
    fixed: BTreeMap<Quantity, f64>,
}

impl Unknowns {
    pub fn new(spec: &CalibrationSpec) -> Self {
        let devices = spec.devices();
        let (mut names, mut places) = (Vec::new(), BTreeMap::new());
        for quantity in Quantity::ALL.into_iter().filter(|quantity| spec.fit.contains(quantity)) {
            places.insert(quantity, names.len());
            match quantity {
                Quantity::BlockSeconds => names.extend(devices.iter().map(|name| (quantity, Some(name.clone())))),
                _ => names.push((quantity, None)),
            }
        }
        Self { names, devices, places, fixed: spec.fixed.clone() }
    }

    fn value(&self, numbers: &[f64], quantity: Quantity) -> f64 {
        match self.places.get(&quantity) {
            Some(&place) => numbers.get(place).copied().unwrap_or(0.0),
            None => self.fixed.get(&quantity).copied().unwrap_or(0.0),
        }
    }

    fn block_seconds(&self, numbers: &[f64], device: &str) -> f64 {
        match self.places.get(&Quantity::BlockSeconds) {
            Some(&place) => {
                let device = self.devices.iter().position(|name| name == device);
                device.and_then(|device| numbers.get(place + device).copied()).unwrap_or(0.0)
            }
            None => self.fixed.get(&Quantity::BlockSeconds).copied().unwrap_or(0.0),
        }
    }
}

/// A row that can be run again and again.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    row: &'a Timing,
    timeline: Timeline,
    bytes: f64,
    backward_share: f64,
}

impl<'a> Runner<'a> {
    pub fn new(spec: &CalibrationSpec, index: usize, row: &'a Timing) -> Result<Self, CalibrationError> {
        let at = |source| CalibrationError::Schedule { row: index, source };
        let schedule = Schedule::of(row.schedule, row.work.stages(), row.micro_batches).map_err(at)?;
        let timeline = Timeline::new(&schedule, spec.sending).map_err(at)?;
        let samples = match row.work {
            Work::Blocks { samples, .. } => samples,
            Work::Known { .. } => 0.0,
        };
        let bytes = spec.boundary_bytes_per_sample * samples;
        Ok(Self { row, timeline, bytes, backward_share: spec.backward_share })
    }

    /// Seconds of the iteration; infinite where the numbers are beyond what can be run.
    pub fn seconds(&mut self, unknowns: &Unknowns, numbers: &[f64]) -> f64 {
        let value = |quantity| unknowns.value(numbers, quantity);
        let stages = self.row.work.stages();
        let (links, share) = (stages - 1, self.backward_share);
        let (mut forward, mut backward) = (Vec::with_capacity(stages), Vec::with_capacity(stages));
        let (mut link, mut staged) = (Vec::with_capacity(links), Vec::with_capacity(links));
        match &self.row.work {
            Work::Blocks { devices, blocks, samples } => {
                let (stage, block) = (value(Quantity::StageOverhead), value(Quantity::BlockOverhead));
                for (device, blocks) in devices.iter().zip(blocks) {
                    let (blocks, seconds) = (f64::from(*blocks), samples * unknowns.block_seconds(numbers, device));
                    forward.push(stage + blocks * (block + (1.0 - share) * seconds));
                    backward.push(stage + blocks * (block + share * seconds));
                }
                link.resize(links, value(Quantity::HopOverhead) + self.bytes * value(Quantity::LinkSecondsPerByte));
                staged.resize(links, self.bytes * value(Quantity::StagingSecondsPerByte));
            }
            Work::Known { computing, sending } => {
                let stage = value(Quantity::StageOverhead);
                forward.extend(computing.iter().map(|seconds| stage + (1.0 - share) * seconds));
                backward.extend(computing.iter().map(|seconds| stage + share * seconds));
                let one_way = sending.iter().take(links).map(|seconds| 0.5 * seconds);
                link.extend(one_way.clone().map(|seconds| value(Quantity::HopOverhead) + seconds));
                staged.extend(one_way.map(|seconds| value(Quantity::StagingFactor) * seconds));
            }
        }
        // What keeps a sender busy is part of its work: of the nearer stage forward, of the farther one backward.
        for (j, busy) in staged.iter().enumerate() {
            forward[j] += busy;
            backward[j + 1] += busy;
        }
        let has_backward = self.row.schedule.has_backward();
        let latency = vec![value(Quantity::HopLatency); links];
        let back = |list: Vec<f64>| if has_backward { list } else { Vec::new() };
        let durations = Durations {
            forward,
            backward: back(backward),
            forward_link: link.clone(),
            backward_link: back(link),
            forward_latency: latency.clone(),
            backward_latency: back(latency),
            weight: Vec::new(),
        };
        let waits =
            if stages as u64 * u64::from(self.row.replicas) > 1 { value(Quantity::IterationOverhead) } else { 0.0 };
        self.timeline.run(&durations).map_or(f64::INFINITY, |makespan| makespan + waits)
    }

    /// Relative error: predicted over measured, less 1.
    pub fn error(&mut self, unknowns: &Unknowns, numbers: &[f64]) -> f64 {
        self.seconds(unknowns, numbers) / self.row.seconds - 1.0
    }
}
