//! What runs one thing after another.

use super::clock::{Clock, Stopped};

/// Part of its duration by which an operation may end later than planned.
pub const TOLERANCE: f64 = 0.02;

/// Lateness that no schedule of threads can avoid, in seconds: it is never counted.
pub const GRAIN_S: f64 = 1e-3;

/// A machine on an absolute schedule.
#[derive(Clone, Debug)]
pub struct Machine {
    clock: Clock,
    attempt: u64,
    /// From when on it is free, as planned.
    free_s: f64,
}

/// Something that a machine did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Played {
    /// When it began, as measured.
    pub start_s: f64,
    /// From when on it was to; where it takes as long as it takes, when it began.
    pub begin_s: f64,
    /// When it ended, as measured.
    pub end_s: f64,
    /// When it was to end; what follows counts from here.
    pub planned_s: f64,
    /// By how much later than planned it ended, where that is over the tolerance; else 0.
    pub late_s: f64,
}

impl Machine {
    /// A machine that is free from a moment on.
    #[must_use]
    pub fn new(clock: Clock, attempt: u64, free_s: f64) -> Self {
        Self { clock, attempt, free_s }
    }

    /// From when on it is free, as planned.
    #[must_use]
    pub fn free_s(&self) -> f64 {
        self.free_s
    }

    /// Does something that is ready at a moment and takes so long: does it, then waits for its planned end. With no
    /// duration it takes as long as it takes.
    ///
    /// # Errors
    /// [`Stopped`], or what doing it returned.
    pub fn play<T, E: From<Stopped>>(
        &mut self,
        ready_s: f64,
        duration_s: Option<f64>,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, Played), E> {
        let start_s = self.clock.wait_until(self.attempt, ready_s.max(self.free_s))?;
        let begin_s = if duration_s.is_some() { ready_s.max(self.free_s) } else { start_s };
        self.from(begin_s, start_s, duration_s, act)
    }

    /// The same where the beginning is given.
    ///
    /// # Errors
    /// As [`play`](Self::play).
    pub fn play_at<T, E: From<Stopped>>(
        &mut self,
        begin_s: f64,
        duration_s: Option<f64>,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, Played), E> {
        let start_s = self.clock.wait_until(self.attempt, begin_s)?;
        self.from(begin_s, start_s, duration_s, act)
    }

    fn from<T, E: From<Stopped>>(
        &mut self,
        begin_s: f64,
        start_s: f64,
        duration_s: Option<f64>,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<(T, Played), E> {
        let result = act()?;
        let Some(duration_s) = duration_s else {
            let end_s = self.clock.now_s(start_s);
            self.free_s = end_s;
            return Ok((result, Played { start_s, begin_s: start_s, end_s, planned_s: end_s, late_s: 0.0 }));
        };
        let due_s = begin_s + duration_s;
        let end_s = self.clock.wait_until(self.attempt, due_s)?;
        let over_s = end_s - due_s;
        let late = over_s > TOLERANCE * duration_s + GRAIN_S;
        let (planned_s, late_s) = if late { (end_s, over_s) } else { (due_s, 0.0) };
        self.free_s = planned_s;
        Ok((result, Played { start_s, begin_s, end_s, planned_s, late_s }))
    }
}
