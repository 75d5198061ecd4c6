//! The exact times of all operations, and what the makespan consists of.

use std::collections::BTreeSet;

use super::compile::{Graph, NONE};
use super::durations::{Durations, Layout};
use super::error::ScheduleError;
use super::machine::{Machine, Program};
use super::operation::Operation;
use super::schedule::{Schedule, Shape};
use super::sending::Sending;
use crate::ground::check::FieldError;

/// One operation: places of its durations, and of the ends that its start waits for (0: of nobody).
#[derive(Clone, Copy, Debug)]
struct Step {
    duration: u32,
    before: u32,
    other: u32,
    need: u32,
    latency: u32,
}

/// The timeline of a schedule, compiled once for any durations.
///
/// The makespan is the longest path through the graph of operations, whose edges are the order of each machine and the
/// messages between them: max over paths p of n_p · t, where n_p counts how often each duration stands on the path. It
/// is convex, piecewise linear, non-decreasing and homogeneous in the durations t, and the counts of a critical path are
/// a subgradient.
///
/// ```
/// use collapipe::schedule::{Durations, Schedule, ScheduleKind, Sending, Timeline};
/// let schedule = Schedule::of(ScheduleKind::OneForwardOneBackward, 2, 4)?;
/// let mut timeline = Timeline::new(&schedule, Sending::Overlapped)?;
/// let durations = Durations {
///     forward: vec![1.0, 1.0],
///     backward: vec![2.0, 2.0],
///     forward_link: vec![0.1],
///     backward_link: vec![0.1],
///     ..Durations::default()
/// };
/// assert!((timeline.run(&durations)? - 15.4).abs() < 1e-12);
/// // F of both stages, B of both, f, b, and the latencies of both.
/// assert_eq!(timeline.critical_counts(), [2, 3, 2, 3, 2, 2, 2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timeline {
    shape: Shape,
    layout: Layout,
    operations: Vec<Operation>,
    steps: Vec<Step>,
    machines: Vec<(Machine, Vec<u32>)>,
    /// Steps that nobody waits for, by the places of their ends.
    lasts: Vec<u32>,
    /// Of the last run: ends, the first of them the start of everything; durations, the last of them 0.
    ends: Vec<f64>,
    durations: Vec<f64>,
    /// The place of the end that gives the makespan.
    last: u32,
    counts: Vec<u32>,
}

/// An operation in its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Which.
    pub operation: Operation,
    /// When it begins, in seconds from the beginning of the iteration.
    pub start_s: f64,
    /// When it ends.
    pub end_s: f64,
}

fn small(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(NONE)
}

