//! Mini-batch SGD of one worker.

use std::error::Error;

use collapipe::bounds::MiniBatchSgd;

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
