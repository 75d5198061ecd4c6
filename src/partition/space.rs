//! Which devices may follow which: the states that the algorithms walk through, in an order in which every state comes
//! after those it follows from.
//!
//! A state is "these devices are used up, and the last of them is of this type". In given order that is the position of
//! the last device (and the number of stages, where that is limited); in free order it is how many devices of each type
//! are used, so that equal devices cost no more states than their number.

use std::ops::{ControlFlow, Range};

use super::error::PartitionError;
use super::problem::{DeviceOrder, DeviceUse, PartitionProblem, StageCount};

/// A state.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Where it stands in arrays of [`Space::len`]; modulo the number of types it is the last device's type.
    pub index: usize,
    pub kind: usize,
    /// How many stages come before its last one, where the number of stages is limited or the order free.
    pub stage: usize,
    /// The states it may follow, some of which may not exist; empty if it begins a pipeline.
    pub before: Range<usize>,
    /// Whether the pipeline may begin with it.
    pub begins: bool,
    /// Whether the pipeline may end with it.
    pub ends: bool,
}

pub(super) struct Space {
    kinds: usize,
    len: usize,
    /// The limit on stages, and whether fewer are allowed.
    stages: Option<(usize, bool)>,
    all: bool,
    walk: Walk,
}

/// What is left of a resource after each state.
pub(super) struct Rest {
    left: Vec<f64>,
    by_row: bool,
    kinds: usize,
}

impl Rest {
    pub fn after(&self, state: &State) -> f64 {
        self.left[if self.by_row { state.index / self.kinds } else { state.kind }]
    }
}

enum Walk {
    /// Rows are numbers of stages, or a single one where it is not limited.
    Given,
    /// Rows are numbers of used devices by type, in mixed radix: number and stride of each type.
    Free(Vec<(usize, usize)>),
}

