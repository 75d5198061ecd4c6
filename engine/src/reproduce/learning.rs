//! Micro-batches against learning: how far a model gets in the same time, with updates per batch and per micro-batch.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use collapipe::experiments::{Drawing, Metric, ResultTable, Row};
use collapipe::scenario::{PlanSpec, Scenario};
use collapipe::schedule::ScheduleKind;
use collapipe::simulation::PolicyKind;
use collapipe::solver::Settings;

use super::headlines::learning_of;
use super::tables::{About, plot};
use super::{ReproduceError, Size, languages_scenario};
use crate::data::Samples;
use crate::emulate::Clock;
use crate::nn::{Loss, Model};
use crate::roles::{Parts, Threads};
use crate::training::{TrainingSettings, members, train};
use crate::work::{LearningSpec, UpdateRule, parameters};

/// M, in the order in which sizes take them.
const VALUES: [u32; 5] = [1, 4, 16, 2, 8];

/// Moments at which loss and accuracy are looked at.
const MOMENTS: u64 = 6;

const CURVES: About = About {
    name: "learning-curves",
    title: "Loss and accuracy against time",
    question: "How does what is learned in a given time depend on micro-batches, and on when parameters are updated?",
    expectation: "More micro-batches make rounds shorter, so that more batches fit into the same time. Updates per micro-batch make M updates of a batch instead of one, on noisier and older gradients.",
    caption: "One line per number of micro-batches and update rule (batch: one update per batch; micro: one per micro-batch, with weight stashing), one forward, one backward. Every round is planned exactly for its M. Time is that of the plan, which the experiments above hold against measurements; held-out samples are never learned from. With one micro-batch both rules are the same.",
};

const SAME_TIME: About = About {
    name: "micro-batches",
    title: "Loss and accuracy after the same time, by micro-batches",
    question: "Which number of micro-batches learns most in a given time, and does it matter when parameters are updated?",
    expectation: "With one update per batch, the number of micro-batches with the shortest rounds is best, because a batch teaches the same however it is cut. With updates per micro-batch more of them help as long as the learning rate suits the noisier gradients.",
    caption: "Held-out loss and accuracy at the end of the same planned time. The learning rate is the same everywhere.",
};

/// What was learned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LearningTables {
    /// Loss and accuracy against time.
    pub curves: ResultTable,
    /// At the end, by M.
    pub same_time: ResultTable,
}

/// Trains the scenario's model for the same planned time with several numbers of micro-batches and both update rules.
///
/// # Errors
/// [`ReproduceError`].
pub fn learning(
    size: &Size,
    training: &Samples,
    held_out: &Samples,
    mut told: impl FnMut(&str),
) -> Result<LearningTables, ReproduceError> {
    let mut values: Vec<u32> = VALUES.into_iter().take(size.values).collect();
    values.sort_unstable();
    let (mut curves, mut ends) = (Vec::new(), Vec::new());
    for seed in 1..=size.learning_seeds {
        for &micro_batches in &values {
            for update in [UpdateRule::PerBatch, UpdateRule::PerMicroBatch] {
                if micro_batches == 1 && update == UpdateRule::PerMicroBatch {
                    continue;
                }
                let scenario = scenario(seed, micro_batches)?;
                let mut spec = learning_of(&scenario, seed, training)?;
                spec.update = update;
                let found = run(size, &scenario, &spec, micro_batches, held_out)?;
                let word = if update == UpdateRule::PerBatch { "batch" } else { "micro" };
                told(&format!("M = {micro_batches}, {update:?}, seed {seed}"));
                let row = |x: f64, series: String, loss: &Loss| Row {
                    x: Some(x),
                    x_label: format!("{x}"),
                    series,
                    seed,
                    metrics: BTreeMap::from([(Metric::HeldOutLoss, loss.mean()), (Metric::Accuracy, loss.accuracy())]),
                };
                curves.extend(found.iter().map(|(at_s, loss)| row(*at_s, format!("M={micro_batches} {word}"), loss)));
                if let Some((_, last)) = found.last() {
                    ends.push(row(f64::from(micro_batches), long(update).into(), last));
                    if micro_batches == 1 {
                        ends.push(row(1.0, long(UpdateRule::PerMicroBatch).into(), last));
                    }
                }
            }
        }
    }
    let plots = |x_axis: &str, log_x| {
        [Metric::HeldOutLoss, Metric::Accuracy]
            .map(|metric| {
                let mut plot = plot(metric, x_axis, Drawing::Lines);
                plot.log_x = log_x;
                plot
            })
            .to_vec()
    };
    Ok(LearningTables {
        curves: CURVES.table(plots("planned time [s]", false), curves),
        same_time: SAME_TIME.table(plots("micro-batches M", true), ends),
    })
}

