//! A schedule as data.

use super::error::ScheduleError;
use super::kind::ScheduleKind;
use super::machine::{Machine, Program};
use super::operation::{Operation, OperationKind};
use super::sending::Sending;
use super::timeline::Timeline;
use crate::ground::check::{Checked, FieldError, count, length};

/// Most operations of a schedule, transmissions included.
pub const MAX_OPERATIONS: u64 = 10_000_000;

/// What a schedule is a schedule of. Valid inside a [`Schedule`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The stage that holds each position of the model, from 0. Positions are parts of the model in the order in which
    /// a forward pass meets them: one per stage, or several (interleaved).
    pub placement: Vec<u32>,
    /// Micro-batches of an iteration, at least 1.
    pub micro_batches: u32,
    /// Slices that every micro-batch is cut into along its tokens; 1: none.
    pub slices: u32,
    /// Whether there is backward work.
    pub backward: bool,
    /// Whether the gradients of weights (W) are split off from the backward work.
    pub weight: bool,
}

impl Shape {
    /// One position on each stage, micro-batches in one piece, forward and backward.
    #[must_use]
    pub fn plain(stages: usize, micro_batches: u32) -> Self {
        let placement = (0..stages).map(|stage| u32::try_from(stage).unwrap_or(u32::MAX)).collect();
        Self { placement, micro_batches, slices: 1, backward: true, weight: false }
    }

    /// `chunks` positions on each stage, position q on stage q modulo `stages`. What is too large is refused before any
    /// list of it is made.
    pub(super) fn round(stages: usize, chunks: u32, micro_batches: u32, slices: u32) -> Result<Self, FieldError> {
        let most = MAX_OPERATIONS / OperationKind::ALL.len() as u64;
        let sizes = [
            ("stages", stages as u64),
            ("chunks", u64::from(chunks)),
            ("micro_batches", u64::from(micro_batches)),
            ("slices", u64::from(slices)),
        ];
        let mut product = 1_u64;
        for (path, size) in sizes {
            count(path, size, most)?;
            product = product.saturating_mul(size);
        }
        if product > most {
            let what = format!("{stages} stages x {chunks} chunks x {micro_batches} micro-batches x {slices} slices");
            return Err(FieldError::new("operations", what, format!("at most {most} together")));
        }
        let once = Self::plain(stages, micro_batches).placement;
        let placement = (0..chunks).flat_map(|_| once.iter().copied()).collect();
        Ok(Self { placement, slices, ..Self::plain(0, micro_batches) })
    }

    /// Number of positions.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.placement.len()
    }

    /// Number of stages.
    #[must_use]
    pub fn stages(&self) -> usize {
        self.placement.iter().max().map_or(0, |last| *last as usize + 1)
    }

    /// Pieces of work that pass every position.
    pub(super) fn units(&self) -> u32 {
        self.micro_batches * self.slices
    }

    pub(super) fn has(&self, kind: OperationKind) -> bool {
        match kind {
            OperationKind::Forward | OperationKind::SendForward => true,
            OperationKind::Backward | OperationKind::SendBackward => self.backward,
            OperationKind::Weight => self.weight,
        }
    }

    /// Whether the parts at both ends of a link lie on different stages, so that messages go over it.
    pub(super) fn is_crossed(&self, link: usize) -> bool {
        let (near, far) = (self.placement.get(link), self.placement.get(link + 1));
        far.is_some() && near != far
    }

    /// The stage that runs an operation, or sends its message.
    pub(super) fn stage_of(&self, operation: Operation) -> u32 {
        let position = operation.position as usize + usize::from(operation.kind == OperationKind::SendBackward);
        self.placement.get(position).copied().unwrap_or_default()
    }

    /// The stage that receives a transmission.
    pub(super) fn receiver_of(&self, operation: Operation) -> u32 {
        let position = operation.position as usize + usize::from(operation.kind == OperationKind::SendForward);
        self.placement.get(position).copied().unwrap_or_default()
    }

    /// The transmission of what an operation computes, where there is one.
    pub(super) fn send_after(&self, operation: Operation) -> Option<Operation> {
        let (kind, position) = match operation.kind {
            OperationKind::Forward => (OperationKind::SendForward, operation.position),
            OperationKind::Backward => (OperationKind::SendBackward, operation.position.checked_sub(1)?),
            _ => return None,
        };
        self.is_crossed(position as usize).then_some(Operation { kind, position, ..operation })
    }

    /// What an operation needs the result of, be it on another machine or not.
    pub(super) fn need_of(&self, operation: Operation) -> Option<Operation> {
        use OperationKind::{Backward, Forward, SendBackward, SendForward, Weight};
        let at = |kind, position| Some(Operation { kind, position, ..operation });
        let position = operation.position;
        match operation.kind {
            Forward if position == 0 => None,
            Forward if self.is_crossed(position as usize - 1) => at(SendForward, position - 1),
            Forward => at(Forward, position - 1),
            SendForward => at(Forward, position),
            SendBackward => at(Backward, position + 1),
            Weight => at(Backward, position),
            Backward if position as usize + 1 == self.positions() => at(Forward, position),
            Backward if self.is_crossed(position as usize) => at(SendBackward, position),
            Backward => at(Backward, position + 1),
        }
    }

    /// Why an operation cannot exist.
    pub(super) fn refusal(&self, operation: Operation) -> Option<String> {
        let Operation { kind, position, micro_batch, slice } = operation;
        let at = position as usize;
        if !self.has(kind) {
            let what = if kind == OperationKind::Weight { "splits no W off" } else { "has no backward work" };
            return Some(format!("the schedule {what}"));
        }
        if micro_batch >= self.micro_batches {
            return Some(format!("micro-batches are 0 to {}", self.micro_batches - 1));
        }
        if slice >= self.slices {
            return Some(format!("slices are 0 to {}", self.slices - 1));
        }
        if !kind.is_send() {
            return (at >= self.positions()).then(|| format!("positions are 0 to {}", self.positions() - 1));
        }
        (!self.is_crossed(at)).then(|| format!("no message goes from a stage to another at link {position}"))
    }

    pub(super) fn check(&self) -> Checked {
        let most = usize::try_from(MAX_OPERATIONS).unwrap_or(usize::MAX);
        length("placement", self.placement.len(), most)?;
        for (path, value) in [("micro_batches", self.micro_batches), ("slices", self.slices)] {
            if value == 0 {
                return Err(FieldError::new(path, value, "at least 1"));
            }
        }
        if self.weight && !self.backward {
            return Err(FieldError::new("weight", self.weight, "false where there is no backward work"));
        }
        let stages = self.stages();
        let mut holds = vec![false; stages.min(self.positions())];
        for (position, &stage) in self.placement.iter().enumerate() {
            match holds.get_mut(stage as usize) {
                Some(slot) => *slot = true,
                None => {
                    let allowed = format!("a stage below {}, the number of positions", self.positions());
                    return Err(FieldError::new(format!("placement[{position}]"), stage, allowed));
                }
            }
        }
        if let Some(stage) = holds.iter().position(|holds| !holds) {
            let allowed = format!("such that every stage up to {} holds a position: {stage} holds none", stages - 1);
            return Err(FieldError::new("placement", format!("{:?}", self.placement), allowed));
        }
        let sizes = [OperationKind::ALL.len() as u64, self.micro_batches.into(), self.slices.into()];
        let operations = sizes.into_iter().fold(self.positions() as u64, u64::saturating_mul);
        if operations > MAX_OPERATIONS {
            let what = format!("{} positions x {} x {}", self.positions(), self.micro_batches, self.slices);
            let allowed = format!("at most {} positions x micro-batches x slices", MAX_OPERATIONS / 5);
            return Err(FieldError::new("micro_batches", what, allowed));
        }
        Ok(())
    }
}

