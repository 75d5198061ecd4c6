//! Local steps of several clusters, current or stale, of all clusters or of a sample.

use std::error::Error;

use collapipe::bounds::{LocalSteps, PartialParticipation, Sampling, StepModel};

use super::Outcome;
use super::draw::Draw;
use super::losses::{Losses, Shape};

const REPETITIONS: usize = 200;

/// Which iterate of the round every block of coordinates sees.
pub enum Staleness {
    /// The current one.
    None,
    /// `delays[b]` steps older for block b, as in a pipeline of as many stages that updates per micro-batch.
    Delays(Vec<usize>),
    /// A fixed table of step and block: any older iterate.
    Table(Vec<Vec<usize>>),
}

impl Staleness {
    fn draw(draw: &mut Draw, steps: usize) -> Self {
        let blocks = draw.integer(1, 4);
        match draw.integer(0, 3) {
            0 => Self::Delays((0..blocks).map(|b| 2 * (blocks - 1 - b)).collect()),
            1 => Self::Table((0..steps).map(|h| (0..blocks).map(|_| draw.integer(0, h)).collect()).collect()),
            _ => Self::None,
        }
    }

    /// Iterate that coordinate i of step h is taken at.
    fn seen(&self, h: usize, i: usize) -> usize {
        match self {
            Self::None => h,
            Self::Delays(delays) => h.saturating_sub(delays[i % delays.len()]),
            Self::Table(table) => table[h][i % table[h].len()],
        }
    }
}

/// Mean gradient d_n of cluster n's steps from `theta`.
fn local_mean(
    (losses, n): (&Losses, usize),
    theta: &[f64],
    (steps, step_size, noise_std): (usize, f64, f64),
    staleness: &Staleness,
    draw: &mut Draw,
) -> Vec<f64> {
    let dimension = theta.len();
    let mut iterates = vec![theta.to_vec()];
    let mut mean = vec![0.0; dimension];
    let mut gradient = vec![0.0; dimension];
    for h in 0..steps {
        let point: Vec<f64> = (0..dimension).map(|i| iterates[staleness.seen(h, i)][i]).collect();
        losses.gradient(n, &point, &mut gradient);
        losses.noise.add(&mut gradient, noise_std, draw);
        let next = (0..dimension).map(|i| iterates[h][i] - step_size * gradient[i]).collect();
        iterates.push(next);
        mean.iter_mut().zip(&gradient).for_each(|(m, g)| *m += g / steps as f64);
    }
    mean
}

/// One run: the mean of |∇F|² over the rounds' starts.
fn train(
    losses: &Losses,
    schedule: &LocalSteps,
    start: &[f64],
    staleness: &Staleness,
    participants: Option<(u64, Sampling)>,
    draw: &mut Draw,
) -> f64 {
    let clusters = losses.weights.len();
    let mut theta = start.to_vec();
    let mut total = 0.0;
    for _ in 0..schedule.rounds {
        total += losses.gradient_norm_squared(&theta);
        let means: Vec<Vec<f64>> = (0..clusters)
            .map(|n| {
                let local = (schedule.local_steps[n] as usize, schedule.step_size, schedule.noise_variance[n].sqrt());
                local_mean((losses, n), &theta, local, staleness, draw)
            })
            .collect();
        let mut shares = schedule.weights.clone();
        if let Some((count, sampling)) = participants {
            let mut weights = schedule.weights.clone();
            shares = vec![0.0; clusters];
            for _ in 0..count {
                let drawn = draw.index(&weights);
                shares[drawn] += 1.0 / count as f64;
                if sampling == Sampling::WithoutReplacement {
                    weights[drawn] = 0.0;
                    let left: f64 = weights.iter().sum();
                    weights.iter_mut().for_each(|weight| *weight /= left.max(1e-9));
                }
            }
        }
        for (share, mean) in shares.iter().zip(&means) {
            let step = schedule.step_size * schedule.server_steps * share;
            theta.iter_mut().zip(mean).for_each(|(x, d)| *x -= step * d);
        }
    }
    total / schedule.rounds as f64
}

const SHAPES: [Shape; 3] = [Shape::Quadratic, Shape::Cosine, Shape::Rational];

/// Random losses and a schedule for them, of step size 1.
fn configuration(draw: &mut Draw) -> (Losses, Vec<f64>, LocalSteps, Staleness) {
    let clusters = draw.integer(1, 6);
    let losses = Losses::draw(draw, &SHAPES, clusters, 2.0);
    schedule(losses, draw)
}