fn long(update: UpdateRule) -> &'static str {
    match update {
        UpdateRule::PerBatch => "per batch",
        UpdateRule::PerMicroBatch => "per micro-batch",
    }
}

/// The experiments' scenario with one plan of so many micro-batches: one forward, one backward.
fn scenario(seed: u64, micro_batches: u32) -> Result<Scenario, ReproduceError> {
    let mut file = languages_scenario()?;
    let first = file.spec.plans.first().copied();
    let first = first.ok_or_else(|| ReproduceError::plan("languages", "no plan"))?;
    let schedule = ScheduleKind::OneForwardOneBackward;
    file.spec.plans = vec![PlanSpec { micro_batches, schedule, ..first }];
    (file.spec.seed, file.spec.slots) = (seed, 10_000);
    file.build().map_err(|error| ReproduceError::plan("languages", error))
}

/// Loss of held-out samples at every moment; the last one is the end.
fn run(
    size: &Size,
    scenario: &Scenario,
    spec: &LearningSpec,
    micro_batches: u32,
    held_out: &Samples,
) -> Result<Vec<(f64, Loss)>, ReproduceError> {
    let name = format!("M = {micro_batches}");
    let model = Model::new(&spec.model).map_err(|error| ReproduceError::plan(&name, error))?;
    let kind = PolicyKind::Exact;
    let policy = kind.build(Settings::default(), 0).map_err(|error| ReproduceError::run(&name, error))?;
    let settings = TrainingSettings { learning: Some(spec.clone()), ..TrainingSettings::default() };
    let mut found =
        vec![(0.0, model.loss_of_many(&model.draw::<f32>(spec.seed), &held_out.numbers, &held_out.targets))];
    let (mut now_s, mut problem) = (0.0, None);
    // The last model is that before the first moment that it does not reach.
    let mut last: Option<Parts> = None;
    let moment = |index: usize| size.learning_s * index as f64 / MOMENTS as f64;
    let mut threads = Threads::start(&members(scenario), Clock::pretended())?;
    let coordinator = threads.coordinator().map_err(|source| ReproduceError::Round { case: name.clone(), source })?;
    let trained = train(scenario, policy, coordinator, &settings, |slot, parts| {
        now_s += slot.measured.as_ref().map_or(0.0, |measured| measured.latency_s.0);
        while found.len() as u64 <= MOMENTS && now_s > moment(found.len()) {
            let at = match &last {
                Some(parts) => parameters(spec, parts, 0),
                None => Ok(model.draw(spec.seed)),
            };
            match at {
                Ok(at) => {
                    found.push((moment(found.len()), model.loss_of_many(&at, &held_out.numbers, &held_out.targets)))
                }
                Err(error) => {
                    problem = Some(error);
                    return ControlFlow::Break(());
                }
            }
        }
        last = Some(parts.clone());
        if found.len() as u64 > MOMENTS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let trained = trained.map_err(|error| ReproduceError::run(&name, error))?;
    if let Some(error) = problem {
        return Err(error.into());
    }
    match trained.ended {
        Some(error) => Err(ReproduceError::run(&name, error)),
        None => Ok(found),
    }
}
