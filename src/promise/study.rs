//! The runs of a study.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::error::PromiseError;
use super::folder::RunFolder;
use super::result::{PlayedRun, Promise, RunSchema};
use super::wilks::runs_needed;
use crate::ground::digest::of_data;
use crate::ground::seed;
use crate::problem::FieldError;
use crate::report::summary;
use crate::scenario::Scenario;
use crate::simulation::{Run, RunRecord};
use crate::solver::Settings;

/// Most runs of a study.
pub const MAX_RUNS: usize = 2000;

/// Purpose of the seeds, so that they are not those of other draws.
const PROMISE: u64 = 0x0070_726f_6d69_7365;

/// The seeds of the first `runs` runs: drawn from the scenario's own seed, below 2⁵³ so that every file format has them.
#[must_use]
pub fn seeds(base: u64, runs: usize) -> Vec<u64> {
    (0..runs as u64).map(|run| seed::hash(base, &[PROMISE, run]) >> 11).collect()
}

/// One scenario at as many seeds as a statement takes.
#[derive(Clone, Debug)]
pub struct Study {
    name: String,
    base_seed: u64,
    confidence: f64,
    coverage: f64,
    settings: Settings,
    scenarios: Vec<Scenario>,
}

/// All that decides a run's numbers.
#[derive(Serialize)]
struct Decisive {
    version: &'static str,
    scenario: String,
    settings: Settings,
}

impl Study {
    /// A study of a scenario: `variant` gives it at another seed.
    ///
    /// # Errors
    /// [`PromiseError::Field`] for a confidence or coverage that takes no or too many runs and for a variant that
    /// differs in more than its seed, and what `variant` returns.
    pub fn new<E: From<PromiseError>>(
        scenario: &Scenario,
        (confidence, coverage): (f64, f64),
        settings: Settings,
        variant: impl Fn(u64) -> Result<Scenario, E>,
    ) -> Result<Self, E> {
        let runs = runs_needed(confidence, coverage).map_err(PromiseError::from)?;
        let base_seed = scenario.spec().seed;
        let mut scenarios = Vec::with_capacity(runs);
        for seed in seeds(base_seed, runs) {
            let drawn = variant(seed)?;
            let mut expected = scenario.spec().clone();
            expected.seed = seed;
            if *drawn.spec() != expected {
                let error = FieldError::new("scenario", "another one", "the same at every seed but for the seed");
                return Err(PromiseError::from(error).into());
            }
            scenarios.push(drawn);
        }
        Ok(Self { name: scenario.spec().name.clone(), base_seed, confidence, coverage, settings, scenarios })
    }

    /// Slots of all runs: what [`Study::play`] will report as progress.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.scenarios.iter().map(|scenario| scenario.spec().slots).sum()
    }

    /// Plays what `folder` does not hold yet, on the threads of the current rayon pool, and keeps every run there as
    /// soon as it is finished. `None` where `stop` was raised; what was finished is kept.
    ///
    /// # Errors
    /// [`PromiseError`]; runs of other studies in the folder are found before anything is played.
    pub fn play(
        &self,
        folder: &RunFolder,
        stop: &AtomicBool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<Promise>, PromiseError> {
        let mut known = Vec::with_capacity(self.scenarios.len());
        for scenario in &self.scenarios {
            let fingerprint = self.fingerprint(scenario);
            let run = folder.run(scenario.spec().seed, &fingerprint)?;
            if run.is_some() {
                progress(scenario.spec().slots);
            }
            known.push((run, fingerprint));
        }
        let runs: Vec<Result<Option<PlayedRun>, PromiseError>> = self
            .scenarios
            .par_iter()
            .zip(known)
            .map(|(scenario, (known, fingerprint))| match known {
                Some(run) => Ok(Some(run)),
                None => self.run(scenario, fingerprint, folder, stop, progress),
            })
            .collect();
        let runs: Option<Vec<PlayedRun>> = runs.into_iter().collect::<Result<_, _>>()?;
        let slots = self.scenarios.first().map_or(0, |scenario| scenario.spec().slots);
        let of = (self.name.clone(), self.base_seed, slots);
        Ok(runs.map(|runs| Promise::new(of, (self.confidence, self.coverage), runs)))
    }

    /// Digest of all that decides a run's numbers.
    fn fingerprint(&self, scenario: &Scenario) -> String {
        of_data(&Decisive {
            version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.fingerprint(),
            settings: self.settings,
        })
    }

    fn run(
        &self,
        scenario: &Scenario,
        fingerprint: String,
        folder: &RunFolder,
        stop: &AtomicBool,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Option<PlayedRun>, PromiseError> {
        let seed = scenario.spec().seed;
        let failed = |source| PromiseError::Run { seed, source };
        let mut run = Run::new(scenario, self.settings).map_err(failed)?;
        let mut slots = Vec::new();
        for slot in run.by_ref() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            slots.push(slot.map_err(failed)?);
            progress(1);
        }
        let played = played(&run.record(slots), seed, fingerprint)?;
        folder.keep(&played)?;
        Ok(Some(played))
    }
}

fn played(record: &RunRecord, seed: u64, fingerprint: String) -> Result<PlayedRun, PromiseError> {
    let history = record.history().map_err(|source| PromiseError::Record { seed, source })?;
    let norm = |queues: &[f64]| queues.iter().map(|queue| queue * queue).sum::<f64>().sqrt();
    let summary = summary(record);
    let overspends = summary.nodes.iter().filter_map(|node| node.budget_share).map(|share| share - 1.0);
    Ok(PlayedRun {
        schema: RunSchema::V1,
        fingerprint,
        seed,
        planned: summary.planned,
        worst_overspend: overspends.reduce(f64::max),
        mean_latency_s: summary.latency.map(|latency| latency.mean_s.0),
        queue_norm: history.steps().iter().map(|step| norm(&step.queue_after)).fold(0.0, f64::max),
    })
}
