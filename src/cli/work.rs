//! Long work: on several threads, behind a bar, until a signal stops it.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rayon::ThreadPoolBuilder;

use super::progress::Progress;
use super::{Done, Failure, io};

/// Does work on this number of threads (the machine's, if none is given) and then removes the bar. The work gets
/// the flag that tells it to stop.
pub fn in_parallel<T: Send>(
    threads: Option<u16>,
    bar: &Progress,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> Result<T, Failure> {
    Ok(in_parallel_until(threads, None, bar, work)?.0)
}

/// The same; the flag is raised after a while too, if one is given, and true is returned where it was for that.
pub fn in_parallel_until<T: Send>(
    threads: Option<u16>,
    deadline: Option<Duration>,
    bar: &Progress,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> Result<(T, bool), Failure> {
    let stop = stop_on_signal()?;
    let late = Arc::new(AtomicBool::new(false));
    if let Some(deadline) = deadline {
        let (stop, late) = (Arc::clone(&stop), Arc::clone(&late));
        // Ends with the program.
        thread::spawn(move || {
            thread::sleep(deadline);
            // What was stopped before was not stopped by this. Who finds the one flag raised finds the other.
            late.store(!stop.load(Ordering::SeqCst), Ordering::SeqCst);
            stop.store(true, Ordering::SeqCst);
        });
    }
    let pool = ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from)).build();
    let pool = pool.map_err(|error| Failure::machine(format!("cannot start threads: {error}")))?;
    let done = pool.install(|| work(&stop));
    bar.finish();
    Ok((done, late.load(Ordering::SeqCst)))
}

/// Says that a deadline came before the end.
pub fn deferred() -> Done {
    io::note("the deadline came before the last run; the same command goes on after the runs that were finished");
    Done::Deferred
}

/// Says how to continue work that was stopped.
pub fn stopped() -> Done {
    io::note("stopped; the same command goes on after the runs that were finished");
    Done::Interrupted
}

/// A flag that the first Ctrl-C or termination signal raises; the second one ends the program.
pub fn stop_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
        io::note("stopping as soon as what is being computed is finished; once more to stop at once");
    })
    .map_err(|error| Failure::machine(format!("cannot listen to Ctrl-C: {error}")))?;
    Ok(stop)
}
