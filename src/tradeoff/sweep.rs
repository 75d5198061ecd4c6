//! The runs of a sweep.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::axis::Axis;
use super::error::SweepError;
use super::folder::PointFolder;
use super::point::SweepPoint;
use super::reference::{Progress, Reference};
use super::result::Tradeoff;
use crate::ground::digest::of_data;
use crate::problem::FieldError;
use crate::report::{BudgetVerdict, summary};
use crate::scenario::Scenario;
use crate::simulation::{Effort, MOST_COMPARED, PolicyKind, Run, RunError, RunRecord};
use crate::solver::Settings;

/// Most values of a sweep.
pub const MAX_POINTS: usize = 1000;

/// Runs whose mean queues are tried as prices of the bound: those of the largest V, whose queues over V vary least.
const CANDIDATES: usize = 4;

/// Scenarios that differ in one number.
#[derive(Clone, Debug)]
pub struct Sweep {
    axis: Axis,
    settings: Settings,
    policy: PolicyKind,
    /// By increasing value.
    scenarios: Vec<(f64, Scenario)>,
}

/// All that decides a run's numbers.
#[derive(Serialize)]
struct Decisive {
    version: &'static str,
    scenario: String,
    settings: Settings,
    /// None for the exact solver, with which points were kept before others could decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyKind>,
}

impl Sweep {
    /// A sweep over the scenarios' own values of `axis`, in any order, whose rounds the exact solver decides.
    ///
    /// # Errors
    /// [`SweepError::Field`] for no scenario, more than [`MAX_POINTS`], two of one value, or one without the constraint
    /// whose target is to be varied.
    pub fn new(axis: Axis, scenarios: Vec<Scenario>, settings: Settings) -> Result<Self, SweepError> {
        if scenarios.is_empty() || scenarios.len() > MAX_POINTS {
            let found = format!("a list of {}", scenarios.len());
            return Err(FieldError::new(axis.symbol(), found, format!("a list of 1 to {MAX_POINTS} values")).into());
        }
        let missing = || FieldError::new("convergence", "(missing)", "given where its target is to be varied");
        let valued = scenarios.into_iter().map(|scenario| Ok((axis.value(&scenario).ok_or_else(missing)?, scenario)));
        let mut scenarios = valued.collect::<Result<Vec<_>, FieldError>>()?;
        scenarios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let values: Vec<f64> = scenarios.iter().map(|(value, _)| *value).collect();
        if let Some(pair) = values.windows(2).find(|pair| pair.first() == pair.last()) {
            let found = format!("{:?} twice", pair.first().copied().unwrap_or_default());
            return Err(FieldError::new(axis.symbol(), found, "a list of different values").into());
        }
        Ok(Self { axis, settings, policy: PolicyKind::Exact, scenarios })
    }

    /// The same sweep with rounds decided by another policy. Its rounds are bounded as those of the exact solver are, unless it
    /// [trains in another way](PolicyKind::decides_slot_problem): then there is no bound, and no latency excess.
    #[must_use]
    pub fn with_policy(self, policy: PolicyKind) -> Self {
        Self { policy, ..self }
    }

    /// Whether there is a bound to measure latencies from.
    fn is_bounded(&self) -> bool {
        self.axis == Axis::LatencyWeight && self.policy.decides_slot_problem()
    }

    /// What is varied.
    #[must_use]
    pub fn axis(&self) -> Axis {
        self.axis
    }

