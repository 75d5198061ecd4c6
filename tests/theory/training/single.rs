//! Mini-batch SGD of one worker.

use std::error::Error;

use collapipe::bounds::{MiniBatchSgd, PipelineDepth};

use super::Outcome;
use super::adaptive::batch_gradient;
use super::draw::Draw;
use super::losses::{Losses, Shape};

/// Many, because this bound is met within a few per cent.
const REPETITIONS: usize = 2000;

pub fn mini_batch(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(4, seed);
    let losses = Losses::draw(&mut draw, &[Shape::Quadratic, Shape::Cosine, Shape::Rational], 1, 0.0);
    let start = losses.start(&mut draw);
    let sgd = MiniBatchSgd {
        initial_gap: losses.value(&start),
        step_size: draw.step_size(1.0 / losses.smoothness()),
        steps: draw.decades(0.0, 2.3) as u64,
        smoothness: losses.smoothness(),
        sample_variance: draw.decades(-3.0, 1.0),
        batch_size: draw.pick(&[1, 2, 4]),
    };
    let bound = sgd.bound()?;
    let samples: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            train(&losses, &start, sgd.step_size, sgd.steps, &mut draw, |theta, draw| {
                batch_gradient((&losses, 0), theta, sgd.batch_size, sgd.sample_variance.sqrt(), draw)
            })
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("tight", bound.tight), ("simple", bound.simple)]))
}

/// One run: the mean of |∇F|² over the iterates.
pub fn train(
    losses: &Losses,
    start: &[f64],
    step_size: f64,
    steps: u64,
    draw: &mut Draw,
    gradient: impl Fn(&[f64], &mut Draw) -> Vec<f64>,
) -> f64 {
    let mut theta = start.to_vec();
    let mut total = 0.0;
    for _ in 0..steps {
        total += losses.gradient_norm_squared(&theta);
        let step = gradient(&theta, draw);
        theta.iter_mut().zip(&step).for_each(|(x, g)| *x -= step_size * g);
    }
    total / steps as f64
}

/// Theorem C: blocks of coordinates that lag behind by fixed numbers of updates.
pub fn pipeline_depth(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(16, seed);
    let losses = Losses::draw(&mut draw, &[Shape::Quadratic, Shape::Cosine, Shape::Rational], 1, 0.0);
    let start = losses.start(&mut draw);
    let stages = draw.integer(1, 6);
    let ages: Vec<usize> =
        if draw.chance(0.5) { (0..stages).rev().collect() } else { (0..stages).map(|_| draw.integer(0, 5)).collect() };
    let largest_age = ages.iter().copied().max().unwrap_or(0) as u64;
    let mut training = PipelineDepth {
        initial_gap: losses.value(&start),
        step_size: 1e-9 / losses.smoothness(),
        steps: draw.decades(0.0, 2.3) as u64,
        smoothness: losses.smoothness(),
        update_variance: draw.decades(-3.0, 1.0),
        largest_age,
    };
    training.step_size = draw.step_size(0.95 * training.bound()?.largest_step_size);
    let bound = training.bound()?.bound;
    let samples: Vec<f64> = (0..REPETITIONS / 10)
        .map(|_| {
            let mut path = vec![start.clone()];
            let mut gradient = vec![0.0; start.len()];
            let mut total = 0.0;
            for h in 0..training.steps as usize {
                total += losses.gradient_norm_squared(&path[h]);
                let point: Vec<f64> =
                    (0..start.len()).map(|i| path[h.saturating_sub(ages[i % ages.len()])][i]).collect();
                losses.gradient(0, &point, &mut gradient);
                losses.noise.add(&mut gradient, training.update_variance.sqrt(), &mut draw);
                path.push(path[h].iter().zip(&gradient).map(|(x, g)| x - training.step_size * g).collect());
            }
            total / training.steps as f64
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("bound", bound)]))
}
