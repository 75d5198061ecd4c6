//! The Gaussian mechanism: what it costs, and that it buys what is said.

use std::error::Error;

use collapipe::bounds::{GaussianMechanism, privacy_delta};

use super::Outcome;
use super::adaptive::batch_gradient;
use super::draw::Draw;
use super::losses::{Losses, Noise, Shape};
use super::single::train;

const REPETITIONS: usize = 200;
const LOSSES: usize = 200_000;

pub fn training(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(7, seed);
    let mut losses = Losses::draw(&mut draw, &[Shape::Cosine, Shape::Rational], 1, 0.0);
    // Bounded, so that no sample's gradient is longer than the clipping norm.
    losses.noise = Noise::Signs;
    let start = losses.start(&mut draw);
    let sample_std = draw.decades(-1.5, 0.5);
    let steps = draw.decades(0.0, 2.0) as u64;
    let mechanism = GaussianMechanism {
        initial_gap: losses.value(&start),
        step_size: draw.step_size(1.0 / losses.smoothness()),
        steps,
        smoothness: losses.smoothness(),
        sample_variance: sample_std * sample_std,
        batch_size: draw.pick(&[1, 2, 4]),
        dimension: losses.dimension() as u64,
        noise_std: draw.decades(-2.0, 0.3),
        clip_norm: losses.steepest() + sample_std,
        uses_per_sample: draw.integer(1, steps as usize) as u64,
        delta: 1e-5,
    };
    let bound = mechanism.bound()?;
    let samples: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            train(&losses, &start, mechanism.step_size, steps, &mut draw, |theta, draw| {
                let mut gradient = batch_gradient((&losses, 0), theta, mechanism.batch_size, sample_std, draw);
                gradient.iter_mut().for_each(|g| *g += mechanism.noise_std * draw.normal());
                gradient
            })
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("tight", bound.convergence.tight), ("simple", bound.convergence.simple)]))
}

/// δ(ε) of u releases of sensitivity 1 and noise ν: E max(0, 1 − e^(ε−Λ)), with Λ the log-likelihood ratio of all u
/// releases drawn one by one.
pub fn delta(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(8, seed);
    let uses = draw.integer(1, 5);
    let noise_std = (uses as f64).sqrt() / draw.decades(-0.7, 0.6);
    let mu = (uses as f64).sqrt() / noise_std;
    let epsilon = draw.uniform(0.0, 0.5 * mu * mu + 1.5 * mu);
    let samples: Vec<f64> = (0..LOSSES)
        .map(|_| {
            // Released x = 1 + ν·normal where the neighbouring data would have given 0 + ν·normal.
            let ratio: f64 = (0..uses)
                .map(|_| 1.0 + noise_std * draw.normal())
                .map(|x| (x * x - (x - 1.0) * (x - 1.0)) / (2.0 * noise_std * noise_std))
                .sum();
            (1.0 - (epsilon - ratio).exp()).max(0.0)
        })
        .collect();
    let mut outcome = Outcome::of(&samples, vec![("delta", privacy_delta(mu, epsilon)?)]);
    outcome.exact = true;
    Ok(outcome)
}