    /// The values, increasing.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.scenarios.iter().map(|(value, _)| *value)
    }

    /// Slots of all runs and of the reference bound: what [`Sweep::play`] will report as progress.
    #[must_use]
    pub fn slots(&self) -> u64 {
        let runs: u64 = self.scenarios.iter().map(|(_, scenario)| scenario.spec().slots).sum();
        let bounds = self.scenarios.iter().rev().take(CANDIDATES);
        let bounds: u64 = bounds.map(|(_, scenario)| slots_of_reference(scenario.spec().slots)).sum();
        runs.saturating_add(if self.is_bounded() { bounds } else { 0 })
    }

    /// Plays what `folder` does not hold yet, on the threads of the current rayon pool, and keeps every run there as
    /// soon as it is finished. `None` where `stop` was raised; what was finished is kept.
    ///
    /// # Errors
    /// [`SweepError`]; points of other sweeps in the folder are found before anything is played.
    pub fn play(
        &self,
        folder: &PointFolder,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Option<Tradeoff>, SweepError> {
        let mut known = Vec::with_capacity(self.scenarios.len());
        for (value, scenario) in &self.scenarios {
            let fingerprint = self.fingerprint(scenario);
            let point = folder.point(self.axis, *value, &fingerprint)?;
            if let Some(point) = &point {
                progress(point.slots);
            }
            known.push((point, fingerprint));
        }
        let points: Vec<Result<Option<SweepPoint>, SweepError>> = self
            .scenarios
            .par_iter()
            .zip(known)
            .map(|((value, scenario), (known, fingerprint))| match known {
                Some(point) => Ok(Some(point)),
                None => self.point(*value, scenario, fingerprint, folder, stop, progress),
            })
            .collect();
        let points: Option<Vec<SweepPoint>> = points.into_iter().collect::<Result<_, _>>()?;
        let Some(points) = points else { return Ok(None) };
        let reference = match self.is_bounded() {
            true => match self.reference(&points, folder, stop, progress)? {
                None => return Ok(None),
                found => found,
            },
            false => None,
        };
        let budgets = self.examined(&points, stop)?;
        let made = |(_, first): &(f64, Scenario)| {
            Tradeoff::new(self.axis, first, (&self.settings, self.policy), points, reference).with_budgets(budgets)
        };
        Ok(self.scenarios.first().map(made))
    }

    /// Digest of all that decides a run's numbers.
    fn fingerprint(&self, scenario: &Scenario) -> String {
        of_data(&Decisive {
            version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.fingerprint(),
            settings: self.settings,
            policy: Some(self.policy).filter(|policy| *policy != PolicyKind::Exact),
        })
    }

    fn failed(&self, value: f64) -> impl Fn(RunError) -> SweepError {
        let axis = self.axis;
        move |source| SweepError::Run { axis, value, source }
    }

    fn point(
        &self,
        value: f64,
        scenario: &Scenario,
        fingerprint: String,
        folder: &PointFolder,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Option<SweepPoint>, SweepError> {
        let Some(record) = self.played(value, scenario, stop, progress)? else { return Ok(None) };
        let point = SweepPoint::new(&record, self.axis, value, fingerprint);
        folder.keep_point(&point)?;
        Ok(Some(point))
    }

    /// The run of one scenario; none if it was stopped.
    fn played(
        &self,
        value: f64,
        scenario: &Scenario,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Option<RunRecord>, SweepError> {
        let failed = self.failed(value);
        let policy = self.policy.build(self.settings, scenario.spec().seed).map_err(&failed)?;
        let mut run = Run::with_policy(scenario, policy).map_err(&failed)?;
        let mut slots = Vec::new();
        for slot in run.by_ref() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            slots.push(slot.map_err(&failed)?);
            progress(1);
        }
        Ok(Some(run.record(slots)))
    }

    /// What the budgets would have to be, where no run keeps them: looked for in the states of the run at the least value,
    /// which are those of all runs. None where a run keeps them, there are none, or they cannot be examined, for a run is too
    /// long or its rounds are no decisions of slot problems.
    fn examined(&self, points: &[SweepPoint], stop: &AtomicBool) -> Result<Option<BudgetVerdict>, SweepError> {
        let (Some((value, scenario)), false) =
            (self.scenarios.first(), points.iter().any(|of| of.kept() != Some(false)))
        else {
            return Ok(None);
        };
        if scenario.spec().slots > MOST_COMPARED as u64 || !self.policy.decides_slot_problem() {
            return Ok(None);
        }
        let Some(mut record) = self.played(*value, scenario, stop, &|_| ())? else { return Ok(None) };
        record.comparison = record.compare(scenario, self.settings, Effort::Quick).ok();
        Ok(summary(&record).budgets)
    }

    /// The greatest of the bounds at the mean queues of the runs with the largest V; `None` where the sweep was
    /// stopped.
    fn reference(
        &self,
        points: &[SweepPoint],
        folder: &PointFolder,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Option<Reference>, SweepError> {
        let mut best: Option<Reference> = None;
        for (point, (value, scenario)) in points.iter().zip(&self.scenarios).rev().take(CANDIDATES) {
            let reference = match folder.reference(point)? {
                Some(known) => {
                    progress(slots_of_reference(point.slots));
                    known
                }
                None => {
                    let solved = Reference::solve(scenario, &self.settings, point, stop, progress);
                    let Some(solved) = solved.map_err(self.failed(*value))? else { return Ok(None) };
                    folder.keep_reference(&solved)?;
                    solved
                }
            };
            let bound = |reference: &Reference| reference.bound_s.map_or(f64::NEG_INFINITY, |bound| bound.0);
            if best.as_ref().is_none_or(|best| bound(&reference) > bound(best)) {
                best = Some(reference);
            }
        }
        Ok(best)
    }
}

fn slots_of_reference(slots: u64) -> u64 {
    slots - slots / 2
}
