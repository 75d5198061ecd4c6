//! Long work: on several threads, behind a bar, until a signal stops it.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    let stop = stop_on_signal()?;
    let pool = ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from)).build();
    let pool = pool.map_err(|error| Failure::machine(format!("cannot start threads: {error}")))?;
    let done = pool.install(|| work(&stop));
    bar.finish();
    Ok(done)
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
