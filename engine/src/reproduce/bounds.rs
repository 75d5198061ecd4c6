//! Gradients of a run against the bounds on them, with constants that are estimated on the very model.

use std::collections::BTreeMap;

use collapipe::bounds::estimate::{
    GradientPair, gradient_variance, smoothness_by_power_iteration, smoothness_from_gradients,
};
use collapipe::bounds::{BoundError, MiniBatchSgd, PipelineDepth, largest_age};
use collapipe::experiments::{Drawing, Metric, ResultTable, Row};
use collapipe::instances::InstanceSize;
use collapipe::model::{Family, Head, ModelPreset, TransformerSpec};
use collapipe::schedule::ScheduleKind;
use collapipe::solver::{Settings, solve};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::tables::{About, plot};
use super::{ReproduceError, Size};
use crate::data::{Samples, VOCABULARY};
use crate::emulate::Clock;
use crate::nn::{Model, Rule};
use crate::roles::{Pace, Parts, RoundOrder, Threads};
use crate::wire::Address;
use crate::work::{LearningSpec, UpdateRule, WorkSpec, parameters};

const ABOUT: About = About {
    name: "gradients-and-bounds",
    title: "Mean squared gradient norm of a run, and the bound on it",
    question: "Do the bounds on the gradient hold for a Transformer that a pipeline trains, and how tight are they, with constants that are estimated on it?",
    expectation: "Measured means stay below the bounds, by a wide margin: the bounds hold for any loss of the same constants, and the constants are worst cases along the run.",
    caption: "A model small enough that the gradient of its whole loss can be computed after every batch: 256 texts, batches drawn with replacement as the theorems assume, plain gradient steps of a tenth of 1/L with the L at the start, halved until step size times L is at most 1 with the largest L that was found. batch: one update per batch, and the bound for mini-batches; micro: one per micro-batch, and the bound for a pipeline of four stages, whose gradients are up to three updates old. Measured at the beginning of every batch. L is the largest ratio that was found by power iteration at the start and the end of the runs, and between neighbouring batches: a lower estimate, so that what is called a bound here is proved only under the assumption that L is nowhere larger. Variances are upper ends of 95 % intervals at the same points, the largest of them. The gap to the infimum is at most the loss at the start, because a cross-entropy is not negative.",
};

const TEXTS: usize = 256;
const TOKENS: u32 = 8;
const BATCH: usize = 16;
const VALUES: [u32; 5] = [1, 4, 16, 2, 8];
/// Stages of the pipeline: both ends and two devices.
const STAGES: usize = 4;
/// η L.
const STEP: f64 = 0.1;
/// Of power iteration.
const REPETITIONS: u64 = 24;
const RADIUS: f64 = 1e-3;
/// Gradients of single samples that tell their variance.
const DRAWS: usize = 64;

/// The constants of one seed, and what the bounds made of them.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Constants {
    /// Of the fresh parameters.
    pub seed: u64,
    /// Parameters of the model.
    pub parameters: usize,
    /// Δ: loss at the start, in nats.
    pub initial_gap: f64,
    /// L by power iteration at the start: from it the step size follows.
    pub smoothness_at_start: f64,
    /// The largest found at the ends of the runs.
    pub smoothness_at_ends: f64,
    /// The largest |∇F(θ) − ∇F(θ′)|/|θ − θ′| between the beginnings of neighbouring batches.
    pub smoothness_along: f64,
    /// σ²: upper end of the 95 % interval, the largest of all points.
    pub sample_variance: f64,
    /// η, in par²/loss.
    pub step_size: f64,
    /// How often it was halved, because η·L was above 1 with the largest L found along the runs.
    pub halvings: u32,
    /// The least bound over its measured mean.
    pub tightest: f64,
    /// The largest.
    pub loosest: f64,
}

impl Constants {
    /// A sentence.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "Gradients and bounds, seed {}: {} parameters; loss at the start {:.3}; L at least {:.3} at the start, {:.3} at \
             the ends, {:.3} between neighbouring batches; variance of a sample's gradient at most {:.3} (95 %); step size \
             {:.4}, halved {} times until it suited all of them. The bounds are {:.1} to {:.1} times what was measured.",
            self.seed,
            self.parameters,
            self.initial_gap,
            self.smoothness_at_start,
            self.smoothness_at_ends,
            self.smoothness_along,
            self.sample_variance,
            self.step_size,
            self.halvings,
            self.tightest,
            self.loosest
        )
    }
}

