//! Schedules beyond those that plans can name.

use super::error::ScheduleError;
use super::kind::ScheduleKind;
use super::operation::Operation;
use super::operation::OperationKind::{self, Backward, Forward, Weight};
use super::schedule::{Schedule, Shape};
use crate::ground::check::FieldError;

/// Which work there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Inference.
    Forward,
    /// Training: forward, then backward.
    Both,
}

fn whole(kind: OperationKind, position: u32, micro_batch: u32) -> Operation {
    Operation { kind, position, micro_batch, slice: 0 }
}

fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Schedule {
    /// Interleaved 1F1B (Narayanan et al., *Efficient Large-Scale Language Model Training on GPU Clusters Using
    /// Megatron-LM*): `chunks` positions on each stage, position q on stage q mod `stages`, so that a pass goes round the
    /// stages `chunks` times. The bubble shrinks by that factor, at the price of as many times the messages.
    ///
    /// Micro-batches go in groups of `stages`: a group through the first chunk, then through the second, and so on.
    /// Stage s runs 2 (P − 1 − s) + (v − 1) P forwards first.
    ///
    /// # Errors
    /// [`ScheduleError::Field`] as for [`of`](Self::of), and where the micro-batches are not groups of `stages`.
    pub fn interleaved(stages: usize, chunks: u32, micro_batches: u32) -> Result<Self, ScheduleError> {
        let shape = Shape::round(stages, chunks, micro_batches, 1)?;
        if chunks == 1 {
            return Self::of(ScheduleKind::OneForwardOneBackward, stages, micro_batches);
        }
        let per_group = small(stages);
        if !micro_batches.is_multiple_of(per_group) {
            let allowed = format!("a multiple of the number of stages, {per_group}, for interleaved schedules");
            return Err(FieldError::new("micro_batches", micro_batches, allowed).into());
        }
        let work = micro_batches * chunks;
        // The i-th forward and the i-th backward of a stage.
        let nth = |kind, stage: u32, index: u32| {
            let (group, within) = (index / (per_group * chunks), index % (per_group * chunks));
            let chunk = match kind {
                Backward => chunks - 1 - within / per_group,
                _ => within / per_group,
            };
            whole(kind, chunk * per_group + stage, group * per_group + within % per_group)
        };
        let program = |stage: u32| {
            let warm_up = work.min(2 * (per_group - 1 - stage) + (chunks - 1) * per_group);
            let mut program: Vec<Operation> = (0..warm_up).map(|index| nth(Forward, stage, index)).collect();
            for index in 0..work {
                let forward = warm_up + index;
                program.extend((forward < work).then(|| nth(Forward, stage, forward)));
                program.push(nth(Backward, stage, index));
            }
            program
        };
        let programs = (0..per_group).map(program).collect();
        Self::own(shape, programs)
    }

    /// Zero-bubble schedule H1 (Qi et al., *Zero Bubble Pipeline Parallelism*): 1F1B with the gradients of weights split
    /// off. Stage s runs W of a micro-batch s backwards later than its B, so that W fills what would be bubble; no stage
    /// holds more micro-batches than the first one of 1F1B does.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn zero_bubble(stages: usize, micro_batches: u32) -> Result<Self, ScheduleError> {
        let shape = Shape { weight: true, ..Shape::round(stages, 1, micro_batches, 1)? };
        let program = |(stage, &position): (usize, &u32)| {
            let mut program = Vec::new();
            for (kind, micro_batch) in ScheduleKind::OneForwardOneBackward.order(stage, stages, micro_batches) {
                program.push(whole(kind, position, micro_batch));
                if let (Backward, Some(late)) = (kind, micro_batch.checked_sub(position)) {
                    program.push(whole(Weight, position, late));
                }
            }
            let rest = micro_batches.saturating_sub(position)..micro_batches;
            program.extend(rest.map(|micro_batch| whole(Weight, position, micro_batch)));
            program
        };
        let programs = shape.placement.iter().enumerate().map(program).collect();
        Self::own(shape, programs)
    }

    /// Token-level slices (Li et al., *TeraPipe*): every micro-batch is cut into `slices` along its tokens, which follow
    /// each other through the pipeline as micro-batches do. A slice attends to the slices before it, so that later
    /// slices take longer: durations are given per position and slice. Backward in the reverse order, the last slice
    /// of the last micro-batch first.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn token_slices(stages: usize, micro_batches: u32, slices: u32, passes: Passes) -> Result<Self, ScheduleError> {
        let backward = passes == Passes::Both;
        let shape = Shape { backward, ..Shape::round(stages, 1, micro_batches, slices)? };
        let pieces = || (0..micro_batches).flat_map(|micro_batch| (0..slices).map(move |slice| (micro_batch, slice)));
        let program = |&position: &u32| {
            let piece = move |kind| move |(micro_batch, slice)| Operation { kind, position, micro_batch, slice };
            let mut program: Vec<Operation> = pieces().map(piece(Forward)).collect();
            if backward {
                let reversed: Vec<Operation> = pieces().map(piece(Backward)).collect();
                program.extend(reversed.into_iter().rev());
            }
            program
        };
        let programs = shape.placement.iter().map(program).collect();
        Self::own(shape, programs)
    }
}
