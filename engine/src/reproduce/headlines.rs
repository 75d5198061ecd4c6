//! Policies by what their rounds take: latency, computation efficiency, memory of the fullest device, measured.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use collapipe::experiments::{Contrast, ContrastColumn, Drawing, Metric, ResultTable, Row};
use collapipe::scenario::Scenario;
use collapipe::simulation::{Policy, PolicyKind, RunError};
use collapipe::solver::Settings;

use super::one_device::{ONE_DEVICE, OneDevice};
use super::tables::{About, plot};
use super::{Outcome, ReproduceError, Size, languages_scenario};
use crate::data::Samples;
use crate::emulate::Clock;
use crate::nn::Rule;
use crate::roles::{Pace, Threads};
use crate::training::{Trained, TrainingSettings, members, train};
use crate::work::{LearningSpec, UpdateRule, encoder_bytes};

/// Who decides the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyChoice {
    /// A policy of the core.
    Kind(PolicyKind),
    /// [`OneDevice`].
    OneDevice,
}

impl PolicyChoice {
    /// The exact plans.
    pub const EXACT: Self = Self::Kind(PolicyKind::Exact);

    /// Policies whose rounds can be executed and that the paper's kind of comparison asks for.
    pub const ALL: [Self; 7] = [
        Self::Kind(PolicyKind::Exact),
        Self::Kind(PolicyKind::Alternating),
        Self::Kind(PolicyKind::UniformSegments),
        Self::Kind(PolicyKind::FixedRadio),
        Self::Kind(PolicyKind::NoPipeline),
        Self::OneDevice,
        Self::Kind(PolicyKind::FullModelFederated),
    ];

    fn name(self) -> String {
        match self {
            Self::Kind(kind) => kind.to_string(),
            Self::OneDevice => ONE_DEVICE.into(),
        }
    }

    fn build(self, seed: u64) -> Result<Box<dyn Policy>, RunError> {
        match self {
            Self::Kind(kind) => kind.build(Settings::default(), seed),
            Self::OneDevice => Ok(Box::new(OneDevice::new(Settings::default()))),
        }
    }
}

const ABOUT: About = About {
    name: "headlines",
    title: "Latency, efficiency and memory by policy, measured in training",
    question: "How much faster, more efficient and smaller are rounds that are planned exactly, when they are executed?",
    expectation: "Exact plans are the fastest. Efficiency and memory are not what is optimized: few fast devices hold more of the model each than equal segments would give them, and all micro-batches of a fill-drain pipeline are kept until their backward pass.",
    caption: "Latency is measured by the run's clock. Efficiency: time that devices computed over the time that they were bound (active devices times round latency). Memory: bytes that the fullest device allocated for parameters, gradients, optimizer and activations, in % of what all encoder blocks and the whole batch need on one device. full-model-federated: every device trains the whole model, embedding and head included, on its share of the batch. no-pipeline: one micro-batch; one-device: the best single device holds all blocks. data.csv has the measured energy of all nodes per round, too.",
};

/// What can be compared with the paper, and what cannot.
const REMARK: &str = "Whether latency, efficiency and memory move in the same direction can be compared with the paper (arXiv 2509.19855). The percentages cannot: its scenario, baselines and equations are not public, what its memory is halved from is not stated, and none of our numbers reproduces one of its own.";

/// What the rounds of all policies left.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Headlines {
    /// The rounds, predicted and measured.
    pub outcomes: Vec<Outcome>,
    /// A row per policy and seed.
    pub table: ResultTable,
}