/// A schedule for losses, of step size 1.
fn schedule(losses: Losses, draw: &mut Draw) -> (Losses, Vec<f64>, LocalSteps, Staleness) {
    let clusters = losses.weights.len();
    let start = losses.start(draw);
    let common = draw.integer(1, 10);
    let equal = draw.chance(0.6);
    let local_steps: Vec<u64> =
        (0..clusters).map(|_| if equal { common } else { draw.integer(1, 10) } as u64).collect();
    let server_steps = if equal && draw.chance(0.6) { common as f64 } else { draw.uniform(0.5, 10.0) };
    let noisy = draw.chance(0.8);
    let noise_variance = (0..clusters).map(|_| if noisy { draw.decades(-3.0, 1.0) } else { 0.0 }).collect();
    let (heterogeneity, dissimilarity) = losses.heterogeneity();
    let longest = local_steps.iter().max().map_or(1, |&steps| steps as usize);
    let schedule = LocalSteps {
        initial_gap: losses.value(&start),
        step_size: 1.0,
        server_steps,
        rounds: draw.decades(0.0, 2.0) as u64,
        smoothness: losses.smoothness(),
        weights: losses.weights.clone(),
        noise_variance,
        local_steps,
        heterogeneity,
        dissimilarity,
    };
    let staleness = Staleness::draw(draw, longest);
    (losses, start, schedule, staleness)
}

pub fn all_clusters(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(1, seed);
    let (losses, start, mut schedule, staleness) = configuration(&mut draw);
    schedule.step_size = draw.step_size(schedule.largest_step_size()?);
    let bound = schedule.bound()?;
    let samples: Vec<f64> =
        (0..REPETITIONS).map(|_| train(&losses, &schedule, &start, &staleness, None, &mut draw)).collect();
    Ok(Outcome::of(&samples, vec![("tight", bound.tight), ("simple", bound.simple)]))
}

/// Theorem A2 by simulation, at step sizes up to its own largest.
fn sharp(stream: u64, seed: u64, model: StepModel) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(stream, seed);
    let clusters = draw.integer(1, 6);
    let (losses, start, mut schedule, staleness) = match model {
        // Factors 1 + α_n of at least 0.
        StepModel::Convex => schedule(Losses::draw(&mut draw, &[Shape::Quadratic], clusters, 1.0), &mut draw),
        _ => configuration(&mut draw),
    };
    let staleness = if model == StepModel::AnyAges { staleness } else { Staleness::None };
    schedule.step_size = draw.step_size(0.95 * schedule.largest_sharp_step_size(model)?);
    let bound = schedule.sharp(model)?.bound;
    let samples: Vec<f64> =
        (0..REPETITIONS).map(|_| train(&losses, &schedule, &start, &staleness, None, &mut draw)).collect();
    Ok(Outcome::of(&samples, vec![("sharp", bound)]))
}

pub fn sharp_current(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    sharp(11, seed, StepModel::Current)
}

pub fn sharp_any_ages(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    sharp(12, seed, StepModel::AnyAges)
}

pub fn sharp_convex(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    sharp(13, seed, StepModel::Convex)
}

/// Different clusters of equal weight, up to all of them.
pub fn different_clusters(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(14, seed);
    let (mut losses, start, mut schedule, staleness) = configuration(&mut draw);
    let clusters = losses.weights.len();
    losses.equalize();
    schedule.weights.clone_from(&losses.weights);
    schedule.smoothness = losses.smoothness();
    (schedule.heterogeneity, schedule.dissimilarity) = losses.heterogeneity();
    let participants = draw.integer(1, clusters) as u64;
    sampled(participants, Sampling::WithoutReplacement, (losses, start, schedule, staleness), draw)
}

pub fn sampled_clusters(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(2, seed);
    let configured = configuration(&mut draw);
    let participants = draw.integer(1, 6) as u64;
    sampled(participants, Sampling::WithReplacement, configured, draw)
}

fn sampled(
    participants: u64,
    sampling: Sampling,
    (losses, start, mut schedule, staleness): (Losses, Vec<f64>, LocalSteps, Staleness),
    mut draw: Draw,
) -> Result<Outcome, Box<dyn Error>> {
    // The largest step size does not depend on the step size; a tiny one gets through the check.
    schedule.step_size = 1e-9 * schedule.largest_step_size()?;
    let mut sampled = PartialParticipation { participants, sampling, schedule };
    sampled.schedule.step_size = draw.step_size(sampled.bound()?.largest_step_size);
    let bounds = vec![("bound", sampled.bound()?.bound), ("sharp", sampled.sharp(StepModel::AnyAges)?.bound)];
    let by = Some((participants, sampling));
    let run = |draw: &mut Draw| train(&losses, &sampled.schedule, &start, &staleness, by, draw);
    let samples: Vec<f64> = (0..REPETITIONS).map(|_| run(&mut draw)).collect();
    Ok(Outcome::of(&samples, bounds))
}
