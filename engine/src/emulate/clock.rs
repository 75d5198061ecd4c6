//! The run's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Longest sleep between two looks at whether the round was given up.
const NAP: Duration = Duration::from_millis(20);

/// What a sleep lasts too long on a machine without other load, at most: so much before the moment nobody sleeps any more.
const OVERSLEEP_S: f64 = 2e-4;

/// The round was given up while somebody waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the round was given up")]
pub struct Stopped;

/// Seconds since the run began, the same on all machines of a run up to the error of asking for it.
///
/// A *virtual* clock does not pass by itself: what waits for a moment is there at once. Times of a run are then exactly those that
/// follow from the order of its messages, and nobody sleeps.
#[derive(Clone, Debug)]
pub struct Clock {
    /// When the run began, by this machine; none: virtual.
    origin: Option<Instant>,
    /// What is added.
    offset_s: f64,
    /// Attempts below this one are given up.
    stopped_below: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn real() -> Self {
        Self { origin: Some(Instant::now()), offset_s: 0.0, stopped_below: Arc::default() }
    }

    /// A clock that passes when somebody waits.
    #[must_use]
    pub fn pretended() -> Self {
        Self { origin: None, offset_s: 0.0, stopped_below: Arc::default() }
    }

    /// Whether it is virtual.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.origin.is_none()
    }

    /// The same clock, for another node of the process: attempts are given up for each node on its own.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { stopped_below: Arc::default(), ..self.clone() }
    }

    /// Sets the clock by another one, which showed `now_s` when this one was in the middle of asking.
    pub fn set(&mut self, now_s: f64, asked_s: f64) {
        self.offset_s += now_s - asked_s;
    }

    /// The time; of a virtual clock the moment given, from which on something may happen.
    #[must_use]
    pub fn now_s(&self, virtually_s: f64) -> f64 {
        self.origin.map_or(virtually_s, |origin| origin.elapsed().as_secs_f64() + self.offset_s)
    }

    /// Gives up all attempts up to this one.
    pub fn stop(&self, attempt: u64) {
        self.stopped_below.fetch_max(attempt.saturating_add(1), Ordering::SeqCst);
    }

    /// Whether an attempt was given up.
    #[must_use]
    pub fn is_stopped(&self, attempt: u64) -> bool {
        attempt < self.stopped_below.load(Ordering::SeqCst)
    }

    /// Waits for a moment; returns the time then.
    ///
    /// # Errors
    /// [`Stopped`] if the attempt is given up meanwhile.
    pub fn wait_until(&self, attempt: u64, moment_s: f64) -> Result<f64, Stopped> {
        loop {
            let now_s = self.now_s(moment_s);
            if self.is_stopped(attempt) {
                return Err(Stopped);
            }
            if now_s >= moment_s {
                return Ok(now_s);
            }
            match moment_s - now_s - OVERSLEEP_S {
                left_s if left_s > 0.0 => std::thread::sleep(Duration::from_secs_f64(left_s.min(1.0)).min(NAP)),
                _ => std::thread::yield_now(),
            }
        }
    }
}