/// Plans and executes rounds of the experiments' scenario by every policy and at every seed, training its model on
/// `samples`.
///
/// # Errors
/// [`ReproduceError`].
pub fn headlines(size: &Size, samples: &Samples, mut told: impl FnMut(&str)) -> Result<Headlines, ReproduceError> {
    let (mut outcomes, mut rows) = (Vec::new(), Vec::new());
    // How long a round takes is known once it is planned: the first one sets the scale for all.
    let first = size.scenario(1, 1)?;
    let planned = play(&first, PolicyChoice::EXACT, 1, samples, Pace::Emulated { scale: 1.0 }, Clock::pretended())?;
    let planned_s = planned.rounds.first().map_or(1.0, |round| round.measured.latency_s);
    let pace = Pace::Emulated { scale: size.training_seconds / planned_s };
    for seed in 1..=size.seeds {
        let scenario = size.scenario(seed, size.rounds)?;
        for choice in PolicyChoice::ALL {
            let kind = choice.name();
            let trained = play(&scenario, choice, size.rounds, samples, pace, size.clock())?;
            rows.push(row(&trained, choice, seed, &scenario, samples)?);
            for round in trained.rounds {
                told(&format!("{kind}, seed {seed}, round {}", round.slot));
                let names = [
                    format!("languages seed {seed} round {}", round.slot),
                    kind.clone(),
                    "fill-drain".into(),
                    "overlapped".into(),
                ];
                outcomes.push(Outcome { names, seed, comparison: round.comparison });
            }
        }
    }
    let metrics = [Metric::LatencyS, Metric::ComputeEfficiency, Metric::MemoryShare];
    let plots = metrics.map(|metric| plot(metric, "cluster", Drawing::Bars)).to_vec();
    let mut table = ABOUT.table(plots, rows);
    let published = ["at least 48.98 lower", "up to 15.09 better", "more than halved"];
    let column = |(metric, published): (Metric, &str)| ContrastColumn { metric, published: published.into() };
    table.contrast = Some(Contrast {
        reference: PolicyKind::Exact.to_string(),
        columns: metrics.into_iter().zip(published).map(column).collect(),
        publication: "CollaPipe against its own baselines".into(),
        remark: REMARK.into(),
    });
    table.slots = Some(size.rounds);
    Ok(Headlines { outcomes, table })
}

impl Size {
    fn scenario(&self, seed: u64, rounds: u64) -> Result<Scenario, ReproduceError> {
        let mut file = languages_scenario()?;
        (file.spec.seed, file.spec.slots) = (seed, rounds);
        file.build().map_err(|error| ReproduceError::plan("languages", error))
    }
}

/// The model of a scenario, to be trained on samples.
pub(super) fn learning_of(scenario: &Scenario, seed: u64, samples: &Samples) -> Result<LearningSpec, ReproduceError> {
    let model = scenario.spec().model.transformer.clone();
    let model = model.ok_or_else(|| ReproduceError::plan("languages", "model.transformer is left out"))?;
    Ok(LearningSpec {
        model,
        seed,
        rule: Rule::AdamW { rate: 2e-3, decay: 0.01 },
        update: UpdateRule::PerBatch,
        batch: scenario.spec().clusters.first().map_or(1, |cluster| cluster.batch_size as usize),
        samples: Some((samples.numbers.clone(), samples.targets.clone())),
    })
}

pub(super) fn play(
    scenario: &Scenario,
    choice: PolicyChoice,
    rounds: u64,
    samples: &Samples,
    pace: Pace,
    clock: Clock,
) -> Result<Trained, ReproduceError> {
    let (name, seed) = (choice.name(), scenario.spec().seed);
    let mut settings = TrainingSettings::default();
    (settings.rounds, settings.pace) = (rounds, pace);
    settings.learning = Some(learning_of(scenario, seed, samples)?);
    let policy = choice.build(seed).map_err(|error| ReproduceError::run(&name, error))?;
    let mut threads = Threads::start(&members(scenario), clock)?;
    let coordinator = threads.coordinator().map_err(|source| ReproduceError::Round { case: name.clone(), source })?;
    let trained = train(scenario, policy, coordinator, &settings, |_, _| ControlFlow::Continue(()));
    let mut trained = trained.map_err(|error| ReproduceError::run(&name, error))?;
    match trained.ended.take() {
        Some(error) => Err(ReproduceError::run(&name, error)),
        None => Ok(trained),
    }
}

fn row(
    trained: &Trained,
    choice: PolicyChoice,
    seed: u64,
    scenario: &Scenario,
    samples: &Samples,
) -> Result<Row, ReproduceError> {
    let rounds = &trained.rounds;
    let mean = |of: fn(&crate::training::ExecutedRound) -> f64| {
        rounds.iter().map(of).sum::<f64>() / rounds.len().max(1) as f64
    };
    let fullest = rounds.iter().map(|round| round.fullest_device_bytes).max().unwrap_or(0) as f64;
    let whole = encoder_bytes(&learning_of(scenario, seed, samples)?)? as f64;
    let metrics = BTreeMap::from([
        (Metric::LatencyS, mean(|round| round.measured.latency_s)),
        (Metric::ComputeEfficiency, mean(|round| round.efficiency)),
        (Metric::MemoryShare, fullest / whole),
        (Metric::LargestMemoryBytes, fullest),
        (Metric::EnergyJ, mean(|round| round.energy.values().map(|joules| joules.0).sum())),
    ]);
    let x_label = "four devices".into();
    Ok(Row { x: None, x_label, series: choice.name(), seed, metrics })
}
