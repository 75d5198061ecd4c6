//! When a solve has to end: its clock, its stop flag, and the work that it may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Settings;
use crate::problem::Status;

/// A flag that ends a solve from another thread. Clones share the flag.
///
/// ```
/// use collapipe::instances::InstanceSize;
/// use collapipe::problem::Status;
/// use collapipe::solver::{Settings, Solver, Stop};
/// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
/// let stop = Stop::default();
/// let other = stop.clone();
/// std::thread::spawn(move || other.raise()).join().map_err(|_| "the thread failed")?;
/// let solution = Solver::new(Settings::default())?.solve_until(&problem, &stop)?;
/// let best = solution.certified().ok_or("infeasible")?;
/// assert!(best.lower_bound.is_finite() && best.lower_bound <= best.objective());
/// assert!(best.gap <= 1e-7 || solution.status == Status::Interrupted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the solves that watch this flag to end. What follows with the same flag ends at once too.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag has been raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a search ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Time,
    Work,
    Stop,
}

impl Cause {
    /// What is to blame, as a setting is named.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "settings.time_limit",
            Self::Work => "settings.work_limit",
            Self::Stop => "the stop flag",
        }
    }

    /// The status of an answer whose gap is larger than asked for because of it.
    pub fn status(self) -> Status {
        match self {
            Self::Time => Status::TimeLimit,
            Self::Work => Status::WorkLimit,
            Self::Stop => Status::Interrupted,
        }
    }
}

/// What ends a solve from outside: at most one look at the clock per question.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    deadline: Option<Instant>,
    stop: Option<Stop>,
}

impl Clock {
    /// Why the solve has to end now.
    #[inline]
    pub fn expired(&self) -> Option<Cause> {
        if self.stop.as_ref().is_some_and(Stop::is_raised) {
            return Some(Cause::Stop);
        }
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline).then_some(Cause::Time)
    }
}

/// Counts a search's work and says when it has to end. Once it has, it does not go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    pub clock: Clock,
    /// Operations that may be spent; `None` where every search keeps to its own limit.
    limit: Option<u64>,
    spent: u64,
    ended: Option<Cause>,
    /// Whether a search has reached its own limit.
    cut: bool,
}

impl Meter {
    /// A solve that begins now.
    pub fn start(settings: &Settings, stop: Option<&Stop>) -> Self {
        // A limit beyond what the clock can count to is none.
        let deadline = settings.time_limit.and_then(|limit| Instant::now().checked_add(limit));
        Self { clock: Clock { deadline, stop: stop.cloned() }, limit: settings.work_limit, ..Self::default() }
    }

    /// Counts operations.
    #[inline]
    pub fn spend(&mut self, operations: u64) {
        self.spent = self.spent.saturating_add(operations);
    }

    /// Whether the search has to end.
    #[inline]
    pub fn ended(&mut self) -> bool {
        if self.ended.is_none() {
            let exhausted = self.limit.is_some_and(|limit| self.spent >= limit);
            self.ended = if exhausted { Some(Cause::Work) } else { self.clock.expired() };
        }
        self.ended.is_some()
    }

    /// Whether the clock or the stop flag ends the search, whatever work is left.
    pub fn expired(&self) -> bool {
        matches!(self.ended, Some(Cause::Time | Cause::Stop)) || self.clock.expired().is_some()
    }

    /// A meter with the same clock that limits no work.
    pub fn untiring(&self) -> Self {
        Self { clock: self.clock.clone(), ..Self::default() }
    }

    /// Operations left to spend, where they are limited.
    pub fn left(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.spent))
    }

    /// Whether every search keeps to its own limit of work.
    pub fn is_unlimited(&self) -> bool {
        self.limit.is_none()
    }

    /// Notes that a search has reached its own limit.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// The meter of one of `count` searches at the same time: an equal share of the work left, so that the end of each
    /// does not depend on the others.
    pub fn share(&self, count: usize) -> Self {
        let limit = self.left().map(|left| left / count.max(1) as u64);
        Self { clock: self.clock.clone(), limit, spent: 0, ended: self.ended, cut: false }
    }

    /// Takes over what one of the searches at the same time has spent, and why it ended.
    pub fn absorb(&mut self, other: &Self) {
        self.spend(other.spent);
        self.ended = self.ended.or(other.ended);
        self.cut |= other.cut;
    }

    /// Why the answer may be less than asked for.
    pub fn cause(&self) -> Option<Cause> {
        self.ended.or(self.cut.then_some(Cause::Work))
    }
}
