//! A scenario's rounds, planned by the core and executed as they are planned.

mod average;
mod checkpoint;
mod executed;
mod measurements;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use collapipe::scenario::Scenario;
use collapipe::simulation::{Policy, Run, RunError, RunRecord, SlotRecord};

use crate::roles::{Coordinator, Pace, Parts};
use crate::wire::{Address, Numbers};
use crate::work::LearningSpec;

pub use checkpoint::{Checkpoint, CheckpointError};
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
    /// File that keeps the run after every slot, and from which it goes on if it is there.
    pub checkpoint: Option<PathBuf>,
}

/// Why a run ended early, or did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A slot could not be planned or executed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
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
            checkpoint: None,
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
    /// Every round that was executed to its end, with its comparison; those before a checkpoint left out.
    pub rounds: Vec<ExecutedRound>,
    /// The model at its end, by node: of every control unit embedding and blocks, of every edge server the head, each with the
    /// state of its optimizer. Empty for synthetic work.
    pub parts: Parts,
    /// Why the run ended early.
    pub ended: Option<TrainError>,
}

/// Plans every round by a policy and executes it. A round that fails because of a device is an outage that names it; the
/// next one is planned without the device, until it is back. `told` hears of every slot, with the averaged model after it, and
/// may end the run.
///
/// With a checkpoint the slots in it are planned again, which gives queues and policy the state that they had, and are not
/// executed: the run goes on behind them with the model as it was, and gives the same parameters as one that was never
/// interrupted.
///
/// # Errors
/// [`TrainError`] for a scenario that cannot be run, and a checkpoint that is not this run's. What ends a run later is in [`Trained::ended`], beside the rounds before it.
pub fn train(
    scenario: &Scenario,
    policy: Box<dyn Policy>,
    coordinator: &mut Coordinator,
    settings: &TrainingSettings,
    mut told: impl FnMut(&SlotRecord, &Parts) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    let mut state = executed::State::new(coordinator);
    let of = identity(scenario, policy.name().as_ref(), settings);
    if let Some(path) = &settings.checkpoint
        && let Some(kept) = Checkpoint::read(path)?
    {
        if kept.of != of {
            return Err(CheckpointError::OtherRun { path: path.clone(), found: kept.of, expected: of }.into());
        }
        state.go_on(kept.slots, kept.parts);
    }
    let state = Arc::new(Mutex::new(state));
    let batches = scenario.spec().clusters.iter().map(|cluster| cluster.batch_size).collect();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let executing =
        executed::Executing::new(policy, settings.clone(), (devices(scenario), batches), Arc::clone(&state));
    let mut run = Run::with_policy(scenario, Box::new(executing))?;
    let (mut slots, mut ended) = (Vec::new(), None);
    while (slots.len() as u64) < settings.rounds {
        let known = lock().next_known();
        run.set_gone(match &known {
            Some(known) => absent(scenario, known),
            None => lock().gone(&members(scenario)),
        });
        match run.next() {
            None => break,
            Some(Err(error)) => {
                ended = Some(error.into());
                break;
            }
            Some(Ok(slot)) if known.is_some() => {
                let Some(known) = lock().pop_known() else { continue };
                if slot != known {
                    let path = settings.checkpoint.clone().unwrap_or_default();
                    return Err(CheckpointError::Differs { path, slot: slot.slot }.into());
                }
                slots.push(slot);
            }
            Some(Ok(slot)) => {
                let enough = told(&slot, &lock().parts);
                slots.push(slot);
                if let Some(path) = &settings.checkpoint {
                    let kept = Checkpoint { of: of.clone(), slots: slots.clone(), parts: lock().parts.clone() };
                    if let Err(error) = kept.write(path) {
                        ended = Some(error.into());
                        break;
                    }
                }
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

/// Digest of all that decides what a run does. Patience and pace do not.
fn identity(scenario: &Scenario, policy: &str, settings: &TrainingSettings) -> String {
    let learning = settings.learning.as_ref().map(serde_json::to_vec);
    let learning = learning.and_then(Result::ok).map_or(0, |json| crc32fast::hash(&json));
    format!("{} {policy} {:?} {learning:08x}", scenario.fingerprint(), settings.numbers)
}

/// Devices that were not there in a slot, each a cluster and its index there.
fn absent(scenario: &Scenario, slot: &SlotRecord) -> Vec<(usize, usize)> {
    let of = |(cluster, devices): (usize, usize)| {
        let there = slot.present.get(cluster);
        let gone = (0..devices).filter(move |device| !there.is_some_and(|there| there.contains(device)));
        gone.map(move |device| (cluster, device))
    };
    devices(scenario).into_iter().enumerate().flat_map(of).collect()
}
