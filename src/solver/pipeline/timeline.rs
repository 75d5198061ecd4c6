//! Makespan and critical path of one iteration: by its closed form where forward and backward work do not meet and no
//! message waits for another link's, else played event by event.

use super::ScheduleKind;
use super::paths::Layout;
use crate::schedule::{Schedule, Sending, Timeline as Events};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) enum Timeline {
    /// Fill-drain and forward only: per phase Σ t + (M−1) max t over the machines, each a stage, a link, or where sending
    /// blocks a stage with what it sends.
    Phases { layout: Layout, phases: usize, blocking: bool, repeats: f64, slowest: [[Option<usize>; 2]; 2] },
    /// Played.
    Events(Box<Events>),
}

impl Timeline {
    /// `None` for a schedule with more events than can be played.
    pub fn new(kind: ScheduleKind, sending: Sending, stages: usize, micro_batches: u32) -> Option<Self> {
        let blocking = sending == Sending::Blocking;
        if !kind.alternates() && (blocking || sending == Sending::Overlapped) {
            return Some(Self::Phases {
                layout: Layout { stages },
                phases: 1 + usize::from(kind.has_backward()),
                blocking,
                repeats: f64::from(micro_batches) - 1.0,
                slowest: [[None; 2]; 2],
            });
        }
        let schedule = Schedule::of(kind, stages, micro_batches).ok()?;
        Some(Self::Events(Box::new(Events::new(&schedule, sending).ok()?)))
    }

    /// Makespan at these durations; infinite where one is too long to be played.
    pub fn run(&mut self, durations: &[f64]) -> f64 {
        match self {
            Self::Events(events) => events.run_flat(durations).unwrap_or(f64::INFINITY),
            Self::Phases { layout, phases, blocking, repeats, slowest } => {
                let links = layout.links();
                let mut total = 0.0;
                for phase in 0..*phases {
                    let (mut sum, mut most) = (0.0, -1.0);
                    let mut see = |time: f64, places: [Option<usize>; 2]| {
                        if time > most {
                            most = time;
                            slowest[phase] = places;
                        }
                    };
                    for stage in 0..layout.stages {
                        let place = layout.stage(phase, stage);
                        sum += durations[place];
                        // A stage sends over the link behind it, backward over the one before it.
                        let link = if phase == 0 { stage } else { stage.wrapping_sub(1) };
                        if *blocking && link < links {
                            let send = layout.link(phase, link);
                            see(durations[place] + durations[send], [Some(place), Some(send)]);
                        } else {
                            see(durations[place], [Some(place), None]);
                        }
                    }
                    for link in 0..links {
                        let place = layout.link(phase, link);
                        sum += durations[place] + durations[layout.latency(phase, link)];
                        if !*blocking {
                            see(durations[place], [Some(place), None]);
                        }
                    }
                    total += sum + *repeats * most;
                }
                total
            }
        }
    }

    /// How often each duration stands on the critical path of the last run.
    pub fn counts(&mut self, counts: &mut [f64]) {
        match self {
            Self::Events(events) => {
                for (count, &times) in counts.iter_mut().zip(events.critical_counts()) {
                    *count = f64::from(times);
                }
            }
            Self::Phases { layout, phases, repeats, slowest, .. } => {
                counts.fill(0.0);
                for phase in 0..*phases {
                    for stage in 0..layout.stages {
                        counts[layout.stage(phase, stage)] = 1.0;
                    }
                    for link in 0..layout.links() {
                        counts[layout.link(phase, link)] = 1.0;
                        counts[layout.latency(phase, link)] = 1.0;
                    }
                    for &place in slowest[phase].iter().flatten() {
                        counts[place] += *repeats;
                    }
                }
            }
        }
    }
}