impl Space {
    /// For types with so many devices and so many stages. `per_state` is what the caller keeps for each state, in words
    /// of 8 bytes.
    pub fn new(
        problem: &PartitionProblem,
        stages: StageCount,
        counts: &[usize],
        per_state: usize,
        limit: usize,
    ) -> Result<Self, PartitionError> {
        let kinds = counts.len();
        let devices: usize = counts.iter().sum();
        let all = problem.use_devices == DeviceUse::All;
        let stages = match stages {
            StageCount::Any => None,
            StageCount::AtMost(most) => Some((most, true)),
            StageCount::Exactly(exactly) => Some((exactly, false)),
        };
        let (walk, rows) = match problem.order {
            // More stages than devices do not exist: what is asked for beyond them has no end.
            DeviceOrder::Given => (Walk::Given, stages.map_or(1, |(most, _)| most.min(devices)) as f64),
            DeviceOrder::Free => {
                let rows = counts.iter().map(|count| (count + 1) as f64).product();
                let mut stride = 1_usize;
                let radix = |count: &usize| {
                    let this = stride;
                    stride = stride.saturating_mul(count + 1);
                    (*count, this)
                };
                (Walk::Free(counts.iter().map(radix).collect()), rows)
            }
        };
        let needed = rows * kinds as f64 * per_state as f64;
        if needed > limit as f64 {
            return Err(PartitionError::TooLarge {
                what: "states of a free order (sets of different devices × last device × cuts)",
                needed,
                limit: limit as f64,
            });
        }
        Ok(Self { kinds, len: rows as usize * kinds, stages, all, walk })
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn rows(&self) -> usize {
        self.len / self.kinds.max(1)
    }

    /// What is left of a resource after each state, given how much of it every device of a type has: by row in free
    /// order, by the last device in given order.
    pub fn rest(&self, of_kind: &[f64]) -> Rest {
        match &self.walk {
            Walk::Given => {
                let mut after = vec![0.0; self.kinds];
                for kind in (1..self.kinds).rev() {
                    after[kind - 1] = after[kind] + of_kind[kind];
                }
                Rest { left: after, by_row: false, kinds: self.kinds }
            }
            Walk::Free(radix) => {
                let all: f64 = radix.iter().zip(of_kind).map(|((count, _), of)| *count as f64 * of).sum();
                let mut left = vec![all; self.rows()];
                // The row without the first device that is used.
                for row in 1..left.len() {
                    let kind = radix.iter().position(|(count, stride)| row / stride % (count + 1) > 0);
                    if let Some(kind) = kind {
                        left[row] = left[row - radix[kind].1] - of_kind[kind];
                    }
                }
                Rest { left, by_row: true, kinds: self.kinds }
            }
        }
    }

    /// Calls `visit` with every state, in order, until it breaks.
    pub fn walk<B>(&self, mut visit: impl FnMut(State) -> ControlFlow<B>) -> Option<B> {
        match &self.walk {
            Walk::Given => {
                for index in 0..self.len {
                    if let ControlFlow::Break(value) = visit(self.given(index)) {
                        return Some(value);
                    }
                }
            }
            Walk::Free(radix) => {
                let mut used = vec![0_usize; self.kinds];
                for row in 1..self.len / self.kinds.max(1) {
                    for (kind, (count, _)) in radix.iter().enumerate() {
                        if used[kind] < *count {
                            used[kind] += 1;
                            break;
                        }
                        used[kind] = 0;
                    }
                    let stages: usize = used.iter().sum();
                    let (ends, allowed) = self.row(radix, &used);
                    if !allowed {
                        continue;
                    }
                    for kind in (0..self.kinds).filter(|kind| used[*kind] > 0) {
                        if let ControlFlow::Break(value) = visit(self.free(radix, row, kind, stages, ends)) {
                            return Some(value);
                        }
                    }
                }
            }
        }
        None
    }

    /// The state with an index that [`Self::walk`] gave.
    pub fn state(&self, index: usize) -> State {
        match &self.walk {
            Walk::Given => self.given(index),
            Walk::Free(radix) => {
                let row = index / self.kinds;
                let used: Vec<usize> = radix.iter().map(|(count, stride)| row / stride % (count + 1)).collect();
                self.free(radix, row, index % self.kinds, used.iter().sum(), self.row(radix, &used).0)
            }
        }
    }

    /// Whether a pipeline may end with these devices used, and whether it has not too many stages.
    fn row(&self, radix: &[(usize, usize)], used: &[usize]) -> (bool, bool) {
        let stages: usize = used.iter().sum();
        let (few_enough, enough) =
            self.stages.map_or((true, true), |(most, fewer)| (stages <= most, fewer || stages == most));
        let all = !self.all || radix.iter().zip(used).all(|((count, _), used)| used == count);
        (few_enough && enough && all, few_enough)
    }

    fn free(&self, radix: &[(usize, usize)], row: usize, kind: usize, stages: usize, ends: bool) -> State {
        let before = row - radix[kind].1;
        let begins = before == 0;
        let states = if begins { 0..0 } else { before * self.kinds..(before + 1) * self.kinds };
        State { index: row * self.kinds + kind, kind, stage: stages.saturating_sub(1), before: states, begins, ends }
    }

    fn given(&self, index: usize) -> State {
        let (row, kind) = (index / self.kinds, index % self.kinds);
        let earliest = if self.all { kind.saturating_sub(1) } else { 0 };
        let (before, first_stage) = match self.stages {
            None => (earliest..kind, true),
            Some(_) if row == 0 => (0..0, true),
            Some(_) => ((row - 1) * self.kinds + earliest..(row - 1) * self.kinds + kind, false),
        };
        let enough = self.stages.is_none_or(|(most, fewer)| fewer || row + 1 == most);
        State {
            index,
            kind,
            stage: row,
            before,
            begins: first_stage && (!self.all || kind == 0),
            ends: enough && (!self.all || kind + 1 == self.kinds),
        }
    }
}
