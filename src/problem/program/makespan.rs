//! How durations add up: the makespan of a phase.

use super::super::slot::{CandidatePlan, Overlap};
use crate::ground::units::Seconds;

/// The makespan of M micro-batches through the stages and hops of a phase, in fill-drain order (and of the only phase
/// where there is no backward work); schedules that alternate are run by `crate::schedule`:
///
/// ```text
/// I·(Σ t + (M−1)·max t)      all I local iterations
/// ```
///
/// With `overlap: full` every stage and every hop is a machine of its own, so that the maximum is over both; with `none`
/// a stage and its sending are one machine, whose durations add up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    /// I.
    iterations: f64,
    /// M−1.
    repeats: f64,
    blocking: bool,
}

impl Pacing {
    pub fn new(plan: &CandidatePlan, overlap: Overlap) -> Self {
        Self {
            iterations: f64::from(plan.local_iterations),
            repeats: f64::from(plan.micro_batches) - 1.0,
            blocking: overlap == Overlap::None,
        }
    }

    /// I: how often the sum of durations counts in the latency.
    pub fn sum_uses(&self) -> f64 {
        self.iterations
    }

    /// I·(M−1): how often the slowest machine counts in addition.
    #[cfg(any(feature = "conic", feature = "milp", feature = "smooth"))]
    pub fn pace_uses(&self) -> f64 {
        self.iterations * self.repeats
    }

    /// M−1.
    pub fn repeats(&self) -> f64 {
        self.repeats
    }

    /// What a second of the pace costs at a price of the latency.
    pub fn pace_price(&self, latency_price: f64) -> f64 {
        latency_price * self.iterations * self.repeats
    }

    /// Whether there is a pace at all: more than one micro-batch.
    pub fn is_paced(&self) -> bool {
        self.repeats > 0.0
    }

    /// Whether a stage and its sending are one machine.
    #[cfg(any(feature = "conic", feature = "milp", feature = "smooth"))]
    pub fn is_blocking(&self) -> bool {
        self.blocking
    }

    /// What a hop's machine does apart from sending: its sender's computing, where sending blocks.
    pub fn blocked(&self, compute: Seconds) -> Seconds {
        if self.blocking { compute } else { Seconds(0.0) }
    }

    /// Latency of all iterations from the sum of the durations and that of the slowest machine.
    pub fn latency(&self, sum: Seconds, pace: Seconds) -> Seconds {
        // Without the case of one micro-batch an infinite pace would give 0·∞.
        let once = if self.is_paced() { sum + pace * self.repeats } else { sum };
        once * self.iterations
    }
}

/// Sum and slowest machine of a phase, taken up machine by machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub sum: Seconds,
    pub pace: Seconds,
    pacing: Pacing,
}

impl Timing {
    /// Begins with the stage that sends nothing.
    pub fn new(pacing: Pacing, silent: Seconds) -> Self {
        Self { sum: silent, pace: silent, pacing }
    }

    /// Adds a stage and its sending, constant latency included.
    pub fn add(&mut self, compute: Seconds, send: Seconds) {
        let sending = self.pacing.blocked(compute) + send;
        self.pace = Seconds(self.pace.0.max(compute.0).max(sending.0));
        self.sum = self.sum + compute + send;
    }

    /// Adds what delays and occupies nobody.
    pub fn delay(&mut self, latency: Seconds) {
        self.sum += latency;
    }

    /// Latency of all iterations of the phase.
    pub fn latency(&self) -> Seconds {
        self.pacing.latency(self.sum, self.pace)
    }
}
