//! A scenario's rounds, planned by the core and executed as they are planned.

mod average;
mod executed;
mod measurements;

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use collapipe::scenario::Scenario;
use collapipe::simulation::{Policy, Run, RunError, RunRecord, SlotRecord};

use crate::roles::{Coordinator, Pace, Parts};
use crate::wire::{Address, Numbers};
use crate::work::LearningSpec;

pub use executed::ExecutedRound;
pub use measurements::{csv, rounds_csv};

/// How a scenario is executed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrainingSettings {
    /// Rounds; at most those of the scenario.
    pub rounds: u64,
    /// Emulated or free.
    pub pace: Pace,
    /// How activations and their gradients are sent.
    pub numbers: Numbers,
    /// The model that learns, with all data; every cluster gets a part of them. None: synthetic work.
    pub learning: Option<LearningSpec>,
    /// Longest time of a step of a round in addition to its planned one, in seconds.
    pub patience_s: f64,
}

impl Default for TrainingSettings {
    /// As planned, in real time.
    fn default() -> Self {
        Self {
            rounds: u64::MAX,
            pace: Pace::Emulated { scale: 1.0 },
            numbers: Numbers::F32,
            learning: None,
            patience_s: 10.0,
        }
    }
}

/// The nodes of a scenario.
#[must_use]
pub fn members(scenario: &Scenario) -> Vec<Address> {
    let nodes = |(cluster, devices): (usize, usize)| (0..=devices + 1).map(move |node| Address { cluster, node });
    devices(scenario).into_iter().enumerate().flat_map(nodes).collect()
}

fn devices(scenario: &Scenario) -> Vec<usize> {
    scenario.spec().clusters.iter().map(|cluster| cluster.devices.len()).collect()
}

/// A run that was executed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The run, planned and measured.
    pub record: RunRecord,
    /// Every round that was executed to its end, with its comparison.
    pub rounds: Vec<ExecutedRound>,
    /// The model at its end, by node: of every control unit embedding and blocks, of every edge server the head, each with the
    /// state of its optimizer. Empty for synthetic work.
    pub parts: Parts,
    /// Why the run ended early.
    pub ended: Option<RunError>,
}

/// Plans every round by a policy and executes it. A round that fails because of a device is an outage that names it; the
/// next one is planned without the device, until it is back. `told` hears of every slot, with the averaged model after it, and
/// may end the run.
///
/// # Errors
/// [`RunError`] for a scenario that cannot be run. What ends a run later is in [`Trained::ended`], beside the rounds before it.
pub fn train(
    scenario: &Scenario,
    policy: Box<dyn Policy>,
    coordinator: &mut Coordinator,
    settings: &TrainingSettings,
    mut told: impl FnMut(&SlotRecord, &Parts) -> ControlFlow<()>,
) -> Result<Trained, RunError> {
    let state = Arc::new(Mutex::new(executed::State::new(coordinator)));
    let batches = scenario.spec().clusters.iter().map(|cluster| cluster.batch_size).collect();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let executing =
        executed::Executing::new(policy, settings.clone(), (devices(scenario), batches), Arc::clone(&state));
    let mut run = Run::with_policy(scenario, Box::new(executing))?;
    let (mut slots, mut ended) = (Vec::new(), None);
    while (slots.len() as u64) < settings.rounds {
        run.set_gone(lock().gone(&members(scenario)));
        match run.next() {
            None => break,
            Some(Err(error)) => {
                ended = Some(error);
                break;
            }
            Some(Ok(mut slot)) => {
                slot.measured =
                    lock().rounds.last().filter(|round| round.slot == slot.slot).map(ExecutedRound::measured);
                let enough = told(&slot, &lock().parts);
                slots.push(slot);
                if enough.is_break() {
                    break;
                }
            }
        }
    }
    let record = run.record(slots);
    drop(run);
    let (rounds, parts) = {
        let mut state = lock();
        (std::mem::take(&mut state.rounds), std::mem::take(&mut state.parts))
    };
    Ok(Trained { record, rounds, parts, ended })
}
