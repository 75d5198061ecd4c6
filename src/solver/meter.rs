//! When a solve has to end: its clock, its stop flag, and the work that it may do; and what who watches it sees.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Settings, SolveError};
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

    /// Does some work, whose solves on this thread all end when the flag is raised, those aside that watch another flag. They then fail with
    /// [`SolveError::NoDecision`](super::SolveError::NoDecision), so that a run, or whatever else solves many times, ends with them: what they
    /// had found is not what the work asked for.
    ///
    /// ```
    /// use collapipe::instances::InstanceSize;
    /// use collapipe::solver::{Settings, Stop, solve};
    /// let problem = InstanceSize { devices: 3, blocks: 6, ..InstanceSize::default() }.sample(3)?;
    /// let stop = Stop::default();
    /// let solution = stop.during(|| solve(&problem, &Settings::default()))?;
    /// assert!(solution.certified().is_some());
    /// stop.raise();
    /// assert!(stop.during(|| solve(&problem, &Settings::default())).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let _outer = Outer(OF_THREAD.replace(Some(self.clone())));
        work()
    }

    /// The flag of the work that this thread is doing.
    pub(crate) fn of_thread() -> Option<Self> {
        OF_THREAD.with_borrow(Clone::clone)
    }
}

thread_local! {
    static OF_THREAD: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

/// Puts a flag back, also where the work panics.
struct Outer(Option<Stop>);

impl Drop for Outer {
    fn drop(&mut self) {
        OF_THREAD.set(self.0.take());
    }
}

/// How far a solve has come.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What the best decision found so far costs, as the search counts it; `None` before there is one. It never rises.
    pub objective: Option<f64>,
    /// No decision costs less, as far as that is proved; `None` before anything is. It never falls.
    pub lower_bound: Option<f64>,
    /// Operations so far, as [`Settings::work_limit`] counts them.
    pub work: u64,
}

/// Time between two looks at a solve that is watched.
pub(crate) const LOOK: Duration = Duration::from_millis(10);

/// What a solve shows to who watches it.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Bits of the best objective and of the bound, both monotone.
    best: AtomicU64,
    bound: AtomicU64,
    work: AtomicU64,
    stop: AtomicBool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            best: AtomicU64::new(f64::INFINITY.to_bits()),
            bound: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            work: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }
}

impl Watch {
    /// Asks the solve to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What is known at this moment. Found before proved: a bound is never read before the decision that it belongs to.
    pub fn progress(&self) -> Progress {
        let number = |shown: &AtomicU64| Some(f64::from_bits(shown.load(Ordering::Acquire))).filter(|n| n.is_finite());
        let lower_bound = number(&self.bound);
        let objective = number(&self.best);
        Progress { objective, lower_bound, work: self.work.load(Ordering::Relaxed) }
    }

    fn raise(shown: &AtomicU64, number: f64, better: impl Fn(f64, f64) -> bool) {
        let exchange = |bits| better(number, f64::from_bits(bits)).then_some(number.to_bits());
        // An error says that the number shown is as good already.
        let _ = shown.fetch_update(Ordering::AcqRel, Ordering::Acquire, exchange);
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

    /// The error of a solve that it ended before there was a decision.
    pub fn no_decision(self) -> SolveError {
        SolveError::NoDecision { by: self.name() }
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
    watch: Option<Arc<Watch>>,
}

impl Clock {
    /// Why the solve has to end now.
    #[inline]
    pub fn expired(&self) -> Option<Cause> {
        let left = self.watch.as_ref().is_some_and(|watch| watch.stop.load(Ordering::Relaxed));
        if left || self.stop.as_ref().is_some_and(Stop::is_raised) {
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
    /// What is added to a cluster's cost, where the cluster is the whole problem: the plan's penalty and the upload.
    pub shift: Option<f64>,
}

impl Meter {
    /// A solve that begins now.
    pub fn start(settings: &Settings, stop: Option<&Stop>) -> Self {
        // A limit beyond what the clock can count to is none.
        let deadline = settings.time_limit.and_then(|limit| Instant::now().checked_add(limit));
        let stop = stop.cloned().or_else(Stop::of_thread);
        let clock = Clock { deadline, stop, watch: None };
        Self { clock, limit: settings.work_limit, ..Self::default() }
    }

    /// The same solve, watched.
    pub fn watched(mut self, watch: Arc<Watch>) -> Self {
        self.clock.watch = Some(watch);
        self
    }

    /// A meter that has ended: for what has to be found whatever has ended.
    pub fn over() -> Self {
        Self { ended: Some(Cause::Work), ..Self::default() }
    }

    /// Counts what a search on a meter of its own has spent, and nothing else of it.
    pub fn charge(&mut self, other: &Self) {
        self.spend(other.spent);
    }

    /// Shows an objective that has been found.
    pub fn show_best(&self, objective: f64) {
        if let Some(watch) = &self.clock.watch {
            Watch::raise(&watch.best, objective, |new, old| new < old);
        }
    }

    /// Shows what a cluster's search has found, where the cluster is the whole problem.
    pub fn show_found(&self, cost: f64) {
        if let Some(shift) = self.shift {
            self.show_best(cost + shift);
        }
    }

    /// Shows a bound of all decisions that has been proved.
    pub fn show_bound(&self, bound: f64) {
        if let Some(watch) = &self.clock.watch {
            // Rounding may have put it above the objective.
            let bound = bound.min(f64::from_bits(watch.best.load(Ordering::Acquire)));
            Watch::raise(&watch.bound, bound, |new, old| new > old);
        }
    }

    /// Counts operations.
    #[inline]
    pub fn spend(&mut self, operations: u64) {
        self.spent = self.spent.saturating_add(operations);
        if let Some(watch) = &self.clock.watch {
            watch.work.fetch_add(operations, Ordering::Relaxed);
        }
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
        Self { clock: self.clock.clone(), shift: self.shift, ..Self::default() }
    }

    /// Operations so far.
    pub fn spent(&self) -> u64 {
        self.spent
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
        Self { clock: self.clock.clone(), limit, ended: self.ended, ..Self::default() }
    }

    /// Takes over what one of the searches at the same time has spent, and why it ended.
    pub fn absorb(&mut self, other: &Self) {
        // Who watches has seen it already.
        self.spent = self.spent.saturating_add(other.spent);
        self.ended = self.ended.or(other.ended);
        self.cut |= other.cut;
    }

    /// Why the answer may be less than asked for.
    pub fn cause(&self) -> Option<Cause> {
        self.ended.or(self.cut.then_some(Cause::Work))
    }
}