fn transformer(classes: u32) -> TransformerSpec {
    let mut spec = ModelPreset::BertTiny.spec(TOKENS);
    (spec.layers, spec.width, spec.heads, spec.feed_forward) = (2, 8, 2, 16);
    spec.family =
        Family::Encoder { vocabulary: VOCABULARY as u32, max_positions: TOKENS, token_types: 0, pooler: true };
    spec.head = Head::Classifier { classes };
    spec
}

/// The loss over all texts: what the theorems are about.
struct Whole {
    model: Model,
    texts: Samples,
}

impl Whole {
    fn split(&self, flat: &[f64]) -> Vec<Vec<f64>> {
        let fresh = self.model.draw::<f32>(0);
        let mut rest = flat;
        let part = |part: &Vec<f32>| {
            let (own, others) = rest.split_at(part.len().min(rest.len()));
            rest = others;
            own.to_vec()
        };
        fresh.iter().map(part).collect()
    }

    /// Loss and gradient over all texts.
    fn at(&self, flat: &[f64]) -> (f64, Vec<f64>) {
        let found = self.model.gradient(&self.split(flat), &self.texts.numbers, &self.texts.targets);
        found.map_or((f64::NAN, Vec::new()), |(loss, gradient)| (loss.mean(), gradient.concat()))
    }

    /// The gradient of one text's loss.
    fn of_text(&self, flat: &[f64], text: usize) -> Vec<f64> {
        let (tokens, classes) = self.texts.batch(text as u64, 1);
        self.model.gradient(&self.split(flat), &tokens, &classes).map_or(Vec::new(), |found| found.1.concat())
    }
}

/// How often a step size is halved, at most.
const MOST_HALVINGS: u32 = 8;

/// What a run went through: the parameters at the beginning of every batch and at the end.
struct Path(Vec<Vec<f64>>);

/// Trains with several numbers of micro-batches, per batch and per micro-batch, and holds the mean squared norm of the
/// gradient against its bound.
///
/// # Errors
/// [`ReproduceError`].
pub fn bounds(
    size: &Size,
    samples: &Samples,
    classes: u32,
    mut told: impl FnMut(&str),
) -> Result<(ResultTable, Vec<Constants>), ReproduceError> {
    let mut values: Vec<u32> = VALUES.into_iter().take(size.values).collect();
    values.sort_unstable();
    let failed = |error: BoundError| ReproduceError::plan("gradients and bounds", error);
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for seed in 1..=size.learning_seeds {
        let spec = transformer(classes);
        let model = Model::new(&spec).map_err(|error| ReproduceError::plan("gradients and bounds", error))?;
        let whole = Whole { model, texts: shortened(samples) };
        let start: Vec<f64> = whole.model.draw::<f32>(seed).concat().into_iter().map(f64::from).collect();
        let smoothness = |at: &[f64]| {
            smoothness_by_power_iteration(at, RADIUS, REPETITIONS, seed, |point| whole.at(point).1).map_err(failed)
        };
        let smoothness_at_start = smoothness(&start)?.at_least;
        let mut halvings = 0;
        let found = loop {
            let step_size = STEP / smoothness_at_start / f64::from(1_u32 << halvings);
            let experiment =
                Experiment { size, values: &values, spec: &spec, whole: &whole, seed, start: &start, step_size };
            let run = experiment.run(&mut told)?;
            let smoothness_at_ends = run
                .ends
                .iter()
                .map(|end| smoothness(end))
                .try_fold(0.0_f64, |largest, found| found.map(|found| largest.max(found.at_least)))?;
            let smoothness = smoothness_at_start.max(smoothness_at_ends).max(run.smoothness_along);
            match experiment.bounds(&run, smoothness) {
                Ok(bounds) => break (step_size, smoothness_at_ends, run, bounds),
                Err(error) if halvings == MOST_HALVINGS => return Err(failed(error)),
                Err(error) => {
                    halvings += 1;
                    told(&format!("seed {seed}: {error}; once more with half the step size"));
                }
            }
        };
        let (step_size, smoothness_at_ends, run, bounds) = found;
        let (initial_gap, smoothness_along, sample_variance) =
            (run.initial_gap, run.smoothness_along, run.sample_variance);
        let (mut tightest, mut loosest) = (f64::INFINITY, 0.0_f64);
        for ((micro_batches, update, measured), bound) in run.measured.iter().copied().zip(bounds) {
            (tightest, loosest) = (tightest.min(bound / measured), loosest.max(bound / measured));
            let word = if update == UpdateRule::PerBatch { "batch" } else { "micro" };
            for (what, value) in [("measured", measured), ("bound", bound)] {
                rows.push(Row {
                    x: Some(f64::from(micro_batches)),
                    x_label: micro_batches.to_string(),
                    series: format!("{what}, {word}"),
                    seed,
                    metrics: BTreeMap::from([(Metric::SquaredGradient, value)]),
                });
            }
        }
        all.push(Constants {
            seed,
            parameters: start.len(),
            initial_gap,
            smoothness_at_start,
            smoothness_at_ends,
            smoothness_along,
            sample_variance,
            step_size,
            halvings,
            tightest,
            loosest,
        });
    }
    let mut panel = plot(Metric::SquaredGradient, "micro-batches M", Drawing::Lines);
    (panel.log_x, panel.log_y) = (true, true);
    Ok((ABOUT.table(vec![panel], rows), all))
}

