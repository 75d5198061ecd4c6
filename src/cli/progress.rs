//! Progress of long work, on standard error.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::io;

/// Least time between two lines where standard error is not a terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// A bar on a terminal; elsewhere, as in the log of a job, a line now and then.
pub struct Progress {
    bar: ProgressBar,
    /// Work that was found done.
    found: AtomicU64,
    /// When the last line was written; none on a terminal.
    written: Option<Mutex<Instant>>,
}

impl Progress {
    /// A bar for this amount of work, shown in slots or, where the unit means nothing to people, in per cent.
    pub fn new(work: u64, in_slots: bool) -> Self {
        let bar = ProgressBar::new(work);
        let template = match in_slots {
            true => "{bar:40} slot {pos} of {len}, {eta} left",
            false => "{bar:40} {percent} %, {eta} left",
        };
        let bar = match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        let terminal = stderr().is_terminal();
        if terminal {
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        Self { bar, found: AtomicU64::new(0), written: (!terminal).then(|| Mutex::new(Instant::now())) }
    }

    /// Adds work that an earlier command did, which says nothing about the time left.
    pub fn find(&self, work: u64) {
        self.found.fetch_add(work, Ordering::Relaxed);
        self.bar.inc(work);
        self.bar.reset_eta();
    }

    /// Adds work that was done just now.
    pub fn add(&self, work: u64) {
        self.bar.inc(work);
        // A thread that finds the lock taken leaves the line to its holder.
        let Some(Ok(mut written)) = self.written.as_ref().map(Mutex::try_lock) else { return };
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
        if written.elapsed() >= PAUSE && done < all {
            *written = Instant::now();
            let spent = self.bar.elapsed().as_secs_f64();
            let own = done.saturating_sub(self.found.load(Ordering::Relaxed)).max(1);
            let left = Duration::from_secs_f64(spent * (all - done) as f64 / own as f64);
            io::note(&format!("{} % done, about {} left", 100 * done / all, HumanDuration(left)));
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
