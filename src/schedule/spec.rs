//! A schedule, its durations and its memory as a file.

use serde::{Deserialize, Serialize};

use super::account::Memory;
use super::builders::Passes;
use super::durations::Durations;
use super::error::ScheduleError;
use super::kind::ScheduleKind;
use super::machine::{Machine, Program};
use super::operation::Operation;
use super::schedule::{MAX_OPERATIONS, Schedule, Shape};
use super::sending::Sending;
use super::timeline::Timeline;
use crate::ground::blame::{Blame, Blamed};
use crate::ground::check::{FieldError, same_length};
use crate::text::{JsonFault, from_json};

/// Which schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleName {
    /// [`ScheduleKind::FillDrain`].
    #[serde(rename = "fill-drain")]
    FillDrain,
    /// [`ScheduleKind::OneForwardOneBackward`].
    #[serde(rename = "1f1b")]
    OneForwardOneBackward,
    /// [`ScheduleKind::EagerOneForwardOneBackward`].
    #[serde(rename = "eager-1f1b")]
    EagerOneForwardOneBackward,
    /// [`ScheduleKind::ForwardOnly`].
    #[serde(rename = "forward-only")]
    ForwardOnly,
    /// [`Schedule::interleaved`].
    #[serde(rename = "interleaved")]
    Interleaved,
    /// [`Schedule::zero_bubble`].
    #[serde(rename = "zero-bubble-h1")]
    ZeroBubble,
    /// [`Schedule::token_slices`], forward and backward.
    #[serde(rename = "token-slices")]
    TokenSlices,
    /// [`Schedule::token_slices`], forward only.
    #[serde(rename = "token-slices-forward")]
    TokenSlicesForward,
    /// Programs of the user's own.
    #[serde(rename = "own")]
    Own,
}

/// A timeline as data: what `collapipe schedule` reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Which schedule.
    pub schedule: ScheduleName,
    /// Number of stages.
    pub stages: u32,
    /// Micro-batches of an iteration.
    pub micro_batches: u32,
    /// Positions on each stage; more than 1 for `interleaved` alone.
    #[serde(default = "one")]
    pub chunks: u32,
    /// Slices of every micro-batch; more than 1 for token slices and programs of one's own.
    #[serde(default = "one")]
    pub slices: u32,
    /// Whom a transmission occupies.
    #[serde(default)]
    pub sending: Sending,
    /// How long everything takes.
    pub durations: Durations,
    /// Memory of the stages; counted in micro-batches where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// For `own`: names of the operations of each stage, as [`Operation`] says; the position may be left out where the
    /// stage holds one. Transmissions among them take the place of `sending`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Vec<String>>,
    /// For `own`: machines for transmissions alone, which take the place of `sending`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Vec<String>>,
    /// For `own`: the stage that holds each position; one position per stage where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placement: Vec<u32>,
}

fn one() -> u32 {
    1
}

/// Why a text describes no timeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Not the JSON of a [`ScheduleSpec`].
    #[error(transparent)]
    Format(#[from] JsonFault),
    /// Not a schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl From<FieldError> for SpecError {
    fn from(error: FieldError) -> Self {
        Self::Schedule(error.into())
    }
}

impl Blamed for SpecError {
    fn blame(&self) -> Blame {
        match self {
            Self::Format(error) => error.blame(),
            Self::Schedule(error) => error.blame(),
        }
    }

    fn field(&self) -> Option<FieldError> {
        match self {
            Self::Format(_) => None,
            Self::Schedule(error) => error.field(),
        }
    }
}

