//! The experiments of `collapipe reproduce`, `compare` and `sweep`, whole or in parts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};

use collapipe::experiments::{
    Compared, Metric, OwnExperiment, Reproduction as Experiments, Request, ResultTable, Row, Shard, Vary, catalogue,
    contrast_text,
};
use collapipe::simulation::PolicyKind;
use pyo3::prelude::*;

use crate::data::to_json;
use crate::error::{figure_style, input, machine, of};
use crate::scenario::{Scenario, in_toml};
use crate::table::{Column, Table};
use crate::wait::LOOK;

/// The runs of a request.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Reproduction {
    request: Request,
    experiments: Experiments,
}

impl Reproduction {
    fn of_request(request: Request) -> PyResult<Self> {
        let experiments = Experiments::new(request.clone()).map_err(|error| of(&error))?;
        Ok(Self { request, experiments })
    }

    fn of_own(own: OwnExperiment, scenario: &Scenario, slots: u64, seeds: u64) -> PyResult<Self> {
        let set = scenario.set.iter().map(ToString::to_string).collect();
        Self::of_request(Request::of_own(OwnExperiment { set, ..own }, slots, seeds))
    }
}

#[pymethods]
impl Reproduction {
    /// Experiments of the catalogue.
    #[staticmethod]
    fn of_catalogue(
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

    /// Policies against each other in a scenario.
    #[staticmethod]
    fn of_compare(scenario: &Scenario, policies: Vec<String>, slots: u64, seeds: u64) -> PyResult<Self> {
        let own = OwnExperiment::compare(scenario.text.clone(), absolute(&scenario.folder)?, kinds(&policies)?);
        Self::of_own(own, scenario, slots, seeds)
    }

    /// A scenario at several values of its fields: for each of these its paths, and its values as JSON.
    #[staticmethod]
    fn of_sweep(
        scenario: &Scenario,
        vary: Vec<(Vec<String>, Vec<String>)>,
        policies: Vec<String>,
        slots: u64,
        seeds: u64,
    ) -> PyResult<Self> {
        let each = vary.into_iter().map(|(paths, values)| {
            let name = paths.join("+");
            let values = values.iter().map(|json| in_toml(&name, json)).collect::<PyResult<_>>()?;
            Ok(Vary { paths, values })
        });
        let each = each.collect::<PyResult<_>>()?;
        let (text, folder) = (scenario.text.clone(), absolute(&scenario.folder)?);
        let own = OwnExperiment::sweep(text, folder, kinds(&policies)?, each);
        Self::of_own(own, scenario, slots, seeds)
    }

    /// That of a request, for workers of a cluster.
    #[staticmethod]
    fn of_json(request: &str) -> PyResult<Self> {
        Self::of_request(Request::from_json(request).map_err(|error| input(&error))?)
    }

    fn to_json(&self) -> PyResult<String> {
        to_json(&self.request)
    }

    /// The same runs, with the rate traces of what a folder holds already, and with figures in a style.
    fn going_on_in(&self, folder: PathBuf, figures: &str) -> PyResult<Self> {
        let style = figure_style(figures)?;
        let Self { request, experiments } =
            Self::of_request(self.request.going_on_in(&folder).map_err(|error| of(&error))?)?;
        Ok(Self { request, experiments: experiments.with_figures(style) })
    }

    /// Number of runs of a part (all without one).
    fn runs(&self, part: Option<(usize, usize)>) -> PyResult<usize> {
        Ok(self.experiments.size(shard(part)?).0)
    }

    /// How many runs of a part a folder does not hold yet.
    fn missing(&self, folder: PathBuf, part: Option<(usize, usize)>) -> PyResult<usize> {
        self.experiments.missing(&folder, shard(part)?).map_err(|error| of(&error))
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
                    self.experiments.play(&folder, shard, stop, &count)
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
        py.detach(|| self.experiments.gather(&folders, &to)).map_err(|error| of(&error))
    }

    /// Data, figures and the page; returns the paths.
    fn write(&self, py: Python<'_>, folder: PathBuf) -> PyResult<Vec<PathBuf>> {
        py.detach(|| self.experiments.write(&folder)).map(|written| written.files).map_err(|error| of(&error))
    }
}

fn shard(part: Option<(usize, usize)>) -> PyResult<Option<Shard>> {
    part.map(|(index, count)| Shard::new(index, count).map_err(|error| of(&error))).transpose()
}

fn kinds(policies: &[String]) -> PyResult<Vec<PolicyKind>> {
    policies
        .iter()
        .map(|name| name.parse().map_err(|error| of::<collapipe::simulation::UnknownPolicy>(&error)))
        .collect()
}

/// The folder's path from the root, so that a later call finds it from anywhere.
fn absolute(folder: &Path) -> PyResult<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).map_err(|error| input(&format!("{}: {error}", folder.display())))
}

/// Name and question of every experiment.
#[pyfunction]
pub fn experiments() -> Vec<(&'static str, &'static str)> {
    catalogue::ALL.iter().map(|experiment| (experiment.name, experiment.question)).collect()
}

/// Names of the policies that are compared in a scenario where none is named, and who is left out for which reason.
#[pyfunction]
pub fn compared(scenario: &Scenario) -> PyResult<(Vec<String>, Vec<String>)> {
    let Compared { policies, left_out } = Compared::of(&scenario.built).map_err(|error| of(&error))?;
    let left_out = left_out.iter().map(|(policy, reason)| format!("{policy} is left out: {reason}"));
    Ok((policies.iter().map(ToString::to_string).collect(), left_out.collect()))
}

/// The table of an experiment.
#[pyclass(frozen, module = "collapipe._core")]
pub struct Results(ResultTable);

#[pymethods]
impl Results {
    /// Of the `table` of a `result.json`.
    #[staticmethod]
    fn from_json(table: &str) -> PyResult<Self> {
        serde_json::from_str(table).map(Self).map_err(|error| input(&error))
    }

    /// One policy against each of the others, in words; none where there is nothing to compare.
    fn text(&self) -> Option<String> {
        contrast_text(&self.0, collapipe::text::WIDTH)
    }

    fn __len__(&self) -> usize {
        self.0.rows.len()
    }

    /// One row per run, one column per metric.
    fn rows(&self) -> PyResult<Table> {
        let rows = &self.0.rows;
        let text = |of: fn(&Row) -> &String| Column::Text(rows.iter().map(|row| Some(of(row).clone())).collect());
        let mut columns = vec![
            ("x".to_owned(), Column::Real(rows.iter().map(|row| row.x).collect())),
            ("x_label".to_owned(), text(|row| &row.x_label)),
            ("series".to_owned(), text(|row| &row.series)),
            ("seed".to_owned(), Column::Whole(rows.iter().map(|row| i64::try_from(row.seed).ok()).collect())),
        ];
        let metrics: BTreeSet<Metric> = rows.iter().flat_map(|row| row.metrics.keys().copied()).collect();
        for metric in metrics {
            let name = serde_json::to_value(metric).map_err(|error| machine(&error))?;
            let values = rows.iter().map(|row| row.metrics.get(&metric).copied()).collect();
            columns.push((name.as_str().unwrap_or_default().to_owned(), Column::Real(values)));
        }
        Table::new(columns)
    }
}
