//! Pipelines whose makespan has no closed form, played event by event: forward and backward work take turns, or messages
//! do.

use super::PlanProgram;
use crate::ground::check::{FieldError, MAX_MAGNITUDE, MIN_MAGNITUDE};
use crate::ground::phase::{PerPhase, Phase};
use crate::ground::route::Route;
use crate::ground::units::Seconds;
use crate::schedule::{Layout, OperationKind, Schedule, Timeline};

/// The durations of a pipeline's stages and hops.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    stages: PerPhase<Vec<f64>>,
    /// For how long each hop occupies its link (or sender), and by how much later its message arrives.
    hops: PerPhase<Vec<(f64, f64)>>,
}

impl Times {
    /// The times of the stages; hops are to follow.
    pub fn new(program: &PlanProgram, route: Route, sizes: &[u32]) -> Self {
        let stages = |phase| program.stage_times(phase, route, sizes).map(|time| time.0).collect();
        Self { stages: PerPhase::from_fn(stages), hops: PerPhase::default() }
    }

    /// The next hop of a phase.
    pub fn push(&mut self, phase: Phase, occupied: Seconds, latency: Seconds) {
        self.hops[phase].push((occupied.0, latency.0));
    }

    /// What forward and what backward work, with its messages, contribute to a critical path of all I iterations; both
    /// together are their latency. Infinite where a message takes infinite time.
    ///
    /// # Errors
    /// For a schedule with more events than can be run, which validation does not admit.
    pub fn run(&self, program: &PlanProgram) -> Result<[Seconds; 2], FieldError> {
        let endless = self.hops.as_ref().map(|hops| hops.iter().any(|hop| hop.0.is_infinite()));
        if endless.forward || endless.backward {
            let seconds = |endless| Seconds(if endless { f64::INFINITY } else { 0.0 });
            return Ok([seconds(endless.forward), seconds(endless.backward)]);
        }
        let plan = program.plan;
        let too_long = |error: &dyn std::fmt::Display| FieldError::new("plan", plan.schedule, error.to_string());
        let schedule = Schedule::of(plan.schedule, self.stages.forward.len(), plan.micro_batches)
            .map_err(|error| too_long(&error))?;
        let mut timeline = Timeline::new(&schedule, program.at.sending()).map_err(|error| too_long(&error))?;
        let layout = timeline.layout();
        let (durations, scale) = self.flat(layout);
        timeline.run_flat(&durations)?;
        let counts = timeline.critical_counts();
        let share = |kinds: [OperationKind; 2]| {
            let places = kinds.into_iter().flat_map(|kind| layout.durations(kind).chain(layout.latencies(kind)));
            let once: f64 = places.map(|place| f64::from(counts[place]) * durations[place]).sum();
            Seconds(once * f64::from(plan.local_iterations) / scale)
        };
        Ok([
            share([OperationKind::Forward, OperationKind::SendForward]),
            share([OperationKind::Backward, OperationKind::SendBackward]),
        ])
    }

    /// The durations in the order of the layout, and by what they are multiplied: the makespan is homogeneous, and a
    /// timeline takes numbers of moderate size alone.
    fn flat(&self, layout: Layout) -> (Vec<f64>, f64) {
        let mut flat = vec![0.0; layout.len()];
        let kinds = [
            (Phase::Forward, OperationKind::Forward, OperationKind::SendForward),
            (Phase::Backward, OperationKind::Backward, OperationKind::SendBackward),
        ];
        for (phase, work, send) in kinds {
            let mut put = |places: std::ops::Range<usize>, values: &mut dyn Iterator<Item = f64>| {
                places.zip(values).for_each(|(place, value)| flat[place] = value);
            };
            put(layout.durations(work), &mut self.stages[phase].iter().copied());
            put(layout.durations(send), &mut self.hops[phase].iter().map(|hop| hop.0));
            put(layout.latencies(send), &mut self.hops[phase].iter().map(|hop| hop.1));
        }
        let longest = flat.iter().fold(0.0_f64, |longest, value| longest.max(*value));
        let scale = if longest > MAX_MAGNITUDE { 0.5 * MAX_MAGNITUDE / longest } else { 1.0 };
        for value in &mut flat {
            *value *= scale;
            if *value < MIN_MAGNITUDE {
                // Nothing beside any time of the problem, and not a number that a timeline takes.
                *value = 0.0;
            }
        }
        (flat, scale)
    }
}
