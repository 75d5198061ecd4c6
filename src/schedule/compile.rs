//! From programs of machines to an order in which all operations can be computed, once.

use super::error::ScheduleError;
use super::machine::{Machine, Program};
use super::operation::{Operation, OperationKind};
use super::schedule::Shape;

/// No operation.
pub(super) const NONE: u32 = u32::MAX;

/// Operations by number, and what each waits for.
pub(super) struct Graph<'a> {
    shape: &'a Shape,
    /// By number: the operations before it on its machines (at most two), and the one whose result it needs.
    pub waits: Vec<[u32; 3]>,
    /// By number: whether it takes place.
    pub exists: Vec<bool>,
}

impl<'a> Graph<'a> {
    /// Checks the programs.
    pub fn new(shape: &'a Shape, programs: &[Program]) -> Result<Self, ScheduleError> {
        let numbers = OperationKind::ALL.len() * shape.positions() * shape.units() as usize;
        let mut graph = Self { shape, waits: vec![[NONE; 3]; numbers], exists: vec![false; numbers] };
        let mut on: Vec<[Option<Machine>; 2]> = vec![[None; 2]; numbers];
        for Program { machine, operations } in programs {
            let mut before = NONE;
            for &operation in operations {
                graph.admit(operation, *machine)?;
                let number = graph.number(operation);
                let place = match on[number] {
                    [None, _] => 0,
                    // Two ends of a link.
                    [Some(first), None] if operation.kind.is_send() && first != *machine => 1,
                    [Some(first), _] => return Err(ScheduleError::Duplicate { operation, first, second: *machine }),
                };
                on[number][place] = Some(*machine);
                graph.waits[number][place] = before;
                graph.exists[number] = true;
                graph.check_slices(operation, *machine)?;
                before = u32::try_from(number).unwrap_or(NONE);
            }
        }
        graph.complete(&on)?;
        for number in 0..numbers {
            if graph.exists[number]
                && let Some(need) = shape.need_of(graph.operation(number))
            {
                graph.waits[number][2] = u32::try_from(graph.number(need)).unwrap_or(NONE);
            }
        }
        Ok(graph)
    }

    pub fn number(&self, operation: Operation) -> usize {
        let unit = operation.micro_batch as usize * self.shape.slices as usize + operation.slice as usize;
        let row = operation.kind as usize * self.shape.positions() + operation.position as usize;
        row * self.shape.units() as usize + unit
    }

    pub fn operation(&self, number: usize) -> Operation {
        let units = self.shape.units() as usize;
        let (row, unit) = (number / units, number % units);
        let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Operation {
            kind: OperationKind::ALL[row / self.shape.positions()],
            position: small(row % self.shape.positions()),
            micro_batch: small(unit) / self.shape.slices,
            slice: small(unit) % self.shape.slices,
        }
    }

    fn admit(&self, operation: Operation, machine: Machine) -> Result<(), ScheduleError> {
        let impossible = |reason| Err(ScheduleError::Impossible { operation, machine, reason });
        if let Some(reason) = self.shape.refusal(operation) {
            return impossible(reason);
        }
        let stage = self.shape.stage_of(operation);
        if !operation.kind.is_send() && machine != Machine::Stage(stage) {
            return impossible(format!("position {} lies on stage {stage}", operation.position));
        }
        if operation.kind.is_send() && matches!(machine, Machine::Stage(other) if other != stage) {
            return impossible(format!("stage {stage} sends it"));
        }
        Ok(())
    }

    /// A slice's forward reads keys and values of the slices before it, its backward their gradients from those after
    /// it. All of them run on one machine, so that their order there says it all.
    fn check_slices(&self, operation: Operation, machine: Machine) -> Result<(), ScheduleError> {
        let slice = match operation.kind {
            OperationKind::Forward if operation.slice > 0 => operation.slice - 1,
            OperationKind::Backward if operation.slice + 1 < self.shape.slices => operation.slice + 1,
            _ => return Ok(()),
        };
        let first = Operation { slice, ..operation };
        if self.exists[self.number(first)] {
            return Ok(());
        }
        Err(ScheduleError::Impossible { operation, machine, reason: format!("{first} must stand before it") })
    }