/// A seed's runs at one step size.
struct Experiment<'a> {
    size: &'a Size,
    values: &'a [u32],
    spec: &'a TransformerSpec,
    whole: &'a Whole,
    seed: u64,
    start: &'a [f64],
    step_size: f64,
}

/// What they left.
struct Found {
    initial_gap: f64,
    /// M, update rule, mean squared norm of the gradient.
    measured: Vec<(u32, UpdateRule, f64)>,
    smoothness_along: f64,
    sample_variance: f64,
    /// Where the runs that went furthest and least far ended.
    ends: Vec<Vec<f64>>,
}

impl Experiment<'_> {
    fn variance(&self, at: &[f64]) -> Result<f64, ReproduceError> {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed);
        let gradients: Vec<Vec<f64>> =
            (0..DRAWS).map(|_| self.whole.of_text(at, random.random_range(0..TEXTS))).collect();
        let found = gradient_variance(&gradients).map(|found| found.upper(1.96));
        found.map_err(|error| ReproduceError::plan("gradients and bounds", error))
    }

    fn run(&self, told: &mut impl FnMut(&str)) -> Result<Found, ReproduceError> {
        let (seed, values) = (self.seed, self.values);
        let mut found = Found {
            initial_gap: self.whole.at(self.start).0,
            measured: Vec::new(),
            smoothness_along: 0.0,
            sample_variance: self.variance(self.start)?,
            ends: Vec::new(),
        };
        for &micro_batches in values {
            for update in [UpdateRule::PerBatch, UpdateRule::PerMicroBatch] {
                told(&format!("M = {micro_batches}, {update:?}, seed {seed}"));
                let learning = LearningSpec {
                    model: self.spec.clone(),
                    seed,
                    rule: Rule::Sgd { rate: self.step_size, momentum: 0.0 },
                    update,
                    batch: BATCH,
                    samples: Some(drawn(&self.whole.texts, self.size.batches, seed)),
                };
                let path = path(&learning, micro_batches, self.size.batches, self.start)?;
                let gradients: Vec<Vec<f64>> = path.0.iter().map(|at| self.whole.at(at).1).collect();
                let begins = gradients.len().saturating_sub(1).max(1);
                let squares = gradients.iter().take(begins).map(|of| of.iter().map(|g| g * g).sum::<f64>());
                found.measured.push((micro_batches, update, squares.sum::<f64>() / begins as f64));
                let pairs: Vec<GradientPair<'_>> = path
                    .0
                    .windows(2)
                    .zip(gradients.windows(2))
                    .filter_map(|(points, gradients)| {
                        let ([a, b], [ga, gb]) = (points, gradients) else { return None };
                        Some(GradientPair { points: [a, b], gradients: [ga, gb] })
                    })
                    .collect();
                let along = smoothness_from_gradients(&pairs);
                let along = along.map_err(|error| ReproduceError::plan("gradients and bounds", error))?;
                found.smoothness_along = found.smoothness_along.max(along.at_least);
                if update == UpdateRule::PerMicroBatch
                    && [values.first(), values.last()].contains(&Some(&micro_batches))
                {
                    let end = path.0.last().ok_or_else(|| ReproduceError::plan("gradients and bounds", "no batch"))?;
                    found.sample_variance = found.sample_variance.max(self.variance(end)?);
                    found.ends.push(end.clone());
                }
            }
        }
        Ok(found)
    }

    /// The bound of every run, if there is one at this step size.
    fn bounds(&self, found: &Found, smoothness: f64) -> Result<Vec<f64>, BoundError> {
        let Self { size, step_size, .. } = *self;
        let Found { initial_gap, sample_variance, .. } = *found;
        let bound = |(micro_batches, update, _): &(u32, UpdateRule, f64)| match update {
            UpdateRule::PerBatch => {
                let (steps, batch_size) = (size.batches, BATCH as u32);
                let sgd = MiniBatchSgd { initial_gap, step_size, steps, smoothness, sample_variance, batch_size };
                Ok(sgd.bound()?.tight)
            }
            UpdateRule::PerMicroBatch => {
                let age = largest_age(ScheduleKind::OneForwardOneBackward, STAGES, *micro_batches);
                let pipeline = PipelineDepth {
                    initial_gap,
                    step_size,
                    steps: size.batches * u64::from(*micro_batches),
                    smoothness,
                    update_variance: sample_variance * f64::from(*micro_batches) / BATCH as f64,
                    largest_age: u64::from(age),
                };
                Ok(pipeline.bound()?.bound)
            }
        };
        found.measured.iter().map(bound).collect()
    }
}

