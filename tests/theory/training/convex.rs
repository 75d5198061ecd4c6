//! Local SGD whose workers average every few steps: bounded gradients, and strongly convex losses.

use std::error::Error;

use collapipe::bounds::{BoundedGradients, StronglyConvexFedAvg, VirtualAverage};

use super::Outcome;
use super::draw::Draw;
use super::losses::{Losses, Noise, Shape, norm_squared};

const REPETITIONS: usize = 100;

/// Plays T steps with averaging every `period`; `visit` sees the average before every step. Returns the last average.
fn train(
    losses: &Losses,
    start: &[f64],
    (steps, period): (u64, u64),
    noise_std: &[f64],
    step_size: impl Fn(u64) -> f64,
    mut visit: impl FnMut(&[f64]),
    draw: &mut Draw,
) -> Vec<f64> {
    let clusters = losses.weights.len();
    let mut locals = vec![start.to_vec(); clusters];
    let mut gradient = vec![0.0; start.len()];
    let average = |locals: &[Vec<f64>]| -> Vec<f64> {
        let mut mean = vec![0.0; start.len()];
        for (weight, local) in losses.weights.iter().zip(locals) {
            mean.iter_mut().zip(local).for_each(|(m, x)| *m += weight * x);
        }
        mean
    };
    for t in 0..steps {
        visit(&average(&locals));
        for n in 0..clusters {
            losses.gradient(n, &locals[n], &mut gradient);
            losses.noise.add(&mut gradient, noise_std[n], draw);
            locals[n].iter_mut().zip(&gradient).for_each(|(x, g)| *x -= step_size(t) * g);
        }
        if (t + 1) % period == 0 {
            locals = vec![average(&locals); clusters];
        }
    }
    average(&locals)
}

pub fn bounded_gradients(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(5, seed);
    let clusters = draw.integer(1, 6);
    let losses = Losses::draw(&mut draw, &[Shape::Cosine, Shape::Rational], clusters, 2.0);
    let start = losses.start(&mut draw);
    let noise_variance: Vec<f64> = (0..clusters).map(|_| draw.decades(-3.0, 0.5)).collect();
    let schedule = BoundedGradients {
        initial_gap: losses.value(&start),
        step_size: draw.step_size(1.0 / losses.smoothness()),
        steps: draw.decades(0.0, 2.0) as u64,
        period: draw.integer(1, 8) as u64,
        smoothness: losses.smoothness(),
        weights: losses.weights.clone(),
        second_moment: losses.steepest().powi(2) + losses.largest(&noise_variance),
        noise_variance: noise_variance.clone(),
    };
    let bound = schedule.bound()?;
    let std: Vec<f64> = noise_variance.iter().map(|v| v.sqrt()).collect();
    let samples: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let mut total = 0.0;
            let visit = |theta: &[f64]| total += losses.gradient_norm_squared(theta);
            let length = (schedule.steps, schedule.period);
            train(&losses, &start, length, &std, |_| schedule.step_size, visit, &mut draw);
            total / schedule.steps as f64
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("tight", bound.tight), ("simple", bound.simple)]))
}

/// Theorem B: the gradient at the average of every single step.
pub fn virtual_average(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(15, seed);
    let clusters = draw.integer(1, 6);
    let convex = draw.chance(0.3);
    let shapes: &[Shape] =
        if convex { &[Shape::Quadratic] } else { &[Shape::Quadratic, Shape::Cosine, Shape::Rational] };
    // Equal curvatures: β² = 1.
    let losses = Losses::draw(&mut draw, shapes, clusters, 0.0);
    let start = losses.start(&mut draw);
    let noise_variance: Vec<f64> = (0..clusters).map(|_| draw.decades(-3.0, 1.0)).collect();
    let schedule = VirtualAverage {
        initial_gap: losses.value(&start),
        step_size: draw.step_size(1.0 / losses.smoothness()),
        rounds: draw.integer(1, 20) as u64,
        local_steps: draw.integer(1, 10) as u64,
        smoothness: losses.smoothness(),
        weights: losses.weights.clone(),
        noise_variance: noise_variance.clone(),
        heterogeneity: losses.heterogeneity().0,
        convex,
    };
    let bound = schedule.bound()?.bound;
    let std: Vec<f64> = noise_variance.iter().map(|v| v.sqrt()).collect();
    let steps = schedule.rounds * schedule.local_steps;
    let samples: Vec<f64> = (0..4 * REPETITIONS)
        .map(|_| {
            let mut total = 0.0;
            let visit = |theta: &[f64]| total += losses.gradient_norm_squared(theta);
            let length = (steps, schedule.local_steps);
            train(&losses, &start, length, &std, |_| schedule.step_size, visit, &mut draw);
            total / steps as f64
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("bound", bound)]))
}

/// Quadratics. With noise of norm s and step sizes of at most 1/(4L), |θ| ≤ r := max(|θ_0|, (max|b_n| + s)/μ) implies
/// the same after a step, and after averaging; so |g|² ≤ (Lr + max|b_n|)² + s² in the mean.
pub fn strongly_convex(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(6, seed);
    let clusters = draw.integer(1, 6);
    let mut losses = Losses::draw(&mut draw, &[Shape::Quadratic], clusters, 0.5);
    // Well conditioned, or G², which grows with the square of L/μ, hides the rest of the bound.
    losses.curvatures.iter_mut().for_each(|a| *a = draw.decades(-0.3, 0.0));
    losses.noise = Noise::Signs;
    let start = losses.start(&mut draw);
    let noise_variance: Vec<f64> = (0..clusters).map(|_| draw.decades(-3.0, 0.5)).collect();
    let (l, flattest) = (losses.smoothness(), losses.curvatures.iter().fold(f64::INFINITY, |m, &a| m.min(a)));
    let mu = flattest * losses.tilts.iter().fold(f64::INFINITY, |m: f64, t| m.min(1.0 + t));
    let pull = losses.pulls.iter().map(|b| norm_squared(b).sqrt()).fold(0.0, f64::max);
    let std = losses.largest(&noise_variance).sqrt();
    let radius = norm_squared(&start).sqrt().max((pull + std) / mu);
    // F_n* = −Σ_i b_i²/(2(1+α_n)a_i) and F* = 0.
    let own_optimum = |n: usize| -> f64 {
        let terms = losses.pulls[n].iter().zip(&losses.curvatures);
        terms.map(|(b, a)| -b * b / (2.0 * (1.0 + losses.tilts[n]) * a)).sum()
    };
    let schedule = StronglyConvexFedAvg {
        strong_convexity: mu,
        smoothness: l,
        steps: draw.decades(0.0, 3.0) as u64,
        period: if draw.chance(0.5) { 1 } else { draw.integer(2, 8) as u64 },
        weights: losses.weights.clone(),
        second_moment: (l * radius + pull).powi(2) + std * std,
        optimum_gap: -losses.weights.iter().enumerate().map(|(n, w)| w * own_optimum(n)).sum::<f64>(),
        initial_distance_squared: norm_squared(&start),
        noise_variance: noise_variance.clone(),
    };
    let bound = schedule.bound()?;
    let deviations: Vec<f64> = noise_variance.iter().map(|v| v.sqrt()).collect();
    let step_size = |t: u64| 2.0 / (mu * (bound.shift + t as f64));
    let samples: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let length = (schedule.steps, schedule.period);
            losses.value(&train(&losses, &start, length, &deviations, step_size, |_| (), &mut draw))
        })
        .collect();
    Ok(Outcome::of(&samples, vec![("tight", bound.tight), ("simple", bound.simple)]))
}