    /// Every computation stands somewhere. The transmissions of a link and direction stand on a machine all together, or
    /// occupy none.
    fn complete(&mut self, on: &[[Option<Machine>; 2]]) -> Result<(), ScheduleError> {
        let units = self.shape.units() as usize;
        for (row, on) in on.chunks(units).enumerate() {
            let first = row * units;
            let Operation { kind, position, .. } = self.operation(first);
            let crossed = !kind.is_send() || self.shape.is_crossed(position as usize);
            if !self.shape.has(kind) || !crossed {
                continue;
            }
            let occupied = on.iter().find_map(|on| on[0]);
            let machine = match occupied {
                None if kind.is_send() => {
                    self.exists[first..first + units].fill(true);
                    continue;
                }
                found => found.unwrap_or(Machine::Stage(self.shape.stage_of(self.operation(first)))),
            };
            if let Some(unit) = on.iter().position(|on| on[0].is_none()) {
                return Err(ScheduleError::Missing { operation: self.operation(first + unit), machine });
            }
        }
        Ok(())
    }

    /// All operations, each behind those that it waits for.
    pub fn sorted(&self) -> Result<Vec<u32>, ScheduleError> {
        let numbers = self.waits.len();
        let mut waiting = vec![0_u8; numbers];
        // Who waits for operation i: next[starts[i]..starts[i + 1]].
        let mut starts = vec![0_u32; numbers + 1];
        let waits_of = |number: usize| self.waits[number].into_iter().filter(|other| *other != NONE);
        for number in (0..numbers).filter(|number| self.exists[*number]) {
            for other in waits_of(number) {
                starts[other as usize + 1] += 1;
                waiting[number] += 1;
            }
        }
        for number in 0..numbers {
            starts[number + 1] += starts[number];
        }
        let mut next = vec![0_u32; starts[numbers] as usize];
        let mut free = starts.clone();
        let mut sorted = Vec::with_capacity(numbers);
        for number in (0..numbers).filter(|number| self.exists[*number]) {
            let small = u32::try_from(number).unwrap_or(NONE);
            for other in waits_of(number) {
                next[free[other as usize] as usize] = small;
                free[other as usize] += 1;
            }
            if waiting[number] == 0 {
                sorted.push(small);
            }
        }
        let mut done = 0;
        while let Some(&number) = sorted.get(done) {
            done += 1;
            let range = starts[number as usize] as usize..starts[number as usize + 1] as usize;
            for &behind in &next[range] {
                waiting[behind as usize] -= 1;
                if waiting[behind as usize] == 0 {
                    sorted.push(behind);
                }
            }
        }
        match (0..numbers).find(|number| waiting[*number] > 0) {
            Some(stuck) => Err(ScheduleError::Deadlock { cycle: self.cycle(stuck, &waiting) }),
            None => Ok(sorted),
        }
    }

    /// Operations that wait for each other, found from one that waits for ever.
    fn cycle(&self, stuck: usize, waiting: &[u8]) -> Vec<Operation> {
        let mut seen = vec![usize::MAX; self.waits.len()];
        let mut path: Vec<usize> = Vec::new();
        let mut at = stuck;
        while seen[at] == usize::MAX {
            seen[at] = path.len();
            path.push(at);
            // Whoever waits for ever waits for another one that does.
            let wait = self.waits[at].into_iter().find(|other| *other != NONE && waiting[*other as usize] > 0);
            let Some(wait) = wait else { break };
            at = wait as usize;
        }
        path.into_iter().skip(seen[at]).map(|number| self.operation(number)).collect()
    }
}
