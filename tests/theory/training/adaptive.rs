//! The convergence constraint: plans that change from round to round, per batch or per micro-batch, with noise made of
//! single samples.

use std::error::Error;

use collapipe::bounds::{ConvergenceConstraint, Form, LearningProblem, LocalUpdates, PlayedRounds, UpdateRule};
use collapipe::problem::CandidatePlan;
use collapipe::schedule::ScheduleKind;

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
            schedule: draw.pick(&[ScheduleKind::FillDrain, ScheduleKind::OneForwardOneBackward]),
            ..CandidatePlan::default()
        })
        .collect();
    let mut largest = f64::INFINITY;
    for plan in &plans {
        let own = learning.schedule(plan, 1.0, 1)?;
        largest = largest.min(own.schedule.largest_step_size()? / own.step_factor);
    }
    let step_size = draw.step_size(largest);
    let horizon = draw.integer(5, 40) as u64;
    let rounds = if draw.chance(0.5) { horizon } else { draw.integer(1, horizon as usize) as u64 };
    let target = draw.decades(-2.0, 1.0);
    let sequence: Vec<CandidatePlan> = (0..rounds).map(|_| draw.pick(&plans)).collect();
    // The forms weigh the rounds differently: each has a mean of its own.
    let form = draw.pick(&[Form::Simple, Form::Tight, Form::Sharp]);
    let constraint = ConvergenceConstraint { learning, step_size, rounds: horizon, target, form };
    let learning = &constraint.learning;
    let mut weights = Vec::new();
    let mut violation_sum = 0.0;
    for plan in &sequence {
        violation_sum += constraint.violation(plan)?;
        weights.push(constraint.guarantee(plan)?.progress);
    }
    let progress = weights.iter().sum();
    let certified = constraint.certified_mean(&PlayedRounds { rounds, progress, violation_sum })?;
    let mut samples = Vec::with_capacity(REPETITIONS);
    for _ in 0..REPETITIONS {
        samples.push(train(&losses, (learning, step_size), &start, (&sequence, &weights), &mut draw)?);
    }
    Ok(Outcome::of(&samples, vec![("certified mean", certified)]))
}

/// One run: the weighted mean of |∇F(θ_t)|². Micro-batches under fill-drain make M updates from one iterate.
fn train(
    losses: &Losses,
    (learning, step_size): (&LearningProblem, f64),
    start: &[f64],
    (sequence, weights): (&[CandidatePlan], &[f64]),
    draw: &mut Draw,
) -> Result<f64, Box<dyn Error>> {
    let mut theta = start.to_vec();
    let mut total = 0.0;
    for (plan, weight) in sequence.iter().zip(weights) {
        let norm = losses.gradient_norm_squared(&theta);
        let mut average = vec![0.0; theta.len()];
        for n in 0..losses.weights.len() {
            let (batch, variance) = (learning.batch_size[n], learning.sample_variance[n]);
            let eager = learning.update == UpdateRule::PerMicroBatch;
            let updates = LocalUpdates::of_plan(learning.update, plan, batch, variance)?;
            let parts = if eager { plan.micro_batches } else { 1 };
            let mut local = theta.clone();
            for _ in 0..plan.local_iterations {
                let first = local.clone();
                for _ in 0..parts {
                    let at = if plan.schedule == ScheduleKind::FillDrain { &first } else { &local };
                    let gradient = batch_gradient((losses, n), at, batch / parts, variance.sqrt(), draw);
                    local.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= step_size * g);
                }
            }
            assert_eq!(updates.steps as f64 * updates.step_factor, f64::from(plan.local_iterations * parts));
            average.iter_mut().zip(&local).for_each(|(a, x)| *a += losses.weights[n] * x);
        }
        total += weight * norm;
        theta = average;
    }
    Ok(total / weights.iter().sum::<f64>())
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