/// The first texts, cut to the tokens that the small model takes.
fn shortened(samples: &Samples) -> Samples {
    let tokens = TOKENS as usize;
    let cut = |text: &[u32]| {
        // Texts that are too short are padded with their last token.
        let last = text.last().copied().unwrap_or_default();
        text.iter().copied().chain(std::iter::repeat(last)).take(tokens).collect::<Vec<u32>>()
    };
    let numbers = samples.numbers.chunks_exact(samples.tokens.max(1)).take(TEXTS).flat_map(cut).collect();
    Samples { tokens, numbers, targets: samples.targets.iter().copied().take(TEXTS).collect() }
}

/// Batches drawn with replacement, one behind the other.
fn drawn(texts: &Samples, batches: u64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let (mut numbers, mut classes) = (Vec::new(), Vec::new());
    for _ in 0..batches * BATCH as u64 {
        let (text, class) = texts.batch(random.random_range(0..texts.len().max(1)) as u64, 1);
        numbers.extend(text);
        classes.extend(class);
    }
    (numbers, classes)
}

/// A pipeline trains, batch after batch.
fn path(spec: &LearningSpec, micro_batches: u32, batches: u64, start: &[f64]) -> Result<Path, ReproduceError> {
    let name = format!("gradients, M = {micro_batches}");
    let size = InstanceSize { devices: STAGES - 2, clusters: 1, blocks: spec.model.layers, ..InstanceSize::default() };
    let problem = size.sample(1).map_err(|error| ReproduceError::plan(&name, error))?;
    let solution = solve(&problem, &Settings::default()).map_err(|error| ReproduceError::plan(&name, error))?;
    let best = solution.certified().ok_or_else(|| ReproduceError::plan(&name, "no decision"))?;
    let mut decision = best.decision.clone();
    for cluster in &mut decision.clusters {
        // A block on each device.
        cluster.sizes = vec![1; cluster.active.len()];
    }
    let order = RoundOrder::synthetic(&problem, &decision, Pace::Emulated { scale: 1.0 });
    let mut order = order.map_err(|error| ReproduceError::plan(&name, error))?;
    for cluster in &mut order.clusters {
        let plan = &mut cluster.plan;
        (plan.schedule, plan.micro_batches, plan.local_iterations) =
            (ScheduleKind::OneForwardOneBackward, micro_batches, 1);
    }
    order.work = vec![WorkSpec::Learning(Box::new(spec.clone()))];
    let failed = |source| ReproduceError::Round { case: name.clone(), source };
    let mut threads = Threads::start(&order.members(), Clock::pretended())?;
    let coordinator = threads.coordinator().map_err(failed)?;
    let server = order.clusters.first().map_or(0, |cluster| cluster.upload.to.0);
    let ends = [0, server].map(|node| Address { cluster: 0, node });
    let mut path = vec![start.to_vec()];
    for _ in 0..batches {
        coordinator.round(&order, &Parts::new()).map_err(failed)?;
        let parts = coordinator.gather(&order, &ends).map_err(failed)?;
        path.push(parameters(spec, &parts, 0)?.concat().into_iter().map(f64::from).collect());
    }
    Ok(Path(path))
}
