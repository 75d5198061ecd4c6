//! The experiments of `collapipe reproduce`, whole or in parts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use collapipe::experiments::{Reproduction as Experiments, Request, Shard, catalogue};
use pyo3::prelude::*;

use crate::error::{input, machine, of};

/// Time between two looks at Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);

/// The runs of a request.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Reproduction(Experiments);

impl Reproduction {
    fn of_request(request: Request) -> PyResult<Self> {
        Experiments::new(request).map(Self).map_err(|error| of(&error))
    }
}

#[pymethods]
impl Reproduction {
    #[new]
    fn new(
        names: Vec<String>,
        quick: bool,
        slots: Option<u64>,
        seeds: Option<u64>,
        traces: Option<PathBuf>,
    ) -> PyResult<Self> {
        let mut request = Request::new(&names, quick).map_err(|error| of(&error))?;
        request.slots = slots.unwrap_or(request.slots);
        request.seeds = seeds.unwrap_or(request.seeds);
        request.traces = traces;
        Self::of_request(request)
    }

    /// That of a folder that was written before.
    #[staticmethod]
    fn of_folder(folder: PathBuf) -> PyResult<Self> {
        Self::of_request(Request::of_folder(&folder).map_err(|error| of(&error))?)
    }

    /// Number of runs of a part (all without one).
    fn runs(&self, part: Option<(usize, usize)>) -> PyResult<usize> {
        Ok(self.0.size(shard(part)?).0)
    }

    /// Plays what a folder does not hold yet, without the interpreter's lock; `progress(done)` is called with the number of finished runs.
    /// Ctrl-C ends it once the runs that are going on are finished and kept.
    fn play(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        part: Option<(usize, usize)>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let shard = shard(part)?;
        let stop = AtomicBool::new(false);
        py.detach(|| {
            let (sender, finished) = channel();
            std::thread::scope(|scope| {
                let stop = &stop;
                let playing = scope.spawn(move || {
                    let count = move |_: u64, _: bool| {
                        // Nobody counts any more where this fails.
                        let _ = sender.send(());
                    };
                    self.0.play(&folder, shard, stop, &count)
                });
                let (mut done, mut raised) = (0_usize, Ok(()));
                loop {
                    let news = match finished.recv_timeout(LOOK) {
                        Ok(()) => true,
                        Err(RecvTimeoutError::Timeout) => false,
                        Err(RecvTimeoutError::Disconnected) => break,
                    };
                    done += usize::from(news);
                    if raised.is_ok() {
                        raised = Python::attach(|py| {
                            py.check_signals()?;
                            match &progress {
                                Some(progress) if news => progress.bind(py).call1((done,)).map(drop),
                                _ => Ok(()),
                            }
                        });
                        if raised.is_err() {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
                let played = playing.join().map_err(|_| machine(&"a run panicked"))?.map_err(|error| of(&error))?;
                raised?;
                if played { Ok(()) } else { Err(machine(&"stopped before all runs were played")) }
            })
        })
    }

    /// Copies what was played into folders to one.
    fn gather(&self, py: Python<'_>, folders: Vec<PathBuf>, to: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.gather(&folders, &to)).map_err(|error| of(&error))
    }

    /// Data, figures and the page; returns the paths.
    fn write(&self, py: Python<'_>, folder: PathBuf) -> PyResult<Vec<PathBuf>> {
        py.detach(|| self.0.write(&folder)).map(|written| written.files).map_err(|error| of(&error))
    }
}

fn shard(part: Option<(usize, usize)>) -> PyResult<Option<Shard>> {
    part.map(|(index, count)| Shard::new(index, count).map_err(|error| input(&error))).transpose()
}

/// Name and question of every experiment.
#[pyfunction]
pub fn experiments() -> Vec<(&'static str, &'static str)> {
    catalogue::ALL.iter().map(|experiment| (experiment.name, experiment.question)).collect()
}