impl ScheduleSpec {
    /// Reads a specification.
    ///
    /// # Errors
    /// [`SpecError::Format`] with path, line and column.
    ///
    /// ```
    /// use collapipe::schedule::ScheduleSpec;
    /// let spec = ScheduleSpec::from_json(r#"{
    ///     "schedule": "own", "stages": 1, "micro_batches": 2, "programs": [["F0", "B0", "F1", "B1"]],
    ///     "durations": {"forward": [1], "backward": [2]}
    /// }"#)?;
    /// let (timeline, makespan_s) = spec.play()?;
    /// assert_eq!(makespan_s, 6.0);
    /// assert_eq!(timeline.memory(&spec.memory())?[0].peak, 1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        Ok(from_json(text, |_, found| JsonFault::not_numbers(found, |_| None))?)
    }

    /// The timeline, played once with the durations, and its makespan in seconds.
    ///
    /// # Errors
    /// [`SpecError::Schedule`] names the field or the operation.
    pub fn play(&self) -> Result<(Timeline, f64), SpecError> {
        let mut timeline = self.timeline()?;
        let makespan = timeline.run(&self.durations).map_err(|error| error.within("durations"))?;
        Ok((timeline, makespan))
    }

    /// The memory given, or that which counts micro-batches.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.memory.clone().unwrap_or_else(|| {
            // Where there are too many to be played, there is nothing to count.
            let most = usize::try_from(MAX_OPERATIONS).unwrap_or(usize::MAX);
            let positions = (self.stages as usize).saturating_mul(self.chunks as usize).min(most);
            Memory::counting(positions.max(self.placement.len()))
        })
    }

    /// What memory is counted in.
    #[must_use]
    pub fn memory_unit(&self) -> &'static str {
        match (&self.memory, self.slices) {
            (Some(_), _) => "bytes",
            (None, 1) => "micro-batches",
            (None, _) => "slices",
        }
    }

    fn timeline(&self) -> Result<Timeline, SpecError> {
        let (stages, micro_batches) = (self.stages as usize, self.micro_batches);
        self.refuse_unused()?;
        let schedule = match self.schedule {
            ScheduleName::FillDrain => Schedule::of(ScheduleKind::FillDrain, stages, micro_batches),
            ScheduleName::OneForwardOneBackward => {
                Schedule::of(ScheduleKind::OneForwardOneBackward, stages, micro_batches)
            }
            ScheduleName::EagerOneForwardOneBackward => {
                Schedule::of(ScheduleKind::EagerOneForwardOneBackward, stages, micro_batches)
            }
            ScheduleName::ForwardOnly => Schedule::of(ScheduleKind::ForwardOnly, stages, micro_batches),
            ScheduleName::Interleaved => Schedule::interleaved(stages, self.chunks, micro_batches),
            ScheduleName::ZeroBubble => Schedule::zero_bubble(stages, micro_batches),
            ScheduleName::TokenSlices => Schedule::token_slices(stages, micro_batches, self.slices, Passes::Both),
            ScheduleName::TokenSlicesForward => {
                Schedule::token_slices(stages, micro_batches, self.slices, Passes::Forward)
            }
            ScheduleName::Own => return self.own(),
        };
        Ok(Timeline::new(&schedule?, self.sending)?)
    }

    /// What the schedule named has no use for is not passed over in silence.
    fn refuse_unused(&self) -> Result<(), FieldError> {
        let own = self.schedule == ScheduleName::Own;
        let name = serde_json::to_string(&self.schedule).unwrap_or_default();
        let of = |path: &str, value: String, allowed: &str| {
            Err(FieldError::new(path, value, format!("{allowed}: {name} has no use for it")))
        };
        if self.chunks != 1 && self.schedule != ScheduleName::Interleaved {
            return of("chunks", self.chunks.to_string(), "1");
        }
        let slices = matches!(self.schedule, ScheduleName::TokenSlices | ScheduleName::TokenSlicesForward) || own;
        if self.slices != 1 && !slices {
            return of("slices", self.slices.to_string(), "1");
        }
        let lists =
            [("programs", self.programs.len()), ("links", self.links.len()), ("placement", self.placement.len())];
        match lists.into_iter().find(|(_, length)| *length > 0) {
            Some((path, length)) if !own => of(path, format!("a list of {length}"), "absent"),
            _ => Ok(()),
        }
    }

    /// Programs of one's own.
    fn own(&self) -> Result<Timeline, SpecError> {
        let stages = self.stages as usize;
        same_length("programs", self.programs.len(), stages, "one per stage")?;
        let plain = Shape::plain(stages, self.micro_batches);
        let placement = if self.placement.is_empty() { plain.placement.clone() } else { self.placement.clone() };
        let mut shape = Shape { placement, slices: self.slices, ..plain };
        let parse = |list: &str, machine: usize, index: usize, position| {
            let name = &self.programs_of(list)[machine][index];
            Operation::parse(name, position).ok_or_else(|| {
                let allowed =
                    "the name of an operation, as F3, B3, W3, f3 or b3, with .slice and @position where needed";
                FieldError::new(format!("{list}[{machine}][{index}]"), name, allowed)
            })
        };
        let mut programs = Vec::new();
        for (stage, names) in self.programs.iter().enumerate() {
            let mut held = (0..).zip(&shape.placement).filter(|(_, holder)| **holder as usize == stage);
            let position: Option<u32> = held.next().map(|(position, _)| position).filter(|_| held.next().is_none());
            let operation = |index: usize| {
                // A gradient goes over the link in front of the position that sends it.
                let back = names[index].starts_with('b');
                let position = if back { position.and_then(|at| at.checked_sub(1)) } else { position };
                parse("programs", stage, index, position)
            };
            programs.push((0..names.len()).map(operation).collect::<Result<Vec<_>, _>>()?);
        }
        let has = |letter: char| self.programs.iter().flatten().any(|name| name.starts_with(letter));
        (shape.backward, shape.weight) = (has('B') || has('W'), has('W'));
        shape.check()?;
        if shape.stages() != stages {
            let (found, allowed) =
                (format!("{:?}", shape.placement), format!("such that all {stages} stages hold a position"));
            return Err(FieldError::new("placement", found, allowed).into());
        }
        if !has('f') && !has('b') && self.links.is_empty() {
            return Ok(Timeline::new(&Schedule::own(shape, programs)?, self.sending)?);
        }
        if self.sending != Sending::default() {
            let allowed = "absent where programs or links say when messages are sent";
            return Err(FieldError::new("sending", self.sending, allowed).into());
        }
        let mut all: Vec<Program> = (0..)
            .zip(programs)
            .map(|(stage, operations)| Program { machine: Machine::Stage(stage), operations })
            .collect();
        for (machine, names) in self.links.iter().enumerate() {
            let operations = (0..names.len()).map(|index| parse("links", machine, index, None));
            let number = u32::try_from(machine).unwrap_or(u32::MAX);
            all.push(Program { machine: Machine::Own(number), operations: operations.collect::<Result<_, _>>()? });
        }
        Ok(Timeline::of_programs(&shape, &all)?)
    }

    fn programs_of(&self, list: &str) -> &[Vec<String>] {
        if list == "links" { &self.links } else { &self.programs }
    }
}
