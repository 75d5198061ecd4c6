//! Work without the interpreter's lock that Ctrl-C ends.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use collapipe::solver::Stop;
use pyo3::prelude::*;

use crate::error::machine;

/// Time between two looks at Ctrl-C, which only the interpreter's own thread can see.
pub const LOOK: Duration = Duration::from_millis(10);

/// Does work on another thread, without the interpreter's lock. Ctrl-C raises the flag, which ends the solves of the work; what came of
/// it is then dropped.
pub fn interruptible<T: Send>(py: Python<'_>, work: impl FnOnce(&Stop) -> T + Send) -> PyResult<T> {
    let stop = Stop::default();
    py.detach(|| {
        let (sender, answers) = channel();
        std::thread::scope(|scope| {
            let flag = &stop;
            let work = move || {
                // Nobody waits any more where this fails.
                let _ = sender.send(flag.during(|| work(flag)));
            };
            let thread = std::thread::Builder::new().name("collapipe".into());
            thread.spawn_scoped(scope, work).map_err(|error| machine(&error))?;
            wait(&answers, &stop)
        })
    })
}

/// Waits for an answer; Ctrl-C ends what is worked at, and is raised once that has come to its end.
fn wait<T>(answers: &Receiver<T>, stop: &Stop) -> PyResult<T> {
    let mut signal = Ok(());
    loop {
        match answers.recv_timeout(LOOK) {
            Ok(answer) => return signal.map(|()| answer),
            Err(RecvTimeoutError::Disconnected) => return Err(machine(&"the working thread has ended")),
            Err(RecvTimeoutError::Timeout) if signal.is_ok() => {
                signal = Python::attach(|py| py.check_signals());
                if signal.is_err() {
                    stop.raise();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
