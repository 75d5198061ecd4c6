//! Transmissions that share something take turns: radios of half duplex, one medium.

use std::collections::BTreeMap;

use collapipe::schedule::{Machine, Operation, Schedule, ScheduleError, Sending};

/// Who may send when, in an iteration of a pipeline: every shared machine keeps the order of the core's programs.
#[derive(Clone, Debug)]
pub struct Air {
    /// By operation: its machines.
    machines: BTreeMap<Operation, Vec<usize>>,
    /// Of every machine: its operations, how many of them are done, and from when on it is free.
    turns: Vec<(Vec<Operation>, usize, f64)>,
    waiting: BTreeMap<Operation, (f64, f64)>,
}

impl Air {
    /// The air of an iteration that begins at a moment.
    ///
    /// # Errors
    /// None for a schedule, which has been checked.
    pub fn new(schedule: &Schedule, sending: Sending, at_s: f64) -> Result<Self, ScheduleError> {
        let mut air = Self { machines: BTreeMap::new(), turns: Vec::new(), waiting: BTreeMap::new() };
        for program in sending.programs(schedule)? {
            if matches!(program.machine, Machine::Stage(_)) {
                continue;
            }
            for operation in &program.operations {
                air.machines.entry(*operation).or_default().push(air.turns.len());
            }
            air.turns.push((program.operations, 0, at_s));
        }
        Ok(air)
    }

    /// A transmission is ready, and takes so long; returns all that may be granted now, with begin and end.
    pub fn ask(&mut self, operation: Operation, ready_s: f64, occupied_s: f64) -> Vec<(Operation, f64, f64)> {
        self.waiting.insert(operation, (ready_s, occupied_s));
        let mut granted = Vec::new();
        while let Some((operation, start_s, end_s)) = self.next() {
            self.waiting.remove(&operation);
            for machine in self.machines.get(&operation).into_iter().flatten() {
                if let Some((_, done, free_s)) = self.turns.get_mut(*machine) {
                    *done += 1;
                    *free_s = end_s;
                }
            }
            granted.push((operation, start_s, end_s));
        }
        granted
    }

    fn next(&self) -> Option<(Operation, f64, f64)> {
        self.waiting.iter().find_map(|(operation, (ready_s, occupied_s))| {
            let mut start_s = *ready_s;
            for machine in self.machines.get(operation).into_iter().flatten() {
                let (program, done, free_s) = self.turns.get(*machine)?;
                if program.get(*done) != Some(operation) {
                    return None;
                }
                start_s = start_s.max(*free_s);
            }
            Some((*operation, start_s, start_s + occupied_s))
        })
    }
}
