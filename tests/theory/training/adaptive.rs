//! The convergence constraint: plans that change from round to round, per batch or per micro-batch, with noise made of
//! single samples.

use std::error::Error;

use collapipe::bounds::{ConvergenceConstraint, LearningProblem, LocalUpdates, PlayedRounds, UpdateRule};
use collapipe::problem::CandidatePlan;

use super::Outcome;
use super::draw::Draw;
use super::losses::{Losses, Shape};

const REPETITIONS: usize = 100;

pub fn constraint(seed: u64) -> Result<Outcome, Box<dyn Error>> {
    let mut draw = Draw::new(3, seed);
    let clusters = draw.integer(1, 4);
    let losses = Losses::draw(&mut draw, &[Shape::Quadratic, Shape::Cosine, Shape::Rational], clusters, 2.0);
    let start = losses.start(&mut draw);
    let (heterogeneity, dissimilarity) = losses.heterogeneity();
    let learning = LearningProblem {
        initial_gap: losses.value(&start),
        smoothness: losses.smoothness(),
        weights: losses.weights.clone(),
        sample_variance: (0..clusters).map(|_| draw.decades(-2.0, 1.0)).collect(),
        batch_size: (0..clusters).map(|_| draw.pick(&[4, 8])).collect(),
        heterogeneity,
        dissimilarity,
        update: draw.pick(&[UpdateRule::PerBatch, UpdateRule::PerMicroBatch]),
    };
    let plans: Vec<CandidatePlan> = (0..3)
        .map(|_| CandidatePlan {
            local_iterations: draw.integer(1, 3) as u32,
            micro_batches: draw.pick(&[1, 2, 4]),
            penalty: 0.0,
            ..CandidatePlan::default()
        })
        .collect();
    let mut largest = f64::INFINITY;
    for plan in &plans {
        largest = largest.min(learning.local_steps(plan, 1.0, 1)?.largest_step_size()?);
    }
    let step_size = draw.step_size(largest);
    let horizon = draw.integer(5, 40) as u64;
    let rounds = if draw.chance(0.5) { horizon } else { draw.integer(1, horizon as usize) as u64 };
    let constraint = ConvergenceConstraint { learning, step_size, rounds: horizon, target: draw.decades(-2.0, 1.0) };

    let sequence: Vec<CandidatePlan> = (0..rounds).map(|_| draw.pick(&plans)).collect();
    let mut played = PlayedRounds { rounds, steps: 0, violation_sum: 0.0 };
    for plan in &sequence {
        played.violation_sum += constraint.violation(plan)?;
        played.steps += constraint.learning.local_steps(plan, step_size, 1)?.local_steps[0];
    }
    let certified = constraint.certified_mean(&played)?;
    let without_steps = constraint.certified_mean_without_steps(rounds, played.violation_sum)?;
    let mut samples = Vec::with_capacity(REPETITIONS);
    for _ in 0..REPETITIONS {
        samples.push(train(&losses, &constraint, &start, &sequence, &mut draw)? / played.steps as f64);
    }
    let mut bounds = vec![("certified mean", certified)];
    // Without the number of steps nothing below ε can be certified, which makes ratios meaningless there.
    if without_steps > constraint.target {
        bounds.push(("without steps", without_steps));
    } else {
        bounds.push(("without steps", certified.max(constraint.target)));
    }
    Ok(Outcome::of(&samples, bounds))
}

/// One run: Σ K_t |∇F(θ_t)|².
fn train(
    losses: &Losses,
    constraint: &ConvergenceConstraint,
    start: &[f64],
    sequence: &[CandidatePlan],
    draw: &mut Draw,
) -> Result<f64, Box<dyn Error>> {
    let learning = &constraint.learning;
    let mut theta = start.to_vec();
    let mut total = 0.0;
    for plan in sequence {
        let norm = losses.gradient_norm_squared(&theta);
        let mut average = vec![0.0; theta.len()];
        for n in 0..losses.weights.len() {
            let (batch, variance) = (learning.batch_size[n], learning.sample_variance[n]);
            let steps = LocalUpdates::of_plan(learning.update, plan, batch, variance)?.steps;
            let samples = match learning.update {
                UpdateRule::PerBatch => batch,
                UpdateRule::PerMicroBatch => batch / plan.micro_batches,
            };
            let mut local = theta.clone();
            for _ in 0..steps {
                let gradient = batch_gradient((losses, n), &local, samples, variance.sqrt(), draw);
                local.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= constraint.step_size * g);
            }
            average.iter_mut().zip(&local).for_each(|(a, x)| *a += losses.weights[n] * x);
            total += losses.weights[n] * steps as f64 * norm;
        }
        theta = average;
    }
    Ok(total)
}

/// Mean of so many samples' gradients, each with its own noise.
pub fn batch_gradient(
    (losses, n): (&Losses, usize),
    theta: &[f64],
    samples: u32,
    sample_std: f64,
    draw: &mut Draw,
) -> Vec<f64> {
    let mut mean = vec![0.0; theta.len()];
    let mut gradient = mean.clone();
    for _ in 0..samples {
        losses.gradient(n, theta, &mut gradient);
        losses.noise.add(&mut gradient, sample_std, draw);
        mean.iter_mut().zip(&gradient).for_each(|(m, g)| *m += g / f64::from(samples));
    }
    mean
}
