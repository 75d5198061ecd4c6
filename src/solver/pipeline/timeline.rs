//! The timeline of one iteration, compiled once per pipeline shape: makespan and critical path without allocating.

use super::ScheduleKind;
use super::paths::Layout;

const NONE: u32 = u32::MAX;

/// An operation in an order in which everything that it waits for comes before it.
#[derive(Clone, Copy, Debug)]
struct Event {
    /// Its duration's place.
    place: u32,
    /// The operation before it on its machine.
    previous: u32,
    /// The operation that brings its input.
    input: u32,
    /// The place of the latency after the input.
    latency: u32,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    events: Vec<Event>,
    ends: Vec<f64>,
    /// Whether the input was what the operation waited for.
    by_input: Vec<bool>,
    last: usize,
}

impl Timeline {
    pub fn new(kind: ScheduleKind, blocking: bool, stages: usize, micro_batches: u32) -> Self {
        let layout = Layout { stages };
        let m = micro_batches as usize;
        // Kinds: 0 F, 1 B, 2 f, 3 b.
        let mut programs: Vec<Vec<(usize, usize, usize)>> = Vec::new();
        for stage in 0..stages {
            let mut order: Vec<(usize, usize)> = Vec::new();
            let warm = kind.warm_up(stage, stages, micro_batches) as usize;
            order.extend((0..warm).map(|i| (0, i)));
            if kind.has_backward() {
                for i in 0..m {
                    if warm + i < m {
                        order.push((0, warm + i));
                    }
                    order.push((1, i));
                }
            }
            let mut program = Vec::new();
            for (what, i) in order {
                program.push((what, stage, i));
                if blocking && what == 0 && stage + 1 < stages {
                    program.push((2, stage, i));
                }
                if blocking && what == 1 && stage > 0 {
                    program.push((3, stage - 1, i));
                }
            }
            programs.push(program);
        }
        if !blocking {
            for link in 0..layout.links() {
                programs.push((0..m).map(|i| (2, link, i)).collect());
                if kind.has_backward() {
                    programs.push((0..m).map(|i| (3, link, i)).collect());
                }
            }
        }
        let mut index = vec![NONE; 4 * stages * m];
        let key = |(what, at, i): (usize, usize, usize)| (what * stages + at) * m + i;
        let mut events = Vec::new();
        let mut at = vec![0usize; programs.len()];
        let mut previous = vec![NONE; programs.len()];
        let total: usize = programs.iter().map(Vec::len).sum();
        let mut moved = true;
        while events.len() < total && moved {
            moved = false;
            for (machine, program) in programs.iter().enumerate() {
                while let Some(&op) = program.get(at[machine]) {
                    let (what, place, i) = op;
                    let (needs, latency) = match what {
                        0 if place == 0 => (None, NONE),
                        0 => (Some((2, place - 1, i)), layout.latency(0, place - 1) as u32),
                        1 if place + 1 == stages => (Some((0, place, i)), NONE),
                        1 => (Some((3, place, i)), layout.latency(1, place) as u32),
                        2 => (Some((0, place, i)), NONE),
                        _ => (Some((1, place + 1, i)), NONE),
                    };
                    let input = needs.map_or(NONE, |n| index[key(n)]);
                    if needs.is_some() && input == NONE {
                        break;
                    }
                    let slot = match what {
                        0 | 1 => layout.stage(what, place),
                        _ => layout.link(what - 2, place),
                    };
                    index[key(op)] = events.len() as u32;
                    events.push(Event { place: slot as u32, previous: previous[machine], input, latency });
                    previous[machine] = events.len() as u32 - 1;
                    at[machine] += 1;
                    moved = true;
                }
            }
        }
        let count = events.len();
        Self { events, ends: vec![0.0; count], by_input: vec![false; count], last: 0 }
    }

    /// Makespan at these durations.
    pub fn run(&mut self, durations: &[f64]) -> f64 {
        let mut most = -1.0;
        for (i, event) in self.events.iter().enumerate() {
            let ready = if event.previous == NONE { 0.0 } else { self.ends[event.previous as usize] };
            let mut arrived = if event.input == NONE { 0.0 } else { self.ends[event.input as usize] };
            if event.latency != NONE {
                arrived += durations[event.latency as usize];
            }
            let by_input = event.input != NONE && arrived >= ready;
            self.by_input[i] = by_input;
            let end = if by_input { arrived } else { ready } + durations[event.place as usize];
            self.ends[i] = end;
            if end > most {
                most = end;
                self.last = i;
            }
        }
        most
    }

    /// How often each duration stands on the critical path of the last run.
    pub fn counts(&self, counts: &mut [f64]) {
        counts.fill(0.0);
        let mut at = self.last as u32;
        while let Some(event) = self.events.get(at as usize) {
            counts[event.place as usize] += 1.0;
            if self.by_input[at as usize] {
                if event.latency != NONE {
                    counts[event.latency as usize] += 1.0;
                }
                at = event.input;
            } else {
                at = event.previous;
            }
        }
    }
}