fn later(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

impl Timeline {
    /// The timeline of a schedule.
    ///
    /// # Errors
    /// None for a schedule, which has been checked, in any sending mode; typed because programs of one's own go the same
    /// way.
    pub fn new(schedule: &Schedule, sending: Sending) -> Result<Self, ScheduleError> {
        Self::of_programs(schedule.shape(), &sending.programs(schedule)?)
    }

    /// The timeline of programs of one's own, of stages as well as of links: a transmission may stand in the program of
    /// the stage that sends it or on one or two machines besides. The transmissions of a link and direction that stand
    /// nowhere are pure delays.
    ///
    /// # Errors
    /// As [`Schedule::own`].
    pub fn of_programs(shape: &Shape, programs: &[Program]) -> Result<Self, ScheduleError> {
        shape.check()?;
        let graph = Graph::new(shape, programs)?;
        let sorted = graph.sorted()?;
        let layout = Layout::new(shape);
        // Where the end of each operation is found, by its number: behind the start of everything.
        let mut ends = vec![0_u32; graph.waits.len()];
        for (index, &number) in sorted.iter().enumerate() {
            ends[number as usize] = small(index + 1);
        }
        let end_of = |number: u32| ends.get(number as usize).copied().unwrap_or_default();
        let mut awaited = vec![false; sorted.len() + 1];
        let mut step = |&number: &u32| {
            let operation = graph.operation(number as usize);
            let [before, other, need] = graph.waits[number as usize];
            let latency = match graph.exists.get(need as usize).map(|_| graph.operation(need as usize)) {
                Some(need) if need.kind.is_send() => layout.latencies(need.kind).start + need.position as usize,
                _ => layout.len(),
            };
            let [before, other, need] = [before, other, need].map(end_of);
            [before, other, need].into_iter().for_each(|end| awaited[end as usize] = true);
            let duration = small(layout.place(operation.kind, operation.position, operation.slice));
            Step { duration, before, other, need, latency: small(latency) }
        };
        let steps: Vec<Step> = sorted.iter().map(&mut step).collect();
        let machine = |program: &Program| {
            let steps = program.operations.iter().map(|operation| ends[graph.number(*operation)] - 1);
            (program.machine, steps.collect())
        };
        Ok(Self {
            layout,
            operations: sorted.iter().map(|number| graph.operation(*number as usize)).collect(),
            machines: programs.iter().map(machine).collect(),
            lasts: (1..=small(sorted.len())).filter(|end| !awaited[*end as usize]).collect(),
            ends: vec![0.0; steps.len() + 1],
            durations: vec![0.0; layout.len() + 1],
            last: 0,
            counts: vec![0; layout.len()],
            steps,
            shape: shape.clone(),
        })
    }

    /// What it is a timeline of.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All operations, each behind those that it waits for.
    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The durations of the last run, in the order of [`Layout`].
    #[must_use]
    pub fn durations(&self) -> &[f64] {
        &self.durations[..self.layout.len()]
    }

    pub(super) fn machine_names(&self) -> impl Iterator<Item = Machine> + '_ {
        self.machines.iter().map(|(machine, _)| *machine)
    }

    /// The places of the durations of what each machine runs, in its order.
    pub(super) fn machine_places(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone + '_> + '_ {
        self.machines.iter().map(|(_, steps)| steps.iter().map(|index| self.steps[*index as usize].duration as usize))
    }

    /// Where each duration stands in a flat list.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Plays the schedule: the makespan in seconds. Allocates nothing.
    ///
    /// # Errors
    /// [`FieldError`] for a list of the wrong length, and for a duration that is neither 0 nor in the range of all numbers;
    /// the last run then stays what it was, but for its durations.
    pub fn run(&mut self, durations: &Durations) -> Result<f64, FieldError> {
        self.layout.fill(durations, self.shape.backward, &mut self.durations)?;
        Ok(self.play())
    }

    /// The same, with the durations in the order of [`Layout`]: computed ones, of any magnitude. The makespan is infinite
    /// where their sum is beyond double precision.
    ///
    /// # Errors
    /// [`FieldError`] for a list of the wrong length, and for a duration that is negative or not finite.
    pub fn run_flat(&mut self, durations: &[f64]) -> Result<f64, FieldError> {
        self.layout.check(durations)?;
        self.durations[..durations.len()].copy_from_slice(durations);
        Ok(self.play())
    }

    fn play(&mut self) -> f64 {
        let Self { steps, ends, durations, .. } = self;
        for (index, step) in steps.iter().enumerate() {
            let start = later(
                later(ends[step.before as usize], ends[step.other as usize]),
                ends[step.need as usize] + durations[step.latency as usize],
            );
            ends[index + 1] = start + durations[step.duration as usize];
        }
        self.last = 0;
        for &end in &self.lasts {
            if ends[end as usize] > ends[self.last as usize] {
                self.last = end;
            }
        }
        self.makespan_s()
    }

    /// The makespan of the last run, in seconds; 0 before the first.
    #[must_use]
    pub fn makespan_s(&self) -> f64 {
        self.ends[self.last as usize]
    }

    /// Whether the last run has times that can be drawn.
    pub(super) fn check_finite(&self) -> Result<(), FieldError> {
        if self.makespan_s().is_finite() {
            return Ok(());
        }
        Err(FieldError::new("makespan_s", self.makespan_s(), "a finite number, to be drawn"))
    }

    /// Where the end stands that the start of a step waits for, with the latency between them: 0 for nobody.
    fn cause(&self, step: &Step) -> (u32, f64, Option<u32>) {
        let arrival = self.ends[step.need as usize] + self.durations[step.latency as usize];
        let (before, other) = (self.ends[step.before as usize], self.ends[step.other as usize]);
        if arrival > later(before, other) {
            let latency = (step.latency as usize != self.layout.len()).then_some(step.latency);
            (step.need, arrival, latency)
        } else if other > before {
            (step.other, other, None)
        } else {
            (step.before, before, None)
        }
    }

    /// How often each duration stands on a critical path of the last run, in the order of [`Layout`]: the makespan is
    /// the sum of counts times durations. Allocates nothing.
    ///
    /// Of several critical paths it is the one that waits for a machine rather than for a message.
    pub fn critical_counts(&mut self) -> &[u32] {
        let mut counts = std::mem::take(&mut self.counts);
        counts.fill(0);
        let mut end = self.last;
        while let Some(step) = end.checked_sub(1).and_then(|index| self.steps.get(index as usize)) {
            counts[step.duration as usize] += 1;
            let (cause, _, latency) = self.cause(step);
            if let Some(latency) = latency {
                counts[latency as usize] += 1;
            }
            end = cause;
        }
        self.counts = counts;
        &self.counts
    }

    /// A critical path of the last run, from the beginning to the end: the one that is counted.
    #[must_use]
    pub fn critical_path(&self) -> Vec<Event> {
        let mut path = Vec::new();
        let mut end = self.last;
        while let Some(index) = end.checked_sub(1) {
            let Some(step) = self.steps.get(index as usize) else { break };
            path.push(self.event(index as usize));
            end = self.cause(step).0;
        }
        path.reverse();
        path
    }

    /// The operations of that path.
    pub(super) fn on_critical_path(&self) -> BTreeSet<Operation> {
        self.critical_path().into_iter().map(|event| event.operation).collect()
    }

    fn event(&self, index: usize) -> Event {
        let start_s = self.cause(&self.steps[index]).1;
        Event { operation: self.operations[index], start_s, end_s: self.ends[index + 1] }
    }

    /// All operations of the last run, each behind those that it waits for.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        (0..self.steps.len()).map(|index| self.event(index))
    }

    /// All machines with what they run, in their order, in the last run.
    pub fn machines(&self) -> impl Iterator<Item = (Machine, impl Iterator<Item = Event> + '_)> + '_ {
        self.machines.iter().map(|(machine, steps)| (*machine, steps.iter().map(|index| self.event(*index as usize))))
    }
}