/// The order of the work of every stage, checked: each operation of its [`Shape`] stands exactly once on the stage that
/// holds its position, and none waits for ever.
///
/// Transmissions are not part of it: a [`Sending`] says whom they occupy, and none of them can make a schedule wait for
/// ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    shape: Shape,
    programs: Vec<Vec<Operation>>,
}

impl Schedule {
    /// A schedule that plans can name.
    ///
    /// # Errors
    /// [`ScheduleError::Field`] for no stage, no micro-batch, or more than [`MAX_OPERATIONS`].
    ///
    /// ```
    /// use collapipe::schedule::{Schedule, ScheduleKind};
    /// let schedule = Schedule::of(ScheduleKind::OneForwardOneBackward, 2, 2)?;
    /// let names: Vec<String> = schedule.programs()[0].iter().map(ToString::to_string).collect();
    /// assert_eq!(names, ["F0@0", "F1@0", "B0@0", "B1@0"]);
    /// # Ok::<(), collapipe::schedule::ScheduleError>(())
    /// ```
    pub fn of(kind: ScheduleKind, stages: usize, micro_batches: u32) -> Result<Self, ScheduleError> {
        let shape = Shape { backward: kind.has_backward(), ..Shape::round(stages, 1, micro_batches, 1)? };
        let program = |stage: usize, position: u32| {
            let order = kind.order(stage, stages, micro_batches).into_iter();
            order.map(|(kind, micro_batch)| Operation { kind, position, micro_batch, slice: 0 }).collect()
        };
        let programs = shape.placement.iter().enumerate().map(|(stage, &position)| program(stage, position)).collect();
        // Needs no check: every operation stands in its place once, forwards and backwards in one order on all stages,
        // and no stage runs fewer forwards before a backward than the stage behind it.
        Ok(Self { shape, programs })
    }

    /// A schedule of one's own: the computations of every stage in their order.
    ///
    /// # Errors
    /// [`ScheduleError`] names the operation that is missing, stands twice, cannot be done where it stands, or waits for
    /// ever.
    pub fn own(shape: Shape, programs: Vec<Vec<Operation>>) -> Result<Self, ScheduleError> {
        shape.check()?;
        if programs.len() != shape.stages() {
            let (found, allowed) = (programs.len(), format!("a list of {}, one program per stage", shape.stages()));
            return Err(FieldError::new("programs", format!("a list of {found}"), allowed).into());
        }
        let schedule = Self { shape, programs };
        Timeline::new(&schedule, Sending::Delay)?;
        Ok(schedule)
    }

    /// What it is a schedule of.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The computations of every stage in their order.
    #[must_use]
    pub fn programs(&self) -> &[Vec<Operation>] {
        &self.programs
    }

    /// The programs of the stages as those of machines.
    pub(super) fn stage_programs(&self) -> Vec<Program> {
        let program = |(stage, operations): (usize, &Vec<Operation>)| Program {
            machine: Machine::Stage(u32::try_from(stage).unwrap_or(u32::MAX)),
            operations: operations.clone(),
        };
        self.programs.iter().enumerate().map(program).collect()
    }
}
